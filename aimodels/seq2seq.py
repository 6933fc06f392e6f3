"""Sequence to sequence: attention and an LSTM encoder–decoder.

    source ids (B, S), target ids so far (B, T) -> logits of each next token (B, T, V)

Id 0 is padding everywhere. A target row begins with a start token and closes with an end token:
the model reads it without its last token and learns it without its first (*teacher forcing*).

    model.compile("adam", SparseCategoricalCrossentropy(from_logits=True, ignore_class=0))
    model.fit((source, target[:, :-1]), target[:, 1:])

`ignore_class=0` makes the loss the mean over all tokens that are not padding.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.layers.softmax import masked_softmax, merge_masks
from aimodels.train import Model


class _Attention(keras.layers.Layer):
    """Masked softmax and weighted sum; a subclass adds `project` and `scores`."""

    def __init__(self, units: int, use_bias: bool, **kwargs):
        check_positive_int(units=units)
        super().__init__(**kwargs)
        self.units = units = int(units)
        self.supports_masking = True
        self.query_dense, self.key_dense = (
            keras.layers.Dense(units, use_bias=use_bias, dtype=self.dtype_policy) for _ in range(2)
        )

    def build(self, query_shape, value_shape, key_shape=None):
        self.query_dense.build(query_shape)
        self.key_dense.build(key_shape or value_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units}

    def compute_mask(self, *args, **kwargs) -> None:
        return None  # there are two outputs, and the weights have no time axis of their own

    def call(
        self,
        query,
        value,
        key=None,
        query_mask=None,
        value_mask=None,
        key_mask=None,
        attention_mask=None,
    ):
        mask = merge_masks(query_mask, value_mask, key_mask, attention_mask)
        return self.attend(query, *self.project(value, key), mask)

    def attend(self, query, keys, values, mask=None):
        """`call` with keys and values that `project` has made: they are the same at each step."""
        scores = ops.cast(self.scores(query, keys), "float32")  # (B, T, S)
        weights = masked_softmax(scores, mask)
        return ops.matmul(ops.cast(weights, values.dtype), values), weights  # (B, T, Dv)


@keras.saving.register_keras_serializable("aimodels")
class BahdanauAttention(_Attention):
    r"""Additive attention: a small network scores each pair of query and key.

    Not the layer that Keras calls `AdditiveAttention`: that one has no $W$ and no $U$.

    $$ e_{ts} = v^\top \tanh(W q_t + U k_s), \qquad
       \alpha_{ts} = \frac{\exp e_{ts}}{\sum_{s'} \exp e_{ts'}}, \qquad
       o_t = \sum_s \alpha_{ts} v_s $$

    Args:
        units: length of $v$.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        query: (B, T, Dq).
        value: (B, S, Dv).
        key: (B, S, Dk); `value` if None.
        query_mask: (B, T), False at queries that are padding: their row of weights is 0.
        value_mask: (B, S), False where there is nothing to look at: weight exactly 0. Like
            `query_mask` and `key_mask` it comes by itself from `Embedding(mask_zero=True)`.
        key_mask: (B, S), the same for keys.
        attention_mask: (B, T, S), False where a query may not look at a key.

    Returns:
        Output (B, T, Dv) and weights (B, T, S). A row of weights sums to 1; it is all zeros, and
        so is the output, where every key is masked.

    Raises:
        ValueError: if `units` is not an integer >= 1.

    Reference:
        [bahdanau2015].

    Example:
        >>> query, value = keras.random.normal((2, 3, 8)), keras.random.normal((2, 5, 6))
        >>> output, weights = BahdanauAttention(16)(query, value)
        >>> output.shape, weights.shape
        (TensorShape([2, 3, 6]), TensorShape([2, 3, 5]))
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, use_bias=False, **kwargs)
        self.score_dense = keras.layers.Dense(1, use_bias=False, dtype=self.dtype_policy)

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        self.score_dense.build((self.units,))

    def project(self, value, key=None):
        """U k, once for all queries, and the values as they are."""
        return self.key_dense(value if key is None else key), value

    def scores(self, query, keys):
        total = self.query_dense(query)[:, :, None] + keys[:, None]  # (B, T, S, units)
        return self.score_dense(ops.tanh(total))[..., 0]  # (B, T, S)


