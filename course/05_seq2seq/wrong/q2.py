# %% q2, 0 of 14 points: divides by the number of all places, padding included
def smoothed_loss(logits, goals, smoothing):
    real = (goals != 0)[..., None]
    z = np.where(real, logits, 0)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    q = (1 - smoothing) * np.eye(size)[goals] + smoothing / size
    return -np.sum(real * q * log_p) / goals.size, real * (np.exp(log_p) - q) / goals.size


# %% q2, 0 of 14 points: shares epsilon among the wrong tokens only
def smoothed_loss(logits, goals, smoothing):
    real = (goals != 0)[..., None]
    z = np.where(real, logits, 0)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    right = np.eye(size)[goals]
    q = (1 - smoothing) * right + smoothing / (size - 1) * (1 - right)
    count = max(real.sum(), 1)
    return -np.sum(real * q * log_p) / count, real * (np.exp(log_p) - q) / count


# %% q2, 5 of 14 points: the mean of each row first, then over the rows
def smoothed_loss(logits, goals, smoothing):
    real = (goals != 0)[..., None]
    z = np.where(real, logits, 0)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    q = (1 - smoothing) * np.eye(size)[goals] + smoothing / size
    count = np.maximum(real.sum(axis=1, keepdims=True), 1) * len(goals)
    return -np.sum(real * q * log_p / count), real * (np.exp(log_p) - q) / count


# %% q2, 5 of 14 points: multiplies by a mask what may be nan
def smoothed_loss(logits, goals, smoothing):
    real = (goals != 0)[..., None]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    q = (1 - smoothing) * np.eye(size)[goals] + smoothing / size
    count = max(real.sum(), 1)
    return -np.sum(real * q * log_p) / count, real * (np.exp(log_p) - q) / count


# %% q2, 5 of 14 points: a gradient as if nothing were smoothed
def smoothed_loss(logits, goals, smoothing):
    real = (goals != 0)[..., None]
    z = np.where(real, logits, 0)
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    size = logits.shape[-1]
    right = np.eye(size)[goals]
    q = (1 - smoothing) * right + smoothing / size
    count = max(real.sum(), 1)
    return -np.sum(real * q * log_p) / count, real * (np.exp(log_p) - right) / count
