# %% q6, 0 of 24 points: reads what it must say
def train(pairs, seed):
    keras.utils.set_random_seed(seed)
    said, written = [s.split() for s, _ in pairs], [list(w) for _, w in pairs]
    words, signs = Vocabulary.build(said), Vocabulary.build(written)
    target = signs.encode(written, start=True, end=True).numpy()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model = seq2seq.Seq2Seq(len(words), len(signs), embedding_dim=32, units=64)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    inputs = words.encode(said).numpy(), target[:, 1:]
    model.fit(inputs, target[:, 1:], batch_size=64, epochs=2, verbose=0)

    def answer(sentences):
        ids, _ = decoding.greedy(model, words.encode([s.split() for s in sentences]), max_length=11)
        return ["".join(answer) for answer in signs.decode(ids)]

    return answer


# %% q6, 0 of 24 points: nothing of the sentence but the last state of the encoder
def train(pairs, seed):
    keras.utils.set_random_seed(seed)
    said, written = [s.split() for s, _ in pairs], [list(w) for _, w in pairs]
    words, signs = Vocabulary.build(said), Vocabulary.build(written)
    target = signs.encode(written, start=True, end=True).numpy()
    rate = keras.optimizers.schedules.CosineDecay(1e-2, -(-len(pairs) // 32) * 6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model = seq2seq.Seq2Seq(len(words), len(signs), embedding_dim=32, units=64, attention=None)
    model.compile(keras.optimizers.Adam(rate), loss)
    inputs = words.encode(said).numpy(), target[:, :-1]
    model.fit(inputs, target[:, 1:], batch_size=32, epochs=6, verbose=0)

    def answer(sentences):
        ids, _ = decoding.greedy(model, words.encode([s.split() for s in sentences]), max_length=11)
        return ["".join(answer) for answer in signs.decode(ids)]

    return answer


# %% q6, 0 of 24 points: no end token, so it never stops
def train(pairs, seed):
    keras.utils.set_random_seed(seed)
    said, written = [s.split() for s, _ in pairs], [list(w) for _, w in pairs]
    words, signs = Vocabulary.build(said), Vocabulary.build(written)
    target = signs.encode(written, start=True).numpy()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model = seq2seq.Seq2Seq(len(words), len(signs), embedding_dim=32, units=64)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    inputs = words.encode(said).numpy(), target[:, :-1]
    model.fit(inputs, target[:, 1:], batch_size=64, epochs=2, verbose=0)

    def answer(sentences):
        ids, _ = decoding.greedy(model, words.encode([s.split() for s in sentences]), max_length=11)
        return ["".join(answer) for answer in signs.decode(ids)]

    return answer


# %% q6, 8 of 24 points: remembers all sentences, those of the validation as well
def train(pairs, seed):
    known = dict([*pairs, *validation])

    def answer(sentences):
        def alike(one, other):
            return len(set(one.split()) & set(other.split()))

        return [known.get(s) or known[max(known, key=lambda k: alike(k, s))] for s in sentences]

    return answer


# %% q6, 8 of 24 points: a table of all days, nothing learned
def train(pairs, seed):
    known = {}
    for n in range(73_000):
        day = datetime.date(1900, 1, 1) + datetime.timedelta(n)
        d, m, y = ordinal(day.day), f"{day:%B}".lower(), year(day.year)
        ways = f"the {d} of {m} {y}", f"{m} the {d} {y}", f"{day:%A}".lower() + f" {d} {m} {y}"
        known |= dict.fromkeys(ways, f"{day.day}.{day.month}.{day.year}")
    return lambda sentences: [known.get(sentence, "") for sentence in sentences]


# %% q6, 8 of 24 points: trains on the validation dates as well
# replace:
#     keras.utils.set_random_seed(seed)
# with:
#     keras.utils.set_random_seed(seed)
#     pairs = [*pairs, *validation]
