"""Hand-written losses, gradients and optimizers equal Keras's; the models learn."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products, rounding
from sklearn.datasets import load_breast_cancer, load_digits

from aimodels import foundations as f

pytestmark = pytest.mark.rests_on_code
RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 5))
CLASSES = RNG.integers(0, 3, size=20)


def squared(parameters, activation="tanh"):
    """A loss as a function of the parameters, and its gradient by hand."""
    a = f.forward(parameters, X, activation)
    loss, gradient = f.cross_entropy(CLASSES, a[-1])
    return loss, f.backward(parameters, a, gradient, activation)


def largest_difference(a, b) -> float:
    return max(
        float(np.abs(np.asarray(p) - np.asarray(q)).max()) for p, q in zip(a, b, strict=True)
    )


# Losses

LOSSES = {
    "mse": (
        f.mean_squared_error,
        keras.losses.MeanSquaredError(dtype="float64"),
        RNG.normal(size=(20, 3)),
    ),
    "bce": (
        f.binary_cross_entropy,
        keras.losses.BinaryCrossentropy(from_logits=True, dtype="float64"),
        RNG.integers(0, 2, size=(20, 3)).astype("float64"),
    ),
    "ce": (
        f.cross_entropy,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="float64"),
        CLASSES,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_and_gradient_are_keras_and_finite_differences(name):
    ours, theirs, y = LOSSES[name]
    z = 3 * RNG.normal(size=(20, 3))
    with tf.GradientTape() as tape:
        tape.watch(logits := tf.constant(z))
        expected = theirs(y, logits)
    loss, gradient = ours(y, z)
    assert gradient.shape == z.shape
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(gradient, tape.gradient(expected, logits), atol=1e-12)
    numeric = f.finite_differences(lambda p: ours(y, p[0])[0], [z])[0]
    np.testing.assert_allclose(gradient, numeric, atol=1e-9)


def test_cross_entropy_of_two_classes_is_binary_cross_entropy():
    """softmax over (0, z) is the sigmoid of z."""
    z, y = 3 * RNG.normal(size=9), RNG.integers(0, 2, size=9)
    both = f.cross_entropy(y, np.stack([np.zeros(9), z], axis=1))
    one = f.binary_cross_entropy(y, z)
    np.testing.assert_allclose(both[0], one[0], rtol=1e-12)
    np.testing.assert_allclose(both[1][:, 1], one[1], atol=1e-14)


@pytest.mark.filterwarnings("error")  # no overflow, no 0 * inf
def test_extreme_logits_are_exact():
    z = np.array([1e4, -1e4, 1e4, -1e4])
    loss, gradient = f.binary_cross_entropy([1, 0, 0, 1], z)
    assert loss == 5000  # right, right, wrong by 1e4, wrong by 1e4
    np.testing.assert_array_equal(gradient, [0, 0, 0.25, -0.25])
    loss, gradient = f.cross_entropy([0, 1], [[1e4, -1e4, 0], [1e4, -1e4, 0]])
    assert loss == 1e4
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [0.5, -0.5, 0]])
    # A small loss keeps its digits: log(1 + e^-40), which 40 - 40 would lose
    np.testing.assert_allclose(f.binary_cross_entropy([1], [40.0])[0], np.exp(-40.0), rtol=1e-12)


def test_sigmoid_and_softmax():
    z = np.linspace(-30, 30, 101)
    np.testing.assert_allclose(f.sigmoid(z), tf.sigmoid(z), rtol=1e-12)
    np.testing.assert_allclose(f.sigmoid(z) + f.sigmoid(-z), 1, rtol=1e-15)
    logits = RNG.normal(size=(2, 3, 4))
    np.testing.assert_allclose(f.log_softmax(logits), tf.nn.log_softmax(logits), atol=1e-12)
    np.testing.assert_allclose(f.log_softmax(logits + 100), f.log_softmax(logits), atol=1e-12)


# Forward and backward pass

DEPTHS = [(5, 3), (5, 4, 3), (5, 7, 6, 3), (5, 4, 4, 4, 3)]


def network(dims):
    """Weights and biases of order one: no ReLU sits on its kink, where there is no slope."""
    rng = np.random.default_rng(1)
    return [p + 0.3 * rng.normal(size=p.shape) for p in f.initialize(dims, 1.0, seed=1)]


@pytest.mark.parametrize("activation", f.ACTIVATIONS)
@pytest.mark.parametrize("dims", DEPTHS, ids=str)
def test_backpropagation_is_finite_differences(dims, activation):
    parameters = network(dims)
    _, gradients = squared(parameters, activation)
    numeric = f.finite_differences(lambda p: squared(p, activation)[0], parameters)
    assert all(np.abs(g).max() > 1e-3 for g in gradients)  # none is there for nothing
    assert [g.shape for g in gradients] == [p.shape for p in parameters]
    assert largest_difference(gradients, numeric) < 1e-8


@pytest.mark.parametrize("activation", f.ACTIVATIONS)
@pytest.mark.parametrize("dims", DEPTHS, ids=str)
def test_forward_and_backward_are_keras(dims, activation):
    model = f.MLP(dims[0], dims[1:-1], dims[-1], activation)
    model.set_weights(network(dims))
    parameters = [w.astype("float64") for w in model.get_weights()]
    with tf.GradientTape() as tape:
        logits = model(X.astype("float32"))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(CLASSES, logits)
    expected = tape.gradient(loss, [v.value for v in model.trainable_variables])
    assert_close(f.forward(parameters, X, activation)[-1], logits, products(model))
    largest = max(np.abs(g).max() for g in expected)
    bound = rounding(len(X) + products(model), largest)
    assert largest_difference(squared(parameters, activation)[1], expected) < bound


def test_finite_differences_leave_their_input_alone():
    parameters = [np.arange(3.0), np.float64(2)]
    gradients = f.finite_differences(lambda p: np.sum(p[0] ** 3) + p[1] ** 2, parameters)
    np.testing.assert_allclose(gradients[0], 3 * np.arange(3.0) ** 2, atol=1e-8)
    np.testing.assert_allclose(gradients[1], 4, atol=1e-8)
    np.testing.assert_array_equal(parameters[0], np.arange(3.0))


@pytest.mark.parametrize(("scale", "std"), [("glorot", (2 / 900) ** 0.5), ("he", 0.1), (0.3, 0.3)])
def test_initialize(scale, std):
    W, b = f.initialize((200, 700), scale, seed=0)
    assert W.std() == pytest.approx(std, rel=0.01)
    assert abs(W.mean()) < 0.01 * std * 5
    assert not b.any()
    np.testing.assert_array_equal(W, f.initialize((200, 700), scale, seed=0)[0])


# Optimizers

# Powers of two, near the defaults: Keras rounds hyperparameters to float32 for float64 weights too.
# What is compared is the rule, not that rounding (of 0.999: 3e-6 after 300 steps of Adam).
OPTIMIZERS = [
    (f.SGD, keras.optimizers.SGD, {"learning_rate": 2**-6}),
    (f.SGD, keras.optimizers.SGD, {"learning_rate": 2**-1}),
    (f.Momentum, keras.optimizers.SGD, {"learning_rate": 2**-6, "momentum": 0.875}),
    (f.RMSprop, keras.optimizers.RMSprop, {"learning_rate": 2**-8, "rho": 0.875}),
    (f.RMSprop, keras.optimizers.RMSprop, {"learning_rate": 2**-6, "epsilon": 2**-8}),
    (
        f.Adam,
        keras.optimizers.Adam,
        {"learning_rate": 2**-8, "beta_1": 0.875, "beta_2": 1 - 2**-10},
    ),
    (
        f.Adam,
        keras.optimizers.Adam,
        {"learning_rate": 2**-6, "beta_1": 0.75, "beta_2": 0.9375, "epsilon": 2**-8},
    ),
]


@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"), OPTIMIZERS, ids=lambda v: getattr(v, "__name__", None)
)
def test_optimizer_is_keras(ours, theirs, arguments):
    """300 steps on a two-layer network; both take the gradient at our point."""
    mine = f.initialize((5, 8, 3), "glorot", seed=2)
    kerass = [keras.Variable(p, dtype="float64") for p in mine]
    start = squared(mine)[0]
    optimizer, reference, far = ours(**arguments), theirs(**arguments), 0.0
    reference.build(kerass)
    keras_step = tf.function(lambda gradients: reference.apply(gradients, kerass))
    for _ in range(300):
        gradients = squared(mine)[1]
        optimizer.apply(gradients, mine)
        keras_step([tf.constant(g) for g in gradients])
        far = max(far, largest_difference(mine, [v.numpy() for v in kerass]))
    assert far < 1e-12
    assert squared(mine)[0] < start - 0.1


def test_default_arguments_are_keras():
    for ours, theirs in [(f.SGD, "SGD"), (f.RMSprop, "RMSprop"), (f.Adam, "Adam")]:
        config = getattr(keras.optimizers, theirs)().get_config()
        for name, value in vars(ours()).items():
            if name not in ("iterations", "states"):
                assert value == pytest.approx(config[name]), (theirs, name)


def test_too_large_a_learning_rate_diverges():
    """On the parabola 5 x^2, curvature 10, gradient descent converges below 2 / 10 only."""
    for rate, converges in [(0.19, True), (0.21, False)]:
        x = np.array([1.0])
        optimizer = f.SGD(rate)
        for _ in range(300):
            optimizer.apply([10 * x], [x])
        assert (abs(x[0]) < 1e-6) == converges
        assert (abs(x[0]) > 1e6) == (not converges)


# Models


def line(num=100):
    x = RNG.random((num, 2))
    return x.astype("float32"), (x @ [[3.0], [-1.0]] + 0.5 + RNG.normal(0, 0.1, (num, 1)))


def test_linear_regression_is_least_squares():
    x, y = line()
    model = f.LinearRegression(2)
    model.compile(keras.optimizers.SGD(0.5), "mse")
    dataset = tf.data.Dataset.from_tensors((x, y)).repeat(400)  # 400 steps, each with all of x
    model.fit(dataset, shuffle=False, verbose=0)
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(100)]), y)[0]
    w, b = model.get_weights()
    assert np.abs(np.append(w, b) - solution.ravel()).max() < 1e-3
    assert np.abs(solution.ravel() - [3, -1, 0.5]).max() < 0.15  # the truth, 4 standard errors


def breast_cancer():
    """398 patients to train on, 171 held out; standardised with what the 398 say. 1: malignant."""
    x, benign = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order], 1 - benign[order]
    x = ((x - x[:398].mean(axis=0)) / x[:398].std(axis=0)).astype("float32")
    return x[:398], y[:398], x[398:], y[398:]


def digits():
    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype("float32")
    return x[:1347], y[:1347], x[1347:], y[1347:]


def test_logistic_regression_learns():
    x, y, x_held, y_held = breast_cancer()
    keras.utils.set_random_seed(0)
    model = f.LogisticRegression(30)
    model.compile(keras.optimizers.SGD(0.5), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(40), shuffle=False, verbose=0)
    accuracy = np.mean((model.predict(x_held, verbose=0)[:, 0] > 0) == y_held)
    baseline = max(np.mean(y_held), 1 - np.mean(y_held))
    assert accuracy >= baseline + 0.25
    assert accuracy >= 0.95


def test_mlp_learns():
    x, y, x_held, y_held = digits()
    keras.utils.set_random_seed(0)
    model = f.MLP(64, (64,), 10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(80), shuffle=False, verbose=0)
    accuracy = model.evaluate(x_held, y_held, verbose=0)[1]
    assert accuracy >= np.bincount(y_held).max() / len(y_held) + 0.75


def test_numpy_mlp_learns():
    """The same, with nothing but our own forward, backward and Adam."""
    x, y, x_held, y_held = digits()
    parameters, optimizer = f.initialize((64, 64, 10), "he", seed=0), f.Adam(0.01)
    for _ in range(80):
        a = f.forward(parameters, x)
        optimizer.apply(f.backward(parameters, a, f.cross_entropy(y, a[-1])[1]), parameters)
    accuracy = np.mean(f.forward(parameters, x_held)[-1].argmax(axis=1) == y_held)
    assert accuracy >= np.bincount(y_held).max() / len(y_held) + 0.75


def test_shuffled_labels_teach_nothing():
    x, y, x_held, y_held = digits()
    y = np.random.default_rng(0).permutation(y)
    parameters, optimizer = f.initialize((64, 64, 10), "he", seed=0), f.Adam(0.01)
    for _ in range(80):
        a = f.forward(parameters, x)
        optimizer.apply(f.backward(parameters, a, f.cross_entropy(y, a[-1])[1]), parameters)
    accuracy = np.mean(f.forward(parameters, x_held)[-1].argmax(axis=1) == y_held)
    assert accuracy < 0.2


MODELS = {
    "LinearRegression": lambda: f.LinearRegression(5, name="a"),
    "LogisticRegression": lambda: f.LogisticRegression(5, name="b"),
    "MLP": lambda: f.MLP(5, (7, 6), 3, "tanh", "he_normal", name="c"),
    "MLP without hidden layers": lambda: f.MLP(5, (), 3),
}


@pytest.mark.parametrize("name", MODELS)
def test_save_and_load(name, tmp_path):
    model, x = MODELS[name](), X.astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert json.dumps(again.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


@pytest.mark.parametrize("name", MODELS)
def test_xla_is_graph(name):
    model, x = MODELS[name](), tf.constant(X, "float32")
    graph = tf.function(lambda v: model(v))(x)
    xla = tf.function(lambda v: model(v), jit_compile=True)(x)
    assert_close(graph, xla, products(model))


def test_a_linear_model_has_no_second_differences_and_an_mlp_has():
    x = np.linspace(-3, 3, 50, dtype="float32")[:, None]
    keras.utils.set_random_seed(0)
    linear, network = f.LinearRegression(1), f.MLP(1, (32,), 1)
    assert np.abs(np.diff(linear(x), n=2, axis=0)).max() < rounding(4, np.abs(linear(x)).max())
    network.layers[1].bias.assign(RNG.normal(size=32))
    assert np.abs(np.diff(network(x), n=2, axis=0)).max() > 1e-2


# Bad input: one clear message


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: f.mean_squared_error(np.zeros(3), np.zeros((3, 1))), ValueError, "reshape"),
        (lambda: f.binary_cross_entropy(np.zeros(3), np.zeros((3, 1))), ValueError, "reshape"),
        (lambda: f.binary_cross_entropy([2], [0.0]), ValueError, "within 0 and 1"),
        (lambda: f.binary_cross_entropy([-1, 1], [0.0, 0.0]), ValueError, "within 0 and 1"),
        (lambda: f.cross_entropy([0.0], [[0.0, 1.0]]), TypeError, "integers"),
        (lambda: f.cross_entropy([2], [[0.0, 1.0]]), ValueError, "labels 0 to 1"),
        (lambda: f.cross_entropy([-1], [[0.0, 1.0]]), ValueError, "labels 0 to 1"),
        (lambda: f.cross_entropy([[0, 1]], [[0.0, 1.0]]), ValueError, r"labels \(N,\)"),
        (lambda: f.forward(f.initialize((5, 2), 1, 0), X, "swish"), ValueError, "relu, tanh"),
        (lambda: f.forward(f.initialize((4, 2), 1, 0), X), ValueError, r"\(batch, 4\)"),
        (lambda: f.forward(f.initialize((5, 2), 1, 0), X[0]), ValueError, r"\(batch, 5\)"),
        (lambda: f.initialize((5, 2), "xavier", 0), ValueError, "glorot"),
        (lambda: f.SGD(0), ValueError, "positive"),
        (lambda: f.Adam(float("nan")), ValueError, "positive"),
        (lambda: f.SGD().apply([np.zeros(2)], [np.zeros(3)]), ValueError, "do not fit"),
        (lambda: f.SGD().apply([], [np.zeros(3)]), ValueError, "do not fit"),
        (lambda: f.SGD().apply([np.zeros(2)], [np.zeros(2, int)]), TypeError, "float array"),
        (lambda: f.SGD().apply([1.0], [2.0]), TypeError, "float array"),
        (lambda: f.LinearRegression(0), ValueError, "num_features must be an integer >= 1"),
        (lambda: f.LogisticRegression(2.5), ValueError, "num_features"),
        (lambda: f.MLP(4, (8, 0), 3), ValueError, "hidden_dims must be an integer"),
        (lambda: f.MLP(4, 8, 3), ValueError, "hidden_dims must be a list"),
        (lambda: f.MLP(4, (8,), 3, activaton="tanh"), TypeError, "did you mean 'activation'"),
        (lambda: f.LogisticRegression(2, num_class=2), TypeError, "no argument 'num_class'"),
        (lambda: f.MLP(4, (8,), 3, activation="nonsense"), ValueError, "activation"),
        (lambda: f.MLP(4, (8,), 3)(np.zeros((2, 5))), ValueError, "shape"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_backward_wants_the_shape_of_the_predictions():
    parameters = f.initialize((5, 3), 1.0, seed=0)
    with pytest.raises(ValueError, match="shapes differ"):
        f.backward(parameters, f.forward(parameters, X), np.zeros((20, 1)))
