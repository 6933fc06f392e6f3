"""Plain data are compared: what is right passes, whatever else may be in the data does not."""

import itertools
import json

import numpy as np
import pytest

from aimodels.course.verdict import judge, plain, restore

pytestmark = pytest.mark.rests_on("aimodels")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.5,
        "text",
        [1, [2.5, "a"]],
        {"a": [1], "b": None},
        np.arange(4, dtype="int64").reshape(2, 2),
        np.zeros((0, 3), "float32"),
        np.array(True),
        np.array(1.5, ">f8"),
    ],
)
def test_values_survive_json(value):
    back = restore(json.loads(json.dumps(plain(value))))
    np.testing.assert_equal(back, value)
    if isinstance(value, np.ndarray):
        assert back.dtype == value.dtype.newbyteorder("=")
        assert back.shape == value.shape


def test_tensors_and_variables_are_arrays():
    import keras

    variable = keras.Variable(np.ones((2, 2), "float32"))
    for value in (variable, keras.ops.ones((2, 2))):
        np.testing.assert_array_equal(restore(plain(value)), np.ones((2, 2)))


class Agreeable(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class AnyArray:
    def __array__(self, dtype=None, copy=None):
        return np.array([object()])


@pytest.mark.parametrize("actual", [Agreeable(2), AnyArray(), object(), lambda: 1, type, b"1"])
def test_objects_with_methods_of_their_own_are_no_answer(actual):
    for kind in ("equal", "close"):
        assert judge(kind, plain(actual), plain(1.0))
    assert judge("accuracy", plain(actual), plain(np.ones(1)), at_least=0.1)


@pytest.mark.parametrize(
    "data",
    [
        {"array": "AAAA", "dtype": "<f8", "shape": [1]},
        {"array": "", "dtype": "<f8", "shape": [-1, 0]},
        {"array": "", "dtype": "O", "shape": [1]},
        {"array": "", "dtype": "V8", "shape": [0]},
        {"array": "", "dtype": [["a", "<f8"]], "shape": [10**12]},
        {"array": 5, "dtype": "<f8", "shape": 3},
        {"dict": [[[1], 2]]},
        {"dict": 4},
        {"surprise": 1},
        [[[[{"array": 1}]]]],
    ],
)
def test_forged_data_are_wrong_and_raise_nothing(data):
    for kind, expected in (("equal", [1]), ("close", 1.0), ("raises", "ValueError")):
        assert judge(kind, data, plain(expected))
    assert judge("accuracy", data, plain(np.ones(1)), at_least=0.5)
    assert judge("mean_average_precision", data, plain(_TRUTH), at_least=0.0)


_TRUTH = {"boxes": np.array([[[0, 0, 4, 4.0]]]), "labels": np.array([[0]])}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "the mean average precision is 0.000, wanted at least 0.5"),
        ({"confidence": [[np.nan]]}, "a predicted box has the confidence NaN: the model diverged"),
        ({"confidence": [[0.9, 0.1]]}, "confidence has shape (1, 2)"),
        ({"boxes": np.zeros((1, 2, 4))}, "boxes must be (B, N, 4)"),
        ({"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1))}, "2 predictions"),
        ({"labels": [["a"]]}, "the value cannot be compared"),
        ({"labels": [[np.inf]]}, "the value cannot be compared"),
        ({"labels": [[10**9]]}, "the mean average precision is 0.000"),
        ({"boxes": [[[np.nan] * 4]]}, "a predicted box is not four finite numbers"),
        ({"boxes": [[[-np.inf, 0, np.inf, 4]]]}, "a predicted box is not four finite numbers"),
    ],
)
def test_boxes_that_do_not_fit_are_said_to(change, sentence):
    found = {"boxes": [[[5, 5, 9, 9.0]]], "confidence": [[0.9]], "labels": [[0]]} | change
    said = judge("mean_average_precision", plain(found), plain(_TRUTH), at_least=0.5)
    assert sentence in said


def test_boxes_are_found_as_well_as_is_wanted():
    found = _TRUTH | {"confidence": [[0.9]]}
    assert judge("mean_average_precision", plain(found), plain(_TRUTH), at_least=0.999) == ""
    missing = judge("mean_average_precision", plain(_TRUTH), plain(_TRUTH), at_least=0.0)
    assert missing.startswith("wanted a dictionary with the keys boxes, confidence, labels")


def test_deeply_nested_data_are_wrong_and_raise_nothing():
    data = []
    for _ in range(100_000):
        data = [data]
    assert judge("close", data, plain(np.ones(3))) == "the value cannot be compared"


@pytest.mark.parametrize(
    ("actual", "expected", "sentence"),
    [
        (None, [1, 2], "wanted the list [1, 2], got None (is a return missing?)"),
        ([1, 2], None, "wanted None, got [1, 2]"),
        ([np.ones(2), None], None, "wanted None, got [array([1., 1.]), None]"),
        (np.ones(2), None, "wanted None, got [1.0, 1.0]"),
        (np.ones((2, 3)), np.ones((3, 2)), "wanted shape (3, 2), got (2, 3)"),
        (3, 4, "wanted 4, got 3"),
        ("ab", "abc", "wanted 'abc', got 'ab'"),
        (True, 1, "wanted the number 1, got the truth value True"),
        ([np.ones(9), np.ones(9)], [np.ones(9)], "wanted 1 of them, got 2"),
        ([np.ones(9)], [np.ones(8)], "number 1: wanted shape (8,), got (9,)"),
        ({"a": 1}, {"a": 1, "b": 2}, "wanted a dictionary with the keys a, b, got {'a': 1}"),
    ],
)
def test_sentences(actual, expected, sentence):
    assert judge("equal", plain(actual), plain(expected)) == sentence


def test_a_large_difference_is_pointed_at():
    right, wrong = np.zeros((4, 5)), np.zeros((4, 5))
    wrong[1, 2] = 7
    sentence = judge("close", plain(wrong), plain(right))
    assert sentence == "1 of 20 values differ; the first, at [1, 2]: wanted 0, got 7"


def test_lists_and_arrays_of_the_same_shape_are_the_same():
    rows = [[1, 2], [3, 4]]
    for actual, expected in [(rows, np.array(rows)), (np.array(rows), rows), (rows, rows)]:
        assert judge("equal", plain(actual), plain(expected)) == ""
    assert judge("equal", plain([[1, 2], [3]]), plain(np.array(rows)))
    assert judge("equal", plain(np.array(rows)), plain([[1, 2], [3]]))
    assert judge("equal", plain([np.ones(2), 3]), plain([np.ones(2), 3])) == ""


def test_an_array_and_a_list_of_equal_arrays_are_the_same():
    rows = np.arange(6.0).reshape(2, 3)
    whole = np.stack([rows, rows + 1])
    forms = [whole, list(whole), [list(part) for part in whole], whole.tolist()]
    for actual, expected in itertools.product(forms, forms):
        assert judge("close", plain(actual), plain(expected)) == ""
        assert judge("close", plain(actual), plain([rows, rows]))
        assert judge("close", plain(list(actual)[:1]), plain(expected))
    assert judge("close", plain([whole, "a"]), plain([(rows, rows + 1), "a"])) == ""
    for other in ([rows, rows[:1]], [rows, None], [rows, "a"], [], np.array(3.0)):
        assert judge("close", plain(other), plain(whole))
        assert judge("close", plain(other), plain(list(whole)))


def test_tensorflow_shapes_are_shapes():
    import keras

    shape = keras.ops.convert_to_tensor(np.zeros((2, 3))).shape
    assert judge("equal", plain(shape), plain((2, 3))) == ""


def test_tolerance_is_the_stated_one():
    assert judge("close", 1.0 + 9e-6, 1.0) == ""
    assert judge("close", 1.0 + 2e-5, 1.0)
    assert judge("close", 1.0 + 2e-5, 1.0, rtol=1e-4) == ""
    assert judge("equal", 1.0 + 1e-12, 1.0)


def test_an_array_that_is_too_large_is_refused():
    with pytest.raises(ValueError, match="too large"):
        plain(np.zeros(2**22))
