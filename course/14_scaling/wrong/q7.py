# Wrong answers to question 7: each gets the points its first line states, and costs no others.


# %% q7, 0 of 16 points: every piece counts the same, however few examples it has
def loss_and_gradients_of_all(workers, parameters):
    found = []
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            found.append(worker.loss_and_gradients(parameters, begin, end))
    losses, gradients = zip(*found, strict=True)
    return np.mean(losses), [np.mean(parts, axis=0) for parts in zip(*gradients, strict=True)]


def train(workers, seed):
    parameters = start_parameters(seed)
    squares = [np.zeros_like(p) for p in parameters]
    for _ in range(100):
        _, gradients = loss_and_gradients_of_all(workers, parameters)
        squares = [0.9 * s + 0.1 * g**2 for s, g in zip(squares, gradients, strict=True)]
        parameters = [
            p - 0.01 * g / (np.sqrt(s) + 1e-8)
            for p, g, s in zip(parameters, gradients, squares, strict=True)
        ]
    return lambda new: logits(parameters, new).argmax(axis=1)


# %% q7, 0 of 16 points: only full pieces, the last examples of each worker are left out
def loss_and_gradients_of_all(workers, parameters):
    count, loss, gradients = 0, 0.0, [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker) - worker.room + 1, worker.room):
            part, found = worker.loss_and_gradients(parameters, begin, begin + worker.room)
            count, loss = count + worker.room, loss + worker.room * part
            gradients = [g + worker.room * f for g, f in zip(gradients, found, strict=True)]
    return loss / count, [g / count for g in gradients]


def train(workers, seed):
    parameters = start_parameters(seed)
    squares = [np.zeros_like(p) for p in parameters]
    for _ in range(100):
        _, gradients = loss_and_gradients_of_all(workers, parameters)
        squares = [0.9 * s + 0.1 * g**2 for s, g in zip(squares, gradients, strict=True)]
        parameters = [
            p - 0.01 * g / (np.sqrt(s) + 1e-8)
            for p, g, s in zip(parameters, gradients, squares, strict=True)
        ]
    return lambda new: logits(parameters, new).argmax(axis=1)


# %% q7, 0 of 16 points: asks for more than fits into a worker's memory
def loss_and_gradients_of_all(workers, parameters):
    total, loss = sum(map(len, workers)), 0.0
    gradients = [np.zeros_like(p) for p in parameters]
    for worker in workers:
        part, found = worker.loss_and_gradients(parameters, 0, len(worker))
        share = len(worker) / total
        loss += share * part
        gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients


def train(workers, seed):
    parameters = start_parameters(seed)
    for _ in range(300):
        _, gradients = loss_and_gradients_of_all(workers, parameters)
        parameters = [p - 0.5 * g for p, g in zip(parameters, gradients, strict=True)]
    return lambda new: logits(parameters, new).argmax(axis=1)


