"""How a GPT's loss falls with its size and with its text: many small runs on Shakespeare's letters.

Every run has the same steps, of the same number of letters. Models of five sizes read the whole
text; one of them also reads its first quarter, sixteenth and sixty-fourth. What counts is the
lowest loss on the same held-out text, looked at eight times: with little text it rises again. The
exponents are those of the straight lines, by least squares, through the logarithms.
"""

import keras
import numpy as np
import tensorflow as tf
from tiny_shakespeare import text_ids

from aimodels.gpt import GPT
from aimodels.train import warmup_cosine

SIZES = [(16, 1), (32, 1), (64, 2), (128, 2), (192, 3)]  # width, blocks
READER, SHARES = (128, 2), [1 / 64, 1 / 16, 1 / 4]
LENGTH, BATCH, STEPS, LOOKS, RATE, WARMUP = 64, 16, 2000, 8, 1e-3, 100


def _losses(width: int, blocks: int, ids: np.ndarray, held_out: np.ndarray, size: int) -> dict:
    """Train one model: what it has in its blocks, and its losses on the held-out text."""
    keras.utils.set_random_seed(0)
    model = GPT(
        size, hidden_dim=width, num_heads=width // 16, num_layers=blocks, max_sequence_length=LENGTH
    )
    rate = RATE * (128 / width) ** 0.5  # narrow models bear larger steps
    schedule = warmup_cosine(rate, STEPS, WARMUP, end_factor=0.1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(schedule, clipnorm=1.0), loss)

    def pieces(begins):
        return tf.gather(ids, begins[:, None] + tf.range(LENGTH + 1, dtype=tf.int64))

    draws = tf.data.Dataset.random(seed=1).batch(BATCH, drop_remainder=True)
    train = draws.map(lambda n: pieces(n % (len(ids) - LENGTH))).map(_next).prefetch(2)
    rest = held_out[: len(held_out) // (LENGTH + 1) * (LENGTH + 1)].reshape(-1, LENGTH + 1)
    validation = tf.data.Dataset.from_tensor_slices(rest).batch(128).map(_next).cache()
    logs = model.fit(
        train.take(STEPS), steps_per_epoch=STEPS // LOOKS, epochs=LOOKS,
        validation_data=validation, verbose=0,
    ).history  # fmt: skip
    in_blocks = sum(int(np.prod(w.shape)) for w in model.trainable_weights if "block" in w.path)
    return {
        "width": width,
        "blocks": blocks,
        "parameters in blocks": in_blocks,
        "letters": len(ids),
        "loss": round(min(logs["val_loss"]), 4),
        "losses on the way": [round(x, 4) for x in logs["val_loss"]],
        "last training loss": round(logs["loss"][-1], 4),
    }


def _next(rows):
    return rows[:, :-1], rows[:, 1:]


def _exponent(x: list[float], losses: list[float]) -> float:
    """a of loss = c x^-a."""
    return round(-float(np.polyfit(np.log(x), np.log(losses), 1)[0]), 3)


def run() -> dict:
    train, held_out, size = text_ids()
    train, held_out = np.array(train, "int32"), np.array(held_out, "int32")
    sizes = [_losses(*shape, train, held_out, size) for shape in SIZES]
    texts = [
        _losses(*READER, train[: round(share * len(train))], held_out, size) for share in SHARES
    ]
    texts.append(sizes[SIZES.index(READER)])
    return {
        "steps": STEPS,
        "letters read by each run": STEPS * BATCH * LENGTH,
        "sizes": sizes,
        "texts": texts,
        "exponent of size": _exponent(
            [one["parameters in blocks"] for one in sizes], [one["loss"] for one in sizes]
        ),
        "exponent of text": _exponent(
            [one["letters"] for one in texts], [one["loss"] for one in texts]
        ),
    }
