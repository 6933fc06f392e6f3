# %% q5, 0 of 12 points: strangers from all documents, its own too
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for document in documents:
        others = documents
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 0 of 12 points: the labels the other way round: 1 for a stranger
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, 1 - label]
    return first, second, labels


# %% q5, 0 of 12 points: strangers where the coin is small
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] >= 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 0 of 12 points: the last sentence of a document is followed by the first of the next
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        after = [s for other in documents[number + 1 :] for s in other][:1]
        for a, b in itertools.pairwise([*document, *after]):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 0 of 12 points: each document counts its pairs from 0 again
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for i, (a, b) in enumerate(itertools.pairwise(document)):
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 4 of 12 points: a stranger may read as the true next sentence
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 4 of 12 points: a document with the same sentences is taken for its own
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for document in documents:
        others = [other for other in documents if other != document]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 4 of 12 points: documents of one sentence are left out altogether
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    documents = [document for document in documents if len(document) > 1]
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 4 of 12 points: leaves out each sentence of its own document, wherever it stands
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s not in document]
                if not strangers:
                    raise ValueError("no stranger")
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels


# %% q5, 4 of 12 points: no stranger: the pair is left out
def make_pairs(documents, coins, picks):
    first, second, labels = [], [], []
    for number, document in enumerate(documents):
        others = documents[:number] + documents[number + 1 :]
        for a, b in itertools.pairwise(document):
            i = len(labels)
            label = int(coins[i] < 0.5)
            if not label:
                strangers = [s for other in others for s in other if s != b]
                if not strangers:
                    continue
                b = strangers[int(picks[i] * len(strangers))]
            first, second, labels = [*first, a], [*second, b], [*labels, label]
    return first, second, labels
