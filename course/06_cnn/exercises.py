# ---
# jupyter:
#   aimodels:
#     title: "Exercises: Convolutional networks"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: Convolutional networks
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
import tensorflow as tf

from aimodels import cnn, data
from aimodels.course import claim, measured

# %% [markdown]
# ## Exercise 1: by hand
#
# The kernel subtracts its left column from its right one. With its middle on the column before the
# line, the line stands under the right weights: three pixels, each 1, so 3. On the line itself,
# left and right are dark: 0. On the column behind it: −3. So each row of the valid map is 3, 0, −3.
#
# With `"same"`, zeros stand around, and with stride 2 the windows' middles are the columns 0, 2 and
# 4 and the rows 0, 2 and 4. The line is at column 2: the window on it sees it in its middle, the
# others do not reach it. All numbers are 0!

# %%
kernel = np.reshape([[-1, 0, 1]] * 3, (3, 3, 1, 1))
line = np.zeros((1, 5, 5, 1), int)
line[0, :, 2, 0] = 1
print(cnn.conv2d(line, kernel)[0, :, :, 0])
print(cnn.conv2d(line, kernel, strides=2, padding="same")[0, :, :, 0])

# %% [markdown]
# A stride can step over what a kernel would have found.
#
# ## Exercise 2: find the faults
#
# There is no validation set to choose the number of epochs, and no test set. One would notice
# nothing: `accuracy` goes up in any case.
#
# The maps are 28 → 26 → 13 → 11 → 5 → 3 pixels high. The receptive fields grow to 3, then 4 (the
# pooling), then $4 + 2 \cdot 2 = 8$, then $8 + 2 = 10$, and at last $10 + 2 \cdot 4 = 18$. The
# parameters: $9 \cdot 1 \cdot 32 + 32$, $9 \cdot 32 \cdot 64 + 64$ and $9 \cdot 64 \cdot 64 + 64$
# in the convolutions. The dense layer sees $3 \cdot 3 \cdot 64 = 576$ numbers, so it has $576 \cdot
# 64 + 64$: exactly as many as the third convolution. No accident: the last map has 3 × 3 places, so
# the dense layer is a 3 × 3 convolution from 64 channels to 64 that fits once.


# %%
def tutorial(size):
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((size, size, 1)),
            *(layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D()),
            layers.Conv2D(64, 3, activation="relu"),
            *(layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dense(10)),
        ]
    )


by_hand = [9 * 32 + 32, 9 * 32 * 64 + 64, 9 * 64 * 64 + 64, 576 * 64 + 64, 64 * 10 + 10]
for size in (28, 56):
    layers = [layer for layer in tutorial(size).layers if layer.weights]
    print(size, "pixels:", [layer.count_params() for layer in layers])
print("by hand  :", by_hand)
print("receptive fields:", [*cnn.receptive_field(tutorial(28)).values()])
assert by_hand == [layer.count_params() for layer in tutorial(28).layers if layer.weights]

# %% [markdown]
# On 56 × 56 pixels the convolutions stay as they are; the dense layer grows to eleven times its
# size, and weights learned at 28 no longer fit. The repair: the mean over all places in place of
# `Flatten` (`cnn.CNN`), pixels scaled, three splits, the test set read once.
#
# ## Exercise 3: any size, really
#
# A digit at a random place of an empty sheet of 12, 16 or 24 pixels; each epoch sees all three. The
# other network sees as many pictures, all of 12 pixels.

# %%
splits = data.arrays("digits", ["train[:60%]", "train[60%:75%]"])
(x, y), (x_judge, y_judge) = [(scans / np.float32(16), labels) for scans, labels in splits]


def sheets(digits, size, seed):
    """Each digit at a random place of an empty sheet."""
    dice = np.random.default_rng(seed)
    found = np.zeros((len(digits), size, size, 1), "float32")
    for one, digit in zip(found, digits, strict=True):
        i, j = dice.integers(0, size - 7, 2)
        one[i : i + 8, j : j + 8] = digit
    return found


def compiled(model):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


def trained(sizes, rounds):
    keras.utils.set_random_seed(1)
    model = compiled(cnn.CNN((None, None, 1), 10, filters=(32, 64, 64)))
    for i in range(rounds):
        for size in sizes:
            model.fit(sheets(x, size, (i, size)), y, verbose=0)
    return model


# %%
one_size, three_sizes = trained([12], 15), trained([12, 16, 24], 5)
for size in (12, 24, 48):
    at_size = sheets(x_judge, size, 0)
    scores = [np.mean(np.argmax(m(at_size), axis=-1) == y_judge)
              for m in (one_size, three_sizes)]  # fmt: skip
    print(size, "pixels:", [measured(score) for score in scores])
    if size == 24:
        claim("24 pixels, one size", scores[0], at_least=0.6)
        claim("24 pixels: gain of three sizes", scores[1] - scores[0], at_least=0.04)
    if size == 48:
        claim("48 pixels, one size", scores[0], at_most=0.6)
        claim("48 pixels, three sizes", scores[1], at_least=0.85)

