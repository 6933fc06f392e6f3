"""A step repeated over time, and the gradient that comes back through it."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int
from aimodels.recurrent.steps import GATES, STEPS, check_cell


@keras.saving.register_keras_serializable("aimodels")
class Recurrent(layers.Layer):
    r"""A step, repeated: $s_t = \mathrm{step}(x_t, s_{t-1})$; at padding, $s_t = s_{t-1}$.

    A plain loop, to be read. It computes what `keras.layers.SimpleRNN`, `LSTM` and `GRU` do, from
    the same weights (`set_weights` takes theirs); for training, those are faster. Like them it can
    stand in `keras.layers.Bidirectional`. One difference: where a row is masked from its start, the
    output is `initial_state`; Keras's is zero.

    Args:
        cell: "rnn", "lstm" or "gru".
        units: U, size of a state.
        return_sequences: return all h, (B, T, U), instead of the last one, (B, U).
        recurrent_initializer: initializer of R, the recurrent kernel.
        forget_bias: initial bias of an LSTM's forget gate.
        go_backwards: read from the last time to the first; outputs are in the order of reading.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        sequences: x, (B, T, D) with a known T.
        initial_state: states before the first step, as a step takes them; zeros if None.
        mask: (B, T), True where x is real.
        training: not used; there is no dropout here.

    Raises:
        ValueError: if `cell` or `units` is out of range, or T is unknown.

    Example:
        >>> layer = Recurrent("lstm", 3)
        >>> layer(np.ones((2, 5, 4), "float32")).shape
        TensorShape([2, 3])
        >>> [w.shape for w in layer.get_weights()]
        [(4, 12), (3, 12), (12,)]
    """

    def __init__(
        self,
        cell: str,
        units: int,
        return_sequences: bool = False,
        recurrent_initializer: str | keras.Initializer = "orthogonal",
        forget_bias: float = 1.0,
        go_backwards: bool = False,
        **kwargs,
    ):
        check_cell(cell)
        check_positive_int(units=units)
        super().__init__(**kwargs)
        self.cell, self.units, self.return_sequences = cell, int(units), return_sequences
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.forget_bias, self.go_backwards = forget_bias, go_backwards
        self.return_state = self.stateful = False  # what `Bidirectional` asks a layer for
        self.supports_masking = True

    def build(self, input_shape):
        gate_units = GATES[self.cell] * self.units
        bias_shape = (2, gate_units) if self.cell == "gru" else (gate_units,)
        self.kernel = self.add_weight((input_shape[-1], gate_units), name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, gate_units), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = self.add_weight(bias_shape, self._initial_bias, name="bias")

    def _initial_bias(self, shape, dtype=None):
        forget = np.repeat([0.0, self.forget_bias, 0.0, 0.0], self.units)
        return ops.cast(forget if self.cell == "lstm" else np.zeros(shape), dtype)

    def states(self, sequences, initial_state=None, mask=None) -> list[tuple]:
        """All states, from the one before the first step to the last: T + 1 of them."""
        num_steps = sequences.shape[1]
        _check_steps(sequences.shape)
        if initial_state is None:
            zeros = ops.zeros((ops.shape(sequences)[0], self.units), self.compute_dtype)
            initial_state = (zeros,) * (1 + (self.cell == "lstm"))
        states = [tuple(initial_state)]
        weights = self.kernel, self.recurrent_kernel, self.bias
        for t in reversed(range(num_steps)) if self.go_backwards else range(num_steps):
            new = STEPS[self.cell](sequences[:, t], states[-1], *weights)
            if mask is not None:
                real = mask[:, t, None]
                new = tuple(ops.where(real, n, s) for n, s in zip(new, states[-1], strict=True))
            states.append(new)
        return states

    def call(self, sequences, initial_state=None, mask=None, training=False):
        hidden = [h for h, *_ in self.states(sequences, initial_state, mask)]
        if self.return_sequences:
            return ops.stack(hidden[1:], axis=1)  # (B, T, U)
        return hidden[-1]  # (B, U)

    def compute_mask(self, sequences, mask=None):
        return mask if self.return_sequences else None

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        _check_steps(sequences_shape)
        batch_size, length, _ = sequences_shape
        steps = (length,) if self.return_sequences else ()
        return (batch_size, *steps, self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "cell": self.cell,
            "units": self.units,
            "return_sequences": self.return_sequences,
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "forget_bias": self.forget_bias,
            "go_backwards": self.go_backwards,
        }


def _check_steps(shape) -> None:
    if shape[1] is None:
        raise ValueError(
            "Recurrent needs a known number of steps: give it sequences of shape (B, T, D) "
            f"whose T is not None, or use keras.layers; got {tuple(shape)}"
        )


def gradient_through_time(layer: Recurrent, x) -> np.ndarray:
    r"""How much a small change of the states at time t still changes the last h: its norm.

    $$ \frac{\partial h_T}{\partial s_t} = \frac{\partial h_T}{\partial s_T}
       \frac{\partial s_T}{\partial s_{T-1}} \cdots \frac{\partial s_{t+1}}{\partial s_t} $$

    A product of T - t matrices vanishes or explodes, unless their norms stay near one.

    Args:
        layer: the layer to look into; its s is h, and for an LSTM h and c side by side.
        x: inputs (B, T, D), without padding.

    Returns:
        The spectral norm for t = 0 ... T, averaged over the batch, (T + 1,); the last is 1.

    Reference:
        [bengio1994], [pascanu2013].

    Example:
        >>> layer = Recurrent("rnn", 8, recurrent_initializer=keras.initializers.Identity(0.5))
        >>> gradient_through_time(layer, np.zeros((1, 3, 2), "float32"))
        array([0.125, 0.25 , 0.5  , 1.   ])
    """
    x = ops.convert_to_tensor(x, layer.compute_dtype)
    layer(x)  # builds it
    states = [ops.concatenate(s, axis=-1) for s in layer.states(x)]
    before = ops.concatenate(states[:-1], axis=0)  # all times side by side, (T B, S)
    inputs = ops.reshape(ops.swapaxes(x, 0, 1), (-1, 1, x.shape[2]))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(before)
        parts = ops.split(before, before.shape[1] // layer.units, axis=-1)
        after = ops.concatenate(layer.states(inputs, initial_state=parts)[-1], axis=-1)
        columns = tf.unstack(after, axis=1)
    jacobians = np.stack([tape.gradient(column, before) for column in columns], axis=1)
    jacobians = jacobians.reshape(x.shape[1], len(x), len(columns), len(columns))
    products = [np.repeat(np.eye(layer.units, len(columns))[None], len(x), axis=0)]
    for jacobian in jacobians[::-1]:
        products.append(products[-1] @ jacobian)
    return np.linalg.norm(products[::-1], ord=2, axis=(2, 3)).mean(axis=1)
