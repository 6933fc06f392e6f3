"""What BERT reads: pairs of texts as ids and segments, masked tokens, sentence pairs."""

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from aimodels.checks import check_positive_int


def encode(
    vocabulary,
    first: Iterable[Sequence[str]],
    second: Iterable | None = None,
    sequence_length: int = 128,
) -> tuple[np.ndarray, np.ndarray]:
    """Texts, or pairs of them, as BERT reads them: [CLS] first [SEP] second [SEP], padded.

    Args:
        vocabulary: a `text.Vocabulary` whose start is [CLS] and whose end is [SEP].
        first: lists of tokens.
        second: as many; none if None.
        sequence_length: T, length of each row. While a pair is too long, the longer one of the two
            loses its last token.

    Returns:
        Ids and segments, int32 (B, T) each: 0 up to the first [SEP], then 1; both 0 in padding.

    Raises:
        ValueError: if the numbers of first and second texts differ, or `sequence_length` < 5.

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["who", "you", "me"], start_token="[CLS]", end_token="[SEP]")
        >>> encode(words, [["who"]], [["me", "you"]], sequence_length=7)[0]
        array([[2, 4, 3, 6, 5, 3, 0]], dtype=int32)
    """
    first = [list(row) for row in first]
    second = [[] for _ in first] if second is None else [list(row) for row in second]
    if len(first) != len(second):
        raise ValueError(f"{len(first)} first texts and {len(second)} second ones: no pairs")
    check_positive_int(minimum=5, sequence_length=sequence_length)
    ids, segments = (np.zeros((len(first), sequence_length), "int32") for _ in range(2))
    for row, segment, a, b in zip(ids, segments, first, second, strict=True):
        while len(a) + len(b) + 2 + bool(b) > sequence_length:
            (a if len(a) >= len(b) else b).pop()
        a = [vocabulary.start_id, *vocabulary.tokens_to_ids(a), vocabulary.end_id]
        b = [*vocabulary.tokens_to_ids(b), vocabulary.end_id] if b else []
        row[: len(a) + len(b)] = a + b
        segment[len(a) : len(a) + len(b)] = 1
    return ids, segments


def mask_tokens(
    ids, vocabulary, seed, rate: float = 0.15
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Hide `rate` of each row's tokens: 80 % become [MASK], 10 % any token, 10 % stay.

    Args:
        ids: int32 (B, T); padding, start and end are never hidden.
        vocabulary: a `text.Vocabulary` that has [MASK].
        seed: two whole numbers; the same ones hide the same tokens.
        rate: share of a row's tokens that are hidden, one at least.

    Returns:
        New ids (B, T), the places (B, M) of what is hidden, and what was there (B, M): 0 where a
        row has fewer than M. M is `rate` of T, rounded up.

    Raises:
        ValueError: if `rate` is out of range, or the vocabulary has no [MASK].

    Reference:
        Section 3.1 of [devlin2019].

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["[MASK]", "a", "b"], start_token="[CLS]", end_token="[SEP]")
        >>> new, places, hidden = mask_tokens(tf.constant([[2, 5, 6, 5, 3]]), words, seed=(1, 2))
        >>> int(hidden[0, 0]) == (2, 5, 6, 5, 3)[int(places[0, 0])]
        True
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1; got {rate!r}")
    if "[MASK]" not in vocabulary:
        raise ValueError("the vocabulary has no [MASK]")
    ids, mask = tf.cast(ids, tf.int32), vocabulary.tokens_to_ids("[MASK]")
    special = tf.constant([vocabulary.pad_id, vocabulary.start_id, vocabulary.end_id])
    free = ~tf.reduce_any(ids[..., None] == special, axis=-1)
    seeds = tf.random.experimental.stateless_split(seed, 3)
    chance = tf.where(free, tf.random.stateless_uniform(tf.shape(ids), seeds[0]), -1.0)
    most = tf.cast(tf.math.ceil(rate * tf.cast(tf.shape(ids)[1], tf.float32)), tf.int32)
    places = tf.math.top_k(chance, most).indices
    number = tf.reduce_sum(tf.cast(free, tf.float32), axis=1)
    wanted = tf.where(number > 0, tf.maximum(tf.round(rate * number), 1.0), 0.0)
    chosen = tf.cast(tf.range(most), tf.float32) < wanted[:, None]
    old = tf.gather(ids, places, axis=1, batch_dims=1)
    what = tf.random.stateless_uniform(tf.shape(places), seeds[1])
    other = tf.random.stateless_uniform(tf.shape(places), seeds[2], 1, len(vocabulary), tf.int32)
    new = tf.where(what < 0.8, mask, tf.where(what < 0.9, other, old))
    rows = tf.repeat(tf.range(tf.shape(ids)[0])[:, None], most, axis=1)
    where = tf.stack([rows, places], axis=-1)
    changed = tf.tensor_scatter_nd_update(ids, where, tf.where(chosen, new, old))
    return changed, places, tf.where(chosen, old, 0)


def sentence_pairs(documents: Iterable[Sequence], seed: int = 0) -> tuple[list, list, np.ndarray]:
    """Each sentence and the next one, or, half of the time, one from another document.

    Args:
        documents: lists of sentences, in their order.
        seed: of the choice.

    Returns:
        First sentences, second ones, and 1 where the second follows the first in the text, else 0.

    Raises:
        ValueError: if fewer than two documents have a sentence.

    Example:
        >>> first, second, follows = sentence_pairs([["a", "b", "c"], ["d", "e"]])
        >>> first, follows.shape
        (['a', 'b', 'd'], (3,))
    """
    documents = [list(document) for document in documents if len(document)]
    if len(documents) < 2:
        raise ValueError("two documents with sentences in them are wanted at least")
    rng, pairs = np.random.default_rng(seed), []
    for i, document in enumerate(documents):
        for a, b in itertools.pairwise(document):
            follows = int(rng.integers(2))
            if not follows:
                other = documents[(i + rng.integers(1, len(documents))) % len(documents)]
                b = other[rng.integers(len(other))]
            pairs.append((a, b, follows))
    first, second, labels = zip(*pairs, strict=True)
    return list(first), list(second), np.array(labels)
