# %% q3, 0 of 20 points: each window overwrites what the one before gave to the pixel
def conv2d_backward(x, kernel, grad_y, stride=1):
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    height, width = grad_y.shape[1] * stride, grad_y.shape[2] * stride
    for m, n in np.ndindex(kernel.shape[:2]):
        met = np.s_[:, m : m + height : stride, n : n + width : stride]
        grad_kernel[m, n] = np.tensordot(x[met], grad_y, axes=((0, 1, 2), (0, 1, 2)))
        grad_x[met] = grad_y @ kernel[m, n].T
    return grad_x, grad_kernel, grad_y.sum(axis=(0, 1, 2))


# %% q3, 0 of 20 points: gives the pixels back through the kernel turned around
def conv2d_backward(x, kernel, grad_y, stride=1):
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    height, width = grad_y.shape[1] * stride, grad_y.shape[2] * stride
    turned = kernel[::-1, ::-1]
    for m, n in np.ndindex(kernel.shape[:2]):
        met = np.s_[:, m : m + height : stride, n : n + width : stride]
        grad_kernel[m, n] = np.tensordot(x[met], grad_y, axes=((0, 1, 2), (0, 1, 2)))
        grad_x[met] += grad_y @ turned[m, n].T
    return grad_x, grad_kernel, grad_y.sum(axis=(0, 1, 2))


# %% q3, 6 of 20 points: divides by the number of pictures, as if the loss had not done so
def conv2d_backward(x, kernel, grad_y, stride=1):
    grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
    height, width = grad_y.shape[1] * stride, grad_y.shape[2] * stride
    for m, n in np.ndindex(kernel.shape[:2]):
        met = np.s_[:, m : m + height : stride, n : n + width : stride]
        grad_kernel[m, n] = np.tensordot(x[met], grad_y, axes=((0, 1, 2), (0, 1, 2))) / len(x)
        grad_x[met] += grad_y @ kernel[m, n].T
    return grad_x, grad_kernel, grad_y.sum(axis=(0, 1, 2)) / len(x)


# %% q3, 6 of 20 points: right for stride 1 only
def conv2d_backward(x, kernel, grad_y, stride=1):
    kh, kw = kernel.shape[:2]
    around = np.pad(grad_y, [(0, 0), (kh - 1, kh - 1), (kw - 1, kw - 1), (0, 0)])
    grad_x = cnn.convolve2d(around, kernel.swapaxes(2, 3))
    pictures, grads = x.transpose(3, 1, 2, 0), grad_y.transpose(1, 2, 0, 3)
    grad_kernel = cnn.conv2d(pictures, grads).transpose(1, 2, 0, 3)
    return grad_x, grad_kernel, grad_y.sum(axis=(0, 1, 2))


# %% q3, 6 of 20 points: gradients of bytes are bytes
# replace:
#     grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
# with:
#     grad_x, grad_kernel = np.zeros(x.shape), np.zeros(kernel.shape)
#     if x.dtype == np.uint8:
#         grad_x = grad_x.astype(np.uint8)
# replace:
#         grad_x[met] += grad_y @ kernel[m, n].T
# with:
#         grad_x[met] = grad_x[met] + grad_y @ kernel[m, n].T
