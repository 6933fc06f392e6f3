# %% q5, 0 of 18 points: as the article: attends to the other rows
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = ops.swapaxes(y, 0, 1)
        y = look(y, y, value_mask=ops.swapaxes(mask, 0, 1))
        y = x + ops.swapaxes(y, 0, 1)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: as the article: the number of layers is the width between the dense layers
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(num_layers, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = x + look(y, y, value_mask=mask)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: no mask: padding is looked at
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = x + look(y, y)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: the two dense layers have no residual connection
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = x + look(y, y, value_mask=mask)
        x = y if normalize_first else one(y)
        y = outer(inner(two(x) if normalize_first else x))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: normalises what a part adds, not the sum
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        if normalize_first:
            x = x + look(one(x), one(x), value_mask=mask)
            x = x + outer(inner(two(x)))
        else:
            x = x + one(look(x, x, value_mask=mask))
            x = x + two(outer(inner(x)))
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: no positions
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids)
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = x + look(y, y, value_mask=mask)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 6 of 18 points: as the article: always one block
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, 2):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(x) if normalize_first else x
        y = x + look(y, y, value_mask=mask)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 6 of 18 points: normalisation first, but the residual carries the normalised vector
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        x = one(x) if normalize_first else x
        y = x + look(x, x, value_mask=mask)
        x = y if normalize_first else one(y)
        x = two(x) if normalize_first else x
        y = x + outer(inner(x))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 6 of 18 points: normalisation always last
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = PositionEmbedding(64)(layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids))
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        x = one(x + look(x, x, value_mask=mask))
        x = two(x + outer(inner(x)))
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 6 of 18 points: each block begins with the embedding again
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = inputs = PositionEmbedding(64)(
        layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids)
    )
    for n in range(1, num_layers + 1):
        look = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        inner = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        outer = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        one = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        two = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        y = one(inputs) if normalize_first else inputs
        y = inputs + look(y, y, value_mask=mask)
        x = y if normalize_first else one(y)
        y = two(x) if normalize_first else x
        y = x + outer(inner(y))
        x = y if normalize_first else two(y)
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)


# %% q5, 0 of 18 points: no network: keeps the arrays, and asks the package's blocks
class Kept:
    def __init__(self, num_heads, normalize_first):
        self.kind, self.arrays = {"num_heads": num_heads, "normalize_first": normalize_first}, {}

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
        x, n = PositionEmbedding(64)(self.arrays["embedding"][0][ids].astype("float32")), 1
        while f"feedforward_intermediate{n}" in self.arrays:
            inner = self.arrays[f"feedforward_intermediate{n}"][1]
            block = TransformerBlock(intermediate_dim=len(inner), **self.kind)
            block.build(x.shape)
            for name, values in self.arrays.items():
                if name.endswith(str(n)):
                    getattr(block, name.removesuffix(str(n))).set_weights(values)
            x, n = block(x, padding_mask=ids != 0), n + 1
        if self.kind["normalize_first"]:
            norm = layers.LayerNormalization(epsilon=1e-5)
            norm.build(x.shape)
            norm.set_weights(self.arrays["last_norm"])
            x = norm(x)
        return x


def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    return Kept(num_heads, normalize_first)


# %% q5, 6 of 18 points: dropout, as in the paper: none was wanted
# replace:
#         return x + f(norm(x)) if normalize_first else norm(x + f(x))
# with:
#         drop = layers.Dropout(0.1)
#         return x + drop(f(norm(x))) if normalize_first else norm(x + drop(f(x)))


# %% q5, 6 of 18 points: room for 16 places only
def build_encoder(
    vocabulary_size, hidden_dim, num_heads, num_layers, intermediate_dim, normalize_first=False
):
    ids = keras.Input((None,), dtype="int32")
    mask = ops.not_equal(ids, 0)
    x = layers.Embedding(vocabulary_size, hidden_dim, name="embedding")(ids)
    x = PositionEmbedding(16)(x)
    for n in range(1, num_layers + 1):
        attention = MultiHeadAttention(num_heads, hidden_dim // num_heads, name=f"attention{n}")
        first = layers.Dense(intermediate_dim, "relu", name=f"feedforward_intermediate{n}")
        second = layers.Dense(hidden_dim, name=f"feedforward_output{n}")
        norm1 = layers.LayerNormalization(epsilon=1e-5, name=f"attention_norm{n}")
        norm2 = layers.LayerNormalization(epsilon=1e-5, name=f"feedforward_norm{n}")
        if normalize_first:
            h = norm1(x)
            x = x + attention(h, h, value_mask=mask)
            x = x + second(first(norm2(x)))
        else:
            x = norm1(x + attention(x, x, value_mask=mask))
            x = norm2(x + second(first(x)))
    if normalize_first:
        x = layers.LayerNormalization(epsilon=1e-5, name="last_norm")(x)
    return keras.Model(ids, x)
