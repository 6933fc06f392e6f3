# ---
# jupyter:
#   aimodels:
#     title: Convolutional networks
#     goals:
#       - compute a convolution and a pooling by hand, and the size of the map that comes out
#       - say where a network keeps its parameters, and build a head that needs 99 % fewer
#       - train with training, validation and test data kept apart, and prove that it learned
#       - "look inside it: filters, feature maps, mistakes"
#       - "recognise results that deceive: learned by heart, chosen on the test set, known writers"
#     prerequisites: [01_foundations]
#     minutes: 80
#     repairs: [000-4.2.1, 003-1.4.1, 004-4.1]
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Convolutional networks
#
# **You will be able to**
#
# - compute a convolution and a pooling by hand, and the size of the map that comes out;
# - say where a network keeps its parameters, and build a head that needs 99 % fewer;
# - train with training, validation and test data kept apart, and prove that it learned;
# - look inside it: filters, feature maps, mistakes;
# - recognise results that deceive: learned by heart, chosen on the test set, known writers.
#
# **Before this:** 01_foundations. **About 80 minutes.**
# **Repairs:** article 000 §4.2.1, article 003 §1.4.1, article 004 §4.1.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

from aimodels import cnn, data, plots
from aimodels.course import claim, measured, recorded

# %% [markdown]
# ## One small window, moved over a picture
#
# Our pictures are real: 1,797 digits that people wrote on forms, scanned to 8 × 8 pixels. A pixel
# counts ink, from 0 (paper) to 16.

# %%
scans, labels = data.arrays("digits")
digit = scans[labels == 0][0, :, :, 0].astype(int)
print(scans.shape, scans.dtype, "from", scans.min(), "to", scans.max())
print("we take the first of", np.sum(labels == 0), "zeros")

# %% [markdown]
# A convolutional layer owns a **kernel**, a small table of weights. It lays the kernel on the
# picture, multiplies each weight with the pixel under it, and adds the products up. That is one
# number of the result. Then the kernel moves on by one pixel. The articles' lost formula says just
# this, for a kernel $w$ of $k \times k$ weights:
#
# $$ y_{ij} = \sum_{m=0}^{k-1}\sum_{n=0}^{k-1} x_{i+m,\,j+n}\; w_{mn} $$
#
# Our first kernel subtracts the left column from the right one. Where will it answer with a large
# positive number, where with a negative one, and where with 0? Think of an edge between paper and
# ink.

# %%
kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])
patch = digit[2:5, 0:3]
print(patch, "\n\nproducts added up:", (patch * kernel).sum())

# %% [markdown]
# One number is done. Two loops do them all. How many places are there for a 3 × 3 window on an
# 8 × 8 picture?

# %%
by_hand = np.zeros((6, 6), int)
for i in range(6):
    for j in range(6):
        by_hand[i, j] = (digit[i : i + 3, j : j + 3] * kernel).sum()

print(by_hand)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 4), width_ratios=[8, 3, 6], layout="constrained")
plots.pixels(digit, "the digit $x$", axes[0])
plots.pixels(kernel, "the kernel $w$", axes[1])
plots.pixels(by_hand, "the map $y$", axes[2])
window = {"fill": False, "edgecolor": "tab:green", "linewidth": 3}
axes[0].add_patch(plt.Rectangle((-0.5, 1.5), 3, 3, **window))
axes[2].add_patch(plt.Rectangle((-0.5, 1.5), 1, 1, **window))
plt.show()

# %% [markdown]
# The green window became the green number. Walk along that row of the map: red, ink begins; blue,
# it ends at the hole of the zero; red, it begins again; blue, it ends for good. Where the left and
# the right column are alike, the answer is near 0, even with a dark stroke between them: see the 9.
# This kernel only compares left with right.

# %%
print("the green row:", by_hand[2])
print("the window of its 9:", *digit[2:5, 4:7], sep="\n")
assert by_hand[2, 4] == 9
assert np.array_equal(np.sign(by_hand[2]), [1, -1, -1, 1, 1, -1])

# %% [markdown]
# `cnn.conv2d` does the same for a whole batch (pictures, height, width, channels) and for several
# kernels (height, width, channels, filters) at once.

# %%
x = digit[None, :, :, None]
y = cnn.conv2d(x, kernel[:, :, None, None])
print(x.shape, "->", y.shape)
assert np.array_equal(y[0, :, :, 0], by_hand)

# %% [markdown]
# ## Other weights, other eyes
#
# Nothing about the window changes when we change its weights, but what it sees does. A photograph
# shows it better than 64 pixels. (It comes with scikit-learn; by danielbuechele, CC BY 2.0.)

# %%
from sklearn.datasets import load_sample_image

photo = load_sample_image("china.jpg")[20:320, 60:360].mean(axis=-1) / 255  # grey, 0 to 1
kernels = {
    "vertical edges": kernel,
    "horizontal edges": kernel.T,
    "details": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
}
bank = np.stack(list(kernels.values()), axis=-1)[:, :, None, :]
maps = cnn.conv2d(photo[None, :, :, None], bank)[0]
print(photo.shape, "with", bank.shape, "->", maps.shape)

# %%
figure, axes = plt.subplots(1, 4, figsize=(9, 2.6), layout="constrained")
axes[0].imshow(photo, cmap="gray")
axes[0].set_title("the photograph")
for ax, title, picture in zip(axes[1:], kernels, np.moveaxis(maps, -1, 0), strict=True):
    ax.imshow(picture, cmap="RdBu_r", vmin=-1, vmax=1)
    ax.set_title(title)
for ax in axes:
    ax.set_axis_off()
plt.show()

# %% [markdown]
# One photograph, three opinions of it. In the first map red is a change from dark to bright, read
# from left to right; in the second, from top to bottom. In the third, red is a pixel brighter than
# its neighbours: details in every direction. (For the digits, large numbers were dark ink; here
# they are light.) Find the columns and the roofs. The sky is white in all three maps. Why?

