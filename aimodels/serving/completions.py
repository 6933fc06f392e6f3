"""OpenAI's `/v1/completions` for a GPT: options checked, prompts continued in batches, streamed."""

import contextlib
import secrets
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from aimodels.decoding import generate
from aimodels.serving.payload import is_finite, parse_json
from aimodels.serving.servable import RequestError
from aimodels.text_generator import TextGenerator

MAX_NEW_TOKENS = 2048
MAX_CHOICES = 32  # prompts times n
# Fields that are accepted with the value that changes nothing.
_NEUTRAL: dict[str, tuple] = {
    "best_of": (None, 1),
    "echo": (None, False),
    "frequency_penalty": (None, 0),
    "logit_bias": (None, {}),
    "logprobs": (None,),
    "presence_penalty": (None, 0),
    "suffix": (None, ""),
}
_KNOWN = {"model", "prompt", "max_tokens", "temperature", "top_p", "n", "stream", "stop", "seed"}
_KNOWN |= {"stream_options", "user", *_NEUTRAL}


class Sampling(NamedTuple):
    """What all texts of a batch share."""

    temperature: float
    top_p: float | None


class Asked(NamedTuple):
    """A checked request."""

    model: str
    choices: list["Choice"]
    sampling: Sampling
    stream: bool
    usage: bool  # whether a stream ends with the numbers of tokens
    prompt_tokens: int


class Choice:
    """One text that is written: takes token after token, and tells what of the text is certain.

    Args:
        generator: the GPT with its tokenizer.
        token_ids: ids of the prompt.
        max_new_tokens: largest number of new tokens.
        stop: texts that end it, and are no part of it.
        seed: of the draws.

    Attributes:
        text: what is certain so far.
        new_ids: token ids so far.
        finish_reason: "stop" or "length" in the end.
        tell: is called with each new piece of text, by the thread that computes.
        cancelled: set it when nobody waits any more.
    """

    def __init__(
        self,
        generator: TextGenerator,
        token_ids: list[int],
        max_new_tokens: int,
        stop: tuple[str, ...] = (),
        seed: int = 0,
    ):
        self.generator, self.token_ids, self.max_new_tokens = generator, token_ids, max_new_tokens
        self.stop, self.seed = stop, seed
        self.new_ids: list[int] = []
        self.text, self.finish_reason = "", None
        self._read, self._unread = "", []  # text so far, and ids that may be half a character
        self.tell: Callable[[str], None] = lambda piece: None
        self.cancelled = threading.Event()

    @property
    def ended(self) -> bool:
        return self.finish_reason is not None or self.cancelled.is_set()

    def take(self, token_id: int) -> None:
        """The next token."""
        self.new_ids.append(token_id)
        self._unread.append(token_id)
        tail = self.generator.detokenize(self._unread)
        whole = self._read + tail
        if not tail.endswith("\ufffd"):  # half a character
            self._read, self._unread = whole, []
        found = [place for stop in self.stop if (place := whole.find(stop)) >= 0]
        if found or token_id in self.generator.stop_token_ids:
            self.finish_reason = "stop"
            text = whole[: min(found)] if found else whole
        elif len(self.new_ids) == self.max_new_tokens:
            self.finish_reason, text = "length", whole
        else:
            text = self._without_begun_stop(self._read)
        if len(text) > len(self.text):
            piece, self.text = text[len(self.text) :], text
            self.tell(piece)

    def _without_begun_stop(self, text: str) -> str:
        """The text as far as no stop can begin in it."""
        begun = [
            size
            for stop in self.stop
            for size in range(1, min(len(stop), len(text) + 1))
            if text.endswith(stop[:size])
        ]
        return text[: len(text) - max(begun, default=0)]


class _EnoughError(Exception):
    """Nobody waits for more."""


def write(choices: list[Choice], sampling: Sampling) -> None:
    """Continue several texts at once; each is what `generate` would write for it alone."""
    choices = [choice for choice in choices if not choice.ended]
    if not choices:
        return
    model = choices[0].generator.model
    rows = [*choices]
    if not getattr(model, "eager", False):  # few numbers of rows: each one is a graph of its own
        rows += [choices[0]] * ((1 << (len(rows) - 1).bit_length()) - len(rows))

    def step(ids: np.ndarray) -> None:
        for choice, token_id in zip(choices, ids.tolist(), strict=False):
            if token_id >= 0 and not choice.ended:
                choice.take(token_id)
        if all(choice.ended for choice in choices):
            raise _EnoughError

    with contextlib.suppress(_EnoughError):
        generate(
            model,
            [choice.token_ids for choice in rows],
            max(choice.max_new_tokens for choice in choices),
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_token_ids=choices[0].generator.stop_token_ids,
            seed=[choice.seed for choice in rows],
            callback=step,
        )


