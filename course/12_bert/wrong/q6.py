# %% q6, 0 of 14 points: turns a kernel over only where it does not fit as it is
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        kernel = take(f"{name}.weight", outputs, inputs)
        kernel = kernel if inputs == outputs else kernel.T
        return [kernel, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: reshapes a kernel in place of turning it over
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [
            take(f"{name}.weight", outputs, inputs).reshape(inputs, outputs),
            take(f"{name}.bias", outputs),
        ]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: queries, keys and values stand side by side as they were, not turned over
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0].T, k[0].T, v[0].T]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: keys, queries, values
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        k, q, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: their blocks are counted from 1
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: our blocks are counted from 0
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n - 1}"] = three + output + one + first + two + second
    return ours


# %% q6, 0 of 14 points: both normalisations behind the dense layers
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + first + second + one + two
    return ours


# %% q6, 5 of 14 points: the blocks in the order of their names: 10 behind 1
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    numbers = sorted({name.split(".")[2] for name in weights if ".layer." in name})
    for n, number in enumerate(numbers, 1):
        at = f"encoder.layer.{number}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 5 of 14 points: every name begins with `bert.`
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name[5:]: array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 5 of 14 points: a missing weight is a KeyError
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if weights[name].shape != shape:
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 5 of 14 points: the numbers are as many, so the shape is made to fit
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].size != np.prod(shape):
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name].reshape(shape)

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 5 of 14 points: says that something is wrong, but not which weight
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or weights[name].shape != shape:
            raise ValueError(f"a weight is missing or has not the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours


# %% q6, 5 of 14 points: looks at the tables only: other shapes pass
def translate(weights, config):
    D, inner = config["hidden_size"], config["intermediate_size"]
    weights = {name.removeprefix("bert."): array for name, array in weights.items()}

    def take(name, *shape):
        if name not in weights or (name.startswith("embeddings") and weights[name].shape != shape):
            raise ValueError(f"{name}: wanted the shape {shape}")
        return weights[name]

    def norm(name):
        return [take(f"{name}.LayerNorm.{part}", D) for part in ("weight", "bias")]

    def dense(name, inputs, outputs):
        return [take(f"{name}.weight", outputs, inputs).T, take(f"{name}.bias", outputs)]

    ours = {
        "word_table": [take("embeddings.word_embeddings.weight", config["vocab_size"], D)],
        "segment_table": [take("embeddings.token_type_embeddings.weight", 2, D)],
        "place_table": [
            take("embeddings.position_embeddings.weight", config["max_position_embeddings"], D)
        ],
        "norm": norm("embeddings"),
        "pooler": dense("pooler.dense", D, D),
    }
    for n in range(1, config["num_hidden_layers"] + 1):
        at = f"encoder.layer.{n - 1}"
        q, k, v = (dense(f"{at}.attention.self.{p}", D, D) for p in ("query", "key", "value"))
        three = [np.hstack([q[0], k[0], v[0]]), np.hstack([q[1], k[1], v[1]])]
        output = dense(f"{at}.attention.output.dense", D, D)
        one, two = norm(f"{at}.attention.output"), norm(f"{at}.output")
        first = dense(f"{at}.intermediate.dense", D, inner)
        second = dense(f"{at}.output.dense", inner, D)
        ours[f"block{n}"] = three + output + one + first + two + second
    return ours
