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
# replace:
#     errors, moved = row[-1]
#     deletions = (moved + len(reference) - len(hypothesis)) // 2
# with:
#     errors, moved = row[-1][0], abs(len(reference) - len(hypothesis))
#     deletions = max(len(reference) - len(hypothesis), 0)


# %% q5, 4 of 12 points: takes the diagonal where it can, which may be fewer substitutions
# replace:
#             row.append(min(ways))
# with:
#             row.append(min(ways, key=lambda way: way[0]))
