"""Layers of frames: log-mel energies inside a model, with a mask of its frames."""

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.speech.features import frame_settings, log_mel, mel_filters, num_frames


@keras.saving.register_keras_serializable("aimodels")
class LogMel(layers.Layer):
    """Samples (B, N) -> `log_mel` energies (B, T, n_mels), so that a model takes sound as it is.

    Frames of padding are masked: a frame is real if `num_frames` of its utterance alone counts it.
    Computed in float32 at least, whatever the dtype policy.

    Args:
        sample_rate: samples per second.
        n_mels: number of mel filters.
        n_fft: length of the transform; for this and the next two see `frame_settings`.
        hop_length: samples between frames.
        win_length: length of the window.
        fmin: lowest frequency of a filter in Hz.
        fmax: highest one; by default half the sample rate.
        center: as for `stft`.
        top_db: as for `log_mel`.
        **kwargs: keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        inputs: samples (B, N), or a pair of them and their lengths, (B,) integers: samples behind
            an utterance's length are padding, whatever stands there.
        mask: (B, N), False at samples that are padding at the end, instead of lengths.

    Returns:
        (B, T, n_mels). With lengths or a mask, its Keras mask is (B, T).

    Raises:
        ValueError: if a setting is out of range.

    Example:
        >>> samples, lengths = keras.Input((None,)), keras.Input((), dtype="int32")
        >>> energies = LogMel(sample_rate=8000)((samples, lengths))
        >>> model = keras.Model((samples, lengths), energies)
        >>> model((tf.zeros((2, 8000)), tf.constant([8000, 4000]))).shape
        TensorShape([2, 101, 40])
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mels: int = 40,
        n_fft: int | None = None,
        hop_length: int | None = None,
        win_length: int | None = None,
        fmin: float = 0.0,
        fmax: float | None = None,
        center: bool = True,
        top_db: float | None = None,
        **kwargs,
    ):
        n_fft, hop_length, win_length = frame_settings(sample_rate, n_fft, hop_length, win_length)
        mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)  # raises if they do not fit
        super().__init__(
            **{"autocast": False, **kwargs}
        )  # half precision is too coarse for samples
        self.settings = {
            "sample_rate": sample_rate,
            "n_mels": n_mels,
            "n_fft": n_fft,
            "hop_length": hop_length,
            "win_length": win_length,
            "fmin": fmin,
            "fmax": fmax,
            "center": center,
            "top_db": top_db,
        }
        self.supports_masking = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}

    def num_frames(self, num_samples):
        """T for this many samples: an integer, or integers in an array or tensor."""
        chosen = (self.settings[name] for name in ("n_fft", "hop_length", "center"))
        return num_frames(num_samples, *chosen)

    def call(self, inputs, mask=None):
        samples, lengths = self._lengths(inputs, mask)
        if lengths is not None:
            real = tf.sequence_mask(lengths, tf.shape(samples)[1])
            samples = tf.where(real, samples, tf.zeros((), samples.dtype))
        return tf.cast(log_mel(samples, **self.settings), self.compute_dtype)

    def compute_mask(self, inputs, previous_mask=None):
        samples, lengths = self._lengths(inputs, previous_mask)
        if lengths is None:
            return None
        if isinstance(samples, keras.KerasTensor):
            batch, size = samples.shape
            return keras.KerasTensor((batch, size and self.num_frames(size)), "bool")
        return tf.sequence_mask(self.num_frames(lengths), self.num_frames(tf.shape(samples)[1]))

    @staticmethod
    def _lengths(inputs, mask):
        """Samples, and how many of each utterance are real: None for all."""
        if isinstance(inputs, list | tuple):
            samples, lengths = inputs
            return samples, ops.reshape(ops.cast(lengths, "int32"), (-1,))
        if mask is None:
            return inputs, None
        places = ops.arange(1, ops.shape(mask)[1] + 1)
        return inputs, ops.max(ops.where(mask, places, 0), axis=1)
