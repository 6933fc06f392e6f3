# Wrong answers to question 7: each gets the points its first line states, and costs no others.


# %% q7, 0 of 16 points: softmax regression, its borders are straight
def train(x, y, seed):
    W, b = np.random.default_rng(seed).normal(0, 0.1, (2, 3)), np.zeros(3)
    for _ in range(300):
        p = np.exp(x @ W + b)
        delta = (p / p.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(x)
        W, b = W - x.T @ delta, b - delta.sum(axis=0)
    return lambda new: (new @ W + b).argmax(axis=1)


# %% q7, 0 of 16 points: a hidden layer without an activation
def train(x, y, seed):
    rng = np.random.default_rng(seed)
    W1, W2 = rng.normal(0, 1, (2, 32)), rng.normal(0, 0.25, (32, 3))
    for _ in range(300):
        a = x @ W1
        p = np.exp(a @ W2 - (a @ W2).max(axis=1, keepdims=True))
        delta = (p / p.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(x)
        W1, W2 = W1 - 0.1 * x.T @ (delta @ W2.T), W2 - 0.1 * a.T @ delta
    return lambda new: (new @ W1 @ W2).argmax(axis=1)


# %% q7, 0 of 16 points: all weights start equal, so all units stay copies of one
def train(x, y, seed):
    W1, b1, W2, b2 = np.full((2, 32), 0.1), np.zeros(32), np.full((32, 3), 0.1), np.zeros(3)
    for _ in range(300):
        a = np.maximum(x @ W1 + b1, 0)
        p = np.exp(a @ W2 + b2)
        delta = (p / p.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(x)
        back = delta @ W2.T * (a > 0)
        W1, b1, W2, b2 = (
            value - 0.5 * gradient
            for value, gradient in [
                (W1, x.T @ back),
                (b1, back.sum(axis=0)),
                (W2, a.T @ delta),
                (b2, delta.sum(axis=0)),
            ]
        )
    return lambda new: (np.maximum(new @ W1 + b1, 0) @ W2 + b2).argmax(axis=1)


# %% q7, 0 of 16 points: gives probabilities where class numbers are asked for
def train(x, y, seed):
    rng = np.random.default_rng(seed)
    W1, b1, W2 = rng.normal(0, 1, (2, 64)), rng.normal(0, 0.5, 64), np.zeros((64, 3))
    for _ in range(300):
        a = np.maximum(x @ W1 + b1, 0)
        p = np.exp(a @ W2)
        delta = (p / p.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(x)
        W2 = W2 - 0.1 * a.T @ delta

    def predict(new):
        p = np.exp(np.maximum(new @ W1 + b1, 0) @ W2)
        return p / p.sum(axis=1, keepdims=True)

    return predict


# %% q7, 6 of 16 points: has the formula of the spirals that it was shown by heart
def train(x, y, seed):
    def predict(new):
        angle = np.arctan2(new[:, 1], new[:, 0]) - 5 * np.hypot(new[:, 0], new[:, 1])
        return np.round(angle / (2 * np.pi / 3)).astype(int) % 3

    return predict


# %% q7, 6 of 16 points: the neighbours vote, but only those of the picture
def train(x, y, seed):
    def predict(new):
        away = ((new[:, None] - x_train) ** 2).sum(axis=-1)
        return y_train[away.argmin(axis=1)]

    return predict
