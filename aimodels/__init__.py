"""Models of a hands-on deep learning course, from linear regression to GPT.

Submodules load on first use, so `import aimodels` itself is instant:

>>> import aimodels
>>> aimodels.__version__
'0.1.0'
"""

import importlib
import os
import pkgutil
import sys
import tempfile

from aimodels import registration

__version__ = "0.1.0"
__all__ = [
    "start",
    *sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name != "__main__"),
]


registration.install()


def __getattr__(name: str):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def start(seed: int = 0) -> None:
    """Import TensorFlow and Keras quietly and set every random seed: a lesson's first line.

    Args:
        seed: for Python, NumPy and TensorFlow alike.

    Example:
        >>> import aimodels
        >>> aimodels.start(seed=1)
    """
    # oneDNN calls its own fallbacks errors; what goes wrong is raised as an exception as well.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)


def import_tensorflow() -> None:
    """Import TensorFlow and Keras without their start-up lines.

    TensorFlow writes some lines straight to file descriptor 2, before any logging can be set up.
    They are caught, and shown only if the import fails.
    """
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            import keras  # noqa: F401
            import tensorflow as tf

            tf.config.list_physical_devices()  # the first look at the devices writes lines as well
            tf.get_logger().setLevel("WARNING")  # distributed training tells of every reduction
        except BaseException:
            caught.seek(0)
            os.write(stderr, caught.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
