# Wrong answers to question 2: each gets the points its first line states, and costs no others.


# %% q2, 0 of 14 points: the weights are all that is moved
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    intensity = 2 * batch_size * n * m / (size * n * m)
    bound = "compute" if intensity >= peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound


def smallest_batch(n, m, peak, bandwidth, size=4):
    return int(np.ceil(size * peak / bandwidth / 2))


# %% q2, 0 of 14 points: a multiplication and an addition are one operation
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    moved = size * (batch_size * n + n * m + batch_size * m)
    intensity = batch_size * n * m / moved
    bound = "compute" if intensity >= peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound


def smallest_batch(n, m, peak, bandwidth, size=4):
    gained = n * m - size * peak / bandwidth * (n + m)
    return int(np.ceil(size * peak / bandwidth * n * m / gained)) if gained > 0 else None


# %% q2, 5 of 14 points: every number has four bytes
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    moved = 4 * (batch_size * n + n * m + batch_size * m)
    intensity = 2 * batch_size * n * m / moved
    bound = "compute" if intensity >= peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound


def smallest_batch(n, m, peak, bandwidth, size=4):
    ridge = 4 * peak / bandwidth
    gained = 2 * n * m - ridge * (n + m)
    return int(np.ceil(ridge * n * m / gained)) if gained > 0 else None


# %% q2, 5 of 14 points: tries no batch above 100
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    moved = size * (batch_size * n + n * m + batch_size * m)
    intensity = 2 * batch_size * n * m / moved
    bound = "compute" if intensity >= peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound


def smallest_batch(n, m, peak, bandwidth, size=4):
    for batch in range(1, 101):
        if layer_speed(batch, n, m, peak, bandwidth, size)[1] == "compute":
            return batch
    return None


# %% q2, 0 of 14 points: bound by memory at the ridge itself
def layer_speed(batch_size, n, m, peak, bandwidth, size=4):
    moved = size * (batch_size * n + n * m + batch_size * m)
    intensity = 2 * batch_size * n * m / moved
    bound = "compute" if intensity > peak / bandwidth else "memory"
    return min(peak, bandwidth * intensity), bound


def smallest_batch(n, m, peak, bandwidth, size=4):
    gained = 2 * n * m - size * peak / bandwidth * (n + m)
    return int(size * peak / bandwidth * n * m / gained) + 1 if gained > 0 else None


# %% q2, 5 of 14 points: tries no batch above 1,000
# replace:
#     return int(np.ceil(needed * n * m / gained)) if gained > 0 else None
# with:
#     tried = range(1, 1001)
#     speeds = (layer_speed(batch, n, m, peak, bandwidth, size) for batch in tried)
#     return next((b for b, (_, bound) in zip(tried, speeds) if bound == "compute"), None)


# %% q2, 5 of 14 points: gives up at a million examples
# replace:
#     return int(np.ceil(needed * n * m / gained)) if gained > 0 else None
# with:
#     batch = int(np.ceil(needed * n * m / gained)) if gained > 0 else 10**9
#     return batch if batch <= 10**6 else None


# %% q2, 0 of 14 points: rounds to the nearest batch
# replace:
#     return int(np.ceil(needed * n * m / gained)) if gained > 0 else None
# with:
#     return round(needed * n * m / gained) if gained > 0 else None


# %% q2, 5 of 14 points: every layer is wide enough at the limit
# replace:
#     return int(np.ceil(needed * n * m / gained)) if gained > 0 else None
# with:
#     return int(np.ceil(needed * n * m / max(gained, 1))) if gained >= 0 else None
