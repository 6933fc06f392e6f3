"""What BERT reads: texts, or pairs of texts, as token ids and segment ids."""

from collections.abc import Iterable, Sequence

import numpy as np

from aimodels.checks import check_positive_int


def encode(
    vocabulary,
    first: Iterable[Sequence[str]],
    second: Iterable | None = None,
    sequence_length: int = 128,
) -> tuple[np.ndarray, np.ndarray]:
    """Texts, or pairs of them, as BERT's input: [CLS] first [SEP] second [SEP], padded.

    Args:
        vocabulary: `text.Vocabulary` whose start token is [CLS] and whose end token is [SEP].
        first: lists of tokens.
        second: as many lists of tokens; none if None.
        sequence_length: T, length of each row. While a pair is too long, the longer one of the two
            loses its last token.

    Returns:
        Token ids and segment ids, int32 (B, T) each. Segment ids are 0 up to the first [SEP], then
        1; both are 0 in padding.

    Raises:
        ValueError: if a text is no list of tokens, the numbers of first and second texts differ,
            or `sequence_length` < 5.

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["who", "you", "me"], start_token="[CLS]", end_token="[SEP]")
        >>> encode(words, [["who"]], [["me", "you"]], sequence_length=7)[0]
        array([[2, 4, 3, 6, 5, 3, 0]], dtype=int32)
    """
    first = _lists(first, "first")
    second = [[] for _ in first] if second is None else _lists(second, "second")
    if len(first) != len(second):
        raise ValueError(
            f"pairs need as many second texts as first ones; got {len(second)} and {len(first)}"
        )
    check_positive_int(minimum=5, sequence_length=sequence_length)
    token_ids, segment_ids = np.zeros((2, len(first), sequence_length), "int32")
    for row, segment_row, a, b in zip(token_ids, segment_ids, first, second, strict=True):
        while len(a) + len(b) + 2 + bool(b) > sequence_length:
            (a if len(a) >= len(b) else b).pop()
        a = [vocabulary.start_id, *vocabulary.tokens_to_ids(a), vocabulary.end_id]
        b = [*vocabulary.tokens_to_ids(b), vocabulary.end_id] if b else []
        row[: len(a) + len(b)] = a + b
        segment_row[len(a) : len(a) + len(b)] = 1
    return token_ids, segment_ids


def _lists(texts, name: str) -> list[list]:
    """Each text as a list of its own, which may be cut."""
    texts = [texts] if isinstance(texts, str | bytes) else list(texts)
    for text in texts:
        if isinstance(text, str | bytes) or getattr(text, "ndim", 1) == 0:  # or a tensor of one
            raise ValueError(
                f"{name} must be lists of tokens, such as tokenizer(texts) returns; got the text "
                f"{str(text)[:40]!r}"
            )
    return [list(text) for text in texts]
