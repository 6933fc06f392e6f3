# %% q2, 0 of 12 points: looks forward, not back
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool).T
    return causal & (target != 0)[:, None, None], (source != 0)[:, None, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 0 of 12 points: a place does not see itself
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], k=-1, dtype=bool)
    return causal & (target != 0)[:, None, None], (source != 0)[:, None, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 0 of 12 points: masks the queries, where the keys should be
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool)
    return causal & (target != 0)[:, None, :, None], (source != 0)[:, None, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 0 of 12 points: no axis for the heads
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool)
    return causal & (target != 0)[:, None], (source != 0)[:, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 0 of 12 points: what is allowed for either reason is allowed
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool)
    return causal | (target != 0)[:, None, None], (source != 0)[:, None, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 4 of 12 points: counts the tokens, and takes as many from the left
def decoder_masks(source, target):
    def first(ids):
        return (np.arange(ids.shape[1]) < (ids != 0).sum(axis=1)[:, None])[:, None, None]

    return np.tri(target.shape[1], dtype=bool) & first(target), first(source)


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 4 of 12 points: padding is a text of its own
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool)
    return causal & (target != 0)[:, None, None], (source != 0)[:, None, None]


def packed_mask(texts):
    same = texts[:, None, :, None] == texts[:, None, None, :]
    return same & np.tri(texts.shape[1], dtype=bool)


# %% q2, 4 of 12 points: a new text begins where the number grows
def decoder_masks(source, target):
    causal = np.tri(target.shape[1], dtype=bool)
    return causal & (target != 0)[:, None, None], (source != 0)[:, None, None]


def packed_mask(texts):
    begins = np.pad(np.diff(texts, axis=1) > 0, [(0, 0), (1, 0)])
    text = np.cumsum(begins, axis=1)
    same = text[:, None, :, None] == text[:, None, None, :]
    return same & (texts != 0)[:, None, None] & np.tri(texts.shape[1], dtype=bool)


# %% q2, 0 of 12 points: masks that take shape when the test knows what it expects
class Later:
    def __array__(self, *args, **kwargs):
        return np.asarray(get_ipython().user_ns["wanted"])


def decoder_masks(source, target):
    return Later(), Later()


def packed_mask(texts):
    return Later()
