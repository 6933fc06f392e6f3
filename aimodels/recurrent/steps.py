"""One step of RNN, LSTM and GRU, each as its formula.

A step takes x at time t, (B, D), and the states before it, and returns the states after it:
`(h,)`, or `(h, c)` for the LSTM, each (B, U). Weights are in Keras's order, with the G gates side
by side: kernel W (D, G U), recurrent kernel R (U, G U), bias b (G U,). Id 0 is padding everywhere.
"""

from keras import layers, ops


def rnn_step(x, states, kernel, recurrent_kernel, bias) -> tuple:
    r"""The simple recurrent network: a dense layer that also reads its own last answer.

    $$ h_t = \tanh(x_t W + h_{t-1} R + b) $$

    Args:
        x: (B, D).
        states: `(h,)`, h of shape (B, U).
        kernel: W, (D, U).
        recurrent_kernel: R, (U, U).
        bias: b, (U,).

    Returns:
        The new `(h,)`.

    Raises:
        ValueError: if a shape does not fit; as in the other steps.

    Reference:
        [elman1990].

    Example:
        >>> import numpy as np
        >>> one = np.ones((1, 1))
        >>> (h,) = rnn_step(one, (one,), one, -one, np.zeros(1))
        >>> float(h[0, 0])  # tanh(1 - 1)
        0.0
    """
    h, *_ = _checked(x, states, kernel, recurrent_kernel, bias, "rnn")
    return (ops.tanh(ops.matmul(x, kernel) + ops.matmul(h, recurrent_kernel) + bias),)


def lstm_step(x, states, kernel, recurrent_kernel, bias) -> tuple:
    r"""Long short-term memory: a cell c, kept and renewed through gates, never squeezed.

    $$ (i, f, g, o) = x_t W + h_{t-1} R + b $$
    $$ c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(g), \qquad
       h_t = \sigma(o) \odot \tanh(c_t) $$

    Args:
        x: (B, D).
        states: `(h, c)`, each (B, U).
        kernel: W, (D, 4 U): input gate, forget gate, candidate, output gate.
        recurrent_kernel: R, (U, 4 U).
        bias: b, (4 U,).

    Returns:
        The new `(h, c)`.

    Reference:
        [hochreiter1997]; with the forget gate f, as in [gers2002], without peepholes.

    Example:
        >>> import numpy as np
        >>> zero, memory = np.zeros((1, 1)), np.full((1, 1), 0.5)
        >>> shut = np.array([-99.0, 99.0, 0.0, 99.0])  # nothing in, nothing forgotten, all out
        >>> h, c = lstm_step(zero, (zero, memory), np.ones((1, 4)), np.ones((1, 4)), shut)
        >>> float(c[0, 0])
        0.5
    """
    h, c = _checked(x, states, kernel, recurrent_kernel, bias, "lstm")
    i, f, g, o = ops.split(
        ops.matmul(x, kernel) + ops.matmul(h, recurrent_kernel) + bias, 4, axis=-1
    )
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    return ops.sigmoid(o) * ops.tanh(c), c


def gru_step(x, states, kernel, recurrent_kernel, bias) -> tuple:
    r"""The gated recurrent unit: two gates, and h is its own memory.

    $$ z = \sigma(x_t W_z + b_z + h_{t-1} R_z + b'_z), \qquad
       r = \sigma(x_t W_r + b_r + h_{t-1} R_r + b'_r) $$
    $$ \tilde h = \tanh\bigl(x_t W_h + b_h + r \odot (h_{t-1} R_h + b'_h)\bigr), \qquad
       h_t = z \odot h_{t-1} + (1 - z) \odot \tilde h $$

    This is what Keras (`reset_after=True`) and PyTorch compute. As published, r acts before the
    product, $(r \odot h_{t-1}) R_h$, and there is one bias only.

    Args:
        x: (B, D).
        states: `(h,)`, h of shape (B, U).
        kernel: W, (D, 3 U): update gate z, reset gate r, candidate.
        recurrent_kernel: R, (U, 3 U).
        bias: b and b', (2, 3 U); with one of shape (3 U,) the published form is computed.

    Returns:
        The new `(h,)`.

    Reference:
        [cho2014].

    Example:
        >>> import numpy as np
        >>> memory, keep = np.full((1, 1), 0.5), np.array([99.0, 0.0, 0.0])  # z is 1
        >>> (h,) = gru_step(np.ones((1, 1)), (memory,), np.ones((1, 3)), np.ones((1, 3)), keep)
        >>> float(h[0, 0])
        0.5
    """
    h, *_ = _checked(x, states, kernel, recurrent_kernel, bias, "gru")
    reset_after = len(bias.shape) == 2
    b, b_recurrent = (bias[0], bias[1]) if reset_after else (bias, ops.zeros_like(bias))
    x_z, x_r, x_h = ops.split(ops.matmul(x, kernel) + b, 3, axis=-1)
    R_z, R_r, R_h = ops.split(ops.convert_to_tensor(recurrent_kernel), 3, axis=-1)
    b_z, b_r, b_h = ops.split(b_recurrent, 3)
    z = ops.sigmoid(x_z + ops.matmul(h, R_z) + b_z)
    r = ops.sigmoid(x_r + ops.matmul(h, R_r) + b_r)
    h_part = r * (ops.matmul(h, R_h) + b_h) if reset_after else ops.matmul(r * h, R_h)
    return (z * h + (1 - z) * ops.tanh(x_h + h_part),)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
LAYERS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}  # the same, fast
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _checked(x, states, kernel, recurrent_kernel, bias, cell):
    units = states[0].shape[-1]
    gate_units = GATES[cell] * units
    expected = [(x.shape[-1], gate_units), (units, gate_units), (gate_units,)]
    shapes = [tuple(w.shape) for w in (kernel, recurrent_kernel, bias)]
    if shapes != expected and not (cell == "gru" and shapes == [*expected[:2], (2, gate_units)]):
        raise ValueError(
            f"x {tuple(x.shape)} and h {tuple(states[0].shape)} need kernel, recurrent_kernel "
            f"and bias of shapes {expected}; got {shapes}"
        )
    if len(states) != 1 + (cell == "lstm"):
        names = "(h, c)" if cell == "lstm" else "(h,)"
        raise ValueError(f"the states of {cell} are {names}; got {len(states)} arrays")
    return states


def check_cell(cell: str) -> None:
    if cell not in STEPS:
        raise ValueError(f"cell must be one of {', '.join(STEPS)}; got {cell!r}")
