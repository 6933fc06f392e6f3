"""Back to sound: what a spectrum keeps comes back, and lost phases are found again."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from aimodels import speech

pytestmark = pytest.mark.rests_on_code

RATE = 8000
SETTINGS = {"hop_length": 80, "win_length": 200}


@pytest.fixture
def voice():
    """Half a second of a gliding voice: harmonics of a falling pitch."""
    t = np.arange(RATE // 2) / RATE
    pitch = 2 * np.pi * (180 * t - 60 * t**2)
    loud = np.sin(np.pi * t / t[-1])
    return loud * sum(np.sin(k * pitch) / k for k in range(1, 12)) / 4


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("hop_length", "win_length"), [(80, 200), (64, 256), (10, 33)])
def test_a_spectrum_gives_its_samples_back(voice, center, hop_length, win_length):
    settings = {"hop_length": hop_length, "win_length": win_length, "center": center}
    spectrum = speech.stft(np.stack([voice, -voice]), 256, **settings)
    again = speech.istft(spectrum, **settings, length=len(voice)).numpy()
    edge = 0 if center else 256
    np.testing.assert_allclose(again[0, edge:-256], voice[edge:-256], atol=1e-9)
    np.testing.assert_allclose(again[1], -again[0], atol=1e-12)
    if center:
        whole = speech.istft(spectrum, **settings)
        assert whole.shape == (2, (spectrum.shape[1] - 1) * hop_length)
    assert speech.istft(spectrum, **settings, length=9999).shape == (2, 9999)


def error(samples, magnitudes):
    return float(speech.spectral_error(samples, magnitudes, **SETTINGS))


def test_the_error_falls_and_is_far_below_that_of_random_phases(voice):
    magnitudes = tf.abs(speech.stft(voice, 256, **SETTINGS))
    errors = [
        error(speech.griffin_lim(magnitudes, **SETTINGS, num_iterations=n), magnitudes)
        for n in (0, 1, 4, 16, 64)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.2 * errors[0]


def test_without_momentum_the_error_never_rises_and_with_it_falls_faster(voice):
    magnitudes = tf.abs(speech.stft(voice, 256, **SETTINGS))

    def after(steps, momentum):
        how = {"num_iterations": steps, "momentum": momentum}
        return error(speech.griffin_lim(magnitudes, **SETTINGS, **how), magnitudes)

    errors = [after(steps, 0.0) for steps in range(0, 32, 2)]
    assert all(b <= a + 1e-9 for a, b in itertools.pairwise(errors))
    assert after(64, 0.99) < after(64, 0.0)


def test_griffin_lim_in_graphs_under_xla_and_in_batches(voice):
    magnitudes = tf.abs(
        speech.stft(np.stack([voice, voice / 2]).astype("float32"), 256, **SETTINGS)
    )

    def rebuild(magnitudes):
        return speech.griffin_lim(magnitudes, **SETTINGS, num_iterations=8)

    eager = rebuild(magnitudes)
    np.testing.assert_allclose(tf.function(rebuild)(magnitudes), eager, atol=1e-4)
    np.testing.assert_allclose(tf.function(rebuild, jit_compile=True)(magnitudes), eager, atol=1e-3)
    assert eager.shape == (2, 4000)
    assert speech.griffin_lim(magnitudes, **SETTINGS, length=3999).shape == (2, 3999)


def test_silence_stays_silence():
    silent = speech.griffin_lim(tf.zeros((20, 129)), **SETTINGS)
    assert not silent.numpy().any()


def test_magnitudes_have_the_energies_they_were_made_of(voice):
    energies = speech.log_mel(voice, RATE)
    magnitudes = speech.mel_to_magnitudes(energies, RATE, 256)
    assert (magnitudes.numpy() >= 0).all()
    reached = 10 * np.log10(magnitudes**2 @ speech.mel_filters(RATE, 256, 40) + 1e-10)
    heard = energies > tf.reduce_max(energies) - 60
    assert np.abs(reached - energies)[heard].mean() < 0.1  # decibels


def test_sound_from_log_mel_has_nearly_the_same_log_mel(voice):
    energies = speech.log_mel(voice, RATE)
    samples = speech.mel_to_samples(energies, RATE, num_iterations=64)
    assert samples.shape == (4000,)
    again = speech.log_mel(samples, RATE)
    heard = energies > tf.reduce_max(energies) - 40

    def distance(other):
        return float(np.abs(other - energies)[heard].mean())

    random = speech.mel_to_samples(energies, RATE, num_iterations=0)
    assert distance(again) < 2.5  # decibels
    assert distance(again) < 0.6 * distance(speech.log_mel(random, RATE))


def test_a_momentum_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"momentum must be in \[0, 1\]"):
        speech.griffin_lim(tf.ones((20, 129)), momentum=2)
