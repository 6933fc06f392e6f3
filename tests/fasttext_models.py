"""Small classifiers with random weights, written as fastText writes its files."""

import struct

import numpy as np

WORDS = ["</s>", "the", "cat", "sat", "naïve", "猫"]
LABELS = {"en": 90, "fr": 40, "de": 30, "zh": 9, "ja": 5}
LOSSES = {"hierarchical softmax": 1, "negative sampling": 2, "softmax": 3, "one versus all": 4}
KINDS = {
    "hierarchical softmax": {},
    "softmax": {"loss": "softmax"},
    "one versus all": {"loss": "one versus all"},
    "negative sampling": {"loss": "negative sampling"},
    "runs of words": {"word_ngrams": 3},
    "words only": {"minn": 0, "maxn": 0, "word_ngrams": 2},
    "quantized": {"quantized": True},
    "quantized, with lengths": {"quantized": True, "lengths": True},
    "quantized outputs": {"quantized": True, "quantized_outputs": True},
    "pruned": {"quantized": True, "pruned": True, "word_ngrams": 2},
}


def fasttext_bytes(
    loss="hierarchical softmax",
    word_ngrams=1,
    minn=2,
    maxn=4,
    quantized=False,
    quantized_outputs=False,
    lengths=False,
    pruned=False,
    dim=5,
    bucket=50,
    model=3,
    version=12,
) -> bytes:
    """The file of a classifier of 5 languages."""
    rng = np.random.default_rng(0)

    def numbers(*shape):
        return rng.normal(0, 1.5, shape).astype("<f4").tobytes()

    def table(rows, quantized):
        if not quantized:
            return struct.pack("<2q", rows, dim) + numbers(rows, dim)
        parts = -(-dim // 2)  # two numbers each, the last one perhaps one
        found = struct.pack("<?2qi", lengths, rows, dim, rows * parts)
        found += rng.integers(0, 256, rows * parts).astype("u1").tobytes()
        found += struct.pack("<4i", dim, parts, 2, dim - 2 * (parts - 1)) + numbers(256, dim)
        if lengths:
            found += rng.integers(0, 256, rows).astype("u1").tobytes()
            found += struct.pack("<4i", 1, 1, 1, 1) + numbers(256, 1)
        return found

    settings = (dim, 5, 5, 1, 5, word_ngrams, LOSSES[loss], model, bucket, minn, maxn, 100)
    data = struct.pack("<14id", 793712314, version, *settings, 1e-4)
    kept = (
        {int(b): i for i, b in enumerate(rng.permutation(bucket)[: bucket // 2])} if pruned else {}
    )
    size = len(WORDS) + len(LABELS)
    data += struct.pack("<3i2q", size, len(WORDS), len(LABELS), 1000, len(kept) if pruned else -1)
    for i, word in enumerate(WORDS):
        data += word.encode() + b"\0" + struct.pack("<qb", 500 - i, 0)
    for label, count in LABELS.items():
        data += f"__label__{label}".encode() + b"\0" + struct.pack("<qb", count, 1)
    for pair in kept.items():
        data += struct.pack("<2i", *pair)
    data += struct.pack("<?", quantized)
    data += table(len(WORDS) + (len(kept) if pruned else bucket), quantized)
    data += struct.pack("<?", quantized_outputs) + table(len(LABELS), quantized_outputs)
    return data
