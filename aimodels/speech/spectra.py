"""Short-time Fourier transforms: samples in frames, and the spectrum of each.

The words and conventions are librosa's; the axes are those of Keras: samples (..., N) become frames
(..., T, features). As in librosa, the transform itself is computed in double precision: beside what
is loud, single precision drowns what is a million times quieter.
"""

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int


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
    count = num_frames(num_samples(samples), frame_length, hop_length, center=False)
    # A frame is a few rows of hop_length samples: slices are faster than a gather.
    rows = -(-frame_length // hop_length)
    samples = padded(samples, 0, rows * hop_length)[..., : (count + rows - 1) * hop_length]
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
    samples = centered(samples, n_fft, center)
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
    samples = centered(samples, n_fft, center)
    _check_fills(samples, n_fft)
    # Where in the frame the window lies changes no power, so only its samples are framed.
    end = n_fft - win_length - begin
    inside = samples[..., begin : -end or None]
    window = window[begin : begin + win_length]
    framed = tf.cast(frames(inside, win_length, hop_length), tf.float64) * window
    framed = padded(framed, 0, n_fft - win_length)  # rfft itself would not for an empty batch
    spectrum = tf.cast(tf.signal.rfft(framed), _complex(samples))
    return tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))


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


def num_samples(samples: tf.Tensor):
    """How many samples: a Python integer if it is known."""
    return tf.shape(samples)[-1] if samples.shape[-1] is None else int(samples.shape[-1])


def _check_fills(samples: tf.Tensor, frame_length: int) -> None:
    size = num_samples(samples)
    if isinstance(size, int) and size < frame_length:
        raise ValueError(
            f"{size} samples do not fill one frame of {frame_length}: pad them with zeros"
        )


def _complex(samples: tf.Tensor) -> tf.DType:
    return tf.complex128 if samples.dtype == tf.float64 else tf.complex64


def padded(samples: tf.Tensor, before: int, after: int) -> tf.Tensor:
    """With so many zeros before the first sample and behind the last one."""
    return tf.pad(samples, [[0, 0]] * (samples.shape.rank - 1) + [[before, after]])


def centered(samples, n_fft: int, center: bool) -> tf.Tensor:
    """Samples as floats; with `center`, such that frame t is centred at sample t * hop_length."""
    samples = as_floats(samples)
    if center and samples.shape[-1] == 0:
        raise ValueError("there are no samples")
    return padded(samples, n_fft // 2, n_fft // 2) if center else samples
