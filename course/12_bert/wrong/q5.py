# %% q5, 0 of 12 points: strangers from all documents, its own too
# replace:
#         others = documents[:number] + documents[number + 1 :]
# with:
#         others = documents


# %% q5, 0 of 12 points: the labels the other way round: 1 for a stranger
# replace:
#             pairs.append((first, second, int(coin < 0.5)))
# with:
#             pairs.append((first, second, int(coin >= 0.5)))


# %% q5, 0 of 12 points: strangers where the coin is small
# replace:
#             if coin >= 0.5:
# with:
#             if coin < 0.5:


# %% q5, 0 of 12 points: the last sentence of a document is followed by the first of the next
# replace:
#         for first, second in itertools.pairwise(document):
# with:
#         after = [s for other in documents[number + 1 :] for s in other][:1]
#         for first, second in itertools.pairwise([*document, *after]):


# %% q5, 0 of 12 points: each document counts its pairs from 0 again
# replace:
#         for first, second in itertools.pairwise(document):
#             coin, pick = coins[len(pairs)], picks[len(pairs)]
# with:
#         for i, (first, second) in enumerate(itertools.pairwise(document)):
#             coin, pick = coins[i], picks[i]


# %% q5, 8 of 12 points: a coin of exactly 0.5 is still the next sentence
# replace:
#             if coin >= 0.5:
# with:
#             if coin > 0.5:
# replace:
#             pairs.append((first, second, int(coin < 0.5)))
# with:
#             pairs.append((first, second, int(coin <= 0.5)))


# %% q5, 0 of 12 points: any word in common, short ones too
# replace:
#     return [int(any(len(word) >= letters for word in a & b)) for a, b in found]
# with:
#     return [int(bool(a & b)) for a, b in found]


# %% q5, 4 of 12 points: large and small letters are different
# replace:
#     found = [[set(re.findall(r"\w+", text.lower())) for text in pair[:2]] for pair in pairs]
# with:
#     found = [[set(re.findall(r"\w+", text)) for text in pair[:2]] for pair in pairs]


# %% q5, 4 of 12 points: a document with the same sentences is taken for its own
# replace:
#         others = documents[:number] + documents[number + 1 :]
# with:
#         others = [other for other in documents if other != document]


# %% q5, 4 of 12 points: documents of one sentence are left out altogether
# replace:
#         others = documents[:number] + documents[number + 1 :]
# with:
#         others = documents[:number] + documents[number + 1 :]
#         others = [other for other in others if len(other) > 1]


# %% q5, 4 of 12 points: leaves out each sentence of its own document, wherever it stands
# replace:
#         strangers = [sentence for other in others for sentence in other]
# with:
#         strangers = [s for other in others for s in other if s not in document]


# %% q5, 4 of 12 points: the other documents' sentences, without those that come twice
# replace:
#         strangers = [sentence for other in others for sentence in other]
# with:
#         strangers = [*dict.fromkeys(sentence for other in others for sentence in other)]


# %% q5, 4 of 12 points: always five letters, whatever was asked for
# replace:
#     return [int(any(len(word) >= letters for word in a & b)) for a, b in found]
# with:
#     return [int(any(len(word) >= 5 for word in a & b)) for a, b in found]


# %% q5, 4 of 12 points: more letters than were asked for
# replace:
#     return [int(any(len(word) >= letters for word in a & b)) for a, b in found]
# with:
#     return [int(any(len(word) > min(letters, 4) for word in a & b)) for a, b in found]


# %% q5, 4 of 12 points: a part of a word is enough
# replace:
#     found = [[set(re.findall(r"\w+", text.lower())) for text in pair[:2]] for pair in pairs]
#     return [int(any(len(word) >= letters for word in a & b)) for a, b in found]
# with:
#     words = [re.findall(r"\w+", pair[0].lower()) for pair in pairs]
#     texts = [pair[1].lower() for pair in pairs]
#     both = zip(words, texts, strict=True)
#     return [int(any(len(word) >= letters and word in text for word in w)) for w, text in both]


# %% q5, 0 of 12 points: takes its own document out of the list that it was given
# replace:
#         others = documents[:number] + documents[number + 1 :]
# with:
#         others = documents[:number] + documents[number + 1 :]
#         documents[number] = document[:-1] or document
