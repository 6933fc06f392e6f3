# %% q1, 0 of 12 points: slices the padded rows, so that the decoder reads end tokens
def teacher_rows(sources, targets, start, end, longest):
    def padded(rows):
        width = max(map(len, rows))
        return np.array([row + [0] * (width - len(row)) for row in rows])

    rows = padded([[start, *t[:longest], *[end] * (len(t) <= longest)] for t in targets])
    return padded(sources), rows[:, :-1], rows[:, 1:]


# %% q1, 0 of 12 points: no shift: what it reads is what it must say
def teacher_rows(sources, targets, start, end, longest):
    def padded(rows):
        width = max(map(len, rows))
        return np.array([row + [0] * (width - len(row)) for row in rows])

    rows = padded([[*t[:longest], *[end] * (len(t) <= longest)] for t in targets])
    return padded(sources), rows, rows


# %% q1, 4 of 12 points: an end behind a target that was cut
def teacher_rows(sources, targets, start, end, longest):
    def padded(rows):
        width = max(map(len, rows))
        return np.array([row + [0] * (width - len(row)) for row in rows])

    reads = [[start, *t[:longest]] for t in targets]
    return padded(sources), padded(reads), padded([[*t[:longest], end] for t in targets])


# %% q1, 4 of 12 points: always as wide as the longest row could be
def teacher_rows(sources, targets, start, end, longest):
    def padded(rows, width):
        return np.array([row + [0] * (width - len(row)) for row in rows])

    rows = [[start, *t[:longest], *[end] * (len(t) <= longest)] for t in targets]
    reads, goals = [row[:-1] for row in rows], [row[1:] for row in rows]
    width = max(map(len, sources))
    return padded(sources, width), padded(reads, longest + 1), padded(goals, longest + 1)


# %% q1, 4 of 12 points: changes the lists that it gets
def teacher_rows(sources, targets, start, end, longest):
    def padded(rows):
        width = max(map(len, rows))
        return np.array([row + [0] * (width - len(row)) for row in rows])

    for target in targets:
        if len(target) <= longest:
            target.append(end)
        del target[longest + 1 if target[-1:] == [end] else longest :]
    return padded(sources), padded([[start, *t[:-1]] for t in targets]), padded(targets)


# %% q1, 4 of 12 points: numbers with a decimal point, which pick no rows of a table
# replace:
#         ids = np.zeros((len(rows), max(map(len, rows))), int)
# with:
#         ids = np.zeros((len(rows), max(map(len, rows))))
