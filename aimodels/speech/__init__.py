"""Speech: from samples to features, from features to words, and back to sound."""

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
from aimodels.speech.frame_layers import LogMel

__all__ = [
    "LogMel",
    "deltas",
    "frame_settings",
    "frames",
    "hann_window",
    "log_mel",
    "mel_filters",
    "mfcc",
    "num_frames",
    "power_spectrum",
    "splice",
    "stft",
]
