# %% q3, 0 of 18 points: forgets that the mean over the pairs divides the gradients, too
def negative_sampling(x, y, z, m):
    positive, negative = np.sum(x * y, axis=1), np.einsum("bd,bkd->bk", x, z)
    losses = np.logaddexp(0, -positive) + np.sum(m * np.logaddexp(0, negative), axis=1)
    pull = -np.exp(-np.logaddexp(0, positive))
    push = m * np.exp(-np.logaddexp(0, -negative))
    grad_x = pull[:, None] * y + np.einsum("bk,bkd->bd", push, z)
    return losses.mean(), grad_x, pull[:, None] * x, push[:, :, None] * x[:, None]


# %% q3, 0 of 18 points: sets the excluded scores to 0, where they still cost ln 2 and push
def negative_sampling(x, y, z, m):
    positive, negative = np.sum(x * y, axis=1), m * np.einsum("bd,bkd->bk", x, z)
    losses = np.logaddexp(0, -positive) + np.sum(np.logaddexp(0, negative), axis=1)
    pull = -np.exp(-np.logaddexp(0, positive)) / len(x)
    push = np.exp(-np.logaddexp(0, -negative)) / len(x)
    grad_x = pull[:, None] * y + np.einsum("bk,bkd->bd", push, z)
    return losses.mean(), grad_x, pull[:, None] * x, push[:, :, None] * x[:, None]


# %% q3, 0 of 18 points: adds a small number inside the logarithm: a score of -1000 costs 28
def negative_sampling(x, y, z, m):
    def sigma(s):
        return 1 / (1 + np.exp(-np.clip(s, -500, 500)))

    positive, negative = np.sum(x * y, axis=1), np.einsum("bd,bkd->bk", x, z)
    losses = -np.log(sigma(positive) + 1e-12)
    losses -= np.sum(m * np.log(sigma(-negative) + 1e-12), axis=1)
    pull = (sigma(positive) - 1) / len(x)
    push = m * sigma(negative) / len(x)
    grad_x = pull[:, None] * y + np.einsum("bk,bkd->bd", push, z)
    return losses.mean(), grad_x, pull[:, None] * x, push[:, :, None] * x[:, None]


# %% q3, 6 of 18 points: the centre hears of its neighbour only, not of the noise
def negative_sampling(x, y, z, m):
    positive, negative = np.sum(x * y, axis=1), np.einsum("bd,bkd->bk", x, z)
    losses = np.logaddexp(0, -positive) + np.sum(m * np.logaddexp(0, negative), axis=1)
    pull = -np.exp(-np.logaddexp(0, positive)) / len(x)
    push = m * np.exp(-np.logaddexp(0, -negative)) / len(x)
    grad_x = pull[:, None] * y
    return losses.mean(), grad_x, pull[:, None] * x, push[:, :, None] * x[:, None]


# %% q3, 6 of 18 points: asks the judge for the gradients, where they are to be derived
def negative_sampling(x, y, z, m):
    def loss(x, y, z):
        negative = np.sum(m * np.logaddexp(0, np.einsum("bd,bkd->bk", x, z)), axis=1)
        return np.mean(np.logaddexp(0, -np.sum(x * y, axis=1)) + negative)

    return (
        loss(x, y, z),
        finite_differences(lambda v: loss(v, y, z), x),
        finite_differences(lambda v: loss(x, v, z), y),
        finite_differences(lambda v: loss(x, y, v), z),
    )