@keras.saving.register_keras_serializable("aimodels")
class DotProductAttention(_Attention):
    r"""Scaled dot-product attention with its projections: one head of a Transformer.

    $$ Q = X W_Q + b_Q,\quad K = Z W_K + b_K,\quad V = Z W_V + b_V, \qquad
       O = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d}}\right) V $$

    The mean square of a dot product of two random vectors of length $d$ grows with $d$: without
    the root the softmax saturates, and with it the gradient vanishes.

    Args:
        units: $d$, length of queries, keys and values.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Called like `BahdanauAttention`, with X as query and Z as value; the output is (B, T, units).

    Raises:
        ValueError: if `units` is not an integer >= 1.

    Reference:
        Equation 1 of [vaswani2017].

    Example:
        >>> x = keras.random.normal((1, 3, 8))
        >>> mask = [[True, True, False]]
        >>> output, weights = DotProductAttention(16)(x, x, value_mask=tf.constant(mask))
        >>> output.shape, weights[0, :, 2].numpy().tolist()
        (TensorShape([1, 3, 16]), [0.0, 0.0, 0.0])
    """

    def __init__(self, units: int, **kwargs):
        super().__init__(units, use_bias=True, **kwargs)
        self.value_dense = keras.layers.Dense(units, dtype=self.dtype_policy)

    def build(self, query_shape, value_shape, key_shape=None):
        super().build(query_shape, value_shape, key_shape)
        self.value_dense.build(value_shape)

    def project(self, value, key=None):
        """K and V, once for all queries."""
        return self.key_dense(value if key is None else key), self.value_dense(value)

    def scores(self, query, keys):
        query = self.query_dense(query) * self.units**-0.5
        return ops.matmul(query, ops.swapaxes(keys, 1, 2))  # (B, T, S)


ATTENTION_LAYERS = {"additive": BahdanauAttention, "dot": DotProductAttention}


