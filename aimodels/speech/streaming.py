"""Recognition while someone speaks: piece by piece, in constant memory, as of the whole."""

import numpy as np
import tensorflow as tf

from aimodels.speech.alphabet import decode
from aimodels.speech.decoding import collapse
from aimodels.speech.features import log_mel
from aimodels.speech.frame_layers import LogMel
from aimodels.speech.models import SpeechRNN

AT_ONCE = 1024  # frames that go through the network together, however large a piece is


class FrameStream:
    """The frames that a `LogMel` layer makes of the whole, made of pieces of any size.

    Args:
        layer: its settings count.

    Raises:
        ValueError: if the layer has `top_db`: the loudest frame may still come.

    Example:
        >>> samples, layer = np.random.default_rng(0).normal(size=4000), LogMel(8000)
        >>> stream = FrameStream(layer)
        >>> frames = [stream.feed(samples[i : i + 300]) for i in range(0, 4000, 300)]
        >>> frames = np.concatenate([*frames, stream.finish()])
        >>> bool(np.abs(frames - layer(samples[None])[0]).max() < 1e-4)
        True
    """

    def __init__(self, layer: LogMel):
        self.settings = {**layer.settings, "center": False}
        if self.settings["top_db"] is not None:
            raise ValueError(
                "top_db asks for the loudest frame of the whole: make the features without it to "
                "recognise speech in pieces"
            )
        self._half = self.settings["n_fft"] // 2 if layer.settings["center"] else 0
        self._log_mel = tf.function(
            lambda samples: log_mel(samples, **self.settings),
            input_signature=[tf.TensorSpec([None], tf.float32)],
        )
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._samples = np.zeros(self._half, "float32")  # those that a frame to come still needs
        self._to_skip = 0  # samples between frames
        self._heard = False

    def feed(self, samples) -> np.ndarray:
        """The frames (T, M) that these samples complete.

        Args:
            samples: (N,), floats in [-1, 1], of any number.

        Raises:
            ValueError: if they are no such floats.
        """
        samples = np.asarray(samples)
        if samples.ndim != 1 or samples.dtype.kind != "f" or not np.isfinite(samples).all():
            raise ValueError(
                "samples must be finite floats in [-1, 1], (N,); got "
                f"{samples.dtype.name} of shape {samples.shape}"
            )
        self._heard |= len(samples) > 0
        skipped = min(self._to_skip, len(samples))
        self._to_skip -= skipped
        self._samples = np.concatenate([self._samples, samples[skipped:].astype("float32")])
        n_fft, hop_length = self.settings["n_fft"], self.settings["hop_length"]
        number = max(0, 1 + (len(self._samples) - n_fft) // hop_length)
        if not number:
            return np.zeros((0, self.settings["n_mels"]), "float32")
        frames = self._log_mel(self._samples[: (number - 1) * hop_length + n_fft]).numpy()
        self._to_skip = max(0, number * hop_length - len(self._samples))
        self._samples = self._samples[number * hop_length :].copy()
        return frames

    def finish(self) -> np.ndarray:
        """The frames that reach beyond the last sample; the stream is then as new."""
        missing = self._half if self._heard else 0
        frames = self.feed(np.zeros(missing, "float32"))
        self.reset()
        return frames


class Recognizer:
    """What `model.transcribe` finds in the whole, found in pieces of any size as they come.

    Between two pieces it keeps the samples that the next frame needs, the frames that the
    convolution still sees, the states of the recurrent layers, and the last symbol, as a
    repetition may go on in the next piece.

    Args:
        model: a `SpeechRNN` with `bidirectional=False`: what reads from the end must wait for it.
        log_mel: the layer that made the model's features; the recogniser is then fed with samples.
            None: it is fed with features.

    Raises:
        ValueError: if the model is bidirectional, or does not fit the layer.

    Example:
        >>> model = SpeechRNN(40, alphabet="0123456789", units=16, bidirectional=False)
        >>> features = np.random.default_rng(0).normal(size=(98, 40))
        >>> recognizer = Recognizer(model)
        >>> text = "".join(recognizer.feed(features[i : i + 7]) for i in range(0, 98, 7))
        >>> text + recognizer.finish() == model.transcribe([features])[0]
        True
    """

    def __init__(self, model: SpeechRNN, log_mel: LogMel | None = None):
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
        self._frames = None if log_mel is None else FrameStream(log_mel)
        num_features = model.config["num_features"]
        if log_mel is not None and log_mel.settings["n_mels"] != num_features:
            raise ValueError(
                f"the model reads {num_features} features, but the layer makes "
                f"{log_mel.settings['n_mels']}: give it n_mels={num_features}"
            )
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
        if self._frames is not None:
            self._frames.reset()

    def feed(self, piece) -> str:
        """The text that this piece adds.

        Args:
            piece: samples (N,), or features (T, M), of any number.

        Raises:
            ValueError: if its shape is another one, or a number in it is not finite.
        """
        return self._text(self.logits(piece))

    def finish(self) -> str:
        """The text that was still to come; the recogniser is then as new."""
        text = self._text(self.last_logits())
        self.reset()
        return text

    def logits(self, piece) -> np.ndarray:
        """The logits (T', V + 1) that this piece adds, for a decoder of one's own."""
        return self._of_frames(piece if self._frames is None else self._frames.feed(piece))

    def last_logits(self) -> np.ndarray:
        """Those that were still to come."""
        num_features = self.model.config["num_features"]
        frames = np.zeros((0, num_features)) if self._frames is None else self._frames.finish()
        logits = self._of_frames(frames)
        missing = np.zeros((-len(self._waiting) % self._strides, num_features))
        return np.concatenate([logits, self._of_frames(missing)])

    def _of_frames(self, frames) -> np.ndarray:
        frames = np.asarray(frames, "float32")
        num_features = self.model.config["num_features"]
        if frames.ndim != 2 or frames.shape[1] != num_features:
            raise ValueError(f"frames must be (T, {num_features}); got {frames.shape}")
        if not np.isfinite(frames).all():
            raise ValueError("frames must be finite numbers; there is a NaN or an infinity")
        frames = np.concatenate([self._waiting, frames])
        whole = len(frames) // self._strides * self._strides
        self._waiting = frames[whole:].copy()  # not a view, which would keep all of them
        found = [np.zeros((0, len(self.model.config["alphabet"]) + 1), "float32")]
        at_once = AT_ONCE * self._strides
        for start in range(0, whole, at_once):
            part = frames[start : min(start + at_once, whole)]
            logits, self._state = self._step(part[None], self._state)
            found.append(logits[0].numpy())
        return np.concatenate(found)

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
