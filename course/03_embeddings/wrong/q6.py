# %% q6, 0 of 14 points: longest match from the front: a graduate student in the origin of life
def segment(text, words):
    found = []
    while text:
        piece = next((text[:n] for n in range(len(text), 1, -1) if text[:n] in words), text[0])
        text = text[len(piece) :]
        found += [piece] if piece.strip() else []
    return found


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias


# %% q6, 0 of 14 points: the mean over all places, padding included
def segment(text, words):
    found = []
    while text:
        piece = next((text[i:] for i in range(len(text)) if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found += [piece] if piece.strip() else []
    return found[::-1]


def logits(ids, table, weights, bias):
    return table[ids].mean(axis=1) @ weights + bias


# %% q6, 5 of 14 points: believes that no word has more than three characters
def segment(text, words):
    found = []
    while text:
        begins = range(max(len(text) - 3, 0), len(text))
        piece = next((text[i:] for i in begins if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found += [piece] if piece.strip() else []
    return found[::-1]


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias


# %% q6, 5 of 14 points: deletes blanks first, so that words grow together across them
def segment(text, words):
    text, found = "".join(text.split()), []
    while text:
        piece = next((text[i:] for i in range(len(text)) if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found.append(piece)
    return found[::-1]


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias


# %% q6, 5 of 14 points: believes that no word has more than four characters
# replace:
#         begin = next((i for i in range(end) if text[i:end] in known), end - 1)
# with:
#         begins = range(max(end - 4, 0), end)
#         begin = next((i for i in begins if text[i:end] in known), end - 1)


# %% q6, 5 of 14 points: knows the blank of the keyboard only, not the wide one of Chinese texts
# replace:
#         if not text[begin:end].isspace():
# with:
#         if text[begin:end] not in " \t\n":


# %% q6, 5 of 14 points: writes zeros into row 0 of the caller's table
# replace:
#     total = (table[ids] * mask[:, :, None]).sum(axis=1)
# with:
#     table[0] = 0
#     total = table[ids].sum(axis=1)


# %% q6, 5 of 14 points: takes padding to stand behind the words
# replace:
#     mask = np.asarray(ids) > 0
# with:
#     mask = np.arange(ids.shape[1]) < np.count_nonzero(ids, axis=1)[:, None]
