"""PyTorch's files are read as data; a pickle that would run a program is refused, and runs none."""

import gzip
import io
import pickle
import random
import zipfile

import numpy as np
import pytest

from aimodels.checkpoint import read_arrays, read_state_dict
from aimodels.checkpoint.pytorch import _MAGIC

pytestmark = pytest.mark.rests_on_code

NUMBERS = np.arange(24, dtype="<f4")


# A pickle's instructions, written by hand: no PyTorch is needed


def text(value: str) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value.encode()


def integer(value: int) -> bytes:
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def tuple_of(*values: int) -> bytes:
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(key="0", kind="FloatStorage", size=24, view=b"N") -> bytes:
    name = b"ctorch\n" + kind.encode() + b"\n"
    return b"(" + text("storage") + name + text(key) + text("cpu") + integer(size) + view + b"tQ"


EMPTY = b"ccollections\nOrderedDict\n)R"


def tensor(shape=(2, 3, 4), strides=(12, 4, 1), offset=0, place=None) -> bytes:
    place = storage() if place is None else place
    where = place + integer(offset) + tuple_of(*shape) + tuple_of(*strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + where + b"\x89" + EMPTY + b"tR"


def named(**values: bytes) -> bytes:
    return EMPTY + b"(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def legacy(body: bytes, **storages: np.ndarray) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(part, protocol=2) for part in (1001, system)]
    content = _MAGIC + b"".join(parts) + b"\x80\x02" + body + b"."
    content += pickle.dumps([name[1:] for name in storages], protocol=2)
    for array in storages.values():
        content += array.size.to_bytes(8, "little") + array.tobytes()
    return content


def archive(body: bytes, compression=zipfile.ZIP_STORED, order=b"little", **storages) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        file.writestr("model/data.pkl", b"\x80\x02" + body.replace(b"NtQ", b"tQ") + b".")
        file.writestr("model/byteorder", order)
        for name, array in storages.items():
            file.writestr(f"model/data/{name[1:]}", array.tobytes())
    return stream.getvalue()


@pytest.fixture
def read(tmp_path):
    def written_and_read(content: bytes):
        (tmp_path / "model.pth").write_bytes(content)
        return read_state_dict(tmp_path / "model.pth")

    return written_and_read


both_forms = pytest.mark.parametrize("form", [legacy, archive])


# What is read


@both_forms
def test_tensors_of_every_layout(read, form):
    body = named(
        plain=tensor(),
        again=tensor(),
        transposed=tensor((4, 2, 3), (1, 12, 4)),
        every_second=tensor((12,), (2,), offset=1),
        number=tensor((), (), offset=23),
        empty=tensor((0, 3), (3, 1)),
    )
    found = read(form(body, _0=NUMBERS))
    whole = NUMBERS.reshape(2, 3, 4)
    expected = {
        "plain": whole,
        "again": whole,
        "transposed": whole.transpose(2, 0, 1),
        "every_second": NUMBERS[1::2],
        "number": NUMBERS[23],
        "empty": np.zeros((0, 3)),
    }
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == "float32"
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)


@both_forms
def test_a_shared_storage_takes_no_memory_twice_and_cannot_be_changed(read, form):
    found = read(form(named(**{f"t{i}": tensor() for i in range(50)}), _0=NUMBERS))
    assert np.shares_memory(found["t0"], found["t49"])
    with pytest.raises(ValueError, match="read-only"):
        found["t0"][0, 0, 0] = 1


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("Half", "<f2"), ("Double", "<f8"), ("Long", "<i8"), ("BFloat16", "bfloat16")],
)
def test_kinds_of_numbers(read, kind, dtype):
    import ml_dtypes

    numbers = NUMBERS.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    found = read(legacy(named(x=tensor(place=storage(kind=f"{kind}Storage"))), _0=numbers))
    np.testing.assert_array_equal(found["x"].ravel(), numbers)


def test_notes_about_versions_change_nothing(read):
    notes = b"}" + text("_metadata") + EMPTY + b"sb"
    assert list(read(legacy(named(x=tensor()) + notes, _0=NUMBERS))) == ["x"]


