# Wrong answers to question 3: each gets the points its first line states, and costs no others.


# %% q3, 0 of 12 points: the bias pays too
def ridge(x, y, alpha):
    X = np.hstack([x, np.ones((len(x), 1))])
    A = X.T @ X / len(x) + alpha * np.eye(X.shape[1])
    solution = np.linalg.solve(A, X.T @ y / len(x))
    return solution[:-1], solution[-1]


# %% q3, 0 of 12 points: the price is set against a sum of squares, not their mean
def ridge(x, y, alpha):
    centred = x - x.mean(axis=0)
    w = np.linalg.solve(centred.T @ centred + alpha * np.eye(x.shape[1]), centred.T @ y)
    return w, y.mean() - x.mean(axis=0) @ w


# %% q3, 0 of 12 points: the bias of the centred data
def ridge(x, y, alpha):
    centred = x - x.mean(axis=0)
    A = centred.T @ centred / len(x) + alpha * np.eye(x.shape[1])
    return np.linalg.solve(A, centred.T @ y / len(x)), y.mean()


# %% q3, 5 of 12 points: standardises first, which changes the price
def ridge(x, y, alpha):
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    w = np.linalg.solve(z.T @ z / len(x) + alpha * np.eye(x.shape[1]), z.T @ y / len(x))
    return w / x.std(axis=0), y.mean() - x.mean(axis=0) / x.std(axis=0) @ w


# %% q3, 5 of 12 points: shrinks the weights of least squares, all alike
def ridge(x, y, alpha):
    w = np.linalg.lstsq(x - x.mean(axis=0), y - y.mean(), rcond=None)[0] / (1 + alpha)
    return w, y.mean() - x.mean(axis=0) @ w
