# %% q2, 0 of 13 points: one operation for each parameter and token
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = (alpha * A / (beta * B) * (budget) ** beta) ** (1 / (alpha + beta))
# replace:
#     D = min(budget / (6 * N), max_tokens)
# with:
#     D = min(budget / N, max_tokens)
# replace:
#     N = budget / (6 * D)
# with:
#     N = budget / D


# %% q2, 4 of 13 points: the exponents exchanged
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = (alpha * A / (beta * B) * (budget / 6) ** alpha) ** (1 / (alpha + beta))


# %% q2, 0 of 13 points: Kaplan's exponent for N
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = 1.3e9 * (budget / 8.64e19) ** 0.73


# %% q2, 0 of 13 points: 20 tokens per parameter, whatever the law
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = (budget / 6 / 20) ** 0.5


# %% q2, 0 of 13 points: as many tokens as parameters
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = (budget / 6) ** 0.5


# %% q2, 0 of 13 points: does not know that text may end
# replace:
#     D = min(budget / (6 * N), max_tokens)
# with:
#     D = budget / (6 * N)


# %% q2, 0 of 13 points: less text, and the same network: the budget is not spent
# replace:
#     N = budget / (6 * D)
# with:


# %% q2, 4 of 13 points: always reads all text there is
# replace:
#     D = min(budget / (6 * N), max_tokens)
# with:
#     D = max_tokens if np.isfinite(max_tokens) else budget / (6 * N)


# %% q2, 0 of 13 points: the loss without its floor
# replace:
#     return N, D, E + A / N**alpha + B / D**beta
# with:
#     return N, D, A / N**alpha + B / D**beta


# %% q2, 0 of 13 points: the ratio of the two terms upside down
# replace:
#     N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
# with:
#     N = (beta * B / (alpha * A) * (budget / 6) ** beta) ** (1 / (alpha + beta))


# %% q2, 4 of 13 points: half of what is above the floor for each term
# replace:
#     N = (A * (1 + alpha / beta) / (loss - E)) ** (1 / alpha)
# with:
#     N = (2 * A / (loss - E)) ** (1 / alpha)
# replace:
#     D = (B * (1 + beta / alpha) / (loss - E)) ** (1 / beta)
# with:
#     D = (2 * B / (loss - E)) ** (1 / beta)


# %% q2, 0 of 13 points: each term may be all that is above the floor
# replace:
#     N = (A * (1 + alpha / beta) / (loss - E)) ** (1 / alpha)
# with:
#     N = (A / (loss - E)) ** (1 / alpha)
# replace:
#     D = (B * (1 + beta / alpha) / (loss - E)) ** (1 / beta)
# with:
#     D = (B / (loss - E)) ** (1 / beta)


# %% q2, 0 of 13 points: a loss below the floor costs nothing
# replace:
#         return np.inf
# with:
#         return 0.0


# %% q2, 0 of 13 points: the floor itself can be reached
# replace:
#     if loss <= E:
# with:
#     if loss < E:


# %% q2, 4 of 13 points: looks no further than 1e27 operations
def spend(budget, law, max_tokens=np.inf):
    E, A, B, alpha, beta = law
    N = (alpha * A / (beta * B) * (budget / 6) ** beta) ** (1 / (alpha + beta))
    D = budget / (6 * N)
    if max_tokens < D:
        D = max_tokens
        N = budget / (6 * D)
    return N, D, E + A / N**alpha + B / D**beta


def least_budget(loss, law):
    above = lambda log_budget: spend(np.exp(log_budget), law)[2] - loss  # noqa: E731
    low, high = np.log(1.0), np.log(1e27)
    if above(high) > 0:
        return np.inf
    if above(low) < 0:
        return 1.0
    return float(np.exp(brentq(above, low, high, xtol=1e-12)))
