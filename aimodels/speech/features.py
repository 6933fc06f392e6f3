"""Features of speech from samples: log-mel energies and cepstra.

All functions work in graphs, under XLA and on any device, and gradients flow through them; the
conventions are those of `aimodels.speech.spectra`.
"""

import warnings

import numpy as np
import tensorflow as tf
from keras import ops

from aimodels.checks import check_positive_int, check_positive_number
from aimodels.speech.spectra import (
    centered,
    frames,
    num_frames,
    num_samples,
    padded,
    power_spectrum,
)

MIN_POWER = 1e-10  # what is quieter counts as this: -100 dB
PART = 512  # frames of a long recording that are transformed at once


def mel_filters(
    sample_rate: float, n_fft: int, n_mels: int, fmin: float = 0.0, fmax: float | None = None
) -> np.ndarray:
    r"""Triangles over the frequencies, evenly spaced as the ear hears them.

    The mel scale, as librosa has it from Slaney, is linear below 1000 Hz and logarithmic above:

    $$ m(f) = \begin{cases} 3f/200 & f < 1000 \\
       15 + 27 \log_{6.4}(f/1000) & \text{else} \end{cases} $$

    Each triangle has an area of 1 over the frequency in Hz.

    Args:
        sample_rate: samples per second.
        n_fft: length of the Fourier transform.
        n_mels: number of filters.
        fmin: lowest frequency in Hz.
        fmax: highest one; by default half the sample rate.

    Returns:
        (1 + n_fft // 2, n_mels), to be multiplied with a power spectrum from the right.

    Raises:
        ValueError: unless 0 <= fmin < fmax <= sample_rate / 2.

    Example:
        >>> filters = mel_filters(16000, n_fft=512, n_mels=40)
        >>> filters.shape, f"{filters[:, 20].sum() * 16000 / 512:.1f}"  # about its area
        ((257, 40), '1.0')
    """
    check_positive_int(n_fft=n_fft, n_mels=n_mels)
    check_positive_number(sample_rate=sample_rate)
    fmax = sample_rate / 2 if fmax is None else fmax
    if not 0 <= fmin < fmax <= sample_rate / 2:
        raise ValueError(
            f"0 <= fmin < fmax <= sample_rate / 2 must hold; got fmin={fmin}, fmax={fmax}, "
            f"sample_rate={sample_rate}"
        )
    edges = _hz(np.linspace(_mel(fmin), _mel(fmax), n_mels + 2))
    frequencies = np.fft.rfftfreq(n_fft, 1 / sample_rate)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2])
    if empty := int((filters.max(0) == 0).sum()):
        warnings.warn(
            f"{empty} of {n_mels} mel filters hold no frequency of a transform of n_fft={n_fft}: "
            "choose a larger n_fft or a smaller n_mels",
            stacklevel=2,
        )
    return filters


def frame_settings(
    sample_rate: int,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
) -> tuple[int, int, int]:
    """`n_fft`, `hop_length`, `win_length`, those that are None as is usual for speech.

    A window of 25 ms, every 10 ms, in the smallest power of two that holds it. If only `n_fft` is
    given, the window is as long.

    Example:
        >>> frame_settings(16000), frame_settings(8000), frame_settings(16000, n_fft=1024)
        ((512, 160, 400), (256, 80, 200), (1024, 160, 1024))
    """
    check_positive_number(sample_rate=sample_rate)
    if win_length is None:
        win_length = max(1, round(0.025 * sample_rate)) if n_fft is None else n_fft
    check_positive_int(win_length=win_length)
    n_fft = 1 << (win_length - 1).bit_length() if n_fft is None else n_fft
    hop_length = max(1, round(0.010 * sample_rate)) if hop_length is None else hop_length
    check_positive_int(n_fft=n_fft, hop_length=hop_length)
    return n_fft, hop_length, win_length


