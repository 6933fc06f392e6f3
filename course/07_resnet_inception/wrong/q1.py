# %% q1, 0 of 16 points: divides the variance by N - 1
# replace:
#         mean, variance = x.mean(axis=axes), x.var(axis=axes)
# with:
#         mean, variance = x.mean(axis=axes), x.var(axis=axes, ddof=1)


# %% q1, 0 of 16 points: divides by N - 1 where the variance goes into the moving average
# replace:
#         moving_variance = momentum * moving_variance + (1 - momentum) * variance
# with:
#         moving_variance = momentum * moving_variance + (1 - momentum) * x.var(axis=axes, ddof=1)


# %% q1, 6 of 16 points: takes mean and variance over the batch only, at each place apart
# replace:
#         axes = tuple(range(x.ndim - 1))
# with:
#         axes = 0


# %% q1, 0 of 16 points: normalises each example over its own channels, as layer normalisation does
# replace:
#         mean, variance = x.mean(axis=axes), x.var(axis=axes)
# with:
#         mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)


# %% q1, 0 of 16 points: adds epsilon to the standard deviation, outside of the root
# replace:
#     y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
# with:
#     y = gamma * (x - mean) / (np.sqrt(variance) + epsilon) + beta


# %% q1, 6 of 16 points: always adds 0.001, whatever epsilon is
# replace:
#     y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
# with:
#     y = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta


# %% q1, 0 of 16 points: measures the batch in inference, too
# replace:
#     if training:
#         axes = tuple(range(x.ndim - 1))
#         mean, variance = x.mean(axis=axes), x.var(axis=axes)
# with:
#     axes = tuple(range(x.ndim - 1))
#     mean, variance = x.mean(axis=axes), x.var(axis=axes)
#     if training:


# %% q1, 0 of 16 points: momentum is the weight of the new batch, as in PyTorch
# replace:
#         moving_mean = momentum * moving_mean + (1 - momentum) * mean
#         moving_variance = momentum * moving_variance + (1 - momentum) * variance
# with:
#         moving_mean = (1 - momentum) * moving_mean + momentum * mean
#         moving_variance = (1 - momentum) * moving_variance + momentum * variance


# %% q1, 0 of 16 points: normalises with the new moving averages in training
# replace:
#     y = gamma * (x - mean) / np.sqrt(variance + epsilon) + beta
# with:
#     y = gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


# %% q1, 0 of 16 points: writes the new averages into the arrays that it was given
# replace:
#         moving_mean = momentum * moving_mean + (1 - momentum) * mean
#         moving_variance = momentum * moving_variance + (1 - momentum) * variance
# with:
#         moving_mean *= momentum
#         moving_mean += (1 - momentum) * mean
#         moving_variance *= momentum
#         moving_variance += (1 - momentum) * variance


# %% q1, 0 of 16 points: folded, the mean is subtracted and not scaled
# replace:
#     return kernel * scale, (bias - moving_mean) * scale + beta
# with:
#     return kernel * scale, bias * scale - moving_mean + beta


# %% q1, 0 of 16 points: folded, beta is scaled as well
# replace:
#     return kernel * scale, (bias - moving_mean) * scale + beta
# with:
#     return kernel * scale, (bias - moving_mean + beta) * scale


# %% q1, 0 of 16 points: folds the kernel and forgets the bias that was there
# replace:
#     return kernel * scale, (bias - moving_mean) * scale + beta
# with:
#     return kernel * scale, beta - moving_mean * scale


# %% q1, 6 of 16 points: folded with the default epsilon, whichever is given
# replace:
#     scale = gamma / np.sqrt(moving_variance + epsilon)
# with:
#     scale = gamma / np.sqrt(moving_variance + 1e-3)
