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
def segment(text, words):
    known = set(words)
    longest = max((len(w) for w in words), default=1)
    result = []
    for part in text.split():
        end, found = len(part), []
        while end > 0:
            size = next(
                (n for n in range(min(longest, end), 0, -1) if part[end - n : end] in known), 1
            )
            found.append(part[end - size : end])
            end -= size
        result += found[::-1]
    return result


def logits(ids, table, weights, bias):
    result = []
    for row in ids:
        length = np.count_nonzero(row)
        mean = table[row[:length]].mean(axis=0) if length else np.zeros(table.shape[1])
        result.append(mean @ weights + bias)
    return np.array(result)
