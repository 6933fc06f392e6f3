"""`train.Model` equals `keras.Model` on one device, and itself on several: weight by weight."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close, products, rounding

from aimodels.train import Model, batches, strategy

pytestmark = [pytest.mark.rests_on_code, pytest.mark.slow]  # each traces and compiles some models
L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(51, 6)).astype("float32")  # 6 batches of 8, and one of 3
IDS = RNG.integers(0, 20, (51, 6))
Y = X[:, :3].argmax(1)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


# Two epochs of seven batches; each output adds up 6, then 16 products, each gradient 8 examples.
SAME = rounding(sums=2 * 7 * (6 + 16 + 8))


@keras.saving.register_keras_serializable("tests")
class Twice(L.Layer):
    """A layer with a loss of its own."""

    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(x)))
        return 2 * x


@keras.saving.register_keras_serializable("tests")
def mean_of_squares(y_true, y_pred):
    y = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), 3)
    return keras.ops.mean(keras.ops.square(keras.ops.reshape(y, (-1, 3)) - y_pred), axis=-1)


def build(cls, *middle, ids=False):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,), dtype="int32" if ids else None)
    h = L.Flatten()(L.Embedding(20, 4)(inputs)) if ids else inputs
    h = L.Dense(16, activation="relu", kernel_regularizer="l2")(h)
    for layer in middle:
        h = layer()(h)
    return cls(inputs, L.Dense(3, dtype="float32")(h))


def train(
    cls,
    *middle,
    on=None,
    ids=False,
    epochs=2,
    batch=8,
    count=51,
    optimizer="adam",
    loss=CROSS_ENTROPY,
    weights=False,
    fit=None,
    **compile,
):
    """A model trained on the same global batches; its history is kept."""
    with (on or tf.distribute.get_strategy()).scope():
        model = build(cls, *middle, ids=ids)
        model.compile(keras.optimizers.get(optimizer), loss, metrics=["accuracy"], **compile)
        arrays = (IDS if ids else X, Y) + ((np.linspace(0, 2, 51),) if weights else ())
        data = batches(tuple(a[:count] for a in arrays), batch)
        model.history_ = model.fit(data, epochs=epochs, verbose=0, **(fit or {})).history
    return model


@functools.cache
def plain(name="dense"):
    """What `keras.Model` reaches on one device."""
    return train(keras.Model, *LAYERS.get(name, []), **PLAIN.get(name, {}))


def difference(one, other) -> float:
    pairs = zip(one.get_weights(), other.get_weights(), strict=True)
    weights = max(np.abs(a - b).max() for a, b in pairs)
    assert one.history_.keys() == other.history_.keys()
    assert len(one.history_["loss"]) == len(other.history_["loss"])
    return max(
        weights,
        *(np.abs(np.subtract(one.history_[k], other.history_[k])).max() for k in one.history_),
    )


@pytest.fixture(scope="module", params=[2, 4])
def several(request):
    return strategy("devices", devices=request.param)


@pytest.fixture(scope="module")
def two():
    return strategy("devices", devices=2)


PLAIN = {
    "dense": {},
    "embedding": {"ids": True},
    "sample weights": {"weights": True},
    "class weights": {"fit": {"class_weight": {0: 1.0, 1: 3.0, 2: 0.5}}},
    "custom loss": {"loss": mean_of_squares},
    "several steps a call": {"steps_per_execution": 3},
    "eager": {"run_eagerly": True, "epochs": 1},
    "momentum and clipping": {
        "optimizer": {
            "class_name": "sgd",
            "config": {"learning_rate": 0.1, "momentum": 0.9, "global_clipnorm": 0.1},
        }
    },
}
LAYERS = {
    "batch normalization": [L.BatchNormalization],
    "dropout": [lambda: L.Dropout(0.3)],
    "both": [L.BatchNormalization, lambda: L.Dropout(0.2)],
    "a loss of its own": [Twice],
}


@pytest.mark.parametrize("name", [*PLAIN, *LAYERS])
def test_on_one_device_it_is_kerass_model(name):
    model = train(Model, *LAYERS.get(name, []), **PLAIN.get(name, {}))
    assert difference(plain(name), model) <= SAME


@pytest.mark.parametrize("name", ["embedding", "several steps a call", *LAYERS])
def test_xla_changes_nothing_but_random_numbers(name):
    random = name in ("dropout", "both")  # other masks, the same learning
    facts = PLAIN.get(name, {}) | ({"epochs": 10} if random else {})
    compiled = train(Model, *LAYERS.get(name, []), jit_compile=True, **facts)
    assert compiled.jit_compile
    if random:
        assert compiled.history_["loss"][-1] < compiled.history_["loss"][0]
    else:
        assert difference(plain(name), compiled) <= SAME


@pytest.mark.parametrize("jit_compile", [False, True])
def test_several_devices_are_one(several, jit_compile):
    """Also where the last batch, 3 examples, does not fill four replicas."""
    model = train(Model, on=several, jit_compile=jit_compile)
    assert model.jit_compile == jit_compile
    assert difference(plain(), model) <= SAME


@pytest.mark.parametrize("name", ["embedding", "sample weights", "custom loss"])
def test_two_devices_are_one(two, name):
    assert difference(plain(name), train(Model, on=two, **PLAIN[name])) <= SAME


def test_several_steps_a_call_become_one_on_several_devices(two):
    with pytest.warns(UserWarning, match="every step is a call of its own"):
        model = train(Model, on=two, steps_per_execution=3)
    assert difference(plain(), model) <= SAME


def test_no_batch_divides_evenly(several):
    """Not even the first, from which Keras learns the shapes: eleven examples."""
    one = train(keras.Model, batch=11)
    assert difference(one, train(Model, on=several, batch=11)) <= SAME


def test_kerass_own_model_misses_that(two):
    """Why there is a `Model`: a mean over replicas is no mean over examples."""
    assert difference(plain(), train(keras.Model, on=two)) > 1e-4
    assert difference(plain(), train(Model, on=two)) <= SAME


def test_synchronized_batch_normalization_is_that_of_one_device(several):
    layer = lambda: L.BatchNormalization(synchronized=True)  # noqa: E731
    assert difference(plain("batch normalization"), train(Model, layer, on=several)) <= SAME


def test_synchronized_batch_normalization_is_not_compiled_and_says_so(two):
    layer = lambda: L.BatchNormalization(synchronized=True)  # noqa: E731
    with pytest.warns(UserWarning, match="without XLA: .* is synchronized") as found:
        model = train(Model, layer, on=two, jit_compile=True)
    assert not model.jit_compile
    assert len([w for w in found if "without XLA" in str(w.message)]) == 1
    assert difference(plain("batch normalization"), model) <= SAME


def test_what_xla_cannot_compile_is_said_once_and_trained_without():
    @keras.saving.register_keras_serializable("tests")
    class Printed(L.Layer):
        def call(self, x):
            text = tf.strings.as_string(x)
            return x + 0 * tf.strings.to_number(text)

    with pytest.warns(UserWarning, match="training goes on without XLA") as found:
        model = train(Model, Printed, jit_compile=True)
    assert len([w for w in found if "without XLA" in str(w.message)]) == 1
    assert not model.jit_compile
    assert difference(train(keras.Model, Printed), model) <= SAME


@pytest.mark.parametrize(
    ("pieces", "name"), [(3, "dense"), (5, "dense"), (3, "embedding"), (2, "sample weights")]
)
def test_a_gradient_in_pieces_is_the_same_gradient(pieces, name):
    """With batches of 8, and one of 3, which has empty pieces if there are 5."""
    model = train(Model, num_microbatches=pieces, **PLAIN[name])
    assert difference(plain(name), model) <= SAME


def test_an_empty_piece_leaves_the_statistics_alone():
    model = train(Model, L.BatchNormalization, num_microbatches=5)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_pieces_on_several_devices_with_xla(two):
    model = train(Model, on=two, num_microbatches=2, jit_compile=True)
    assert difference(plain(), model) <= SAME


def test_a_replica_without_an_example_counts_for_nothing(several):
    """One example in the last batch: batch normalization sees an empty part."""
    model = train(Model, L.BatchNormalization, on=several, count=17)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert np.isfinite(model.history_["loss"]).all()
    assert difference(train(keras.Model, count=17), train(Model, on=several, count=17)) <= SAME


def test_each_replica_drops_other_units(two):
    with two.scope():
        keras.utils.set_random_seed(0)
        model = Model(inputs := keras.Input((100,)), L.Dropout(0.5)(inputs))
        model.compile("sgd", "mse")

        @tf.function
        def masks():
            def replica():
                context = tf.distribute.get_replica_context()
                state = model._state(context)
                values = [(model._others()[name], value) for name, value in state.items()]
                with keras.StatelessScope(values):
                    return model(tf.ones((1, 100)), training=True)

            return two.run(replica)

        seen = [mask.numpy() for mask in two.experimental_local_results(masks())]
    assert not np.array_equal(*seen)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_moving_statistics_agree_and_are_the_mean(two, jit_compile):
    """Five examples are parts of two and three: the means count by their size."""

    def normalization(model):
        return next(layer for layer in model.layers if isinstance(layer, L.BatchNormalization))

    facts = {"count": 5, "epochs": 1}
    layer = normalization(
        train(Model, L.BatchNormalization, on=two, jit_compile=jit_compile, **facts)
    )
    for variable in (layer.moving_mean, layer.moving_variance):
        one, other = (v.numpy() for v in variable.value.values)
        np.testing.assert_array_equal(one, other)
    whole = normalization(train(keras.Model, L.BatchNormalization, **facts)).moving_mean
    assert_close(layer.moving_mean.value.values[0], whole, sums=5 * (6 + 16))


@pytest.mark.parametrize("on_two", [False, True])
@pytest.mark.parametrize(
    "policy", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.bfloat16)]
)
def test_mixed_precision_learns_with_the_loss_scaled(two, policy, on_two):
    keras.config.set_dtype_policy(policy)
    try:
        model = train(Model, on=two if on_two else None, epochs=5)
        peer = train(keras.Model, epochs=5)
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert scaled == (policy == "mixed_float16")
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    assert difference(peer, model) <= 0.02


def test_an_overflow_on_one_replica_skips_the_step_on_all(two):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with two.scope():
            model = build(Model)
            model.compile("sgd", CROSS_ENTROPY)
            before = model.get_weights()
            x = X[:8].copy()
            x[7] = 6e4  # the last example, on the second replica
            model.fit(batches((x, Y[:8]), 8), verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.optimizer.dynamic_scale.numpy() == model.optimizer.initial_scale / 2


def test_callbacks_validation_evaluate_and_predict(two, tmp_path):
    with two.scope():
        model = build(Model)
        model.compile("adam", CROSS_ENTROPY, metrics=["accuracy"], jit_compile=True)
        data = batches((X, Y), 8, shuffle=51)
        best = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True)
        stop = keras.callbacks.EarlyStopping(patience=1)
        valid = batches((X, Y), 8)
        history = model.fit(
            data, validation_data=valid, epochs=4, verbose=0, callbacks=[best, stop]
        ).history
        loss, accuracy = model.evaluate(valid, verbose=0)
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    np.testing.assert_allclose(loss, history["val_loss"][-1], rtol=1e-5)
    predicted = model.predict(X, verbose=0)
    np.testing.assert_allclose(accuracy, np.mean(predicted.argmax(1) == Y), rtol=1e-6)
    again = keras.saving.load_model(tmp_path / "best.keras")
    assert_close(again.predict(X, verbose=0), predicted, products(model))


def test_saving_keeps_how_it_was_compiled(tmp_path):
    model = train(Model, jit_compile=True, num_microbatches=2, epochs=1)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert (again.jit_compile, again.num_microbatches) == (True, 2)
    for one in (model, again):
        one.fit(X, Y, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=SAME)


@pytest.mark.parametrize("facts", [{"num_microbatches": 0}, {"num_microbatches": 1.5}])
def test_pieces_are_counted(facts):
    with pytest.raises(ValueError, match="num_microbatches must be an integer >= 1"):
        build(Model).compile("sgd", "mse", **facts)


def test_compile_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="no argument 'jit_compil'; did you mean 'jit_compile'"):
        build(Model).compile("sgd", "mse", jit_compil=True)
    with pytest.raises(ValueError, match='jit_compile must be True, False or "auto"'):
        build(Model).compile("sgd", "mse", jit_compile="yes")


def test_auto_is_kerass_choice_on_one_device_and_off_on_several(two):
    one = build(Model)
    one.compile("sgd", "mse")
    peer = build(keras.Model)
    peer.compile("sgd", "mse")
    assert one.jit_compile == peer.jit_compile
    with two.scope():
        several = build(Model)
        several.compile("sgd", "mse", jit_compile="auto")
    assert several.jit_compile is False


def test_only_the_training_step_is_compiled():
    """Batches of `evaluate` and `predict` differ in shape: each would be compiled anew."""

    @keras.saving.register_keras_serializable("tests")
    class PrintedUnlessTraining(L.Layer):
        def call(self, x, training=None):
            if training:
                return x
            return x + 0 * tf.strings.to_number(tf.strings.as_string(x))  # XLA has no texts

    model = build(Model, PrintedUnlessTraining)
    model.compile("sgd", CROSS_ENTROPY, jit_compile=True)
    model.fit(X, Y, batch_size=8, verbose=0)
    assert np.isfinite(model.evaluate(X, Y, batch_size=20, verbose=0))
    assert model.predict(X, batch_size=20, verbose=0).shape == (51, 3)
    assert model.jit_compile


def test_a_model_that_is_not_compiled_says_so():
    with pytest.raises(ValueError, match="compile"):
        build(Model).fit(X, Y)
