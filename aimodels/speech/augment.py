"""The same words otherwise: a little later, in noise, faster, with parts of the spectrum missing.

Functions for `tf.data.Dataset.map` or for whole batches, each utterance in its own way. The same
seed, two integers, gives the same result.
"""

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int, check_positive_number
from aimodels.speech.spectra import as_floats

REACH = 16  # samples that a changed speed looks at on each side


def uniform(shape, seed, dtype=tf.float32) -> tf.Tensor:
    """Numbers in (0, 1), the same under XLA, where those that TensorFlow draws are others.

    Example:
        >>> uniform((2,), seed=(1, 2)).shape
        TensorShape([2])
    """
    steps = tf.random.stateless_uniform(shape, seed, 0, 1 << 23, tf.int32)
    return (tf.cast(steps, dtype) + 0.5) / (1 << 23)


def shift(samples, seed, max_shift: int) -> tf.Tensor:
    """Each utterance later or earlier, by up to `max_shift` samples; zeros come in.

    Args:
        samples: (..., N), floats.
        seed: two integers.
        max_shift: in samples.

    Example:
        >>> shift([1.0, 2.0, 3.0], seed=(1, 0), max_shift=1).numpy().tolist()
        [2.0, 3.0, 0.0]
    """
    check_positive_int(minimum=0, max_shift=max_shift)
    samples = as_floats(samples)
    shape, count = tf.shape(samples)[:-1], tf.shape(samples)[-1]
    later = tf.random.stateless_uniform(shape, seed, -max_shift, max_shift + 1, tf.int32)
    places = tf.range(count) - later[..., None]
    inside = (places >= 0) & (places < count)
    places = tf.clip_by_value(places, 0, count - 1)
    moved = tf.gather(samples, places, axis=-1, batch_dims=samples.shape.rank - 1)
    return tf.where(inside, moved, tf.zeros((), samples.dtype))


def add_noise(samples, snr_db, seed, noise=None, lengths=None) -> tf.Tensor:
    r"""Samples with noise so many decibels below them: $10 \log_{10}(P_x / P_n)$ is `snr_db`.

    Args:
        samples: $x$, (..., N), floats.
        snr_db: signal-to-noise ratio, a number or one for each utterance, (B,).
        seed: two integers.
        noise: (M,), a recording of noise, from a random place on and repeated if it is too short;
            None for white noise.
        lengths: (B,), numbers of real samples: padding counts for nothing and stays as it is.

    Returns:
        Of the shape of `samples`. Silence stays silence.

    Example:
        >>> samples = tf.ones(1000)
        >>> noise = add_noise(samples, snr_db=20.0, seed=(1, 2)) - samples
        >>> round(float(tf.reduce_mean(noise**2)), 4)
        0.01
    """
    samples = as_floats(samples)
    shape, count = tf.shape(samples), tf.shape(samples)[-1]
    if noise is None:
        drawn = uniform(tf.concat([[2], shape], 0), seed, samples.dtype)
        first, second = tf.unstack(drawn, num=2)
        # Normal numbers from even ones, by Box and Muller.
        noise = tf.sqrt(-2 * tf.math.log(first)) * tf.cos(2 * np.pi * second)
    else:
        noise = tf.cast(as_floats(noise), samples.dtype)
        begin = tf.random.stateless_uniform(
            shape[:-1], seed, 0, tf.shape(noise)[-1], dtype=tf.int32
        )
        noise = tf.gather(noise, (begin[..., None] + tf.range(count)) % tf.shape(noise)[-1])
    if lengths is not None:
        real = tf.sequence_mask(lengths, count, samples.dtype)
        noise *= real
    heard = samples if lengths is None else samples * real
    power = tf.reduce_sum(heard**2, -1, keepdims=True)
    wanted = power / 10 ** (tf.cast(snr_db, samples.dtype)[..., None] / 10)
    now = tf.reduce_sum(noise**2, -1, keepdims=True)
    return samples + noise * tf.sqrt(tf.math.divide_no_nan(wanted, now))


