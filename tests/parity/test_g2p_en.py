"""The lesson's `Published`, g2p_en's network in Keras, beside the package's own NumPy program."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from aimodels import data
from aimodels.decoding import greedy
from aimodels.text import Vocabulary

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "g2p_published.py"

pytestmark = pytest.mark.skipif(
    not importlib.util.find_spec("g2p_en"), reason="pip install --no-deps g2p_en"
)


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("g2p_published", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def theirs(benchmark):
    return benchmark.package_program()


@pytest.fixture(scope="module")
def words():
    """400 words of the dictionary, of any length."""
    examples = data.load("cmudict", split="test[:400]", batch_size=-1)
    return [word.decode().replace("'", "") for word in examples["word"].numpy()]


@pytest.fixture(scope="module")
def ours(benchmark, theirs):
    lesson = benchmark.lesson_names("keras_gru", "Published")
    return lesson.Published(dict(theirs.variables))


def spelled(theirs, words):
    return Vocabulary(
        theirs.graphemes,
        pad_token="<pad>",
        unknown_token="<unk>",
        start_token="</s>",
        end_token="</s>",
    ).encode([list(word) for word in words], end=True)


def test_states_and_logits_equal_the_package(benchmark, theirs, ours, words, parity):
    _, states = ours.encode(spelled(theirs, words))
    logits, _ = ours.decode_step(tf.fill([len(words)], 2), states, ())
    expected = [benchmark.states(theirs, word) for word in words]
    for what, found, index in (("last state", states, 0), ("first logits", logits, 1)):
        published = np.array([pair[index] for pair in expected])
        scale = max(1, np.abs(published).max())
        parity(
            f"lesson 05's Published, {what} of {len(words)} words",
            reference="g2p_en.G2p",
            difference=np.abs(found - published).max() / scale,
            bound=1e-5,
        )


def test_the_same_phonemes_are_said(theirs, ours, words):
    ids, _ = greedy(ours, spelled(theirs, words), max_length=20)
    sounds = [
        [theirs.phonemes[i] for i in row if i > 3] for row in ids.numpy()
    ]  # without the special ones
    different = [w for w, said in zip(words, sounds, strict=True) if said != theirs.predict(w)]
    assert len(different) <= 1, different  # rounding may decide between two that are equal
