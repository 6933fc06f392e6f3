r"""Silero VAD: is somebody speaking? A published network, rebuilt from layers that Keras has.

Sound at 16 kHz is read in blocks of 512 samples, 32 ms, each with the 64 samples before it. A
convolution whose kernels are sines and cosines is a short-time Fourier transform; of its parts
$a$ and $b$ the magnitude $\sqrt{a^2 + b^2}$ goes through four convolutions to a single vector of
the block, an LSTM carries what was heard before, and one unit says how likely it is speech.
"""

import functools
import importlib.util
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from aimodels.checkpoint.onnx_file import read_onnx_weights
from aimodels.speech.frame_model import NeverEmpty
from aimodels.speech.resampling import resample_pieces
from aimodels.speech.segments import BLOCK, SAMPLE_RATE, speech_segments

CONTEXT = 64  # samples before a block
_WINDOW, _HOP, _BINS = 256, 128, 129
_ENCODER = ((128, 1), (64, 2), (64, 2), (128, 1))  # filters, strides
_UNITS = 128
_AT_ONCE = 1024  # blocks, 33 seconds


def package_file() -> Path:
    """Where the weights lie that PyPI's `silero-vad` carries.

    Raises:
        ImportError: if that package is not installed.
    """
    spec = importlib.util.find_spec("silero_vad")  # importing it would need PyTorch
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("Silero's weights are missing: pip install --no-deps silero-vad")
    return Path(spec.submodule_search_locations[0], "data", "silero_vad_16k_op15.onnx")


@keras.saving.register_keras_serializable("aimodels")
class SileroVAD(NeverEmpty):
    """The probability of speech in each block of 512 samples.

    Input shape: a list of blocks, (B, T, 576), and the LSTM's state and cell, (B, 128) each, which
    are zeros at the beginning of a recording. `probabilities` makes all that of a recording.
    Output shape: {"probabilities": (B, T), "hidden": (B, 128), "cell": (B, 128)}.

    Reference:
        Silero VAD, https://github.com/snakers4/silero-vad, MIT.

    Example:
        >>> model = SileroVAD()
        >>> zeros = np.zeros((1, 128))
        >>> outputs = model([np.zeros((1, 5, 576)), zeros, zeros])
        >>> outputs["probabilities"].shape, model.count_params()
        (TensorShape([1, 5]), 309121)
    """

    def __init__(self, **kwargs):
        blocks = keras.Input((None, CONTEXT + BLOCK), name="blocks")
        state = [keras.Input((_UNITS,), name=name) for name in ("hidden", "cell")]
        mirrored = keras.ops.flip(blocks[..., -CONTEXT - 1 : -1], axis=-1)
        x = keras.ops.concatenate([blocks, mirrored], axis=-1)[..., None]  # (B, T, 640, 1)
        # In two dimensions, since each block is a row of its own.
        x = keras.layers.Conv2D(2 * _BINS, (1, _WINDOW), (1, _HOP), use_bias=False, name="fourier")(
            x
        )
        x = keras.ops.sqrt(x[..., :_BINS] ** 2 + x[..., _BINS:] ** 2)  # (B, T, 4, 129)
        for i, (filters, strides) in enumerate(_ENCODER):
            x = keras.layers.ZeroPadding2D((0, 1))(x)
            x = keras.layers.Conv2D(
                filters, (1, 3), (1, strides), activation="relu", name=f"encoder{i}"
            )(x)
        x, hidden, cell = keras.layers.LSTM(
            _UNITS, return_sequences=True, return_state=True, name="lstm"
        )(x[:, :, 0], initial_state=state)
        x = keras.layers.Dense(1, "sigmoid", name="speech")(keras.ops.relu(x))
        outputs = {"probabilities": x[..., 0], "hidden": hidden, "cell": cell}
        super().__init__([blocks, *state], outputs, **kwargs)

    @classmethod
    def from_file(cls, path: str | Path) -> "SileroVAD":
        """The model with the weights of `silero_vad_16k_op15.onnx`.

        Args:
            path: that file.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it holds another model, or is damaged.
            ImportError: if `onnx` is not installed.
        """
        model, found = cls(), read_onnx_weights(path)
        try:
            # (filters, channels, width) there, (1, width, channels, filters) here.
            kernels = {"fourier": [found["model.stft.forward_basis_buffer"]]}
            for i in range(len(_ENCODER)):
                name = f"model.encoder.{i}.reparam_conv."
                kernels[f"encoder{i}"] = [found[name + "weight"], found[name + "bias"]]
            weights = {
                name: [kernel.transpose(2, 1, 0)[None], *bias]
                for name, (kernel, *bias) in kernels.items()
            }
            name = "model.decoder.rnn."
            weights["lstm"] = [
                found[name + "weight_ih"].T,  # the gates in Keras's order
                found[name + "weight_hh"].T,
                found[name + "bias_ih"] + found[name + "bias_hh"],
            ]
            name = "model.decoder.decoder.2."
            weights["speech"] = [found[name + "weight"][..., 0].T, found[name + "bias"]]
            for name, arrays in weights.items():
                model.get_layer(name).set_weights(arrays)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{path} holds another model than silero_vad_16k_op15.onnx: weights are missing "
                f"or of another shape ({error})"
            ) from error
        return model

    @classmethod
    def from_package(cls) -> "SileroVAD":
        """The model with the weights that PyPI's `silero-vad` carries.

        Raises:
            ImportError: if that package, or `onnx`, is not installed.

        Example:
            >>> model = SileroVAD.from_package()
            >>> model.speech_timestamps(np.zeros(16000))
            []
        """
        return cls.from_file(package_file())

    def probabilities(
        self, samples: np.ndarray | Iterable[np.ndarray], sample_rate: int = SAMPLE_RATE
    ) -> np.ndarray:
        """How likely there is speech in each 32 ms of a recording.

        Args:
            samples: (N,), floats in [-1, 1]; or the recording in pieces, such as `blocks` reads,
                however long it is.
            sample_rate: of the samples, in Hz; the network wants 16,000, and gets that.

        Returns:
            (T,), float32; the last block is filled up with silence.

        Raises:
            ValueError: if the samples are not finite floats, one-dimensional.
        """
        return self._heard(samples, sample_rate)[0]

    def speech_timestamps(
        self,
        samples: np.ndarray | Iterable[np.ndarray],
        sample_rate: int = SAMPLE_RATE,
        **rule: float,
    ) -> list[tuple[float, float]]:
        """Where in a recording someone speaks.

        Args:
            samples: as for `probabilities`.
            sample_rate: as for `probabilities`.
            **rule: `threshold`, `min_speech`, `min_silence` and `padding` of `speech_segments`.

        Returns:
            Begin and end of each part with speech, in seconds.

        Raises:
            ValueError: as `probabilities` and `speech_segments`.
        """
        probabilities, num_samples = self._heard(samples, sample_rate)
        return speech_segments(probabilities, num_samples=num_samples, **rule)

    def _heard(self, samples, sample_rate: int) -> tuple[np.ndarray, int]:
        """Probabilities, and the number of samples at 16 kHz."""
        pieces = [samples] if hasattr(samples, "shape") else samples
        stream, found, num_samples = SileroStream(self), [np.zeros(0, np.float32)], 0
        for piece in resample_pieces(map(_checked, pieces), sample_rate, SAMPLE_RATE):
            num_samples += len(piece)
            found.append(stream.feed(piece))
        return np.concatenate([*found, stream.finish()]), num_samples

    @functools.cached_property
    def _graph(self) -> tf.types.experimental.PolymorphicFunction:
        """One graph for any number of blocks: `predict` would be traced anew for each."""
        state = tf.TensorSpec([None, _UNITS], self.compute_dtype)
        blocks = tf.TensorSpec([None, None, CONTEXT + BLOCK], tf.float32)
        return tf.function(
            functools.partial(self, training=False),
            input_signature=[[blocks, state, state]],
        )


