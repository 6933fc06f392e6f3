"""Layers of frames: log-mel energies inside a model, and parts of them masked in training."""

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.speech.augment import check_masks, spec_augment
from aimodels.speech.features import frame_settings, log_mel, mel_filters
from aimodels.speech.masked_layers import real_length
from aimodels.speech.spectra import num_frames


@keras.saving.register_keras_serializable("aimodels")
class FrameMask(keras.Operation):
    """Which frames of samples (B, N) are real, (B, T), by lengths (B,) or a mask (B, N).

    An operation of its own, so that a Functional model has the mask in its graph.
    """

    def __init__(self, n_fft: int, hop_length: int, center: bool, name: str | None = None):
        super().__init__(name=name)
        self.arguments = (n_fft, hop_length, center)

    def call(self, samples, real):
        size = num_frames(tf.shape(samples)[1], *self.arguments)
        return tf.sequence_mask(num_frames(real_length(real), *self.arguments), size)

    def compute_output_spec(self, samples, real) -> keras.KerasTensor:
        batch, size = samples.shape
        return keras.KerasTensor((batch, size and num_frames(size, *self.arguments)), "bool")


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
        self.frame_mask = FrameMask(n_fft, hop_length, center)
        self.supports_masking = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings}

    def num_frames(self, num_samples):
        """T for this many samples: an integer, or integers in an array or tensor."""
        return num_frames(num_samples, *self.frame_mask.arguments)

    def call(self, inputs, mask=None):
        samples, real = self._parts(inputs, mask)
        if real is not None:
            inside = tf.sequence_mask(real_length(real), tf.shape(samples)[1])
            samples = tf.where(inside, samples, tf.zeros((), samples.dtype))
        return tf.cast(log_mel(samples, **self.settings), self.compute_dtype)

    def compute_mask(self, inputs, previous_mask=None):
        samples, real = self._parts(inputs, previous_mask)
        return None if real is None else self.frame_mask(samples, real)

    @staticmethod
    def _parts(inputs, mask):
        """Samples, and which are real: lengths, a mask, or None for all."""
        return inputs if isinstance(inputs, list | tuple) else (inputs, mask)


@keras.saving.register_keras_serializable("aimodels")
class SpecAugment(layers.Layer):
    """`spec_augment` in training; nothing in inference.

    Args:
        frequency_masks: number of bands; for this and the next four see `spec_augment`.
        frequency_width: largest width of one, in features.
        time_masks: number of stretches.
        time_width: largest length of one, in frames.
        max_part: largest part of an utterance that one stretch may take.
        seed: of the random numbers; None for other ones each time.
        **kwargs: keyword arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        features: (B, T, M).
        mask: (B, T), False at frames that are padding at the end; Keras passes it on.

    Example:
        >>> features = keras.random.normal((1, 50, 40))
        >>> layer = SpecAugment(seed=0)
        >>> bool(ops.all(layer(features) == features))
        True
        >>> bool(ops.all(layer(features, training=True) == features))
        False
    """

    def __init__(
        self,
        frequency_masks: int = 2,
        frequency_width: int = 8,
        time_masks: int = 2,
        time_width: int = 20,
        max_part: float = 0.2,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.settings = {
            "frequency_masks": frequency_masks,
            "frequency_width": frequency_width,
            "time_masks": time_masks,
            "time_width": time_width,
            "max_part": max_part,
        }
        check_masks(**self.settings)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def get_config(self) -> dict:
        return {**super().get_config(), **self.settings, "seed": self.seed}

    def call(self, features, mask=None, training=False):
        if not training:
            return features
        lengths = None if mask is None else real_length(mask)
        seed = ops.cast(self.seed_generator.next(), "int32")
        return spec_augment(features, seed, **self.settings, lengths=lengths)
