"""Named spans in sequences of tags: found, made, and scored."""

from collections.abc import Iterable, Mapping, Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("aimodels")
class TokenAccuracy(keras.metrics.Mean):
    """The share of tokens with the right tag; where the true tag is 0, padding, none is counted.

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
        real = ops.cast(ops.not_equal(y_true, 0), self.dtype)
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weight = real if sample_weight is None else real * sample_weight
        super().update_state(ops.cast(right, self.dtype), sample_weight=weight)


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """BIO tags -> (type, begin, end) of each entity; `end` is the first place behind it.

    An I- that continues nothing, or something of another type, begins an entity, as a B- does.

    Raises:
        ValueError: if a tag is not O, B-type or I-type.

    Example:
        >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    """
    found = []
    for place, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if tag != "O" and (prefix not in ("B", "I") or not kind):
            raise ValueError(f"tags are O, B-type or I-type; got {tag!r} at place {place}")
        if prefix == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
        elif tag != "O":
            found.append((kind, place, place + 1))
    return found


def span_f1(
    true_tags: Iterable[Sequence[str]], predicted_tags: Iterable[Sequence[str]]
) -> dict[str, float]:
    r"""Precision, recall and F1 of entities: right are those with the right type and both ends.

    $$ P = \frac{\text{right}}{\text{predicted}}, \qquad R = \frac{\text{right}}{\text{true}},
       \qquad F_1 = \frac{2PR}{P + R} $$

    Args:
        true_tags: a list of BIO tags for each sentence.
        predicted_tags: as long ones.

    Returns:
        `precision`, `recall`, `f1`; 0 where there is nothing to divide by.

    Raises:
        ValueError: if numbers of sentences or lengths differ, or by `spans`.

    Example:
        >>> span_f1([["B-PER", "I-PER", "O"]], [["B-PER", "O", "B-LOC"]])["f1"]  # an end is wrong
        0.0
    """
    right = predicted = true = 0
    for some, others in zip(true_tags, predicted_tags, strict=True):
        if len(some) != len(others):
            raise ValueError(f"a sentence has {len(some)} true and {len(others)} predicted tags")
        a, b = set(spans(some)), set(spans(others))
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
        words: of one sentence.
        tags: one a word.
        types: which tags are entities, and their types' names.
        joined: types whose neighbouring words are one entity, as family and given name are.

    Example:
        >>> bio(["江", "泽民", "说"], ["nr", "nr", "v"], {"nr": "PER"}, joined=["PER"])
        (['江', '泽', '民', '说'], ['B-PER', 'I-PER', 'I-PER', 'O'])
    """
    characters, found, last = [], [], None
    for word, tag in zip(words, tags, strict=True):
        kind = types.get(tag)
        for place, character in enumerate(word):
            inside = place > 0 or (kind == last and kind in joined)
            characters.append(character)
            found.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
        last = kind
    return characters, found
