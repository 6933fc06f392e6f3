# Wrong answers to question 4: each gets the points its first line states, and costs no others.


# %% q4, 0 of 16 points: the gradient forgets that the temperature was divided by
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    z = logits / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    target = (1 - smoothing) * np.eye(z.shape[1])[labels] + smoothing / z.shape[1]
    return -(target * log_p).sum(axis=1).mean(), (np.exp(log_p) - target) / len(z)


# %% q4, 0 of 16 points: softmax as it is written, which overflows
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    with np.errstate(all="ignore"):
        p = np.exp(logits / temperature)
        p = p / p.sum(axis=1, keepdims=True)
        target = (1 - smoothing) * np.eye(p.shape[1])[labels] + smoothing / p.shape[1]
        loss = -(target * np.log(p)).sum(axis=1).mean()
    return loss, (p - target) / len(p) / temperature


# %% q4, 0 of 16 points: a small number in the logarithm hides the true loss
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    z = logits / temperature
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = p / p.sum(axis=1, keepdims=True)
    target = (1 - smoothing) * np.eye(p.shape[1])[labels] + smoothing / p.shape[1]
    return -(target * np.log(p + 1e-12)).sum(axis=1).mean(), (p - target) / len(p) / temperature


# %% q4, 0 of 16 points: spreads the share over the other classes only
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    z = logits / temperature
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    true = np.eye(z.shape[1])[labels]
    target = (1 - smoothing) * true + smoothing * (1 - true) / (z.shape[1] - 1)
    loss = -(target * log_p).sum(axis=1).mean()
    return loss, (np.exp(log_p) - target) / len(z) / temperature


# %% q4, 6 of 16 points: takes off the largest logit of all rows, so small rows vanish
def soft_cross_entropy(labels, logits, smoothing=0.0, temperature=1.0):
    z = logits / temperature
    z = z - z.max()
    with np.errstate(all="ignore"):
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        target = (1 - smoothing) * np.eye(z.shape[1])[labels] + smoothing / z.shape[1]
        loss = -(target * log_p).sum(axis=1).mean()
        return loss, (np.exp(log_p) - target) / len(z) / temperature


# %% q4, 6 of 16 points: the logarithm of a probability that is 0, and a repair after the warning
# replace:
#     return -(target * log_p).sum(axis=1).mean(), gradient
# with:
#     p = np.exp(log_p)
#     log_p = np.where(p > 0, np.log(p), log_p)
#     return -(target * log_p).sum(axis=1).mean(), gradient


# %% q4, 6 of 16 points: no logarithm is below -12,000, whatever the logits are
# replace:
#     num_classes = z.shape[1]
# with:
#     log_p = np.maximum(log_p, -12000)
#     num_classes = z.shape[1]


# %% q4, 6 of 16 points: asks the judge for the gradient, where it is to be derived
def soft_cross_entropy(labels, z, smoothing=0.0, temperature=1.0):
    def loss(z):
        scaled = z / temperature
        largest = scaled.max(axis=1, keepdims=True)
        log_p = scaled - largest - np.log(np.exp(scaled - largest).sum(axis=1, keepdims=True))
        true = (1 - smoothing) * log_p[np.arange(len(z)), labels]
        return -np.mean(true + smoothing * log_p.mean(axis=1))

    return loss(z), finite_differences(loss, z)
