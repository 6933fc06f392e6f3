"""Models that take texts: a GPT continues them, a Transformer translates them, a BERT fills gaps.

What `aimodels train` wrote has its vocabularies and tokenizers beside it, so that a client sends
texts and gets texts.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from aimodels import decoding, files, text
from aimodels.bert import encode
from aimodels.lite import LiteGPT
from aimodels.recipes.transformer import TOKENIZERS
from aimodels.serving.servable import (
    Arrays,
    LoadError,
    RequestError,
    Servable,
    Signature,
    Tensor,
)
from aimodels.text_generator import TextGenerator

NEW_TOKENS = 64  # of `:predict`; `/v1/completions` takes any number
MASK = "[MASK]"
_TEXTS = Tensor("str", (None,))


def of_run(folder: Path) -> Servable:
    """What a run of `aimodels train` is served as."""
    run = files.read_json(folder / "run.json")
    kinds = {"gpt": lambda: completion(TextGenerator.load(folder))}
    kinds |= {"transformer": lambda: _translation(folder, run), "bert": lambda: _gaps(folder)}
    if run.get("model") not in kinds:
        raise LoadError(f"{folder} holds a run of {run.get('model')!r}, which is not known")
    return kinds[run["model"]]()


def of_lite(folder: Path, path: Path) -> Servable:
    """A GPT that `lite.export` wrote, with its tokenizer's files beside it."""
    tokenizer = text.BytePairTokenizer.load(folder / "merges.txt")
    vocabulary = text.Vocabulary.load(folder / "vocabulary.txt")
    return completion(TextGenerator(LiteGPT(path), tokenizer, vocabulary))


def completion(generator: TextGenerator) -> Servable:
    """A GPT; each text is continued by the most probable tokens."""

    def run(inputs: Arrays) -> Arrays:
        try:
            answers = [generator.generate(one, NEW_TOKENS) for one in inputs["prompt"]]
        except ValueError as error:  # of the prompt
            raise RequestError(400, str(error)) from None
        return {"text": _column(answers)}

    return Servable(
        "completion",
        {"serving_default": Signature({"prompt": _TEXTS}, {"text": _TEXTS}, run)},
        generator=generator,
        batch_size=1,  # texts of different lengths
    )


def _translation(folder: Path, run: dict) -> Servable:
    model = keras.saving.load_model(_finished(folder), compile=False)
    source, target = (text.Vocabulary.load(folder / name) for name in ("source.txt", "target.txt"))
    cut, length = TOKENIZERS[run["data"]][0], model.config["max_sequence_length"]
    joint = " " if run["data"] == "cmudict" else ""

    def translate(inputs: Arrays) -> Arrays:
        tokens = [cut.tokenize(one) for one in inputs["text"]]
        for row in tokens:
            if not 1 <= len(row) <= length:
                raise RequestError(
                    400, f"a text must have 1 to {length} tokens; got one of {len(row)}"
                )
        ids = source.encode(tokens, length)
        answers, _ = decoding.greedy(model, ids, max_length=length)
        return {"text": _column([joint.join(row) for row in target.decode(answers)])}

    return Servable(
        "text", {"serving_default": Signature({"text": _TEXTS}, {"text": _TEXTS}, translate)}
    )


def _gaps(folder: Path) -> Servable:
    model = keras.saving.load_model(_finished(folder), compile=False)
    words = text.Vocabulary.load(folder / "vocabulary.txt", start_token="[CLS]", end_token="[SEP]")
    cut, length = text.WordTokenizer(), model.bert.config["max_sequence_length"]

    def fill(inputs: Arrays) -> Arrays:
        rows = []
        for one in inputs["text"]:
            tokens: list[str] = []
            for i, part in enumerate(one.split(MASK)):
                tokens += [MASK] * bool(i) + cut.tokenize(part)
            if MASK not in tokens or len(tokens) + 2 > length:
                raise RequestError(
                    400,
                    f"a text needs {MASK} where a word is missing, and at most {length - 2} "
                    f"tokens; got {len(tokens)} tokens, {tokens.count(MASK)} of them {MASK}",
                )
            rows.append(tokens)
        ids, segments = encode(words, rows, sequence_length=length)
        gaps = [[i for i, token in enumerate(["", *row]) if token == MASK] for row in rows]
        places = np.zeros((len(rows), max(map(len, gaps))), "int32")
        for place, row in zip(places, gaps, strict=True):
            place[: len(row)] = row
        logits = np.array(model((ids, segments, places), training=False)[0])
        best = logits.argmax(-1)
        filled = [
            " ".join(words.ids_to_tokens(row[: len(gap)].tolist()))
            for row, gap in zip(best, gaps, strict=True)
        ]
        return {"words": _column(filled)}

    return Servable(
        "text", {"serving_default": Signature({"text": _TEXTS}, {"words": _TEXTS}, fill)}
    )


def _finished(folder: Path) -> Path:
    path = folder / "model.keras"
    if not path.is_file():
        raise LoadError(f"the run in {folder} has not ended: repeat its `aimodels train` command")
    return path


def _column(texts: Sequence[str]) -> np.ndarray:
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
