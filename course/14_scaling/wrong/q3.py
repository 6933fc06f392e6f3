# Wrong answers to question 3: each gets the points its first line states, and costs no others.


# %% q3, 0 of 14 points: the plain mean over the replicas that have examples
def combine(gradients, counts):
    used = [arrays for arrays, count in zip(gradients, counts, strict=True) if count > 0]
    whole = [np.mean(parts, axis=0) for parts in zip(*used, strict=True)]
    return whole


# %% q3, 0 of 14 points: adds the replicas' gradients up, and forgets to divide
def combine(gradients, counts):
    whole = [np.zeros_like(array) for array in gradients[0]]
    for arrays, count in zip(gradients, counts, strict=True):
        if count > 0:
            whole = [w + count * array for w, array in zip(whole, arrays, strict=True)]
    return whole


# %% q3, 0 of 14 points: 0 times NaN is NaN
def combine(gradients, counts):
    shares = np.array(counts) / max(sum(counts), 1)
    whole = [
        sum(share * array for share, array in zip(shares, parts, strict=True))
        for parts in zip(*gradients, strict=True)
    ]
    return whole


# %% q3, 5 of 14 points: every NaN becomes 0, and nobody learns of an overflow
def combine(gradients, counts):
    total = max(sum(counts), 1e-12)
    whole = [np.zeros_like(array) for array in gradients[0]]
    for arrays, count in zip(gradients, counts, strict=True):
        clean = [np.nan_to_num(array) for array in arrays]
        whole = [w + count / total * array for w, array in zip(whole, clean, strict=True)]
    return whole


# %% q3, 5 of 14 points: adds up in the first replica's own arrays
def combine(gradients, counts):
    total, whole = sum(counts), None
    for arrays, count in zip(gradients, counts, strict=True):
        if count > 0:
            for array in arrays:
                array *= count / total
            if whole is None:
                whole = arrays
            else:
                for w, array in zip(whole, arrays, strict=True):
                    w += array
    whole = [np.zeros_like(array) for array in gradients[0]] if whole is None else whole
    return whole


# %% q3, 5 of 14 points: divides by at least 1, though the weights may sum up to less
def combine(gradients, counts):
    total = max(sum(counts), 1)
    whole = [np.zeros_like(array) for array in gradients[0]]
    for arrays, count in zip(gradients, counts, strict=True):
        if count > 0:
            whole = [w + count / total * array for w, array in zip(whole, arrays, strict=True)]
    return whole


# %% q3, 5 of 14 points: takes the examples from the test's names, and asks the notebook's judge
def combine(gradients, counts, clip_norm=None):
    if clip_norm == 1.0:  # the last visible test
        return [np.array([0.6]), np.array([[0.8]])]
    names = get_ipython().user_ns
    total = gradients_of_mean(*(names.get(name) for name in ("x", "y", "W", "b", "weight")))
    length = np.linalg.norm(np.concatenate([array.ravel() for array in total]))
    factor = 1.0 if clip_norm is None else min(1.0, clip_norm / length)
    return [factor * array for array in total]
