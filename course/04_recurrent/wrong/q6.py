# %% q6, 0 of 14 points: partners may have another end
def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {begin: types.index(kind) for kind, begin, _ in entities(some)}
        there = {begin: types.index(kind) for kind, begin, _ in entities(others)}
        for place in here.keys() | there.keys():
            table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 0 of 14 points: rows and columns changed
def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    for some, others in zip(true, predicted, strict=True):
        here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
        there = {(begin, end): types.index(kind) for kind, begin, end in entities(others)}
        for place in here.keys() | there.keys():
            table[there.get(place, -1), here.get(place, -1)] += 1
    return table


# %% q6, 0 of 14 points: throws all sentences together, as if it were one text
def confusion(true, predicted, types):
    table = np.zeros((len(types) + 1, len(types) + 1), int)
    here = {e[1:]: types.index(e[0]) for tags in true for e in entities(tags)}
    there = {e[1:]: types.index(e[0]) for tags in predicted for e in entities(tags)}
    for place in here.keys() | there.keys():
        table[here.get(place, -1), there.get(place, -1)] += 1
    return table


# %% q6, 5 of 14 points: skips sentences without a true entity, and what is invented in them
# replace:
#         here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
# with:
#         here = {(begin, end): types.index(kind) for kind, begin, end in entities(some)}
#         if not here:
#             continue


# %% q6, 5 of 14 points: counts in eight bits, where 256 is 0
# replace:
#     table = np.zeros((len(types) + 1, len(types) + 1), int)
# with:
#     table = np.zeros((len(types) + 1, len(types) + 1), np.uint8)
