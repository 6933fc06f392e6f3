# %% q4, 0 of 13 points: walks from the picture upwards
def pixels_seen(place, layers):
    first = last = place
    for kernel_size, stride, padding, dilation in layers:
        first = first * stride - padding
        last = last * stride - padding + dilation * (kernel_size - 1)
    return first, last


# %% q4, 0 of 13 points: cuts off the padding
def pixels_seen(place, layers):
    first = last = place
    for kernel_size, stride, padding, dilation in reversed(layers):
        first = max(0, first * stride - padding)
        last = last * stride - padding + dilation * (kernel_size - 1)
    return first, last


# %% q4, 4 of 13 points: kernels without gaps
def pixels_seen(place, layers):
    first = last = place
    for kernel_size, stride, padding, _ in reversed(layers):
        first = first * stride - padding
        last = last * stride - padding + kernel_size - 1
    return first, last


# %% q4, 4 of 13 points: counts the padding of every layer in pixels of the picture
def pixels_seen(place, layers):
    size, jump, before = 1, 1, 0
    for kernel_size, stride, padding, dilation in layers:
        size += dilation * (kernel_size - 1) * jump
        jump *= stride
        before += padding
    first = place * jump - before
    return first, first + size - 1


# %% q4, 4 of 13 points: turns the caller's own list round
# replace:
#     for kernel_size, stride, padding, dilation in reversed(layers):
# with:
#     layers.reverse()
#     for kernel_size, stride, padding, dilation in layers:
