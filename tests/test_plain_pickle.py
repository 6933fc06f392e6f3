"""A pickle of a dictionary is read as data; one that would run a program is refused."""

import pickle
import random

import numpy as np
import pytest

from aimodels.checkpoint import read_pickle

pytestmark = pytest.mark.rests_on_code

PLAIN = {"number": 7, "real": 0.5, "text": "行", "list": ["xing2", "hang2"], "empty": []}
ARRAYS = {
    "float": np.arange(6, dtype="<f4").reshape(2, 3),
    "by columns": np.asfortranarray(np.arange(6, dtype="<f8").reshape(2, 3)),
    "big-endian": np.arange(3, dtype=">i2"),
    "long": np.arange(300, dtype="<u1"),
    "nothing": np.zeros((0, 2), "<f4"),
    "yes or no": np.array([True, False]),
}


@pytest.fixture
def read(tmp_path):
    def written_and_read(content: bytes):
        (tmp_path / "some.pkl").write_bytes(content)
        return read_pickle(tmp_path / "some.pkl")

    return written_and_read


@pytest.mark.parametrize("content", [PLAIN, ARRAYS, PLAIN | ARRAYS, {}], ids=len)
def test_what_pickle_would_give(read, content):
    found = read(pickle.dumps(content, protocol=3))
    assert list(found) == list(content)
    for name, value in content.items():
        np.testing.assert_array_equal(found[name], value)
        assert type(found[name]) is type(value)
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            assert not found[name].flags.writeable


def test_older_and_newer_names_of_the_same_function(read):
    new = pickle.dumps(ARRAYS, protocol=3)
    old = new.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    for content in (new, old):
        np.testing.assert_array_equal(read(content)["float"], ARRAYS["float"])


class Trap:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("inside", [False, True])
def test_a_pickle_that_runs_a_program_runs_none(read, tmp_path, protocol, inside):
    trap = Trap(tmp_path / "trace")
    with pytest.raises(ValueError, match=r"some\.pkl is refused: the pickle in it (wants to|uses)"):
        read(pickle.dumps({"x": trap, **ARRAYS} if inside else trap, protocol=protocol))
    assert not trap.path.exists()


RECONSTRUCT = b"cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
DTYPE = b"cnumpy\ndtype\nX\x02\x00\x00\x00f4K\x00K\x01\x87R"
ORDERED = DTYPE + b"(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


def filled(shape=b"K\x02\x85", dtype=ORDERED, data=b"C\x08" + bytes(8)) -> bytes:
    return RECONSTRUCT + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def under_x(body: bytes) -> bytes:
    return b"\x80\x03}X\x01\x00\x00\x00x" + body + b"s."


def test_the_instructions_written_by_hand_make_an_array(read):
    np.testing.assert_array_equal(read(under_x(filled()))["x"], np.zeros(2, "<f4"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"cnumpy\nload\nX\x01\x00\x00\x00x\x85R", r"wants to use 'numpy\.load'"),
        (b"cnumpy.f2py\ncompile\n)R", r"wants to use 'numpy\.f2py\.compile'"),
        (b"cnumpy\nndarray\n)R", "calls something with arguments of another kind"),
        (RECONSTRUCT.replace(b"cnumpy\nndarray", b"cnumpy\ndtype"), "calls something"),
        (DTYPE.replace(b"f4", b"O8"), "calls something"),  # of objects: bytes as addresses
        (DTYPE.replace(b"f4", b"V8"), "calls something"),
        (RECONSTRUCT, "holds under 'x' a Unfilled"),
        (ORDERED, "holds under 'x' a Unfilled"),
        (filled(dtype=DTYPE), "fills an array with something else"),  # without an order of bytes
        (filled(dtype=b"N"), "fills an array with something else"),
        (filled(data=b"X\x08\x00\x00\x00abcdefgh"), "fills an array with something else"),
        (filled(shape=b"K\x03\x85"), "shape does not fit its bytes"),
        (filled(shape=b"J\xff\xff\xff\xff\x85"), "impossible shape"),
        (filled(shape=b"\x8a\x09" + b"\xff" * 8 + b"\x00\x85"), "impossible shape"),
        (filled(shape=b"(" + b"K\x01" * 40 + b"K\x02t"), "impossible shape"),
        (filled() + b"(K\x01K\x02\x85" + ORDERED + b"\x89C\x08" + bytes(8) + b"tb", "twice"),
        (b"}(X\x01\x00\x00\x00yK\x01ub", "takes what it did not put there|sets attributes"),
        (b"cos\nsystem\nX\x04\x00\x00\x00true\x85R", r"wants to use 'os\.system'"),
        (b"}", "holds under 'x' a dict"),
        (b"]]a", "holds under 'x' a list"),
        (b"]q\x00h\x00a", "holds under 'x' a list"),  # in itself
        (b"C\x01a", "holds under 'x' a bytes"),
    ],
)
def test_a_hostile_pickle_is_refused_in_one_sentence(read, body, message):
    with pytest.raises(ValueError, match=rf"some\.pkl is refused: .*({message})") as caught:
        read(under_x(body))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps([1], protocol=3), "holds a list, not a dictionary"),
        (pickle.dumps({"x": 1}, protocol=3) * 2, "is followed by something else"),
        (pickle.dumps({1: 1}, protocol=3), "has a int in place of a str"),
        (pickle.dumps({"x": 1}, protocol=4), "uses the instruction"),
        (pickle.dumps({"x": 1}, protocol=3)[:-1], "is damaged"),
        (b"", "is damaged"),
        (b"plain text", "is damaged|is refused"),
    ],
)
def test_another_or_a_damaged_file(read, content, message):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_whatever_is_changed_it_is_read_or_refused(read):
    dice, whole = random.Random(0), bytearray(pickle.dumps(PLAIN | ARRAYS, protocol=3))
    for _ in range(500):
        content = whole.copy()
        for _ in range(dice.randint(1, 3)):
            content[dice.randrange(len(content))] = dice.randrange(256)
        try:
            assert isinstance(read(bytes(content)), dict)
        except ValueError as error:
            assert "some.pkl" in str(error)  # noqa: PT017


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*some\.pkl"):
        read_pickle(tmp_path / "some.pkl")
