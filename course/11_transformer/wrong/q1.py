# %% q1, 0 of 12 points: divides by d, not by its root
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / query.shape[-1]
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -1e30)
    weights = np.where(allowed, np.exp(scores - scores.max(axis=-1, keepdims=True)), 0)
    weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    return weights @ value, weights


# %% q1, 0 of 12 points: makes the weights first, and then takes the forbidden ones away
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True) * allowed
    return weights @ value, weights


# %% q1, 0 of 12 points: a forbidden score becomes 0, and a score of 0 is a score like any other
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = scores * allowed
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights


# %% q1, 0 of 12 points: the softmax over the queries
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -1e30)
    weights = np.exp(scores - scores.max(axis=-2, keepdims=True)) * allowed
    weights = weights / np.maximum(weights.sum(axis=-2, keepdims=True), 1e-30)
    return weights @ value, weights


# %% q1, 4 of 12 points: minus infinity where it is forbidden: nan for a query that sees nothing
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights


# %% q1, 4 of 12 points: a query that sees nothing looks everywhere
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -1e9)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ value, weights


# %% q1, 4 of 12 points: large scores overflow
def attend(query, key, value, mask=None):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    with np.errstate(all="ignore"):
        weights = np.exp(np.where(allowed, scores, -np.inf))
        total = weights.sum(axis=-1, keepdims=True)
        weights = weights / np.where(total == 0, 1, total)
    return weights @ value, weights


# %% q1, 4 of 12 points: knows rows alone: no axes in front
def attend(query, key, value, mask=None):
    scores = query @ key.T / np.sqrt(query.shape[1])
    allowed = np.broadcast_to(True if mask is None else mask, scores.shape)
    scores = np.where(allowed, scores, -1e30)
    weights = np.where(allowed, np.exp(scores - scores.max(axis=-1, keepdims=True)), 0)
    weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-30)
    return weights @ value, weights
