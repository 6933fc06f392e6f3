"""The weights in a LiteRT (formerly TensorFlow Lite) file, by name, without running the file."""

from pathlib import Path

import numpy as np

from aimodels import files


def read_lite_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Read every constant of float16 or float32 in a `.tflite` file.

    Such a file is a flatbuffer: tables of offsets, and plain bytes. It is read, not executed.

    Args:
        path: the file.

    Returns:
        Arrays in float32 by their names in the file, such as "conv2d/Kernel"; a float16 is a
        float32 too, so nothing is rounded.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is another kind of file, or damaged.
        ImportError: if LiteRT, which has the format's tables, is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise ImportError("LiteRT is missing: pip install aimodels[lite]") from None
    path = files.find(path)
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        what = files.kind_of(data[:512]) or "no LiteRT file: those have TFL3 in bytes 5 to 8"
        raise ValueError(f"{path} is {what}")
    types = {schema.TensorType.FLOAT16: "<f2", schema.TensorType.FLOAT32: "<f4"}
    weights = {}
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        for tensor in model.subgraphs[0].tensors:
            content = model.buffers[tensor.buffer].data
            if content is not None and len(content) and tensor.type in types:
                array = np.frombuffer(np.uint8(content).tobytes(), types[tensor.type])
                weights[tensor.name.decode()] = array.reshape(tensor.shape).astype(np.float32)
    except Exception as error:  # offsets that point anywhere raise anything
        raise ValueError(f"{path} is damaged: copy or download it again ({error})") from None
    return weights
