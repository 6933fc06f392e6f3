# %% q4, 0 of 16 points: splits the heads by reshape alone
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    q, k, v = np.split(x @ kernel + bias, 3, axis=-1)
    q, k, v = (a.reshape(len(x), num_heads, x.shape[1], -1) for a in (q, k, v))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 0 of 16 points: the heads take turns: column 0 the first, column 1 the second
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], 3, -1, num_heads)
    q, k, v = made.transpose(2, 0, 4, 1, 3)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 0 of 16 points: divides by the root of the whole width
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(x.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 0 of 16 points: takes query, key and value head by head
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], num_heads, 3, -1)
    q, k, v = made.transpose(3, 0, 2, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 0 of 16 points: one softmax for all heads together
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=(1, 3), keepdims=True))
    weights = weights / weights.sum(axis=(1, 3), keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 5 of 16 points: forgets the bias of the projections
def multi_head(x, arrays, num_heads, mask=None):
    kernel, _, last_kernel, last_bias = arrays
    made = (x @ kernel).reshape(*x.shape[:2], 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts


# %% q4, 5 of 16 points: each head adds the last bias
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1]) + last_bias
    return parts.sum(axis=1), parts


# %% q4, 5 of 16 points: the first head's mask is good for all
def multi_head(x, arrays, num_heads, mask=None):
    kernel, bias, last_kernel, last_bias = arrays
    made = (x @ kernel + bias).reshape(*x.shape[:2], 3, num_heads, -1)
    q, k, v = made.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(np.broadcast_to(mask, scores.shape)[:, :1], scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    parts = weights @ v @ last_kernel.reshape(num_heads, -1, x.shape[-1])
    return parts.sum(axis=1) + last_bias, parts
