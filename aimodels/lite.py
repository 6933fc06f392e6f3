r"""A GPT or a detector as one LiteRT file, for machines without TensorFlow; weights of 8 bits too.

W (float32) -> q (int8) and one scale per output: a quarter of the bytes to read
"""

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels.detection.detector import Detector
from aimodels.gpt import GPT


def export(model: GPT, path: str | Path, int8: bool = True) -> None:
    r"""Write a GPT's step, one token of one text, as a LiteRT file.

    $$ W_{ij} \approx s_j q_{ij}, \qquad s_j = \max_i |W_{ij}| / 127, \qquad
       q_{ij} \in \{-127, \dots, 127\} $$

    The products themselves are of 8-bit numbers: LiteRT rounds each vector that meets such a matrix
    as it comes, by its own largest number. Sums, softmax and normalisation stay float32.

    Args:
        model: GPT that computes in float32.
        path: path of the file to write, such as `gpt.tflite`.
        int8: whether to round the weights as above; otherwise they stay float32.

    Raises:
        ValueError: if the model computes in another type.

    Reference:
        [jacob2018] for arithmetic with 8-bit numbers.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "small.tflite")
        >>> export(GPT(100, 16, num_heads=2, num_layers=1, max_sequence_length=8), path)
        >>> LiteGPT(path).config
        {'vocabulary_size': 100, 'max_sequence_length': 8}
    """
    empty = tf.stack([part for pair in model.cache(1) for part in pair])  # (2 L, N, T, d)
    if empty.dtype != tf.float32:
        raise ValueError(
            f"the model computes in {empty.dtype.name}; LiteRT needs one that computes in float32"
        )

    signature = [
        tf.TensorSpec((1, 1), tf.int32, "ids"),
        tf.TensorSpec((), tf.int32, "index"),
        tf.TensorSpec(empty.shape, tf.float32, "cache"),
    ]

    def step(ids, index, cache):
        parts = tf.unstack(cache)
        logits, new = model.step(ids, [*zip(parts[::2], parts[1::2], strict=True)], index)
        new = [part[:, index] for pair in new for part in pair]
        return {"logits": logits, "new": tf.stack(new)}

    _write(model, step, signature, path, int8)


def export_detector(model: Detector, path: str | Path, int8: bool = False) -> None:
    """Write a detector, from one picture to its boxes, suppression included, as a LiteRT file.

    Args:
        model: detector that computes in float32.
        path: path of the file to write, such as `detector.tflite`.
        int8: whether to round the weights as `export` does; boxes then move a little.

    Raises:
        ValueError: if the model computes in another type.

    Example:
        >>> import tempfile
        >>> from aimodels.detection import SSD
        >>> path = Path(tempfile.mkdtemp(), "detector.tflite")
        >>> export_detector(SSD((32, 32, 1), num_classes=3), path)
        >>> LiteDetector(path).detect(np.zeros((2, 32, 32, 1)))["boxes"].shape
        (2, 100, 4)
    """
    if model.compute_dtype != "float32":
        raise ValueError(
            f"the model computes in {model.compute_dtype}; LiteRT needs one that computes in "
            "float32"
        )
    signature = [tf.TensorSpec((1, *model.image_shape), tf.float32, "image")]
    _write(model, model.detect, signature, path, int8)


def _write(model: keras.Model, function, signature: list, path: str | Path, int8: bool) -> None:
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", function, signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.experimental_enable_resource_variables = False  # the weights go into the file
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        Path(path).write_bytes(converter.convert())


@contextmanager
def _silent():
    """Without LiteRT's line about XNNPACK, which no setting turns off (file descriptor 2)."""
    sys.stderr.flush()
    stderr = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)


