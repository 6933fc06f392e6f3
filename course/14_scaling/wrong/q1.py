# Wrong answers to question 1: each gets the points its first line states, and costs no others.


# %% q1, 0 of 12 points: forgets that biases are parameters, too
def memory(sizes, batch_size, num_microbatches=1, mixed=False):
    parameters = sum(n * m for n, m in itertools.pairwise(sizes))
    rows, size = -(-batch_size // num_microbatches), 2 if mixed else 4
    return {
        "weights": (6 if mixed else 4) * parameters,
        "gradients": size * parameters,
        "optimizer": 8 * parameters,
        "activations": size * rows * sum(sizes),
    }


# %% q1, 0 of 12 points: halves everything in mixed precision, Adam's means and the weights as well
def memory(sizes, batch_size, num_microbatches=1, mixed=False):
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    rows, size = -(-batch_size // num_microbatches), 2 if mixed else 4
    return {
        "weights": size * parameters,
        "gradients": size * parameters,
        "optimizer": 2 * size * parameters,
        "activations": size * rows * sum(sizes),
    }


# %% q1, 0 of 12 points: rounds the largest piece down
def memory(sizes, batch_size, num_microbatches=1, mixed=False):
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    rows, size = batch_size // num_microbatches, 2 if mixed else 4
    return {
        "weights": (6 if mixed else 4) * parameters,
        "gradients": size * parameters,
        "optimizer": 8 * parameters,
        "activations": size * rows * sum(sizes),
    }


# %% q1, 4 of 12 points: a network has two layers
def memory(sizes, batch_size, num_microbatches=1, mixed=False):
    n, h, m = (*sizes, 0, 0)[:3]
    parameters = (n + 1) * h + (h + 1) * m
    rows, size = -(-batch_size // num_microbatches), 2 if mixed else 4
    return {
        "weights": (6 if mixed else 4) * parameters,
        "gradients": size * parameters,
        "optimizer": 8 * parameters,
        "activations": size * rows * (n + h + m),
    }


# %% q1, 0 of 12 points: the last layer's outputs are not kept
# replace:
#         "activations": (2 if mixed else 4) * rows * sum(sizes),
# with:
#         "activations": (2 if mixed else 4) * rows * sum(sizes[:-1]),


# %% q1, 4 of 12 points: one example more than a piece has
# replace:
#     rows = -(-batch_size // num_microbatches)
# with:
#     rows = batch_size // num_microbatches + (num_microbatches > 1)