def log_mel(
    samples,
    sample_rate: int = 16000,
    *,
    n_mels: int = 40,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    fmin: float = 0.0,
    fmax: float | None = None,
    center: bool = True,
    top_db: float | None = None,
) -> tf.Tensor:
    r"""The energy in each mel filter $F$, in decibels.

    $$ L = 10 \log_{10} \max(|S|^2 F,\ 10^{-10}) $$

    Equal to `librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=...)`, transposed.

    Args:
        samples: (..., N), floats in [-1, 1].
        sample_rate: samples per second.
        n_mels: M, number of filters.
        n_fft: length of the transform; for this and the next two see `frame_settings`.
        hop_length: samples between frames.
        win_length: length of the window.
        fmin: lowest frequency of a filter in Hz.
        fmax: highest one; by default half the sample rate.
        center: as for `stft`.
        top_db: nothing is this much quieter than the loudest energy of its utterance; None for no
            such bound, as what has not been heard yet may be louder.

    Returns:
        (..., T, M), of the type of `samples`. T is `num_frames`.

    Raises:
        ValueError: if `samples` are no floats, or fewer than one frame; if a setting is out of
            range.

    Example:
        >>> log_mel(tf.zeros((2, 16000)), sample_rate=16000).shape
        TensorShape([2, 101, 40])
    """
    n_fft, hop_length, win_length = frame_settings(sample_rate, n_fft, hop_length, win_length)
    filters = mel_filters(sample_rate, n_fft, n_mels, fmin, fmax)
    samples = centered(samples, n_fft, center)

    def energies(part):
        power = power_spectrum(part, n_fft, hop_length, win_length, center=False)
        return tf.matmul(power, tf.cast(filters, power.dtype))

    energy = _in_parts(energies, samples, n_fft, hop_length)
    decibels = 10 / np.log(10) * tf.math.log(tf.maximum(energy, MIN_POWER))
    if top_db is not None:
        loudest = tf.reduce_max(decibels, axis=(-2, -1), keepdims=True)
        decibels = tf.maximum(decibels, loudest - top_db)
    return decibels


def mfcc(samples, sample_rate: int = 16000, *, n_mfcc: int = 13, **settings) -> tf.Tensor:
    r"""Mel-frequency cepstral coefficients [davis1980]: the log-mel energies, transformed.

    $$ c_{tk} = a_k \sum_{m=0}^{M-1} L_{tm} \cos\left(\pi k \frac{2m+1}{2M}\right), \qquad
       a_0 = \sqrt{1/M},\ a_k = \sqrt{2/M} $$

    Args:
        samples: (..., N), floats in [-1, 1].
        sample_rate: samples per second.
        n_mfcc: number of coefficients.
        **settings: those of `log_mel`.

    Returns:
        (..., T, n_mfcc).

    Raises:
        ValueError: as `log_mel`; if `n_mfcc` is larger than `n_mels`.

    Example:
        >>> mfcc(tf.zeros((2, 16000)), sample_rate=16000).shape
        TensorShape([2, 101, 13])
    """
    energies = log_mel(samples, sample_rate, **settings)
    n_mels = energies.shape[-1]
    check_positive_int(n_mfcc=n_mfcc)
    if n_mfcc > n_mels:
        raise ValueError(f"n_mfcc={n_mfcc} must not be larger than n_mels={n_mels}")
    cosines = np.cos(np.pi * np.outer(2 * np.arange(n_mels) + 1, np.arange(n_mfcc)) / (2 * n_mels))
    cosines *= np.sqrt(np.where(np.arange(n_mfcc) == 0, 1, 2) / n_mels)
    return tf.cast(tf.matmul(tf.cast(energies, tf.float64), cosines), energies.dtype)


def _in_parts(function, samples: tf.Tensor, n_fft: int, hop_length: int) -> tf.Tensor:
    """Features of long recordings, some frames after the other: they stay in the fast memory."""
    count = num_frames(num_samples(samples), n_fft, hop_length, center=False)
    if isinstance(count, int) and count <= PART:
        return function(samples)
    parts = -(-count // PART)
    missing = (parts * PART - 1) * hop_length + n_fft - num_samples(samples)
    samples = padded(samples, 0, tf.maximum(missing, 0))
    samples = frames(samples, (PART - 1) * hop_length + n_fft, PART * hop_length)
    function = tf.autograph.experimental.do_not_convert(function)  # which takes long
    features = tf.map_fn(function, ops.moveaxis(samples, -2, 0), parallel_iterations=1)
    features = ops.moveaxis(features, 0, -3)  # (..., parts, PART, features)
    shape = tf.concat([tf.shape(samples)[:-2], [parts * PART, features.shape[-1]]], 0)
    return tf.reshape(features, shape)[..., :count, :]


def _mel(hz):
    hz = np.asarray(hz, "float64")
    return np.where(
        hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4)
    )


def _hz(mel):
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
