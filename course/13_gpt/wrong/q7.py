# %% q7, 0 of 14 points: never trained
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest = max(map(len, lines))
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write


# %% q7, 0 of 14 points: input and goal are the same: it learns to repeat what it reads
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest, epochs = max(map(len, lines)), 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows, rows, batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write


# %% q7, 0 of 14 points: one place too far: the goal is the next but one
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest, epochs = max(map(len, lines)), 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-2], rows[:, 2:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write


# %% q7, 0 of 14 points: never stops, and keeps all that it writes
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest, epochs = max(map(len, lines)), 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest)
        return ["".join(signs[i] for i in answer) for answer in answers]

    return write


# %% q7, 0 of 14 points: the full stop is left in the answer
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest, epochs = max(map(len, lines)), 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer) for answer in answers]

    return write


# %% q7, 0 of 14 points: draws at temperature 2, where the most probable sign is wanted
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *sorted(set("".join(lines)))]
    longest, epochs = max(map(len, lines)), 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."), temperature=2.0)
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write


# %% q7, 0 of 14 points: the common alphabet, without a model
def train(lines, seed):
    return lambda prompts: ["".join(sorted(prompt[:-1])) for prompt in prompts]


# %% q7, 0 of 14 points: a bigram model: it counts which sign follows which
def train(lines, seed):
    follows = collections.defaultdict(collections.Counter)
    for line in lines:
        for a, b in itertools.pairwise(line):
            follows[a][b] += 1

    def write(prompts):
        answers = []
        for prompt in prompts:
            text = prompt
            while len(text) < 2 * len(prompt) - 1:
                text += follows[text[-1]].most_common(1)[0][0]
            answers.append(text[len(prompt) :])
        return answers

    return write


# %% q7, 4 of 14 points: knows the notebook's alphabet, whatever the lines say
def train(lines, seed):
    known = alphabet + "gh"
    return lambda prompts: in_order([prompt[:-1] for prompt in prompts], known)


# %% q7, 4 of 14 points: six letters and fourteen places, whatever the lines say
def train(lines, seed):
    keras.utils.set_random_seed(seed)
    signs = ["", *".>abcdef"]
    longest, epochs = 14, 5
    rows = np.zeros((len(lines), longest), int)
    for row, line in zip(rows, lines, strict=True):
        row[: len(line)] = [signs.index(s) for s in line]
    model = GPT(len(signs), hidden_dim=32, num_heads=4, num_layers=2, max_sequence_length=longest)
    steps = -(-len(rows) // 32) * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * 9 // 10, warmup_target=4e-3, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)
    model.fit(rows[:, :-1], rows[:, 1:], batch_size=32, epochs=epochs, verbose=0)

    def write(prompts):
        ids = [[signs.index(s) for s in prompt] for prompt in prompts]
        answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
        return ["".join(signs[i] for i in answer).partition(".")[0] for answer in answers]

    return write


# %% q7, 4 of 14 points: writes seven signs at most
# replace:
#         answers = generate(model, ids, longest, stop_token_ids=signs.index("."))
# with:
#         answers = generate(model, ids, 7, stop_token_ids=signs.index("."))


# %% q7, 4 of 14 points: no model: counts which letter stands before which, and sorts
def train(lines, seed):
    """A function: prompts, a list of texts -> what stands behind them, up to the full stop."""
    before = collections.Counter()
    letters = set()
    for line in lines:
        answer = line.partition(">")[2].rstrip(".")
        letters |= set(answer)
        before.update(itertools.combinations(answer, 2))

    def rank(letter):  # how many letters come before this one
        return sum(before[other, letter] > before[letter, other] for other in letters)

    ranks = {letter: rank(letter) for letter in letters}

    def write(prompts):
        return ["".join(sorted(prompt.rstrip(">"), key=ranks.get)) for prompt in prompts]

    return write