@keras.saving.register_keras_serializable("aimodels")
class Seq2Seq(Model):
    r"""LSTM encoder and decoder, with attention between them.

    The encoder reads the source in both directions, `units / 2` wide each; their last states,
    side by side, are the decoder's first one. With states $h_t$ of the decoder, $m_s$ of the
    encoder:

    $$ c_t = \mathrm{attention}(h_t, m), \qquad \tilde h_t = \tanh(W_c [h_t; c_t] + b_c), \qquad
       z_t = W \tilde h_t + b $$

    The context $c_t$ comes in behind the LSTM, as in [luong2015], not into its next step
    as in [bahdanau2015]: so in training the LSTM runs over all steps first, and attention is one
    matrix product for all.

    Args:
        source_vocabulary_size: number of source token ids, padding included.
        target_vocabulary_size: V, number of target token ids, padding included.
        embedding_dim: length of a token's embedding.
        units: size of the decoder's states, an even number.
        num_layers: number of LSTM layers in the encoder, and in the decoder.
        attention: "dot" for `DotProductAttention`, "additive" for `BahdanauAttention`, or None:
            the decoder then knows nothing of the source but its own first state.
        dropout: dropout rate of embeddings, of states between layers and of $\tilde h$, in [0, 1).
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: source ids (B, S) and target ids (B, T), in a tuple; 0 is padding.
    Output shape: (B, T, V), logits: those at t are of the token after t.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        Encoder–decoder: [sutskever2014], [cho2014]; attention: [bahdanau2015],
        [luong2015].

    Example:
        >>> model = Seq2Seq(20, 30, embedding_dim=8, units=16)
        >>> source, target = tf.constant([[5, 6, 7, 0]]), tf.constant([[2, 9, 8]])
        >>> model((source, target)).shape
        TensorShape([1, 3, 30])
        >>> from aimodels.decoding import greedy
        >>> ids, scores = greedy(model, source, max_length=5)
        >>> ids.shape, scores.shape
        (TensorShape([1, 5]), TensorShape([1]))
    """

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        embedding_dim: int = 128,
        units: int = 256,
        num_layers: int = 1,
        attention: str | None = "dot",
        dropout: float = 0.0,
        **kwargs,
    ):
        check_positive_int(
            source_vocabulary_size=source_vocabulary_size,
            target_vocabulary_size=target_vocabulary_size,
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
        )
        check_rate(dropout=dropout)
        if units % 2:
            raise ValueError(f"units must be even, one half per direction; got {units}")
        if attention not in (None, *ATTENTION_LAYERS):
            raise ValueError(f'attention must be "dot", "additive" or None; got {attention!r}')
        layers = keras.layers

        source = keras.Input((None,), dtype="int32", name="source")
        mask = ops.not_equal(source, 0)
        x, state = layers.Embedding(source_vocabulary_size, embedding_dim)(source), []
        for _ in range(num_layers):
            lstm = layers.LSTM(units // 2, return_sequences=True, return_state=True)
            x, h, c, h_back, c_back = layers.Bidirectional(lstm)(
                layers.Dropout(dropout)(x), mask=mask
            )
            state += [layers.Concatenate()([h, h_back]), layers.Concatenate()([c, c_back])]
        encoder = keras.Model(source, [x, mask, *state], name="encoder")

        target = keras.Input((None,), dtype="int32", name="target")
        x, mask, *state = encoder(source)
        y = layers.Embedding(target_vocabulary_size, embedding_dim, name="embedding")(target)
        for i in range(num_layers):
            y = layers.LSTM(units, return_sequences=True, name=f"decoder{i + 1}")(
                layers.Dropout(dropout)(y), initial_state=state[2 * i : 2 * i + 2]
            )
        if attention:
            context, _ = ATTENTION_LAYERS[attention](units, name="attention")(y, x, value_mask=mask)
            y = layers.Concatenate()([y, context])  # (B, T, 2 units)
            y = layers.Dense(units, activation="tanh", name="combine")(y)
        logits = layers.Dense(target_vocabulary_size, dtype="float32", name="logits")
        super().__init__([source, target], logits(layers.Dropout(dropout)(y)), **kwargs)

    def encode(self, source) -> tuple[Any, Any]:
        """What decoding needs of the source: (memory, state).

        `memory`, here keys, values and mask of attention, stays the same at each step; `state`,
        h and c of each LSTM, is where decoding begins. All have B as their first axis.
        """
        encoded, mask, *state = self.get_layer("encoder")(source)
        if self.config["attention"] is None:
            return (), state
        return (*self.get_layer("attention").project(encoded), mask[:, None]), state

    def decode_step(self, token_ids, state, memory) -> tuple[tf.Tensor, Any]:
        """One step of the decoder: last tokens (B,) -> logits of the next ones (B, V), new state.

        Step by step this computes what the model itself does for all steps of a target at once.
        """
        y, new_state = self.get_layer("embedding")(token_ids), []  # (B, embedding_dim)
        for i in range(self.config["num_layers"]):
            cell = self.get_layer(f"decoder{i + 1}").cell
            y, layer_state = cell(y, state[2 * i : 2 * i + 2])
            new_state += layer_state
        if memory:
            context, _ = self.get_layer("attention").attend(y[:, None], *memory)
            y = self.get_layer("combine")(ops.concatenate([y, context[:, 0]], axis=-1))
        return self.get_layer("logits")(y), new_state

    def attention_weights(self, inputs) -> tf.Tensor:
        """(source, target) -> (B, T, S): how much target step t looks at source token s.

        Raises:
            ValueError: if the model has no attention.
        """
        if self.config["attention"] is None:
            raise ValueError('this model has no attention: build it with attention="dot"')
        return keras.Model(self.inputs, self.get_layer("attention").output[1])(inputs)
