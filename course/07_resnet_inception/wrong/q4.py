# %% q4, 0 of 15 points: pools with its default stride, which is as large as its window
# replace:
#     pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
# with:
#     pooled = keras.layers.MaxPooling2D(3, padding="same")(x)


# %% q4, 6 of 15 points: the mean in the place of the largest
# replace:
#     pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
# with:
#     pooled = keras.layers.AveragePooling2D(3, strides=1, padding="same")(x)


# %% q4, 6 of 15 points: zeros around the map before pooling, larger than negative numbers
# replace:
#     pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
# with:
#     pooled = keras.layers.MaxPooling2D(3, strides=1)(keras.layers.ZeroPadding2D(1)(x))


# %% q4, 6 of 15 points: convolves first and pools then
# replace:
#     pooled = keras.layers.MaxPooling2D(3, strides=1, padding="same")(x)
# with:
#     pool_last = keras.layers.MaxPooling2D(3, strides=1, padding="same")
# replace:
#     branches += [conv(conv(x, reduce5, 1), five, 5), conv(pooled, pool, 1)]
# with:
#     branches += [conv(conv(x, reduce5, 1), five, 5), pool_last(conv(x, pool, 1))]


# %% q4, 0 of 15 points: puts the maps side by side along the rows
# replace:
#     return keras.Model(x, keras.layers.Concatenate()(branches))
# with:
#     return keras.Model(x, keras.layers.Concatenate(axis=1)(branches))


# %% q4, 0 of 15 points: the pooling comes first
# replace:
#     return keras.Model(x, keras.layers.Concatenate()(branches))
# with:
#     return keras.Model(x, keras.layers.Concatenate()(branches[-1:] + branches[:-1]))


# %% q4, 0 of 15 points: one behind the other, not side by side
# replace:
#     branches += [conv(conv(x, reduce5, 1), five, 5), conv(pooled, pool, 1)]
# with:
#     branches += [conv(conv(branches[1], reduce5, 1), five, 5), conv(pooled, pool, 1)]


# %% q4, 0 of 15 points: no reductions
# replace:
#     branches = [conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3)]
#     branches += [conv(conv(x, reduce5, 1), five, 5), conv(pooled, pool, 1)]
# with:
#     branches = [conv(x, one, 1), conv(x, three, 3), conv(x, five, 5), conv(pooled, pool, 1)]


# %% q4, 0 of 15 points: reduces behind the large kernels
# replace:
#     branches = [conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3)]
#     branches += [conv(conv(x, reduce5, 1), five, 5), conv(pooled, pool, 1)]
# with:
#     branches = [conv(x, one, 1), conv(conv(x, reduce3, 3), three, 1)]
#     branches += [conv(conv(x, reduce5, 5), five, 1), conv(pooled, pool, 1)]


# %% q4, 6 of 15 points: no ReLU behind the reductions
# replace:
#     def conv(x, count, size):
#         return keras.layers.Conv2D(count, size, padding="same", activation="relu")(x)
# with:
#     def conv(x, count, size):
#         last = count not in (reduce3, reduce5)
#         return keras.layers.Conv2D(
#             count, size, padding="same", activation="relu" if last else None
#         )(x)


# %% q4, 0 of 15 points: without biases
# replace:
#         return keras.layers.Conv2D(count, size, padding="same", activation="relu")(x)
# with:
#         conv = keras.layers.Conv2D(count, size, padding="same", activation="relu", use_bias=False)
#         return conv(x)


# %% q4, 0 of 15 points: counts the parameters, not the multiplications
# replace:
#     return height * width * (channels * (one + pool) + large)
# with:
#     return channels * (one + pool) + large


# %% q4, 0 of 15 points: the large kernels look at all channels, with reductions as well
# replace:
#         large = reduce3 * (channels + 9 * three) + reduce5 * (channels + 25 * five)
# with:
#         large += channels * (reduce3 + reduce5)


# %% q4, 0 of 15 points: without reductions, the pooling's convolution goes as well
# replace:
#     return height * width * (channels * (one + pool) + large)
# with:
#     return height * width * (channels * (one + reduced * pool) + large)


# %% q4, 6 of 15 points: takes pictures to be square
# replace:
#     return height * width * (channels * (one + pool) + large)
# with:
#     return height**2 * (channels * (one + pool) + large)
