"""Recognition while someone speaks: piece by piece, in constant memory, as of the whole."""

import numpy as np
import tensorflow as tf

from aimodels.speech.alphabet import decode
from aimodels.speech.decoding import collapse
from aimodels.speech.models import SpeechRNN


class Recognizer:
    """What `model.transcribe` finds in the whole, found in pieces of any size as they come.

    Between two pieces it keeps the states of the recurrent layers, the last frames that the
    convolution still sees, and the last symbol: a repetition may go on in the next piece.

    Args:
        model: a `SpeechRNN` with `bidirectional=False`: what reads from the end must wait for it.

    Raises:
        ValueError: if the model is bidirectional.

    Example:
        >>> model = SpeechRNN(40, alphabet="0123456789", units=16, bidirectional=False)
        >>> features = np.random.default_rng(0).normal(size=(98, 40))
        >>> recognizer = Recognizer(model)
        >>> text = "".join(recognizer.feed(features[i : i + 7]) for i in range(0, 98, 7))
        >>> text + recognizer.finish() == model.transcribe([features])[0]
        True
    """

    def __init__(self, model: SpeechRNN):
        if model.config["bidirectional"]:
            raise ValueError(
                "the model reads from the end as well, so it needs the whole: make it with "
                "bidirectional=False to recognise speech in pieces"
            )
        self.model = model
        names = {layer.name for layer in model.layers}
        self._convolution = model.get_layer("convolution") if "convolution" in names else None
        numbers = range(1, model.config["num_layers"] + 1)
        self._lstms = [model.get_layer(f"lstm{number}") for number in numbers]
        self._strides = model.config["strides"]
        # A whole number of strides, so that the outputs of old frames can be counted off.
        before = model.config["kernel_size"] - 1 if self._convolution else 0
        self._num_before = -(-before // self._strides) * self._strides
        self._step = tf.function(self._compute, reduce_retracing=True)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, to begin with something else."""
        num_features, units = self.model.config["num_features"], self.model.config["units"]
        dtype = self._lstms[0].compute_dtype
        self._waiting = np.zeros((0, num_features), "float32")  # fewer frames than a stride
        zeros = tf.zeros((1, units), dtype)
        before = tf.zeros((1, self._num_before, num_features), dtype)
        self._state = before, [(zeros, zeros)] * len(self._lstms)
        self._last = 0

    def feed(self, frames) -> str:
        """The text that these frames add.

        Args:
            frames: features (T, M), of any number.

        Raises:
            ValueError: if they are not (T, M), or not finite numbers.
        """
        return self._text(self.logits(frames))

    def finish(self) -> str:
        """The text that was still to come; the recogniser is then as new."""
        text = self._text(self.last_logits())
        self.reset()
        return text

    def logits(self, frames) -> np.ndarray:
        """The logits (T', V + 1) that these frames add, for a decoder of one's own."""
        frames = np.asarray(frames, "float32")
        num_features = self.model.config["num_features"]
        if frames.ndim != 2 or frames.shape[1] != num_features:
            raise ValueError(f"frames must be (T, {num_features}); got {frames.shape}")
        if not np.isfinite(frames).all():
            raise ValueError("frames must be finite numbers; there is a NaN or an infinity")
        frames = np.concatenate([self._waiting, frames])
        whole = len(frames) // self._strides * self._strides
        self._waiting = frames[whole:]
        if not whole:
            return np.zeros((0, len(self.model.config["alphabet"]) + 1), "float32")
        logits, self._state = self._step(frames[None, :whole], self._state)
        return logits[0].numpy()

    def last_logits(self) -> np.ndarray:
        """Those of the frames that still wait for a whole stride."""
        missing = -len(self._waiting) % self._strides
        return self.logits(np.zeros((missing, self._waiting.shape[1])))

    def _compute(self, frames, state):
        before, states = state
        x = self.model.get_layer("norm")(frames, training=False)
        if self._convolution:
            x = tf.concat([before, x], axis=1)
            before = x[:, tf.shape(x)[1] - self._num_before :]
            x = self._convolution(x)[:, self._num_before // self._strides :]
        new_states = []
        for lstm, initial_state in zip(self._lstms, states, strict=True):
            x, *new = lstm(x, initial_state=list(initial_state), training=False)
            new_states.append(tuple(new))
        return self.model.get_layer("logits")(x), (before, new_states)

    def _text(self, logits) -> str:
        path = [self._last, *logits.argmax(axis=-1).tolist()]
        self._last = path[-1]
        symbols = collapse(path)
        if path[0]:  # was written already
            symbols = symbols[1:]
        return decode([symbols], self.model.config["alphabet"])[0]
