"""Every public model is a citizen of Keras: shown, cloned, saved, exported, trained in each way."""

import functools
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from rounding import BFLOAT16

import aimodels
from aimodels import registration, train

pytestmark = [  # each model is traced several times
    pytest.mark.rests_on("aimodels", "datasets"),
    pytest.mark.slow,
]
RNG = np.random.default_rng(0)
COUNT, LENGTH, CLASSES = 5, 6, 3  # batches of two: the last one is odd
IDS = RNG.integers(5, 20, (COUNT, LENGTH)).astype("int32")
IDS[::2, 4:] = 0  # padding
SEGMENTS = np.where(np.arange(LENGTH) < 3, 0, IDS > 0).astype("int32")
FEATURES = RNG.normal(size=(COUNT, 4)).astype("float32")
IMAGES = RNG.normal(size=(COUNT, 8, 8, 1)).astype("float32")
PHOTOGRAPHS = RNG.normal(size=(COUNT, 64, 64, 3)).astype("float32")
SERIES = RNG.normal(size=(COUNT, LENGTH, 2)).astype("float32")
SPEECH = SERIES * (IDS > 0)[..., None]
TRANSCRIPTS = np.array([[1, 2], [3, 0], [0, 0], [2, 2], [3, 1]], "int32")
LABELS = np.arange(COUNT) % CLASSES
NUMBERS = FEATURES[:, :1] + 1
FUTURE = SERIES[:, 0]
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
PICTURES = RNG.random((COUNT, 16, 24, 1)).astype("float32")
OBJECTS = {
    "boxes": np.tile(np.float32([[[1, 2, 9, 12], [8, 0, 24, 16]]]), (COUNT, 1, 1)),
    "labels": np.array([[0, 2], [1, -1], [2, 1], [-1, -1], [0, 0]], "int32"),
}
BLOCKS = {"hidden_dim": 8, "num_heads": 2, "num_layers": 1, "max_sequence_length": 8}
# oneDNN's AVX2 code damages memory in 1 x 1 convolutions of stride 2 from fewer than 8 channels.
STACKS = {"stackwise_num_filters": (8, 16), "stackwise_num_blocks": (1, 1), "stem": "cifar"}
NARROW = {"stem": "cifar", "width_multiplier": 0.05, "dropout": 0.0}
READER = {"embedding_dim": 4, "units": 4}
PATCHES = {"patch_size": 4, "hidden_dim": 8, "num_heads": 2}


def encoder(**kwargs):
    return aimodels.bert.BERT(20, **BLOCKS, dropout=0.0, **kwargs)


def looker(**kwargs):
    return aimodels.vit.ViT((8, 8, 1), **PATCHES, num_layers=1, **kwargs)


def reader(**kwargs):
    return aimodels.multimodal.TextEncoder(20, **BLOCKS, dropout=0.0, **kwargs)


PARTS = (encoder, looker, reader)  # arguments that are models, made anew each time

