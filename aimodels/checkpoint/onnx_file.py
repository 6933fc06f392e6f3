"""The weights in an ONNX file, by name, without running the file."""

from pathlib import Path

import numpy as np

from aimodels import files


def read_onnx_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Read the constants that the graph of a `.onnx` file is given: its initializers.

    Such a file is a protocol buffer: numbered fields, and plain bytes. It is read, not executed,
    and no other file that it may name is opened.

    Args:
        path: the file.

    Returns:
        Arrays by their names in the file, such as "encoder.0.weight".

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is another kind of file, damaged, or keeps its weights in other files.
        ImportError: if `onnx`, which has the format's fields, is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise ImportError("reading ONNX files needs onnx: pip install onnx") from None
    path = files.find(path)
    try:
        model = onnx.load(str(path), format="protobuf", load_external_data=False)
        tensors = model.graph.initializer
        elsewhere = [
            tensor.name
            for tensor in tensors
            if onnx.external_data_helper.uses_external_data(tensor)
        ]
        weights = {
            tensor.name: onnx.numpy_helper.to_array(tensor)
            for tensor in tensors
            if tensor.name not in elsewhere
        }
    except Exception as error:  # bytes that mean anything raise anything
        what = files.kind_of(path.read_bytes()[:512])
        raise ValueError(f"{path} is {what or 'no ONNX file, or damaged'} ({error})") from None
    if elsewhere:
        raise ValueError(f"{path} keeps {elsewhere[0]!r} in another file, which is not read")
    if not weights:
        raise ValueError(f"{path} holds no weights: it is no ONNX file, or damaged")
    return weights
