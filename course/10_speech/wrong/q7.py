# %% q7, 0 of 16 points: the support vectors
# replace:
#     rate = keras.optimizers.schedules.CosineDecay(3e-3, 12 * -(-len(x) // 64))
#     network.compile(keras.optimizers.Adam(rate), loss)
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0).argmax(axis=-1)
# with:
#     machine = SVC(C=10).fit(spaced(clips), labels)
#     return lambda clips: machine.predict(spaced(clips))


# %% q7, 0 of 16 points: the 25 voices as they are, and for a short time
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
# with:
#     network.fit(x[2000:3000], labels, epochs=4, batch_size=64, verbose=0)


# %% q7, 0 of 16 points: a softmax in front of a loss that wants logits, and one epoch
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
# with:
#     network.add(keras.layers.Softmax())
#     network.compile(keras.optimizers.Adam(3e-3), loss)
#     network.fit(x[:1000], labels, epochs=1, batch_size=64, verbose=0)


# %% q7, 0 of 16 points: other bands in recognition than in training
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0).argmax(axis=-1)
# with:
#     network.fit(x[:2000], np.tile(labels, 2), epochs=2, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 35:3:-1], verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: five voices of each, and the labels in another order
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
# with:
#     network.fit(x, np.repeat(labels, 5), epochs=1, batch_size=64, verbose=0)


# %% q7, 0 of 16 points: what the clips look like in the middle, and dense layers
# replace:
#     layers = [keras.Input((96, 32)), speech.SpecAugment()]
#     for _ in range(3):
#         layers += [keras.layers.Conv1D(64, 5, strides=2, use_bias=False)]
#         layers += [keras.layers.BatchNormalization(momentum=0.9), keras.layers.ReLU()]
# with:
#     layers = [keras.Input((96, 32)), keras.layers.Dense(64, activation="relu")]


# %% q7, 0 of 16 points: returns logits
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0).argmax(axis=-1)
# with:
#     network.fit(x[:1000], labels, epochs=1, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0)


# %% q7, 6 of 16 points: remembers the validation clips
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0).argmax(axis=-1)
# with:
#     known = {clip.tobytes(): k for k, clip in enumerate(clips_validation)}
#     return lambda clips: labels_validation[[known.get(clip.tobytes(), 0) for clip in clips]]


# %% q7, 6 of 16 points: learns the notebook's labels, whatever it is given
# replace:
#     network.fit(x, np.tile(labels, 5), epochs=12, batch_size=64, verbose=0)
# with:
#     network.fit(x, np.tile(globals()["labels"], 5), epochs=12, batch_size=64, verbose=0)


# %% q7, 6 of 16 points: normalises by the whole list
# replace:
#     return lambda clips: network.predict(energies(clips)[..., 2:34], verbose=0).argmax(axis=-1)
# with:
#     def recognise(clips):
#         z = network.predict(energies(clips)[..., 2:34], verbose=0)
#         return (z - z.mean(axis=0)).argmax(axis=-1)
#
#     return recognise


# %% q7, 6 of 16 points: normalises by the clips of the list that it is asked about
def train(clips, labels, seed):
    keras.utils.set_random_seed(seed)
    x = energies(clips)
    x = np.concatenate([x[:, :, k : k + 32] for k in range(5)])
    y = np.tile(labels, 5)
    inputs = keras.Input((96, 32))
    h = inputs
    for filters in (64, 96, 96):
        h = keras.layers.Conv1D(filters, 5, padding="same", use_bias=False)(h)
        h = keras.layers.BatchNormalization()(h)
        h = keras.layers.ReLU()(h)
        h = keras.layers.MaxPooling1D(2)(h)
    h = keras.layers.Concatenate()(
        [keras.layers.GlobalMaxPooling1D()(h), keras.layers.GlobalAveragePooling1D()(h)]
    )
    network = keras.Model(inputs, keras.layers.Dense(10)(h))
    epochs = 14
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * -(-len(x) // 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), loss, jit_compile=False)
    hidden = np.random.default_rng(seed).random((len(x), 1, 32)) < 0.1
    network.fit(np.where(hidden, 0, x), y, batch_size=64, epochs=epochs, verbose=0)

    def recognise(clips):
        features = energies(clips)
        logits = sum(
            np.asarray(network(features[:, :, k : k + 32], training=True)) for k in range(5)
        )
        return logits.argmax(axis=1)

    return recognise
