"""Chinese words, which no spaces separate."""

import contextlib
import io
import os
import tempfile
import warnings
from collections.abc import Iterable
from pathlib import Path

from aimodels import files
from aimodels.text.tokenizer import Tokenizer


class ChineseTokenizer(Tokenizer):
    """Words of a dictionary, in the most probable segmentation (jieba).

    jieba keeps its dictionary, made ready, in the user's cache folder, `$XDG_CACHE_HOME` or
    `~/.cache`; where that cannot be written, it is made again at each start.

    Args:
        user_dictionary: words of your own: a list, or a file in jieba's form, one word per line,
            perhaps with its frequency and its part of speech. The more frequent one of two
            segmentations wins, so a word of the list gets the frequency that it needs.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if jieba is not installed.
        ValueError: if the file is not UTF-8.

    Example:
        >>> ChineseTokenizer()("我爱深度学习")
        ['我', '爱', '深度', '学习']
        >>> ChineseTokenizer(["深度学习"])("我爱深度学习")
        ['我', '爱', '深度学习']
    """

    def __init__(self, user_dictionary: str | os.PathLike | Iterable[str] | None = None):
        try:
            with warnings.catch_warnings():  # about how it looks for its own files
                warnings.simplefilter("ignore")
                import jieba
        except ImportError as error:
            raise ImportError(
                "ChineseTokenizer needs jieba: pip install jieba. "
                "CharacterTokenizer and BytePairTokenizer need nothing"
            ) from error
        jieba.setLogLevel("CRITICAL")  # it would print a traceback where it cannot write
        jieba.finalseg.viterbi = _viterbi
        words = jieba.Tokenizer()
        _initialize(words, f"jieba-{jieba.__version__}")
        if isinstance(user_dictionary, str | os.PathLike):
            words.load_userdict(io.StringIO(files.read_text(user_dictionary).replace("\t", " ")))
        else:
            for word in user_dictionary or ():
                words.add_word(word)
        self._cut = words.lcut

    def tokenize(self, text: str) -> list[str]:
        return [word for word in self._cut(text) if not word.isspace()]


def _initialize(words, version: str) -> None:
    """Read jieba's dictionary, from the user's own cache if it is there."""
    with contextlib.suppress(OSError, RuntimeError):  # no home, or one that cannot be written
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(home, "aimodels", version)
        cache = folder / "jieba.cache"
        if cache.is_file():
            words.tmp_dir = str(folder)
            words.initialize()
        else:
            folder.mkdir(parents=True, exist_ok=True)
            # jieba would leave a part of the file behind where it cannot finish it
            with tempfile.TemporaryDirectory(dir=folder) as unfinished:
                words.tmp_dir = unfinished
                words.initialize()
                os.replace(Path(unfinished, cache.name), cache)
    if not words.initialized:
        words.tmp_dir = os.devnull  # no folder, so nothing is written
        words.initialize()


def _viterbi(text, states, start, transition, emission) -> tuple[float, list[str]]:
    """As jieba's own, the most probable states, but in linear time: without copying their path."""
    from jieba.finalseg import MIN_FLOAT, PrevStatus

    best = {y: start[y] + emission[y].get(text[0], MIN_FLOAT) for y in states}
    origins = []  # for each character and its state, the state before
    for character in text[1:]:
        here = {}
        for y in states:
            emitted = emission[y].get(character, MIN_FLOAT)
            here[y] = max(
                (best[before] + transition[before].get(y, MIN_FLOAT) + emitted, before)
                for before in PrevStatus[y]
            )
        best = {y: probability for y, (probability, _) in here.items()}
        origins.append({y: before for y, (_, before) in here.items()})
    probability, state = max((best[y], y) for y in "ES")
    path = [state]
    for origin in reversed(origins):
        path.append(origin[path[-1]])
    return probability, path[::-1]
