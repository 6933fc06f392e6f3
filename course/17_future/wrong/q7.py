# %% q7, 0 of 15 points: the nearest drawing
def train(images, names, seed):
    def find(photos, asked):
        places = [list(asked).index(name) if name in asked else 0 for name in names]
        return np.array(places)[nearest(photos, shrunk(images))]

    return find


# %% q7, 0 of 15 points: the nearest of ten photographs of each
def train(images, names, seed):
    many = np.concatenate([photographed(images, [seed, i]) for i in range(10)])

    def find(photos, asked):
        places = [list(asked).index(name) if name in asked else 0 for name in names]
        return np.array(places)[nearest(photos, many) % len(images)]

    return find


# %% q7, 0 of 15 points: knows the drawings only
# replace:
#         pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)
# with:
#         pairs = shrunk(images) / 255, to_ids(names)


# %% q7, 0 of 15 points: the same photographs again and again
# replace:
#         pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)
# with:
#         pairs = photographed(images, seed) / 255, to_ids(names)


# %% q7, 0 of 15 points: other pixels in use than in training
# replace:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
# with:
#     return lambda photos, names: model.similarity(photos, to_ids(names)).argmax(axis=1)
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(4):


# %% q7, 0 of 15 points: returns the cosines
# replace:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
# with:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names))
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(1):


# %% q7, 0 of 15 points: three epochs
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(3):


# %% q7, 0 of 15 points: all pairs show the same
# replace:
#         model.fit(pairs, np.arange(len(names)), batch_size=64, verbose=0)
# with:
#         model.fit(pairs, np.zeros(len(names)), batch_size=64, verbose=0)
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(10):


# %% q7, 0 of 15 points: names that belong to other pictures
# replace:
#         pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)
# with:
#         pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)[::-1]
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(10):


# %% q7, 0 of 15 points: the best photograph for each name
# replace:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
# with:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=0)
# replace:
#     for epoch in range(40):
# with:
#     for epoch in range(10):


# %% q7, 5 of 15 points: the number of the name in training
# replace:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
# with:
#     own = to_ids(names)
#     return lambda photos, names: model.similarity(photos / 255, own).argmax(axis=1)


# %% q7, 5 of 15 points: learns the notebook's drawings, whatever it is given
# replace:
#         pairs = photographed(images, [seed, epoch]) / 255, to_ids(names)
# with:
#         pairs = photographed(drawings, [seed, epoch]) / 255, to_ids(names)


# %% q7, 5 of 15 points: compares with the other photographs of the list
# replace:
#     return lambda photos, names: model.similarity(photos / 255, to_ids(names)).argmax(axis=1)
# with:
#     def find(photos, names):
#         z = model.similarity(photos / 255, to_ids(names))
#         return (z - z.mean(axis=0)).argmax(axis=1)
#
#     return find
