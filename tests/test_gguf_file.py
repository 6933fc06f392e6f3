"""A GGUF file's facts and weights are read, its blocks unpacked, and another file is refused."""

import struct

import numpy as np
import pytest

from aimodels.checkpoint import read_gguf, write_gguf

pytestmark = pytest.mark.rests_on_code

FACTS = {"general.architecture": "llama", "llama.block_count": 2, "eps": 0.5, "words": ["a", "é"]}


def text(content: str) -> bytes:
    return struct.pack("<Q", len(content.encode())) + content.encode()


def one_tensor(kind: int, shape: tuple, raw: bytes, facts=b"", count=0, offset=0) -> bytes:
    """A file with one tensor called w, of any type, laid out by hand."""
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, count) + facts + text("w")
    head += struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + bytes(-len(head) % 32) + raw


def half(*values) -> bytes:
    return np.array(values, "<f2").tobytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gguf"


def test_what_is_written_is_read(path):
    weights = {"kernel": np.arange(6.0).reshape(2, 3), "bias": np.array([0.1, -2.0, 3.0])}
    write_gguf(path, FACTS, weights)
    facts, read = read_gguf(path)
    assert facts == FACTS
    assert list(read) == ["kernel", "bias"]
    for name, array in weights.items():
        np.testing.assert_array_equal(read[name], array.astype("float32"))
        assert read[name].dtype == np.float32


@pytest.mark.parametrize("value", [True, None, [1], {"a": 1}])
def test_only_facts_that_can_be_written(path, value):
    with pytest.raises(TypeError, match="'fact' must be"):
        write_gguf(path, {"fact": value}, {})
    assert not path.exists()


def test_every_type_of_fact(path):
    facts = b"".join(
        text(letter) + struct.pack(f"<I{letter}", kind, 1) for kind, letter in enumerate("BbHhIif?")
    )
    facts += text("list") + struct.pack("<IIQ3h", 9, 3, 3, -1, 0, 7)
    facts += text("big") + struct.pack("<Iq", 11, -(2**40))
    path.write_bytes(one_tensor(0, (1,), half(0, 0), facts, 10))
    read, _ = read_gguf(path)
    assert read == dict.fromkeys("BbHhIif?", 1) | {"list": [-1, 0, 7], "big": -(2**40)}


def test_blocks_of_few_bits(path):
    packed = bytes(i | (15 - i) << 4 for i in range(16))  # 0 … 15, then 15 … 0
    path.write_bytes(one_tensor(3, (32, 2), (half(0.5, -3) + packed) * 2))
    q = np.array([*range(16), *range(15, -1, -1)])
    np.testing.assert_array_equal(read_gguf(path)[1]["w"], np.tile(0.5 * q - 3, (2, 1)))

    numbers = np.arange(-16, 16)
    path.write_bytes(one_tensor(8, (32,), half(0.25) + numbers.astype("i1").tobytes()))
    np.testing.assert_array_equal(read_gguf(path)[1]["w"], 0.25 * numbers)

    path.write_bytes(one_tensor(1, (2,), half(1.5, -2)))
    np.testing.assert_array_equal(read_gguf(path)[1]["w"], [1.5, -2])


def test_any_file_that_is_cut_off_is_one_sentence(path):
    write_gguf(path, FACTS, {"a": np.ones(3), "b": np.ones((2, 8))})
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"is damaged: it ends|is empty|no GGUF file"):
            read_gguf(path)


HUGE = 2**63
BAD = {
    b"no model": "is no GGUF file",
    b"version https://git-lfs.github.com/spec/v1": "is a Git LFS pointer",
    b"GGUF" + struct.pack(">IQQ", 3, 0, 0): "little-endian",
    b"GGUF" + struct.pack("<IQQ", 1, 0, 0): "version 1 of GGUF",
    b"GGUF" + struct.pack("<IQQ", 3, HUGE, 0): "ends too early",
    b"GGUF" + struct.pack("<IQQ", 3, 0, HUGE): "ends too early",
    b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, HUGE) + bytes(20): "ends too early",
    b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2) + b"\xff\xfe" + bytes(20): "is damaged: 'utf-8'",
    one_tensor(14, (256,), bytes(210)): "type 14, which is not supported: .* Q4_1",
    one_tensor(0, (HUGE, HUGE), bytes(8)): "ends before 'w' does",
    one_tensor(0, (2,), bytes(8), offset=HUGE): "ends before 'w' does",
    one_tensor(8, (31,), bytes(34)): "has the shape",
    one_tensor(8, (), bytes(34)): r"has the shape \(\)",
    one_tensor(0, (0, HUGE), bytes(8)): "has the shape",
    one_tensor(0, (1,) * 5, bytes(4)): "has 5 axes",
    one_tensor(0, (1,), struct.pack("<f", np.nan)): "NaN or infinite",
    one_tensor(0, (1,), bytes(4), text("x") + struct.pack("<I", 99), 1): "a fact of type 99",
    one_tensor(0, (1,), bytes(4), text("x") + struct.pack("<IIQ", 9, 9, 1), 1): "type 9",
    one_tensor(0, (1,), bytes(4), text("x") + struct.pack("<IIQ", 9, 4, HUGE), 1): "too early",
    one_tensor(
        0, (1,), bytes(4), text("general.alignment") + struct.pack("<II", 4, 0), 1
    ): "alignment is 0",
    one_tensor(
        0, (1,), bytes(4), text("split.count") + struct.pack("<IH", 2, 3), 1
    ): "one of 3 parts",
}


@pytest.mark.parametrize("content", BAD, ids=BAD.values())
def test_another_or_a_hostile_file_is_one_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=BAD[content]):
        read_gguf(path)


def test_bytes_are_not_read_twice(path):
    one = text("w0") + struct.pack("<IQIQ", 1, 8, 0, 0)
    two = text("w1") + struct.pack("<IQIQ", 1, 8, 0, 0)
    head = b"GGUF" + struct.pack("<IQQ", 3, 2, 0) + one + two
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(32))
    with pytest.raises(ValueError, match="ends before 'w1' does"):
        read_gguf(path)


def test_a_missing_file_says_what_is_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.gguf"):
        read_gguf(tmp_path / "none.gguf")
