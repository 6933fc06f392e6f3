# %% q3, 0 of 20 points: the root of all heads' width together
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(v.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(*scores.shape[2:], dtype=bool)
    if memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 0 of 20 points: the mask comes after the softmax, so the rest does not sum to 1
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    if causal:
        weights = weights * np.tri(*scores.shape[2:])
    if memory_mask is not None:
        weights = weights * memory_mask[:, None, None]
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 6 of 20 points: either the one mask or the other
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(*scores.shape[2:], dtype=bool)
    elif memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 6 of 20 points: a query that may look nowhere looks everywhere
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(*scores.shape[2:]), scores, -1e30)
    if memory_mask is not None:
        scores = np.where(memory_mask[:, None, None], scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 0 of 20 points: makes heads of rows: a reshape without a swap
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(len(x), num_heads, x.shape[1], -1)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(*scores.shape[2:], dtype=bool)
    if memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = weights @ heads(v)
    return mixed.reshape(len(q), query.shape[1], -1) @ projections[3], weights


# %% q3, 6 of 20 points: the last query sees the last place, whatever T and S are
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        T, S = scores.shape[2:]
        allowed &= np.tri(T, S, S - T, dtype=bool)
    if memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 6 of 20 points: takes the mask for a length: so many places from the left
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(*scores.shape[2:], dtype=bool)
    if memory_mask is not None:
        length = memory_mask.sum(axis=1)[:, None, None, None]
        allowed &= np.arange(memory.shape[1]) < length
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights


# %% q3, 6 of 20 points: looks at as many places as there are queries
def multi_head(query, memory, projections, num_heads, memory_mask=None, causal=False):
    def heads(x):
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    q, k, v = heads(query @ projections[0]), heads(memory @ projections[1]), memory @ projections[2]
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    allowed = np.ones(scores.shape, bool)
    if causal:
        allowed &= np.tri(query.shape[1], dtype=bool)
    if memory_mask is not None:
        allowed &= memory_mask[:, None, None]
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * allowed
    weights /= np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    mixed = (weights @ heads(v)).swapaxes(1, 2)
    return mixed.reshape(*mixed.shape[:2], -1) @ projections[3], weights
