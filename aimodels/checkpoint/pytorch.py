"""State dicts in PyTorch's files, old form and new, read without running anything: see `pickled`.

The old ("legacy") form is a row of pickles, magic number, version, system, state dict and keys of
storages, then the storages: a count of eight bytes and the numbers. Since PyTorch 1.6 it is a zip
archive with the pickle in `data.pkl` and each storage in `data/KEY`, uncompressed.
"""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np

from aimodels import files
from aimodels.checkpoint import pickled

_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)


def read_state_dict(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors in a file that `torch.save(model.state_dict(), path)` wrote, by their names.

    The result is what `torch.load(path, weights_only=True)` gives, as arrays that cannot be
    written to. Nothing of the file is executed and PyTorch is not needed.

    Args:
        path: a `.pth`, `.pt` or `.bin` file.

    Returns:
        Arrays by name, in the file's order, with PyTorch's layouts.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is another kind of file, damaged, or holds anything but tensors by name;
            the message says which.
    """
    path = files.find(path)
    content = path.read_bytes()
    try:
        if content[2:].startswith(_MAGIC[2:]):
            return _legacy(content)
        if content.startswith(b"PK\x03\x04"):
            return _archived(content)
    except pickled.RefusedError as error:
        raise ValueError(
            f"{path} is refused: the pickle in it {error}; only tensors by name are read, as "
            "torch.save(model.state_dict(), ...) writes them, and nothing that could run a program"
        ) from None
    except (ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"a file in {path.parent} is damaged: {path.name}: {error}; download it again"
        ) from None
    what = files.kind_of(content[:512]) or "no file that PyTorch wrote"
    raise ValueError(f"{path} is {what}")


def _legacy(content: bytes) -> dict[str, np.ndarray]:
    stream = io.BytesIO(content)
    _, version, system, tensors, keys = (pickled.load(stream) for _ in range(5))
    if version != 1001 or type(system) is not dict or system.get("little_endian") is not True:
        raise ValueError("it is of another version, or of a machine with another order of bytes")
    storages = _storages(tensors)
    if type(keys) is not list or not all(type(key) is str and key in storages for key in keys):
        raise ValueError("it names storages that no tensor uses")
    found = {}
    for key in keys:
        size = storages[key].size
        if int.from_bytes(stream.read(8), "little") != size:
            raise ValueError(f"storage {key[:40]!r} has another size than its tensor says")
        found[key] = stream.read(size * storages[key].dtype.itemsize)
    return _views(tensors, found)


def _archived(content: bytes) -> dict[str, np.ndarray]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    members = {info.filename: info for info in archive.infolist()}
    pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise ValueError("it is a zip archive, but not one that PyTorch wrote")
    if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()) or sum(
        info.file_size for info in members.values()
    ) > len(content):
        raise ValueError("its members are compressed, which PyTorch never does")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}byteorder" in members and archive.read(f"{folder}byteorder") != b"little":
        raise ValueError("it is of a machine with another order of bytes")
    tensors = pickled.load(io.BytesIO(archive.read(pickles[0])))
    names = {key: f"{folder}data/{key}" for key in _storages(tensors)}
    return _views(
        tensors, {key: archive.read(name) for key, name in names.items() if name in members}
    )


def _storages(tensors: object) -> dict[str, pickled.Storage]:
    """The storages of a state dict's tensors, by key."""
    if type(tensors) is not dict:
        raise pickled.RefusedError(f"holds a {type(tensors).__name__}, not tensors by name")
    others = [name for name, tensor in tensors.items() if type(tensor) is not pickled.Tensor]
    if others:
        listed = ", ".join(repr(name[:40]) for name in others[:4])
        raise pickled.RefusedError(f"holds under {listed} something else than a tensor")
    storages = {}
    for tensor in tensors.values():
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise pickled.RefusedError("has two kinds of storages under one key")
    return storages


def _views(tensors: dict, found: dict[str, bytes]) -> dict[str, np.ndarray]:
    for tensor in tensors.values():
        storage = tensor.storage
        if len(found.get(storage.key, b"")) != storage.size * storage.dtype.itemsize:
            raise ValueError(f"storage {storage.key[:40]!r} is missing or cut off")
    return {name: tensor.view(found[tensor.storage.key]) for name, tensor in tensors.items()}
