"""Speech: from samples to features, from features to words, and back to sound.

>>> from aimodels.speech import SpeechRNN, ctc_loss, espeak, log_mel

Each name is imported on first use: what reads files or synthesises speech needs no TensorFlow.
"""

import importlib

_MODULES = {
    "AudioError": "audio",
    "CTC": "losses",
    "CharacterLM": "language_model",
    "FrameDNN": "models",
    "KeywordCNN": "models",
    "LogMel": "frame_layers",
    "RealFrames": "masked_layers",
    "Recognizer": "streaming",
    "SileroStream": "silero",
    "SileroVAD": "silero",
    "SpecAugment": "frame_layers",
    "SpeechRNN": "models",
    "add_noise": "augment",
    "align": "ctc",
    "blocks": "audio",
    "change_speed": "augment",
    "collapse": "decoding",
    "ctc_loss": "losses",
    "deltas": "context",
    "espeak": "voices",
    "espeak_voices": "voices",
    "forward": "ctc",
    "forward_backward": "ctc",
    "frame_settings": "features",
    "frames": "spectra",
    "greedy": "decoding",
    "griffin_lim": "synthesis",
    "hann_window": "spectra",
    "istft": "synthesis",
    "log_mel": "features",
    "mel_filters": "features",
    "mel_to_magnitudes": "synthesis",
    "mel_to_samples": "synthesis",
    "mfcc": "features",
    "min_frames": "ctc",
    "num_frames": "spectra",
    "pad": "masked_layers",
    "power_spectrum": "spectra",
    "prefix_beam_search": "decoding",
    "read": "audio",
    "resample": "resampling",
    "resample_pieces": "resampling",
    "shift": "augment",
    "spec_augment": "augment",
    "spectral_error": "synthesis",
    "speech_segments": "segments",
    "splice": "context",
    "stft": "spectra",
    "write": "audio",
}
__all__ = [*_MODULES]


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
