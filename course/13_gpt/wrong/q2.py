# %% q2, 0 of 14 points: divides the probabilities by the temperature
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp(z - z[:, :1])
    p = p / p.sum(axis=-1, keepdims=True) / (temperature or 1e-9)
    if temperature == 0:
        top_k = 1
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 0 of 14 points: multiplies by the temperature
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp((z - z[:, :1]) * temperature)
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 0 of 14 points: what stays does not sum to 1 again
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp((z - z[:, :1]) / temperature)
    p = p / p.sum(axis=-1, keepdims=True)
    if top_k is not None:
        p[:, top_k:] = 0
    p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p, axis=-1)
    return result


# %% q2, 0 of 14 points: the token that reaches top_p goes, too
# replace:
#         p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
# with:
#         p[:, 1:] = np.where(np.cumsum(p, axis=-1) <= top_p, p, 0)[:, 1:]


# %% q2, 0 of 14 points: top-p as a threshold for each single token
# replace:
#     if top_p < 1:
#         p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
# with:
#     p = np.where((p >= 1 - top_p) | (p == p[:, :1]), p, 0)


# %% q2, 0 of 14 points: sorted probabilities, not put back to their tokens
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    z = -np.sort(-logits, axis=-1)
    p = np.exp((z - z[:, :1]) / temperature)
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
    return p / p.sum(axis=-1, keepdims=True)


# %% q2, 5 of 14 points: as the lesson: top-p counts probabilities from before top-k
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp((z - z[:, :1]) / temperature)
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
    if top_k is not None:
        p[:, top_k:] = 0
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 5 of 14 points: the temperature comes last, after top-p
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp(z - z[:, :1])
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
    p = np.where(p > 0, np.exp((z - z[:, :1]) / temperature), 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 5 of 14 points: keeps every token as large as the last one that stays
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    z = (logits - logits.max(axis=-1, keepdims=True)) / temperature
    if top_k is not None and top_k < z.shape[1]:
        z = np.where(z >= np.sort(z, axis=-1)[:, [-top_k]], z, -np.inf)
    p = np.exp(z)
    p = p / p.sum(axis=-1, keepdims=True)
    if top_p < 1:
        largest = -np.sort(-p, axis=-1)
        last = np.sum(np.cumsum(largest, axis=-1) < top_p, axis=-1, keepdims=True)
        p = np.where(p >= np.take_along_axis(largest, last, axis=-1), p, 0)
    return p / p.sum(axis=-1, keepdims=True)


# %% q2, 5 of 14 points: of equal logits the larger id first
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(logits, axis=-1, kind="stable")[:, ::-1]
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp((z - z[:, :1]) / temperature)
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 5 of 14 points: divides by a temperature of 0
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    with np.errstate(all="ignore"):
        p = np.exp((z - z[:, :1]) / np.float64(temperature))
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 5 of 14 points: large logits overflow
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    order = np.argsort(-logits, axis=-1, kind="stable")
    with np.errstate(all="ignore"):
        p = np.exp(np.take_along_axis(logits, order, axis=-1) / temperature)
        if top_k is not None:
            p[:, top_k:] = 0
        p = p / p.sum(axis=-1, keepdims=True)
        p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
        p = p / p.sum(axis=-1, keepdims=True)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p, axis=-1)
    return result


# %% q2, 0 of 14 points: divides the array that it was given, in its place
def choices(logits, temperature=1.0, top_k=None, top_p=1.0):
    if temperature == 0:
        temperature, top_k = 1.0, 1
    logits /= temperature
    order = np.argsort(-logits, axis=-1, kind="stable")
    z = np.take_along_axis(logits, order, axis=-1)
    p = np.exp(z - z[:, :1])
    if top_k is not None:
        p[:, top_k:] = 0
    p = p / p.sum(axis=-1, keepdims=True)
    p = np.where((np.cumsum(p, axis=-1) - p < top_p) | (top_p == 1), p, 0)
    result = np.zeros_like(p)
    np.put_along_axis(result, order, p / p.sum(axis=-1, keepdims=True), axis=-1)
    return result


# %% q2, 5 of 14 points: a temperature below 0.01 is greedy
# replace:
#     if temperature == 0:
# with:
#     if temperature < 0.01:


# %% q2, 5 of 14 points: takes improbable tokens away, where nothing was to be taken away
# replace:
#     if top_p < 1:
#         p = np.where(np.cumsum(p, axis=-1) - p < top_p, p, 0)
# with:
#     p = np.where(np.cumsum(p, axis=-1) - p < min(top_p, 1 - 1e-9), p, 0)


# %% q2, 5 of 14 points: what may not be chosen is improbable, but not impossible
# replace:
#         p[:, top_k:] = 0
# with:
#         p[:, top_k:] *= 1e-9
