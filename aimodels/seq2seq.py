r"""Sequence to sequence: attention, an LSTM encoder–decoder, greedy and beam search.

    source ids (B, S), target ids so far (B, T) -> logits of each next token (B, T, V)

Id 0 is padding everywhere. A target row begins with a start token and closes with an end token:
the model reads it without its last token and learns it without its first (*teacher forcing*).

    model.compile("adam", SparseCategoricalCrossentropy(from_logits=True, ignore_class=0))
    model.fit((source, target[:, :-1]), target[:, 1:])

`ignore_class=0` makes the loss the mean over all tokens that are not padding.
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from aimodels.arguments import whole
from aimodels.training import Model


class _Attention(keras.layers.Layer):
    """Masked softmax and weighted sum; a subclass adds a layer, `project` and `scores`."""

    def __init__(self, units: int, use_bias: bool, **kwargs):
        whole(units=units)
        super().__init__(**kwargs)
        self.units = units
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
        return None  # the outputs belong to the queries

    def call(self, query, value, key=None, value_mask=None):
        return self.attend(query, *self.project(value, key), value_mask)

    def attend(self, query, keys, values, mask=None):
        """`call` with keys and values that `project` has made: they are the same at each step."""
        scores = ops.cast(self.scores(query, keys), "float32")  # (B, T, S)
        if mask is None:
            weights = ops.softmax(scores)
        else:
            mask = ops.cast(mask, "bool")[:, None]
            weights = ops.softmax(ops.where(mask, scores, -1e30))
            weights = ops.where(mask, weights, 0.0)  # also where there is no key at all
        return ops.matmul(ops.cast(weights, values.dtype), values), weights


@keras.saving.register_keras_serializable("aimodels")
class AdditiveAttention(_Attention):
    r"""Attention with a small network for the score.

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
        value_mask: (B, S), False where there is nothing to look at: weight exactly 0.

    Returns:
        Output (B, T, Dv) and weights (B, T, S). A row of weights sums to 1; it is all zeros, and
        so is the output, where every key is masked.

    Raises:
        ValueError: if `units` is no whole number from 1 on.

    Reference:
        [bahdanau2015].

    Example:
        >>> query, value = keras.random.normal((2, 3, 8)), keras.random.normal((2, 5, 6))
        >>> output, weights = AdditiveAttention(16)(query, value)
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
        return self.score_dense(ops.tanh(total))[..., 0]


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

    Called as `AdditiveAttention` is, X the query and Z the value; the output is (B, T, units).

    Raises:
        ValueError: if `units` is no whole number from 1 on.

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
        return ops.matmul(query, ops.swapaxes(keys, 1, 2))


_ATTENTION = {"additive": AdditiveAttention, "dot": DotProductAttention}


