# %% q2, 0 of 15 points: adds up over the channels already in the first step
def separable_conv2d(x, depthwise, pointwise, stride=1):
    z = cnn.conv2d(x, depthwise[..., None], strides=stride)
    return np.repeat(z, x.shape[-1], axis=-1) @ pointwise


# %% q2, 0 of 15 points: mixes the channels first, then looks around
def separable_conv2d(x, depthwise, pointwise, stride=1):
    mixed = x @ pointwise
    channels = [
        cnn.conv2d(mixed[..., [c]], depthwise[:, :, [c], None], strides=stride)
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1)


# %% q2, 5 of 15 points: the second step jumps, too
def separable_conv2d(x, depthwise, pointwise, stride=1):
    channels = [
        cnn.conv2d(x[..., [c]], depthwise[:, :, [c], None], strides=stride)
        for c in range(x.shape[-1])
    ]
    z = np.concatenate(channels, axis=-1)
    return cnn.conv2d(z, pointwise[None, None], strides=stride)


# %% q2, 5 of 15 points: true convolution, the kernel turned around
def separable_conv2d(x, depthwise, pointwise, stride=1):
    channels = [
        cnn.convolve2d(x[..., [c]], depthwise[:, :, [c], None], strides=stride)
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1) @ pointwise


# %% q2, 5 of 15 points: keeps the sums of bytes in bytes
# replace:
#     return np.concatenate(channels, axis=-1) @ pointwise
# with:
#     return np.concatenate(channels, axis=-1).astype(x.dtype) @ pointwise
