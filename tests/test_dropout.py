"""Dropout in every model that offers it: where it acts, how much, and never at inference."""

import contextlib
import importlib
import inspect
import pkgutil

import keras
import numpy as np
import pytest

import aimodels
from aimodels import (
    bert,
    cnn,
    efficientnet,
    gpt,
    inception,
    multimodal,
    recurrent,
    seq2seq,
    speech,
    text_classification,
    transformer,
    vit,
)

pytestmark = pytest.mark.rests_on("aimodels")

RATE = 0.4
IDS, SEGMENTS, IMAGES, PHOTOGRAPHS, SERIES = "ids", "segments", "images", "photographs", "series"
INPUTS = {
    IDS: lambda rng: rng.integers(1, 50, (6, 9)),  # none is padding
    SEGMENTS: lambda rng: rng.integers(0, 2, (6, 9)),
    IMAGES: lambda rng: rng.normal(size=(6, 8, 8, 1)).astype("float32"),
    PHOTOGRAPHS: lambda rng: rng.normal(size=(6, 75, 75, 3)).astype("float32"),
    SERIES: lambda rng: rng.normal(size=(6, 9, 2)).astype("float32"),
}


def convolutions() -> keras.Model:
    """An encoder of pictures without dropout of its own."""
    image = keras.Input((8, 8, 1))
    return keras.Model(image, keras.layers.Conv2D(8, 3, 2)(image))


# For each model: how it is made, its inputs, and how often dropout acts in one pass.
BLOCK = 3  # in a block: on the weights of attention, and on what each of two parts adds
CROSS_BLOCK = 5  # in one with cross-attention
MODELS = {
    "BERT": (lambda rate: bert.BERT(50, 16, 2, 2, 32, rate), [IDS, SEGMENTS], 1 + 2 * BLOCK),
    "classifier": (
        lambda rate: bert.classifier(bert.BERT(50, 16, 2, 1, 32, rate), 3, rate),
        [IDS, SEGMENTS],
        1 + BLOCK + 1,
    ),
    "tagger": (
        lambda rate: bert.tagger(bert.BERT(50, 16, 2, 1, 32, rate), 3, rate),
        [IDS, SEGMENTS],
        1 + BLOCK + 1,
    ),
    "CNN": (lambda rate: cnn.CNN((8, 8, 1), 3, (4, 64), rate), [IMAGES], 1),
    "EfficientNetLite": (
        lambda rate: efficientnet.EfficientNetLite(
            (75, 75, 3), 3, 0.1, 0.5, dropout=rate, drop_connect_rate=0.0
        ),
        [PHOTOGRAPHS],
        1,
    ),
    "GoogLeNet": (
        lambda rate: inception.GoogLeNet((75, 75, 3), 3, width_multiplier=0.5, dropout=rate),
        [PHOTOGRAPHS],
        1,
    ),
    "GPT": (lambda rate: gpt.GPT(50, 16, 2, 2, 32, rate), [IDS], 1 + 2 * BLOCK),
    "TextClassifier": (
        lambda rate: recurrent.TextClassifier(50, 3, 8, 16, "lstm", 2, rate),
        [IDS],
        2,
    ),
    "Tagger": (lambda rate: recurrent.Tagger(50, 3, 8, 16, "gru", 2, rate), [IDS], 3),
    "Forecaster": (lambda rate: recurrent.Forecaster(2, 3, 16, "lstm", 2, rate), [SERIES], 2),
    "FrameDNN": (lambda rate: speech.FrameDNN(2, 3, 1, (16, 16), rate), [SERIES], 2),
    "KeywordCNN": (lambda rate: speech.KeywordCNN(2, 3, (64,), rate), [SERIES], 1),
    "SpeechRNN": (
        lambda rate: speech.SpeechRNN(2, "abc", 16, 2, filters=8, dropout=rate),
        [SERIES],
        2,
    ),
    "Seq2Seq": (lambda rate: seq2seq.Seq2Seq(50, 50, 16, 16, 2, "dot", rate), [IDS, IDS], 5),
    "TextCNN": (
        lambda rate: text_classification.TextCNN(50, 3, 16, (2, 3), 16, rate, rate),
        [IDS],
        2,
    ),
    "MeanEmbedding": (lambda rate: text_classification.MeanEmbedding(50, 3, 32, rate), [IDS], 1),
    "Transformer": (
        lambda rate: transformer.Transformer(50, 50, 16, 2, 2, 32, rate),
        [IDS, IDS],
        2 + 2 * BLOCK + 2 * CROSS_BLOCK,
    ),
    "TextEncoder": (
        lambda rate: multimodal.TextEncoder(50, 16, 2, 2, 32, rate),
        [IDS],
        1 + 2 * BLOCK,
    ),
    "Captioner": (
        lambda rate: multimodal.Captioner(convolutions(), 50, 16, 2, 2, 32, rate),
        [IMAGES, IDS],
        1 + 2 * CROSS_BLOCK,
    ),
    "ViT": (
        lambda rate: vit.ViT((8, 8, 1), 3, 4, 16, 2, 2, 32, rate),
        [IMAGES],
        1 + 2 * BLOCK,
    ),
}
LAYERS = {"MultiHeadAttention", "TransformerBlock", "stack_layers"}  # inside the models