class SileroStream:
    """`SileroVAD.probabilities` while somebody speaks: the same, in pieces of any size.

    Between two pieces it keeps the LSTM's state, the last 64 samples, and those that do not fill a
    block yet.

    Args:
        model: the network.

    Example:
        >>> model, samples = SileroVAD(), np.sin(np.arange(2000) / 5)
        >>> stream = SileroStream(model)
        >>> parts = [stream.feed(samples[i : i + 700]) for i in (0, 700, 1400)] + [stream.finish()]
        >>> [len(part) for part in parts]
        [1, 1, 1, 1]
        >>> bool(np.abs(np.concatenate(parts) - model.probabilities(samples)).max() < 1e-6)
        True
    """

    def __init__(self, model: SileroVAD):
        self.model = model
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, to begin with another recording."""
        zeros = tf.zeros((1, _UNITS), self.model.compute_dtype)
        self._state = zeros, zeros
        self._waiting = np.zeros(CONTEXT, np.float32)

    def feed(self, samples: np.ndarray) -> np.ndarray:
        """The probabilities of the blocks that these samples complete.

        Args:
            samples: (N,), floats in [-1, 1] at 16 kHz, of any number.

        Raises:
            ValueError: if they are not finite floats, one-dimensional.
        """
        heard = np.concatenate([self._waiting, _checked(samples)])
        num_blocks = (len(heard) - CONTEXT) // BLOCK
        self._waiting = heard[num_blocks * BLOCK :]
        found = [np.zeros(0, np.float32)]
        if num_blocks:
            every = np.lib.stride_tricks.sliding_window_view(heard, CONTEXT + BLOCK)[::BLOCK]
            for start in range(0, num_blocks, _AT_ONCE):
                some = every[start : start + _AT_ONCE]
                outputs = self.model._graph([some[None], *self._state])
                self._state = outputs["hidden"], outputs["cell"]
                found.append(outputs["probabilities"][0].numpy())
        return np.concatenate(found)

    def finish(self) -> np.ndarray:
        """The probability of the block that is not complete, if there is one; then as new."""
        missing = (CONTEXT - len(self._waiting)) % BLOCK
        last = self.feed(np.zeros(missing, np.float32))
        self.reset()
        return last


def _checked(samples: np.ndarray) -> np.ndarray:
    samples = np.asarray(samples)
    if samples.ndim != 1 or samples.dtype.kind != "f":
        raise ValueError(
            "samples must be floats in [-1, 1], (N,); got "
            f"{samples.dtype.name} of shape {samples.shape}"
        )
    if not np.isfinite(samples).all():
        raise ValueError(f"sample {np.argmin(np.isfinite(samples))} is not a finite number")
    return samples.astype(np.float32)
