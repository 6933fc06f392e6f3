"""A user's own recordings: a folder of sound files, and what is said in each."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aimodels import data
from aimodels.recipes.common import RecipeError
from aimodels.speech.audio import AudioError, read

SUFFIXES = {
    ".aif",
    ".aiff",
    ".au",
    ".caf",
    ".flac",
    ".mp3",
    ".oga",
    ".ogg",
    ".opus",
    ".w64",
    ".wav",
}
SAMPLE_RATE = 16000


class Recordings(NamedTuple):
    """Samples (N,), floats in [-1, 1], and the text of each."""

    sounds: Sequence[np.ndarray]
    texts: Sequence[str]


class OwnRecordings(NamedTuple):
    """Recordings to train on and to validate with; which files were left out, and why."""

    train: Recordings
    validation: Recordings
    skipped: list[str]

    def digest(self) -> str:
        """Changes with the recordings and their texts."""
        digest = hashlib.sha256(json.dumps([self.train.texts, self.validation.texts]).encode())
        for part in (self.train, self.validation):
            for sound in part.sounds:
                digest.update(sound.tobytes())
        return digest.hexdigest()


def own_recordings(folder: str | Path, limit: int | None = None) -> OwnRecordings:
    """Read all sound files in a folder and its subfolders.

    What is said in `hello.wav` stands in `hello.txt` beside it. Where there is no such file, it is
    the name of the subfolder: `yes/anna1.wav`. About a tenth is held out, chosen by a hash of the
    file's name.

    Args:
        folder: path of the folder.
        limit: largest number of files; all of them if None.

    Raises:
        RecipeError: if it is no folder, or too little in it can be used.
        ImportError: if `soundfile` is not installed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise RecipeError(f"{folder} is no folder: name one with recordings and their texts")
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    parts, skipped = (Recordings([], []), Recordings([], [])), []
    for path in paths[:limit]:
        name = path.relative_to(folder).as_posix()
        try:
            text, sound = _text(path, folder), read(path, SAMPLE_RATE)
        except (AudioError, OSError, RecipeError) as error:
            skipped.append(str(error))
            continue
        part = parts[data.hash_fraction(name) >= 0.9]
        part.sounds.append(sound)
        part.texts.append(text)
    train, validation = parts
    if not train.texts or not validation.texts:
        raise RecipeError(
            f"{folder} gives {len(train.texts)} recordings to train on and "
            f"{len(validation.texts)} held out: some of each are needed. Put recordings there "
            f"({', '.join(sorted(SUFFIXES))}), each with its text in a .txt file of the same name, "
            f"or in subfolders with the name of the word{listed(skipped)}"
        )
    return OwnRecordings(train, validation, skipped)


def _text(path: Path, folder: Path) -> str:
    beside = path.with_suffix(".txt")
    if not beside.is_file():
        if path.parent == folder:
            raise RecipeError(f"{path} has no {beside.name} beside it that says what is said")
        return _normal(path.parent.name)
    try:
        return _normal(beside.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise RecipeError(f"{beside} is not UTF-8: save it as UTF-8") from None


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def listed(skipped: list[str]) -> str:
    """A part of a sentence that says what was left out."""
    if not skipped:
        return ""
    more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"; left out: {'; '.join(skipped[:3])}{more}"


def summary(folder: str | Path, own: OwnRecordings) -> str:
    """What was read, in one line."""
    seconds = sum(len(sound) for part in own[:2] for sound in part.sounds) / SAMPLE_RATE
    return (
        f"{folder}: {len(own.train.texts)} recordings to train on, {len(own.validation.texts)} "
        f"held out, {seconds / 60:.1f} minutes{listed(own.skipped)}"
    )
