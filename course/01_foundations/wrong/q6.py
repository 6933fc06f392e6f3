# Wrong answers to question 6: each gets the points its first line states, and costs no others.


# %% q6, 0 of 12 points: adds the decay to the gradient, where Adam divides it away
class AdamW:
    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps, self.m, self.v = 0, {}, {}

    def apply(self, gradients, parameters):
        self.steps += 1
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            g = g + self.weight_decay * p * (p.ndim > 1)
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            m, v = (
                self.m[i] / (1 - self.beta_1**self.steps),
                self.v[i] / (1 - self.beta_2**self.steps),
            )
            p -= self.learning_rate * m / (np.sqrt(v) + self.epsilon)


# %% q6, 0 of 12 points: the means are not corrected for their start at zero
class AdamW:
    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.m, self.v = {}, {}

    def apply(self, gradients, parameters):
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            step = self.m[i] / (np.sqrt(self.v[i]) + self.epsilon)
            p -= self.learning_rate * (step + self.weight_decay * p * (p.ndim > 1))


# %% q6, 0 of 12 points: makes new arrays, the network's own stay as they were
class AdamW:
    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps, self.m, self.v = 0, {}, {}

    def apply(self, gradients, parameters):
        self.steps += 1
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            m, v = (
                self.m[i] / (1 - self.beta_1**self.steps),
                self.v[i] / (1 - self.beta_2**self.steps),
            )
            step = m / (np.sqrt(v) + self.epsilon) + self.weight_decay * p * (p.ndim > 1)
            p = p - self.learning_rate * step


# %% q6, 5 of 12 points: biases decay like weights
class AdamW:
    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps, self.m, self.v = 0, {}, {}

    def apply(self, gradients, parameters):
        self.steps += 1
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            m, v = (
                self.m[i] / (1 - self.beta_1**self.steps),
                self.v[i] / (1 - self.beta_2**self.steps),
            )
            p -= self.learning_rate * (m / (np.sqrt(v) + self.epsilon) + self.weight_decay * p)


# %% q6, 5 of 12 points: counts a step for every parameter
class AdamW:
    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps, self.m, self.v = 0, {}, {}

    def apply(self, gradients, parameters):
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            self.steps += 1
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            m, v = (
                self.m[i] / (1 - self.beta_1**self.steps),
                self.v[i] / (1 - self.beta_2**self.steps),
            )
            step = m / (np.sqrt(v) + self.epsilon) + self.weight_decay * p * (p.ndim > 1)
            p -= self.learning_rate * step


# %% q6, 5 of 12 points: one memory for all optimizers of the class
class AdamW:
    m, v = {}, {}

    def __init__(
        self, learning_rate=0.001, weight_decay=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8
    ):
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps = 0

    def apply(self, gradients, parameters):
        self.steps += 1
        for i, (g, p) in enumerate(zip(gradients, parameters, strict=True)):
            self.m[i] = self.beta_1 * self.m.get(i, 0) + (1 - self.beta_1) * g
            self.v[i] = self.beta_2 * self.v.get(i, 0) + (1 - self.beta_2) * g**2
            m, v = (
                self.m[i] / (1 - self.beta_1**self.steps),
                self.v[i] / (1 - self.beta_2**self.steps),
            )
            step = m / (np.sqrt(v) + self.epsilon) + self.weight_decay * p * (p.ndim > 1)
            p -= self.learning_rate * step


# %% q6, 5 of 12 points: matrices decay, and the kernels of convolutions do not
# replace:
#             decay = self.weight_decay * p if p.ndim > 1 else 0
# with:
#             decay = self.weight_decay * p if p.ndim == 2 else 0


# %% q6, 5 of 12 points: epsilon inside of the root
# replace:
#             p -= self.learning_rate * (m_hat / (np.sqrt(v_hat) + self.epsilon) + decay)
# with:
#             p -= self.learning_rate * (m_hat / np.sqrt(v_hat + self.epsilon) + decay)


# %% q6, 5 of 12 points: parameters of one shape share their memory
# replace:
#             self.m = [np.zeros_like(p) for p in parameters]
#             self.v = [np.zeros_like(p) for p in parameters]
# with:
#             shapes = {p.shape: (np.zeros_like(p), np.zeros_like(p)) for p in parameters}
#             self.m = [shapes[p.shape][0] for p in parameters]
#             self.v = [shapes[p.shape][1] for p in parameters]
