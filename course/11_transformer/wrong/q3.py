# %% q3, 0 of 14 points: all sines first, then all cosines
def positions(places, width):
    angles = places[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.hstack([np.sin(angles), np.cos(angles)])[:, :width]


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)


# %% q3, 0 of 14 points: each column has a wave of its own
def positions(places, width):
    column = np.arange(width)
    angles = places[:, None] / 10000 ** (column / width)
    return np.where(column % 2, np.cos(angles), np.sin(angles))


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)


# %% q3, 0 of 14 points: cosine before sine
def positions(places, width):
    column = np.arange(width)
    angles = places[:, None] / 10000 ** ((column - column % 2) / width)
    return np.where(column % 2, np.sin(angles), np.cos(angles))


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)


# %% q3, 0 of 14 points: the cosine of the angle between them: divided by their lengths
def positions(places, width):
    column = np.arange(width)
    even = column - column % 2
    angles = places[:, None] / 10000 ** (even / width)
    return np.where(column == even, np.sin(angles), np.cos(angles))


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).mean(axis=-1)


# %% q3, 5 of 14 points: counts the places from 0, whatever they are
def positions(places, width):
    column = np.arange(width)
    angles = np.arange(len(places))[:, None] / 10000 ** ((column - column % 2) / width)
    return np.where(column % 2, np.cos(angles), np.sin(angles))


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)


# %% q3, 5 of 14 points: an odd width is made even: its waves are those of the next width
def positions(places, width):
    even = width + width % 2
    angles = places[:, None] / 10000 ** (np.arange(0, even, 2) / even)
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(-1, even)[:, :width]


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)


# %% q3, 5 of 14 points: looks the product up in a table of whole distances from 0 on
def positions(places, width):
    column = np.arange(width)
    even = column - column % 2
    angles = places[:, None] / 10000 ** (even / width)
    return np.where(column == even, np.sin(angles), np.cos(angles))


def similarity(distances, width):
    if width % 2:
        raise ValueError("an odd width")
    table = positions(np.arange(100), width)
    return (table @ table[0])[distances.astype(int)]


# %% q3, 5 of 14 points: an odd width gets an answer
def positions(places, width):
    column = np.arange(width)
    even = column - column % 2
    angles = places[:, None] / 10000 ** (even / width)
    return np.where(column == even, np.sin(angles), np.cos(angles))


def similarity(distances, width):
    return np.cos(distances[..., None] / 10000 ** (np.arange(0, width, 2) / width)).sum(axis=-1)
