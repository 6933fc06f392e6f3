"""Speech: from samples to features, from features to words, and back to sound."""

from aimodels.speech.audio import AudioError, blocks, read, write
from aimodels.speech.augment import add_noise, change_speed, shift, spec_augment
from aimodels.speech.context import deltas, splice
from aimodels.speech.features import (
    frame_settings,
    frames,
    hann_window,
    log_mel,
    mel_filters,
    mfcc,
    num_frames,
    power_spectrum,
    stft,
)
from aimodels.speech.frame_layers import LogMel, SpecAugment
from aimodels.speech.resampling import resample, resample_pieces
from aimodels.speech.synthesis import (
    griffin_lim,
    istft,
    mel_to_magnitudes,
    mel_to_samples,
    spectral_error,
)

__all__ = [
    "AudioError",
    "LogMel",
    "SpecAugment",
    "add_noise",
    "blocks",
    "change_speed",
    "deltas",
    "frame_settings",
    "frames",
    "griffin_lim",
    "hann_window",
    "istft",
    "log_mel",
    "mel_filters",
    "mel_to_magnitudes",
    "mel_to_samples",
    "mfcc",
    "num_frames",
    "power_spectrum",
    "read",
    "resample",
    "resample_pieces",
    "shift",
    "spec_augment",
    "spectral_error",
    "splice",
    "stft",
    "write",
]
