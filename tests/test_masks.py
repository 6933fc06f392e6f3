"""Padding is inert behind `Embedding(mask_zero=True)` in every layer that says so."""

import importlib
import pkgutil

import keras
import numpy as np
import pytest

import aimodels

pytestmark = pytest.mark.rests_on("aimodels")

WIDTH = 8
SHORT = np.array([[5, 6, 7]])
PADDED = np.array([[5, 6, 7, 0, 0]])

# Registered name: a way to build it, and to call it with embedded tokens; whether a position's
# output depends on other positions. A layer of two inputs is tested in both places, and one that
# keeps the positions of its input twice in a row: it must pass the mask on.
LAYERS = {
    "MultiHeadAttention": [
        ({"num_heads": 2, "key_dim": 4}, lambda layer, x, memory: layer(x, x), True),
        ({"num_heads": 2, "key_dim": 4}, lambda layer, x, memory: layer(memory, x), True),
        ({"num_heads": 2, "key_dim": 4}, lambda layer, x, memory: layer(memory, x, x), True),
        (
            {"num_heads": 2, "key_dim": 4},
            lambda layer, x, memory: layer(h := layer(x, x), h),
            True,
        ),
    ],
    "TransformerBlock": [
        ({"num_heads": 2, "intermediate_dim": 8}, lambda layer, x, memory: layer(x), True),
        (
            {"num_heads": 2, "intermediate_dim": 8},
            lambda layer, x, memory: layer(layer(x)),
            True,
        ),
        (
            {"num_heads": 2, "intermediate_dim": 8, "cross_attention": True},
            lambda layer, x, memory: layer(memory, x),
            True,
        ),
    ],
    "PositionEmbedding": [({"max_sequence_length": 8}, lambda layer, x, memory: layer(x), False)],
    "Recurrent": [
        (
            {"cell": cell, "units": 4, "return_sequences": sequences},
            lambda layer, x, memory: layer(x),
            not sequences,
        )
        for cell in ("rnn", "lstm", "gru")
        for sequences in (False, True)
    ],
    "CRF": [({}, lambda layer, x, memory: layer(x), False)],
    "BahdanauAttention": [({"units": 4}, lambda layer, x, memory: layer(memory, x)[0], True)],
    "SpecAugment": [({}, lambda layer, x, memory: layer(x), False)],
    "DotProductAttention": [({"units": 4}, lambda layer, x, memory: layer(memory, x)[0], True)],
    "RealFrames": [({}, lambda layer, x, memory: layer(x), False)],
    "Splice": [({"context": 1}, lambda layer, x, memory: layer(x), True)],
    "CausalConvolution": [
        ({"filters": 4, "kernel_size": 3}, lambda layer, x, memory: layer(x), False)
    ],
    "FrameConvolution": [({"filters": 4}, lambda layer, x, memory: layer(x), True)],
    "FrameAverage": [({}, lambda layer, x, memory: layer(x), True)],
    "BlankPadding": [({}, lambda layer, x, memory: layer(x), False)],
}


def masking_layers() -> dict[str, type]:
    for module in pkgutil.walk_packages(aimodels.__path__, "aimodels."):
        if not module.name.startswith(("aimodels.course", "aimodels.cli", "aimodels.__main__")):
            importlib.import_module(module.name)
    found = {}
    for name, cls in keras.saving.get_custom_objects().items():
        is_layer = isinstance(cls, type) and issubclass(cls, keras.Layer)
        if name.startswith("aimodels>") and is_layer and not issubclass(cls, keras.Model):
            found[name.removeprefix("aimodels>")] = cls
    return found


CLASSES = masking_layers()
# No masked sequence of vectors is the input of these.
WITHOUT = {"Bias", "ClassToken", "LogMel", "Proposals", "PyramidRoIAlign", "Scale"}
WITHOUT |= {"WordsFromCharacters"}
CASES = [
    pytest.param(name, *case, id=f"{name}-{number}")
    for name, cases in LAYERS.items()
    for number, case in enumerate(cases)
]


def test_every_layer_has_its_entry():
    assert set(CLASSES) == set(LAYERS) | WITHOUT
    for name, [(arguments, *_), *_] in LAYERS.items():
        assert CLASSES[name](**arguments).supports_masking, name


def moved(name, arguments, call, mask_zero: bool) -> float:
    """How far two padding ids move the output for the real ones, or for another sequence."""
    keras.utils.set_random_seed(0)
    embedding = keras.layers.Embedding(20, WIDTH, "normal", mask_zero=mask_zero)
    memory = keras.random.normal((1, 4, WIDTH))
    layer = CLASSES[name](**arguments)
    short, padded = (np.array(call(layer, embedding(ids), memory)) for ids in (SHORT, PADDED))
    if padded.shape != short.shape:
        padded = padded[:, : short.shape[1]]
    return float(np.abs(short - padded).max())


@pytest.mark.parametrize(("name", "arguments", "call", "mixes"), CASES)
def test_padding_is_inert_and_without_a_mask_it_is_not(name, arguments, call, mixes):
    assert moved(name, arguments, call, mask_zero=True) <= 1e-6
    assert not mixes or moved(name, arguments, call, mask_zero=False) > 1e-4
