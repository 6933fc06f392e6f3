r"""Text from a language model: token after token, each drawn from what the model expects.

    logits of the next token -> repetition penalty -> temperature -> top-k -> top-p -> a token

A prompt passes through the model once. Its keys and values stay in a cache, so each further step
reads one token only; all these steps are one loop in one graph, or in one XLA program.
"""

import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TextIO

import numpy as np
import tensorflow as tf

from aimodels import console
from aimodels.checks import check_positive_int


def generate(
    model,
    prompts: Sequence,
    max_new_tokens: int,
    *,
    temperature: float = 0.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    stop_token_ids: int | Iterable[int] = (),
    seed: int | Sequence[int] | None = None,
    jit_compile: bool = False,
    callback: Callable[[np.ndarray], None] | None = None,
) -> list[np.ndarray]:
    r"""Continue each prompt.

    With logits $z$ and temperature $\tau$, a token is drawn from

    $$ p_v = \frac{\exp(z_v / \tau)}{\sum_u \exp(z_u / \tau)} $$

    after `top_k` and `top_p` have taken the unlikely ones out. Prompts of different lengths are
    filled up on their left, and nothing looks there: each is continued as if it were alone.

    When the longest prompt and its answer outgrow the model's `max_sequence_length`, all rows
    forget all but their last `max_sequence_length // 2` tokens and go on from those.

    Args:
        model: a `gpt.GPT`, or another object with its `cache` and `step`, and a `config` with
            "vocabulary_size" and "max_sequence_length"; if it has `eager = True`, its steps are
            called one by one, as those of a `lite.LiteGPT`.
        prompts: lists of token ids, with at least one id each.
        max_new_tokens: largest number of tokens per answer.
        temperature: $\tau$, at least 0.001; or 0, which always takes the most probable token.
        top_k: number of the most probable tokens that may be drawn; all of them if None.
        top_p: probability that the tokens which may be drawn must have together, the most
            probable ones first; all of them if None.
        repetition_penalty: factor that divides the positive logits, and multiplies the negative
            ones, of tokens that prompt or answer hold already; above 1 makes them less likely.
        stop_token_ids: token ids that end an answer.
        seed: seed of the draws; the same seed draws the same tokens, whatever the other prompts
            are. Each call takes another one if None. With one seed per prompt, each prompt is
            continued as if it were the only one.
        jit_compile: whether to compile the loop with XLA, once per number of prompts: all lengths
            share one program.
        callback: function that is called after each step with the new ids, (B,), -1 where an
            answer has ended.

    Returns:
        For each prompt the ids of its answer, the stop token with them.

    Raises:
        ValueError: if an argument is out of range, or a prompt is empty, too long or holds an id
            that the model does not know; it says which.

    Example:
        >>> from aimodels import gpt
        >>> model = gpt.GPT(100, 16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> [answer.size for answer in generate(model, [[5, 6, 7], [8]], max_new_tokens=4)]
        [4, 4]
    """
    check_positive_int(max_new_tokens=max_new_tokens)
    rows = _checked(prompts, model.config)
    choice, numbers = _choice(model, temperature, top_k, top_p, repetition_penalty, stop_token_ids)
    uniform = _uniform(len(rows), max_new_tokens, seed)
    answers = []
    for new in _blocks(model, choice, numbers, rows, uniform, 1 if callback else None, jit_compile):
        answers.append(new)
        if callback:
            callback(new[:, 0])
    return [row[row >= 0] for row in np.concatenate(answers, axis=1)]


class TextStreamer:
    """A callback for `generate` that shows the words of one answer as they come.

    A token may be only a part of a character: what is shown ends where the text is certain.

    Args:
        detokenize: function from a list of token ids to their text.
        row: index of the answer in the batch.
        file: where to write; standard output if None.

    Example:
        >>> show = TextStreamer(lambda ids: " ".join(f"word{i}" for i in ids))
        >>> for new in ([5], [6], [-1]):
        ...     show(np.array(new))
        word5 word6
    """

    def __init__(
        self, detokenize: Callable[[list[int]], str], row: int = 0, file: TextIO | None = None
    ) -> None:
        self.detokenize, self.row, self.file = detokenize, row, file
        self.token_ids, self.shown = [], ""

    def __call__(self, ids: np.ndarray) -> None:
        if ids[self.row] < 0:
            return
        self.token_ids.append(int(ids[self.row]))
        text = self.detokenize(self.token_ids)
        if not text.endswith("\ufffd"):  # half a character
            console.write(text[len(self.shown) :], end="", file=self.file)
            self.shown = text


