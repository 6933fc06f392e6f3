"""The most probable sequence of a model that predicts the next token: greedy and beam search."""

import functools

import tensorflow as tf

from aimodels.checks import check_positive_int

_TOKEN_IDS = tf.TensorSpec([None, None], tf.int32)


def greedy(
    model, source, max_length: int, start_id: int = 2, end_id: int = 3
) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Take the most probable token at each step, until all sequences have ended.

    Encoder and keys are computed once, the state goes from step to step, all in one graph.

    Args:
        model: a model with the methods `encode` and `decode_step` of `Seq2Seq`.
        source: token ids (B, S), padded with 0; or what else the model's `source_spec` says.
        max_length: largest number of tokens in an answer; one that has not ended by then is cut.
        start_id: id of the token that begins a target.
        end_id: id of the token that ends it.

    Returns:
        Token ids (B, max_length), with the end token, 0 after it; and each answer's score, its
        log-probability $\sum_t \log p(y_t \mid y_{<t}, x)$, (B,).

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [sutskever2014].
    """
    return _search(_greedy, model, source, max_length, start_id, end_id)


def beam_search(
    model,
    source,
    max_length: int,
    beam_size: int = 4,
    length_penalty: float = 0.0,
    start_id: int = 2,
    end_id: int = 3,
) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Keep the `beam_size` best sequences at each step; return the best one that was complete.

    Sequences Y, complete or not, are compared by their score over a length penalty:

    $$ \frac{\log p(Y \mid X)}{\mathrm{lp}(Y)}, \qquad
       \mathrm{lp}(Y) = \left(\frac{5 + |Y|}{6}\right)^{\alpha} $$

    Greedy's answer is the first to beat, so the result is never worse than it. An answer that is
    cut at `max_length` takes part as it is. The search stops when nothing that is still open can
    beat the best complete one: log-probabilities only fall.

    Args:
        model: a model as for `greedy`.
        source: as for `greedy`.
        max_length: largest number of tokens in an answer.
        beam_size: number of sequences kept; 1 is greedy search.
        length_penalty: $\alpha$, 0 or more: 0 compares log-probabilities alone; the larger, the
            longer the answers.
        start_id: id of the start token.
        end_id: id of the end token.

    Returns:
        Token ids and scores as from `greedy`: log-probabilities, without the penalty.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [sutskever2014]; the penalty as in [wu2016]; $\alpha = 0.6$ as in [vaswani2017].

    Example:
        >>> from aimodels.seq2seq import Seq2Seq
        >>> model = Seq2Seq(20, 30, embedding_dim=8, units=16)
        >>> source = tf.constant([[5, 6, 7], [8, 9, 0]])
        >>> ids, scores = beam_search(model, source, max_length=5, beam_size=3)
        >>> bool(tf.reduce_all(scores > greedy(model, source, max_length=5)[1] - 1e-5))
        True
    """
    check_positive_int(beam_size=beam_size)
    if not 0 <= length_penalty < float("inf"):
        raise ValueError(f"length_penalty must be a number >= 0; got {length_penalty!r}")
    beam_arguments = int(beam_size), float(length_penalty)
    return _search(_beam_search, model, source, max_length, start_id, end_id, *beam_arguments)