# Registered name, and what is special: arguments of the constructor, inputs, targets, loss.
MODELS = {
    "LinearRegression": ((4,), {}, FEATURES, NUMBERS, "mse"),
    "LogisticRegression": ((4,), {}, FEATURES, NUMBERS > 1, "mse"),
    "MLP": ((4, (np.int64(5),), CLASSES), {}, FEATURES, LABELS, CROSSENTROPY),
    "CNN": (((8, 8, 1), CLASSES), {"filters": (4, 4)}, IMAGES, LABELS, CROSSENTROPY),
    "ResNet": (((8, 8, 1), CLASSES), STACKS, IMAGES, LABELS, CROSSENTROPY),
    "ResNet of version 2": (
        ((8, 8, 1), CLASSES),
        {**STACKS, "block_type": "bottleneck_block", "use_pre_activation": True},
        IMAGES,
        LABELS,
        CROSSENTROPY,
    ),
    "GoogLeNet": (((8, 8, 1), CLASSES), NARROW, IMAGES, LABELS, CROSSENTROPY),
    "GoogLeNet with heads": (
        ((8, 8, 1), CLASSES),
        {**NARROW, "auxiliary_heads": True, "auxiliary_dropout": 0.0},
        IMAGES,
        LABELS,
        CROSSENTROPY,
    ),
    "InceptionV3": (
        ((75, 75, 1), CLASSES),
        # Normalising batches of two 94 times in a row, rounding alone changes signs.
        {"width_multiplier": 0.1, "batch_normalization": False},
        RNG.normal(size=(COUNT, 75, 75, 1)).astype("float32"),
        LABELS,
        CROSSENTROPY,
    ),
    "EfficientNetLite": (
        ((64, 64, 3), CLASSES),
        {
            **{"width_coefficient": 0.1, "depth_coefficient": 0.5},
            **{"dropout": 0.0, "drop_connect_rate": 0.0},
        },
        PHOTOGRAPHS,
        LABELS,
        CROSSENTROPY,
    ),
    "BlazeFace": (
        (),
        {},
        RNG.uniform(-1, 1, (COUNT, 128, 128, 3)).astype("float32"),
        {"codes": np.zeros((COUNT, 896, 16)), "logits": np.zeros((COUNT, 896))},
        {"codes": "mse", "logits": "mse"},
    ),
    "SSD": (((16, 24, 1), CLASSES), {"head_filters": 8}, PICTURES, OBJECTS, None),
    "FasterRCNN": (
        ((16, 24, 1), CLASSES),
        {"filters": 8, "hidden_dim": 8, "num_proposals": 6},
        PICTURES,
        OBJECTS,
        None,
    ),
    "TextCNN": (
        (20, CLASSES),
        {"embedding_dim": 4, "kernel_sizes": (2, 3), "filters": 4, "dropout": 0.0},
        IDS,
        LABELS,
        CROSSENTROPY,
    ),
    "MeanEmbedding": ((20, CLASSES), {"embedding_dim": 4}, IDS, LABELS, CROSSENTROPY),
    "TextClassifier": ((20, CLASSES), {**READER, "cell": "gru"}, IDS, LABELS, CROSSENTROPY),
    "Forecaster": ((2, 2), {"units": 4}, SERIES, FUTURE, "mse"),
    "Tagger": ((20, 4), {**READER, "cell": "rnn"}, IDS, IDS % 4, CROSSENTROPY),
    "Tagger with a CRF": (
        (20, 4),
        {**READER, "crf": True},
        IDS,
        IDS % 4,
        aimodels.recurrent.CRFLoss(),
    ),
    "FrameDNN": ((2, CLASSES), {"hidden_dims": (8,)}, SPEECH, IDS % CLASSES, CROSSENTROPY),
    "KeywordCNN": ((2, CLASSES), {"filters": (4, 4)}, SPEECH, LABELS, CROSSENTROPY),
    "SpeechRNN": ((2, "abc"), {"units": 4}, SPEECH, TRANSCRIPTS, aimodels.speech.CTC()),
    "SpeechRNN of one direction": (
        (2, "abc"),
        {"units": 4, "bidirectional": False, "filters": 4, "kernel_size": 3, "strides": 2},
        SPEECH,
        TRANSCRIPTS,
        aimodels.speech.CTC(),
    ),
    "SileroVAD": (
        (),
        {},
        [
            RNG.normal(size=(COUNT, LENGTH, 576)).astype("float32"),
            *(FEATURES[:, [i]].repeat(128, axis=1) for i in (0, 1)),
        ],
        {
            "probabilities": (IDS > 0).astype("float32"),
            **{name: np.zeros((COUNT, 128), "float32") for name in ("hidden", "cell")},
        },
        {"probabilities": "mse", "hidden": "mse", "cell": "mse"},
    ),
    "Seq2Seq": ((20, 20), READER, (IDS, IDS), IDS, CROSSENTROPY),
    "Transformer": ((20, 20), {**BLOCKS, "dropout": 0.0}, (IDS, IDS), IDS, CROSSENTROPY),
    "GPT": ((20,), BLOCKS, IDS, IDS, CROSSENTROPY),
    "BERT": ((20,), {**BLOCKS, "dropout": 0.0}, (IDS, SEGMENTS), None, None),
    "BERTPretraining": (
        (encoder,),
        {},
        (IDS, SEGMENTS, IDS[:, :2] % LENGTH),
        (IDS[:, :2], LABELS % 2),
        [CROSSENTROPY, CROSSENTROPY],
    ),
    "ViT": (((8, 8, 1), CLASSES), {**PATCHES, "num_layers": 1}, IMAGES, LABELS, CROSSENTROPY),
    "ViT without head": (((8, 8, 1),), {**PATCHES, "num_layers": 1}, IMAGES, None, None),
    "TextEncoder": ((20,), {**BLOCKS, "dropout": 0.0}, IDS, None, None),
    "CLIP": (
        (looker, reader, 8),
        {},
        (IMAGES, IDS),
        LABELS,
        aimodels.multimodal.ContrastiveLoss(),
    ),
    "Captioner": ((looker, 20), {**BLOCKS, "dropout": 0.0}, (IMAGES, IDS), IDS, CROSSENTROPY),
    "Model": (
        (encoder,),
        {},
        (IDS, SEGMENTS),
        LABELS,
        CROSSENTROPY,
    ),
}
# Learning rates other than 0.1: dozens of normalisations over two pictures magnify what rounds.
RATES = {"EfficientNetLite": 1e-6}


