# %% q1, 0 of 12 points: d pixels for each weight, so one gap too many
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    room = size + 2 * padding - dilation * kernel_size
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1


def count_parameters(kernel_size, channels, filters, bias=True):
    return (kernel_size**2 * channels + bias) * filters


# %% q1, 0 of 12 points: padding on one side only
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    room = size + padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1


def count_parameters(kernel_size, channels, filters, bias=True):
    return (kernel_size**2 * channels + bias) * filters


# %% q1, 0 of 12 points: one kernel for all channels, and one bias for the whole layer
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    room = size + 2 * padding - dilation * (kernel_size - 1) - 1
    if room < 0:
        raise ValueError("the kernel does not fit")
    return room // stride + 1


def count_parameters(kernel_size, channels, filters, bias=True):
    return kernel_size**2 * filters + bias


# %% q1, 4 of 12 points: compares the bare kernel with the bare picture
def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    if kernel_size > size:
        raise ValueError("the kernel does not fit")
    return (size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1


def count_parameters(kernel_size, channels, filters, bias=True):
    return (kernel_size**2 * channels + bias) * filters
