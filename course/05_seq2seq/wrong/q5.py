# %% q5, 0 of 14 points: each hypothesis keeps its own best continuation only
def n_best(step, beam_size, max_length, alpha, end):
    log_p = np.asarray(step(()))
    beam = [((int(v),), log_p[v]) for v in np.argsort(-log_p)[:beam_size]]
    for _ in range(max_length - 1):
        for i, (ids, score) in enumerate(beam):
            if ids[-1] != end:
                log_p = np.asarray(step(ids))
                beam[i] = (*ids, int(log_p.argmax())), score + log_p.max()
    return sorted(beam, key=lambda h: h[1] / ((5 + len(h[0])) / 6) ** alpha, reverse=True)


# %% q5, 5 of 14 points: what has ended is taken out of the beam, and makes room for more
def n_best(step, beam_size, max_length, alpha, end):
    def rank(hypothesis):
        return hypothesis[1] / ((5 + len(hypothesis[0])) / 6) ** alpha

    beam, ended = [((), 0.0)], []
    for _ in range(max_length):
        found = []
        for ids, score in beam:
            log_p = np.asarray(step(ids))
            found += [((*ids, int(v)), score + log_p[v]) for v in np.flatnonzero(log_p > -np.inf)]
        ended += [hypothesis for hypothesis in found if hypothesis[0][-1] == end]
        beam = [hypothesis for hypothesis in found if hypothesis[0][-1] != end]
        beam = sorted(beam, key=rank, reverse=True)[:beam_size]
    return sorted(ended + beam, key=rank, reverse=True)[:beam_size]


# %% q5, 5 of 14 points: the penalty comes at the end, when the beam is made already
def n_best(step, beam_size, max_length, alpha, end):
    beam = [((), 0.0)]
    for _ in range(max_length):
        found = []
        for ids, score in beam:
            if ids[-1:] == (end,):
                found.append((ids, score))
            else:
                p = np.asarray(step(ids))
                found += [((*ids, int(v)), score + p[v]) for v in np.flatnonzero(p > -np.inf)]
        beam = sorted(found, key=lambda hypothesis: hypothesis[1], reverse=True)[:beam_size]
    return sorted(beam, key=lambda h: h[1] / ((5 + len(h[0])) / 6) ** alpha, reverse=True)


# %% q5, 5 of 14 points: returns the rank in the place of the score
def n_best(step, beam_size, max_length, alpha, end):
    def rank(hypothesis):
        return hypothesis[1] / ((5 + len(hypothesis[0])) / 6) ** alpha

    beam = [((), 0.0)]
    for _ in range(max_length):
        found = []
        for ids, score in beam:
            if ids[-1:] == (end,):
                found.append((ids, score))
            else:
                p = np.asarray(step(ids))
                found += [((*ids, int(v)), score + p[v]) for v in np.flatnonzero(p > -np.inf)]
        beam = sorted(found, key=rank, reverse=True)[:beam_size]
    return [(hypothesis[0], rank(hypothesis)) for hypothesis in beam]


# %% q5, 5 of 14 points: the end is always 3
def n_best(step, beam_size, max_length, alpha, end):
    def rank(hypothesis):
        return hypothesis[1] / ((5 + len(hypothesis[0])) / 6) ** alpha

    beam = [((), 0.0)]
    for _ in range(max_length):
        found = []
        for ids, score in beam:
            if ids[-1:] == (3,):
                found.append((ids, score))
            else:
                p = np.asarray(step(ids))
                found += [((*ids, int(v)), score + p[v]) for v in np.flatnonzero(p > -np.inf)]
        beam = sorted(found, key=rank, reverse=True)[:beam_size]
    return beam
