# %% q7, 0 of 16 points: no attention: each place knows its letter and its number alone
def train(rows, labels, seed):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32")
    x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
    x = layers.LayerNormalization()(x + layers.Dense(32)(layers.Dense(128, "relu")(x)))
    model = keras.Model(ids, layers.Dense(int(labels.max()) + 1)(x))
    steps = -(-len(rows) // 32) * 9
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(rows, labels, batch_size=32, epochs=9, verbose=0)
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: no positions, and no causal mask
def train(rows, labels, seed):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32")
    x = layers.Embedding(int(rows.max()) + 1, 32)(ids)
    for _ in range(2):
        x = TransformerBlock(4, 128)(x, padding_mask=ops.not_equal(ids, 0))
    model = keras.Model(ids, layers.Dense(int(labels.max()) + 1)(x))
    steps = -(-len(rows) // 32) * 9
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(rows, labels, batch_size=32, epochs=9, verbose=0)
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: never trained
def train(rows, labels, seed):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32")
    x = PositionEmbedding(64)(layers.Embedding(int(rows.max()) + 1, 32)(ids))
    for _ in range(2):
        x = TransformerBlock(4, 128, use_causal_mask=True)(x, padding_mask=ops.not_equal(ids, 0))
    model = keras.Model(ids, layers.Dense(int(labels.max()) + 1)(x))
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: always the most frequent label
def train(rows, labels, seed):
    label = np.bincount(labels[labels > 0]).argmax()
    return lambda rows: np.full(rows.shape, label)


# %% q7, 5 of 16 points: nothing learned: the partners of the notebook
def train(rows, labels, seed):
    return lambda rows: count_partners(rows, [*partners, 0])


# %% q7, 5 of 16 points: positions for the width it was trained on, and no further
def train(rows, labels, seed):
    keras.utils.set_random_seed(seed)
    ids = keras.Input((None,), dtype="int32")
    x = PositionEmbedding(rows.shape[1])(layers.Embedding(int(rows.max()) + 1, 32)(ids))
    for _ in range(2):
        x = TransformerBlock(4, 128, use_causal_mask=True)(x, padding_mask=ops.not_equal(ids, 0))
    model = keras.Model(ids, layers.Dense(int(labels.max()) + 1)(x))
    steps = -(-len(rows) // 32) * 9
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(rows, labels, batch_size=32, epochs=9, verbose=0)
    return lambda rows: model.predict(rows, verbose=0).argmax(axis=-1)
