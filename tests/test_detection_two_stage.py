"""RoI align and Faster R-CNN: what they compute, what they learn, what they refuse."""

import numpy as np
import pytest
import tensorflow as tf
from rounding import assert_close

from aimodels.detection.roi_align import roi_align

# RoI align


def test_roi_align_is_linear_and_its_gradient_is_the_transpose(rng):
    """<R x, y> = <x, R' y> for every y: in float64, where it holds to the last digits."""
    x = tf.Variable(rng.normal(size=(2, 9, 11, 3)))
    boxes = rng.uniform(-8, 90, (2, 6, 2, 2))
    boxes.sort(axis=2)
    boxes = boxes.reshape(2, 6, 4)
    with tf.GradientTape() as tape:
        found = roi_align(x, boxes, (3, 2), spatial_scale=1 / 8)
        weights = rng.normal(size=found.shape)
        product = tf.reduce_sum(found * weights)
    gradient = tape.gradient(product, x)
    assert found.dtype == "float64"
    assert_close(tf.reduce_sum(gradient * x), product, sums=found.shape.num_elements())
    double = roi_align(2 * x, boxes, (3, 2), spatial_scale=1 / 8)
    assert_close(double, 2 * found, sums=9 * 11)


def test_roi_align_under_xla_and_in_half_precision(rng):
    x = rng.normal(size=(1, 8, 8, 2)).astype("float32")
    boxes = np.array([[[3.0, 5, 40, 60], [-9, -9, 12, 12]]], "float32")
    align = lambda x: roi_align(x, boxes, 4, spatial_scale=1 / 8)  # noqa: E731
    compiled = tf.function(align, jit_compile=True)(x)
    assert_close(compiled, align(x), sums=64)
    half = align(x.astype("float16"))
    assert half.dtype == "float16"
    assert_close(half, align(x), sums=64)


def test_roi_align_moves_with_what_it_looks_at(rng):
    x = rng.normal(size=(1, 12, 12, 2)).astype("float32")
    boxes = np.array([[[2.3, 3.1, 6.7, 8.9]]], "float32")
    moved = roi_align(np.roll(x, (2, 1), axis=(1, 2)), boxes + np.array([1, 2, 1, 2]), 3)
    assert_close(moved, roi_align(x, boxes, 3), sums=144)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((8, 8, 1)), np.ones((1, 2, 4))), "features must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((2, 4))), "boxes must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 5))), "boxes must be"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), (1, 2, 3)), "one integer or two"),
        ((np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), 0), "output_size must be an integer >= 1"),
    ],
)
def test_roi_align_names_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        roi_align(*arguments)
    with pytest.raises(ValueError, match="sampling_ratio"):  # 0 is "as many as fit" elsewhere
        roi_align(np.ones((1, 8, 8, 1)), np.ones((1, 2, 4)), sampling_ratio=0)
