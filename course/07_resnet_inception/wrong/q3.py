# %% q3, 0 of 24 points: the article's: no sum at all
# replace:
#     return relu(x + y)
# with:
#     return relu(y)


# %% q3, 0 of 24 points: adds x behind the second ReLU
# replace:
#     return relu(x + y)
# with:
#     return x + relu(y)


# %% q3, 0 of 24 points: a ReLU before the sum, and one behind it
# replace:
#     return relu(x + y)
# with:
#     return relu(x + relu(y))


# %% q3, 9 of 24 points: the sum stands before the second normalisation
# replace:
#     y = conv_norm(y, filters, 3)
#     if stride > 1 or x.shape[-1] != filters:
#         x = conv_norm(x, filters, 1, stride)
#     return relu(x + y)
# with:
#     y = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
#     if stride > 1 or x.shape[-1] != filters:
#         x = conv_norm(x, filters, 1, stride)
#     return relu(keras.layers.BatchNormalization()(x + y))


# %% q3, 9 of 24 points: the second convolution jumps, not the first
# replace:
#     y = relu(conv_norm(x, filters, 3, stride))
#     y = conv_norm(y, filters, 3)
# with:
#     y = relu(conv_norm(x, filters, 3))
#     y = conv_norm(y, filters, 3, stride)


# %% q3, 0 of 24 points: no shortcut of its own where the shape changes
# replace:
#     if stride > 1 or x.shape[-1] != filters:
#         x = conv_norm(x, filters, 1, stride)
# with:


# %% q3, 9 of 24 points: a shortcut of its own only where the stride is 2
# replace:
#     if stride > 1 or x.shape[-1] != filters:
# with:
#     if stride > 1:


# %% q3, 9 of 24 points: a shortcut of its own only where the channels change
# replace:
#     if stride > 1 or x.shape[-1] != filters:
# with:
#     if x.shape[-1] != filters:


# %% q3, 0 of 24 points: a shortcut of its own in every block, so that nothing is passed on as it is
# replace:
#     if stride > 1 or x.shape[-1] != filters:
#         x = conv_norm(x, filters, 1, stride)
# with:
#     x = conv_norm(x, filters, 1, stride)


# %% q3, 9 of 24 points: a ReLU in the shortcut
# replace:
#         x = conv_norm(x, filters, 1, stride)
# with:
#         x = relu(conv_norm(x, filters, 1, stride))


# %% q3, 0 of 24 points: the shortcut is not normalised
# replace:
#         x = conv_norm(x, filters, 1, stride)
# with:
#         x = keras.layers.Conv2D(filters, 1, stride, padding="same", use_bias=False)(x)


# %% q3, 9 of 24 points: the shortcut takes the mean of four pixels before its convolution
# replace:
#         x = conv_norm(x, filters, 1, stride)
# with:
#         x = keras.layers.AveragePooling2D(stride, padding="same")(x)
#         x = conv_norm(x, filters, 1)


# %% q3, 9 of 24 points: one block object for all blocks of a stage, with shared weights
# replace:
#         for block in range(blocks):
#             x = residual_block(x, filters * 2**stage, stride=2 if stage and not block else 1)
# with:
#         x = residual_block(x, filters * 2**stage, stride=2 if stage else 1)
#         start = keras.Input(x.shape[1:])
#         again = keras.Model(start, residual_block(start, filters * 2**stage))
#         for _ in range(blocks - 1):
#             x = again(x)


# %% q3, 9 of 24 points: every block of the later stages jumps
# replace:
#             x = residual_block(x, filters * 2**stage, stride=2 if stage and not block else 1)
# with:
#             x = residual_block(x, filters * 2**stage, stride=2 if stage else 1)


# %% q3, 0 of 24 points: the first stage jumps as well
# replace:
#             x = residual_block(x, filters * 2**stage, stride=2 if stage and not block else 1)
# with:
#             x = residual_block(x, filters * 2**stage, stride=1 if block else 2)


# %% q3, 0 of 24 points: arguments shifted, as in the article
# replace:
#             x = residual_block(x, filters * 2**stage, stride=2 if stage and not block else 1)
# with:
#             x = residual_block(x, blocks, filters * 2**stage)


# %% q3, 9 of 24 points: one block a stage, however many are wanted
# replace:
#         for block in range(blocks):
# with:
#         for block in range(1):


# %% q3, 9 of 24 points: max pooling behind the first convolution, as for large photos
# replace:
#     x = relu(conv_norm(x, filters, 3))
# with:
#     x = keras.layers.MaxPooling2D(3, 2, padding="same")(relu(conv_norm(x, filters, 3)))


# %% q3, 9 of 24 points: softmax behind the last layer
# replace:
#     return keras.Model(inputs, keras.layers.Dense(num_classes)(x))
# with:
#     return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax")(x))


# %% q3, 9 of 24 points: the normalisations always use their moving averages
# replace:
#     return keras.Model(inputs, keras.layers.Dense(num_classes)(x))
# with:
#     network = keras.Model(inputs, keras.layers.Dense(num_classes)(x))
#     for layer in network.layers:
#         layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
#     return network
