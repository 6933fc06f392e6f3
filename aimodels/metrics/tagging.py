"""Named entities as spans in sequences of BIO tags: read, written, and scored."""

from collections.abc import Iterable, Mapping, Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("aimodels")
class TokenAccuracy(keras.metrics.Mean):
    """The fraction of tokens with the right tag; tokens whose true tag is 0, padding, are left out.

    Raises:
        ValueError: if the predictions are not one score for each tag of each token, (B, T, K).

    Example:
        >>> import numpy as np
        >>> metric = TokenAccuracy()
        >>> metric.update_state([[1, 2, 0]], np.eye(3)[[[1, 1, 1]]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str = "accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")
        if len(ops.shape(y_pred)) != len(y_true.shape) + 1:
            raise ValueError(
                "TokenAccuracy needs a score for each tag of each token, (B, T, K); got "
                f"{tuple(ops.shape(y_pred))}: a CRF's scores become tags by `Tagger.tag`"
            )
        real = ops.cast(ops.not_equal(y_true, 0), self.dtype)
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weight = real if sample_weight is None else real * sample_weight
        super().update_state(ops.cast(right, self.dtype), sample_weight=weight)


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """BIO tags -> (type, begin, end) of each entity; `end` is the first position after it.

    An I- tag that continues nothing, or an entity of another type, begins an entity as B- does.

    Raises:
        ValueError: if a tag is not O, B-type or I-type.

    Example:
        >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    """
    entities = []
    for position, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if tag != "O" and (prefix not in ("B", "I") or not kind):
            raise ValueError(
                f"tags must be O, B-type or I-type; got {tag!r} at position {position}"
            )
        if prefix == "I" and entities and entities[-1][0] == kind and entities[-1][2] == position:
            entities[-1] = (kind, entities[-1][1], position + 1)
        elif tag != "O":
            entities.append((kind, position, position + 1))
    return entities


def span_f1(
    true_tags: Iterable[Sequence[str]], predicted_tags: Iterable[Sequence[str]]
) -> dict[str, float]:
    r"""Precision, recall and F1 of entities: one is right if its type and both ends are right.

    $$ P = \frac{\text{right}}{\text{predicted}}, \qquad R = \frac{\text{right}}{\text{true}},
       \qquad F_1 = \frac{2PR}{P + R} $$

    Args:
        true_tags: a list of BIO tags for each sentence.
        predicted_tags: lists of the same lengths.

    Returns:
        `precision`, `recall`, `f1`; 0 where there is nothing to divide by.

    Raises:
        ValueError: if numbers of sentences or lengths differ, or a tag is not a BIO tag.

    Example:
        >>> span_f1([["B-PER", "I-PER", "O"]], [["B-PER", "O", "B-LOC"]])["f1"]  # an end is wrong
        0.0
    """
    right = predicted = true = 0
    for y_true, y_pred in zip(true_tags, predicted_tags, strict=True):
        if len(y_true) != len(y_pred):
            raise ValueError(f"a sentence has {len(y_true)} true and {len(y_pred)} predicted tags")
        a, b = set(spans(y_true)), set(spans(y_pred))
        right, true, predicted = right + len(a & b), true + len(a), predicted + len(b)
    return {
        "precision": right / max(predicted, 1),
        "recall": right / max(true, 1),
        "f1": 2 * right / max(predicted + true, 1),
    }


def bio(
    words: Sequence[str], tags: Sequence[str], types: Mapping[str, str], joined: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Words with a tag each -> characters with a BIO tag each, for text without spaces.

    Args:
        words: words of one sentence.
        tags: one tag per word.
        types: entity type of each tag that marks an entity.
        joined: types whose neighbouring words are one entity, as family and given name are.

    Example:
        >>> bio(["江", "泽民", "说"], ["nr", "nr", "v"], {"nr": "PER"}, joined=["PER"])
        (['江', '泽', '民', '说'], ['B-PER', 'I-PER', 'I-PER', 'O'])
    """
    characters, bio_tags, last = [], [], None
    for word, tag in zip(words, tags, strict=True):
        kind = types.get(tag)
        for position, character in enumerate(word):
            inside = position > 0 or (kind == last and kind in joined)
            characters.append(character)
            bio_tags.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
        last = kind
    return characters, bio_tags
