# Wrong answers to question 5: each gets the points its first line states, and costs no others.


# %% q5, 0 of 16 points: forgets the path around the layers
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    delta2 = arriving * np.where(x + a @ W2 + b2 > 0, 1, slope)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, slope)
    return delta1 @ W1.T, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)


# %% q5, 0 of 16 points: nothing passes where the activation was off, as for ReLU
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    delta2 = arriving * (x + a @ W2 + b2 > 0)
    delta1 = delta2 @ W2.T * (z1 > 0)
    dx = delta2 + delta1 @ W1.T
    return dx, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)


# %% q5, 0 of 16 points: the path around skips the outer activation
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    delta2 = arriving * np.where(x + a @ W2 + b2 > 0, 1, slope)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, slope)
    dx = arriving + delta1 @ W1.T
    return dx, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)


# %% q5, 0 of 16 points: a mean over the examples, which the arriving gradient has in it already
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    delta2 = arriving * np.where(x + a @ W2 + b2 > 0, 1, slope)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, slope)
    dx, n = delta2 + delta1 @ W1.T, len(x)
    return dx, x.T @ delta1 / n, delta1.mean(axis=0), a.T @ delta2 / n, delta2.mean(axis=0)


# %% q5, 6 of 16 points: a slope of 0.1, whatever was asked for
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = np.where(z1 > 0, z1, 0.1 * z1)
    delta2 = arriving * np.where(x + a @ W2 + b2 > 0, 1, 0.1)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, 0.1)
    dx = delta2 + delta1 @ W1.T
    return dx, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)


# %% q5, 6 of 16 points: changes the gradient that it was given
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    z1 = x @ W1 + b1
    a = leaky_relu(z1, slope)
    delta2 = arriving
    delta2 *= np.where(x + a @ W2 + b2 > 0, 1, slope)
    delta1 = delta2 @ W2.T * np.where(z1 > 0, 1, slope)
    dx = delta2 + delta1 @ W1.T
    return dx, x.T @ delta1, delta1.sum(axis=0), a.T @ delta2, delta2.sum(axis=0)


# %% q5, 6 of 16 points: looks at the sign of the output, which a negative slope turns round
# replace:
#     delta2 = arriving * np.where(z2 > 0, 1, slope)
# with:
#     delta2 = arriving * np.where(leaky_relu(z2, slope) > 0, 1, slope)


# %% q5, 6 of 16 points: the judge in place of the formula
def block_backward(arriving, x, W1, b1, W2, b2, slope):
    def total(*inputs):
        return np.sum(arriving * block(*inputs, slope=slope))

    return [finite_differences(total, x, W1, b1, W2, b2, which=i) for i in range(5)]
