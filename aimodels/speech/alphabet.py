"""Texts as symbol numbers, and back: number 0 is CTC's blank and stands for padding."""

from collections.abc import Iterable, Sequence

import numpy as np


def check_alphabet(alphabet: str) -> None:
    """Raise unless it is a text with at least one character, each once.

    Raises:
        ValueError: saying what is wrong.

    Example:
        >>> check_alphabet("hello")
        Traceback (most recent call last):
        ...
        ValueError: alphabet must have each character once; 'l' stands there twice
    """
    if not isinstance(alphabet, str) or not alphabet:
        raise ValueError(f"alphabet must be a text such as 'abc '; got {alphabet!r}")
    for character in alphabet:
        if alphabet.count(character) > 1:
            raise ValueError(
                f"alphabet must have each character once; {character!r} stands there twice"
            )


def encode(texts: Sequence[str], alphabet: str) -> np.ndarray:
    """Texts to labels (B, L), int32: the first character of the alphabet is 1; padded with 0.

    Raises:
        ValueError: if a character is not in the alphabet; it says which.

    Example:
        >>> encode(["cab", "b"], alphabet="abc").tolist()
        [[3, 1, 2], [2, 0, 0]]
    """
    check_alphabet(alphabet)
    if isinstance(texts, str):
        raise ValueError(f"texts must be a list of texts; got the text {texts!r}")
    number = {character: place for place, character in enumerate(alphabet, 1)}
    labels = np.zeros((len(texts), max(map(len, texts), default=0)), "int32")
    for row, text in zip(labels, texts, strict=True):
        for place, character in enumerate(text):
            if character not in number:
                raise ValueError(
                    f"{character!r} in {text!r} is not in the alphabet {alphabet!r}: "
                    "leave it out, or add it there"
                )
            row[place] = number[character]
    return labels


def decode(labels: Iterable[Iterable[int]], alphabet: str) -> list[str]:
    """Labels to texts; 0 is passed over.

    Raises:
        ValueError: if a number has no character.

    Example:
        >>> decode([[3, 1, 2], [2, 0, 0]], alphabet="abc")
        ['cab', 'b']
    """
    check_alphabet(alphabet)
    texts = []
    for label in labels:
        label = [int(symbol) for symbol in label]
        if not all(0 <= symbol <= len(alphabet) for symbol in label):
            raise ValueError(f"symbols must be from 0 to {len(alphabet)}; got {label}")
        texts.append("".join(alphabet[symbol - 1] for symbol in label if symbol))
    return texts
