# ---
# jupyter:
#   aimodels:
#     title: "Exercises: From a line to a network"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: From a line to a network
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import keras
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler

from aimodels import data
from aimodels.course import claim, measured
from aimodels.foundations import (
    ACTIVATIONS,
    MLP,
    SGD,
    backward,
    cross_entropy,
    finite_differences,
    forward,
    initialize,
    mean_squared_error,
)

# %% [markdown]
# ## Exercise 1: by hand
#
# $z = 0.5 \cdot (-4) + 1 = -1$, so ReLU gives $a = 0$, and $\hat y = 3 \cdot 0 = 0$. The loss is
# $(0 - 5)^2 = 25$. Backwards: $\hat y$ gets $2(0 - 5) = -10$, so $w_2$ gets $-10 \cdot a = 0$, and
# $a$ gets $-30$. But $z$ is negative: ReLU passes 0 on, and $w_1$ and $b$ get 0 as well. The judge
# that moves the parameters agrees.

# %%
arrays = [np.array([[0.5]]), np.array([1.0]), np.array([[3.0]]), np.array([0.0])]


def judged(x):
    """The gradients of w1, b and w2, by finite differences."""

    def loss(p):
        return mean_squared_error([[5.0]], forward(p, np.array([[x]]))[-1])[0]

    return np.array([gradient.item() for gradient in finite_differences(loss, arrays)[:3]])


a = forward(arrays, np.array([[-4.0]]))
loss, error = mean_squared_error([[5.0]], a[-1])
w1, b, w2, _ = (gradient.item() for gradient in backward(arrays, a, error))
print("a, prediction, loss:", a[1].item(), a[2].item(), loss)
print("gradients of w1, b, w2:", w1, b, w2)
assert (w1, b, w2) == (0, 0, 0)
claim("the judge differs by", np.abs(judged(-4.0)).max(), at_most=1e-6)
print("at x = -2 the judge says:", judged(-2.0).round(2))
claim("there, the judge's gradient of w1", judged(-2.0)[0], at_least=1)

# %% [markdown]
# A large loss, and nothing learns: for this example the unit is off. If it is off for *every*
# example, it stays so for ever, a **dead unit**. (With several units, the others go on.)
#
# At $x = -2$, $z$ is exactly 0: it sits on ReLU's kink. To the left the slope is 0, to the right 1,
# so there is no gradient. The judge steps to both sides and finds half of the right-hand slope;
# programs choose one of the two, usually 0. In practice no $z$ stays exactly there.
#
# ## Exercise 2: a rounder bowl?
#
# The mean of `x_centred` is 0, so the corners of $H$ that hold it are 0, and
# $H = 2\begin{pmatrix}\mathrm{Var}(x) & 0\\ 0 & 1\end{pmatrix}$: its curvatures are twice the
# variance of $x$, and 2. For numbers spread evenly over 0 to 1 the variance is about 1/12, so the
# first is about 1/6.

# %%
rng = np.random.default_rng(1)
x = rng.random((100, 1))
y = 3 * x + rng.random((100, 1))


def hessian(feature):
    design = np.hstack([feature, np.ones_like(feature)])
    return 2 / len(design) * design.T @ design


x_centred = x - x.mean()
for name, feature in (("x", x), ("centred", x_centred)):
    curvatures = np.linalg.eigvalsh(hessian(feature))
    print(f"{name:<8}", curvatures.round(3), "ratio", round(curvatures[1] / curvatures[0], 1))
twice = 2 * x.var()
print("twice the variance:", twice.round(3))
claim("curvatures and these differ by", np.abs(curvatures - [twice, 2]).max(), at_most=1e-12)

# %% [markdown]
# Centring makes the directions of $w$ and $b$ the bowl's axes, so that neither disturbs the other,
# and the bowl a little rounder. Scaling does the rest: then both curvatures are 2.
#
# ## Exercise 3: how many steps?
#
# $k = \ln(10^{-6} / d_0) \,/\, \ln|1 - \eta\lambda|$, rounded up. The start is $w = -1$, $b = 0$.

# %%
design = np.hstack([x, np.ones_like(x)])
best = np.linalg.lstsq(design, y, rcond=None)[0].ravel()
curvatures, directions = np.linalg.eigh(hessian(x))
d0 = abs((np.array([-1.0, 0.0]) - best) @ directions[:, 0])
predicted = int(np.ceil(np.log(1e-6 / d0) / np.log(abs(1 - 0.5 * curvatures[0]))))

point, counted = np.array([-1.0, 0.0]), 0
while abs((point - best) @ directions[:, 0]) >= 1e-6:
    point, counted = point - 0.5 * hessian(x) @ (point - best), counted + 1
print("predicted", predicted, "counted", counted)
assert predicted == counted

# %% [markdown]
# ## Exercise 4: copies

# %%
(images, digits), _ = data.arrays("digits", ["train[:75%]", "train[75%:]"])
pixels = images.reshape(-1, 64) / 16.0


