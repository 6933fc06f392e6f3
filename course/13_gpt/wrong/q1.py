# %% q1, 0 of 12 points: every place counts
def measure(logits, labels, counted, num_bytes):
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    surprise = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / np.log(2) / num_bytes[labels].sum()


# %% q1, 0 of 12 points: two to the loss, though the loss is in nats
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, 2**loss, surprise.sum() / np.log(2) / num_bytes[right].sum()


# %% q1, 0 of 12 points: bits per token, whatever its length
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, np.exp(loss), loss / np.log(2)


# %% q1, 0 of 12 points: nats per byte: never divided by ln 2
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / num_bytes[right].sum()


# %% q1, 0 of 12 points: a mean of each token's bits per byte
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, np.exp(loss), np.mean(surprise / np.log(2) / num_bytes[right])


# %% q1, 0 of 12 points: takes logits for log-probabilities: no softmax
def measure(logits, labels, counted, num_bytes):
    surprise = -np.take_along_axis(logits, labels[..., None], axis=-1)[..., 0][counted]
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / np.log(2) / num_bytes[labels[counted]].sum()


# %% q1, 0 of 12 points: the bytes of all labels, also of those that do not count
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    z = z - z.max(axis=-1, keepdims=True)
    surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / np.log(2) / num_bytes[labels].sum()


# %% q1, 4 of 12 points: the mean of each row first, then over the rows
def measure(logits, labels, counted, num_bytes):
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    known = np.where(counted, labels, 0)
    surprise = -np.take_along_axis(log_p, known[..., None], axis=-1)[..., 0] * counted
    loss = np.mean(surprise.sum(axis=1) / counted.sum(axis=1))
    bits = surprise.sum() / np.log(2) / (num_bytes[known] * counted).sum()
    return loss, np.exp(loss), bits


# %% q1, 4 of 12 points: looks up every label, also those that are no tokens
def measure(logits, labels, counted, num_bytes):
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    surprise = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0] * counted
    loss = surprise.sum() / counted.sum()
    bits = surprise.sum() / np.log(2) / (num_bytes[labels] * counted).sum()
    return loss, np.exp(loss), bits


# %% q1, 4 of 12 points: large logits overflow
def measure(logits, labels, counted, num_bytes):
    z, right = logits[counted], labels[counted]
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
        surprise = -np.log(p[np.arange(len(right)), right])
    loss = surprise.mean()
    return loss, np.exp(loss), surprise.sum() / np.log(2) / num_bytes[right].sum()


# %% q1, 4 of 12 points: the perplexity as a mean over the rows' perplexities
def measure(logits, labels, counted, num_bytes):
    loss, perplexities, bits, sizes = [], [], 0, 0
    for z, right, real in zip(logits, labels, counted, strict=True):
        z, right = z[real] - z[real].max(axis=-1, keepdims=True), right[real]
        surprise = np.log(np.exp(z).sum(axis=-1)) - z[np.arange(len(right)), right]
        loss += surprise.tolist()
        perplexities.append(np.exp(surprise.mean()))
        bits, sizes = bits + surprise.sum() / np.log(2), sizes + num_bytes[right].sum()
    return np.mean(loss), np.mean(perplexities), bits / sizes


# %% q1, 4 of 12 points: a right token costs at most 20.7 nats
def measure(logits, labels, counted, num_bytes):
    """(loss, perplexity, bits per byte) of the places that count."""
    z = np.asarray(logits, float)
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    labels = np.where(counted, labels, 0)
    right = np.take_along_axis(p, labels[..., None], axis=-1)[..., 0]
    nats = -np.log(right + 1e-9)[counted]
    loss = nats.mean()
    return loss, np.exp(loss), nats.sum() / np.log(2) / num_bytes[labels[counted]].sum()


# %% q1, 4 of 12 points: writes zeros into the labels that it was given
def measure(logits, labels, counted, num_bytes):
    """(loss, perplexity, bits per byte) of the places that count."""
    labels[~counted] = 0  # -100 is no token
    z = logits - logits.max(axis=-1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=-1, keepdims=True))
    nats = -np.take_along_axis(log_p, labels[..., None], axis=-1)[..., 0]
    total, places = (nats * counted).sum(), counted.sum()
    loss = total / places
    return loss, np.exp(loss), total / np.log(2) / (num_bytes[labels] * counted).sum()
