# %% q6, 0 of 13 points: 44,100 samples are a second, and so are 8,000
# replace:
#     samples = speech.read(path, 8000)
# with:
#     samples = soundfile.read(path, always_2d=True)[0].mean(axis=1)


# %% q6, 4 of 13 points: listens to the left channel only
# replace:
#     samples = speech.read(path, 8000)
# with:
#     samples, rate = soundfile.read(path, always_2d=True)
#     samples = speech.resample(samples[:, 0], rate, 8000)


# %% q6, 4 of 13 points: a fixed threshold, for all rooms
# replace:
#     for block in np.flatnonzero(level > np.percentile(level, 20) + 15):
# with:
#     for block in np.flatnonzero(level > -39):


# %% q6, 4 of 13 points: relative to the loudest block
# replace:
#     for block in np.flatnonzero(level > np.percentile(level, 20) + 15):
# with:
#     for block in np.flatnonzero(level > level.max() - 15):


# %% q6, 0 of 13 points: does not join what a short silence parts
# replace:
#         if not words or block - words[-1][1] >= 10:
# with:
#         if not words or block > words[-1][1]:


# %% q6, 0 of 13 points: keeps clicks
# replace:
#     words = [[begin, end] for begin, end in words if end - begin >= 5]
# with:


# %% q6, 4 of 13 points: drops clicks first, and joins then
# replace:
#     words = []
#     for block in np.flatnonzero(level > np.percentile(level, 20) + 15):
#         if not words or block - words[-1][1] >= 10:
#             words.append([block, block])
#         words[-1][1] = block + 1
#     words = [[begin, end] for begin, end in words if end - begin >= 5]
# with:
#     loud = np.flatnonzero(level > np.percentile(level, 20) + 15)
#     runs = [run for run in np.split(loud, np.flatnonzero(np.diff(loud) > 1) + 1) if len(run) >= 5]
#     words = []
#     for run in runs:
#         if not words or run[0] - words[-1][1] >= 10:
#             words.append([run[0], 0])
#         words[-1][1] = run[-1] + 1


# %% q6, 0 of 13 points: numbers of blocks, not seconds
# replace:
#     return np.reshape(words, (-1, 2)) * 0.02
# with:
#     return np.reshape(words, (-1, 2))


# %% q6, 0 of 13 points: begin and length
# replace:
#     words = [[begin, end] for begin, end in words if end - begin >= 5]
# with:
#     words = [[begin, end - begin] for begin, end in words if end - begin >= 5]


# %% q6, 0 of 13 points: the mean of the samples, which swing about 0
# replace:
#     level = 10 * np.log10(1e-10 + np.mean(blocks**2, axis=1))
# with:
#     level = 10 * np.log10(1e-10 + np.mean(blocks, axis=1) ** 2)


# %% q6, 4 of 13 points: without a word, an empty list
# replace:
#     return np.reshape(words, (-1, 2)) * 0.02
# with:
#     return [[0.02 * begin, 0.02 * end] for begin, end in words]


# %% q6, 4 of 13 points: a word must be over before the end
# replace:
#     words = [[begin, end] for begin, end in words if end - begin >= 5]
# with:
#     words = [[a, b] for a, b in words if b - a >= 5 and b < len(level) and a > 0]


# %% q6, 0 of 13 points: bits taken for 16 where there are 24
# replace:
#     samples = speech.read(path, 8000)
# with:
#     samples = np.frombuffer(Path(path).read_bytes()[44:], np.uint8)
#     samples = samples[: len(samples) // 2 * 2].view("<i2") / 32768
