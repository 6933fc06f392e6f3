"""How far an output sequence is from the right one: edit distance, and error rates from it."""

from collections.abc import Sequence


def edit_distance(a: Sequence, b: Sequence) -> int:
    """The least number of tokens to insert, delete or replace that turns a into b.

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
    """Token error rate and sequence error rate, where each sequence has one or more references.

    Args:
        hypotheses: N sequences of tokens.
        references: N lists of right sequences; the nearest one counts.

    Returns:
        The sum of the edit distances to the nearest references, divided by the sum of the lengths
        of these; and the fraction of sequences that are not exactly right.

    Raises:
        ValueError: if the numbers of both differ or are 0, or a sequence has no reference.

    Example:
        >>> error_rates(["abc", "x"], [["abd", "abcde"], ["x"]])
        (0.25, 0.5)
    """
    if not len(hypotheses) == len(references) or not all(references) or not len(references):
        raise ValueError(
            "each hypothesis needs a list of one or more references; got "
            f"{len(hypotheses)} hypotheses and {len(references)} lists of references"
        )
    errors = tokens = wrong = 0
    for hypothesis, candidates in zip(hypotheses, references, strict=True):
        distance, length = min((edit_distance(hypothesis, c), len(c)) for c in candidates)
        errors, tokens, wrong = errors + distance, tokens + length, wrong + (distance > 0)
    return errors / max(tokens, 1), wrong / len(references)


def character_error_rate(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Wrong, missing and added characters, for each character of the references.

    Raises:
        ValueError: if there are none, or not as many of both.

    Example:
        >>> character_error_rate(["thre", "four"], ["three", "five"])  # e; o u r
        0.4444444444444444
    """
    return error_rates(hypotheses, [[reference] for reference in references])[0]


def word_error_rate(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Wrong, missing and added words, for each word of the references; it can be above 1.

    Raises:
        ValueError: if there are none, or not as many of both.

    Example:
        >>> word_error_rate(["one to", "four"], ["one two", "four"])
        0.3333333333333333
    """
    words = [[reference.split()] for reference in references]
    return error_rates([hypothesis.split() for hypothesis in hypotheses], words)[0]
