# %% q6, 0 of 14 points: counts each word once, however often it came
# replace:
#             found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
# with:
#             found.update(itertools.pairwise(encode(ids, pairs, first)))


# %% q6, 0 of 14 points: pairs across two words
# replace:
#         for ids, times in words:
#             found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
# with:
#         text = [i for ids, times in words for _ in range(times) for i in ids]
#         found.update(itertools.pairwise(encode(text, pairs, first)))


# %% q6, 0 of 14 points: counts once, and takes the most frequent pairs of that one count
# replace:
#             found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
# with:
#             found.update([*itertools.pairwise(ids)] * times)
# replace:
#         best = min(found, key=lambda pair: (-found[pair], pair), default=None)
# with:
#         left = set(found) - set(pairs)
#         best = min(left, key=lambda pair: (-found[pair], pair), default=None)


# %% q6, 0 of 14 points: the new ids begin at 256, whatever `first` is
# replace:
#             found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
# with:
#             found.update([*itertools.pairwise(encode(ids, pairs, 256))] * times)


# %% q6, 0 of 14 points: encodes in one pass: joins whatever pair it knows, and goes on behind it
# replace:
#     for new, pair in enumerate(pairs, first):
#         old, ids = ids, []
#         for i in old:
#             ids.append(i)
#             if tuple(ids[-2:]) == pair:
#                 ids[-2:] = [new]
#     return list(ids)
# with:
#     new, found, i = {pair: n for n, pair in enumerate(pairs, first)}, [], 0
#     while i < len(ids):
#         pair = tuple(ids[i : i + 2])
#         found.append(new.get(pair, ids[i]))
#         i += 2 if pair in new else 1
#     return found


# %% q6, 5 of 14 points: of equally frequent pairs the one that came first
# replace:
#         best = min(found, key=lambda pair: (-found[pair], pair), default=None)
# with:
#         best = max(found, key=found.get, default=None)


# %% q6, 5 of 14 points: of equally frequent pairs the largest
# replace:
#         best = min(found, key=lambda pair: (-found[pair], pair), default=None)
# with:
#         best = max(found, key=lambda pair: (found[pair], pair), default=None)


# %% q6, 5 of 14 points: learns pairs that stand there once
# replace:
#         if found[best] > 1:
# with:
#         if best is not None:


# %% q6, 5 of 14 points: 5, 5, 5 has one pair: does not count where pairs overlap
# replace:
#         for ids, times in words:
#             found.update([*itertools.pairwise(encode(ids, pairs, first))] * times)
# with:
#         for word, times in words:
#             ids, end = encode(word, pairs, first), {}
#             for i, pair in enumerate(itertools.pairwise(ids)):
#                 if end.get(pair, 0) <= i:
#                     found[pair] += times
#                     end[pair] = i + 2


# %% q6, 5 of 14 points: joins from the right
# replace:
#     for new, pair in enumerate(pairs, first):
#         old, ids = ids, []
#         for i in old:
#             ids.append(i)
#             if tuple(ids[-2:]) == pair:
#                 ids[-2:] = [new]
#     return list(ids)
# with:
#     ids = list(ids)
#     for new, pair in enumerate(pairs, first):
#         for i in reversed(range(len(ids) - 1)):
#             if tuple(ids[i : i + 2]) == pair:
#                 ids[i : i + 2] = [new]
#     return ids


# %% q6, 5 of 14 points: takes the longest known token each time, not the pairs in their order
# replace:
#     for new, pair in enumerate(pairs, first):
#         old, ids = ids, []
#         for i in old:
#             ids.append(i)
#             if tuple(ids[-2:]) == pair:
#                 ids[-2:] = [new]
#     return list(ids)
# with:
#     known = {tuple(decode([n], pairs, first)): n for n in range(first, first + len(pairs))}
#     found, begin = [], 0
#     while begin < len(ids):
#         ends = range(len(ids), begin, -1)
#         end = next((e for e in ends if tuple(ids[begin:e]) in known), begin + 1)
#         found.append(known.get(tuple(ids[begin:end]), ids[begin]))
#         begin = end
#     return found


# %% q6, 5 of 14 points: joins in the lists that it was given
# replace:
#     for new, pair in enumerate(pairs, first):
#         old, ids = ids, []
#         for i in old:
#             ids.append(i)
#             if tuple(ids[-2:]) == pair:
#                 ids[-2:] = [new]
#     return list(ids)
# with:
#     for new, pair in enumerate(pairs, first):
#         i = 0
#         while i < len(ids) - 1:
#             if (ids[i], ids[i + 1]) == pair:
#                 ids[i : i + 2] = [new]
#             i += 1
#     return ids


# %% q6, 0 of 14 points: a pair that stands in two places of a word is joined in the first only
# replace:
#             if tuple(ids[-2:]) == pair:
# with:
#             if tuple(ids[-2:]) == pair and new not in ids:
