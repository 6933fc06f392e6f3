# %% q5, 0 of 20 points: the article's network: one size, flattened, softmax
def build_network(channels, num_classes, filters):
    layers = [keras.Input((32, 32, channels)), keras.layers.Rescaling(1 / 255)]
    for count in filters:
        layers += [keras.layers.Conv2D(count, 3, activation="relu"), keras.layers.MaxPooling2D()]
    layers += [keras.layers.Flatten(), keras.layers.Dense(512, activation="relu")]
    network = keras.Sequential([*layers, keras.layers.Dense(num_classes, activation="softmax")])
    network.compile("adam", "categorical_crossentropy")
    return network


# %% q5, 0 of 20 points: softmax in the last layer, and a loss that is told it gets logits
def build_network(channels, num_classes, filters):
    layers = [keras.Input((None, None, channels)), keras.layers.Rescaling(1 / 255)]
    for i, count in enumerate(filters):
        layers += [keras.layers.MaxPooling2D()] if i > 0 else []
        layers += [keras.layers.Conv2D(count, 3, padding="same", activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D()]
    network = keras.Sequential([*layers, keras.layers.Dense(num_classes, activation="softmax")])
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


# %% q5, 0 of 20 points: nobody scales the pixels
def build_network(channels, num_classes, filters):
    layers = [keras.Input((None, None, channels))]
    for i, count in enumerate(filters):
        layers += [keras.layers.MaxPooling2D()] if i > 0 else []
        layers += [keras.layers.Conv2D(count, 3, padding="same", activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes)]
    network = keras.Sequential(layers)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


# %% q5, 7 of 20 points: pools behind the last convolution, too
def build_network(channels, num_classes, filters):
    layers = [keras.Input((None, None, channels)), keras.layers.Rescaling(1 / 255)]
    for count in filters:
        layers += [keras.layers.Conv2D(count, 3, padding="same", activation="relu")]
        layers += [keras.layers.MaxPooling2D()]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes)]
    network = keras.Sequential(layers)
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return network


# %% q5, 0 of 20 points: a loss that takes the logits for probabilities
def build_network(channels, num_classes, filters):
    layers = [keras.Input((None, None, channels)), keras.layers.Rescaling(1 / 255)]
    for i, count in enumerate(filters):
        layers += [keras.layers.MaxPooling2D()] if i > 0 else []
        layers += [keras.layers.Conv2D(count, 3, padding="same", activation="relu")]
    layers += [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(num_classes)]
    network = keras.Sequential(layers)
    network.compile("adam", "sparse_categorical_crossentropy")
    return network


# %% q5, 13 of 20 points: compiled with plain gradient descent, not with Adam
# replace:
#     network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
# with:
#     network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))


# %% q5, 13 of 20 points: compiled with RMSprop, whose first step looks like Adam's
# replace:
#     network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
# with:
#     network.compile("rmsprop", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
