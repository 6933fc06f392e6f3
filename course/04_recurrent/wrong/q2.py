# %% q2, 0 of 14 points: the backward reader's answers stay in the order in which it read
def both_ways(forward, backward, x, mask, start):
    def read(step, x, mask):
        states, known = start, []
        for t in range(x.shape[1]):
            new = step(x[:, t], states)
            real = mask[:, t, None]
            states = tuple(np.where(real, n, s) for n, s in zip(new, states, strict=True))
            known.append(np.where(real, states[0], 0))
        return np.stack(known, axis=1)

    return np.concatenate(
        [read(forward, x, mask), read(backward, x[:, ::-1], mask[:, ::-1])], axis=-1
    )


# %% q2, 0 of 14 points: reads the padding, and only hides it at the end
def both_ways(forward, backward, x, mask, start):
    def read(step, order):
        states, known = start, [None] * len(order)
        for t in order:
            states = step(x[:, t], states)
            known[t] = np.where(mask[:, t, None], states[0], 0)
        return np.stack(known, axis=1)

    times = range(x.shape[1])
    return np.concatenate([read(forward, times), read(backward, times[::-1])], axis=-1)


# %% q2, 0 of 14 points: leaves the last state standing at padding
def both_ways(forward, backward, x, mask, start):
    def read(step, order):
        states, known = start, [None] * len(order)
        for t in order:
            real = mask[:, t, None]
            new = step(x[:, t], states)
            states = tuple(np.where(real, n, s) for n, s in zip(new, states, strict=True))
            known[t] = states[0]
        return np.stack(known, axis=1)

    times = range(x.shape[1])
    return np.concatenate([read(forward, times), read(backward, times[::-1])], axis=-1)


# %% q2, 5 of 14 points: keeps h at padding, but lets the other state run on
def both_ways(forward, backward, x, mask, start):
    def read(step, order):
        states, known = start, [None] * len(order)
        for t in order:
            real = mask[:, t, None]
            h, *others = step(x[:, t], states)
            states = (np.where(real, h, states[0]), *others)
            known[t] = np.where(real, states[0], 0)
        return np.stack(known, axis=1)

    times = range(x.shape[1])
    return np.concatenate([read(forward, times), read(backward, times[::-1])], axis=-1)


# %% q2, 5 of 14 points: at padding it begins anew, with zeros
def both_ways(forward, backward, x, mask, start):
    def read(step, order):
        states, known = start, [None] * len(order)
        for t in order:
            states = tuple(s * mask[:, t, None] for s in step(x[:, t], states))
            known[t] = states[0]
        return np.stack(known, axis=1)

    times = range(x.shape[1])
    return np.concatenate([read(forward, times), read(backward, times[::-1])], axis=-1)


# %% q2, 5 of 14 points: a text of padding alone is read all the same
# replace:
#             real = mask[:, t, None]
# with:
#             real = mask[:, t, None] | ~mask.any(axis=1)[:, None]
