"""Features of speech from samples: frames, spectra, log-mel energies, cepstra, context.

The words and conventions are librosa's; the axes are those of Keras: samples (..., N) become frames
(..., T, features). All functions work in graphs, under XLA and on any device, and gradients flow
through them. As in librosa, the transform itself is computed in double precision: beside what is
loud, single precision drowns what is a million times quieter.
"""

import warnings

import numpy as np
import tensorflow as tf
from keras import ops

from aimodels.checks import check_positive_int, check_positive_number

MIN_POWER = 1e-10  # what is quieter counts as this: -100 dB
PART = 512  # frames of a long recording that are transformed at once


def frames(samples, frame_length: int, hop_length: int) -> tf.Tensor:
    """Pieces of `frame_length` samples, each beginning `hop_length` after the one before.

    Args:
        samples: (..., N), floats.
        frame_length: number of samples in a frame.
        hop_length: number of samples from one frame's beginning to the next one's.

    Returns:
        (..., T, frame_length), T = 1 + (N - frame_length) // hop_length; samples at the end that
        fill no frame are left out.

    Raises:
        ValueError: if `samples` are no floats, or fewer than one frame.

    Example:
        >>> frames([1.0, 2, 3, 4, 5, 6], frame_length=3, hop_length=2).numpy().tolist()
        [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    check_positive_int(frame_length=frame_length, hop_length=hop_length)
    samples = as_floats(samples)
    _check_fills(samples, frame_length)
    count = num_frames(_size(samples), frame_length, hop_length, center=False)
    # A frame is a few rows of hop_length samples: slices are faster than a gather.
    rows = -(-frame_length // hop_length)
    samples = _padded(samples, 0, rows * hop_length)[..., : (count + rows - 1) * hop_length]
    shape = tf.concat([tf.shape(samples)[:-1], [count + rows - 1, hop_length]], 0)
    samples = tf.reshape(samples, shape)
    parts = [
        samples[..., row : row + count, : frame_length - row * hop_length] for row in range(rows)
    ]
    return tf.concat(parts, -1)


def num_frames(num_samples, n_fft: int, hop_length: int, center: bool = True):
    """How many frames `stft` and what rests on it make of this many samples.

    Args:
        num_samples: N: an integer, or integers in an array or tensor.
        n_fft: length of the Fourier transform.
        hop_length: number of samples between frames.
        center: as for `stft`.

    Returns:
        Of the kind of `num_samples`.

    Example:
        >>> num_frames(16000, n_fft=512, hop_length=160)
        101
        >>> num_frames(np.array([100, 16000]), n_fft=512, hop_length=160, center=False)
        array([ 0, 97])
    """
    whole = num_samples + (2 * (n_fft // 2) if center else 0) - n_fft
    count = 1 + whole // hop_length  # of a negative number // gives a negative one
    if isinstance(count, int):
        return max(count, 0)
    return tf.maximum(count, 0) if tf.is_tensor(count) else np.maximum(count, 0)


def stft(
    samples,
    n_fft: int = 512,
    hop_length: int | None = None,
    win_length: int | None = None,
    center: bool = True,
) -> tf.Tensor:
    r"""The spectrum of each frame under a Hann window $w$, which is 0 outside of its length.

    $$ S_{tk} = \sum_{n} w_n\, x_{tH + n}\, e^{-2\pi i k n / N} $$

    Args:
        samples: $x$, (..., N), floats.
        n_fft: $N$, length of the transform.
        hop_length: $H$, samples between frames; by default a quarter of `win_length`.
        win_length: of the window, in the middle of the frame; by default `n_fft`.
        center: frame t is centred at sample t * hop_length, zeros before the first and after the
            last sample; False: it begins there.

    Returns:
        (..., T, 1 + n_fft // 2), complex. T is `num_frames`.

    Raises:
        ValueError: if `samples` are no floats, or fewer than one frame; if the window is longer
            than the frame.

    Example:
        >>> stft(tf.zeros((2, 16000)), n_fft=512, hop_length=160, win_length=400).shape
        TensorShape([2, 101, 257])
    """
    check_positive_int(n_fft=n_fft)
    win_length = n_fft if win_length is None else win_length
    window = hann_window(win_length, n_fft)
    hop_length = max(1, win_length // 4) if hop_length is None else hop_length
    samples = _centered(samples, n_fft, center)
    framed = tf.cast(frames(samples, n_fft, hop_length), tf.float64) * window
    return tf.cast(tf.signal.rfft(framed), _complex(samples))


def hann_window(win_length: int, n_fft: int) -> np.ndarray:
    r"""The window $\sin^2(\pi n / L)$ of length L in the middle of n_fft places, zeros around it.

    Raises:
        ValueError: if it is longer than `n_fft`.

    Example:
        >>> hann_window(4, n_fft=6).round(2).tolist()
        [0.0, 0.0, 0.5, 1.0, 0.5, 0.0]
    """
    check_positive_int(win_length=win_length, n_fft=n_fft)
    if win_length > n_fft:
        raise ValueError(f"win_length={win_length} must not be larger than n_fft={n_fft}")
    before = (n_fft - win_length) // 2
    window = np.sin(np.pi * np.arange(win_length) / win_length) ** 2
    return np.pad(window, (before, n_fft - win_length - before))


def power_spectrum(
    samples, n_fft: int, hop_length: int, win_length: int, center: bool = True
) -> tf.Tensor:
    """`|stft|**2`, (..., T, 1 + n_fft // 2), of the same arguments."""
    window = hann_window(win_length, n_fft)
    begin = (n_fft - win_length) // 2
    samples = _centered(samples, n_fft, center)
    _check_fills(samples, n_fft)
    # Where in the frame the window lies changes no power, so only its samples are framed.
    end = n_fft - win_length - begin
    inside = samples[..., begin : -end or None]
    window = window[begin : begin + win_length]
    framed = tf.cast(frames(inside, win_length, hop_length), tf.float64) * window
    spectrum = tf.cast(tf.signal.rfft(framed, [n_fft]), _complex(samples))
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


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
    samples = _centered(samples, n_fft, center)

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


def as_floats(samples) -> tf.Tensor:
    """Samples as a tensor of floats, in single precision at least; whole numbers are refused."""
    samples = tf.convert_to_tensor(samples)
    if not samples.dtype.is_floating:
        raise ValueError(
            f"samples must be floats in [-1, 1]; got {samples.dtype.name}: divide 16-bit numbers "
            "by 32768"
        )
    if samples.shape.rank == 0:
        raise ValueError("samples must be (N,) or (B, N); got a single number")
    return tf.cast(samples, tf.float32) if samples.dtype.size < 4 else samples


def _size(samples: tf.Tensor):
    """How many samples: a Python integer if it is known."""
    return tf.shape(samples)[-1] if samples.shape[-1] is None else int(samples.shape[-1])


def _check_fills(samples: tf.Tensor, frame_length: int) -> None:
    size = _size(samples)
    if isinstance(size, int) and size < frame_length:
        raise ValueError(
            f"{size} samples do not fill one frame of {frame_length}: pad them with zeros"
        )


def _complex(samples: tf.Tensor) -> tf.DType:
    return tf.complex128 if samples.dtype == tf.float64 else tf.complex64


def _in_parts(function, samples: tf.Tensor, n_fft: int, hop_length: int) -> tf.Tensor:
    """Features of long recordings, some frames after the other: they stay in the fast memory."""
    count = num_frames(_size(samples), n_fft, hop_length, center=False)
    if isinstance(count, int) and count <= PART:
        return function(samples)
    parts = -(-count // PART)
    missing = (parts * PART - 1) * hop_length + n_fft - _size(samples)
    samples = _padded(samples, 0, tf.maximum(missing, 0))
    samples = frames(samples, (PART - 1) * hop_length + n_fft, PART * hop_length)
    function = tf.autograph.experimental.do_not_convert(function)  # which takes long
    features = tf.map_fn(function, ops.moveaxis(samples, -2, 0), parallel_iterations=1)
    features = ops.moveaxis(features, 0, -3)  # (..., parts, PART, features)
    shape = tf.concat([tf.shape(samples)[:-2], [parts * PART, features.shape[-1]]], 0)
    return tf.reshape(features, shape)[..., :count, :]


def _padded(samples: tf.Tensor, before: int, after: int) -> tf.Tensor:
    return tf.pad(samples, [[0, 0]] * (samples.shape.rank - 1) + [[before, after]])


def _centered(samples, n_fft: int, center: bool) -> tf.Tensor:
    samples = as_floats(samples)
    if center and samples.shape[-1] == 0:
        raise ValueError("there are no samples")
    return _padded(samples, n_fft // 2, n_fft // 2) if center else samples


def _mel(hz):
    hz = np.asarray(hz, "float64")
    return np.where(
        hz < 1000, hz * 3 / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4)
    )


def _hz(mel):
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))
