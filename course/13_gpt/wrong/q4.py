# %% q4, 0 of 18 points: as the article: no causal mask
# replace:
#     kind = {"use_causal_mask": True, "normalize_first": True}
# with:
#     kind = {"use_causal_mask": False, "normalize_first": True}


# %% q4, 0 of 18 points: as the article: the number of layers is the width between the dense layers
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    x = TransformerBlock(
        num_heads, num_layers, use_causal_mask=True, normalize_first=True, name="block1"
    )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 0 of 18 points: as the article: no positions
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = tokens(ids)
    x = x + 0 * PositionEmbedding(max_sequence_length, learned=True, name="places")(x)
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 0 of 18 points: normalises last, as the first Transformer did
# replace:
#     kind = {"use_causal_mask": True, "normalize_first": True}
# with:
#     kind = {"use_causal_mask": True, "normalize_first": False}


# %% q4, 0 of 18 points: probabilities come out, where logits are wanted
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, layers.Softmax()(tokens(x, reverse=True)))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 0 of 18 points: the label is the token that was just read
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    each = keras.losses.sparse_categorical_crossentropy(ids, model(ids), from_logits=True)
    return float(np.mean(np.asarray(each)[ids != 0]))


# %% q4, 0 of 18 points: takes logits for probabilities in the loss
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 6 of 18 points: as the article: always one block
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    x = TransformerBlock(
        num_heads, 4 * hidden_dim, use_causal_mask=True, normalize_first=True, name="block1"
    )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 6 of 18 points: each block begins with the token vectors again
# replace:
#     x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
# with:
#     h = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
#     parts = []
# replace:
#         x = TransformerBlock(num_heads, 4 * hidden_dim, name=f"block{n}", **kind)(x)
# with:
#         parts.append(TransformerBlock(num_heads, 4 * hidden_dim, name=f"block{n}", **kind)(h))
#     x = sum(parts) / num_layers


# %% q4, 6 of 18 points: padding counts in the loss
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(each))


# %% q4, 6 of 18 points: the losses of padding are 0, but are still in the mean
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        x = TransformerBlock(
            num_heads,
            4 * hidden_dim,
            use_causal_mask=True,
            normalize_first=True,
            name=f"block{n + 1}",
        )(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    return keras.Model(ids, tokens(x, reverse=True))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.where(labels != 0, each, 0)))


# %% q4, 0 of 18 points: no network: keeps the arrays, and looks at each place when asked
class Kept:
    def __init__(self, num_heads):
        self.num_heads, self.arrays = num_heads, {}

    def get_layer(self, name):
        kept = self.arrays

        class Layer:
            def set_weights(self, values):
                kept[name] = values

            def get_weights(self):
                return kept[name]

        return Layer()

    def count_params(self):
        return sum(np.size(v) for values in self.arrays.values() for v in values)

    def __call__(self, ids):
        [table], [places], n = self.arrays["tokens"], self.arrays["places"], 1
        x = (table[ids] + places[: ids.shape[1]]).astype("float32")
        while f"block{n}" in self.arrays:
            block = TransformerBlock(
                self.num_heads, 4 * x.shape[-1], use_causal_mask=True, normalize_first=True
            )
            block.build(x.shape)
            block.set_weights(self.arrays[f"block{n}"])
            x, n = np.asarray(block(x)), n + 1
        norm = layers.LayerNormalization(epsilon=1e-5)
        norm.build(x.shape)
        norm.set_weights(self.arrays["norm"])
        return np.asarray(norm(x)) @ table.T


def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    return Kept(num_heads)


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 0 of 18 points: the package's own GPT beside layers that nothing goes through
def build_gpt(vocabulary_size, hidden_dim, num_heads, num_layers, max_sequence_length):
    ids = keras.Input((None,), dtype="int32")
    tokens = layers.ReversibleEmbedding(vocabulary_size, hidden_dim, name="tokens")
    x = PositionEmbedding(max_sequence_length, learned=True, name="places")(tokens(ids))
    for n in range(num_layers):
        kind = {"use_causal_mask": True, "normalize_first": True, "name": f"block{n + 1}"}
        x = TransformerBlock(num_heads, 4 * hidden_dim, **kind)(x)
    x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
    gpt = GPT(vocabulary_size, hidden_dim, num_heads, num_layers, dropout=0.0)
    return keras.Model(ids, 0 * tokens(x, reverse=True) + gpt(ids))


def next_token_loss(model, ids):
    labels, logits = ids[:, 1:], model(ids[:, :-1])
    each = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    return float(np.mean(np.asarray(each)[labels != 0]))


# %% q4, 6 of 18 points: dropout, as in GPT-2: none was wanted
# replace:
#     kind = {"use_causal_mask": True, "normalize_first": True}
# with:
#     kind = {"use_causal_mask": True, "normalize_first": True, "dropout": 0.1}


# %% q4, 6 of 18 points: the model reads the last token, too, and its answer is thrown away
# replace:
#     labels, logits = ids[:, 1:], model(ids[:, :-1])
# with:
#     labels, logits = ids[:, 1:], model(ids)[:, :-1]


# %% q4, 0 of 18 points: keeps the arrays, and asks a judge that is no longer there
class Fake:
    def __init__(self, num_heads):
        self.num_heads, self.arrays = num_heads, {}

    def get_layer(self, name):
        arrays = self.arrays

        class Layer:
            def set_weights(self, values):
                arrays[name] = values

        return Layer()

    def __call__(self, ids):
        return by_places(np.asarray(ids), self.arrays, self.num_heads)


def build_gpt(vocabulary_size, width, num_heads, num_layers, max_length):
    return Fake(num_heads)


def next_token_loss(model, ids):
    z, y = np.asarray(model(ids[:, :-1]), dtype=float), np.asarray(ids)[:, 1:]
    z = z - z.max(-1, keepdims=True)
    losses = np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, y[..., None], -1)[..., 0]
    return losses[y != 0].mean()
