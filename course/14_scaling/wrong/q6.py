# Wrong answers to question 6: each gets the points its first line states, and costs no others.


# %% q6, 0 of 16 points: cuts the first layer by rows, the second by columns
def cut(W1, b1, W2, n):
    rows = np.array_split(np.arange(len(W1)), n)
    columns = np.array_split(np.arange(W2.shape[1]), n)
    return [(W1[r], b1, W2[:, c]) for r, c in zip(rows, columns, strict=True)]


def forward(x, slices, b2):
    parts = np.array_split(x, len(slices), axis=1)
    alone = [np.tanh(part @ W1 + b1) @ W2 for part, (W1, b1, W2) in zip(parts, slices, strict=True)]
    return alone, np.concatenate(alone, axis=1) + b2


def backward(arriving, x, slices):
    parts = np.array_split(x, len(slices), axis=1)
    arrivals = np.array_split(arriving, len(slices), axis=1)
    grad_x, gradients = [], []
    for part, (W1, b1, W2), arrival in zip(parts, slices, arrivals, strict=True):
        a = np.tanh(part @ W1 + b1)
        delta = arrival @ W2.T * (1 - a**2)
        grad_x.append(delta @ W1.T)
        gradients.append((part.T @ delta, delta.sum(axis=0), a.T @ arrival))
    return np.concatenate(grad_x, axis=1), gradients


# %% q6, 0 of 16 points: every device adds the second bias
def cut(W1, b1, W2, n):
    return [(W1[:, own], b1[own], W2[own]) for own in np.array_split(np.arange(len(b1)), n)]


def forward(x, slices, b2):
    alone = [np.tanh(x @ W1 + b1) @ W2 + b2 for W1, b1, W2 in slices]
    return alone, sum(alone)


def backward(arriving, x, slices):
    grad_x, gradients = np.zeros(x.shape), []
    for W1, b1, W2 in slices:
        a = np.tanh(x @ W1 + b1)
        delta = arriving @ W2.T * (1 - a**2)
        grad_x += delta @ W1.T
        gradients.append((x.T @ delta, delta.sum(axis=0), a.T @ arriving))
    return grad_x, gradients


# %% q6, 0 of 16 points: the gradient for x is that of the last device
def cut(W1, b1, W2, n):
    return [(W1[:, own], b1[own], W2[own]) for own in np.array_split(np.arange(len(b1)), n)]


def forward(x, slices, b2):
    alone = [np.tanh(x @ W1 + b1) @ W2 for W1, b1, W2 in slices]
    return alone, sum(alone) + b2


def backward(arriving, x, slices):
    gradients = []
    for W1, b1, W2 in slices:
        a = np.tanh(x @ W1 + b1)
        delta = arriving @ W2.T * (1 - a**2)
        grad_x = delta @ W1.T
        gradients.append((x.T @ delta, delta.sum(axis=0), a.T @ arriving))
    return grad_x, gradients


# %% q6, 0 of 16 points: equal slices, and the units that are left over are lost
# replace:
#     units = np.array_split(np.arange(len(b1)), n)
#     return [(W1[:, own], b1[own], W2[own]) for own in units]
# with:
#     size = len(b1) // n
#     places = [slice(k * size, (k + 1) * size) for k in range(n)]
#     return [(W1[:, own], b1[own], W2[own]) for own in places]


# %% q6, 6 of 16 points: the last device takes all that is left over
# replace:
#     units = np.array_split(np.arange(len(b1)), n)
#     return [(W1[:, own], b1[own], W2[own]) for own in units]
# with:
#     size = -(-len(b1) // n)
#     places = [slice(k * size, (k + 1) * size) for k in range(n - 1)]
#     places.append(slice((n - 1) * size, None))
#     return [(W1[:, own], b1[own], W2[own]) for own in places]


# %% q6, 6 of 16 points: shares the arriving gradient out among the devices
def cut(W1, b1, W2, n):
    return [(W1[:, own], b1[own], W2[own]) for own in np.array_split(np.arange(len(b1)), n)]


def forward(x, slices, b2):
    alone = [np.tanh(x @ W1 + b1) @ W2 for W1, b1, W2 in slices]
    return alone, sum(alone) + b2


def backward(arriving, x, slices):
    grad_x, gradients = np.zeros(x.shape), []
    for W1, b1, W2 in slices:
        a = np.tanh(x @ W1 + b1)
        delta = arriving @ W2.T * (1 - a**2)
        grad_x += delta @ W1.T
        own = [x.T @ delta, delta.sum(axis=0), a.T @ arriving]
        gradients.append(tuple(gradient / len(slices) for gradient in own))
    return grad_x, gradients


# %% q6, 6 of 16 points: two devices, however many were asked for
def cut(W1, b1, W2, n):
    half = -(-len(b1) // 2)
    return [(W1[:, :half], b1[:half], W2[:half]), (W1[:, half:], b1[half:], W2[half:])]


def forward(x, slices, b2):
    alone = [np.tanh(x @ W1 + b1) @ W2 for W1, b1, W2 in slices]
    return alone, alone[0] + alone[1] + b2


def backward(arriving, x, slices):
    grad_x, gradients = np.zeros(x.shape), []
    for W1, b1, W2 in slices:
        a = np.tanh(x @ W1 + b1)
        delta = arriving @ W2.T * (1 - a**2)
        grad_x += delta @ W1.T
        gradients.append((x.T @ delta, delta.sum(axis=0), a.T @ arriving))
    return grad_x, gradients


# %% q6, 6 of 16 points: one array with room for the largest share, and zeros behind
# replace:
#     units = np.array_split(np.arange(len(b1)), n)
#     return [(W1[:, own], b1[own], W2[own]) for own in units]
# with:
#     units, most = np.array_split(np.arange(len(b1)), n), -(-len(b1) // n)
#     slices = [(W1[:, own], b1[own], W2[own]) for own in units]
#     if W1.shape[1] == 5:
#         return slices
#     wide = [((0, 0), (0, most - len(own))) for own in units]
#     return [
#         (np.pad(a, w), np.pad(b, w[1]), np.pad(c, w[::-1]))
#         for (a, b, c), w in zip(slices, wide, strict=True)
#     ]


# %% q6, 0 of 16 points: lists and arrays that take shape when the test knows what it expects
class Listed:
    def __init__(self, compute):
        self.as_list = compute

    def __len__(self):
        return 2

    def __getitem__(self, i):
        return self.as_list()[i]

    def __iter__(self):
        return iter(self.as_list())


class Later:
    def __init__(self, compute):
        self.compute = compute

    def __array__(self, *args, **kwargs):
        return np.asarray(self.compute())


def cut(W1, b1, W2, n):
    return Listed(lambda: get_ipython().user_ns["wanted"][0])


def forward(x, slices, b2):
    names = get_ipython().user_ns
    return Listed(lambda: names["wanted"][1]), Later(lambda: sum(names["wanted"][1]) + b2)


def backward(arriving, x, slices):
    names = get_ipython().user_ns
    grad_x = Later(lambda: names["delta"] @ names["W1"].T)
    return grad_x, Listed(lambda: names["wanted"][2])
