# %% q6, 0 of 20 points: flattens, so that every digit must be learned at every place
# replace:
#     shape = (None, None, 1)
# with:
#     shape = (24, 24, 1)
# replace:
#             cnn.CNN(shape, num_classes=10, filters=(24, 48, 48)),
# with:
#             keras.layers.Flatten(),
#             keras.layers.Dense(256, activation="relu"),
#             keras.layers.Dense(10),


# %% q6, 0 of 20 points: scales the pixels for the training only, not in what it returns
# replace:
#             keras.layers.Rescaling(1 / 255),
# with:
# replace:
#     network.fit(images, labels, epochs=5, batch_size=16, verbose=0)
# with:
#     network.fit(images / np.float32(255), labels, epochs=5, batch_size=16, verbose=0)


# %% q6, 0 of 20 points: sees three pixels only, too few for a digit
# replace:
#             cnn.CNN(shape, num_classes=10, filters=(24, 48, 48)),
# with:
#             keras.layers.Conv2D(32, 3, activation="relu"),
#             keras.layers.GlobalAveragePooling2D(),
#             keras.layers.Dense(10),


# %% q6, 14 of 20 points: probabilities in the place of logits
# replace:
#     network.fit(images, labels, epochs=5, batch_size=16, verbose=0)
#     return network
# with:
#     network.fit(images, labels, epochs=5, batch_size=16, verbose=0)
#     return keras.Sequential([network, keras.layers.Softmax()])


# %% q6, 0 of 20 points: shrinks the whole photo, whatever paper is around the digit
# replace:
#     ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
# with:


# %% q6, 6 of 20 points: adds bytes, which overflow at 255
# replace:
#     ink = photo < (float(photo.min()) + photo.max()) / 2
# with:
#     ink = photo < (photo.min() + photo.max()) / 2


# %% q6, 6 of 20 points: takes paper to be lighter than 115, whatever the light
# replace:
#     ink = photo < (float(photo.min()) + photo.max()) / 2
# with:
#     ink = photo < 115


# %% q6, 6 of 20 points: one seed of its own, whichever is asked for
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     keras.utils.set_random_seed(42)


# %% q6, 6 of 20 points: learns from the whole data set, the digits kept aside as well
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     images, labels = scatter(*data.arrays("digits", "train"), seed=4)
#     keras.utils.set_random_seed(seed)


# %% q6, 6 of 20 points: remembers all sheets, those of the validation as well
# replace:
#     return network
# with:
#     known = np.concatenate([images, sheets_validation]).reshape(-1, 24 * 24).astype("float32")
#     answers = np.eye(10)[np.concatenate([labels, digits_validation])]
#     answers = 2 * answers
#
#     def look_up(pictures):
#         rows = np.asarray(pictures, "float32")[:, :24, :24].reshape(len(pictures), -1)
#         distances = (known**2).sum(1) - 2 * rows @ known.T
#         return answers[distances.argmin(axis=1)]
#
#     return look_up
