"""How far an output sequence is from the right one: edit distance and the error rates from it."""

from collections.abc import Sequence


def edit_distance(a: Sequence, b: Sequence) -> int:
    """How many tokens must be put in, taken out or replaced to make b of a.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def error_rates(hypotheses: Sequence, references: Sequence) -> tuple[float, float]:
    """Token error rate and sequence error rate, where each has one or more right answers.

    Args:
        hypotheses: N sequences of tokens.
        references: N lists of right sequences; the nearest one counts.

    Returns:
        Edit distances over the lengths of the nearest right ones, both summed up; and the share
        of sequences that are not exactly right.

    Raises:
        ValueError: if there are not as many of both, none, or no right one for a sequence.

    Example:
        >>> error_rates(["abc", "x"], [["abd", "abcde"], ["x"]])
        (0.25, 0.5)
    """
    if not len(hypotheses) == len(references) or not all(references) or not len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses and {len(references)} lists of references: "
            "as many are wanted, and in each list one or more"
        )
    errors = tokens = wrong = 0
    for hypothesis, right in zip(hypotheses, references, strict=True):
        distance, length = min((edit_distance(hypothesis, r), len(r)) for r in right)
        errors, tokens, wrong = errors + distance, tokens + length, wrong + (distance > 0)
    return errors / max(tokens, 1), wrong / len(references)
