# %% q6, 0 of 12 points: counts the steps from 0: the first one learns nothing
def rates(steps, peak, warmup_steps, total_steps):
    done = np.clip((steps - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(steps / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -(best * np.log(best)).sum()


# %% q6, 0 of 12 points: the cosine begins at the first step, not at the peak
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    down = (1 + np.cos(np.pi * np.minimum(t / total_steps, 1))) / 2
    return peak * np.where(t <= warmup_steps, t / max(warmup_steps, 1), down)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -(best * np.log(best)).sum()


# %% q6, 0 of 12 points: the mean over all places, padding included
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / labels.size, -(best * np.log(best)).sum()


# %% q6, 0 of 12 points: shares the smoothing among the wrong classes only
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / (V - 1) * (1 - right)) * log_p).sum(axis=-1)
    best = np.full(V, smoothing / (V - 1))
    best[0] = 1 - smoothing
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -(best * np.log(best)).sum()


# %% q6, 0 of 12 points: the floor is the right class's share of the loss alone
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -np.log(
        1 - smoothing + smoothing / V
    )


# %% q6, 4 of 12 points: after the end the cosine goes up again
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.maximum((t - warmup_steps) / (total_steps - warmup_steps), 0)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -(best * np.log(best)).sum()


# %% q6, 4 of 12 points: the steps come in order, from 0 on
def rates(steps, peak, warmup_steps, total_steps):
    t = np.arange(1, len(steps) + 1)
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return (losses * (labels != 0)).sum() / (labels != 0).sum(), -(best * np.log(best)).sum()


# %% q6, 4 of 12 points: no smoothing makes the floor nan
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    best = (1 - smoothing) * np.eye(V) + smoothing / V
    losses = -(best[labels] * log_p).sum(axis=-1)
    with np.errstate(all="ignore"):
        floor = -(best[0] * np.log(best[0])).sum()
    return losses[labels != 0].mean(), floor


# %% q6, 4 of 12 points: the mean of each row first, then over the rows
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    right = np.eye(V)[labels]
    losses = -(((1 - smoothing) * right + smoothing / V) * log_p).sum(axis=-1)
    best = (1 - smoothing) * np.eye(V)[0] + smoothing / V
    best = best[best > 0]
    return np.mean(
        [row[real].mean() for row, real in zip(losses, labels != 0, strict=True) if any(real)]
    ), -(best * np.log(best)).sum()


# %% q6, 4 of 12 points: large logits overflow
def rates(steps, peak, warmup_steps, total_steps):
    t = steps + 1
    done = np.clip((t - warmup_steps) / (total_steps - warmup_steps), 0, 1)
    return peak * np.minimum(t / max(warmup_steps, 1), (1 + np.cos(np.pi * done)) / 2)


def smoothed(logits, labels, smoothing):
    V = logits.shape[-1]
    with np.errstate(all="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        q = (1 - smoothing) * np.eye(V) + smoothing / V
        losses = -(q[labels] * np.log(p)).sum(axis=-1)
    best = q[0][q[0] > 0]
    return losses[labels != 0].mean(), -(best * np.log(best)).sum()
