"""Sound as a feature of a data set, two bytes per sample."""

import wave
from typing import Any, BinaryIO

import numpy as np
import tensorflow_datasets as tfds


class Recording(tfds.features.Audio):
    """Mono samples, (N,) int16, stored as bytes; otherwise TFDS stores up to ten bytes per sample.

    Args:
        sample_rate: in Hz.
        **kwargs: as TFDS passes them when it reads a prepared set.

    Example:
        >>> Recording(sample_rate=8000).sample_rate
        8000
    """

    def __init__(self, *, sample_rate: int, **kwargs: Any):
        kwargs |= {"dtype": np.int16, "encoding": tfds.features.Encoding.BYTES}
        super().__init__(sample_rate=sample_rate, **kwargs)

    def encode_example(self, samples: np.ndarray) -> Any:
        """Encode samples; TFDS's own method passes arrays on without encoding them."""
        return super(tfds.features.Audio, self).encode_example(samples)

    @property
    def dtype(self) -> Any:
        """TensorFlow's type, without the warning that TFDS gives to itself."""
        return self.tf_dtype


def read_wave(file: BinaryIO) -> np.ndarray:
    """Read the samples of a mono WAV file of 16 bits, as data sets publish them.

    Files of one's own may be anything: those `aimodels.speech.audio` reads.
    """
    with wave.open(file) as recording:
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