# What is refused: each pickle would be loaded, or would do harm, with `pickle.load`


class Trap:
    """A pickle that leaves a trace when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@both_forms
@pytest.mark.parametrize("place", ["whole", "value"])
def test_a_pickle_that_runs_a_program_runs_none(read, tmp_path, form, place):
    trace = tmp_path / "trace"
    trap = pickle.dumps(Trap(trace), protocol=2)
    pickle.loads(trap)
    assert trace.exists()  # it does run where it is loaded
    trace.unlink()
    body = trap[2:-1] if place == "whole" else named(x=trap[2:-1])
    with pytest.raises(ValueError, match=r"wants to use '(io|__builtin__)\.open'") as caught:
        read(form(body, _0=NUMBERS))
    assert "\n" not in str(caught.value)
    assert not trace.exists()


SYSTEM = b"cposix\nsystem\n"
BOMB = text("a") + b"".join(b"q%ch%c\x86" % (i, i) for i in range(99))  # ((a, a), (a, a)), ...
HOSTILE = {
    "REDUCE": (SYSTEM + b"(" + text("true") + b"tR", r"wants to use 'posix\.system'"),
    "eval": (b"c__builtin__\neval\n(" + text("1") + b"tR", r"wants to use '__builtin__\.eval'"),
    "another function of PyTorch": (b"ctorch.hub\nload\n)R", r"wants to use 'torch\.hub\.load'"),
    "a whole model": (b"cnet\nNet\n)\x81", r"wants to use 'net\.Net'"),
    "a long name": (b"c" + b"x" * 9999 + b"\ny\n", r"wants to use 'x{80}'"),
    "STACK_GLOBAL": (text("posix") + text("system") + b"\x93", "instruction STACK_GLOBAL"),
    "INST": (b"(" + text("true") + b"iposix\nsystem\n", "instruction INST"),
    "OBJ": (b"(ccollections\nOrderedDict\no", "instruction OBJ"),
    "NEWOBJ": (b"ccollections\nOrderedDict\n)\x81", "instruction NEWOBJ"),
    "NEWOBJ_EX": (b"ccollections\nOrderedDict\n)}\x92", "instruction NEWOBJ_EX"),
    "EXT1": (b"\x82\x01", "instruction EXT1"),
    "EXT2": (b"\x83\x01\x01", "instruction EXT2"),
    "EXT4": (b"\x84\x01\x01\x01\x01", "instruction EXT4"),
    "PERSID": (b"P0\n", "instruction PERSID"),
    "STRING": (b"S'x'\n", "instruction STRING"),
    "INT": (b"I" + b"9" * 4000 + b"\n", "instruction INT"),
    "LONG4": (b"\x8b\x00\x01\x00\x00" + b"\x7f" * 256, "instruction LONG4"),
    "NEXT_BUFFER": (b"\x97", "instruction NEXT_BUFFER"),
    "BUILD, attributes": (EMPTY + b"}" + text("update") + b"Nsb", "sets attributes of an object"),
    "BUILD, no dictionary": (EMPTY + b"Nb", "has a NoneType in place of a dict"),
    "BUILD of a tensor": (
        tensor() + b"}" + text("_metadata") + b"Nsb",
        "has a Tensor in place of a dict",
    ),
    "arguments for a dictionary": (
        b"ccollections\nOrderedDict\n(]tR",
        "calls something with arguments of another kind",
    ),
    "a call of a string": (text("system") + b")R", "calls something with arguments"),
    "a call of a call": (EMPTY + b")R", "calls something with arguments"),
    "a tensor of nothing": (b"ctorch._utils\n_rebuild_tensor_v2\n)R", "calls something"),
    "a class in a list's place": (b"ccollections\nOrderedDict\n(Ne", "in place of a list"),
    "a reference to a class": (
        b"(" + text("module") + b"ccollections\nOrderedDict\nNNtQ",
        "no plain storage",
    ),
    "a reference to a text": (text("0") + b"Q", "no plain storage"),
    "a view of a storage": (named(x=tensor(place=storage(view=b")"))), "no plain storage"),
    "a storage of a function's kind": (
        b"(" + text("storage") + EMPTY + text("0") + text("cpu") + b"K\x01NtQ",
        "no plain storage",
    ),
    "a key that takes for ever": (b"}" + BOMB + b"Ns", "has a tuple in place of a str"),
    "a value that takes for ever": (named(x=BOMB), "holds under 'x' something else"),
    "a list in itself": (b"]q\x00(h\x00e", "holds a list, not tensors by name"),
    "a dictionary in itself": (b"}q\x00" + text("x") + b"h\x00s", "holds under 'x' something"),
    "an empty stack": (b"R", "takes what it did not put there"),
    "no mark": (b"t", "takes what it did not put there"),
    "an unknown memo": (b"h\x07", "takes what it did not put there"),
    "numbers": (text("x"), "holds a str, not tensors by name"),
    "a training's state": (
        named(epoch=b"K\x03", state_dict=named(x=tensor())),
        "holds under 'epoch', 'state_dict' something else than a tensor",
    ),
    "negative strides": (
        named(x=tensor((24,), (-1,), offset=23)),
        "impossible offset, shape or stride",
    ),
    "a negative offset": (named(x=tensor((4,), (1,), offset=-4)), "impossible offset"),
    "a negative shape": (named(x=tensor((-1,), (1,))), "impossible offset, shape"),
    "a huge shape": (named(x=tensor((10**30,), (1,))), "impossible offset, shape"),
    "a huge shape of nothing": (named(x=tensor((0, 2**40, 2**40), (1, 1, 1))), "impossible shape"),
    "a huge number": (named(x=tensor((1 << 1900,), (1,))), "impossible offset, shape"),
    "many axes": (named(x=tensor((1,) * 40, (1,) * 40)), "shape and strides do not fit"),
    "fewer strides": (named(x=tensor((2, 3), (1,))), "shape and strides do not fit"),
    "beyond its storage": (named(x=tensor((25,), (1,))), "reaches beyond its storage"),
    "an offset beyond": (named(x=tensor((1,), (1,), offset=24)), "reaches beyond its storage"),
    "strides beyond": (named(x=tensor((2, 3), (23, 1))), "reaches beyond its storage"),
    "numbers that overlap": (named(x=tensor((3, 4), (2, 1))), "whose numbers overlap"),
    "one number a thousand million times": (
        named(x=tensor((10**9,), (0,))),
        "whose numbers overlap",
    ),
    "a huge storage": (named(x=tensor(place=storage(size=2**60))), "storage of an impossible"),
    "a negative storage": (named(x=tensor(place=storage(size=-1))), "storage of an impossible"),
    "two kinds under one key": (
        named(x=tensor(), y=tensor(place=storage(kind="LongStorage"))),
        "two kinds of storages under one key",
    ),
    "a kind of numbers that nobody has": (
        named(x=tensor(place=storage(kind="QInt8Storage"))),
        r"wants to use 'torch\.QInt8Storage'",
    ),
}


@both_forms
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_in_one_sentence(read, form, name):
    body, message = HOSTILE[name]
    with pytest.raises(ValueError, match=rf"model\.pth is refused: .*{message}") as caught:
        read(form(body, _0=NUMBERS))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


# What is damaged, or another kind of file

WHOLE = legacy(named(x=tensor()), _0=NUMBERS)
NEW = archive(named(x=tensor()), _0=NUMBERS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        *((WHOLE[:n], "is damaged: model.pth") for n in (15, 40, 200, len(WHOLE) - 1)),
        (WHOLE.replace(b"\x80\x02M\xe9\x03", b"\x80\x02M\xea\x03", 1), "is of another version"),
        (WHOLE.replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89"), "order of bytes"),
        (legacy(named(x=tensor())), "storage '0' is missing or cut off"),
        (legacy(named(x=tensor()), _0=NUMBERS[:9]), "'0' has another size than its tensor says"),
        (legacy(named(x=tensor()), _1=NUMBERS), "names storages that no tensor uses"),
        (legacy(text("x")[:3] + b"\xff\xff\xff\x7f"), "is damaged"),
        (legacy(b"\x8d" + b"\xff" * 7 + b"\x0fx"), "is damaged"),
        (legacy(b"\xff"), "is damaged"),
        (NEW[: len(NEW) // 2], "is damaged"),
        (NEW.replace(NUMBERS.tobytes(), NUMBERS[::-1].tobytes(), 1), "is damaged"),
        (archive(named(x=tensor())), "storage '0' is missing or cut off"),
        (archive(named(x=tensor()), _0=NUMBERS[:9]), "storage '0' is missing or cut off"),
        (archive(named(x=tensor()), order=b"big", _0=NUMBERS), "another order of bytes"),
        (archive(named(x=tensor()), zipfile.ZIP_DEFLATED, _0=NUMBERS), "members are compressed"),
        (pickle.dumps({"x": 1}), "is a pickle, which can run any program"),
        (b"<!DOCTYPE html><html>", "is a web page, not the file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (gzip.compress(WHOLE), "is compressed"),
        (b"", "is empty"),
        (b"weights", "is no file that PyTorch wrote"),
    ],
)
def test_another_or_a_damaged_file(read, content, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_any_other_zip_archive(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("notes.txt", "none")
    with pytest.raises(ValueError, match="a zip archive, but not one that PyTorch wrote"):
        read((tmp_path / "a.zip").read_bytes())


def test_an_archive_whose_members_share_their_bytes(read):
    """Many storages in one place of the file: a small file would fill the memory."""
    stream = io.BytesIO(NEW)
    with zipfile.ZipFile(stream, "a") as file:
        [member] = [info for info in file.infolist() if info.filename == "model/data/0"]
        for i in range(1, 100):
            copy = zipfile.ZipInfo(f"model/data/{i}")
            copy.header_offset, copy.file_size = member.header_offset, member.file_size
            copy.compress_size, copy.CRC = member.compress_size, member.CRC
            file.filelist.append(copy)
        file._didModify = True
    body = stream.getvalue()
    with pytest.raises(ValueError, match="is damaged"):
        read(body[: len(body)])


@both_forms
def test_whatever_is_changed_it_is_read_or_refused(read, form):
    """2,000 files with some bytes changed, left out or put in."""
    rng, content = random.Random(0), form(named(x=tensor(), y=tensor((24,), (1,))), _0=NUMBERS)
    messages = []
    for _ in range(2000):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            place, kind = rng.randrange(len(changed)), rng.randrange(3)
            changed[place : place + (kind != 1)] = bytes([rng.randrange(256)] * (kind != 2))
        try:
            found = read(bytes(changed))
            assert all(array.size <= 24 for array in found.values())
        except ValueError as error:
            messages.append(str(error))
    assert not any("\n" in message for message in messages)
    assert len(messages) > 500


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*missing\.pth"):
        read_state_dict(tmp_path / "missing.pth")
    with pytest.raises(FileNotFoundError, match="is a folder"):
        read_state_dict(tmp_path)


# NumPy's files


def test_numpys_files_hold_arrays_only(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez_compressed(path, x=NUMBERS)
    np.testing.assert_array_equal(read_arrays(path)["x"], NUMBERS)
    whole = path.read_bytes()
    np.savez(path, x=np.array([Trap(tmp_path / "trace")], dtype=object))
    with pytest.raises(ValueError, match="damaged or holds more than plain arrays"):
        read_arrays(path)
    assert not (tmp_path / "trace").exists()
    for content, message in (
        (whole[:60], "is a zip archive|damaged"),
        (whole[:50] + b"\xff" * 20 + whole[70:], "damaged or holds more"),
        (b"<html>", "is a web page"),
        (b"", "is empty"),
        (b"text", "damaged or holds more"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as caught:
            read_arrays(path)
        assert "\n" not in str(caught.value)
