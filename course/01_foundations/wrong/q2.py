# Wrong answers to question 2: each gets the points its first line states, and costs no others.


# %% q2, 0 of 18 points: as published, raw features and a small fixed rate
def descend(x, y, num_steps):
    w, b = np.zeros(x.shape[1]), 0.0
    with np.errstate(all="ignore"):
        for _ in range(num_steps):
            error = 2 * (x @ w + b - y) / len(x)
            w, b = w - 0.01 * x.T @ error, b - 0.01 * error.sum()
    return w, b


# %% q2, 0 of 18 points: the weights are those of the standardised features
def descend(x, y, num_steps):
    std = np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    Z = np.hstack([(x - x.mean(axis=0)) / std, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(2 / len(x) * Z.T @ Z)[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1], v[-1]


# %% q2, 0 of 18 points: a Hessian without its 2, so the step overshoots for ever
def descend(x, y, num_steps):
    mean, std = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    Z = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(Z.T @ Z / len(x))[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1] / std, v[-1] - v[:-1] / std @ mean


# %% q2, 0 of 18 points: the bias forgets what the means add
def descend(x, y, num_steps):
    mean, std = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    Z = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(2 / len(x) * Z.T @ Z)[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1] / std, v[-1]


# %% q2, 6 of 18 points: solves least squares, nothing descends
def descend(x, y, num_steps):
    solution = np.linalg.lstsq(np.hstack([x, np.ones((len(x), 1))]), y, rcond=None)[0]
    return solution[:-1], solution[-1]


# %% q2, 6 of 18 points: the lesson's rate for one feature, whatever the Hessian says
def descend(x, y, num_steps):
    mean, std = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    Z = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= 0.5 * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1] / std, v[-1] - v[:-1] / std @ mean


# %% q2, 6 of 18 points: divides by a standard deviation of 0
def descend(x, y, num_steps):
    mean, std = x.mean(axis=0), x.std(axis=0)
    with np.errstate(all="ignore"):
        Z = np.hstack([(x - mean) / std, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(2 / len(x) * Z.T @ Z)[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1] / std, v[-1] - v[:-1] / std @ mean


# %% q2, 6 of 18 points: standardises the caller's own array
def descend(x, y, num_steps):
    mean, std = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    x -= mean
    x /= std
    Z = np.hstack([x, np.ones((len(x), 1))])
    rate = 1 / np.linalg.eigvalsh(2 / len(x) * Z.T @ Z)[-1]
    v = np.zeros(Z.shape[1])
    for _ in range(num_steps):
        v -= rate * 2 / len(x) * Z.T @ (Z @ v - y)
    return v[:-1] / std, v[-1] - v[:-1] / std @ mean


# %% q2, 6 of 18 points: takes a feature that varies little, in a large unit, for a constant
# replace:
#     std = np.where(std > 0, std, 1)
# with:
#     std = np.where(std > 1e-3, std, 1)


# %% q2, 6 of 18 points: asks whether the standard deviation is close to 0, by NumPy's own measure
# replace:
#     std = np.where(std > 0, std, 1)
# with:
#     std = np.where(np.isclose(std, 0), 1, std)
