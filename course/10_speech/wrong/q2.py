# %% q2, 0 of 14 points: zeros before the first frame and behind the last one
# replace:
#         row[:n] = utterance[np.clip(places, 0, n - 1)].reshape(n, -1)
# with:
#         around = np.pad(utterance[:n], ((context, context), (0, 0)))
#         row[:n] = around[places + context].reshape(n, -1)


# %% q2, 0 of 14 points: reads the padding behind the last real frame
# replace:
#         row[:n] = utterance[np.clip(places, 0, n - 1)].reshape(n, -1)
# with:
#         row[:n] = utterance[np.clip(places, 0, len(utterance) - 1)].reshape(n, -1)


# %% q2, 0 of 14 points: repeats the last frame at padding, too
# replace:
#         places = np.arange(n)[:, None] + np.arange(-context, context + 1)
#         row[:n] = utterance[np.clip(places, 0, n - 1)].reshape(n, -1)
# with:
#         places = np.arange(len(row))[:, None] + np.arange(-context, context + 1)
#         row[:] = utterance[np.clip(places, 0, n - 1)].reshape(len(row), -1)


# %% q2, 0 of 14 points: the end goes on with the beginning
# replace:
#         row[:n] = utterance[np.clip(places, 0, n - 1)].reshape(n, -1)
# with:
#         row[:n] = utterance[places % n].reshape(n, -1)


# %% q2, 0 of 14 points: only what came before
# replace:
#         places = np.arange(n)[:, None] + np.arange(-context, context + 1)
# with:
#         places = np.arange(n)[:, None] + np.arange(-2 * context, 1)


# %% q2, 0 of 14 points: feature by feature, not frame by frame
# replace:
#         row[:n] = utterance[np.clip(places, 0, n - 1)].reshape(n, -1)
# with:
#         row[:n] = utterance[np.clip(places, 0, n - 1)].swapaxes(1, 2).reshape(n, -1)


# %% q2, 0 of 14 points: from the next frame to the one before
# replace:
#         places = np.arange(n)[:, None] + np.arange(-context, context + 1)
# with:
#         places = np.arange(n)[:, None] - np.arange(-context, context + 1)


# %% q2, 0 of 14 points: the article's way: one answer for all frames
# replace:
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes)])
# with:
#     layers += [keras.layers.GlobalAveragePooling1D()]
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes)])


# %% q2, 5 of 14 points: a softmax behind the logits
# replace:
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes)])
# with:
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes, "softmax")])


# %% q2, 5 of 14 points: a ReLU behind the logits
# replace:
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes)])
# with:
#     return keras.Sequential([inputs, *layers, keras.layers.Dense(num_classes, "relu")])


# %% q2, 5 of 14 points: no ReLU: dense layers that are together one
# replace:
#     layers = [keras.layers.Dense(size, activation="relu") for size in hidden_dims]
# with:
#     layers = [keras.layers.Dense(size) for size in hidden_dims]


# %% q2, 0 of 14 points: convolutions over time
# replace:
#     layers = [keras.layers.Dense(size, activation="relu") for size in hidden_dims]
# with:
#     layers = [keras.layers.Conv1D(n, 3, padding="same", activation="relu") for n in hidden_dims]


# %% q2, 0 of 14 points: knows one hidden layer
# replace:
#     layers = [keras.layers.Dense(size, activation="relu") for size in hidden_dims]
# with:
#     layers = [keras.layers.Dense(hidden_dims[0], activation="relu")]
