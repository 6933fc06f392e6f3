"""Speech synthesised by espeak-ng, which the package `espeakng-loader` carries.

The library computes speech from resonances of the vocal tract: it sounds like a machine, but it is
small, fast and speaks over a hundred languages. It is GPL-3.0, it is called where it is installed
and is no part of this package; the sound that it makes is not covered by its licence.
"""

import _ctypes
import ctypes
import functools
import importlib.util
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from aimodels.speech.resampling import resample

SAMPLE_RATE = 22050  # of the library
# From its header, speak_lib.h:
_SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1
_RATE, _PITCH = 1, 3
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def espeak(
    text: str,
    voice: str = "en-us",
    *,
    rate: int = 175,
    pitch: int = 50,
    sample_rate: int = 16000,
) -> np.ndarray:
    """Speak a text: the same arguments give the same samples, whatever was spoken before.

    Args:
        text: what to say, in the voice's language.
        voice: a language, such as "en-us", "en-gb-scotland" or "de", and after a plus, if you like,
            who speaks: "en-us+f3". `espeak_voices` lists both.
        rate: words per minute, 80 to 450.
        pitch: 0 to 99.
        sample_rate: of the samples, in Hz.

    Returns:
        Mono samples, (N,) float32 in [-1, 1].

    Raises:
        ImportError: if `espeakng-loader` is not installed.
        ValueError: for an unknown voice, a number out of its range, or a text in which there is
            nothing to say.

    Example:
        >>> samples = espeak("seven", "en-us+f3", sample_rate=8000)
        >>> samples.dtype, samples.ndim, 0.3 < len(samples) / 8000 < 0.8
        (dtype('float32'), 1, True)
        >>> espeak("seven", "en-us+f33")
        Traceback (most recent call last):
        ...
        ValueError: there is no speaker 'f33': did you mean 'f3'? `espeak_voices` lists them
    """
    name = _name(voice)
    for what, value, low, high in (
        ("rate", rate, 80, 450),
        ("pitch", pitch, 0, 99),
        ("sample_rate", sample_rate, 1000, 192000),
    ):
        if not low <= value <= high:
            raise ValueError(f"{what} must be from {low} to {high}, not {value}")
    said = text.replace("\0", " ").encode("utf-8", errors="replace")
    pieces = []

    @_CALLBACK
    def receive(samples, number, _events):
        if number > 0:
            pieces.append(np.ctypeslib.as_array(samples, (number,)).copy())
        return 0  # go on

    with _library() as library:
        library.espeak_SetSynthCallback(receive)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # of breath and whispers
        library.espeak_SetVoiceByName(name.encode())
        library.espeak_SetParameter(_RATE, int(rate), 0)
        library.espeak_SetParameter(_PITCH, int(pitch), 0)
        library.espeak_Synth(said, ctypes.c_size_t(len(said) + 1), 0, 0, 0, _UTF8, None, None)
    samples = np.concatenate([np.zeros(0, np.int16), *pieces])
    if not samples.any():
        raise ValueError(f"there is nothing to say in {text[:40]!r}")
    return np.clip(resample(samples / 2**15, SAMPLE_RATE, sample_rate), -1, 1)


def espeak_voices() -> tuple[list[str], list[str]]:
    """The languages and the speakers that `espeak` knows.

    Raises:
        ImportError: if `espeakng-loader` is not installed.

    Example:
        >>> languages, speakers = espeak_voices()
        >>> {"en-us", "en-gb", "de", "cmn"} <= set(languages), {"f3", "m1"} <= set(speakers)
        (True, True)
    """
    return sorted(_languages()), sorted(_speakers())


def _name(voice: str) -> str:
    """What espeak-ng calls a voice; itself it takes another one where it does not know it."""
    import difflib

    language, plus, speaker = voice.partition("+")
    name = []
    for what, wanted, known in (
        ("language", language, _languages()),
        *([("speaker", speaker, _speakers())] if plus else []),
    ):
        if wanted.lower() not in known:
            near = difflib.get_close_matches(wanted.lower(), known, n=1)
            hint = f": did you mean {near[0]!r}?" if near else "."
            raise ValueError(f"there is no {what} {wanted!r}{hint} `espeak_voices` lists them")
        name.append(known[wanted.lower()])
    return "+".join(name)


@functools.cache
def _languages() -> dict[str, str]:
    """Each language's file: names alone do not find "en-gb"."""
    found, folder = {}, _folder() / "espeak-ng-data"
    for path in sorted((folder / "lang").rglob("*")):
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            language = re.search(r"^language\s+(\S+)", text, re.MULTILINE)[1].lower()
            words = re.search(r"^dictionary\s+(\S+)", text, re.MULTILINE)
            words = words[1] if words else language.partition("-")[0]
            if (folder / f"{words}_dict").is_file():  # a few are not in the package
                found[language] = path.relative_to(folder / "lang").as_posix()
    return found


@functools.cache
def _speakers() -> dict[str, str]:
    folder = _folder() / "espeak-ng-data" / "voices" / "!v"
    return {path.name.lower(): path.name for path in folder.iterdir()}


@functools.cache
def _folder() -> Path:
    spec = importlib.util.find_spec("espeakng_loader")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("espeak-ng is missing: pip install aimodels[speech]")
    return Path(spec.submodule_search_locations[0])


def _library_file() -> Path:
    names = {"win32": "espeak-ng.dll", "darwin": "libespeak-ng.dylib"}
    return _folder() / names.get(sys.platform, "libespeak-ng.so")


@contextmanager
def _library() -> Iterator[ctypes.CDLL]:
    """A fresh copy of the library: what was said before would change the next sound a little.

    A copy also leaves alone what else in this process uses espeak-ng.
    """
    original = _library_file()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            copy = shutil.copy(original, folder)
            library = ctypes.CDLL(copy)
        except OSError as error:
            raise ImportError(f"espeak-ng cannot be loaded here: {error}") from None
        close: Callable = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary
        try:
            path = str(original.parent / "espeak-ng-data").encode()
            if library.espeak_Initialize(_SYNCHRONOUS, 0, path, _DONT_EXIT) != SAMPLE_RATE:
                raise ImportError(f"espeak-ng cannot read its data in {path.decode()}")
            yield library
            library.espeak_Terminate()
        finally:
            close(library._handle)
