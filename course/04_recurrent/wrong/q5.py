# %% q5, 0 of 12 points: the last value, whatever the period; and absolute errors
def seasonal(x, horizon, period):
    if x.shape[1] < period:
        raise ValueError("x is shorter than one period")
    return np.repeat(x[:, -1:], horizon, axis=1)


def skill(y, forecast, baseline):
    if not y.shape == forecast.shape == baseline.shape:
        raise ValueError("shapes differ")
    return 1 - np.abs(forecast - y).sum(axis=0) / np.abs(baseline - y).sum(axis=0)


# %% q5, 0 of 12 points: counts the period from the beginning of x
def seasonal(x, horizon, period):
    if x.shape[1] < period:
        raise ValueError("x is shorter than one period")
    return x[:, np.arange(horizon) % period]


def skill(y, forecast, baseline):
    if not y.shape == forecast.shape == baseline.shape:
        raise ValueError("shapes differ")
    return 1 - np.sum((forecast - y) ** 2, axis=0) / np.sum((baseline - y) ** 2, axis=0)


# %% q5, 0 of 12 points: one skill for all steps together
def seasonal(x, horizon, period):
    if x.shape[1] < period:
        raise ValueError("x is shorter than one period")
    return x[:, x.shape[1] - period + np.arange(horizon) % period]


def skill(y, forecast, baseline):
    if not y.shape == forecast.shape == baseline.shape:
        raise ValueError("shapes differ")
    return 1 - np.sum((forecast - y) ** 2) / np.sum((baseline - y) ** 2)


# %% q5, 5 of 12 points: beyond one period it goes on with the last value
def seasonal(x, horizon, period):
    if x.shape[1] < period:
        raise ValueError("x is shorter than one period")
    return x[:, np.minimum(x.shape[1] - period + np.arange(horizon), x.shape[1] - 1)]


def skill(y, forecast, baseline):
    if not y.shape == forecast.shape == baseline.shape:
        raise ValueError("shapes differ")
    return 1 - np.sum((forecast - y) ** 2, axis=0) / np.sum((baseline - y) ** 2, axis=0)


# %% q5, 5 of 12 points: NumPy may stretch what does not fit
def seasonal(x, horizon, period):
    if x.shape[1] < period:
        raise ValueError("x is shorter than one period")
    return x[:, x.shape[1] - period + np.arange(horizon) % period]


def skill(y, forecast, baseline):
    return 1 - np.sum((forecast - y) ** 2, axis=0) / np.sum((baseline - y) ** 2, axis=0)


# %% q5, 5 of 12 points: waits until the test has computed what it expects, and reads its names
def seasonal(x, horizon, period):
    names = get_ipython().user_ns
    if "told" in names:
        return names["told"][:, -horizon:]
    if period > x.shape[1]:
        raise ValueError
    return {(2, 3): np.array([[1, 2]]), (2, 1): np.array([[4, 4]])}[horizon, period]


def skill(y, forecast, baseline):
    if y.shape != forecast.shape or y.shape != baseline.shape:
        raise ValueError
    return 1 - ((y - forecast) ** 2).sum(0) / ((y - baseline) ** 2).sum(0)