def public_models() -> dict[str, type]:
    for module in pkgutil.walk_packages(aimodels.__path__, "aimodels."):
        if not module.name.startswith(("aimodels.course", "aimodels.cli", "aimodels.__main__")):
            importlib.import_module(module.name)
    objects = keras.saving.get_custom_objects().items()
    return {
        name.removeprefix("aimodels>"): cls
        for name, cls in objects
        if name.startswith("aimodels>") and isinstance(cls, type) and issubclass(cls, keras.Model)
    }


CLASSES_BY_NAME = public_models()
every_model = pytest.mark.parametrize("name", sorted(MODELS))


def class_of(name: str) -> type:
    return CLASSES_BY_NAME[name.partition(" ")[0]]


def make(name: str, /, **kwargs) -> keras.Model:
    keras.utils.set_random_seed(0)
    arguments, options, *_ = MODELS[name]
    if name == "Model":  # without a constructor of its own
        return aimodels.bert.classifier(encoder(**kwargs), CLASSES, dropout=0.0)
    arguments = [argument(**kwargs) if argument in PARTS else argument for argument in arguments]
    return class_of(name)(*arguments, **options, **kwargs)


@functools.cache
def shared(name: str) -> keras.Model:
    """For tests that change nothing."""
    return make(name)


def answer(model, name: str) -> list[np.ndarray]:
    return [np.array(y) for y in keras.tree.flatten(model(MODELS[name][2], training=False))]


def assert_close(answers, others, **tolerance):
    for one, other in zip(answers, others, strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


def compiled(name: str, model=None, rate: float | None = None, **kwargs) -> keras.Model:
    model = model or make(name)
    rate = RATES.get(name, 0.1) if rate is None else rate
    model.compile(keras.optimizers.SGD(rate), targets_and_loss(name)[1], **kwargs)
    return model


def targets_and_loss(name: str):
    *_, y, loss = MODELS[name]
    if y is None:  # an encoder, trained to give zeros
        y = tuple(np.zeros(a.shape, "float32") for a in answer(shared(name), name))
        loss = ["mse"] * len(y)
    return y, loss


def fit(model, name: str) -> keras.Model:
    """Two epochs of two batches of one shape, so that XLA compiles once."""
    data = MODELS[name][2], targets_and_loss(name)[0]
    x, y = keras.tree.map_structure(lambda a: a[:4], data)
    history = model.fit(x, y, batch_size=2, epochs=2, shuffle=False, verbose=0).history
    model.loss_ = history["loss"]
    return model


def test_every_model_has_its_entry():
    assert {name.partition(" ")[0] for name in MODELS} == set(CLASSES_BY_NAME)


def test_every_registered_class_is_found_before_it_is_imported():
    registered = {
        (cls.__module__, name.removeprefix("aimodels>"))
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith("aimodels>") and isinstance(cls, type)
    }
    assert set(registration.names()) == registered


@every_model
def test_summary_and_graph(name):
    model, lines = shared(name), []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert model.name in lines[0]
    assert f"{model.count_params():,}" in "\n".join(lines)
    if not importlib.util.find_spec("pydot"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("this test needs pydot")
    graph = keras.utils.model_to_dot(model, show_shapes=True)
    assert len(graph.get_nodes()) >= len(model.layers)


@every_model
def test_config_goes_through_json(name):
    model = shared(name)
    config = json.loads(json.dumps(model.get_config()))
    again = type(model).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


@every_model
def test_a_clone_keeps_class_and_ties(name):
    model = shared(name)
    clone = keras.models.clone_model(model)
    assert type(clone) is type(model)
    assert len(clone.weights) == len(model.weights)
    clone.set_weights(model.get_weights())
    assert_close(answer(clone, name), answer(model, name), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"Model"}))  # of no constructor
def test_a_misspelt_argument_is_refused(name):
    (arguments, options, *_), cls = MODELS[name], class_of(name)
    known = rf"{cls.__name__} has no argument 'nam'; did you mean 'name'"
    with pytest.raises(TypeError, match=known):
        cls(*arguments, **options, nam="x")


