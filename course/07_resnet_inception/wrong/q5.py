# %% q5, 0 of 14 points: forgets the bias
# replace:
#     return features @ kernel[:, label] + bias[label]
# with:
#     return features @ kernel[:, label]


# %% q5, 0 of 14 points: keeps the positive part only
# replace:
#     return features @ kernel[:, label] + bias[label]
# with:
#     return np.maximum(features @ kernel[:, label] + bias[label], 0)


# %% q5, 0 of 14 points: its sum is the logit, not its mean
# replace:
#     return features @ kernel[:, label] + bias[label]
# with:
#     heat = features @ kernel[:, label] + bias[label]
#     return heat / heat.size


# %% q5, 0 of 14 points: a row of the kernel, as PyTorch keeps it
# replace:
#     return features @ kernel[:, label] + bias[label]
# with:
#     return features @ kernel.T[:, label] + bias[label]


# %% q5, 0 of 14 points: the probability of the class at each place
# replace:
#     return features @ kernel[:, label] + bias[label]
# with:
#     logits = np.exp(features @ kernel + bias)
#     return logits[..., label] / logits.sum(axis=-1)


# %% q5, 0 of 14 points: evidence is half of the largest number, wherever the smallest lies
# replace:
#     places = np.nonzero(heat >= (heat.min() + heat.max()) / 2)
# with:
#     places = np.nonzero(heat >= heat.max() / 2)


# %% q5, 5 of 14 points: exactly in the middle is no evidence
# replace:
#     places = np.nonzero(heat >= (heat.min() + heat.max()) / 2)
# with:
#     places = np.nonzero(heat > (heat.min() + heat.max()) / 2)


# %% q5, 0 of 14 points: evidence is what is above zero
# replace:
#     places = np.nonzero(heat >= (heat.min() + heat.max()) / 2)
# with:
#     places = np.nonzero(heat >= 0)


# %% q5, 0 of 14 points: ends where the last place begins
# replace:
#         box += [place.min() * size // count, -(-(place.max() + 1) * size // count)]
# with:
#         box += [place.min() * size // count, place.max() * size // count]


# %% q5, 5 of 14 points: leaves out the pixels that are covered in part
# replace:
#         box += [place.min() * size // count, -(-(place.max() + 1) * size // count)]
# with:
#         box += [place.min() * size // count, (place.max() + 1) * size // count]


# %% q5, 5 of 14 points: rounds to the nearest pixel
# replace:
#         box += [place.min() * size // count, -(-(place.max() + 1) * size // count)]
# with:
#         box += [round(place.min() * size / count), round((place.max() + 1) * size / count)]


# %% q5, 0 of 14 points: the box in places, not in pixels
# replace:
#         box += [place.min() * size // count, -(-(place.max() + 1) * size // count)]
# with:
#         box += [place.min(), place.max() + 1]


# %% q5, 0 of 14 points: left and right first
# replace:
#     return tuple(box)
# with:
#     return (*box[2:], *box[:2])


# %% q5, 0 of 14 points: two corners in the place of two intervals
# replace:
#     return tuple(box)
# with:
#     return (box[0], box[2], box[1], box[3])
