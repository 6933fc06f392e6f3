# %% q2, 0 of 15 points: treats mean and variance as constants
# replace:
#     grad_x = gamma / deviation * (grad_y - grad_beta / n - normal * grad_gamma / n)
# with:
#     grad_x = gamma / deviation * grad_y


# %% q2, 0 of 15 points: treats the variance as a constant
# replace:
#     grad_x = gamma / deviation * (grad_y - grad_beta / n - normal * grad_gamma / n)
# with:
#     grad_x = gamma / deviation * (grad_y - grad_beta / n)


# %% q2, 0 of 15 points: treats the mean as a constant
# replace:
#     grad_x = gamma / deviation * (grad_y - grad_beta / n - normal * grad_gamma / n)
# with:
#     grad_x = gamma / deviation * (grad_y - normal * grad_gamma / n)


# %% q2, 0 of 15 points: the sums are not divided by N
# replace:
#     grad_x = gamma / deviation * (grad_y - grad_beta / n - normal * grad_gamma / n)
# with:
#     grad_x = gamma / deviation * (grad_y - grad_beta - normal * grad_gamma)


# %% q2, 5 of 15 points: N is the number of examples, also for pictures
# replace:
#     axes, n = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
# with:
#     axes, n = tuple(range(x.ndim - 1)), len(x)


# %% q2, 5 of 15 points: sums over the first axis only
# replace:
#     axes, n = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
# with:
#     axes, n = 0, len(x)


# %% q2, 5 of 15 points: knows the default epsilon only
# replace:
#     deviation = np.sqrt(x.var(axis=axes) + epsilon)
# with:
#     deviation = np.sqrt(x.var(axis=axes) + 1e-3)


# %% q2, 0 of 15 points: epsilon outside of the root
# replace:
#     deviation = np.sqrt(x.var(axis=axes) + epsilon)
# with:
#     deviation = np.sqrt(x.var(axis=axes)) + epsilon


# %% q2, 0 of 15 points: divides the variance by N - 1
# replace:
#     deviation = np.sqrt(x.var(axis=axes) + epsilon)
# with:
#     deviation = np.sqrt(x.var(axis=axes, ddof=1) + epsilon)


# %% q2, 0 of 15 points: the gradient for gamma takes x as it is, not normalised
# replace:
#     grad_gamma, grad_beta = (grad_y * normal).sum(axis=axes), grad_y.sum(axis=axes)
# with:
#     grad_gamma, grad_beta = (grad_y * x).sum(axis=axes), grad_y.sum(axis=axes)


# %% q2, 0 of 15 points: in another order
# replace:
#     return grad_x, grad_gamma, grad_beta
# with:
#     return grad_x, grad_beta, grad_gamma
