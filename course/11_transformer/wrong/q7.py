# %% q7, 0 of 16 points: no attention: each place knows its sound and its number alone
# replace:
#     for _ in range(2):
#         x = TransformerBlock(4, 128)(x, padding_mask=ops.not_equal(ids, 0))
# with:
#     x = layers.LayerNormalization()(x + layers.Dense(32)(layers.Dense(128, "relu")(x)))


# %% q7, 0 of 16 points: no positions: a word is a bag of sounds
# replace:
#     x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
# with:
#     x = layers.Embedding(int(rows.max()) + 1, 32)(ids)


# %% q7, 0 of 16 points: a place sees only the sounds before it
# replace:
#     for _ in range(2):
#         x = TransformerBlock(4, 128)(x, padding_mask=ops.not_equal(ids, 0))
# with:
#     for _ in range(2):
#         x = TransformerBlock(4, 128, use_causal_mask=True)(x, padding_mask=ops.not_equal(ids, 0))


# %% q7, 0 of 16 points: never trained
# replace:
#     model.fit(rows, labels, batch_size=32, epochs=epochs, verbose=0)
# with:
#     model.fit(rows[:1], labels[:1], batch_size=32, verbose=0)


# %% q7, 0 of 16 points: the first vowel has the main stress, and no other has any
def train(rows, labels, seed):
    vowels = np.unique(rows[labels > 1])

    def predict(rows):
        vowel = np.isin(rows, vowels)
        first = vowel & (np.cumsum(vowel, axis=1) == 1)
        return np.where(first, 3, np.where(vowel, 2, 1))

    return predict


# %% q7, 5 of 16 points: nothing learned: the notebook's own labels, word by word
def train(rows, labels, seed):
    known = {tuple(r): n for r, n in zip(*table(mixed[:9000]), strict=True)}
    return lambda rows: np.array([known.get(tuple(row), 2 + 0 * row) for row in rows])


# %% q7, 5 of 16 points: positions for the width it was trained on, and no further
# replace:
#     x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
# with:
#     x = PositionEmbedding(rows.shape[1])(layers.Embedding(int(rows.max()) + 1, 32)(ids))


# %% q7, 5 of 16 points: looks at padding, too: rows with more of it are other rows
# replace:
#     for _ in range(2):
#         x = TransformerBlock(4, 128)(x, padding_mask=ops.not_equal(ids, 0))
# with:
#     for _ in range(2):
#         x = TransformerBlock(4, 128)(x)


# %% q7, 5 of 16 points: four labels and forty numbers, in the notebook's order
# replace:
#     model.fit(rows, labels, batch_size=32, epochs=epochs, verbose=0)
# with:
#     model.fit(training, training_labels, batch_size=32, epochs=epochs, verbose=0)


# %% q7, 5 of 16 points: as many numbers as the notebook has
# replace:
#     x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
# with:
#     x = PositionEmbedding(64)(layers.Embedding(40, 32)(ids))


# %% q7, 5 of 16 points: trains on the validation words as well
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     keras.utils.set_random_seed(seed)
#     rows = np.concatenate([rows, validation])
#     labels = np.concatenate([labels, validation_labels])
