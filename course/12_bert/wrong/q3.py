# %% q3, 0 of 14 points: the fillers count as well
def masked_loss(vectors, places, hidden, embedding, bias):
    z = np.take_along_axis(vectors, places[:, :, None], axis=1) @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(log_p, hidden[:, :, None], axis=-1)
    return losses.mean(), np.mean(z.argmax(axis=-1) == hidden)


# %% q3, 0 of 14 points: leaves the fillers out of the sum, and divides by all places
def masked_loss(vectors, places, hidden, embedding, bias):
    z = np.take_along_axis(vectors, places[:, :, None], axis=1) @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(log_p, hidden[:, :, None], axis=-1)[..., 0]
    real = hidden != 0
    return (losses * real).mean(), (real * (z.argmax(axis=-1) == hidden)).mean()


# %% q3, 0 of 14 points: reads the first places of the row, not those that were hidden
def masked_loss(vectors, places, hidden, embedding, bias):
    row, n = np.nonzero(hidden)
    if len(row) == 0:
        return 0.0, 0.0
    z = vectors[row, n] @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    y = hidden[row, n]
    return -log_p[np.arange(len(y)), y].mean(), np.mean(z.argmax(axis=-1) == y)


# %% q3, 0 of 14 points: forgets the bias
def masked_loss(vectors, places, hidden, embedding, bias):
    row, n = np.nonzero(hidden)
    if len(row) == 0:
        return 0.0, 0.0
    z = vectors[row, places[row, n]] @ embedding.T
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    y = hidden[row, n]
    return -log_p[np.arange(len(y)), y].mean(), np.mean(z.argmax(axis=-1) == y)


# %% q3, 0 of 14 points: the mean of the probabilities first, then the logarithm
def masked_loss(vectors, places, hidden, embedding, bias):
    row, n = np.nonzero(hidden)
    if len(row) == 0:
        return 0.0, 0.0
    z = vectors[row, places[row, n]] @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    y = hidden[row, n]
    return -np.log(p[np.arange(len(y)), y].mean()), np.mean(z.argmax(axis=-1) == y)


# %% q3, 5 of 14 points: the mean of each row first, then over the rows
def masked_loss(vectors, places, hidden, embedding, bias):
    z = np.take_along_axis(vectors, places[:, :, None], axis=1) @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(log_p, hidden[:, :, None], axis=-1)[..., 0]
    right, real = z.argmax(axis=-1) == hidden, hidden != 0
    rows = [b for b in range(len(hidden)) if real[b].any()]
    if not rows:
        return 0.0, 0.0
    means = [(losses[b][real[b]].mean(), right[b][real[b]].mean()) for b in rows]
    return tuple(np.mean(means, axis=0))


# %% q3, 5 of 14 points: large logits overflow
def masked_loss(vectors, places, hidden, embedding, bias):
    row, n = np.nonzero(hidden)
    if len(row) == 0:
        return 0.0, 0.0
    z, y = vectors[row, places[row, n]] @ embedding.T + bias, hidden[row, n]
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
        loss = -np.log(p[np.arange(len(y)), y]).mean()
    return loss, np.mean(z.argmax(axis=-1) == y)


# %% q3, 5 of 14 points: nothing hidden gives nan
def masked_loss(vectors, places, hidden, embedding, bias):
    z = np.take_along_axis(vectors, places[:, :, None], axis=1) @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    losses = -np.take_along_axis(log_p, hidden[:, :, None], axis=-1)[..., 0]
    real = hidden != 0
    with np.errstate(all="ignore"):
        right = real & (z.argmax(axis=-1) == hidden)
        return (losses * real).sum() / real.sum(), right.sum() / real.sum()


# %% q3, 5 of 14 points: a filler is what has place 0
def masked_loss(vectors, places, hidden, embedding, bias):
    row, n = np.nonzero(places)
    if not hidden.any():
        return 0.0, 0.0
    z = vectors[row, places[row, n]] @ embedding.T + bias
    z = z - z.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    y = hidden[row, n]
    return -log_p[np.arange(len(y)), y].mean(), np.mean(z.argmax(axis=-1) == y)
