# %% q6, 0 of 16 points: the default momentum: after 340 batches the averages are not there yet
# replace:
#     x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3, momentum=0.9))
# with:
#     x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3))
# replace:
#         y = relu(conv_norm(x, filters, 3, stride, momentum=0.9))
#         y = conv_norm(y, filters, 3, momentum=0.9)
#         x = relu(y + (x if stride == 1 else conv_norm(x, filters, 1, stride, momentum=0.9)))
# with:
#         y = relu(conv_norm(x, filters, 3, stride))
#         y = conv_norm(y, filters, 3)
#         x = relu(y + (x if stride == 1 else conv_norm(x, filters, 1, stride)))


# %% q6, 6 of 16 points: normalises with the batch in inference, too
# replace:
#     return network
# with:
#     return lambda images: network(images, training=True)


# %% q6, 0 of 16 points: one layer on the pixels, which is linear
# replace:
#     x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3, momentum=0.9))
#     for filters, stride in [(16, 1), (32, 2), (64, 2)]:
#         y = relu(conv_norm(x, filters, 3, stride, momentum=0.9))
#         y = conv_norm(y, filters, 3, momentum=0.9)
#         x = relu(y + (x if stride == 1 else conv_norm(x, filters, 1, stride, momentum=0.9)))
# with:
#     x = keras.layers.Rescaling(1 / 255)(inputs)


# %% q6, 0 of 16 points: a dense network that reads each pixel at its place
# replace:
#     inputs = keras.Input((None, None, 1))
# with:
#     inputs = keras.Input((24, 24, 1))
# replace:
#     x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3, momentum=0.9))
#     for filters, stride in [(16, 1), (32, 2), (64, 2)]:
#         y = relu(conv_norm(x, filters, 3, stride, momentum=0.9))
#         y = conv_norm(y, filters, 3, momentum=0.9)
#         x = relu(y + (x if stride == 1 else conv_norm(x, filters, 1, stride, momentum=0.9)))
#     x = keras.layers.GlobalAveragePooling2D()(x)
# with:
#     x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
#     x = keras.layers.Dense(256, activation="relu")(x)


# %% q6, 0 of 16 points: sees five pixels only, too few for a large digit
# replace:
#     for filters, stride in [(16, 1), (32, 2), (64, 2)]:
# with:
#     for filters, stride in []:


# %% q6, 0 of 16 points: trains for one epoch
# replace:
#     network.fit(images, labels, epochs=5, batch_size=32, verbose=0)
# with:
#     network.fit(images, labels, epochs=1, batch_size=64, verbose=0)


# %% q6, 0 of 16 points: scales the pixels for the training only, not in what it returns
# replace:
#     x = relu(conv_norm(keras.layers.Rescaling(1 / 255)(inputs), 16, 3, momentum=0.9))
# with:
#     x = relu(conv_norm(inputs, 16, 3, momentum=0.9))
# replace:
#     network.fit(images, labels, epochs=5, batch_size=32, verbose=0)
# with:
#     network.fit(images / np.float32(255), labels, epochs=5, batch_size=32, verbose=0)


# %% q6, 10 of 16 points: softmax behind the last layer (Keras's loss takes the logits before it)
# replace:
#     network = keras.Model(inputs, keras.layers.Dense(10)(x))
# with:
#     network = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))


# %% q6, 10 of 16 points: probabilities in the place of logits
# replace:
#     return network
# with:
#     return keras.Sequential([network, keras.layers.Softmax()])


# %% q6, 6 of 16 points: the same seed, whichever is given
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     keras.utils.set_random_seed(1)


# %% q6, 6 of 16 points: no seed at all
# replace:
#     keras.utils.set_random_seed(seed)
# with:


# %% q6, 6 of 16 points: trains on the labels of the notebook, not on those that it is given
# replace:
#     network.fit(images, labels, epochs=5, batch_size=32, verbose=0)
# with:
#     network.fit(images, digits[: len(images)], epochs=5, batch_size=32, verbose=0)


# %% q6, 6 of 16 points: trains on the writers that are kept aside as well
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     keras.utils.set_random_seed(seed)
#     others = post(*data.arrays("digits", "train[75%:]"), seed=seed)
#     images, labels = np.concatenate([images, others[0]]), np.concatenate([labels, others[1]])
