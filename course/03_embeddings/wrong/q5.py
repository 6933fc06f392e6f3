# %% q5, 0 of 14 points: one scale for all words: small vectors become zeros
def save(path, words, vectors):
    scales = np.full(len(words), np.abs(vectors).max() / 127)
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


# %% q5, 0 of 14 points: an array of Python objects: the words are pickled
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words, object), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path, allow_pickle=True) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


# %% q5, 5 of 14 points: astype cuts off where the nearest whole number was wanted
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = (vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


# %% q5, 5 of 14 points: would also load a file that runs a program
def save(path, words, vectors):
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    np.savez(path, words=np.array(words), codes=codes, scales=scales.astype(np.float32))


def load(path):
    with np.load(path, allow_pickle=True) as file:
        vectors = file["codes"] * file["scales"][:, None]
        return file["words"].tolist(), vectors.astype(np.float32)


# %% q5, 5 of 14 points: 0 / 0 for a vector of zeros, and codes of whatever that gives
# replace:
#     codes = np.rint(vectors / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
# with:
#     codes = np.nan_to_num(np.rint(vectors / scales[:, None])).astype(np.int8)
