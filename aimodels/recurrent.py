r"""Recurrent networks: one step of RNN, LSTM and GRU as its formula, and models for sequences.

A step takes x at time t, (B, D), and the states before it, and gives the states after it: `(h,)`,
or `(h, c)` for the LSTM, each (B, U). Weights are in Keras's order, with the G gates side by side:
kernel W (D, G U), recurrent kernel R (U, G U), bias b (G U,). Id 0 is padding everywhere.
"""

from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.arguments import whole
from aimodels.training import Model


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
    inner = r * (ops.matmul(h, R_h) + b_h) if reset_after else ops.matmul(r * h, R_h)
    return (z * h + (1 - z) * ops.tanh(x_h + inner),)


STEPS = {"rnn": rnn_step, "lstm": lstm_step, "gru": gru_step}
LAYERS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}  # the same, fast
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _checked(x, states, kernel, recurrent_kernel, bias, cell):
    width, units = GATES[cell] * states[0].shape[-1], states[0].shape[-1]
    wanted = [(x.shape[-1], width), (units, width), (width,)]
    shapes = [tuple(w.shape) for w in (kernel, recurrent_kernel, bias)]
    if shapes != wanted and not (cell == "gru" and shapes == [*wanted[:2], (2, width)]):
        raise ValueError(
            f"x {tuple(x.shape)} and h {tuple(states[0].shape)} need kernel, recurrent_kernel "
            f"and bias of shapes {wanted}; got {shapes}"
        )
    if len(states) != 1 + (cell == "lstm"):
        raise ValueError(f"{cell} has states {'(h, c)' if cell == 'lstm' else '(h,)'}; {states}")
    return states


@keras.saving.register_keras_serializable("aimodels")
class Recurrent(layers.Layer):
    r"""A step, repeated: $s_t = \mathrm{step}(x_t, s_{t-1})$; at padding, $s_t = s_{t-1}$.

    A plain loop, to be read. It computes what `keras.layers.SimpleRNN`, `LSTM` and `GRU` do, from
    the same weights (`set_weights` takes theirs); for training, those are faster.

    Args:
        cell: "rnn", "lstm" or "gru".
        units: U, the width of a state.
        return_sequences: all h, (B, T, U), or the last one, (B, U).
        recurrent_initializer: of R.
        forget_bias: where the bias of an LSTM's forget gate begins.
        **kwargs: of `keras.layers.Layer`.

    Call arguments: x (B, T, D) with T known; `mask` (B, T), True at what is real;
        `initial_state`, as a step takes it, zeros by default.

    Raises:
        ValueError: if `cell` or `units` is not one of these, or T is unknown.

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
        **kwargs,
    ):
        _check(cell, units=units)
        super().__init__(**kwargs)
        self.cell, self.units, self.return_sequences = cell, units, return_sequences
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.forget_bias = forget_bias
        self.supports_masking = True

    def build(self, input_shape):
        width = GATES[self.cell] * self.units
        bias_shape = (2, width) if self.cell == "gru" else (width,)
        self.kernel = self.add_weight((input_shape[-1], width), name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, width), self.recurrent_initializer, name="recurrent_kernel"
        )
        self.bias = self.add_weight(bias_shape, self._first_bias, name="bias")

    def _first_bias(self, shape, dtype=None):
        forget = np.repeat([0.0, self.forget_bias, 0.0, 0.0], self.units)
        return ops.cast(forget if self.cell == "lstm" else np.zeros(shape), dtype)

    def states(self, x, mask=None, initial_state=None) -> list[tuple]:
        """All states, from the one before the first step to the last: T + 1 of them."""
        if x.shape[1] is None:
            raise ValueError("the loop needs a known length: x of shape (B, T, D)")
        if initial_state is None:
            zeros = ops.zeros((ops.shape(x)[0], self.units), self.compute_dtype)
            initial_state = (zeros,) * (1 + (self.cell == "lstm"))
        states = [tuple(initial_state)]
        weights = self.kernel, self.recurrent_kernel, self.bias
        for t in range(x.shape[1]):
            new = STEPS[self.cell](x[:, t], states[-1], *weights)
            if mask is not None:
                real = mask[:, t, None]
                new = tuple(ops.where(real, n, s) for n, s in zip(new, states[-1], strict=True))
            states.append(new)
        return states

    def call(self, x, mask=None, initial_state=None):
        hidden = [h for h, *_ in self.states(x, mask, initial_state)]
        return ops.stack(hidden[1:], axis=1) if self.return_sequences else hidden[-1]

    def compute_mask(self, x, mask=None):
        return mask if self.return_sequences else None

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "cell": self.cell,
            "units": self.units,
            "return_sequences": self.return_sequences,
            "recurrent_initializer": keras.initializers.serialize(self.recurrent_initializer),
            "forget_bias": self.forget_bias,
        }


def gradient_through_time(layer: Recurrent, x) -> np.ndarray:
    r"""How much a small change of the states at time t still changes the last h: its norm.

    $$ \frac{\partial h_T}{\partial s_t} = \frac{\partial h_T}{\partial s_T}
       \frac{\partial s_T}{\partial s_{T-1}} \cdots \frac{\partial s_{t+1}}{\partial s_t} $$

    A product of T - t matrices vanishes or explodes, unless their norms stay near one.

    Args:
        layer: its s is h, and for an LSTM h and c side by side.
        x: (B, T, D), without padding.

    Returns:
        The spectral norm for t = 0 ... T, mean over the batch, (T + 1,); the last is 1.

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


