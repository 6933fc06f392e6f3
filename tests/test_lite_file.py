"""A LiteRT file's weights are read as LiteRT reads them, and another file is refused."""

import numpy as np
import pytest
import tensorflow as tf

from aimodels.checkpoint.lite_file import read_lite_weights

pytestmark = pytest.mark.rests_on_code


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    kernel = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")

    @tf.function(input_signature=[tf.TensorSpec((1, 5), tf.float32)])
    def dense(x):
        return tf.nn.relu(x @ kernel)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([dense.get_concrete_function()])
    path = tmp_path_factory.mktemp("lite") / "dense.tflite"
    path.write_bytes(converter.convert())
    return path, kernel


def test_weights_are_those_of_the_model(path):
    path, kernel = path
    [weights] = [w for w in read_lite_weights(path).values() if w.ndim == 2]
    np.testing.assert_array_equal(weights, kernel.T)  # LiteRT keeps the outputs first


def test_another_or_a_damaged_file_is_one_sentence(path, tmp_path):
    data = path[0].read_bytes()
    bad = tmp_path / "bad.tflite"
    for content, message in {
        b"no model": "is no LiteRT file",
        b"": "is empty",
        b"version https://git-lfs.github.com/spec/v1": "is a Git LFS pointer",
        data[: len(data) // 3]: "is damaged",
        data[:8] + b"\xff" * 200: "is damaged",
    }.items():
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_lite_weights(bad)
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.tflite"):
        read_lite_weights(tmp_path / "none.tflite")