def after(parameters, num_steps):
    """Trains on all digits; gives the last gradients."""
    optimizer = SGD(0.1)
    for _ in range(num_steps):
        a = forward(parameters, pixels)
        gradients = backward(parameters, a, cross_entropy(digits, a[-1])[1])
        optimizer.apply(gradients, parameters)
    return gradients


same = [np.full_like(p, 0.1) for p in initialize((64, 64, 10), "he", seed=0)]
after(same, 50)
between = np.abs(same[0] - same[0][:, :1]).max()
claim("columns of the first W differ by", between, at_most=1e-12)
claim("and have moved by", np.abs(same[0] - 0.1).max(), at_least=1e-4)

# %%
zeros = initialize((64, 64, 10), 0.0, seed=0)
for name, gradient in zip(("W1", "b1", "W2", "b2"), after(zeros, 50), strict=True):
    print(f"{name}: largest gradient {measured(np.abs(gradient).max())}")

# %% [markdown]
# Equal columns: the hidden units compute the same, get the same error back, and so the same
# gradient. They move, together: 64 units that are worth one. With zeros, the hidden layer says 0,
# so `W2` gets $a^\top\delta = 0$. And nothing comes back through `W2`, which is zero, so `W1` and
# `b1` get 0 too. Only the output bias learns: how frequent each digit is.
#
# ## Exercise 5: another activation
#
# $a$ is negative exactly where $z$ is, so the slope can be read off from $a$.

# %%
ACTIVATIONS["leaky_relu"] = (
    lambda z: np.where(z > 0, z, 0.1 * z),
    lambda a: np.where(a > 0, 1.0, 0.1),
)


def leaky_loss(parameters):
    return cross_entropy(digits[:20], forward(parameters, pixels[:20], "leaky_relu")[-1])[0]


small = initialize((64, 6, 5, 10), "he", seed=0)
a = forward(small, pixels[:20], "leaky_relu")
gradients = backward(small, a, cross_entropy(digits[:20], a[-1])[1], "leaky_relu")
judge = finite_differences(leaky_loss, small)
worst = max(np.abs(g - j).max() for g, j in zip(gradients, judge, strict=True))
claim("largest difference from the finite differences", worst, at_most=1e-8)
claim("share of negative a in the first layer", np.mean(a[1] < 0), at_least=0.2)

# %% [markdown]
# ## Exercise 6: why no explosion?

# %%
inputs = np.random.default_rng(0).normal(size=(200, 256))
deep = initialize([256] * 11 + [10], 1.0, seed=0)
layers = forward(deep, inputs, "tanh")
for number, a in enumerate(layers[1:-1], 1):
    size, flat = np.sqrt((a**2).mean()), np.mean(1 - a**2 < 0.01)
    if number in (1, 10):
        claim(f"layer {number}: size", size, at_least=0.9, at_most=1)
        claim(f"layer {number}: share of units whose slope is below 0.01", flat, at_least=0.7)

# %%
labels = np.random.default_rng(1).integers(0, 10, 200)
gradients = backward(deep, layers, cross_entropy(labels, layers[-1])[1], "tanh")[::2]
sizes = [np.sqrt((gradient**2).mean()) for gradient in gradients]
claim("gradient of W, first layer over last hidden layer", sizes[0] / sizes[-2], at_least=100)

# %% [markdown]
# $\tanh$ lies between −1 and 1, so nothing can explode on the way up. Most units sit at its ends,
# where the slope $1 - a^2$ is almost 0: they are **saturated**. But on the way back it does
# explode: the few units that are not saturated pass the error through 256 weights of size 1, so it
# grows from layer to layer, and the first layers get huge gradients.
#
# ## Exercise 7: bends or none?

# %%
parts = data.arrays("breast_cancer", ["train[:70%]", "train[70%:]"])
tumours = np.concatenate([part[0] for part in parts])
malignant = np.concatenate([part[1] for part in parts]).astype(int)


def network(x, y, seed):
    keras.utils.set_random_seed(seed)
    model = MLP(30, (32,), 2, kernel_initializer="he_normal")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.005), loss)
    model.fit(x, y, epochs=25, verbose=0)
    return model


# %%
gaps, splits = [], StratifiedShuffleSplit(5, test_size=0.3, random_state=0)
for seed, (fit, held) in enumerate(splits.split(tumours, malignant)):
    scaler = StandardScaler().fit(tumours[fit])
    x, x_held = scaler.transform(tumours[fit]), scaler.transform(tumours[held])
    ours = np.argmax(network(x, malignant[fit], seed)(x_held), axis=1)
    rival = LogisticRegression(max_iter=1000).fit(x, malignant[fit])
    gaps.append(np.mean(ours == malignant[held]) - rival.score(x_held, malignant[held]))
print("network minus logistic regression:", *(f"{measured(gap):.3f}" for gap in gaps))
claim("mean of the gaps", np.mean(gaps), at_least=-0.02, at_most=0.02)
claim("largest minus smallest", np.ptp(gaps), at_least=0.005)
assert abs(np.mean(gaps)) <= np.ptp(gaps)

# %% [markdown]
# A draw: the mean gap is no larger than the spread from split to split. So the bends bring nothing
# that these splits could show. Take the simpler model.
