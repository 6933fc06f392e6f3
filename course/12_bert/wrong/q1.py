# %% q1, 0 of 12 points: the first [SEP] belongs to the second text
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = list(a), list(b)
        while len(a) + len(b) + 2 + bool(b) > length:
            (b if len(b) > len(a) else a).pop()
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 1 : len(row)] = row, int(bool(b))
    return ids, segments


# %% q1, 0 of 12 points: segment 1 up to the end of the row, padding included
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = list(a), list(b)
        while len(a) + len(b) + 2 + bool(b) > length:
            (b if len(b) > len(a) else a).pop()
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 :] = row, 1
    return ids, segments


# %% q1, 0 of 12 points: packs first, then cuts the row: the last [SEP] is lost
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        row = row[:length]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 0 of 12 points: no [SEP] behind the second text
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = list(a), list(b)
        while len(a) + len(b) + 2 > length:
            (b if len(b) > len(a) else a).pop()
        row = [2, *a, 3, *b]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 0 of 12 points: each text gets half of the row
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        if len(a) + len(b) + 2 + bool(b) > length:
            a, b = a[: (length - 3) // 2], b[: (length - 3) // 2]
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 4 of 12 points: only the first text is ever cut
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        b = b[: length - 3]
        a = a[: length - 2 - bool(b) - len(b)]
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 4 of 12 points: of two equally long texts the second one loses
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = list(a), list(b)
        while len(a) + len(b) + 2 + bool(b) > length:
            (a if len(a) > len(b) else b).pop()
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 4 of 12 points: an empty second text has a [SEP] of its own
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        a, b = list(a), list(b)
        while len(a) + len(b) + 3 > length:
            (b if len(b) > len(a) else a).pop()
        row = [2, *a, 3, *b, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments


# %% q1, 4 of 12 points: cuts the lists that it was given
def pack(first, second, length):
    ids, segments = np.zeros((2, len(first), length), int)
    for n, (a, b) in enumerate(zip(first, second, strict=True)):
        while len(a) + len(b) + 2 + bool(b) > length:
            (b if len(b) > len(a) else a).pop()
        row = [2, *a, 3, *b, 3] if b else [2, *a, 3]
        ids[n, : len(row)], segments[n, len(a) + 2 : len(row)] = row, 1
    return ids, segments
