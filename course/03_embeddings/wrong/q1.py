# %% q1, 0 of 12 points: joins all sentences to one, so that windows cross their ends
def pairs(sentences, before, after, min_count):
    line = [word for sentence in sentences for word in sentence]
    counts = Counter(line)
    line = [word for word in line if counts[word] >= min_count]
    found = []
    for i, centre in enumerate(line):
        around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + after]
        found += [(centre, neighbour) for neighbour in around]
    return found


# %% q1, 0 of 12 points: lays the window first, and takes rare words out of the pairs
def pairs(sentences, before, after, min_count):
    counts = Counter(word for sentence in sentences for word in sentence)
    found = []
    for line in sentences:
        for i, centre in enumerate(line):
            around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + after]
            found += [(centre, neighbour) for neighbour in around]
    return [(a, b) for a, b in found if min(counts[a], counts[b]) >= min_count]


# %% q1, 4 of 12 points: a slice that starts below 0 counts from the back, and is empty
def pairs(sentences, before, after, min_count):
    counts = Counter(word for sentence in sentences for word in sentence)
    found = []
    for sentence in sentences:
        line = [word for word in sentence if counts[word] >= min_count]
        for i, centre in enumerate(line):
            around = line[i - before : i] + line[i + 1 : i + 1 + after]
            found += [(centre, neighbour) for neighbour in around]
    return found


# %% q1, 4 of 12 points: tells places apart by their words, so that equal words never meet
def pairs(sentences, before, after, min_count):
    counts = Counter(word for sentence in sentences for word in sentence)
    found = []
    for sentence in sentences:
        line = [word for word in sentence if counts[word] >= min_count]
        for i, centre in enumerate(line):
            around = line[max(i - before, 0) : i + 1 + after]
            found += [(centre, neighbour) for neighbour in around if neighbour != centre]
    return found


# %% q1, 0 of 12 points: looks as far after the centre as before it
def pairs(sentences, before, after, min_count):
    counts = Counter(word for sentence in sentences for word in sentence)
    found = []
    for sentence in sentences:
        line = [word for word in sentence if counts[word] >= min_count]
        for i, centre in enumerate(line):
            around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + before]
            found += [(centre, neighbour) for neighbour in around]
    return found


# %% q1, 4 of 12 points: looks at least one place ahead, even where after is 0
# replace:
#             around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + after]
# with:
#             around = line[max(i - before, 0) : i] + line[i + 1 : i + 1 + max(after, 1)]
