# %% q6, 0 of 14 points: writes the tags as B and I, and decodes these, torn ones with them
def entities(tags):
    plain = {"S": "B", "E": "I"}
    return metrics.spans([plain.get(tag[0], tag[0]) + tag[1:] for tag in tags])


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 0 of 14 points: partners may have another end
def entities(tags):
    text = " ".join(tags) + " "
    found = re.finditer(r"B-(\S+) (?:I-\1 )*E-\1 |S-(\S+) ", text)
    return [(m[1] or m[2], text[: m.start()].count(" "), text[: m.end()].count(" ")) for m in found]


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {begin: types.index(kind) for kind, begin, _ in entities(some)}
        there = {begin: types.index(kind) for kind, begin, _ in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 0 of 14 points: rows and columns changed
def entities(tags):
    text = " ".join(tags) + " "
    found = re.finditer(r"B-(\S+) (?:I-\1 )*E-\1 |S-(\S+) ", text)
    return [(m[1] or m[2], text[: m.start()].count(" "), text[: m.end()].count(" ")) for m in found]


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[there.get(place, -1), here.get(place, -1)] += 1
    return table


# %% q6, 5 of 14 points: the type may change on the way
def entities(tags):
    text = " ".join(tags) + " "
    found = re.finditer(r"B-(\S+) (?:I-\S+ )*E-\S+ |S-(\S+) ", text)
    return [(m[1] or m[2], text[: m.start()].count(" "), text[: m.end()].count(" ")) for m in found]


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 0 of 14 points: throws all sentences together, as if it were one text
def entities(tags):
    text = " ".join(tags) + " "
    found = re.finditer(r"B-(\S+) (?:I-\1 )*E-\1 |S-(\S+) ", text)
    return [(m[1] or m[2], text[: m.start()].count(" "), text[: m.end()].count(" ")) for m in found]


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    here = {e[1:]: types.index(e[0]) for tags in true for e in entities(tags)}
    there = {e[1:]: types.index(e[0]) for tags in predicted for e in entities(tags)}
    for place in here.keys() | there.keys():
        table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 5 of 14 points: a second B goes on with what is open
def entities(tags):
    text = " ".join(tags) + " "
    found = re.finditer(r"B-(\S+) (?:[BI]-\1 )*E-\1 |S-(\S+) ", text)
    return [(m[1] or m[2], text[: m.start()].count(" "), text[: m.end()].count(" ")) for m in found]


def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table
