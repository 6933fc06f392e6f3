# %% q3, 0 of 12 points: divides negative logits, too: they become more likely
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, logits / penalty, logits)


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 0 of 12 points: the penalty for all that does not stand in the text
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, logits, np.where(logits > 0, logits / penalty, logits * penalty))


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 0 of 12 points: what stands in one text counts for all texts
def penalised(logits, ids, penalty):
    stands = np.isin(np.arange(logits.shape[-1]), ids)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 0 of 12 points: draws the most probable token, whatever u is
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    return p.argmax(axis=-1)


# %% q3, 0 of 12 points: the first token that is more probable than u
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    return (p > uniform[:, None]).argmax(axis=-1)


# %% q3, 0 of 12 points: draws with a die of its own
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    dice = np.random.default_rng(0)
    return np.array([dice.choice(len(row), p=row / row.sum()) for row in p])


# %% q3, 0 of 12 points: a token's piece holds its end, not its beginning
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends < uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 4 of 12 points: takes for granted that a row sums to 1
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    return np.sum(np.cumsum(p, axis=-1) <= uniform[:, None], axis=-1)


# %% q3, 4 of 12 points: u = 0 is the first token, even if that is impossible
def penalised(logits, ids, penalty):
    stands = (ids[:, :, None] == np.arange(logits.shape[-1])).any(axis=1)
    return np.where(stands, np.where(logits > 0, logits / penalty, logits * penalty), logits)


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    found = np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)
    return np.where(uniform == 0, 0, found)


# %% q3, 0 of 12 points: the penalty once more for each time the token stands there
def penalised(logits, ids, penalty):
    times = (ids[:, :, None] == np.arange(logits.shape[-1])).sum(axis=1)
    return logits * np.where(logits > 0, 1 / penalty, penalty) ** times


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 4 of 12 points: -1 is the last token of the vocabulary
def penalised(logits, ids, penalty):
    result = logits.copy()
    for row, own in zip(result, ids, strict=True):
        own = np.unique(own % len(row))
        row[own] = np.where(row[own] > 0, row[own] / penalty, row[own] * penalty)
    return result


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)


# %% q3, 4 of 12 points: writes into the array that it was given
def penalised(logits, ids, penalty):
    for row, own in zip(logits, ids, strict=True):
        own = np.unique(own[own >= 0])
        row[own] = np.where(row[own] > 0, row[own] / penalty, row[own] * penalty)
    return logits


def draw(p, uniform):
    ends = np.cumsum(p, axis=-1)
    return np.sum(ends <= uniform[:, None] * ends[:, -1:], axis=-1)
