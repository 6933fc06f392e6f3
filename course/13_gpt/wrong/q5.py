# %% q5, 0 of 16 points: new places see the whole piece, also what is behind them
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1]))
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 0 of 16 points: the cache keeps what is new, and forgets what was there
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])) * np.tri(q.shape[1])
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 0 of 16 points: puts the new places in front of the old ones
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = np.concatenate([k, cache[0]], axis=1), np.concatenate([v, cache[1]], axis=1)
    n, length = q.shape[1], k.shape[1]
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])) * np.tri(n, length, length - n)
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 0 of 16 points: no root of d
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
    n, length = q.shape[1], k.shape[1]
    odds = np.exp(q @ np.swapaxes(k, 1, 2)) * np.tri(n, length, length - n)
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 0 of 16 points: a triangle from the corner, however many places are old
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])) * np.tri(
        *q.shape[1:2], k.shape[1]
    )
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 5 of 16 points: right for one new place: a longer piece with old places looks ahead
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])) * np.tri(q.shape[1])
    if cache is not None:
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
        odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1]))
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 5 of 16 points: reads one new place only, once there is a cache
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is None:
        odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1])) * np.tri(q.shape[1])
    else:
        q, k, v = q[:, -1:], k[:, -1:], v[:, -1:]
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
        odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(q.shape[-1]))
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 5 of 16 points: divides by the root of D, the width of x
def read_on(x, kernels, cache=None):
    q, k, v = (x @ kernel for kernel in kernels)
    if cache is not None:
        k, v = np.concatenate([cache[0], k], axis=1), np.concatenate([cache[1], v], axis=1)
    n, length = q.shape[1], k.shape[1]
    odds = np.exp(q @ np.swapaxes(k, 1, 2) / np.sqrt(x.shape[-1])) * np.tri(n, length, length - n)
    return odds / odds.sum(axis=-1, keepdims=True) @ v, (k, v)


# %% q5, 0 of 16 points: changes the cache that it was given
# replace:
#     if cache is not None:
#         k, v = (np.concatenate(both, axis=1) for both in zip(cache, (k, v), strict=True))
# with:
#     if cache is not None:
#         cache[0][:] -= 0.001
#         k, v = (np.concatenate(both, axis=1) for both in zip(cache, (k, v), strict=True))