def interpreter(path: str | Path, writer: str, num_threads: int | None):
    """LiteRT with an open file.

    Args:
        path: path of the file.
        writer: name of the function here that writes such files, for messages.
        num_threads: number of threads of the computation; LiteRT's choice if None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no LiteRT file.
        ImportError: if LiteRT is not installed; it says how to get it.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise ImportError("LiteRT is missing: pip install aimodels[lite]") from None
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {path}: write it with aimodels.lite.{writer}")
    try:
        with _silent():
            lite = Interpreter(str(path), num_threads=num_threads)
            lite.allocate_tensors()
    except ValueError as error:
        raise ValueError(f"{path} is no file of aimodels.lite.{writer}: {error}") from None
    return lite


class LiteGPT:
    """A file of `export`, for `decoding.generate` in place of the model.

    Args:
        path: path of the file.
        num_threads: number of threads of the computation; LiteRT's choice if None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no LiteRT file, or not one of `export`.
        ImportError: if LiteRT is not installed; it says how to get it.
    """

    eager = True

    def __init__(self, path: str | Path, num_threads: int | None = None):
        self._lite = interpreter(path, "export", num_threads)
        try:
            inputs = {part["name"]: part for part in self._lite.get_input_details()}
            inputs = {name.split("_")[-1].split(":")[0]: part for name, part in inputs.items()}
            self._ids, self._at, self._cache = (
                inputs[k]["index"] for k in ("ids", "index", "cache")
            )
            outputs = {len(part["shape"]): part for part in self._lite.get_output_details()}
            self._logits, self._new = outputs[2]["index"], outputs[3]["index"]
        except (ValueError, KeyError) as error:
            raise ValueError(f"{path} is no file of aimodels.lite.export: {error}") from None
        self._inside, self._shape = None, tuple(inputs["cache"]["shape"])
        sizes = {"vocabulary_size": outputs[2]["shape"][1], "max_sequence_length": self._shape[2]}
        self.config = {name: int(size) for name, size in sizes.items()}

    def cache(self, batch_size: int) -> list[np.ndarray]:
        """Empty keys and values for each row."""
        return [np.zeros(self._shape, "float32") for _ in range(batch_size)]

    def step(self, ids, cache, index, padding=None):
        """As `gpt.GPT.step`, row by row and token by token, eagerly."""
        lite, ids, index = self._lite, np.array(ids, "int32"), int(index)
        begins = index - np.array(np.zeros(len(ids)) if padding is None else padding, "int32")
        logits = []
        for row, row_cache, begin in zip(ids, cache, begins, strict=True):
            for place, token in enumerate(row, begin):
                if place >= 0:
                    lite.set_tensor(self._ids, token[None, None])
                    lite.set_tensor(self._at, np.int32(place))
                    if self._inside is not row_cache:
                        lite.set_tensor(self._cache, row_cache)
                    lite.invoke()
                    row_cache[:, :, place] = lite.get_tensor(self._new)
                    lite.tensor(self._cache)()[:, :, place] = row_cache[:, :, place]
                    self._inside = row_cache  # one row's cache need not be copied each time
            logits.append(lite.get_tensor(self._logits)[0])
        return tf.constant(np.stack(logits)), cache


class LiteDetector:
    """A file of `export_detector`.

    Args:
        path: path of the file.
        num_threads: number of threads of the computation; LiteRT's choice if None.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no LiteRT file, or not one of `export_detector`.
        ImportError: if LiteRT is not installed; it says how to get it.
    """

    OUTPUTS = ("boxes", "confidence", "labels", "num_detections")

    def __init__(self, path: str | Path, num_threads: int | None = None):
        lite = interpreter(path, "export_detector", num_threads)
        try:
            self._run = lite.get_signature_runner()
            shape = self._run.get_input_details()["image"]["shape"]
            if set(self._run.get_output_details()) != set(self.OUTPUTS):
                raise KeyError(*self._run.get_output_details())
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"{path} is no file of aimodels.lite.export_detector: {error}"
            ) from None
        self.image_shape = tuple(int(number) for number in shape[1:])

    def detect(self, images) -> dict[str, np.ndarray]:
        """As `Detector.detect`, picture by picture.

        Raises:
            ValueError: if the pictures have another shape than the file's.
        """
        images = np.asarray(images, "float32")
        if images.shape[1:] != self.image_shape or not len(images):
            raise ValueError(
                f"images must be (B, {', '.join(map(str, self.image_shape))}), B at least 1; got "
                f"{images.shape}"
            )
        found = [self._run(image=image[None]) for image in images]
        return {name: np.concatenate([one[name] for one in found]) for name in self.OUTPUTS}