# %%
sky = np.abs(maps[:60, :60]).mean(axis=(0, 1)) / np.abs(maps).mean(axis=(0, 1))
for name, share in zip(kernels, sky, strict=True):
    claim(f"{name}: answer of the sky, as a share of the mean answer", share, at_most=0.25)

# %% [markdown]
# The second kernel is the first one with rows and columns exchanged. So exchange them in the
# photograph too: is its map the first map, exchanged?

# %%
exchanged = cnn.conv2d(photo.T[None, :, :, None], bank[..., [1]])[0, :, :, 0]
assert np.allclose(exchanged, maps[:, :, 0].T)
print("kernel and photograph exchanged: the same map, exchanged")

# %% [markdown]
# People designed such kernels by hand for decades. A convolutional network *learns* them, by
# gradient descent ([LeCun et al. 1998](#lecun1998)).

# %% [markdown]
# ## A name that is not quite right
#
# The articles call this operation convolution. In mathematics, convolution turns the kernel
# by 180° before it slides. What we have computed, without the turn, is called
# **cross-correlation**. Which of the two does a Keras layer compute? We do not guess; we measure.

# %%
rng = np.random.default_rng(0)
pictures = rng.normal(size=(2, 9, 9, 3)).astype("float32")
layer = keras.layers.Conv2D(4, 3)
theirs = layer(pictures).numpy()
weights = layer.kernel.numpy()

# %%
correlation = np.abs(cnn.conv2d(pictures, weights) - theirs).max()
convolution = np.abs(cnn.convolve2d(pictures, weights) - theirs).max()
claim("Conv2D and cross-correlation differ by", correlation, at_most=1e-5)
claim("Conv2D and true convolution differ by", convolution, at_least=0.1)

# %% [markdown]
# `Conv2D` is a cross-correlation. Does it matter? A network learns its weights: whichever rule we
# choose, it will learn the kernel that fits. It matters when you copy weights, or formulas, between
# programs. A single bright pixel shows which rule a program follows: true convolution prints the
# kernel, correlation prints it turned around.

# %%
pixel = np.zeros((1, 5, 5, 1), int)
pixel[0, 2, 2, 0] = 1
numbered = np.arange(1, 10).reshape(3, 3, 1, 1)
print("convolution\n", cnn.convolve2d(pixel, numbered)[0, :, :, 0])
print("correlation\n", cnn.conv2d(pixel, numbered)[0, :, :, 0])

# %% [markdown]
# ## How large is the map?
#
# Two choices decide. **Padding**: `"valid"` lets the window go only where it fits; `"same"` first
# puts zeros around the picture. **Strides**: how far the window jumps. For $H$ pixels, a window of
# $k$ and stride $s$ ([Dumoulin & Visin 2016](#dumoulin2016)):
#
# $$ H'_{\text{valid}} = \left\lfloor \frac{H - k}{s} \right\rfloor + 1, \qquad
#    H'_{\text{same}} = \left\lceil \frac{H}{s} \right\rceil $$
#
# Cover the output and fill in the last column yourself.

# %%
for size, k, strides, padding in [
    (8, 3, 1, "valid"),
    (8, 3, 1, "same"),
    (28, 5, 2, "valid"),
    (28, 5, 2, "same"),
    (224, 7, 2, "same"),
]:
    y = cnn.conv2d(np.zeros((1, size, size, 1)), np.zeros((k, k, 1, 1)), None, strides, padding)
    print(f"{size:>3} pixels, window {k}, stride {strides}, {padding:<5} -> {y.shape[1]}")

# %% [markdown]
# Now the whole layer, the formula that article 000 lost. The input has $D$ channels, numbered $d$
# (a colour picture has three); the layer has $F$ filters, numbered $c$, each with a kernel through
# *all* channels and one bias:
#
# $$ Y_{ijc} = \mathrm{ReLU}\Bigl(b_c + \sum_{m,n,d} K_{mndc}\; X_{i+m,\,j+n,\,d}\Bigr) $$
#
# How many parameters is that? The picture's size does not appear in $K$ at all. The layer has
# $k \cdot k \cdot D \cdot F + F$ of them, for a stamp or for a poster. (The same idea with a window
# that moves in one direction only, `Conv1D`, reads sound and text.)

# %%
layer = keras.layers.Conv2D(32, 3, activation="relu")
for size in (28, 224):
    print(size, "pixels:", layer(np.zeros((1, size, size, 3))).shape, layer.count_params())
assert layer.count_params() == 3 * 3 * 3 * 32 + 32

# %% [markdown]
# ## Pooling
#
# Once we know *that* there is an edge, its exact pixel is less important. **Pooling** keeps one
# number of each window: the largest, or the mean.
#
# $$ y_{ij} = \max_{0\le m,n<k}\, x_{si+m,\,sj+n} \qquad\text{or}\qquad
#    y_{ij} = \frac1{k^2}\sum_{m,n} x_{si+m,\,sj+n} $$

# %%
edges = by_hand[None, :, :, None]
largest, mean = cnn.max_pool2d(edges), cnn.average_pool2d(edges)
print(edges.shape, "->", largest.shape)

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), width_ratios=[6, 3, 3], layout="constrained")
plots.pixels(by_hand, "the map of edges", axes[0])
plots.pixels(largest[0, :, :, 0], "largest of 2 × 2", axes[1])
plots.pixels(mean[0, :, :, 0], "mean of 2 × 2", axes[2], digits=1)
for place in (1.5, 3.5):
    axes[0].axhline(place, color="tab:green")
    axes[0].axvline(place, color="tab:green")
plt.show()

# %% [markdown]
# Follow one green square with your finger. The maximum keeps the strongest "ink begins" and forgets
# the strong "ink ends"; in the mean, a beginning and an end can cancel each other.
#
# Articles 002 and 004 say that pooling reduces the number of parameters. Before you run the cell:
# how many parameters has a pooling layer? And how many does it save in the convolution behind it?


