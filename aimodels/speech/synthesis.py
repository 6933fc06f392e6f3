"""Back to sound: from a spectrum, from its magnitudes alone, from log-mel energies."""

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int
from aimodels.speech.augment import uniform
from aimodels.speech.features import frame_settings, mel_filters
from aimodels.speech.spectra import hann_window, stft


def istft(
    spectrum,
    hop_length: int | None = None,
    win_length: int | None = None,
    center: bool = True,
    length: int | None = None,
) -> tf.Tensor:
    r"""The samples whose `stft` comes nearest to a spectrum [griffin1984].

    $$ x_n = \frac{\sum_t w_{n - tH}\, s_{t, n - tH}}{\sum_t w_{n - tH}^2} $$

    where $s_t$ is the inverse Fourier transform of frame t.

    Args:
        spectrum: (..., T, 1 + n_fft // 2), complex, n_fft even.
        hop_length: $H$, as for `stft`; and the next two.
        win_length: as for `stft`.
        center: as for `stft`.
        length: number of samples; None for those between the first and the last frame's centre.

    Returns:
        (..., length), real.

    Example:
        >>> samples = tf.sin(tf.range(1000.0))
        >>> again = istft(stft(samples, n_fft=64), length=1000)
        >>> bool(tf.reduce_max(tf.abs(again - samples)) < 1e-5)
        True
    """
    spectrum = tf.convert_to_tensor(spectrum)
    n_fft = 2 * (spectrum.shape[-1] - 1)
    win_length = n_fft if win_length is None else win_length
    hop_length = max(1, win_length // 4) if hop_length is None else hop_length
    framed = tf.signal.irfft(spectrum, [n_fft])
    window = tf.cast(hann_window(win_length, n_fft), framed.dtype)
    count = tf.shape(framed)[-2]
    samples = tf.signal.overlap_and_add(framed * window, hop_length)
    weights = tf.signal.overlap_and_add(tf.broadcast_to(window**2, [count, n_fft]), hop_length)
    tiny = np.finfo(samples.dtype.as_numpy_dtype).tiny
    samples /= tf.where(weights > tiny, weights, tf.ones_like(weights))
    begin = n_fft // 2 if center else 0
    if length is None:
        return samples[..., begin : (count - 1) * hop_length + n_fft - begin]
    samples = samples[..., begin : begin + length]
    missing = length - tf.shape(samples)[-1]
    return tf.pad(samples, [[0, 0]] * (samples.shape.rank - 1) + [[0, missing]])


def griffin_lim(
    magnitudes,
    hop_length: int | None = None,
    win_length: int | None = None,
    center: bool = True,
    length: int | None = None,
    num_iterations: int = 32,
    momentum: float = 0.99,
    seed=(0, 0),
) -> tf.Tensor:
    r"""Samples whose spectrum has the given magnitudes, from random phases on [griffin1984].

    In turn the phases become those that samples can have, and the magnitudes the given ones:

    $$ x = \mathrm{istft}(A\, e^{i\phi}), \qquad \phi = \arg\left(\mathrm{stft}(x) -
       \tfrac{\mu}{1 + \mu}\, \mathrm{stft}(x_\text{before})\right) $$

    where momentum $\mu$ makes it faster [perraudin2013], and with 0 the error never rises.

    Args:
        magnitudes: $A$, (..., T, 1 + n_fft // 2), floats >= 0, n_fft even.
        hop_length: as for `stft`; and the next two.
        win_length: as for `stft`.
        center: as for `stft`.
        length: as for `istft`.
        num_iterations: how often; with 0 the phases stay random.
        momentum: $\mu$, in [0, 1].
        seed: two integers, for the first phases.

    Returns:
        (..., length).

    Raises:
        ValueError: if `momentum` is out of range.

    Example:
        >>> samples = tf.sin(tf.range(2000.0))
        >>> magnitudes = tf.abs(stft(samples, n_fft=64))
        >>> again = griffin_lim(magnitudes)
        >>> bool(spectral_error(again, magnitudes) < 0.1)
        True
    """
    check_positive_int(minimum=0, num_iterations=num_iterations)
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be in [0, 1]; got {momentum!r}")
    magnitudes = tf.convert_to_tensor(magnitudes)
    n_fft = 2 * (magnitudes.shape[-1] - 1)
    turn = 2 * np.pi * uniform(tf.shape(magnitudes), seed, magnitudes.dtype)
    phases = tf.complex(tf.cos(turn), tf.sin(turn))
    whole = tf.complex(magnitudes, tf.zeros_like(magnitudes))
    where = {"hop_length": hop_length, "win_length": win_length, "center": center}

    def improve(step, phases, before):
        now = stft(istft(whole * phases, **where), n_fft, **where)
        ahead = now - tf.cast(momentum / (1 + momentum), now.dtype) * before
        size = tf.maximum(tf.abs(ahead), np.finfo(magnitudes.dtype.as_numpy_dtype).tiny)
        return step + 1, ahead / tf.complex(size, tf.zeros_like(size)), now

    _, phases, _ = tf.while_loop(
        lambda step, *_: step < num_iterations,
        improve,
        (0, phases, tf.zeros_like(phases)),
        shape_invariants=(tf.TensorShape([]), whole.shape, whole.shape),
    )
    return istft(whole * phases, **where, length=length)


def spectral_error(
    samples,
    magnitudes,
    hop_length: int | None = None,
    win_length: int | None = None,
    center: bool = True,
) -> tf.Tensor:
    r"""How far the spectrum of samples is from given magnitudes $A$, relative to them.

    $$ \lVert\, |\mathrm{stft}(x)| - A \,\rVert / \lVert A \rVert $$

    Args:
        samples: $x$, (..., N).
        magnitudes: (..., T, 1 + n_fft // 2).
        hop_length: as for `stft`; and the next two.
        win_length: as for `stft`.
        center: as for `stft`.

    Returns:
        (...), one number for each utterance.

    Example:
        >>> samples = tf.sin(tf.range(2000.0))
        >>> float(spectral_error(samples, tf.abs(stft(samples, n_fft=64))))
        0.0
    """
    magnitudes = tf.convert_to_tensor(magnitudes)
    n_fft = 2 * (magnitudes.shape[-1] - 1)
    reached = tf.abs(stft(samples, n_fft, hop_length, win_length, center))
    return tf.norm(reached - magnitudes, axis=(-2, -1)) / tf.norm(magnitudes, axis=(-2, -1))


def mel_to_magnitudes(
    energies,
    sample_rate: int = 16000,
    n_fft: int = 512,
    fmin: float = 0.0,
    fmax: float | None = None,
    num_iterations: int = 100,
) -> tf.Tensor:
    r"""Magnitudes of a spectrum that has the given log-mel energies: one of many.

    The powers $p$ for which $p F$ comes nearest to the energies $e$, found by steps that keep them
    positive, and that care for quiet energies as for loud ones [lee1999]:

    $$ p_k \leftarrow p_k \frac{\sum_m F_{km}\, e_m / (pF)_m}{\sum_m F_{km}} $$

    Args:
        energies: `log_mel`, (..., T, n_mels), in decibels.
        sample_rate: as for `log_mel`; and the next three.
        n_fft: as for `log_mel`.
        fmin: as for `log_mel`.
        fmax: as for `log_mel`.
        num_iterations: number of steps.

    Returns:
        (..., T, 1 + n_fft // 2).

    Example:
        >>> mel_to_magnitudes(tf.zeros((10, 40))).shape
        TensorShape([10, 257])
    """
    check_positive_int(minimum=0, num_iterations=num_iterations)
    energies = tf.convert_to_tensor(energies)
    filters = mel_filters(sample_rate, n_fft, energies.shape[-1], fmin, fmax)
    filters = tf.cast(filters, energies.dtype)
    energies = 10 ** (energies / 10)
    tiny = np.finfo(energies.dtype.as_numpy_dtype).tiny
    size = tf.maximum(tf.reduce_sum(filters, axis=-1), tiny)

    def improve(step, power):
        part = energies / tf.maximum(tf.matmul(power, filters), tiny)
        return step + 1, power * tf.matmul(part, filters, transpose_b=True) / size

    start = tf.matmul(energies, filters, transpose_b=True)
    _, power = tf.while_loop(lambda step, _: step < num_iterations, improve, (0, start))
    return tf.sqrt(power)


def mel_to_samples(
    energies,
    sample_rate: int = 16000,
    *,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    fmin: float = 0.0,
    fmax: float | None = None,
    center: bool = True,
    **how,
) -> tf.Tensor:
    """Sound from log-mel energies: `griffin_lim` of `mel_to_magnitudes`.

    Args:
        energies: (..., T, n_mels), in decibels, made by `log_mel` with the same settings.
        sample_rate: as for `log_mel`; and the others.
        n_fft: as for `log_mel`.
        hop_length: as for `log_mel`.
        win_length: as for `log_mel`.
        fmin: as for `log_mel`.
        fmax: as for `log_mel`.
        center: as for `log_mel`.
        **how: arguments of `griffin_lim`, such as `num_iterations`.

    Returns:
        (..., N).

    Example:
        >>> mel_to_samples(tf.zeros((101, 40)), sample_rate=16000).shape
        TensorShape([16000])
    """
    n_fft, hop_length, win_length = frame_settings(sample_rate, n_fft, hop_length, win_length)
    magnitudes = mel_to_magnitudes(energies, sample_rate, n_fft, fmin, fmax)
    return griffin_lim(magnitudes, hop_length, win_length, center, **how)