def _check(cell, dropout=0.0, **sizes):
    if cell not in STEPS:
        raise ValueError(f"cell must be one of {', '.join(STEPS)}; got {cell!r}")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be from 0 to below 1; got {dropout!r}")
    whole(**sizes)


def _stack(x, cell, units, num_layers, dropout, bidirectional, return_sequences):
    """Layers one on another; only the last one may give its last state alone."""
    for number in range(1, num_layers + 1):
        sequences = return_sequences or number < num_layers
        layer = LAYERS[cell](units, return_sequences=sequences, name=f"{cell}{number}")
        if bidirectional:
            layer = layers.Bidirectional(layer, name=f"bidirectional{number}")
        x = layers.Dropout(dropout, name=f"dropout{number}")(layer(x))
    return x


@keras.saving.register_keras_serializable("aimodels")
class TextClassifier(Model):
    """Ids of tokens (B, T) -> embedding -> recurrent layers -> logits (B, num_classes).

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_classes: how many logits.
        embedding_dim: numbers for one token.
        units: width of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share of each layer's output that is dropped in training.
        bidirectional: a second layer reads from the end; both answers side by side.
        mask_zero: False reads padding as if it were text, which is the common mistake.
        **kwargs: of `training.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; as in the other models.

    Example:
        >>> model = TextClassifier(vocabulary_size=1000, num_classes=2)
        >>> model(np.array([[7, 8, 9, 0, 0]])).shape
        TensorShape([1, 2])
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_classes: int,
        embedding_dim: int = 64,
        units: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        mask_zero: bool = True,
        **kwargs,
    ):
        sizes = {
            "vocabulary_size": vocabulary_size,
            "num_classes": num_classes,
            "embedding_dim": embedding_dim,
            "units": units,
            "num_layers": num_layers,
        }
        _check(cell, dropout, **sizes)
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=mask_zero)(ids)
        x = _stack(x, cell, units, num_layers, dropout, bidirectional, return_sequences=False)
        super().__init__(ids, layers.Dense(num_classes, name="logits")(x), **kwargs)
        self.config = {
            **sizes,
            "cell": cell,
            "dropout": dropout,
            "bidirectional": bidirectional,
            "mask_zero": mask_zero,
        }


@keras.saving.register_keras_serializable("aimodels")
class WordsFromCharacters(layers.Layer):
    """A vector for each word from its letters, read in both directions [lample2016].

    Ids (B, T, L) of T words with L letters -> (B, T, 2 units).

    Args:
        vocabulary_size: how many letters there are, 0 for padding with them.
        embedding_dim: numbers for one letter.
        units: width of a state, in each direction.
        **kwargs: of `keras.layers.Layer`.

    Example:
        >>> WordsFromCharacters(30, 5, 8)(np.array([[[3, 1, 20], [1, 0, 0]]])).shape
        TensorShape([1, 2, 16])
    """

    def __init__(self, vocabulary_size: int, embedding_dim: int, units: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size, self.embedding_dim, self.units = vocabulary_size, embedding_dim, units
        self.embedding = layers.Embedding(vocabulary_size, embedding_dim)
        self.reader = layers.Bidirectional(layers.LSTM(units))

    def build(self, input_shape):
        self.embedding.build((None, input_shape[-1]))
        self.reader.build((None, input_shape[-1], self.embedding_dim))

    def call(self, ids):
        batch, length, letters = ops.shape(ids)
        words = ops.reshape(ids, (-1, letters))  # every word a sequence of its own
        vectors = self.reader(self.embedding(words), mask=ops.not_equal(words, 0))
        return ops.reshape(vectors, (batch, length, 2 * self.units))

    def compute_mask(self, ids, mask=None):
        return ops.any(ops.not_equal(ids, 0), axis=-1)  # else `Concatenate` takes all as real

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], 2 * self.units)

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding_dim": self.embedding_dim,
            "units": self.units,
        }


@keras.saving.register_keras_serializable("aimodels")
class Tagger(Model):
    """A tag for every token: ids (B, T) -> logits (B, T, num_tags), by a bidirectional network.

    Tags are numbered from 1; at padding both token and tag are 0. So train it with
    `SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)` and `TokenAccuracy()`.

    Args:
        vocabulary_size: how many ids there are, 0 for padding with them.
        num_tags: how many tags there are, 0 for padding with them.
        embedding_dim: numbers for one token.
        units: width of a state, in each direction.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share dropped in training, of the input and of each layer's output.
        num_characters: if given, the model also reads how words are spelt: its input is then
            the list of ids (B, T) and letters' ids (B, T, L), and this is how many letters there
            are, 0 for padding with them.
        character_dim: numbers for one letter, and for the state that reads them.
        **kwargs: of `training.Model`, such as `name`.

    Reference:
        [lample2016], without its last layer that joins neighbouring tags.

    Example:
        >>> model = Tagger(vocabulary_size=1000, num_tags=4)
        >>> model(np.array([[7, 8, 9, 0, 0]])).shape
        TensorShape([1, 5, 4])
    """

    def __init__(
        self,
        vocabulary_size: int,
        num_tags: int,
        embedding_dim: int = 64,
        units: int = 64,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        num_characters: int | None = None,
        character_dim: int = 25,
        **kwargs,
    ):
        sizes = {
            "vocabulary_size": vocabulary_size,
            "num_tags": num_tags,
            "embedding_dim": embedding_dim,
            "units": units,
            "num_layers": num_layers,
            "character_dim": character_dim,
        }
        if num_characters is not None:
            sizes["num_characters"] = num_characters
        _check(cell, dropout, **sizes)
        inputs = ids = keras.Input((None,), dtype="int32", name="ids")
        x = layers.Embedding(vocabulary_size, embedding_dim, mask_zero=True)(ids)
        if num_characters is not None:
            characters = keras.Input((None, None), dtype="int32", name="characters")
            inputs = [ids, characters]
            spelling = WordsFromCharacters(num_characters, character_dim, character_dim)
            x = layers.Concatenate(name="word")([x, spelling(characters)])
        x = layers.Dropout(dropout, name="dropout0")(x)
        x = _stack(x, cell, units, num_layers, dropout, bidirectional=True, return_sequences=True)
        super().__init__(inputs, layers.Dense(num_tags, name="logits")(x), **kwargs)
        self.config = {**sizes, "cell": cell, "dropout": dropout, "num_characters": num_characters}

    def tag(self, inputs, names: Sequence[str]) -> list[list[str]]:
        """The most probable tag of each token, by name; padding is neither tagged nor a tag.

        Args:
            inputs: what the model reads, one batch of it.
            names: of the tags, by number; the first one stands for padding.
        """
        ids = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        # Called, as `predict` would be traced anew for every length.
        best = 1 + ops.convert_to_numpy(self(inputs, training=False))[..., 1:].argmax(axis=-1)
        return [
            [names[tag] for tag, token in zip(*row, strict=True) if token]
            for row in zip(best, np.asarray(ids), strict=True)
        ]


@keras.saving.register_keras_serializable("aimodels")
class TokenAccuracy(keras.metrics.Mean):
    """The share of tokens with the right tag; where the true tag is 0, padding, none is counted.

    Example:
        >>> metric = TokenAccuracy()
        >>> metric.update_state([[1, 2, 0]], np.eye(3)[[[1, 1, 1]]])
        >>> float(metric.result())
        0.5
    """

    def __init__(self, name: str = "accuracy", **kwargs):
        super().__init__(name=name, **kwargs)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "int32")
        real = ops.cast(ops.not_equal(y_true, 0), self.dtype)
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        weight = real if sample_weight is None else real * sample_weight
        super().update_state(ops.cast(right, self.dtype), sample_weight=weight)


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """BIO tags -> (type, begin, end) of each entity; `end` is the first place behind it.

    An I- that continues nothing, or something of another type, begins an entity, as a B- does.

    Raises:
        ValueError: if a tag is not O, B-type or I-type.

    Example:
        >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    """
    found = []
    for place, tag in enumerate(tags):
        prefix, _, kind = tag.partition("-")
        if tag != "O" and (prefix not in ("B", "I") or not kind):
            raise ValueError(f"tags are O, B-type or I-type; got {tag!r} at place {place}")
        if prefix == "I" and found and found[-1][0] == kind and found[-1][2] == place:
            found[-1] = (kind, found[-1][1], place + 1)
        elif tag != "O":
            found.append((kind, place, place + 1))
    return found


def span_f1(
    true_tags: Iterable[Sequence[str]], predicted_tags: Iterable[Sequence[str]]
) -> dict[str, float]:
    r"""Precision, recall and F1 of entities: right are those with the right type and both ends.

    $$ P = \frac{\text{right}}{\text{predicted}}, \qquad R = \frac{\text{right}}{\text{true}},
       \qquad F_1 = \frac{2PR}{P + R} $$

    Args:
        true_tags: a list of BIO tags for each sentence.
        predicted_tags: as long ones.

    Returns:
        `precision`, `recall`, `f1`; 0 where there is nothing to divide by.

    Raises:
        ValueError: if numbers of sentences or lengths differ, or by `spans`.

    Example:
        >>> span_f1([["B-PER", "I-PER", "O"]], [["B-PER", "O", "B-LOC"]])["f1"]  # an end is wrong
        0.0
    """
    right = predicted = true = 0
    for some, others in zip(true_tags, predicted_tags, strict=True):
        if len(some) != len(others):
            raise ValueError(f"a sentence has {len(some)} true and {len(others)} predicted tags")
        a, b = set(spans(some)), set(spans(others))
        right, true, predicted = right + len(a & b), true + len(a), predicted + len(b)
    return {
        "precision": right / max(predicted, 1),
        "recall": right / max(true, 1),
        "f1": 2 * right / max(predicted + true, 1),
    }


def bio(
    words: Sequence[str], tags: Sequence[str], types: Mapping[str, str], joined: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """Words with a tag each -> characters with a BIO tag each, for text without spaces.

    Args:
        words: of one sentence.
        tags: one a word.
        types: which tags are entities, and their types' names.
        joined: types whose neighbouring words are one entity, as family and given name are.

    Example:
        >>> bio(["江", "泽民", "说"], ["nr", "nr", "v"], {"nr": "PER"}, joined=["PER"])
        (['江', '泽', '民', '说'], ['B-PER', 'I-PER', 'I-PER', 'O'])
    """
    characters, found, last = [], [], None
    for word, tag in zip(words, tags, strict=True):
        kind = types.get(tag)
        for place, character in enumerate(word):
            inside = place > 0 or (kind == last and kind in joined)
            characters.append(character)
            found.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
        last = kind
    return characters, found


@keras.saving.register_keras_serializable("aimodels")
class Forecaster(Model):
    """The next `horizon` values of a series from its past: (B, T, num_features) -> (B, horizon).

    Args:
        num_features: numbers at each time; scale them to order one.
        horizon: how many values to tell at once.
        units: width of a state.
        cell: "lstm", "gru" or "rnn".
        num_layers: recurrent layers one on another.
        dropout: the share of each layer's output that is dropped in training.
        mask_value: times at which all features have this value are padding; None: there is none.
        **kwargs: of `training.Model`, such as `name`.

    Example:
        >>> Forecaster(num_features=3, horizon=5)(np.zeros((2, 24, 3))).shape
        TensorShape([2, 5])
    """

    def __init__(
        self,
        num_features: int,
        horizon: int,
        units: int = 32,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
        mask_value: float | None = None,
        **kwargs,
    ):
        sizes = {
            "num_features": num_features,
            "horizon": horizon,
            "units": units,
            "num_layers": num_layers,
        }
        _check(cell, dropout, **sizes)
        x = inputs = keras.Input((None, num_features), name="past")
        if mask_value is not None:
            x = layers.Masking(mask_value, name="masking")(x)
        x = _stack(x, cell, units, num_layers, dropout, bidirectional=False, return_sequences=False)
        super().__init__(inputs, layers.Dense(horizon, name="future")(x), **kwargs)
        self.config = {**sizes, "cell": cell, "dropout": dropout, "mask_value": mask_value}
