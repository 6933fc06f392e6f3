# %% q7, 0 of 16 points: no pre-training: the labels alone
def train(vocabulary, pairs, labelled, labels, seed):
    keras.utils.set_random_seed(seed)
    bert = BERT(
        len(vocabulary),
        hidden_dim=32,
        num_heads=4,
        num_layers=2,
        dropout=0.0,
        max_sequence_length=64,
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    model = classifier(bert, int(labels.max()) + 1, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-3), crossentropy(from_logits=True))
    model.fit([labelled, 0 * labelled], labels, batch_size=8, epochs=20, verbose=0)
    return lambda ids: model.predict([ids, 0 * ids], verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: pre-trains one model, and fine-tunes another
def train(vocabulary, pairs, labelled, labels, seed):
    keras.utils.set_random_seed(seed)
    ids, segments, follows = pairs
    bert = BERT(
        len(vocabulary),
        hidden_dim=32,
        num_heads=4,
        num_layers=2,
        dropout=0.0,
        max_sequence_length=64,
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    masked = [mask_tokens(ids, vocabulary, (seed, n), rate=0.2) for n in range(8)]
    new, places, hidden = (np.concatenate(part) for part in zip(*masked, strict=True))
    steps = len(new) // 32
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    model = BERTPretraining(bert)
    losses = [crossentropy(from_logits=True, ignore_class=0), crossentropy(from_logits=True)]
    model.compile(keras.optimizers.Adam(rate), losses)
    inputs = [new, np.tile(segments, (8, 1)), places]
    model.fit(inputs, [hidden, np.tile(follows, 8)], batch_size=32, verbose=0)
    new_bert = BERT(len(vocabulary), 32, 4, 2, dropout=0.0, max_sequence_length=64)
    model = classifier(new_bert, int(labels.max()) + 1, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-3), crossentropy(from_logits=True))
    model.fit([labelled, 0 * labelled], labels, batch_size=8, epochs=20, verbose=0)
    return lambda ids: model.predict([ids, 0 * ids], verbose=0).argmax(axis=-1)


# %% q7, 0 of 16 points: never fine-tuned
def train(vocabulary, pairs, labelled, labels, seed):
    keras.utils.set_random_seed(seed)
    ids, segments, follows = pairs
    bert = BERT(
        len(vocabulary),
        hidden_dim=32,
        num_heads=4,
        num_layers=2,
        dropout=0.0,
        max_sequence_length=64,
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    masked = [mask_tokens(ids, vocabulary, (seed, n), rate=0.2) for n in range(8)]
    new, places, hidden = (np.concatenate(part) for part in zip(*masked, strict=True))
    steps = len(new) // 32
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    model = BERTPretraining(bert)
    losses = [crossentropy(from_logits=True, ignore_class=0), crossentropy(from_logits=True)]
    model.compile(keras.optimizers.Adam(rate), losses)
    inputs = [new, np.tile(segments, (8, 1)), places]
    model.fit(inputs, [hidden, np.tile(follows, 8)], batch_size=32, verbose=0)
    model = classifier(bert, int(labels.max()) + 1, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-3), crossentropy(from_logits=True))
    return lambda ids: model.predict([ids, 0 * ids], verbose=0).argmax(axis=-1)


# %% q7, 5 of 16 points: nothing learned: the subjects of the notebook
def train(vocabulary, pairs, labelled, labels, seed):
    subject = np.concatenate([np.full(5, -1), about])
    counts = [lambda ids, s=s: (subject[ids] == s).sum(axis=1) for s in range(3)]
    return lambda ids: np.argmax([count(ids) for count in counts], axis=0)


# %% q7, 5 of 16 points: room for the rows it was trained on, and for no longer ones
def train(vocabulary, pairs, labelled, labels, seed):
    keras.utils.set_random_seed(seed)
    ids, segments, follows = pairs
    bert = BERT(
        len(vocabulary),
        hidden_dim=32,
        num_heads=4,
        num_layers=2,
        dropout=0.0,
        max_sequence_length=ids.shape[1],
    )
    crossentropy = keras.losses.SparseCategoricalCrossentropy
    masked = [mask_tokens(ids, vocabulary, (seed, n), rate=0.2) for n in range(8)]
    new, places, hidden = (np.concatenate(part) for part in zip(*masked, strict=True))
    steps = len(new) // 32
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=3e-3, warmup_steps=steps // 10
    )
    model = BERTPretraining(bert)
    losses = [crossentropy(from_logits=True, ignore_class=0), crossentropy(from_logits=True)]
    model.compile(keras.optimizers.Adam(rate), losses)
    inputs = [new, np.tile(segments, (8, 1)), places]
    model.fit(inputs, [hidden, np.tile(follows, 8)], batch_size=32, verbose=0)
    model = classifier(bert, int(labels.max()) + 1, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-3), crossentropy(from_logits=True))
    model.fit([labelled, 0 * labelled], labels, batch_size=8, epochs=20, verbose=0)
    return lambda ids: model.predict([ids, 0 * ids], verbose=0).argmax(axis=-1)


# %% q7, 5 of 16 points: three subjects, however many there are
# replace:
#     return fine_tune(bert, labelled, labels)
# with:
#     subjects = fine_tune(bert, labelled[labels < 3], labels[labels < 3])
#     return lambda ids: np.minimum(subjects(ids), 2)
