# ---
# jupyter:
#   aimodels:
#     title: "Exercises: What comes next"
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises: What comes next
#
# One way to solve each exercise of the lesson. Try them yourself first.

# %%
import aimodels

aimodels.start(seed=1)

# %%
import math

import numpy as np
from scipy.special import log_softmax

from aimodels import scaling_laws
from aimodels.cost_model import Machine
from aimodels.course import claim, measured, recorded

# %% [markdown]
# ## Exercise 1: by hand
#
# $8 / \sqrt{64} = 1$, so $L = 2.5$. Below 1.6 the second term must be below 0.1, so
# $\sqrt N > 80$ and $N > 6400$.
#
# The line through $N = 16$ ($L = 3.5$) and $N = 64$ ($L = 2.5$) in the logarithms has the exponent
# $\log(3.5 / 2.5) / \log 4$. At 6,400 it promises far less than 1.6, and far less than $E$.

# %%
law = scaling_laws.ScalingLaw(1.5, (8.0,), (0.5,))
print(law.loss([64, 6400]))
exponent = math.log(3.5 / 2.5) / math.log(4)
promised = 2.5 * (6400 / 64) ** -exponent
print(f"exponent {exponent:.3f}, promised at 6,400: {promised:.2f}")
assert promised < law.floor

# %% [markdown]
# ## Exercise 2: two sizes
#
# Eight points, five unknown numbers.

# %%
gpts = recorded("gpt_scaling")["figures"]
runs = [*gpts["sizes"], *gpts["texts"][:-1]]
losses, sizes, letters = (
    [one[key] for one in runs] for key in ("loss", "parameters in blocks", "letters")
)
both = scaling_laws.fit(losses, sizes, letters)
low, high = np.quantile([law.floor for law in both.redrawn], [0.025, 0.975])
for name, term in (("size", 0), ("text", 1)):
    ends = [measured(end) for end in both.exponent_interval(term)]
    middle = measured(both.law.exponents[term])
    print(f"exponent of {name} {middle:.2f}, {ends[0]:.2f} to {ends[1]:.2f}")
print(f"E {measured(low):.2f} to {measured(high):.2f}")
claim("width of E's interval", high - low, at_least=0.3)

# %% [markdown]
# $E$ may be zero or half of the loss: these points do not tell. So nothing follows about the loss
# of a far larger model, and the two exponents are worth little too: $E$ and the exponents pull at
# each other. (Also, this $D$ is the text that there is, read many times, not the tokens read.)
#
# ## Exercise 3: one bad run

# %%
x = np.geomspace(1e4, 1e8, 10)
right = scaling_laws.ScalingLaw(1.5, (20.0,), (0.25,)).loss(x)
wrong = right.copy()
wrong[4] *= 1.2
moved = {}
for huber in (0.01, 1000):
    [found] = scaling_laws.fit(wrong, x, huber=huber, repeats=1).law.exponents
    moved[huber] = abs(found - 0.25)
    print(f"huber={huber:g}: exponent {found:.3f}")
claim("moved by Huber's", moved[0.01], at_most=0.02)
claim("moved by squares, times as far", moved[1000] / moved[0.01], at_least=3)

# %% [markdown]
# ## Exercise 4: the factor
#
# As long as the right cosine is the largest of its row and of its column, a larger factor makes the
# loss smaller, without end. If a wrong one is larger, a large factor is punished: there is a best
# one, and training finds it.


# %%
def loss(z):
    rows, columns = log_softmax(z, axis=1), log_softmax(z, axis=0)
    return -(np.diag(rows) + np.diag(columns)).mean() / 2


right, wrong = (np.array(c) for c in ([[0.9, 0.1], [0.3, 0.8]], [[0.9, 0.1], [0.95, 0.8]]))
for factor in (1, 3, 10, 30):
    print(f"factor {factor:>2}: {loss(factor * right):.3f} and {loss(factor * wrong):.3f}")
factors = np.geomspace(0.1, 100, 301)
best = factors[np.argmin([loss(factor * wrong) for factor in factors])]
print(f"with a wrong one ahead, the best factor is {best:.1f}")

# %% [markdown]
# ## Exercise 5: break-even
#
# One machine costs $m = 730.5\, p$ per month, since an average month has 730.5 hours; the service
# $qV$ for $V$ million tokens. So $V = m / q$, if the machine can write as many. Otherwise the
# second machine must be paid, too: $k$ machines cost $km$, $V = km / q$ again, but that many write
# just $k$ times as much. So more machines never help, if there is nothing fixed to share: either
# the first one pays, or none does.

# %%
machine = Machine(price_per_hour=0.4, tokens_per_second=2000, utilisation=0.2)
for price in (2.0, 0.3, 0.2):
    even = machine.break_even(price)
    by_hand = 1e6 * 0.4 * 730.5 / price
    print(f"price {price}: by hand {by_hand:,.0f}, most of one machine "
          f"{machine.tokens_per_month:,.0f}, break-even {even:,.0f}")  # fmt: skip
    assert math.isclose(even, by_hand) or (even == math.inf and by_hand > machine.tokens_per_month)

# %% [markdown]
# ## Exercise 6: two servers
#
# A request goes to the server that is free first, and takes twice as long there.


# %%
def p50_and_p99(load, servers, number=200_000):
    dice = np.random.default_rng(0)
    gaps, work = dice.exponential(1 / load, number), dice.exponential(servers, number)
    free, clock, took = np.zeros(servers), 0.0, []
    for gap, effort in zip(gaps, work, strict=True):
        clock += gap
        one = free.argmin()
        free[one] = max(free[one], clock) + effort
        took.append(free[one] - clock)
    return np.percentile(took, [50, 99])


one, two = (p50_and_p99(0.9, servers) for servers in (1, 2))
for name, (p50, p99) in (("one fast", one), ("two slow", two)):
    print(f"{name}: p50 {p50:.1f}, p99 {p99:.1f}")
assert two[0] > one[0]

# %% [markdown]
# Half of the requests take longer, since each is computed at half the speed. At this load nearly
# all of the time is waiting, so that p99 is about the same. Two slow servers are not one fast one;
# they are bought for another reason: one may fail.
