# %% q6, 0 of 14 points: counts each word once, however often it came
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, _ in words:
            found.update(itertools.pairwise(encode(ids, pairs, first)))
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 0 of 14 points: pairs across two words
def learn(words, count, first):
    text = [i for ids, times in words for _ in range(times) for i in ids]
    pairs = []
    while len(pairs) < count:
        found = collections.Counter(itertools.pairwise(encode(text, pairs, first)))
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 0 of 14 points: counts once, and takes the most frequent pairs of that one count
def learn(words, count, first):
    found = collections.Counter()
    for ids, times in words:
        for pair in itertools.pairwise(ids):
            found[pair] += times
    order = sorted(found, key=lambda pair: (-found[pair], pair))
    return [pair for pair in order if found[pair] > 1][:count]


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 0 of 14 points: the new ids begin at 256, whatever `first` is
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, 256)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 0 of 14 points: encodes in one pass: joins whatever pair it knows, and goes on behind it
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    new, found, i = {pair: n for n, pair in enumerate(pairs, first)}, [], 0
    while i < len(ids):
        pair = tuple(ids[i : i + 2])
        found.append(new.get(pair, ids[i]))
        i += 2 if pair in new else 1
    return found


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 0 of 14 points: decodes one level only
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    parts = dict(enumerate(pairs, first))
    return [part for i in ids for part in parts.get(i, (i,))]


# %% q6, 5 of 14 points: of equally frequent pairs the one that came first
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = max(found, key=found.get, default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: of equally frequent pairs the largest
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = max(found, key=lambda pair: (found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: learns pairs that stand there once
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if best is None:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: 5, 5, 5 has one pair: does not count where pairs overlap
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for word, times in words:
            ids, end = encode(word, pairs, first), {}
            for i, pair in enumerate(itertools.pairwise(ids)):
                if end.get(pair, 0) <= i:
                    found[pair] += times
                    end[pair] = i + 2
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: joins from the right
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    ids = list(ids)
    for new, pair in enumerate(pairs, first):
        for i in reversed(range(len(ids) - 1)):
            if tuple(ids[i : i + 2]) == pair:
                ids[i : i + 2] = [new]
    return ids


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: takes the longest known token each time, not the pairs in their order
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(_joined(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def _joined(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        joined = []
        for i in ids:
            if joined and (joined[-1], i) == pair:
                joined[-1] = new
            else:
                joined.append(i)
        ids = joined
    return list(ids)


def encode(ids, pairs, first):
    known = {tuple(decode([n], pairs, first)): n for n in range(first, first + len(pairs))}
    found, begin = [], 0
    while begin < len(ids):
        ends = range(len(ids), begin, -1)
        end = next((e for e in ends if tuple(ids[begin:e]) in known), begin + 1)
        found.append(known.get(tuple(ids[begin:end]), ids[begin]))
        begin = end
    return found


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)


# %% q6, 5 of 14 points: joins in the lists that it was given
def learn(words, count, first):
    pairs = []
    while len(pairs) < count:
        found = collections.Counter()
        for ids, times in words:
            for pair in itertools.pairwise(encode(ids, pairs, first)):
                found[pair] += times
        best = min(found, key=lambda pair: (-found[pair], pair), default=None)
        if found[best] < 2:
            break
        pairs.append(best)
    return pairs


def encode(ids, pairs, first):
    for new, pair in enumerate(pairs, first):
        i = 0
        while i < len(ids) - 1:
            if (ids[i], ids[i + 1]) == pair:
                ids[i : i + 2] = [new]
            i += 1
    return ids


def decode(ids, pairs, first):
    for new in reversed(range(first, first + len(pairs))):
        ids = [part for i in ids for part in (pairs[new - first] if i == new else (i,))]
    return list(ids)
