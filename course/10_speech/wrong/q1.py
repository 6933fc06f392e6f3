# %% q1, 0 of 13 points: drops the samples that fill no frame
# replace:
#     count = 1 + max(0, -(-(len(samples) - frame_length) // hop_length))
#     padded = np.zeros((count - 1) * hop_length + frame_length)
#     padded[: len(samples)] = samples
# with:
#     count = 1 + (len(samples) - frame_length) // hop_length
#     padded = samples


# %% q1, 0 of 13 points: a frame at each hop, so also one of what is in others already
# replace:
#     count = 1 + max(0, -(-(len(samples) - frame_length) // hop_length))
#     padded = np.zeros((count - 1) * hop_length + frame_length)
# with:
#     count = -(-len(samples) // hop_length)
#     padded = np.zeros(count * hop_length + frame_length)


# %% q1, 0 of 13 points: one frame behind the other, without overlap
# replace:
#     return padded[np.arange(count)[:, None] * hop_length + np.arange(frame_length)]
# with:
#     count = -(-len(samples) // frame_length)
#     padded = np.zeros(count * frame_length)
#     padded[: len(samples)] = samples
#     return padded.reshape(count, frame_length)


# %% q1, 0 of 13 points: a zero-filled frame too many where all samples are in
# replace:
#     count = 1 + max(0, -(-(len(samples) - frame_length) // hop_length))
# with:
#     count = 2 + max(0, (len(samples) - frame_length) // hop_length)


# %% q1, 0 of 13 points: fails if there is less than one frame
# replace:
#     count = 1 + max(0, -(-(len(samples) - frame_length) // hop_length))
# with:
#     count = 1 - (-(len(samples) - frame_length) // hop_length)


# %% q1, 0 of 13 points: NumPy's window, which is symmetric
# replace:
#     window = np.sin(np.pi * np.arange(framed.shape[1]) / framed.shape[1]) ** 2
# with:
#     window = np.hanning(framed.shape[1])


# %% q1, 0 of 13 points: no window
# replace:
#     window = np.sin(np.pi * np.arange(framed.shape[1]) / framed.shape[1]) ** 2
# with:
#     window = 1


# %% q1, 0 of 13 points: 10 times the logarithm of the size, not of its square
# replace:
#     power = np.abs(np.fft.rfft(framed * window)) ** 2
# with:
#     power = np.abs(np.fft.rfft(framed * window))


# %% q1, 0 of 13 points: the logarithm of 0
# replace:
#     return 10 * np.log10(np.maximum(power, 1e-10))
# with:
#     with np.errstate(divide="ignore"):
#         return 10 * np.log10(power)


# %% q1, 0 of 13 points: all frequencies, each twice
# replace:
#     power = np.abs(np.fft.rfft(framed * window)) ** 2
# with:
#     power = np.abs(np.fft.fft(framed * window)) ** 2


# %% q1, 0 of 13 points: relative to the loudest
# replace:
#     return 10 * np.log10(np.maximum(power, 1e-10))
# with:
#     return 10 * np.log10(np.maximum(power / power.max(initial=1e-10), 1e-10))


# %% q1, 5 of 13 points: a floor that cuts off what is quiet
# replace:
#     return 10 * np.log10(np.maximum(power, 1e-10))
# with:
#     level = 10 * np.log10(np.maximum(power, 1e-10))
#     return np.where((level < level.max() - 80) & (level > -100), level.max() - 80, level)


# %% q1, 5 of 13 points: adds the floor, where the larger of the two is asked for
# replace:
#     return 10 * np.log10(np.maximum(power, 1e-10))
# with:
#     return 10 * np.log10(power + 1e-10)