class _Choice(NamedTuple):
    """What shapes the graph of a choice; the numbers in it may change from call to call."""

    greedy: bool
    top_k: int | None
    nucleus: bool
    penalised: bool


class _Numbers(NamedTuple):
    temperature: tf.Tensor
    top_p: tf.Tensor
    penalty: tf.Tensor
    stop: tf.Tensor


def _checked(prompts, config) -> list[np.ndarray]:
    rows = [np.asarray(prompt) for prompt in prompts]
    if not rows:
        raise ValueError("prompts holds no prompt")
    size, longest = config["vocabulary_size"], config["max_sequence_length"]
    for i, row in enumerate(rows):
        if row.ndim != 1 or not 1 <= row.size <= longest or row.dtype.kind not in "iu":
            raise ValueError(
                f"a prompt must be a list of 1 to {longest} ids; prompt {i} is of shape "
                f"{row.shape} and type {row.dtype}"
            )
        if row.min() < 0 or row.max() >= size:
            wrong = row[(row < 0) | (row >= size)][0]
            raise ValueError(f"prompt {i} holds the id {wrong}; the model knows 0 to {size - 1}")
    return [row.astype("int32") for row in rows]


def _choice(model, temperature, top_k, top_p, penalty, stop_token_ids) -> tuple[_Choice, _Numbers]:
    if top_k is not None:
        check_positive_int(top_k=top_k)
        top_k = min(int(top_k), model.config["vocabulary_size"])
    if temperature and not 1e-3 <= temperature < math.inf:  # the logits' quotients overflow below
        raise ValueError(f"temperature must be 0 or at least 0.001; got {temperature!r}")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1; got {top_p!r}")
    if not 0 < penalty < math.inf:
        raise ValueError(f"repetition_penalty must be above 0; got {penalty!r}")
    is_one = isinstance(stop_token_ids, int | np.integer)
    stop = [stop_token_ids] if is_one else list(stop_token_ids)
    choice = _Choice(temperature == 0, top_k, top_p is not None, penalty != 1)
    numbers = [tf.constant(x, tf.float32) for x in (temperature, top_p or 1.0, penalty)]
    return choice, _Numbers(*numbers, tf.constant(stop, tf.int32))


def _uniform(rows: int, steps: int, seed: int | Sequence[int] | None) -> np.ndarray:
    """Numbers above 0 and up to 1, (rows, steps), each row from a generator of its own."""
    if isinstance(seed, Sequence):
        if len(seed) != rows:
            raise ValueError(f"seed must be one per prompt: {rows} prompts, {len(seed)} seeds")
        for one in seed:
            check_positive_int(minimum=0, seed=one)
        seeds = [[one, 0] for one in seed]
    else:
        if seed is None:
            seed = np.random.SeedSequence().entropy
        else:
            check_positive_int(minimum=0, seed=seed)
        seeds = [[seed, row] for row in range(rows)]
    draws = [1 - np.random.default_rng(one).random(steps) for one in seeds]
    return np.array(draws, "float32")


