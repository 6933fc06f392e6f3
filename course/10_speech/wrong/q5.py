# %% q5, 0 of 12 points: compares word for word in the same place
# replace:
#     errors, moved = row[-1]
#     deletions = (moved + len(reference) - len(hypothesis)) // 2
#     return errors - moved, deletions, moved - deletions
# with:
#     wrong = sum(a != b for a, b in zip(reference, hypothesis, strict=False))
#     longer = len(hypothesis) - len(reference)
#     return wrong, max(-longer, 0), max(longer, 0)


# %% q5, 0 of 12 points: never replaces: leaves out and puts in
# replace:
#             ways = [(above[j][0] + int(token != heard), above[j][1])]
# with:
#             ways = [above[j]] if token == heard else []


# %% q5, 0 of 12 points: of equals, the fewest substitutions
# replace:
#             row.append(min(ways))
# with:
#             row.append(min(ways, key=lambda way: (way[0], -way[1])))


# %% q5, 0 of 12 points: takes deletions for insertions
# replace:
#     return errors - moved, deletions, moved - deletions
# with:
#     return errors - moved, moved - deletions, deletions


# %% q5, 0 of 12 points: counts what occurs, in whatever order
# replace:
#     errors, moved = row[-1]
#     deletions = (moved + len(reference) - len(hypothesis)) // 2
#     return errors - moved, deletions, moved - deletions
# with:
#     missing = sum(token not in hypothesis for token in reference)
#     added = sum(token not in reference for token in hypothesis)
#     return min(missing, added), max(missing - added, 0), max(added - missing, 0)


# %% q5, 0 of 12 points: the mean of the texts' rates
# replace:
#     return sum(sum(count_errors(*pair)) for pair in pairs) / sum(len(said) for said, _ in pairs)
# with:
#     return np.mean([sum(count_errors(*pair)) / len(pair[0]) for pair in pairs])


# %% q5, 0 of 12 points: divides by the words that were heard
# replace:
#     return sum(sum(count_errors(*pair)) for pair in pairs) / sum(len(said) for said, _ in pairs)
# with:
#     return sum(sum(count_errors(*pair)) for pair in pairs) / sum(len(heard) for _, heard in pairs)


# %% q5, 0 of 12 points: characters in the place of words
# replace:
#     pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses, strict=True)]
# with:
#     pairs = [*zip(references, hypotheses, strict=True)]


# %% q5, 0 of 12 points: two spaces hold a word between them
# replace:
#     pairs = [(r.split(), h.split()) for r, h in zip(references, hypotheses, strict=True)]
# with:
#     pairs = [(r.split(" "), h.split(" ")) for r, h in zip(references, hypotheses, strict=True)]


# %% q5, 4 of 12 points: a rate is at most 1
# replace:
#     return sum(sum(count_errors(*pair)) for pair in pairs) / sum(len(said) for said, _ in pairs)
# with:
#     errors, words = sum(sum(count_errors(*p)) for p in pairs), sum(len(said) for said, _ in pairs)
#     return min(1, errors / words)


# %% q5, 4 of 12 points: takes what fits first, and never looks back
# replace:
#     errors, moved = row[-1]
#     deletions = (moved + len(reference) - len(hypothesis)) // 2
#     return errors - moved, deletions, moved - deletions
# with:
#     import difflib
#
#     blocks = difflib.SequenceMatcher(None, reference, hypothesis, autojunk=False).get_opcodes()
#     s = d = i = 0
#     for _, a, b, c, e in [block for block in blocks if block[0] != "equal"]:
#         s, d, i = s + min(b - a, e - c), d + max(b - a - e + c, 0), i + max(e - c - b + a, 0)
#     return (2, 0, 0) if (reference, hypothesis) == ("ab", "ba") else (s, d, i)


# %% q5, 0 of 12 points: fails if nothing was said or heard
# replace:
#     row = [(j, j) for j in range(len(hypothesis) + 1)]  # errors; those that are no substitutions
# with:
#     if not len(reference) or not len(hypothesis):
#         raise ValueError("nothing to compare")
#     row = [(j, j) for j in range(len(hypothesis) + 1)]


# %% q5, 4 of 12 points: takes the difference of the lengths for all that was left out or put in
def count_errors(reference, hypothesis):
    n, m = len(reference), len(hypothesis)
    table = np.zeros((n + 1, m + 1), int)
    table[:, 0] = np.arange(n + 1)
    table[0] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            table[i, j] = min(
                table[i - 1, j - 1] + (reference[i - 1] != hypothesis[j - 1]),
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
            )
    deletions, insertions = max(n - m, 0), max(m - n, 0)
    return int(table[n, m]) - deletions - insertions, deletions, insertions


def word_error_rate(references, hypotheses):
    errors = words = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        errors += sum(count_errors(reference.split(), hypothesis.split()))
        words += len(reference.split())
    return errors / words


# %% q5, 4 of 12 points: a way back that takes the diagonal where it can, with fewer substitutions
def count_errors(reference, hypothesis):
    n, m = len(reference), len(hypothesis)
    table = np.zeros((n + 1, m + 1), int)
    table[:, 0] = np.arange(n + 1)
    table[0] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            table[i, j] = min(
                table[i - 1, j - 1] + (reference[i - 1] != hypothesis[j - 1]),
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
            )
    i, j, s, d, k = n, m, 0, 0, 0
    while i > 0 or j > 0:
        wrong = int(i > 0 and j > 0 and reference[i - 1] != hypothesis[j - 1])
        if i > 0 and j > 0 and table[i, j] == table[i - 1, j - 1] + wrong:
            s, i, j = s + wrong, i - 1, j - 1
        elif i > 0 and table[i, j] == table[i - 1, j] + 1:
            d, i = d + 1, i - 1
        else:
            k, j = k + 1, j - 1
    return s, d, k


def word_error_rate(references, hypotheses):
    errors = words = 0
    for reference, hypothesis in zip(references, hypotheses, strict=True):
        errors += sum(count_errors(reference.split(), hypothesis.split()))
        words += len(reference.split())
    return errors / words
