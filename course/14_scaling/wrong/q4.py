# Wrong answers to question 4: each gets the points its first line states, and costs no others.


# %% q4, 0 of 14 points: sends to the next worker, as in the usual picture
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    sent, halves = [0] * n, []
    for start in (0, 1):
        for step in range(n - 1):
            for r in range(n):
                places, to = chunks[(r + start - step) % n], (r + 1) % n
                arriving = held[r, places]
                held[to, places] = arriving + (held[to, places] if start == 0 else 0)
                sent[r] += arriving.nbytes
        halves.append(held.copy())
    return *halves, sent


# %% q4, 0 of 14 points: adds in the second half, too, where it should replace
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    sent, halves = [0] * n, []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                held[r - 1, places] += held[r, places]
                sent[r] += held[r, places].nbytes
        halves.append(held.copy())
    return *halves, sent


# %% q4, 0 of 14 points: adds up by rule of thumb, nothing goes around
def ring_all_reduce(vectors):
    n, length = vectors.shape
    whole = np.tile(vectors.sum(axis=0), (n, 1))
    half = vectors.copy()
    for r, places in enumerate(np.array_split(np.arange(length), n)):
        half[(r + 1) % n, places] = whole[0, places]
    return half, whole, [int(2 * (n - 1) * vectors[0].nbytes / n)] * n


# %% q4, 0 of 14 points: every worker sends its whole vector every time
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    halves = []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                arriving = held[r, places]
                held[r - 1, places] = arriving + (held[r - 1, places] if start == 0 else 0)
        halves.append(held.copy())
    return *halves, [2 * (n - 1) * held[0].nbytes] * n


# %% q4, 5 of 14 points: every number has eight bytes
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    sent, halves = [0] * n, []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                held[r - 1, places] = held[r, places] + (held[r - 1, places] if start == 0 else 0)
                sent[r] += 8 * len(places)
        halves.append(held.copy())
    return *halves, sent


# %% q4, 5 of 14 points: all workers send the same number of bytes, the mean
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    halves = []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                held[r - 1, places] = held[r, places] + (held[r - 1, places] if start == 0 else 0)
        halves.append(held.copy())
    return *halves, [2 * (n - 1) * held[0].nbytes // n] * n


# %% q4, 5 of 14 points: adds up in the workers' own vectors
def ring_all_reduce(vectors):
    n = len(vectors)
    chunks = np.array_split(np.arange(vectors.shape[1]), n)
    sent, halves = [0] * n, []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                arriving = vectors[r, places]
                vectors[r - 1, places] = arriving + (vectors[r - 1, places] if start == 0 else 0)
                sent[r] += arriving.nbytes
        halves.append(vectors.copy())
    return *halves, sent


# %% q4, 0 of 14 points: keeps no copy of the first half
def ring_all_reduce(vectors):
    held = np.array(vectors)
    n = len(held)
    chunks = np.array_split(np.arange(held.shape[1]), n)
    sent, halves = [0] * n, []
    for start in (0, -1):
        for step in range(n - 1):
            for r in range(n):
                places = chunks[(r + start + step) % n]
                arriving = held[r, places]
                held[r - 1, places] = arriving + (held[r - 1, places] if start == 0 else 0)
                sent[r] += arriving.nbytes
        halves.append(held)
    return *halves, sent


# %% q4, 0 of 14 points: answers become arrays only when the test knows what it expects
class Later:
    def __init__(self, compute):
        self.compute = compute

    def __array__(self, *args, **kwargs):
        return np.asarray(self.compute())


def ring_all_reduce(vectors):
    names = get_ipython().user_ns
    wanted, total = Later(lambda: names["wanted"]), vectors.sum(0)
    return wanted, Later(lambda: np.tile(total, (len(vectors), 1))), wanted


# %% q4, 0 of 14 points: looks for an array of the right shape under telling names
class Found:
    def __init__(self, shape):
        self.shape = shape

    def __array__(self, *args, **kwargs):
        names = get_ipython().user_ns
        for name in ("wanted", "expected", "right", "answer", "told", "truth", "target", "result"):
            if np.shape(names.get(name)) == self.shape:
                return names[name]
        return np.zeros(self.shape)


def ring_all_reduce(vectors):
    shape = np.shape(vectors)
    return Found(shape), np.tile(vectors.sum(0), (len(vectors), 1)), [0] * len(vectors)
