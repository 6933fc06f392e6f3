"""Published weights, read by name with every shape checked; nothing in a file is executed."""

from aimodels.checkpoint.arrays import read_arrays
from aimodels.checkpoint.blocks import read_blocks
from aimodels.checkpoint.checkpoint import Checkpoint
from aimodels.checkpoint.gguf_file import read_gguf, write_gguf
from aimodels.checkpoint.plain_pickle import read_pickle
from aimodels.checkpoint.pytorch import read_state_dict
from aimodels.checkpoint.weights import FROM_PYTORCH, Weights

__all__ = [
    "FROM_PYTORCH",
    "Checkpoint",
    "Weights",
    "read_arrays",
    "read_blocks",
    "read_gguf",
    "read_pickle",
    "read_state_dict",
    "write_gguf",
]
