"""Speech: from sound to words, and from words to sound.

>>> from aimodels.speech import log_mel

Each name is imported on first use: synthesis needs no TensorFlow.
"""

import importlib

_MODULES = {
    "LogMel": "frame_layers",
    "deltas": "context",
    "espeak": "voices",
    "espeak_voices": "voices",
    "frame_settings": "features",
    "frames": "features",
    "hann_window": "features",
    "log_mel": "features",
    "mel_filters": "features",
    "mfcc": "features",
    "num_frames": "features",
    "power_spectrum": "features",
    "splice": "context",
    "stft": "features",
}
__all__ = [*_MODULES]


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
