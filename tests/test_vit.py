"""ViT: patches and positions, sizes and errors; parity is in parity/test_vit.py."""

import ast
import inspect

import keras
import numpy as np
import pytest

from aimodels import data
from aimodels.vit import ViT

pytestmark = pytest.mark.rests_on_code

SMALL = {"patch_size": 4, "hidden_dim": 16, "num_heads": 2, "num_layers": 2}


def test_the_class_has_at_most_60_lines_of_code():
    """Without its docstrings, blank lines and comments."""
    [tree] = ast.parse(inspect.getsource(ViT)).body
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            node.body[0] = ast.Pass()
    code = {node.lineno for node in ast.walk(tree) if hasattr(node, "lineno")}
    code |= {node.end_lineno for node in ast.walk(tree) if hasattr(node, "end_lineno")}
    assert len(code) <= 60


def test_patches_are_read_row_by_row_and_each_by_itself(rng):
    """Before the blocks, a patch moves its own vector and no other."""
    model = ViT((8, 12, 1), **SMALL)
    patches = keras.Model(model.input, model.get_layer("rows").output)
    images = rng.normal(size=(1, 8, 12, 1)).astype("float32")
    before = np.array(patches(images))
    for row, column in np.ndindex(2, 3):
        changed = images.copy()
        changed[0, 4 * row + 1, 4 * column + 2] += 1
        moved = np.abs(np.array(patches(changed)) - before).max(axis=(0, 2))
        assert moved[3 * row + column] > 1e-3
        assert np.count_nonzero(moved) == 1


def test_the_order_of_the_patches_is_known_by_their_positions_alone(rng):
    model = ViT((8, 8, 1), num_classes=3, **SMALL)
    images = rng.normal(size=(2, 8, 8, 1)).astype("float32")
    turned = np.concatenate([images[:, 4:], images[:, :4]], axis=1)  # the two rows of patches
    assert np.abs(model(images) - model(turned)).max() > 1e-4
    table = model.get_layer("position_embedding").table
    table.assign(np.zeros(table.shape))
    np.testing.assert_allclose(model(images), model(turned), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 8)}, r"image_shape must be \(height, width, channels\)"),
        ({"image_shape": (None, 8, 1)}, "image_shape must say the height"),
        ({"image_shape": (8, 10, 1)}, "the width 10 of image_shape must be divisible by"),
        ({"patch_size": (4, 4, 4)}, "patch_size must be one integer"),
        ({"patch_size": 0}, "patch_size must be an integer >= 1"),
        ({"patch_size": 2.5}, "patch_size must be an integer >= 1"),
        ({"hidden_dim": 15}, "15 must be divisible by num_heads=2"),
        ({"num_classes": 1}, "num_classes must be an integer >= 2"),
        ({"num_layers": 0}, "num_layers must be an integer >= 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ViT(**{"image_shape": (8, 8, 1), **SMALL, **arguments})


def test_it_learns_digits():
    (x, y), (x_test, y_test) = data.arrays("digits", ["train[:1200]", "train[1200:]"])
    model = ViT((8, 8, 1), 10, patch_size=2, hidden_dim=32, num_heads=4, num_layers=2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    model.fit(x / 16, y, epochs=30, batch_size=64, verbose=0)
    assert model.evaluate(x_test / 16, y_test, verbose=0)[1] > 0.85
