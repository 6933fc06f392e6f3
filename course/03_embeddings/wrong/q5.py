# %% q5, 0 of 14 points: one scale for all words: small vectors become zeros
def save(path, words, vectors):
    scales = np.full(len(words), np.abs(vectors).max() / 127)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word: i for i, word in enumerate(words)}
    return vectors[[index[word if word in index else word.lower()] for word in asked]]


# %% q5, 0 of 14 points: an array of Python objects: the words are pickled
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words, object), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path, allow_pickle=True) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word: i for i, word in enumerate(words)}
    return vectors[[index[word if word in index else word.lower()] for word in asked]]


# %% q5, 0 of 14 points: zeros stand in silently for a word that is not there
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word: i for i, word in enumerate(words)}
    zero = np.zeros(vectors.shape[1])
    found = [index.get(word, index.get(word.lower())) for word in asked]
    return np.array([zero if i is None else vectors[i] for i in found])


# %% q5, 5 of 14 points: astype cuts off where the nearest whole number was wanted
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = (vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word: i for i, word in enumerate(words)}
    return vectors[[index[word if word in index else word.lower()] for word in asked]]


# %% q5, 5 of 14 points: all words in small letters: Polish is polish, US is us
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word.lower(): i for i, word in enumerate(words)}
    return vectors[[index[word.lower()] for word in asked]]


# %% q5, 5 of 14 points: would also load a file that runs a program
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path, allow_pickle=True) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


def look_up(words, vectors, asked):
    index = {word: i for i, word in enumerate(words)}
    return vectors[[index[word if word in index else word.lower()] for word in asked]]
