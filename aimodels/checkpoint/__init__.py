"""Published weights: a folder in Hugging Face's format, read by name with every shape checked."""

from aimodels.checkpoint.checkpoint import Checkpoint
from aimodels.checkpoint.weights import FROM_PYTORCH, Weights

__all__ = ["FROM_PYTORCH", "Checkpoint", "Weights"]
