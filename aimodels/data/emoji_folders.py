"""Pictures in folders, as learners have them: emoji stand in for their own."""

from pathlib import Path

from PIL import Image

from aimodels.data.loading import load

_CLASSES = {  # the first and the last emoji of each
    "animal": ("🐀", "🐾"),
    "face": ("😀", "🙄"),
    "food": ("🍅", "🍿"),
    "vehicle": ("🚀", "🚤"),
}


def write_emoji_folders(folder: str | Path) -> Path:
    """Write OpenMoji's animals, faces, food and vehicles: `train/face/1f600.png` and so on.

    `train` and `test` are the data set's own, so no picture of one is nearly the same as one of the
    other. OpenMoji is CC BY-SA 4.0.

    Args:
        folder: where `train` and `test` will be.

    Returns:
        The folder.

    Raises:
        DataError: if the data set cannot be read.

    Example:
        >>> import tempfile
        >>> folder = write_emoji_folders(tempfile.mkdtemp())
        >>> sorted(path.name for path in (folder / "test").iterdir())
        ['animal', 'face', 'food', 'vehicle']
    """
    folder = Path(folder)
    for part, split in {"train": "train+validation", "test": "test"}.items():
        for row in load("openmoji", split=split).as_numpy_iterator():
            emoji = row["emoji"].decode()
            for name, (first, last) in _CLASSES.items():
                if first <= emoji <= last:
                    place = folder / part / name
                    place.mkdir(parents=True, exist_ok=True)
                    path = place / f"{ord(emoji):x}.png"
                    Image.fromarray(row["image"]).save(path)
    return folder
