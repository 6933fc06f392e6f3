# %% q3, 0 of 15 points: skips the blank between equal symbols, too
# replace:
#         jumps = np.append([False, False], states[2:] != states[:-2])[: len(states)]
# with:
#         jumps = (np.arange(len(states)) > 1) & (states > 0)


# %% q3, 0 of 15 points: never skips a blank
# replace:
#         jumps = np.append([False, False], states[2:] != states[:-2])[: len(states)]
# with:
#         jumps = np.zeros(len(states), bool)


# %% q3, 0 of 15 points: skips symbols as well
# replace:
#         jumps = np.append([False, False], states[2:] != states[:-2])[: len(states)]
# with:
#         jumps = np.arange(len(states)) > 1


# %% q3, 0 of 15 points: must end with a blank
# replace:
#         found.append(np.logaddexp.reduce(alpha[-2:]))
# with:
#         found.append(alpha[-1])


# %% q3, 0 of 15 points: must end with a symbol
# replace:
#         found.append(np.logaddexp.reduce(alpha[-2:]))
# with:
#         found.append(alpha[-2])


# %% q3, 0 of 15 points: must begin with a blank
# replace:
#         for row in rows[:t]:
# with:
#         alpha[2] = rows[0][0]
#         for row in rows[1:t]:


# %% q3, 0 of 15 points: the best path, not all paths
# replace:
#             alpha[2:] = np.logaddexp.reduce([alpha[2:], alpha[1:-1], skip]) + row[states]
#         found.append(np.logaddexp.reduce(alpha[-2:]))
# with:
#             alpha[2:] = np.max([alpha[2:], alpha[1:-1], skip], axis=0) + row[states]
#         found.append(np.max(alpha[-2:]))


# %% q3, 0 of 15 points: reads the frames of padding
# replace:
#         for row in rows[:t]:
# with:
#         for row in rows:


# %% q3, 0 of 15 points: takes padding for symbols
# replace:
#         states = np.zeros(2 * n + 1, int)
#         states[1::2] = label[:n]
# with:
#         states = np.zeros(2 * len(label) + 1, int)
#         states[1::2] = label


# %% q3, 0 of 15 points: the blank is the last symbol, as in tf.nn.ctc_loss
# replace:
#         states = np.zeros(2 * n + 1, int)
# with:
#         states = np.full(2 * n + 1, rows.shape[1] - 1)


# %% q3, 0 of 15 points: the loss, so minus the logarithm
# replace:
#     return np.array(found)
# with:
#     return -np.array(found)


# %% q3, 5 of 15 points: multiplies probabilities
# replace:
#         alpha = np.full(len(states) + 2, -np.inf)
#         alpha[2] = 0  # before the first frame; two places in front, where nothing comes from
#         for row in rows[:t]:
#             skip = np.where(jumps, alpha[:-2], -np.inf)
#             alpha[2:] = np.logaddexp.reduce([alpha[2:], alpha[1:-1], skip]) + row[states]
#         found.append(np.logaddexp.reduce(alpha[-2:]))
# with:
#         alpha = np.zeros(len(states) + 2)
#         alpha[2] = 1
#         for row in rows[:t]:
#             skip = np.where(jumps, alpha[:-2], 0)
#             alpha[2:] = (alpha[2:] + alpha[1:-1] + skip) * np.exp(row[states])
#         with np.errstate(divide="ignore"):
#             found.append(np.log(alpha[-2:].sum()))


# %% q3, 5 of 15 points: a list of all paths, which is endless
# replace:
#     found = []
#     for rows, label, t, n in zip(log_p, labels, num_frames, num_symbols, strict=True):
# with:
#     found = []
#     for rows, label, t, n in zip(log_p, labels, num_frames, num_symbols, strict=True):
#         if rows.shape[1] ** int(t) > 10**5:
#             raise MemoryError("too many paths")


# %% q3, 5 of 15 points: its own sum of logarithms knows no logarithm of 0
def ctc_log_probability(log_p, labels, num_frames, num_symbols):
    nothing = -1e30

    def add(numbers):
        top = max(numbers)
        return top + np.log(sum(np.exp(number - top) for number in numbers))

    log_p = np.asarray(log_p, dtype=float)
    result = []
    for b in range(len(log_p)):
        states = [0]
        for symbol in labels[b][: num_symbols[b]]:
            states += [int(symbol), 0]
        S = len(states)
        alpha = [nothing] * S
        for s in range(min(2, S)):
            alpha[s] = log_p[b, 0, states[s]]
        for t in range(1, num_frames[b]):
            new = []
            for s in range(S):
                terms = [alpha[s]]
                if s > 0:
                    terms.append(alpha[s - 1])
                if s > 1 and states[s] != states[s - 2]:
                    terms.append(alpha[s - 2])
                new.append(add(terms) + log_p[b, t, states[s]])
            alpha = new
        total = add(alpha[-2:])
        result.append(-np.inf if total < -1e20 else total)
    return np.array(result)
