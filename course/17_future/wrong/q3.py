# %% q3, 0 of 14 points: products in place of cosines
# replace:
#     u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, texts))
# with:
#     u, v = images, texts


# %% q3, 0 of 14 points: unit length over the batch
# replace:
#     u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, texts))
# with:
#     u, v = (x / np.linalg.norm(x, axis=0, keepdims=True) for x in (images, texts))


# %% q3, 0 of 14 points: times the temperature
# replace:
#     z = u @ v.T / temperature
# with:
#     z = u @ v.T * temperature


# %% q3, 0 of 14 points: both vectors are divided by the temperature
# replace:
#     z = u @ v.T / temperature
# with:
#     z = u @ v.T / temperature**2


# %% q3, 0 of 14 points: from pictures to texts only
# replace:
#     return -np.sum(p * (rows + columns.T)) / (2 * len(z))
# with:
#     return -np.sum(p * rows) / len(z)


# %% q3, 0 of 14 points: the same direction twice
# replace:
#     return -np.sum(p * (rows + columns.T)) / (2 * len(z))
# with:
#     return -np.sum(p * (rows + rows.T)) / (2 * len(z))


# %% q3, 0 of 14 points: the other picture of the same name is wrong
# replace:
#     p = same / same.sum(axis=1, keepdims=True)
# with:
#     p = np.eye(len(same))


# %% q3, 0 of 14 points: each equal name counts in full
# replace:
#     p = same / same.sum(axis=1, keepdims=True)
# with:
#     p = same


# %% q3, 5 of 14 points: half for an equal name, however many there are
# replace:
#     p = same / same.sum(axis=1, keepdims=True)
# with:
#     p = np.where(same.sum(axis=1, keepdims=True) > 1, same / 2, same)


# %% q3, 5 of 14 points: only neighbours share a name
# replace:
#     same = np.array(names)[:, None] == np.array(names)
# with:
#     places = np.arange(len(names))
#     same = np.array(names)[:, None] == np.array(names)
#     same &= abs(places[:, None] - places) <= 1


# %% q3, 0 of 14 points: the sum over the batch
# replace:
#     return -np.sum(p * (rows + columns.T)) / (2 * len(z))
# with:
#     return -np.sum(p * (rows + columns.T)) / 2


# %% q3, 0 of 14 points: both directions, not halved
# replace:
#     return -np.sum(p * (rows + columns.T)) / (2 * len(z))
# with:
#     return -np.sum(p * (rows + columns.T)) / len(z)


# %% q3, 0 of 14 points: computes the exponentials
# replace:
#     rows = z - np.logaddexp.reduce(z, axis=1, keepdims=True)
# with:
#     with np.errstate(all="ignore"):
#         rows = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))


# %% q3, 0 of 14 points: logits above 100 are cut off
# replace:
#     z = u @ v.T / temperature
# with:
#     z = np.clip(u @ v.T / temperature, -100, 100)


# %% q3, 0 of 14 points: equal names are left out but for the first
# replace:
#     u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, texts))
# with:
#     kept = [i for i, name in enumerate(names) if name not in names[:i]]
#     images, texts, names = images[kept], texts[kept], [names[i] for i in kept]
#     u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (images, texts))
