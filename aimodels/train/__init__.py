"""Training: a model, its losses and schedules, on one device or on many machines.

>>> from aimodels.train import Backup, batches, strategy

Each name is imported on first use: `train.launch`, which starts the workers, needs no TensorFlow.
"""

import importlib

_MODULES = {
    "Backup": "backup",
    "DistributeError": "cluster",
    "InverseSqrtWarmup": "schedules",
    "Model": "model",
    "SmoothedCrossentropy": "losses",
    "batches": "pipeline",
    "check_tf_config": "cluster",
    "chief_path": "cluster",
    "is_chief": "cluster",
    "logical_devices": "strategies",
    "strategy": "strategies",
    "warmup_cosine": "schedules",
}
__all__ = [*_MODULES]


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