@keras.saving.register_keras_serializable("aimodels")
class Seq2Seq(Model):
    r"""LSTM encoder and decoder, with attention between them.

    The encoder reads the source in both directions, `units / 2` wide each; their last states,
    side by side, are the decoder's first one. With states $h_t$ of the decoder, $m_s$ of the
    encoder:

    $$ c_t = \mathrm{attention}(h_t, m), \qquad \tilde h_t = \tanh(W_c [h_t; c_t] + b_c), \qquad
       z_t = W \tilde h_t + b $$

    The context $c_t$ comes in behind the LSTM, not into its next step as in [bahdanau2015]: so
    in training the LSTM runs over all steps first, and attention is one matrix product for all.

    Args:
        source_vocabulary_size: source ids are below it.
        target_vocabulary_size: V; target ids are below it.
        embedding_dim: length of a token's vector.
        units: width of the decoder, an even number.
        num_layers: of LSTMs, in the encoder and in the decoder.
        attention: "dot", "additive", or None: all the decoder knows of the source then is its
            first state.
        dropout: share of embeddings, of states between layers and of $\tilde h$ that is dropped
            in training.
        **kwargs: passed to `training.Model`, such as `name`.

    Input shape: source ids (B, S) and target ids (B, T), in a tuple; 0 is padding.
    Output shape: (B, T, V), logits: those at t are of the token after t.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        Encoder–decoder: [sutskever2014], [cho2014]; attention: [bahdanau2015].

    Example:
        >>> model = Seq2Seq(20, 30, embedding_dim=8, units=16)
        >>> source, target = tf.constant([[5, 6, 7, 0]]), tf.constant([[2, 9, 8]])
        >>> model((source, target)).shape
        TensorShape([1, 3, 30])
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
        config = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        whole(
            source_vocabulary_size=source_vocabulary_size,
            target_vocabulary_size=target_vocabulary_size,
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
        )
        if units % 2:
            raise ValueError(f"units must be an even number, half for a direction; got {units}")
        if attention not in (None, *_ATTENTION):
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
            context, _ = _ATTENTION[attention](units, name="attention")(y, x, value_mask=mask)
            y = layers.Concatenate()([y, context])
            y = layers.Dense(units, activation="tanh", name="combine")(y)
        logits = layers.Dense(target_vocabulary_size, dtype="float32", name="logits")
        super().__init__([source, target], logits(layers.Dropout(dropout)(y)), **kwargs)
        self.config = config

    def encode(self, source) -> tuple[Any, Any]:
        """What decoding needs of the source: (memory, state).

        `memory`, here keys, values and mask of attention, stays; `state`, h and c of each LSTM,
        is where decoding begins. All have B as their first axis.
        """
        encoded, mask, *state = self.get_layer("encoder")(source)
        if self.config["attention"] is None:
            return (), state
        return (*self.get_layer("attention").project(encoded), mask), state

    def decode_step(self, ids, state, memory) -> tuple[tf.Tensor, Any]:
        """One step of the decoder: last tokens (B,) -> logits of the next ones (B, V), new state.

        Step by step this computes what the model itself does for all steps of a target at once.
        """
        y, new_state = self.get_layer("embedding")(ids), []
        for i in range(self.config["num_layers"]):
            cell = self.get_layer(f"decoder{i + 1}").cell
            y, layer_state = cell(y, state[2 * i : 2 * i + 2])
            new_state += layer_state
        if memory:
            context, _ = self.get_layer("attention").attend(y[:, None], *memory)
            y = self.get_layer("combine")(ops.concatenate([y, context[:, 0]], axis=-1))
        return self.get_layer("logits")(y), new_state

    def attention_weights(self, inputs) -> tf.Tensor:
        """(source, target) -> (B, T, S): how much step t of the target looks at source token s.

        Raises:
            ValueError: if the model has no attention.
        """
        if self.config["attention"] is None:
            raise ValueError('this model has no attention: build it with attention="dot"')
        return keras.Model(self.inputs, self.get_layer("attention").output[1])(inputs)


def greedy(
    model, source, max_length: int, start: int = 2, end: int = 3
) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Take the most probable token at each step, until all sequences have ended.

    Encoder and keys are computed once, the state goes from step to step, all in one graph.

    Args:
        model: with `encode` and `decode_step` as `Seq2Seq` has them.
        source: ids (B, S), padded with 0.
        max_length: most tokens of an answer; one that has not ended by then is cut.
        start: id that begins a target.
        end: id that closes one.

    Returns:
        Ids (B, max_length), the end token with them, 0 behind it; and each answer's score, its
        log-probability $\sum_t \log p(y_t \mid y_{<t}, x)$, (B,).

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [sutskever2014].
    """
    return _search(_greedy, model, source, max_length, start, end)


