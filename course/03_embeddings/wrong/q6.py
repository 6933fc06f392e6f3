# %% q6, 0 of 14 points: longest match from the front: a graduate student in the origin of life
def segment(text, words):
    found = []
    while text:
        piece = next((text[:n] for n in range(len(text), 1, -1) if text[:n] in words), text[0])
        text = text[len(piece) :]
        found += [piece] if piece.strip() else []
    return found


def encode(texts, words, length):
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[: len(found)] = found
    return ids


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


def encode(texts, words, length):
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[: len(found)] = found
    return ids


def logits(ids, table, weights, bias):
    return table[ids].mean(axis=1) @ weights + bias


# %% q6, 0 of 14 points: pads at the front, where a mean does not care but the reader does
def segment(text, words):
    found = []
    while text:
        piece = next((text[i:] for i in range(len(text)) if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found += [piece] if piece.strip() else []
    return found[::-1]


def encode(texts, words, length):
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[length - len(found) :] = found
    return ids


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias


# %% q6, 5 of 14 points: believes that no word has more than three characters
def segment(text, words):
    found = []
    while text:
        begins = range(max(len(text) - 3, 0), len(text))
        piece = next((text[i:] for i in begins if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found += [piece] if piece.strip() else []
    return found[::-1]


def encode(texts, words, length):
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[: len(found)] = found
    return ids


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


def encode(texts, words, length):
    ids = np.zeros((len(texts), length), int)
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[: len(found)] = found
    return ids


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias


# %% q6, 5 of 14 points: numbers with a decimal point, which pick no rows of a table
def segment(text, words):
    found = []
    while text:
        piece = next((text[i:] for i in range(len(text)) if text[i:] in words), text[-1])
        text = text[: -len(piece)]
        found += [piece] if piece.strip() else []
    return found[::-1]


def encode(texts, words, length):
    ids = np.zeros((len(texts), length))
    for row, text in zip(ids, texts, strict=True):
        found = [words.index(w) + 2 if w in words else 1 for w in segment(text, words)][:length]
        row[: len(found)] = found
    return ids


def logits(ids, table, weights, bias):
    mask = (ids > 0)[:, :, None]
    mean = (table[ids] * mask).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return mean @ weights + bias
