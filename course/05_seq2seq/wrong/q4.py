# %% q4, 0 of 18 points: compares place by place
def count_errors(answer, right):
    hits = sum(a == r for a, r in zip(answer, right, strict=False))
    beside = min(len(answer), len(right))
    return hits, beside - hits, len(answer) - beside, len(right) - beside


# %% q4, 0 of 18 points: insertions and deletions the wrong way round
def count_errors(answer, right):
    row = [(j, 0, 0, j, 0) for j in range(len(right) + 1)]
    for i, a in enumerate(answer, 1):
        above, row = row, [(i, 0, 0, 0, i)]
        for j, r in enumerate(right, 1):
            beside = (0, -1, 0, 0, 0) if a == r else (1, 0, 1, 0, 0)
            steps = (above[j - 1], beside), (above[j], (1, 0, 0, 0, 1)), (row[-1], (1, 0, 0, 1, 0))
            row.append(min(tuple(map(sum, zip(*step, strict=True))) for step in steps))
    _, hits, *errors = row[-1]
    return -hits, *errors


# %% q4, 6 of 18 points: fewest errors, and nobody asks about the hits
def count_errors(answer, right):
    row = [(j, 0, 0, 0, j) for j in range(len(right) + 1)]
    for i, a in enumerate(answer, 1):
        above, row = row, [(i, 0, 0, i, 0)]
        for j, r in enumerate(right, 1):
            beside = (0, 1, 0, 0, 0) if a == r else (1, 0, 1, 0, 0)
            steps = (above[j - 1], beside), (above[j], (1, 0, 0, 1, 0)), (row[-1], (1, 0, 0, 0, 1))
            found = [tuple(map(sum, zip(*step, strict=True))) for step in steps]
            row.append(min(found, key=lambda cell: cell[0]))
    return row[-1][1:]


# %% q4, 6 of 18 points: most hits first: the longest common subsequence
def count_errors(answer, right):
    row = [(0, j, 0, 0, j) for j in range(len(right) + 1)]
    for i, a in enumerate(answer, 1):
        above, row = row, [(0, i, 0, i, 0)]
        for j, r in enumerate(right, 1):
            beside = (-1, 0, 0, 0, 0) if a == r else (0, 1, 1, 0, 0)
            steps = (above[j - 1], beside), (above[j], (0, 1, 0, 1, 0)), (row[-1], (0, 1, 0, 0, 1))
            row.append(min(tuple(map(sum, zip(*step, strict=True))) for step in steps))
    hits, _, *errors = row[-1]
    return -hits, *errors