def beam_search(
    model,
    source,
    max_length: int,
    beam_size: int = 4,
    alpha: float = 0.0,
    start: int = 2,
    end: int = 3,
) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Keep the `beam_size` best sequences at each step; return the best one that was complete.

    Sequences Y, complete or not, are compared by their score over a length penalty:

    $$ \frac{\log p(Y \mid X)}{\mathrm{lp}(Y)}, \qquad
       \mathrm{lp}(Y) = \left(\frac{5 + |Y|}{6}\right)^{\alpha} $$

    Greedy's answer is the first to beat, so the result is never worse than it. An answer that is
    cut at `max_length` takes part as it is. The search stops when nothing that is still open can
    beat the best complete one: log-probabilities only fall.

    Args:
        model: this and the others as for `greedy`.
        source: ids (B, S).
        max_length: most tokens of an answer.
        beam_size: sequences kept; 1 is greedy search.
        alpha: 0 for log-probability alone; the larger, the longer the answers.
        start: id of the start token.
        end: id of the end token.

    Returns:
        Ids and scores as from `greedy`: log-probabilities, without the penalty.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [sutskever2014]; the penalty as in [vaswani2017], with alpha 0.6 there.

    Example:
        >>> model = Seq2Seq(20, 30, embedding_dim=8, units=16)
        >>> source = tf.constant([[5, 6, 7], [8, 9, 0]])
        >>> ids, scores = beam_search(model, source, max_length=5, beam_size=3)
        >>> bool(tf.reduce_all(scores > greedy(model, source, max_length=5)[1] - 1e-5))
        True
    """
    whole(beam_size=beam_size)
    if not 0 <= alpha < float("inf"):
        raise ValueError(f"alpha must be 0 or more; got {alpha!r}")
    return _search(
        _beam_search, model, source, max_length, start, end, int(beam_size), float(alpha)
    )


@tf.autograph.experimental.do_not_convert  # its loops are TensorFlow's own already
def _search(search, model, source, max_length, start, end, *others):
    source = tf.convert_to_tensor(source)
    if source.shape.rank != 2 or not source.dtype.is_integer:
        raise ValueError(
            f"source must be whole numbers of shape (B, S); got {source.dtype.name} {source.shape}"
        )
    whole(max_length=max_length)
    longest = getattr(model, "config", {}).get("max_length", max_length)
    if max_length > longest:
        raise ValueError(f"max_length={max_length}, but the model was built for at most {longest}")
    if min(start, end) < 1 or start == end:
        raise ValueError(f"start and end must be two ids from 1 on; got {start} and {end}")
    source, arguments = tf.cast(source, tf.int32), (int(max_length), int(start), int(end), *others)
    if not tf.executing_eagerly():  # in a larger graph, such as that of tf.data
        return search(model, source, *arguments)
    graphs = model.__dict__.setdefault("_graphs", {})  # unseen by Keras, which would save it
    key = (search, *arguments)
    if key not in graphs:
        # A partial, not a lambda: TensorFlow would count all of these as one that is traced anew.
        graphs[key] = tf.function(
            functools.partial(_searched, search, model, arguments),
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
            autograph=False,
        )
    return graphs[key](source)


def _searched(search, model, arguments, source):
    return search(model, source, *arguments)


def _step(model, last, ended, state, memory, start):
    """log p of each next token (N, V); behind an end there is padding, with certainty."""
    logits, state = model.decode_step(last, state, memory)
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    token = tf.range(tf.shape(log_p)[-1])
    log_p = tf.where((token == 0) | (token == start), -float("inf"), log_p)
    closed = tf.where(token == 0, 0.0, -float("inf"))
    return tf.where(ended[:, None], closed, log_p), state


def _greedy(model, source, max_length, start, end):
    memory, state = model.encode(source)
    like = tf.zeros_like(source[:, 0])

    def step(t, ids, last, scores, ended, state):
        log_p, state = _step(model, last, ended, state, memory, start)
        last = tf.argmax(log_p, axis=-1, output_type=tf.int32)
        ids = tf.where(tf.range(max_length) == t, last[:, None], ids)
        scores += tf.reduce_max(log_p, axis=-1)
        return t + 1, ids, last, scores, ended | (last == end), state

    ids = tf.repeat(like[:, None], max_length, axis=1)
    first = (0, ids, like + start, tf.cast(like, tf.float32), like > 0, state)
    _, ids, _, scores, *_ = tf.while_loop(
        lambda t, ids, last, scores, ended, state: ~tf.reduce_all(ended),
        step,
        first,
        maximum_iterations=max_length,
    )
    return ids, scores


def _beam_search(model, source, max_length, start, end, beam_size, alpha):
    def penalty(length):
        return ((5 + tf.cast(length, tf.float32)) / 6) ** alpha

    def split(x):  # (B * beam_size, ...) -> (B, beam_size, ...)
        return tf.reshape(x, tf.concat([[-1, beam_size], tf.shape(x)[1:]], 0))

    def pick(x, which):
        return tf.gather(x, which, axis=1, batch_dims=1)

    def step(t, ids, last, scores, lengths, ended, state, best):
        log_p, state = _step(model, last, tf.reshape(ended, [-1]), state, memory, start)
        size = tf.shape(log_p)[-1]
        totals = tf.reshape(scores[..., None] + split(log_p), [-1, beam_size * size])
        lengths += tf.cast(~ended, tf.int32)
        ranks = totals / tf.repeat(penalty(lengths), size, axis=1)
        chosen = tf.math.top_k(ranks, beam_size).indices  # (B, beam_size)
        parents, tokens = chosen // size, chosen % size
        ids, lengths, ended = (pick(x, parents) for x in (ids, lengths, ended))
        state = tf.nest.map_structure(
            lambda x: tf.reshape(pick(split(x), parents), tf.shape(x)), state
        )
        scores, ended = pick(totals, chosen), ended | (tokens == end)
        ids = tf.where(tf.range(max_length) == t, tokens[..., None], ids)
        complete = ended | (t == max_length - 1)
        ranks = tf.where(complete, scores / penalty(lengths), -float("inf"))
        first = tf.argmax(ranks, axis=1, output_type=tf.int32)
        new = [pick(x, first) for x in (ids, scores, ranks)]
        better = new[2] > best[2]
        best = [
            tf.where(better[:, None] if x.shape.rank == 2 else better, x, old)
            for x, old in zip(new, best, strict=True)
        ]
        return t + 1, ids, tf.reshape(tokens, [-1]), scores, lengths, ended, state, best

    def hope(t, ids, last, scores, lengths, ended, state, best):
        most = tf.where(ended, -float("inf"), scores) / penalty(max_length)
        return tf.reduce_any(most > best[2][:, None])

    ids, scores = _greedy(model, source, max_length, start, end)
    best = [ids, scores, scores / penalty(tf.math.count_nonzero(ids, axis=1))]
    memory, state = tf.nest.map_structure(
        lambda x: tf.repeat(x, beam_size, axis=0), model.encode(source)
    )
    ids = tf.repeat(tf.zeros_like(ids)[:, None], beam_size, axis=1)
    lengths = ids[..., 0]
    scores = tf.where(tf.range(beam_size) == 0, 0.0, -float("inf")) + tf.cast(lengths, tf.float32)
    last = tf.reshape(lengths + start, [-1])
    first = (0, ids, last, scores, lengths, lengths > 0, state, best)
    *_, best = tf.while_loop(hope, step, first, maximum_iterations=max_length)
    return best[0], best[1]


def edit_distance(a: Sequence, b: Sequence) -> int:
    """How many tokens must be put in, taken out or replaced to make b of a.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def error_rates(hypotheses: Sequence, references: Sequence) -> tuple[float, float]:
    """Token error rate and sequence error rate, where each has one or more right answers.

    Args:
        hypotheses: N sequences of tokens.
        references: N lists of right sequences; the nearest one counts.

    Returns:
        Edit distances over the lengths of the nearest right ones, both summed up; and the share
        of sequences that are not exactly right.

    Raises:
        ValueError: if there are not as many of both, none, or no right one for a sequence.

    Example:
        >>> error_rates(["abc", "x"], [["abd", "abcde"], ["x"]])
        (0.25, 0.5)
    """
    if not len(hypotheses) == len(references) or not all(references) or not len(references):
        raise ValueError(
            f"{len(hypotheses)} hypotheses and {len(references)} lists of references: "
            "as many are wanted, and in each list one or more"
        )
    errors = tokens = wrong = 0
    for hypothesis, right in zip(hypotheses, references, strict=True):
        distance, length = min((edit_distance(hypothesis, r), len(r)) for r in right)
        errors, tokens, wrong = errors + distance, tokens + length, wrong + (distance > 0)
    return errors / max(tokens, 1), wrong / len(references)