@every_model
@pytest.mark.parametrize("policy", ["mixed_float16", BFLOAT16])
def test_a_dtype_policy_reaches_every_layer_and_is_kept(name, policy):
    model = make(name, dtype=policy)
    inner = [layer for layer in model.layers if layer.weights]
    assert any(layer.compute_dtype == policy.removeprefix("mixed_") for layer in inner)
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    assert all(np.isfinite(np.float32(a)).all() for a in answer(model, name))
    for again in (
        type(model).from_config(json.loads(json.dumps(model.get_config()))),
        keras.models.clone_model(model),
    ):
        assert policies(again) == policies(model)
    assert policy in policies(model)


def policies(model) -> list[str]:
    found = [model.dtype_policy.name]
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += policies(layer)
        elif not isinstance(layer, keras.layers.InputLayer):  # it computes nothing
            found.append(layer.dtype_policy.name)
    return found


@every_model
def test_fit_reads_arrays_datasets_generators_and_py_datasets(name):
    """With a learning rate of zero every source has the same loss."""
    import tensorflow as tf

    x, y = MODELS[name][2], targets_and_loss(name)[0]
    x = tuple(x) if isinstance(x, list) else x  # TensorFlow would stack what a list holds
    pick = lambda tree, rows: keras.tree.map_structure(lambda a: a[rows], tree)  # noqa: E731
    batches = [(pick(x, rows), pick(y, rows)) for rows in (slice(0, 2), slice(2, 4), slice(4, 5))]

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return len(batches)

        def __getitem__(self, number):
            return batches[number]

    model = compiled(name, rate=0.0, run_eagerly=True)  # it is about the data
    sources = {
        "arrays": {"x": x, "y": y, "batch_size": 2, "shuffle": False},
        "tf.data": {"x": tf.data.Dataset.from_tensor_slices((x, y)).batch(2)},
        "generator": {"x": (batch for batch in batches), "steps_per_epoch": len(batches)},
        "PyDataset": {"x": Batches(), "shuffle": False},
    }
    losses = [model.fit(**facts, verbose=0).history["loss"][0] for facts in sources.values()]
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)


@every_model
def test_compiled_and_eager_steps_are_the_same(name):
    eager = fit(compiled(name, run_eagerly=True), name)
    quick = fit(compiled(name, jit_compile=True), name)
    assert quick.jit_compile
    assert not eager.jit_compile
    np.testing.assert_allclose(quick.loss_, eager.loss_, rtol=1e-4, atol=1e-6)
    assert eager.loss_[1] != eager.loss_[0]
    assert_close(quick.get_weights(), eager.get_weights(), rtol=1e-5, atol=1e-5)


@every_model
def test_predict_with_an_odd_last_batch(name):
    model = shared(name)
    found = keras.tree.flatten(model.predict(MODELS[name][2], batch_size=2, verbose=0))
    expected = answer(model, name)
    if hasattr(model, "detect"):  # whose prediction is boxes
        expected = [np.array(y) for y in keras.tree.flatten(model.detect(MODELS[name][2]))]
    assert_close(found, expected, rtol=1e-5, atol=1e-5)


@every_model
def test_class_weight_works_as_in_keras_or_names_sample_weight(name):
    y, _ = targets_and_loss(name)
    model = compiled(name, run_eagerly=True)
    arguments = {"x": MODELS[name][2], "y": y, "batch_size": 5, "verbose": 0}
    weights = {number: 1.0 + number for number in range(20)}
    if len(model.outputs) == 1 and len(model.output_shape) == 2:
        if isinstance(y, np.ndarray) and y.ndim == 1:
            model.optimizer.learning_rate = 0.0
            expected = model.fit(**arguments, sample_weight=1.0 + y).history["loss"]
            found = model.fit(**arguments, class_weight=weights).history["loss"]
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    else:
        with pytest.raises(ValueError, match="sample_weight"):
            model.fit(**arguments, class_weight=weights)


# In a new process

READ = """
    import json, pathlib, sys
    import numpy as np
    import tensorflow as tf

    folder, found = pathlib.Path(sys.argv[1]), {}
    for path in sorted(folder.glob("*.npz")):
        found[path.stem] = facts = {}
        x = [tf.constant(a) for a in np.load(path).values()]
        served = tf.saved_model.load(str(folder / path.stem))
        y = served.serve(*x) if len(x) == 1 else served.serve(x)
        facts["exported"] = [a.numpy().tolist() for a in tf.nest.flatten(y)]
    assert "aimodels" not in sys.modules

    import aimodels
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")  # the file's own policy counts
    for name, facts in found.items():
        model = keras.saving.load_model(folder / f"{name}.keras")
        x = list(np.load(folder / f"{name}.npz").values())
        y = model(x[0] if len(x) == 1 else x, training=False)
        facts["loaded"] = [np.array(a, "float32").tolist() for a in keras.tree.flatten(y)]
        facts["class"] = f"{type(model).__module__}.{type(model).__name__}"
        facts["policy"] = model.dtype_policy.name
        facts["trainable"] = [variable.path for variable in model.trainable_variables]
    print(json.dumps(found))
"""


