"""Speech: from samples to features, from features to words, and back to sound."""

from aimodels.speech.audio import AudioError, blocks, read, write
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
from aimodels.speech.resampling import resample, resample_pieces
from aimodels.speech.voices import espeak, espeak_voices

__all__ = [
    "AudioError",
    "LogMel",
    "blocks",
    "deltas",
    "espeak",
    "espeak_voices",
    "frame_settings",
    "frames",
    "hann_window",
    "log_mel",
    "mel_filters",
    "mfcc",
    "num_frames",
    "power_spectrum",
    "read",
    "resample",
    "resample_pieces",
    "splice",
    "stft",
    "write",
]
