# %% q5, 0 of 18 points: the article's network: pooled over all places, softmax
# replace:
#     return keras.Model(inputs, keras.layers.Conv2D(num_anchors * (5 + num_classes), 1)(x))
# with:
#     x = keras.layers.GlobalAveragePooling2D()(x)
#     return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% q5, 0 of 18 points: bytes go into the backbone as they are
# replace:
#     x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
# with:


# %% q5, 0 of 18 points: pixels from 0 to 1
# replace:
#     x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
# with:
#     x = keras.layers.Rescaling(1 / 255)(x)


# %% q5, 0 of 18 points: x from the row and y from the column
# replace:
#     cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1)[:, :, None]
# with:
#     cells = np.stack(np.mgrid[:rows, :columns], axis=-1)[:, :, None]


# %% q5, 0 of 18 points: the place alone, without the step inside the cell
# replace:
#     middle = (cells + 1 / (1 + np.exp(-t[..., :2]))) * stride
# with:
#     middle = cells * stride


# %% q5, 0 of 18 points: sizes in proportion, not as an exponent
# replace:
#     half = anchors * np.exp(t[..., 2:4]) / 2
# with:
#     half = anchors * (1 + t[..., 2:4]) / 2


# %% q5, 0 of 18 points: the middle is taken for the left upper corner
# replace:
#     boxes = np.concatenate([middle - half, middle + half], axis=-1)
# with:
#     boxes = np.concatenate([middle, middle + 2 * half], axis=-1)


# %% q5, 0 of 18 points: forgets the objectness
# replace:
#     scores = classes / classes.sum(axis=-1, keepdims=True) / (1 + np.exp(-t[..., 4:5]))
# with:
#     scores = classes / classes.sum(axis=-1, keepdims=True)


# %% q5, 0 of 18 points: a map that fits one size of picture
# replace:
#     x = inputs = keras.Input((None, None, channels))
# with:
#     x = inputs = keras.Input((64, 64, channels))


# %% q5, 0 of 18 points: the anchors one after the other, not cell by cell
# replace:
#     t = np.reshape(outputs, (batch, rows, columns, len(anchors), -1))
# with:
#     t = np.reshape(outputs, (batch, rows, columns, -1, len(anchors))).swapaxes(3, 4)


# %% q5, 0 of 18 points: a ReLU behind the outputs as well
# replace:
#     return keras.Model(inputs, keras.layers.Conv2D(num_anchors * (5 + num_classes), 1)(x))
# with:
#     outputs = keras.layers.Conv2D(num_anchors * (5 + num_classes), 1, activation="relu")(x)
#     return keras.Model(inputs, outputs)


# %% q5, 0 of 18 points: a sigmoid for each class
# replace:
#     scores = classes / classes.sum(axis=-1, keepdims=True) / (1 + np.exp(-t[..., 4:5]))
# with:
#     scores = 1 / (1 + np.exp(-t[..., 5:])) / (1 + np.exp(-t[..., 4:5]))