# %%
def small_network(pooling, head):
    layers = [keras.Input((28, 28, 1)), keras.layers.Conv2D(16, 3, padding="same")]
    layers += [keras.layers.MaxPooling2D()] if pooling else []
    layers += [keras.layers.Conv2D(32, 3, padding="same"), head(), keras.layers.Dense(10)]
    return keras.Sequential(layers).count_params()


# %%
for head in (keras.layers.GlobalAveragePooling2D, keras.layers.Flatten):
    without, with_pooling = small_network(False, head), small_network(True, head)
    print(f"{head.__name__:<23} without {without:>8,}   with pooling {with_pooling:>7,}")

# %% [markdown]
# In the first row, nothing changes: pooling has no parameters, and the kernels behind it are as
# large as before. It saves *computation*. The second row shrinks only because of what `Flatten`
# does.

# %% [markdown]
# ## The network of article 000: where are its 44 million parameters?
#
# The article classifies 224 × 224 pictures. We write its network again in our own words: three
# convolutions, each followed by pooling, then the last map flattened into one long row, and a dense
# layer of 512. Guess first: which layer holds most of the parameters, and what share of them?


# %%
def three_stages(size):
    x = inputs = keras.Input((size, size, 3))
    for filters in (32, 64, 128):
        x = keras.layers.Conv2D(filters, 3, activation="relu", name=f"conv{filters}")(x)
        x = keras.layers.MaxPooling2D()(x)
    return inputs, x


# %%
inputs, features = three_stages(224)
x = keras.layers.Flatten()(features)
x = keras.layers.Dense(512, activation="relu", name="dense512")(x)
flat = keras.Model(inputs, keras.layers.Dense(10, name="dense10")(x))

counts = {layer.name: layer.count_params() for layer in flat.layers if layer.weights}
total = flat.count_params()
print(f"last map {features.shape[1:]}, flattened {np.prod(features.shape[1:]):,}")
print(f"{total:,} parameters, {counts['dense512'] / total:.2%} of them in dense512")

# %%
figure, ax = plt.subplots(figsize=(7, 2.6))
bars = ax.barh(list(counts), counts.values(), color=["tab:blue"] * 3 + ["tab:red", "tab:blue"])
ax.bar_label(bars, [f" {count:,}" for count in counts.values()])
ax.set(xlabel="parameters", xlim=(0, 6e7), title="One layer holds nearly all")
ax.invert_yaxis()
plt.show()

# %% [markdown]
# The convolutions are too small to be seen in the chart. What is large is a table that says, for
# each of 86,528 values, what it means *at its own place*. Training such a table costs memory:
# weights, gradients, and the two moments that Adam keeps.

# %%
mib = total * 4 / 2**20  # four bytes each
print(f"weights {mib:.0f} MiB, to train them with Adam {4 * mib:.0f} MiB")

# %% [markdown]
# ### More faults of the snippet
#
# It never defines its data, sets no seed, saves nothing, and writes `input_shape=` where Keras 3
# wants a `keras.Input`. It does not scale its pixels. It has neither validation nor test data, so
# it can only report how well it remembers, and nothing in it works against remembering. And its
# loss wants one-hot labels but does not say so:

# %%
try:
    keras.losses.categorical_crossentropy(np.array([3, 7]), np.full((2, 10), 0.1))
except ValueError as error:
    print(type(error).__name__, "for labels 3 and 7")
else:
    raise AssertionError("Keras accepted plain labels")
loss = keras.losses.categorical_crossentropy(np.eye(10)[[3, 7]], np.full((2, 10), 0.1))
print("one-hot labels:", loss.numpy().round(4))

# %% [markdown]
# ## The repair: average over all places
#
# A class does not depend on where the object stands: a cat in the corner is a cat. So keep one
# number per channel, its mean over all places. This is **global average pooling** ([Lin et al.
# 2014](#lin2014nin)):
#
# $$ g_c = \frac{1}{H'W'} \sum_{i,j} Y_{ijc} $$

# %%
inputs, features = three_stages(224)
x = keras.layers.GlobalAveragePooling2D()(features)
averaged = keras.Model(inputs, keras.layers.Dense(10)(x))

print(f"{averaged.count_params():,} parameters, {total // averaged.count_params()} times fewer")
print(f"removed: {1 - averaged.count_params() / total:.2%}")

# %% [markdown]
# `aimodels.cnn.CNN` is that idea as a class. Its heart is one loop; have a look. Batch
# normalisation ([Ioffe & Szegedy 2015](#ioffe2015)) keeps each channel's numbers at a healthy
# size while training; chapter 07 takes it apart. Pooling stands before it to save work.

# %%
import inspect

source = inspect.getsource(cnn.CNN.__init__)
print(source[source.index("        x = inputs") :])

# %%
repaired = cnn.CNN((224, 224, 3), num_classes=10, filters=(32, 64, 128))
print(f"{repaired.count_params():,} parameters, output {repaired.output_shape}")

# %% [markdown]
# The output is **logits**, one score per class, without softmax. The loss takes them as they are
# (`from_logits=True`), which stays exact even where a softmax would round a probability to 0. And
# `SparseCategoricalCrossentropy` takes labels as plain numbers: two faults less.
#
# What if somebody forgets, and gives this loss a softmax layer's output? Keras 3 notices: it warns,
# and goes back to the logits. It cannot notice if anything has touched the probabilities between.

# %%
import re
import warnings

loss, truth = keras.losses.SparseCategoricalCrossentropy(from_logits=True), np.array([3, 7, 0, 1])
scores = keras.random.normal((4, 10), seed=1)
probabilities = keras.layers.Softmax()(scores)
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    forgotten = float(loss(truth, probabilities))
print(len(warned), "warning:", re.search("the `output` argument .*", str(warned[0].message))[0])
claim("logits or their softmax, difference", forgotten - loss(truth, scores), at_most=1e-6)
touched = loss(truth, probabilities.numpy())
claim("the same through NumPy, difference", abs(touched - loss(truth, scores)), at_least=0.1)


