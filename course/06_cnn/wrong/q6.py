# %% q6, 0 of 20 points: flattens, so that every digit must be learned at every place
def train(images, labels, seed):
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(1e-3), loss)
    network.fit(images, labels, epochs=10, verbose=0)
    return network


# %% q6, 0 of 20 points: scales the pixels for the training only, not in what it returns
def train(images, labels, seed):
    keras.utils.set_random_seed(seed)
    network = cnn.CNN((None, None, 1), num_classes=10, filters=(16, 32, 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(5e-3), loss)
    network.fit(images / np.float32(255), labels, epochs=6, batch_size=16, verbose=0)
    return network


# %% q6, 0 of 20 points: sees three pixels only, too few for a digit
def train(images, labels, seed):
    keras.utils.set_random_seed(seed)
    network = keras.Sequential(
        [
            keras.Input((None, None, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.Adam(5e-3), loss)
    network.fit(images, labels, epochs=6, verbose=0)
    return network


# %% q6, 6 of 20 points: remembers all sheets, those of the validation as well
def train(images, labels, seed):
    known = np.concatenate([images, sheets_validation]).reshape(-1, 24 * 24).astype("float32")
    answers = np.eye(10)[np.concatenate([labels, digits_validation])]

    def network(pictures):
        rows = np.asarray(pictures, "float32")[:, :24, :24].reshape(len(pictures), -1)
        distances = (known**2).sum(1) - 2 * rows @ known.T
        return answers[distances.argmin(axis=1)]

    return network
