"""One door to every data set of the course.

>>> from aimodels import data
>>> images, labels = data.arrays("digits")
>>> images.shape, images.dtype, labels[:5].tolist()
((1797, 8, 8, 1), dtype('uint8'), [3, 4, 2, 7, 6])

*Embedded* sets come with packages that are installed with the course and need no network at all.
*Public* sets are those of TensorFlow Datasets (TFDS), and some of our own. Three sources are tried
in order: what is already prepared in the data directory; a *mirror*, a folder that you or your
teacher names (`mirror=` or the environment variable `AIMODELS_MIRROR`) with the files as they were
published; the canonical URL. Every file is checked against its registered sha256, and nothing is
ever unpickled.

The data directory is `data_dir=`, or `AIMODELS_DATA`, or TFDS's own (`TFDS_DATA_DIR`, else
`~/tensorflow_datasets`). A set is prepared in a hidden folder there and moved to its place in one
step, so no error, crash or second process leaves half a set behind.

A CSV file of your own is read by `read_table` (measurements and a class) or `read_rows` (texts).
"""

from aimodels.data.checks import hash_fraction, hash_splits, packaged_file, verify
from aimodels.data.download import DataError
from aimodels.data.emoji_folders import write_emoji_folders
from aimodels.data.loading import arrays, load, mirror
from aimodels.data.registry import catalogue, directory, info
from aimodels.data.tables import read_rows, read_table

__all__ = [
    "DataError",
    "arrays",
    "catalogue",
    "directory",
    "hash_fraction",
    "hash_splits",
    "info",
    "load",
    "mirror",
    "packaged_file",
    "read_rows",
    "read_table",
    "verify",
    "write_emoji_folders",
]