def fits(choices: list[Choice], new: Choice) -> bool:
    """Whether a text may join: together they must not outgrow the model, or all would forget."""
    every = [*choices, new]
    longest = max(len(choice.token_ids) for choice in every)
    most = max(choice.max_new_tokens for choice in every)
    return longest + most <= new.generator.model.config["max_sequence_length"]


def parse(body: bytes, find: Callable[[str], TextGenerator]) -> Asked:
    """Read and check a body.

    Args:
        body: of the request.
        find: from a model's name to its generator; raises a `RequestError` if there is none.

    Raises:
        RequestError: 400 or 404; it says what is wrong.
    """
    asked = parse_json(body)
    if unknown := sorted(set(asked) - _KNOWN):
        raise RequestError(400, f"unknown field {unknown[0][:80]!r}")
    for name, neutral in _NEUTRAL.items():
        if name in asked and asked[name] not in neutral:
            raise RequestError(400, f"{name} is not supported: leave it out")
    name = asked.get("model")
    if not isinstance(name, str):
        raise RequestError(400, "model must name a model of /v1/models")
    generator = find(name)
    sampling = Sampling(
        _number(asked, "temperature", 1.0, 0, 100), _number(asked, "top_p", 1.0, 1e-6, 1)
    )
    if 0 < sampling.temperature < 1e-3:
        raise RequestError(400, "temperature must be 0 or at least 0.001")
    sampling = sampling._replace(top_p=sampling.top_p if sampling.top_p < 1 else None)
    most = _integer(asked, "max_tokens", 16, 1, MAX_NEW_TOKENS)
    number = _integer(asked, "n", 1, 1, MAX_CHOICES)
    seed = _integer(asked, "seed", secrets.randbits(31), 0, 2**63 - 1)
    prompts = [_ids(prompt, generator) for prompt in _prompts(asked.get("prompt"))]
    if len(prompts) * number > MAX_CHOICES:
        raise RequestError(400, f"at most {MAX_CHOICES} texts at a time: prompts times n")
    stop = _stop(asked.get("stop"))
    choices = [
        Choice(generator, ids, most, stop, seed + i) for ids in prompts for i in range(number)
    ]
    stream, options = asked.get("stream") or False, asked.get("stream_options") or {}
    if not isinstance(stream, bool) or not isinstance(options, dict):
        raise RequestError(400, "stream must be true or false, and stream_options an object")
    usage = options.get("include_usage") is True
    return Asked(name, choices, sampling, stream, usage, sum(map(len, prompts)))


def _prompts(prompt: Any) -> list:
    """A text, texts, token ids, or lists of them -> a list of prompts."""
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        raise RequestError(400, "prompt must be a text, or a list of texts, and not empty")
    return [prompt] if _all_ids(prompt) else prompt


def _all_ids(values: list) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _ids(prompt: Any, generator: TextGenerator) -> list[int]:
    if isinstance(prompt, str):
        try:
            prompt.encode("utf-8")
            return generator.prompt_ids(prompt)
        except UnicodeEncodeError:
            raise RequestError(400, "the prompt holds half a character") from None
        except ValueError as error:
            raise RequestError(400, str(error)) from None
    config = generator.model.config
    if not isinstance(prompt, list) or not prompt or not _all_ids(prompt):
        raise RequestError(400, "a prompt must be a text or a list of token ids, not empty")
    if min(prompt) < 0 or max(prompt) >= config["vocabulary_size"]:
        raise RequestError(400, f"token ids must be 0 to {config['vocabulary_size'] - 1}")
    return prompt[-config["max_sequence_length"] :]


def _stop(stop: Any) -> tuple[str, ...]:
    stop = [] if stop is None else [stop] if isinstance(stop, str) else stop
    right = isinstance(stop, list) and len(stop) <= 4
    if not right or not all(isinstance(one, str) and 0 < len(one) <= 200 for one in stop):
        raise RequestError(400, "stop must be a text, or up to 4 texts of 1 to 200 characters")
    return tuple(stop)


def _number(asked: dict, name: str, default: float, low: float, high: float) -> float:
    value = asked.get(name)
    value = default if value is None else value
    if not is_finite(value) or not low <= value <= high:
        raise RequestError(400, f"{name} must be a number from {low:g} to {high:g}")
    return float(value)


def _integer(asked: dict, name: str, default: int, low: int, high: int) -> int:
    value = asked.get(name)
    value = default if value is None else value
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise RequestError(400, f"{name} must be an integer from {low} to {high}")
    return value
