# %% q5, 0 of 12 points: g is taken for the probability to copy
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    g = p_generate[..., None]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, size - p_vocabulary.shape[-1])])
    return (1 - g) * said + g * (weights @ np.eye(size)[source])


def coverage_loss(weights, real):
    before = np.cumsum(weights, axis=1) - weights
    return np.minimum(weights, before).sum(axis=-1)[real].mean()


# %% q5, 0 of 12 points: a step's own weight is in its coverage
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    g = p_generate[..., None]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, size - p_vocabulary.shape[-1])])
    return g * said + (1 - g) * (weights @ np.eye(size)[source])


def coverage_loss(weights, real):
    return np.minimum(weights, np.cumsum(weights, axis=1)).sum(axis=-1)[real].mean()


# %% q5, 5 of 12 points: of a repeated word the last place alone counts
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    result = np.zeros((*p_generate.shape, size))
    result[..., : p_vocabulary.shape[-1]] = p_generate[..., None] * p_vocabulary
    for b in range(len(source)):
        result[b][:, source[b]] += (1 - p_generate[b])[:, None] * weights[b]
    return result


def coverage_loss(weights, real):
    before = np.cumsum(weights, axis=1) - weights
    return np.minimum(weights, before).sum(axis=-1)[real].mean()


# %% q5, 5 of 12 points: remembers the last step only
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    g = p_generate[..., None]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, size - p_vocabulary.shape[-1])])
    return g * said + (1 - g) * (weights @ np.eye(size)[source])


def coverage_loss(weights, real):
    before = np.pad(weights[:, :-1], [(0, 0), (1, 0), (0, 0)])
    return np.minimum(weights, before).sum(axis=-1)[real].mean()


# %% q5, 5 of 12 points: the mean over all steps, padding included
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    g = p_generate[..., None]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, size - p_vocabulary.shape[-1])])
    return g * said + (1 - g) * (weights @ np.eye(size)[source])


def coverage_loss(weights, real):
    before = np.cumsum(weights, axis=1) - weights
    return (np.minimum(weights, before).sum(axis=-1) * real).mean()


# %% q5, 5 of 12 points: the mean of each row first, then over the rows
def copy_mixture(p_vocabulary, weights, p_generate, source, size):
    g = p_generate[..., None]
    said = np.pad(p_vocabulary, [(0, 0), (0, 0), (0, size - p_vocabulary.shape[-1])])
    return g * said + (1 - g) * (weights @ np.eye(size)[source])


def coverage_loss(weights, real):
    before = np.cumsum(weights, axis=1) - weights
    costs = np.minimum(weights, before).sum(axis=-1) * real
    return (costs.sum(axis=1) / real.sum(axis=1)).mean()