# %% [markdown]
# A surprise: it reads 48 pixels, too, a size that it never saw. With one size a network may count
# on how much of the mean comes from the digit. With three it cannot; so it had to find something
# that holds at any. (That it holds at 48 we know only because we measured it.)
#
# ## Exercise 4: a fair opponent
#
# The flattened network, and as many steps, once with the centred pictures, once with copies moved
# by up to two pixels.


# %%
def centred(digits):
    return np.pad(digits, [(0, 0), (2, 2), (2, 2), (0, 0)])


def flattened():
    stages = cnn.CNN((12, 12, 1), 10, filters=(32, 64, 64))
    rows = keras.layers.Flatten()(stages.get_layer("relu3").output)
    return compiled(keras.Model(stages.input, keras.layers.Dense(10)(rows)))


def over_moves(model):
    """Mean accuracy over all moves by up to two pixels."""
    moves = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
    moved = [np.roll(centred(x_judge), move, axis=(1, 2)) for move in moves]
    return np.mean([np.argmax(model(m), axis=-1) == y_judge for m in moved])


# %%
results = {}
for name in ("centred", "moved copies"):
    keras.utils.set_random_seed(1)
    model = flattened()
    for i in range(12):
        model.fit(centred(x) if name == "centred" else sheets(x, 12, i), y, verbose=0)
    results[name] = over_moves(model)
claim("Flatten + Dense, centred copies", results["centred"], at_most=0.7)
claim("with moved copies", results["moved copies"], at_least=0.85)
keras.utils.set_random_seed(1)
averaged = compiled(cnn.CNN((None, None, 1), 10, filters=(32, 64, 64)))  # the lesson's
averaged.fit(centred(x), y, epochs=12, verbose=0)
ahead = results["moved copies"] - over_moves(averaged)
claim("above the lesson's CNN, centred copies, by", ahead, at_least=0.03)

# %% [markdown]
# It overtakes: over the same moves the lesson's CNN, which saw centred pictures only, stays below
# that. What the architecture does not know, the data can teach. But it paid with examples of every
# place. The fair next step: give the CNN the moved copies, too.
#
# ## Exercise 5: random eyes

# %%
scores = {}
for name in ("learned", "random"):
    keras.utils.set_random_seed(1)
    model = cnn.CNN((None, None, 1), 10, filters=(32, 64, 64))
    for layer in model.layers:
        if layer.name.startswith("conv"):
            layer.trainable = name == "learned"
    compiled(model).fit(centred(x), y, epochs=12, verbose=0)
    scores[name] = np.mean(np.argmax(model(centred(x_judge)), axis=-1) == y_judge)
    trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    print(f"{name} kernels: {trainable:,} numbers learn")
claim("learned kernels", scores["learned"], at_least=0.95)
claim("random kernels", scores["random"], at_least=0.6, at_most=0.97)

# %% [markdown]
# With random kernels, and less than two hundredths of the numbers learning, it is far above chance:
# among many random edges there are useful ones. Learned ones are better.
#
# ## Exercise 6: the gradient with respect to the picture
#
# A pixel is multiplied with weight $(m, n)$ on its way to the place $(i - m, j - n)$ of the map. So
# its gradient collects the map's gradients from above and to the left: the kernel turned around.

# %%
rng = np.random.default_rng(0)
picture = tf.constant(rng.normal(size=(1, 6, 6, 1)))
weights, of_map = rng.normal(size=(3, 3, 1, 1)), rng.normal(size=(1, 4, 4, 1))
with tf.GradientTape() as tape:
    tape.watch(picture)
    loss = tf.reduce_sum(of_map * tf.nn.conv2d(picture, weights, 1, "VALID"))
by_tape = tape.gradient(loss, picture).numpy()
padded = np.pad(of_map, [(0, 0), (2, 2), (2, 2), (0, 0)])
difference = np.abs(cnn.conv2d(padded, weights[::-1, ::-1]) - by_tape).max()
claim("from the tape's gradient", difference, at_most=1e-10)

# %% [markdown]
# That is a true convolution, the one with the turn. (Chapter 09 makes a layer of it.)
#
# ## Exercise 7: two thin kernels

# %%
digit = data.arrays("digits", "train[:1]")[0].astype(int)
column, row = np.reshape([1, 1, 1], (3, 1, 1, 1)), np.reshape([-1, 0, 1], (1, 3, 1, 1))
thin = cnn.conv2d(cnn.conv2d(digit, column), row)
claim("two thin kernels: differ by", np.abs(thin - cnn.conv2d(digit, kernel)).max(), at_most=0)
print("7 × 7:", 7 * 7, "multiplications; two thin kernels:", 7 + 7)

# %% [markdown]
# Only kernels that are a column times a row can be split so (their rank is 1).