@tf.autograph.experimental.do_not_convert  # its loops are TensorFlow's own already
def _search(search, model, source, max_length, start_id, end_id, *others):
    spec = getattr(model, "source_spec", _TOKEN_IDS)
    source = tf.convert_to_tensor(source)
    if not spec.shape.is_compatible_with(source.shape) or (
        source.dtype.is_integer != spec.dtype.is_integer
    ):
        numbers = "integers" if spec.dtype.is_integer else "floating-point numbers"
        shape = "(B, S)" if spec is _TOKEN_IDS else spec.shape
        raise ValueError(
            f"source must be {numbers} of shape {shape}; got {source.dtype.name} {source.shape}"
        )
    check_positive_int(max_length=max_length)
    longest = getattr(model, "config", {}).get("max_sequence_length", max_length)
    if max_length > longest:
        raise ValueError(f"max_length={max_length}, but the model was built for at most {longest}")
    check_positive_int(start_id=start_id, end_id=end_id)
    if start_id == end_id:
        raise ValueError(f"start_id and end_id must differ; both are {end_id}")
    source = tf.cast(source, spec.dtype)
    arguments = int(max_length), int(start_id), int(end_id), *others
    if not tf.executing_eagerly():  # in a larger graph, such as that of tf.data
        return search(model, source, *arguments)
    graphs = model.__dict__.setdefault("_graphs", {})  # unseen by Keras, which would save it
    key = (search, *arguments)
    if key not in graphs:
        # A partial, not a lambda: TensorFlow would count all of these as one that is traced anew.
        graphs[key] = tf.function(
            functools.partial(_searched, search, model, arguments),
            input_signature=[spec],
            autograph=False,
        )
    return graphs[key](source)


def _searched(search, model, arguments, source):
    return search(model, source, *arguments)


def _step(model, last, ended, state, memory, start_id):
    """log p of each next token (N, V); behind an end there is padding, with certainty."""
    logits, state = model.decode_step(last, state, memory)
    log_p = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    token = tf.range(tf.shape(log_p)[-1])
    log_p = tf.where((token == 0) | (token == start_id), -float("inf"), log_p)
    closed = tf.where(token == 0, 0.0, -float("inf"))
    return tf.where(ended[:, None], closed, log_p), state


def _greedy(model, source, max_length, start_id, end_id):
    memory, state = model.encode(source)
    like = tf.zeros(tf.shape(source)[:1], tf.int32)

    def step(t, ids, last, scores, ended, state):
        log_p, state = _step(model, last, ended, state, memory, start_id)
        last = tf.argmax(log_p, axis=-1, output_type=tf.int32)
        ids = tf.where(tf.range(max_length) == t, last[:, None], ids)
        scores += tf.reduce_max(log_p, axis=-1)
        return t + 1, ids, last, scores, ended | (last == end_id), state

    ids = tf.repeat(like[:, None], max_length, axis=1)
    first = (0, ids, like + start_id, tf.cast(like, tf.float32), like > 0, state)
    _, ids, _, scores, *_ = tf.while_loop(
        lambda t, ids, last, scores, ended, state: ~tf.reduce_all(ended),
        step,
        first,
        maximum_iterations=max_length,
    )
    return ids, scores


def _beam_search(model, source, max_length, start_id, end_id, beam_size, length_penalty):
    def penalty(length):
        return ((5 + tf.cast(length, tf.float32)) / 6) ** length_penalty

    def split(x):  # (B * beam_size, ...) -> (B, beam_size, ...)
        return tf.reshape(x, tf.concat([[-1, beam_size], tf.shape(x)[1:]], 0))

    def pick(x, which):
        return tf.gather(x, which, axis=1, batch_dims=1)

    def step(t, ids, last, scores, lengths, ended, state, best):
        log_p, state = _step(model, last, tf.reshape(ended, [-1]), state, memory, start_id)
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
        scores, ended = pick(totals, chosen), ended | (tokens == end_id)
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

    ids, scores = _greedy(model, source, max_length, start_id, end_id)
    best = [ids, scores, scores / penalty(tf.math.count_nonzero(ids, axis=1))]
    memory, state = tf.nest.map_structure(
        lambda x: tf.repeat(x, beam_size, axis=0), model.encode(source)
    )
    ids = tf.repeat(tf.zeros_like(ids)[:, None], beam_size, axis=1)
    lengths = ids[..., 0]
    scores = tf.where(tf.range(beam_size) == 0, 0.0, -float("inf")) + tf.cast(lengths, tf.float32)
    last = tf.reshape(lengths + start_id, [-1])
    first = (0, ids, last, scores, lengths, lengths > 0, state, best)
    *_, best = tf.while_loop(hope, step, first, maximum_iterations=max_length)
    return best[0], best[1]
