# %% q2, 0 of 14 points: hides every word with a chance below 0.15
def hide(ids, chance, kind, other):
    hidden = (ids > 4) & (chance < 0.15)
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 0 of 14 points: asks for a word only where something else stands now
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    new = np.where(hidden, np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids)), ids)
    return new, np.where(new != ids, ids, 0)


# %% q2, 0 of 14 points: every hidden word becomes [MASK]
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    return np.where(hidden, 4, ids), np.where(hidden, ids, 0)


# %% q2, 0 of 14 points: the label is the new id
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    new = np.where(hidden, np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids)), ids)
    return new, np.where(hidden, new, 0)


# %% q2, 0 of 14 points: every place has its old id as label
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), ids.copy()


# %% q2, 0 of 14 points: hides [CLS] and [SEP], too
def hide(ids, chance, kind, other):
    rank = np.where(ids > 0, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * (ids > 0).sum(axis=1, keepdims=True))
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 5 of 14 points: 15 % of the row's places, not of its words
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = word & (rank < np.ceil(0.15 * ids.shape[1]))
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 5 of 14 points: rounds to the nearest number
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.round(0.15 * word.sum(axis=1, keepdims=True))
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 5 of 14 points: one place at least, even where there is no word
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.maximum(np.ceil(0.15 * word.sum(axis=1, keepdims=True)), 1)
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 5 of 14 points: takes [UNK] and [MASK] for words
def hide(ids, chance, kind, other):
    word = ~np.isin(ids, [0, 2, 3])
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    new = np.where(kind < 0.8, 4, np.where(kind < 0.9, other, ids))
    return np.where(hidden, new, ids), np.where(hidden, ids, 0)


# %% q2, 5 of 14 points: writes into the ids that it was given
def hide(ids, chance, kind, other):
    word = ids > 4
    rank = np.where(word, chance, 2).argsort(axis=1).argsort(axis=1)
    hidden = rank < np.ceil(0.15 * word.sum(axis=1, keepdims=True))
    labels = np.where(hidden, ids, 0)
    ids[hidden & (kind < 0.8)] = 4
    swap = hidden & (kind >= 0.8) & (kind < 0.9)
    ids[swap] = other[swap]
    return ids, labels