def change_speed(samples, rate) -> tf.Tensor:
    r"""Faster and higher, or slower and lower, as a record at the wrong speed.

    $$ y_m = \sum_n x_n\, c\,\mathrm{sinc}(c\,(n - rm))\, w(n - rm), \qquad c = \min(1, 1/r) $$

    with a Hann window $w$ over 16 samples on each side.

    Args:
        samples: $x$, (..., N), floats.
        rate: $r$: above 1 is faster; a number or a scalar tensor.

    Returns:
        (..., round(N / rate)).

    Raises:
        ValueError: unless `rate` is above 0.

    Example:
        >>> change_speed(tf.zeros((2, 1000)), rate=1.25).shape
        TensorShape([2, 800])
    """
    samples = as_floats(samples)
    if not tf.is_tensor(rate):
        check_positive_number(rate=rate)
    rate = tf.cast(rate, tf.float64)
    count = samples.shape[-1]
    count = tf.shape(samples)[-1] if count is None else count
    new = tf.cast(tf.round(tf.cast(count, tf.float64) / rate), tf.int32)
    times = tf.cast(tf.range(new), tf.float64) * rate  # float32 cannot count samples of minutes
    before = tf.floor(times)
    around = tf.range(1 - REACH, REACH + 1)
    fraction = tf.cast(times - before, samples.dtype)
    distance = tf.cast(around, samples.dtype) - fraction[:, None]  # (new, 2 REACH)
    cutoff = tf.cast(tf.minimum(tf.ones((), tf.float64), 1 / rate), samples.dtype)
    angle = np.pi * cutoff * distance
    sinc = tf.where(angle == 0, tf.ones_like(angle), tf.math.divide_no_nan(tf.sin(angle), angle))
    weights = cutoff * sinc * tf.cos(np.pi / 2 * distance / REACH) ** 2
    places = tf.cast(before, tf.int32)[:, None] + around
    inside = (places >= 0) & (places < count)
    weights = tf.where(inside, weights, tf.zeros((), samples.dtype))
    seen = tf.gather(samples, tf.clip_by_value(places, 0, count - 1), axis=-1)
    return tf.reduce_sum(seen * weights, axis=-1)


def spec_augment(
    features,
    seed,
    frequency_masks: int = 2,
    frequency_width: int = 8,
    time_masks: int = 2,
    time_width: int = 20,
    max_part: float = 0.2,
    lengths=None,
) -> tf.Tensor:
    """Bands of frequencies and stretches of time that a model must do without [park2019].

    Args:
        features: (..., T, M), floats.
        seed: two integers.
        frequency_masks: number of bands.
        frequency_width: largest width of one, in features; each is drawn from 0 to this.
        time_masks: number of stretches.
        time_width: largest length of one, in frames.
        max_part: largest part of an utterance that one stretch may take.
        lengths: (B,), the number of frames of each utterance of a batch; None for T.

    Returns:
        `features`, with the utterance's mean at what is masked.

    Raises:
        ValueError: if an argument is negative, or `max_part` above 1.

    Example:
        >>> features = tf.reshape(tf.range(4.0), (2, 2))
        >>> masks = {"frequency_masks": 1, "frequency_width": 1, "time_masks": 0}
        >>> spec_augment(features, seed=(1, 2), **masks).shape
        TensorShape([2, 2])
    """
    check_masks(frequency_masks, frequency_width, time_masks, time_width, max_part)
    features = tf.convert_to_tensor(features)
    shape = tf.shape(features)
    batch, count, size = shape[:-2], shape[-2], shape[-1]
    lengths = tf.broadcast_to(count if lengths is None else tf.cast(lengths, tf.int32), batch)
    part = tf.cast(max_part * tf.cast(lengths, tf.float32), tf.int32)
    drawn = uniform(tf.concat([[2], batch, [frequency_masks + time_masks]], 0), seed)
    bands, stretches = drawn[..., :frequency_masks], drawn[..., frequency_masks:]
    bands = _masked(bands, size, tf.broadcast_to(size, batch), frequency_width)
    stretches = _masked(stretches, count, lengths, tf.minimum(part, time_width))
    missing = bands[..., None, :] | stretches[..., None]
    real = tf.sequence_mask(lengths, count, features.dtype)[..., None]
    total = tf.reduce_sum(features * real, axis=(-2, -1), keepdims=True)
    number = tf.cast(tf.maximum(lengths, 1) * size, features.dtype)[..., None, None]
    return tf.where(missing, total / number, features)


def check_masks(
    frequency_masks: int, frequency_width: int, time_masks: int, time_width: int, max_part: float
) -> None:
    """Raise unless these are arguments of `spec_augment`."""
    check_positive_int(
        minimum=0,
        frequency_masks=frequency_masks,
        frequency_width=frequency_width,
        time_masks=time_masks,
        time_width=time_width,
    )
    if not 0 <= max_part <= 1:
        raise ValueError(f"max_part must be in [0, 1]; got {max_part!r}")


def _masked(drawn, places, end, width) -> tf.Tensor:
    """True (..., places) where one of the masks lies, each up to `width` wide and before `end`.

    `drawn`, (2, ..., masks), are the numbers that decide on each one's width and place.
    """
    end = end[..., None]
    largest = tf.minimum(end, tf.convert_to_tensor(width)[..., None])
    width = tf.cast(drawn[0] * tf.cast(largest + 1, tf.float32), tf.int32)  # from 0 to the largest
    begin = tf.cast(drawn[1] * tf.cast(end - width + 1, tf.float32), tf.int32)
    place = tf.range(places)
    inside = (place >= begin[..., None]) & (place < (begin + width)[..., None])
    return tf.reduce_any(inside, axis=-2)
