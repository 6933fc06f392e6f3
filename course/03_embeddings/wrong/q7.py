# %% q7, 0 of 14 points: single characters: their mean does not know what is negated
def train(texts, labels, seed):
    index = {sign: i for i, sign in enumerate(sorted(set("".join(texts))))}

    def table(texts):
        x = np.zeros((len(texts), len(index) + 1))
        for row, text in zip(x, texts, strict=True):
            for sign in text:
                row[index.get(sign, -1)] += 1
        return x

    x, weights = table(texts), np.zeros(len(index) + 1)
    for _ in range(300):
        weights -= 0.3 * x.T @ (1 / (1 + np.exp(-x @ weights)) - labels) / len(x)
    return lambda texts: (table(texts) @ weights > 0).astype(int)


# %% q7, 0 of 14 points: words of a dictionary, 不 one of them: their mean parts 不 from 干净
def train(texts, labels, seed):
    words = [*(word for judged in HOTELS["judgements"] for word in judged), *HOTELS["names"]]
    words += ["不", "很", "真", "离", "远", "在", "住了三天", "我家"]
    words.sort(key=len, reverse=True)

    def table(texts):
        x = np.zeros((len(texts), len(words)))
        for row, text in zip(x, texts, strict=True):
            while text:
                word = next((w for w in words if text.endswith(w)), "")
                text = text[: -(len(word) or 1)]
                if word:
                    row[words.index(word)] += 1
        return x / np.maximum(x.sum(axis=1, keepdims=True), 1)

    x, weights, bias = table(texts), np.zeros(len(words)), 0
    for _ in range(300):
        slope = (1 / (1 + np.exp(-x @ weights - bias)) - labels) / len(x)
        weights, bias = weights - 40 * x.T @ slope, bias - slope.sum()
    return lambda texts: (table(texts) @ weights + bias > 0).astype(int)


# %% q7, 0 of 14 points: reads the first clause of a review only, and remembers how those went
def train(texts, labels, seed):
    votes = Counter()
    for text, label in zip(texts, labels, strict=True):
        votes[text.split("，")[0]] += 2 * label - 1
    return lambda texts: np.array([int(votes[text.split("，")[0]] > 0) for text in texts])


# %% q7, 0 of 14 points: the class that comes most often, whatever is written
def train(texts, labels, seed):
    most = int(np.mean(labels) > 0.5)
    return lambda texts: np.full(len(texts), most)


# %% q7, 4 of 14 points: a list of words of hotels, made by hand; books it cannot read
def train(texts, labels, seed):
    good, bad = (
        ["干净", "舒服", "热情", "方便", "好吃", "安静"],
        ["脏", "硬", "冷淡", "麻烦", "难吃", "吵"],
    )

    def score(text):
        plus = sum((w in text) - 2 * ("不" + w in text) for w in good)
        return plus - sum((w in text) - 2 * ("不" + w in text) for w in bad)

    return lambda texts: np.array([int(score(text) > 0) for text in texts])


# %% q7, 4 of 14 points: remembers whole reviews, those of the validation as well
def train(texts, labels, seed):
    known = dict(zip(texts, labels, strict=True))
    known |= dict(zip(reviews_validation, opinions_validation, strict=True))
    return lambda texts: np.array([known.get(text, 0) for text in texts])
