"""BERT's inputs: texts as token and segment ids, masked tokens, sentence pairs."""

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


def mask_tokens(
    token_ids, vocabulary, seed, rate: float = 0.15
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Hide `rate` of each row's tokens: 80 % become [MASK], 10 % a random token, 10 % stay.

    Args:
        token_ids: int32 (B, T); padding, start and end are never hidden.
        vocabulary: `text.Vocabulary` that contains [MASK].
        seed: two integers; the same seed hides the same tokens.
        rate: share of each row's tokens to hide, in (0, 1); at least one token is hidden.

    Returns:
        Changed token ids (B, T), positions (B, M) of the hidden tokens, and the hidden tokens' ids
        (B, M), 0 where a row has fewer than M. M is `rate` of T, rounded up.

    Raises:
        ValueError: if `rate` is out of range, or the vocabulary lacks [MASK].

    Reference:
        Section 3.1 of [devlin2019].

    Example:
        >>> from aimodels import text
        >>> words = text.Vocabulary(["[MASK]", "a", "b"], start_token="[CLS]", end_token="[SEP]")
        >>> changed, positions, hidden = mask_tokens([[2, 5, 6, 5, 3]], words, seed=(1, 2))
        >>> int(hidden[0, 0]) == (2, 5, 6, 5, 3)[int(positions[0, 0])]
        True
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must be above 0 and below 1; got {rate!r}")
    if "[MASK]" not in vocabulary:
        raise ValueError("the vocabulary has no [MASK] token")
    token_ids, mask_id = tf.cast(token_ids, tf.int32), vocabulary.tokens_to_ids("[MASK]")
    special = tf.constant([vocabulary.pad_id, vocabulary.start_id, vocabulary.end_id])
    free = ~tf.reduce_any(token_ids[..., None] == special, axis=-1)  # (B, T)
    seeds = tf.random.experimental.stateless_split(seed, 3)
    chance = tf.where(free, tf.random.stateless_uniform(tf.shape(token_ids), seeds[0]), -1.0)
    most = tf.cast(tf.math.ceil(rate * tf.cast(tf.shape(token_ids)[1], tf.float32)), tf.int32)
    positions = tf.math.top_k(chance, most).indices  # (B, M)
    number = tf.reduce_sum(tf.cast(free, tf.float32), axis=1)
    wanted = tf.where(number > 0, tf.maximum(tf.round(rate * number), 1.0), 0.0)
    chosen = tf.cast(tf.range(most), tf.float32) < wanted[:, None]
    old = tf.gather(token_ids, positions, axis=1, batch_dims=1)
    fate = tf.random.stateless_uniform(tf.shape(positions), seeds[1])
    other = tf.random.stateless_uniform(tf.shape(positions), seeds[2], 1, len(vocabulary), tf.int32)
    new = tf.where(fate < 0.8, mask_id, tf.where(fate < 0.9, other, old))
    rows = tf.repeat(tf.range(tf.shape(token_ids)[0])[:, None], most, axis=1)
    indices = tf.stack([rows, positions], axis=-1)  # (B, M, 2)
    changed = tf.tensor_scatter_nd_update(token_ids, indices, tf.where(chosen, new, old))
    return changed, positions, tf.where(chosen, old, 0)


def sentence_pairs(documents: Iterable[Sequence], seed: int = 0) -> tuple[list, list, np.ndarray]:
    """Pairs of each sentence and the next one or, half of the time, one of another document.

    Args:
        documents: lists of sentences, in the order of the text.
        seed: seed of the random choices.

    Returns:
        First sentences, second sentences, and labels: 1 where the second follows the first in the
        text, else 0.

    Raises:
        ValueError: if fewer than two documents contain a sentence.

    Example:
        >>> first, second, follows = sentence_pairs([["a", "b", "c"], ["d", "e"]])
        >>> first, follows.shape
        (['a', 'b', 'd'], (3,))
    """
    documents = [list(document) for document in documents if len(document)]
    if len(documents) < 2:
        raise ValueError("sentence_pairs needs at least two documents that contain sentences")
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
