"""fastText's own files, `.bin` and `.ftz`: settings, words, labels and two tables of numbers."""

import dataclasses
import struct
from pathlib import Path

import numpy as np

from aimodels import files

_SIGN, _VERSIONS = b"\xba\x16\x4f\x2f", (11, 12)
_SETTINGS = ("dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model")
_SETTINGS += ("bucket", "minn", "maxn", "lr_update_rate")
_LOSSES = {1: "hierarchical softmax", 2: "negative sampling", 3: "softmax", 4: "one versus all"}
_SUPERVISED = 3
_CENTROIDS = 256  # as many as a byte can name


class QuantizedTable:
    r"""A table kept as bytes: product quantization [jegou2011].

    A row is cut into parts of a few numbers. For each part there are 256 typical values, its
    centroids, and a byte names one of them; another byte names the row's length.

    Args:
        codes: (rows, parts), uint8.
        centroids: for each part, (256, numbers of that part).
        lengths: (rows,), by which rows are multiplied; None if they are not.
    """

    def __init__(
        self, codes: np.ndarray, centroids: list[np.ndarray], lengths: np.ndarray | None = None
    ):
        self.codes, self.centroids, self.lengths = codes, centroids, lengths
        self.shape = len(codes), sum(part.shape[1] for part in centroids)

    def __getitem__(self, rows) -> np.ndarray:
        """These rows as numbers: (N, dim) for N row numbers, or a slice."""
        codes = self.codes[rows]
        found = np.concatenate(
            [part[codes[..., i]] for i, part in enumerate(self.centroids)], axis=-1
        )
        return found if self.lengths is None else self.lengths[rows][..., None] * found


@dataclasses.dataclass(frozen=True)
class FastTextFile:
    """What a classifier's file holds.

    `settings` has fastText's own names, `loss` in words. `kept` gives the place, behind those of
    the words, of each bucket that a pruned file has kept; None if it has all. `inputs` has the rows
    of words and buckets, `outputs` one row per label, or per inner node of the labels' tree.
    """

    settings: dict
    words: list[str]
    labels: list[str]
    label_counts: list[int]
    kept: dict[int, int] | None
    inputs: np.ndarray | QuantizedTable
    outputs: np.ndarray | QuantizedTable


def read_fasttext(path: str | Path) -> FastTextFile:
    """Read a text classifier that fastText has saved, quantized (`.ftz`) or not (`.bin`).

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no such file; the message says what its folder holds.
        ValueError: if it is another kind of file, damaged or cut off, or holds word vectors only.
    """
    path = files.find(path)
    with path.open("rb") as file:
        beginning = file.read(512)
    if not beginning.startswith(_SIGN):
        what = files.kind_of(beginning) or "no fastText model: those begin with ba 16 4f 2f"
        raise ValueError(f"{path} is {what}")
    try:
        version, *numbers = struct.unpack_from("<13i", beginning, 4)
        settings = dict(zip(_SETTINGS, numbers, strict=True))
        if version not in _VERSIONS:
            raise ValueError(f"its version is {version}, and versions 11 and 12 are known")
        if settings["model"] != _SUPERVISED:
            raise ValueError(
                "it holds word vectors, no classifier: WordVectors.load reads its .vec file"
            )
        if version == 11:
            settings["maxn"] = 0  # that version's classifiers had no pieces of words
        return _Reader(path.read_bytes()).model(settings)
    except (struct.error, IndexError, KeyError) as error:
        raise ValueError(f"{path} is damaged or cut off: download it again ({error})") from None
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from None


class _Reader:
    """Takes one item after the other from the bytes behind the settings."""

    def __init__(self, data: bytes):
        self.data, self.place = data, struct.calcsize("<14id")

    def numbers(self, form: str) -> tuple:
        found = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return found

    def array(self, kind: str, *shape: int) -> np.ndarray:
        count = int(np.prod(shape, dtype=object))
        if min(shape) < 0 or count * np.dtype(kind).itemsize > len(self.data) - self.place:
            raise IndexError(f"a table of shape {shape} does not fit into the file")
        found = np.frombuffer(self.data, kind, count, self.place).reshape(shape)
        self.place += found.nbytes
        return found

    def model(self, settings: dict) -> FastTextFile:
        loss = settings["loss"]
        if loss not in _LOSSES:
            raise IndexError(f"there is no loss {loss}")
        settings["loss"] = _LOSSES[loss]
        if settings["bucket"] < 1 and max(settings["maxn"], settings["word_ngrams"] - 1) > 0:
            raise IndexError(f"{settings['bucket']} buckets for pieces and runs of words")
        size, num_words, num_labels, _, num_kept = self.numbers("3i2q")
        if min(num_words, num_labels, num_kept + 1) < 0 or size != num_words + num_labels:
            raise IndexError(f"{size} entries, of them {num_words} words and {num_labels} labels")
        entries = [self.entry() for _ in range(size)]
        pairs = self.array("<i4", max(num_kept, 0), 2)
        (quantized,) = self.numbers("B")
        inputs = self.table(quantized)
        (quantized_outputs,) = self.numbers("B")
        outputs = self.table(quantized and quantized_outputs)
        num_rows = num_words + (settings["bucket"] if num_kept < 0 else num_kept)
        if self.place != len(self.data):
            raise IndexError(f"{len(self.data) - self.place} bytes too many")
        # A quantized file may have fewer rows for buckets than pairs: no text asks for the rest.
        kept = None if num_kept < 0 else dict(pairs.tolist())
        if kept is not None:
            num_rows = num_words + 1 + max(kept.values(), default=-1)
        dim = settings["dim"]
        if (
            inputs.shape[0] < num_rows
            or (inputs.shape[1], *outputs.shape) != (dim, num_labels, dim)
            or (kept and min(kept.values()) < 0)
        ):
            raise IndexError(f"tables of shapes {inputs.shape} and {outputs.shape}")
        return FastTextFile(
            settings,
            [word for word, _ in entries[:num_words]],
            [word.removeprefix("__label__") for word, _ in entries[num_words:]],
            [count for _, count in entries[num_words:]],
            kept,
            inputs,
            outputs,
        )

    def entry(self) -> tuple[str, int]:
        """A word or label, and how often it came."""
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise IndexError("a word without an end")
        word = self.data[self.place : end].decode("utf-8", "surrogateescape")
        self.place = end + 1
        return word, self.numbers("qB")[0]

    def table(self, quantized: int) -> np.ndarray | QuantizedTable:
        if not quantized:
            return self.array("<f4", *self.numbers("2q"))
        has_lengths, rows, dim, num_codes = self.numbers("B2qi")
        codes = self.array("u1", num_codes)
        centroids = self.centroids(dim)
        lengths = None
        if has_lengths:
            bytes_of_lengths = self.array("u1", rows)
            lengths = self.centroids(1)[0][bytes_of_lengths, 0]
        if num_codes != rows * len(centroids):
            raise IndexError(f"{num_codes} codes for {rows} rows")
        return QuantizedTable(codes.reshape(rows, -1), centroids, lengths)

    def centroids(self, dim: int) -> list[np.ndarray]:
        there, parts, width, last = self.numbers("4i")
        if there != dim or min(parts, width, last) < 1 or (parts - 1) * width + last != dim:
            raise IndexError(f"{parts} parts of {width} numbers, for vectors of {dim}")
        widths = [width] * (parts - 1) + [last]
        return [self.array("<f4", _CENTROIDS, width) for width in widths]
