# Wrong answers to question 1: each gets the points its first line states, and costs no others.


# %% q1, 0 of 10 points: the gradient of the sum, not of the mean
def huber(y_true, y_pred, delta):
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError("shapes differ")
    error = y_pred - y_true
    far = np.abs(error) > delta
    losses = np.where(far, delta * (np.abs(error) - delta / 2), error**2 / 2)
    return losses.mean(), np.where(far, delta * np.sign(error), error)


# %% q1, 0 of 10 points: far away the slope has lost its sign
def huber(y_true, y_pred, delta):
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError("shapes differ")
    error = y_pred - y_true
    far = np.abs(error) > delta
    losses = np.where(far, delta * (np.abs(error) - delta / 2), error**2 / 2)
    return losses.mean(), np.where(far, delta, error) / error.size


# %% q1, 0 of 10 points: subtracts whatever the shapes are
def huber(y_true, y_pred, delta):
    error = y_pred - y_true
    far = np.abs(error) > delta
    losses = np.where(far, delta * (np.abs(error) - delta / 2), error**2 / 2)
    return losses.mean(), np.clip(error, -delta, delta) / error.size


# %% q1, 4 of 10 points: n counts the rows, not the values
def huber(y_true, y_pred, delta):
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError("shapes differ")
    error = y_pred - y_true
    far = np.abs(error) > delta
    losses = np.where(far, delta * (np.abs(error) - delta / 2), error**2 / 2)
    return losses.sum() / len(error), np.clip(error, -delta, delta) / len(error)


# %% q1, 4 of 10 points: knows delta = 1 only
def huber(y_true, y_pred, delta):
    if np.shape(y_true) != np.shape(y_pred):
        raise ValueError("shapes differ")
    error = y_pred - y_true
    losses = np.where(np.abs(error) > 1, np.abs(error) - 1 / 2, error**2 / 2)
    return losses.mean(), np.clip(error, -1, 1) / error.size


# %% q1, 4 of 10 points: compares the number of axes, not the shapes
# replace:
#     if y_true.shape != y_pred.shape:
# with:
#     if y_true.ndim != y_pred.ndim:


# %% q1, 4 of 10 points: keeps the gradient in whole numbers, if the predictions are such
# replace:
#     return losses.mean(), slopes / error.size
# with:
#     return losses.mean(), (slopes / error.size).astype(y_pred.dtype)
