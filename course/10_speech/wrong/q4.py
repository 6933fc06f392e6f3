# %% q4, 0 of 17 points: the article's network: the last state only
# replace:
#     lstm = keras.layers.LSTM(units, return_sequences=True)
# with:
#     lstm = keras.layers.LSTM(units)


# %% q4, 0 of 17 points: reads forwards only
# replace:
#     layers = [keras.Input((None, num_features)), keras.layers.Bidirectional(lstm)]
# with:
#     layers = [keras.Input((None, num_features)), lstm]


# %% q4, 0 of 17 points: no place for the blank
# replace:
#     return keras.Sequential([*layers, keras.layers.Dense(num_symbols + 1)])
# with:
#     return keras.Sequential([*layers, keras.layers.Dense(num_symbols)])


# %% q4, 0 of 17 points: adds both directions
# replace:
#     layers = [keras.Input((None, num_features)), keras.layers.Bidirectional(lstm)]
# with:
#     both = keras.layers.Bidirectional(lstm, merge_mode="sum")
#     layers = [keras.Input((None, num_features)), both]


# %% q4, 6 of 17 points: a softmax behind the logits
# replace:
#     return keras.Sequential([*layers, keras.layers.Dense(num_symbols + 1)])
# with:
#     return keras.Sequential([*layers, keras.layers.Dense(num_symbols + 1, "softmax")])


# %% q4, 0 of 17 points: the plain cell of the article's formulas
# replace:
#     lstm = keras.layers.LSTM(units, return_sequences=True)
# with:
#     lstm = keras.layers.SimpleRNN(units, return_sequences=True)


# %% q4, 0 of 17 points: reads the padding, and cuts the answer off afterwards
# replace:
#         path = np.argmax(network(utterance[None, :n])[0], axis=-1)
# with:
#         path = np.argmax(network(utterance[None])[0], axis=-1)[:n]


# %% q4, 0 of 17 points: reads and answers the padding
# replace:
#         path = np.argmax(network(utterance[None, :n])[0], axis=-1)
# with:
#         path = np.argmax(network(utterance[None])[0], axis=-1)


# %% q4, 6 of 17 points: takes silence for padding
# replace:
#         path = np.argmax(network(utterance[None, :n])[0], axis=-1)
# with:
#         real = utterance[:n][np.any(utterance[:n] != 0, axis=-1)]
#         path = np.argmax(network(real[None])[0], axis=-1)
# replace:
#     layers = [keras.Input((None, num_features)), keras.layers.Bidirectional(lstm)]
# with:
#     layers = [keras.Input((None, num_features)), keras.layers.Bidirectional(lstm)]
#     layers.insert(1, keras.layers.SpatialDropout1D(0.5))


# %% q4, 0 of 17 points: drops blanks first, and repetitions then
# replace:
#         new = np.diff(path, prepend=0) != 0
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         path = path[path > 0]
#         texts.append("".join(alphabet[v - 1] for v in path[np.diff(path, prepend=0) != 0]))


# %% q4, 0 of 17 points: keeps repetitions
# replace:
#         new = np.diff(path, prepend=0) != 0
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         texts.append("".join(alphabet[v - 1] for v in path[path > 0]))


# %% q4, 0 of 17 points: the blank is the last symbol
# replace:
#         new = np.diff(path, prepend=0) != 0
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         new = np.diff(path, prepend=-1) != 0
#         texts.append("".join(alphabet[v] for v in path[new & (path < len(alphabet))]))


# %% q4, 0 of 17 points: symbol 1 is the second character
# replace:
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         texts.append("".join((alphabet + "?")[v] for v in path[new & (path > 0)]))


# %% q4, 0 of 17 points: each symbol once
# replace:
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         texts.append("".join(dict.fromkeys(alphabet[v - 1] for v in path if v > 0)))
# replace:
#         new = np.diff(path, prepend=0) != 0
# with:


# %% q4, 6 of 17 points: tidies the spaces up, which may be symbols
# replace:
#         texts.append("".join(alphabet[v - 1] for v in path[new & (path > 0)]))
# with:
#         text = "".join(alphabet[v - 1] for v in path[new & (path > 0)])
#         texts.append(" ".join(text.split()))