def partly_frozen(name: str) -> keras.Model:
    """All layers but the last with weights, and inside that one every second layer too."""
    model = make(name)
    *others, last = [layer for layer in model.layers if layer.weights]
    for layer in others:
        layer.trainable = False
    for inner in keras.tree.flatten([vars(last).get(part) for part in ("attention", "cell")]):
        if inner is not None:
            inner.trainable = False
    return model


@pytest.fixture(scope="module")
def reopened(tmp_path_factory):
    """What one new process for all models reads: {name: facts}, and the models that were saved."""
    folder, models = tmp_path_factory.mktemp("models"), {}
    for name in sorted(MODELS):
        models[name] = model = partly_frozen(name)
        model.save(folder / f"{name}.keras")
        model.export(folder / name, verbose=False)
        inputs = keras.tree.flatten(MODELS[name][2])
        np.savez(folder / f"{name}.npz", *inputs)
    command = [sys.executable, "-c", textwrap.dedent(READ), str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout), models


@every_model
def test_it_opens_in_a_new_process(reopened, name):
    facts, model = reopened[0][name], reopened[1][name]
    assert facts["class"] == f"{type(model).__module__}.{type(model).__name__}"
    assert facts["policy"] == "float32"
    assert len(facts["trainable"]) == len(model.trainable_variables)
    assert_close(facts["loaded"], answer(model, name), rtol=1e-5, atol=1e-6)


@every_model
def test_it_is_exported_to_plain_tensorflow(reopened, name):
    facts, model = reopened[0][name], reopened[1][name]
    assert_close(facts["exported"], answer(model, name), rtol=1e-5, atol=1e-5)


@every_model
def test_what_is_frozen_stays(name):
    model = compiled(name, partly_frozen(name), jit_compile=False)
    frozen = {id(v) for v in model.weights} - {id(v) for v in model.trainable_weights}
    before = {id(v): v.numpy() for v in model.weights}
    fit(model, name)
    for variable in model.trainable_weights:
        assert not np.array_equal(variable.numpy(), before[id(variable)]), variable.path
    for variable in model.weights:
        if id(variable) in frozen and not isinstance(variable, keras.metrics.Metric):
            np.testing.assert_array_equal(variable.numpy(), before[id(variable)])


def test_flags_and_policies_of_inner_layers_are_kept():
    """As someone sets them who fine-tunes: nothing but the feed-forward part of one block."""
    bert = encoder()
    bert.trainable = False
    model = aimodels.bert.classifier(bert, CLASSES)
    assert len(model.trainable_variables) == 2
    block = bert.get_layer("block1")
    bert.trainable = block.trainable = True
    for layer in bert.layers:
        layer.trainable = layer is block
    block.attention.trainable = False
    block.attention_norm.dtype_policy = "mixed_bfloat16"
    expected = sorted(tuple(v.shape) for v in model.trainable_variables)
    assert 2 < len(expected) < 21
    for again in (
        keras.models.clone_model(model),
        train.Model.from_config(json.loads(json.dumps(model.get_config()))),
    ):
        assert sorted(tuple(v.shape) for v in again.trainable_variables) == expected
        [inner] = [layer for layer in again.layers if isinstance(layer, aimodels.bert.BERT)]
        norm = inner.get_layer("block1").attention_norm
        assert norm.dtype_policy.name == "mixed_bfloat16"


def test_what_the_constructor_was_told_is_kept():
    model = make("GPT", trainable=False, dtype="bfloat16", name="small")
    again = keras.models.clone_model(model)
    assert (again.name, again.dtype_policy.name, again.trainable) == ("small", "bfloat16", False)
    assert not any(variable.trainable for variable in again.weights)


def test_a_clone_function_of_the_users_own_still_goes_through_the_graph():
    seen = []

    def clone(layer):
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    model = make("GPT")
    keras.models.clone_model(model, clone_function=clone)
    assert set(seen) >= {"embedding", "block1", "norm"}


def test_a_missing_private_attribute_is_a_sentence():
    from aimodels.train.keras_internals import private

    with pytest.raises(RuntimeError, match=r"no attribute '_gone', which aimodels needs: install"):
        private(shared("GPT"), "_gone")