# %%
def new_model(learning_rate=3e-3):
    model = cnn.CNN((None, None, 1), num_classes=10, filters=(32, 64, 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(learning_rate), loss, metrics=["accuracy"])
    return model


# %% [markdown]
# `(None, None, 1)` means: any height, any width. Now two things that you should be able to do by
# hand for every network that you meet, its **parameters** and its **receptive field**: how many
# pixels one place of a map can see. With window $k_l$ and stride $s_l$ in layer $l$, and $j_l$
# the distance in pixels between neighbours of its map,
#
# $$ r_l = r_{l-1} + (k_l - 1)\,j_{l-1}, \qquad j_l = j_{l-1}\,s_l, \qquad r_0 = j_0 = 1. $$

# %%
model = new_model()
sees = cnn.receptive_field(model)
x = keras.ops.zeros((1, 12, 12, 1))
print("layer    shape            numbers   sees")
for layer in model.layers[1:]:
    x = layer(x)
    seen = sees.get(layer.name, "")
    print(f"{layer.name:<8} {tuple(x.shape)!s:<16} {layer.count_params():>7,}   {seen}")

# %% [markdown]
# Check some of it. Each kernel has 9 weights per channel, and no bias, because the normalisation
# behind it has its own. Normalisation has four numbers per channel: scale and shift are learned,
# mean and variance only recorded. (`dropout` does nothing here.) `conv3` sees
# $10 + 2\cdot 4 = 18$ pixels: a whole digit of 8 fits in.

# %%
convolutions = 9 * 1 * 32 + 9 * 32 * 64 + 9 * 64 * 64
normalisations = 4 * (32 + 64 + 64)
head = 64 * 10 + 10
print(convolutions, "+", normalisations, "+", head, "=", model.count_params())
assert convolutions + normalisations + head == model.count_params()
assert sees["conv3"] == 18

# %% [markdown]
# ## Data: three sets, three uses
#
# - **Training** data: gradient descent sees these.
# - **Validation** data: *you* look at these, to choose epochs, sizes, learning rates.
# - **Test** data: read once, when every choice has been made.
#
# Article 003 hands the test set to `validation_data`, article 004 has no held-out data at all; we
# come back to what that costs. We scale the pixels to [0, 1], and lay each digit in the middle of
# 12 × 12 pixels.


# %%
def canvas(scans, size=12):
    margin = (size - 8) // 2
    return np.pad(scans / np.float32(16), [(0, 0), (margin, margin), (margin, margin), (0, 0)])


splits = data.arrays("digits", ["train[:60%]", "train[60%:75%]", "train[75%:]"])
(train, y_train), (validation, y_validation), (test, y_test) = [(canvas(s), y) for s, y in splits]
for name, part in {"training": train, "validation": validation, "test": test}.items():
    print(f"{name:<11} {part.shape}")

# %% [markdown]
# One limit of these data: only 13 people wrote all digits, says their publisher, and this split
# has mixed them, so a writer stands in all three sets. What we measure is new digits of *known*
# writers. How much does it hide? The section "Fooled by the split" tells.

# %%
plots.image_grid(train[:16], titles=[str(label) for label in y_train[:16]])
plt.show()

# %% [markdown]
# What would be a poor result? Two **baselines** tell: always say the most frequent class; and
# logistic regression from chapter 01, which reads each pixel at its place.

# %%
from sklearn.linear_model import LogisticRegression

constant = np.mean(y_validation == np.bincount(y_train).argmax())
logistic = LogisticRegression(max_iter=1000).fit(train.reshape(len(train), -1), y_train)
reference = logistic.score(validation.reshape(len(validation), -1), y_validation)
claim("validation accuracy of one class", constant, at_most=0.15)
claim("validation accuracy of logistic regression", reference, at_least=0.9)

# %% [markdown]
# ## Train
#
# Before a long training comes a short question: *can* this network learn anything? It must be
# able to learn 32 pictures by heart. If it cannot, there is a mistake in the program.

# %%
keras.utils.set_random_seed(1)
model = new_model(learning_rate=1e-2)
model.fit(train[:32], y_train[:32], epochs=40, verbose=0)
remembered = model.evaluate(train[:32], y_train[:32], verbose=0)[1]
claim("share of the 32 pictures known by heart", remembered, at_least=1)

# %% [markdown]
# It can. Now with all training pictures, from new random weights, watching the validation set.

# %%
keras.utils.set_random_seed(1)
model = new_model()
kernels_at_start = model.get_layer("conv1").kernel.numpy()
history = model.fit(
    train, y_train, epochs=12, validation_data=(validation, y_validation), verbose=0
).history
for name in ("accuracy", "val_accuracy"):
    print(f"{name:<12} after 1, 6, 11 epochs:", [measured(x) for x in history[name][::5]])

# %%
ax = plots.learning_curves(history, "accuracy")
ax.axhline(reference, ls=":", color="grey", label="logistic regression, validation")
ax.set(title="Unseen pictures are read almost as well as training pictures", ylim=(0.75, 1.01))
ax.legend()
plt.show()

# %% [markdown]
# Why does training lie *below* validation at first? Keras averages its accuracy over the epoch,
# while the network is still learning. Has validation begun to fall?

# %%
claim(
    "first epoch, validation minus training",
    history["val_accuracy"][0] - history["accuracy"][0],
    at_least=0.02,
)
end, best = history["val_accuracy"][-1], max(history["val_accuracy"])
gap = history["accuracy"][-1] - end
claim("last epoch, training minus validation", gap, at_least=-0.03, at_most=0.03)
claim("validation, best minus last epoch", best - end, at_most=0.02)

# %% [markdown]
# It has not, so twelve epochs will do. All choices are made. Only now do we read the test set, and
# we read it once.

# %%
test_logits = model.predict(test, verbose=0)
said = test_logits.argmax(axis=-1)
mistakes = np.sum(said != y_test)
mistakes_logistic = np.sum(logistic.predict(test.reshape(len(test), -1)) != y_test)
print("mistakes of logistic regression:", measured(mistakes_logistic), "in", len(test))
claim("mistakes of the network:", mistakes, at_most=measured(mistakes_logistic / 2))

# %%
accuracy = 1 - mistakes / len(test)
claim("test accuracy", accuracy, at_least=0.97)
claim("lead over always saying one class", accuracy - constant, at_least=0.8)

# %% [markdown]
# ## Look inside: filters and feature maps
#
# The first layer has 32 kernels. We take the eight whose maps of one digit vary most. `conv2d` of
# the first section makes the same maps, to five decimals.

# %%
see = keras.Model(model.inputs, model.get_layer("conv1").output)
maps = see([validation[:1]]).numpy()
kernels = model.get_layer("conv1").kernel.numpy()
strongest = np.argsort(maps[0].std(axis=(0, 1)))[::-1][:8]
print(kernels.shape, "make", maps.shape)
difference = np.abs(cnn.conv2d(validation[:1], kernels, padding="same") - maps).max()
claim("the maps of conv2d differ by", difference, at_most=1e-5)

# %%
rows = {"at the start": kernels_at_start[:, :, 0], "trained": kernels[:, :, 0], "map": maps[0]}
figure, axes = plt.subplots(3, 9, figsize=(9, 3.4), layout="constrained")
for ax in axes[:, 0]:
    ax.set_axis_off()
axes[2, 0].imshow(validation[0, :, :, 0], cmap="gray_r")
axes[2, 0].set_title("the digit", fontsize=9)
for row, (name, pictures) in zip(axes[:, 1:], rows.items(), strict=True):
    row[0].set_ylabel(name)
    for ax, c in zip(row, strongest, strict=True):
        limit = np.abs(pictures[:, :, c]).max()
        ax.imshow(pictures[:, :, c], cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Such pictures often carry the caption "it has learned edge detectors". Compare the first row
# with the second before you believe it. How much have these kernels learned?

# %%
for name, bound in {"conv1": {"at_least": 0.95}, "conv3": {"at_most": 0.95}}.items():
    keras.utils.set_random_seed(1)
    start = new_model().get_layer(name).kernel.numpy()
    end = model.get_layer(name).kernel.numpy()
    alike = np.corrcoef(start.ravel(), end.ravel())[0, 1]
    assert name == "conv3" or np.array_equal(start[:, :, 0], kernels_at_start[:, :, 0])
    print(f"{name} starts with spread {start.std():.2f}")
    claim(f"{name}: correlation of start and end", alike, **bound)

# %% [markdown]
# Compared with their size, the first kernels have hardly changed: what the picture shows is mostly
# the random start, which answers to edges in many directions already. One reason is that size: they
# start much larger than those of `conv3`, and Adam moves every weight by similar steps. In large
# networks, trained for long, the first kernels do become clean detectors of edges and colours
# ([Krizhevsky et al. 2012](#krizhevsky2012)). A picture of a kernel proves nothing without a
# picture of its start.

# %% [markdown]
# ## Look at the mistakes
#
# A **confusion matrix** counts how often each digit (row) was taken for which (column).

# %%
matrix = np.zeros((10, 10), int)
np.add.at(matrix, (y_test, said), 1)  # one more at each (truth, answer)
plots.confusion_matrix(matrix)
plt.title("Off the diagonal: the mistakes")
plt.show()

# %%
from sklearn.metrics import confusion_matrix

assert np.array_equal(matrix, confusion_matrix(y_test, said))
off_diagonal = matrix.sum() - matrix.trace()
print(matrix.sum(), "pictures,", measured(off_diagonal), "of them off the diagonal: the mistakes")
assert off_diagonal == mistakes

# %% [markdown]
# Here are the eight test digits about which the network was least sure: those with the smallest
# distance between its first and its second choice.

# %%
ranked = np.sort(test_logits, axis=-1)
unsure = np.argsort(ranked[:, -1] - ranked[:, -2])[:8]
choices = np.argsort(test_logits[unsure], axis=-1)[:, ::-1]
titles = [
    f"{first} or {second}?\nis {truth}"
    for (first, second), truth in zip(choices[:, :2], y_test[unsure], strict=True)
]
plots.image_grid(test[unsure, 2:-2, 2:-2], titles)
plt.show()

# %% [markdown]
# Would you have read all of them? We are done, so we may look at test pictures. If you want to
# change the network afterwards, look at the mistakes on *validation* data instead. Do small
# distances point at the mistakes?

# %%
least_sure = np.argsort(ranked[:, -1] - ranked[:, -2])[:20]
found = np.sum(said[least_sure] != y_test[least_sure])
claim("share of the mistakes in the 20 least sure answers", found / mistakes, at_least=0.51)

# %% [markdown]
# ## What a convolution knows without learning
#
# Move the picture, and the map moves with it, unchanged, as long as nothing touches the border and
# the stride is 1. This is called **equivariance**, and it comes from using the same kernel
# everywhere, not from training. Here are random kernels:

# %%
picture = np.pad(digit, 4)[None, :, :, None]
moved = np.roll(picture, (2, 3), axis=(1, 2))
kernels = rng.normal(size=(3, 3, 1, 5))
difference = cnn.conv2d(moved, kernels) - np.roll(cnn.conv2d(picture, kernels), (2, 3), axis=(1, 2))
claim("largest difference", np.abs(difference).max(), at_most=1e-12)

# %% [markdown]
# A dense layer has no such knowledge: it must learn each digit again at every place. So take the
# *same* convolutions, put the articles' head on them, `Flatten` and a dense layer, and train as
# before. Then move the validation digits by up to two pixels. What do you expect of either?

# %%
keras.utils.set_random_seed(1)
stages = cnn.CNN((12, 12, 1), num_classes=10, filters=(32, 64, 64))
rows = keras.layers.Flatten()(stages.get_layer("relu3").output)
flat = keras.Model(stages.input, keras.layers.Dense(10)(rows))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
flat.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
flat.fit(train, y_train, epochs=12, verbose=0)
print(f"{flat.count_params():,} parameters against {model.count_params():,}")


# %%
def accuracy_after_moving(network):
    """Validation accuracy for moves of -2 ... 2 pixels down (rows) and right (columns)."""
    table = np.zeros((5, 5))
    for down in range(-2, 3):
        for right in range(-2, 3):
            moved = np.roll(validation, (down, right), axis=(1, 2))
            logits = network.predict_on_batch(moved)
            table[down + 2, right + 2] = np.mean(logits.argmax(-1) == y_validation)
    return table


# %%
tables = {"Flatten + Dense": accuracy_after_moving(flat), "CNN": accuracy_after_moving(model)}
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for ax, (name, table) in zip(axes, tables.items(), strict=True):
    plots.pixels(table, f"{name}: accuracy", ax, digits=2)
    ax.set(xticks=range(5), xticklabels=range(-2, 3), yticks=range(5), yticklabels=range(-2, 3))
    ax.set(xlabel="moved right by", ylabel="moved down by")
plt.show()

# %%
for name, table in tables.items():
    print(f"{name:<15} centred {measured(table[2, 2]):.2f}, mean {measured(table.mean()):.2f}")
gain = tables["CNN"] - tables["Flatten + Dense"]
corners = tables["Flatten + Dense"][[0, 0, 4, 4], [0, 4, 0, 4]].mean()
claim("CNN minus Flatten + Dense, centred", gain[2, 2], at_least=-0.04, at_most=0.04)
claim("CNN minus Flatten + Dense, mean", gain.mean(), at_least=0.2)
claim("Flatten + Dense in the corners", corners, at_most=0.5)

# %% [markdown]
# In the middle they are equals. In the corners the flattened network is lost: its last layer has
# learned *places*.
#
# But look again at the right-hand table. Do straight moves by two pixels hurt more than moves by
# one?

# %%
by_one = tables["CNN"][[1, 2, 2, 3], [2, 1, 3, 2]].mean()
by_two = tables["CNN"][[0, 2, 2, 4], [2, 0, 4, 2]].mean()
print("CNN after straight moves by one pixel:", measured(by_one))
claim("and by two pixels:", by_two, at_least=measured(by_one))

# %% [markdown]
# They hurt less! Averaging over places should not care at all. The reason is pooling: its windows
# stand fixed, every second pixel. A move by two keeps in step with the first pooling, a move by one
# with neither. Which moves keep in step with both?

# %%
body = keras.Model(model.inputs, model.get_layer("relu3").output)
picture = canvas(scans[:1], 48)
maps = body([picture]).numpy()
inner = maps[:, :, 4:-4]  # away from the border
for shift in (1, 2, 3, 4):
    moved = body([np.roll(picture, shift, axis=2)]).numpy()
    change = min(np.abs(moved[:, :, 4 + p : p - 4] - inner).max() for p in (0, 1))
    bound = {"at_most": 1e-4} if shift == 4 else {"at_least": 0.1}
    claim(f"moved by {shift}: the map, in its place or one further, changes by", change, **bound)

# %% [markdown]
# ## Any size, and what that does not mean
#
# The network takes pictures of any size. Does it *read* them? The same validation digits, on larger
# and larger empty sheets:

# %%
scans_validation = splits[1][0]
for size, bound in {12: {"at_least": 0.9}, 24: {"at_most": 0.3}, 48: {"at_most": 0.3}}.items():
    logits = model.predict_on_batch(canvas(scans_validation, size))
    score = np.mean(logits.argmax(-1) == y_validation)
    claim(f"{size} pixels: logits {logits.shape}, accuracy", score, **bound)

# %% [markdown]
# On the larger sheets it fails on most digits. Of course: most of the mean now comes from empty
# paper. "Takes any size" is a statement about shapes only.
#
# Yet the maps *before* the mean still know the digit. So take the mean over 3 × 3 places only (12
# pixels, as in training), slide that window along, and let the dense layer speak at every place.
# A network trained on single digits then reads a line of them. (We help it twice: we tell it where
# the digits stand, and each begins on a multiple of four.)

# %%
line = [np.flatnonzero(y_validation == d)[i] for i, d in enumerate([3, 1, 4, 1, 5, 9])]
strip = np.concatenate(validation[line], axis=1)[None]
weights, bias = model.get_layer("logits").get_weights()
local = cnn.average_pool2d(body([strip]).numpy(), pool_size=3, strides=1)[0, 0]
scores = local @ weights + bias
print(strip.shape, "->", scores.shape, "scores of ten classes at 16 places")

# %%
figure, axes = plt.subplots(2, 1, figsize=(9, 4.2), height_ratios=[1, 1.6], layout="constrained")
axes[0].imshow(strip[0, :, :, 0], cmap="gray_r", aspect="auto")
axes[0].set(xticks=[], yticks=[], title="A line that it was never trained to read")
axes[1].imshow(keras.ops.softmax(scores).numpy().T, cmap="Greens", aspect="auto")
axes[1].plot(scores.argmax(-1), "o", color="tab:red", mfc="none", ms=12, label="says")
axes[1].set(
    xlim=(-1.5, 16.5), yticks=range(10), xticks=range(0, 16, 3), xticklabels=[3, 1, 4, 1, 5, 9]
)
axes[1].set(xlabel="place, with the true digit in its middle", ylabel="class")
axes[1].legend(loc="upper right")
plt.show()

# %%
read = scores[::3].argmax(-1)
claim("digits read, of six:", np.sum(read == [3, 1, 4, 1, 5, 9]), at_least=5)

# %% [markdown]
# ## Fooled by memory
#
# Now the articles' way of measuring. 000 and 004 print training accuracy and nothing else. We do
# the same, with our good network, on 300 pictures. Only one detail is secret for now.

# %%
dice = np.random.default_rng(3)
secret, secret_unseen = dice.integers(0, 10, 300), dice.integers(0, 10, len(validation))
answers = []
remember = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda *_: answers.append(network.predict_on_batch(validation).argmax(-1))
)
keras.utils.set_random_seed(1)
network = new_model()
memory = network.fit(train[:300], secret, epochs=20, callbacks=[remember], verbose=0).history

# %%
claim("training accuracy", memory["accuracy"][-1], at_least=0.95)

# %% [markdown]
# A success? The secret: these labels came from dice. There was *nothing* to learn. The network has
# learned 300 accidents by heart. We threw dice for the validation pictures too. How many of *those*
# will it guess?

# %%
answers = np.array(answers)
unseen = np.mean(answers == secret_unseen, axis=1)
ax = plots.learning_curves(memory, "accuracy")
ax.plot(np.arange(1, 21), unseen, color="tab:red", label="unseen pictures")
ax.axhline(0.1, ls=":", color="grey", label="chance")
ax.set(title="Labels from dice: remembered, and worth nothing", xticks=range(0, 21, 5))
ax.legend()
plt.show()

# %%
claim("accuracy on unseen pictures", unseen[-1], at_least=0.02, at_most=0.18)

# %% [markdown]
# This control belongs in every project: replace the labels of the *whole* data set by dice, or
# shuffle them, *then* split and train as always. If held-out accuracy is clearly above chance, the
# measurement is broken. For example, the same picture stands in training and in test.

# %% [markdown]
# ## Fooled by choosing
#
# Article 003 passes the test set as `validation_data`. Keras only shows the score; the choice is
# made by the person who watches the epochs and keeps the best. What harm can looking do? Again dice
# let us measure, because with labels from dice the true skill of *any* network is exactly 0.10.
#
# We have the network's answers after each of 20 epochs. Let 100 pictures be the "test set", with
# labels from dice. We note the best epoch's accuracy, as one would report it; then we
# score the same answers of that epoch on *fresh* labels. We repeat this 3,000 times.

# %%
answers = answers[:, :100]
reported, honest = np.zeros((2, 3000))
for trial in range(3000):
    test_labels, fresh_labels = dice.integers(0, 10, size=(2, 100))
    accuracies = np.mean(answers == test_labels, axis=1)
    best = accuracies.argmax()
    reported[trial], honest[trial] = accuracies[best], np.mean(answers[best] == fresh_labels)

# %%
bins = np.arange(-0.005, 0.3, 0.01)
plt.figure(figsize=(7, 3.5))
plt.hist(reported, bins, alpha=0.6, label="chosen and reported on the test set")
plt.hist(honest, bins, alpha=0.6, label="the same epoch, fresh labels")
plt.axvline(0.1, ls=":", color="black", label="the truth: chance")
plt.xlabel("accuracy"), plt.ylabel("trials"), plt.ylim(0, 700), plt.legend()
plt.show()

# %%
claim("mean on fresh labels", honest.mean(), at_least=0.095, at_most=0.105)
claim("mean reported", reported.mean(), at_least=0.12)
claim("share of trials that report more than the truth", np.mean(reported > 0.1), at_least=0.8)

# %% [markdown]
# The right-hand hill is skill out of nothing. Each look at the test set is a ticket in a lottery,
# and keeping the best epoch keeps the luckiest ticket. So: choose on validation data, then read the
# test set once.

# %% [markdown]
# ## Fooled by the split
#
# Our test set chose nothing, and still it answers a question that nobody may have asked. The data
# set has its scans a second time, in the order in which they were written: the split `in_order`.
# Who wrote what stands nowhere, but the labels tell: all people filled in the same form, which
# begins with 0 to 9, three times. So a run of 0 to 9 that does not soon follow another one opens a
# new form. (One of them has lost a scan of its first ten.)

# %%
ordered, y_ordered = data.arrays("digits", "in_order")
runs = [i for i in range(1788) if np.array_equal(y_ordered[i : i + 10], np.arange(10))]
begins = [i for last, i in zip([-100, *runs], runs, strict=False) if i - last > 60]
print(len(begins), "forms begin at", begins)
assert len(begins) == 14

# %%
plots.image_grid(np.concatenate([ordered[i : i + 10] for i in begins[:4]]), columns=10)
plt.suptitle("Four forms: look down the columns of 1, 4, 7 and 9")
plt.show()

# %% [markdown]
# Everybody has a hand of their own. So what is the most similar scan among all the others? If hands
# did not matter, it would come from the same form in one case of fourteen.

# %%
rows = ordered.reshape(len(ordered), 64).astype(float)
form = np.searchsorted(begins, np.arange(len(rows)), side="right")
distances = ((rows[:, None] - rows) ** 2).sum(axis=-1)
np.fill_diagonal(distances, np.inf)
twins = np.mean(form[distances.argmin(axis=1)] == form)
claim("share whose nearest scan is of the same form", twins, at_least=0.5)

# %% [markdown]
# More than half have a twin by the same hand, and in a mixed split most twins of a test picture
# stand in the training set. We hold out each quarter of the data once and train on the other
# three: first in mixed order, then in the order of the forms, so that the held-out people are new.
# The same networks, as many pictures, the same twelve epochs. Guess how many mistakes there are.


# %%
def mistakes_in_quarters(scans, labels):
    """Mistakes of (CNN, logistic regression) in each quarter, trained on the other three."""
    x, counts = canvas(scans), []
    for part in np.array_split(np.arange(len(x)), 4):
        rest = np.delete(np.arange(len(x)), part)
        keras.utils.set_random_seed(1)
        network = new_model()
        network.fit(x[rest], labels[rest], epochs=12, verbose=0)
        says = network.predict(x[part], verbose=0).argmax(axis=-1)
        flat_x = x.reshape(len(x), -1)
        linear = LogisticRegression(max_iter=1000).fit(flat_x[rest], labels[rest])
        counts.append([np.sum(y != labels[part]) for y in (says, linear.predict(flat_x[part]))])
    return np.array(counts)


# %%
by_split = {"known writers": mistakes_in_quarters(*data.arrays("digits"))}

# %%
by_split["new writers"] = mistakes_in_quarters(ordered, y_ordered)
for name, counts in by_split.items():
    print(f"{name}, mistakes in each quarter:")
    print("  CNN", *map(measured, counts[:, 0]), " logistic", *map(measured, counts[:, 1]))

# %%
known, new = (counts.sum(axis=0) for counts in by_split.values())
for name, (cnn_wrong, logistic_wrong) in {"known": known, "new": new}.items():
    counts = f"CNN {measured(cnn_wrong)}, logistic regression {measured(logistic_wrong)}"
    print(f"{name} writers, mistakes in {len(ordered):,} scans: {counts}")
claim("CNN, mistakes with new writers over those with known ones", new[0] / known[0], at_least=1.5)
claim("logistic regression, the same", new[1] / known[1], at_least=1.3)
claim("new writers, CNN over logistic regression", new[0] / new[1], at_most=0.6)

# %% [markdown]
# So the mixed split hides mistakes. Neither number is wrong; they answer two questions. Will it
# read the next form of these people? Or of anybody? Split your data as the promise is split: by
# writer, by patient, by day, by city. (The CNN keeps its lead on both. A quarter may begin in the
# middle of a form, so even here a writer or two are half known.)

# %% [markdown]
# ## Scale it
#
# The full MNIST and Fashion-MNIST sets, 70,000 pictures of 28 × 28 pixels each, need one other line
# (and 255 in place of 16, because their pixels are bytes):
#
# ```python
# splits = data.arrays("fashion_mnist", ["train[:90%]", "train[90%:]", "test"])
# ```
#
# `python benchmarks/run.py cnn_mnist cnn_fashion_mnist` trains the same class, with four stages,
# and writes down what it reached. Its test sets were read once:

# %%
for name in ("cnn_mnist", "cnn_fashion_mnist"):
    figures = recorded(name)["figures"]
    print(
        f"{name:<18} test accuracy {figures['test_accuracy']:.2%}, {figures['epochs']} epochs,"
        f" {figures['parameters']:,} parameters, {figures['seconds_training'] / 60:.1f} minutes"
    )
machine = recorded("cnn_mnist")["machine"]
print(machine["cores"], "cores of", machine["processor"])

# %% [markdown]
# ## Summary
#
# - A convolutional layer slides small kernels over a picture and learns them. Keras computes
#   cross-correlation. The number of weights does not depend on the picture's size.
# - Pooling has no parameters. What saves parameters is the head: averaging over all places
#   instead of flattening removed 99.8 % of 44 million.
# - Equivariance comes for free; away from the borders it is exact for moves by a multiple of the
#   product of the strides.
# - "Any size" is about shapes. Skill has to be measured.
# - A training accuracy proves memory; a test set that chose proves luck; a split that shares its
#   writers speaks of these writers only.
#
# ## Common mistakes
#
# - Pixels scaled in training but not at prediction time. Scale once, in one place.
# - Softmax in the last layer *and* `from_logits=True`. Keras 3 warns and takes the logits, but not
#   if a layer, or NumPy, has touched the probabilities between.
# - `(N, 28, 28)` without a channel axis: add it with `images[..., None]`.
# - Predicting with `model(x, training=True)`: batch normalisation then uses the batch's own mean.
# - Comparing two networks by the epoch that looks best on the test set.
#
# ## Exercises
#
# 1. **By hand.** A picture of 5 × 5 with a bright vertical line in its middle column; the kernel
#    of the first section. Write down the 3 × 3 map, then check it with `conv2d`.
# 2. **Find the faults.** Article 004 §4.1 has 28 × 28 × 1 pictures, `Conv2D(32)`, pooling,
#    `Conv2D(64)`, pooling, `Conv2D(64)` (3 × 3 kernels, no padding), `Flatten`, `Dense(64)`,
#    `Dense(10)` with softmax, and trains by `model.fit(x_train, y_train, epochs=10,
#    batch_size=32)`. Which two splits are missing, and how would you notice? Work out by hand the
#    receptive field of the last convolution, the size of the last map and the parameters of each
#    layer. Two layers have exactly the same number: which, and why? What happens to the dense one
#    on 56 × 56 pictures? Check with `count_params`, then repair the network.
# 3. **Any size, really.** Train `CNN` on sheets of several sizes at once, one size per batch.
#    What does it read at 48 pixels now? What if you replace the mean by `GlobalMaxPooling2D`?
# 4. **A fair opponent.** Give the flattened network moved copies of its training pictures. How
#    many does it need to catch up in the table of moves?
# 5. **Random eyes.** Freeze all convolutions at their random start (`layer.trainable = False`) and
#    train only the rest (set `trainable` before `compile`). How good is it still?
# 6. **The gradient of a convolution is a convolution.** Show with TensorFlow's
#    `tf.GradientTape` that the gradient with respect to the kernel is `conv2d` of the picture with
#    the gradient of the map: one picture, one channel, one filter, stride 1, no padding.
#
# ## References
#
# - <a id="dumoulin2016"></a>Vincent Dumoulin, Francesco Visin. *A guide to convolution arithmetic
#   for deep learning*. arXiv:1603.07285, 2016.
# - <a id="ioffe2015"></a>Sergey Ioffe, Christian Szegedy. *Batch Normalization: Accelerating Deep
#   Network Training by Reducing Internal Covariate Shift*. ICML, PMLR 37, 448–456, 2015.
# - <a id="krizhevsky2012"></a>Alex Krizhevsky, Ilya Sutskever, Geoffrey E. Hinton. *ImageNet
#   Classification with Deep Convolutional Neural Networks*. NIPS 25, 1097–1105, 2012.
# - <a id="lecun1998"></a>Yann LeCun, Léon Bottou, Yoshua Bengio, Patrick Haffner. *Gradient-based
#   learning applied to document recognition*. Proceedings of the IEEE, 86(11):2278–2324, 1998.
# - <a id="lin2014nin"></a>Min Lin, Qiang Chen, Shuicheng Yan. *Network In Network*. ICLR,
#   arXiv:1312.4400, 2014.