def test_no_model_with_dropout_is_left_out():
    found = set()
    for info in pkgutil.walk_packages(aimodels.__path__, "aimodels."):
        if not info.name.startswith(("aimodels.course", "aimodels.__main__")):
            for name, value in vars(importlib.import_module(info.name)).items():
                public = callable(value) and not name.startswith("_")
                if public and str(getattr(value, "__module__", "")).startswith("aimodels."):
                    with contextlib.suppress(ValueError):  # not every callable has a signature
                        if "dropout" in inspect.signature(value).parameters:
                            found.add(name)
    assert found - LAYERS == MODELS.keys()


@pytest.fixture
def calls(monkeypatch):
    """What goes through each dropout: input, output, whether in training; in order.

    `calls.only = 3` lets just the fourth act.
    """

    class Calls(list):
        only = None

    calls = Calls()
    for kind in (keras.layers.Dropout, keras.layers.SpatialDropout1D):

        def call(self, inputs, training=False, original=kind.call):
            acts = calls.only in (None, len(calls))
            outputs = original(self, inputs, training=training) if acts else inputs
            calls.append((inputs, outputs, training))
            return outputs

        monkeypatch.setattr(kind, "call", call)
    return calls


def outputs_of(model, inputs, training):
    """One pass, as one vector."""
    outputs = keras.tree.flatten(model(inputs if len(inputs) > 1 else inputs[0], training=training))
    return np.concatenate([np.ravel(np.array(output)) for output in outputs])


@pytest.mark.parametrize("name", MODELS)
def test_dropout_acts_in_training_alone_everywhere_and_as_much_as_asked(name, calls, rng):
    make, kinds, number = MODELS[name]
    model, inputs = make(RATE), [INPUTS[kind](rng) for kind in kinds]
    calls.clear()  # those that built the model

    expected = outputs_of(model, inputs, training=False)
    assert len(calls) == number
    for before, after, training in calls:
        assert not training
        np.testing.assert_array_equal(np.array(after), np.array(before))

    dropped = kept = 0
    while dropped + kept < 2500:
        calls.clear()
        outputs_of(model, inputs, training=True)
        assert len(calls) == number
        for before, after, training in calls:
            assert training
            before, after = np.array(before), np.array(after)
            there = (before != 0) & (after != 0)
            np.testing.assert_allclose(after[there], before[there] / (1 - RATE), rtol=1e-6)
            dropped, kept = dropped + np.sum((before != 0) & ~there), kept + np.sum(there)
    assert dropped / (dropped + kept) == pytest.approx(RATE, abs=0.05)

    for calls.only in range(number):  # each reaches the outputs
        calls.clear()
        assert np.abs(outputs_of(model, inputs, training=True) - expected).max() > 1e-6


@pytest.mark.parametrize("name", MODELS)
def test_without_dropout_training_changes_nothing(name, calls, rng):
    make, kinds, _ = MODELS[name]
    model, inputs = make(0.0), [INPUTS[kind](rng) for kind in kinds]
    calls.clear()
    outputs_of(model, inputs, training=True)
    assert all(np.array_equal(np.array(before), np.array(after)) for before, after, _ in calls)