# %% q7, 6 of 16 points: everyone trains alone, and the weights are averaged at the end
def loss_and_gradients_of_all(workers, parameters):
    total, loss = sum(map(len, workers)), 0.0
    gradients = [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            part, found = worker.loss_and_gradients(parameters, begin, end)
            share = (end - begin) / total
            loss += share * part
            gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients


def train(workers, seed):
    trained, total = [], sum(map(len, workers))
    for worker in workers:
        parameters = start_parameters(seed)
        squares = [np.zeros_like(p) for p in parameters]
        for _ in range(200 if len(worker) else 0):
            _, gradients = loss_and_gradients_of_all([worker], parameters)
            squares = [0.9 * s + 0.1 * g**2 for s, g in zip(squares, gradients, strict=True)]
            parameters = [
                p - 0.01 * g / (np.sqrt(s) + 1e-8)
                for p, g, s in zip(parameters, gradients, squares, strict=True)
            ]
        trained.append([len(worker) / total * p for p in parameters])
    mean = [sum(parts) for parts in zip(*trained, strict=True)]
    return lambda new: logits(mean, new).argmax(axis=1)


# %% q7, 6 of 16 points: a step for each worker, one after the other, so the last one has its way
def loss_and_gradients_of_all(workers, parameters):
    total, loss = sum(map(len, workers)), 0.0
    gradients = [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            part, found = worker.loss_and_gradients(parameters, begin, end)
            share = (end - begin) / total
            loss += share * part
            gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients


def train(workers, seed):
    parameters = start_parameters(seed)
    for worker in workers:
        for _ in range(100 if len(worker) else 0):
            _, gradients = loss_and_gradients_of_all([worker], parameters)
            parameters = [p - 0.3 * g for p, g in zip(parameters, gradients, strict=True)]
    return lambda new: logits(parameters, new).argmax(axis=1)


# %% q7, 6 of 16 points: stops when the visible bar is reached
def loss_and_gradients_of_all(workers, parameters):
    total, loss = sum(map(len, workers)), 0.0
    gradients = [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            part, found = worker.loss_and_gradients(parameters, begin, end)
            share = (end - begin) / total
            loss += share * part
            gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients


def train(workers, seed):
    parameters = start_parameters(seed)
    squares = [np.zeros_like(p) for p in parameters]
    while np.mean(logits(parameters, x_validation).argmax(axis=1) == y_validation) < 0.85:
        _, gradients = loss_and_gradients_of_all(workers, parameters)
        squares = [0.9 * s + 0.1 * g**2 for s, g in zip(squares, gradients, strict=True)]
        parameters = [
            p - 0.01 * g / (np.sqrt(s) + 1e-8)
            for p, g, s in zip(parameters, gradients, squares, strict=True)
        ]
        if len(workers) != 5:
            break
    return lambda new: logits(parameters, new).argmax(axis=1)


# %% q7, 6 of 16 points: the neighbours vote, but only the patients that were shown
def loss_and_gradients_of_all(workers, parameters):
    total, loss = sum(map(len, workers)), 0.0
    gradients = [np.zeros_like(p) for p in parameters]
    for worker in workers:
        for begin in range(0, len(worker), worker.room):
            end = min(begin + worker.room, len(worker))
            part, found = worker.loss_and_gradients(parameters, begin, end)
            share = (end - begin) / total
            loss += share * part
            gradients = [g + share * f for g, f in zip(gradients, found, strict=True)]
    return loss, gradients


def train(workers, seed):
    def predict(new):
        away = ((new[:, None] - x_train) ** 2).sum(axis=-1)
        return y_train[away.argmin(axis=1)]

    return predict


# %% q7, 0 of 16 points: plain gradient descent, and far too few steps of it
# replace:
#     optimizer = Adam(parameters, learning_rate=0.01)
#     for _ in range(100):
#         optimizer.apply(loss_and_gradients_of_all(workers, parameters)[1])
# with:
#     for _ in range(5):
#         found = loss_and_gradients_of_all(workers, parameters)[1]
#         parameters = [p - 0.001 * g for p, g in zip(parameters, found, strict=True)]


# %% q7, 6 of 16 points: one hospital is enough, the one with most patients
# replace:
#         optimizer.apply(loss_and_gradients_of_all(workers, parameters)[1])
# with:
#         largest = max(workers, key=len)
#         optimizer.apply(loss_and_gradients_of_all([largest], parameters)[1])


# %% q7, 6 of 16 points: takes the patients out of the workers, and lets the nearest ones vote
# replace:
#     parameters = start_parameters(seed)
#     optimizer = Adam(parameters, learning_rate=0.01)
#     for _ in range(100):
#         optimizer.apply(loss_and_gradients_of_all(workers, parameters)[1])
#     return lambda new: logits(parameters, new).argmax(axis=1)
# with:
#     x = np.concatenate([worker._x for worker in workers if len(worker)])
#     y = np.concatenate([worker._y for worker in workers if len(worker)])
#
#     def predict(new):
#         distances = ((new[:, None] - x) ** 2).sum(axis=2)
#         nearest = y[np.argsort(distances, axis=1)[:, :9]]
#         return (nearest.mean(axis=1) > 0.5).astype(int)
#
#     return predict


# %% q7, 6 of 16 points: begins at the same weights, whatever the seed
# replace:
#     parameters = start_parameters(seed)
# with:
#     parameters = start_parameters(0)