def _blocks(model, choice, numbers, rows, uniform, at_once, jit_compile) -> Iterator[np.ndarray]:
    """New ids (B, n), -1 behind the end of an answer: n = 1 first, then at most `at_once`."""
    first, loop = _programs(model, choice, jit_compile)
    longest, size = model.config["max_sequence_length"], model.config["vocabulary_size"]
    done, ended = 0, tf.zeros((len(rows),), tf.bool)
    seen = np.zeros((len(rows), size if choice.penalised else 0), bool)
    if choice.penalised:
        for row, ids in zip(seen, rows, strict=True):
            row[ids] = True
    while True:
        at = max(row.size for row in rows)
        padding = tf.constant([at - row.size for row in rows])
        ids = tf.constant([np.pad(row, (at - row.size, 0)) for row in rows])
        draws = np.zeros((len(rows), longest), "float32")
        part = uniform[:, done : done + longest]
        draws[:, : part.shape[1]] = part
        state = first(ids, padding, ended, seen, draws, numbers)
        new, drawn = state[0].numpy()[:, None], 0
        while True:
            yield new
            rows = [np.append(row, ids[ids >= 0]) for row, ids in zip(rows, new, strict=True)]
            drawn, ended, seen = drawn + new.shape[1], state[1], state[2]
            place = at + drawn - 1  # of the last token, which the model has not read yet
            steps = min(at_once or longest, longest - place, uniform.shape[1] - done - drawn)
            if not steps or np.all(ended):
                break
            new, state = loop(state, padding, tf.constant([place, drawn, steps]), draws, numbers)
            new = new.numpy()[:, :steps]
            new = new[:, np.any(new >= 0, axis=0)]
        done += drawn
        if done == uniform.shape[1] or np.all(ended):
            return
        rows = [row[-max(longest // 2, 1) :] for row in rows]


def _programs(model, choice: _Choice, jit_compile: bool) -> tuple:
    graphs = model.__dict__.setdefault("_graphs", {})  # unseen by Keras, which would save it
    if (choice, jit_compile) not in graphs:
        draw = functools.partial(_draw, choice)
        if getattr(model, "eager", False):
            draw = tf.function(draw, jit_compile=jit_compile)
            first, loop = (functools.partial(part, model, draw) for part in (_first, _by_hand))
        else:
            first = tf.function(functools.partial(_first, model, draw), reduce_retracing=True)
            loop = tf.function(functools.partial(_loop, model, draw), jit_compile=jit_compile)
        graphs[choice, jit_compile] = first, loop
    return graphs[choice, jit_compile]


def _first(model, draw, ids, padding, ended, seen, uniform, numbers):
    """Read the prompts, draw the first tokens: tokens, ended, seen, cache."""
    logits, cache = model.step(ids, model.cache(tf.shape(ids)[0]), 0, padding)
    return *draw(logits, ended, seen, uniform[:, 0], numbers), cache


def _by_hand(model, draw, state, padding, counts, uniform, numbers):
    """As `_loop`, for a model that is no part of a graph."""
    (*state, cache), (place, drawn, steps) = state, counts.numpy()
    new = np.full((len(uniform), steps), -1, "int32")
    for i in range(steps):
        if np.all(state[1]):
            break
        ids = np.maximum(state[0], 0)[:, None]
        logits, cache = model.step(ids, cache, place + i, padding)
        state = draw(logits, *state[1:], uniform[:, drawn + i], numbers)
        new[:, i] = state[0]
    return tf.constant(new), [*state, cache]


def _loop(model, draw, state, padding, counts, uniform, numbers):
    """Up to `steps` more tokens, in the first columns of (B, max_length), and the new state."""
    place, drawn, steps = tf.unstack(counts)

    def step(i, new, last, ended, seen, cache):
        ids = tf.maximum(last, 0)[:, None]
        logits, cache = model.step(ids, cache, place + i, padding)
        chance = tf.gather(uniform, drawn + i, axis=1)
        last, ended, seen = draw(logits, ended, seen, chance, numbers)
        new = tf.where(tf.range(new.shape[1]) == i, last[:, None], new)
        return i + 1, new, last, ended, seen, cache

    new = tf.fill((tf.shape(padding)[0], model.config["max_sequence_length"]), -1)
    _, new, *state = tf.while_loop(
        lambda i, new, last, ended, *_: (i < steps) & ~tf.reduce_all(ended),
        step,
        (0, new, *state),
        maximum_iterations=model.config["max_sequence_length"],
    )
    return new, state


def _draw(choice: _Choice, logits, ended, seen, uniform, numbers: _Numbers):
    """A token for each row, -1 where it has ended; the new `ended` and `seen`."""
    z = tf.cast(logits, tf.float32)
    if choice.penalised:
        z = tf.where(seen, tf.where(z > 0, z / numbers.penalty, z * numbers.penalty), z)
    if choice.greedy:
        token = tf.argmax(z, axis=-1, output_type=tf.int32)
    else:
        token = _drawn(choice, z / numbers.temperature, uniform, numbers.top_p)
    token = tf.where(ended, -1, token)
    ended |= tf.reduce_any(token[:, None] == numbers.stop, axis=1)
    if choice.penalised:
        seen |= tf.one_hot(token, seen.shape[1], True, False)
    return token, ended, seen


def _drawn(choice: _Choice, z, uniform, top_p):
    """The first token at which the sum of the probabilities so far reaches `uniform`, (B,)."""
    limited = choice.top_k is not None or choice.nucleus
    if limited:  # the most probable one first
        z, order = tf.math.top_k(z, choice.top_k or z.shape[-1])
    p = tf.nn.softmax(z)
    if choice.nucleus:
        p = tf.where(tf.cumsum(p, axis=-1, exclusive=True) < top_p, p, 0.0)
    sums = tf.cumsum(p, axis=-1)
    before = tf.cast(sums < uniform[:, None] * sums[:, -1:], tf.int32)
    last = tf.reduce_sum(tf.cast(p > 0, tf.int32), axis=-1) - 1 if limited else z.shape[-1] - 1
    token = tf.minimum(tf.reduce_sum(before, axis=-1), last)  # sums are rounded
    return tf.gather(order, token, axis=1, batch_dims=1) if limited else token
