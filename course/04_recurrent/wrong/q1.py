# %% q1, 0 of 12 points: the gate says how much is new, not how much is kept
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    f = sigmoid(a_f + peepholes[0] * c)
    c = (1 - f) * c + f * np.tanh(a_g)
    return sigmoid(a_o + peepholes[1] * c) * np.tanh(c), c


# %% q1, 0 of 12 points: everything that is new comes in, whatever is kept
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    c = sigmoid(a_f + peepholes[0] * c) * c + np.tanh(a_g)
    return sigmoid(a_o + peepholes[1] * c) * np.tanh(c), c


# %% q1, 0 of 12 points: the peephole looks at h, not at the memory
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    f = sigmoid(a_f + peepholes[0] * h)
    c = f * c + (1 - f) * np.tanh(a_g)
    return sigmoid(a_o + peepholes[1] * np.tanh(c)) * np.tanh(c), c


# %% q1, 4 of 12 points: the output gate still looks at the old memory
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    f, o = sigmoid(a_f + peepholes[0] * c), sigmoid(a_o + peepholes[1] * c)
    c = f * c + (1 - f) * np.tanh(a_g)
    return o * np.tanh(c), c


# %% q1, 4 of 12 points: what comes in is one minus a gate that has not seen the memory
def coupled_step(x, states, kernel, recurrent_kernel, bias, peepholes):
    h, c = states
    a_f, a_g, a_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 3, axis=-1)
    c = sigmoid(a_f + peepholes[0] * c) * c + (1 - sigmoid(a_f)) * np.tanh(a_g)
    return sigmoid(a_o + peepholes[1] * c) * np.tanh(c), c
