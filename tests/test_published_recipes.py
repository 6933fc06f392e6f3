"""What lessons, docs and docstrings print about published checkpoints runs, on small ones."""

import inspect
import json
import re
import shutil
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest
from published import write_bert, write_gpt

from aimodels import bert, detection, gpt, recipes, text

ROOT = Path(__file__).parents[1]
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "\u2028", "a", "good", "film", "##s"]
TEXTS = ["A good film", "Films"]


def published_recipes() -> dict[str, str]:
    """Blocks of code that are printed and load something published, by their place."""
    found = {}
    pages = [*ROOT.glob("course/**/*.py"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")]
    for path in sorted(pages):
        page = path.read_text(encoding="utf-8")
        if path.suffix == ".py":  # a lesson's prose stands in comments
            page = re.sub(r"^# ?", "", page, flags=re.MULTILINE)
        for block in re.findall(r"^```(?:python)?\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
            if "from_checkpoint(" in block or "TextGenerator.load(" in block:
                found[f"{path.relative_to(ROOT)} {len(found)}"] = block
    documentation = textwrap.dedent(text.Vocabulary.load.__doc__.split("\n", 1)[1])
    blocks = re.findall(r"^    (?=\S).*?(?=^\S)", documentation, re.MULTILINE | re.DOTALL)
    for block in map(textwrap.dedent, blocks):
        if "Vocabulary.load(" in block:
            found[f"Vocabulary.load {len(found)}"] = block
    return found


RECIPES = published_recipes()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Small checkpoints with their tokens, in folders of the names that the recipes use."""
    sizes = {"hidden_dim": 8, "num_heads": 2, "num_layers": 1}
    encoder = bert.BERT(len(PIECES), max_sequence_length=128, **sizes)
    write_bert(encoder, tmp_path / "bert")
    lines = "".join(f"{piece}\n" for piece in PIECES)
    (tmp_path / "bert" / "vocab.txt").write_text(lines, encoding="utf-8", newline="\n")

    tokenizer = text.BytePairTokenizer.train(TEXTS * 2, num_merges=3)
    tokens = [*tokenizer.vocabulary, "<|endoftext|>"]
    writer = gpt.GPT(len(tokens), max_sequence_length=16, **sizes)
    write_gpt(writer, tmp_path / "gpt2")
    tokenizer.save(tmp_path / "gpt2" / "merges.txt")
    content = json.dumps({token: i for i, token in enumerate(tokens)})
    (tmp_path / "gpt2" / "vocab.json").write_text(content, encoding="utf-8")
    shutil.copy(tmp_path / "gpt2" / "vocab.json", tmp_path)  # for a recipe without a folder
    shutil.copytree(tmp_path / "gpt2", tmp_path / "run1")  # where a recipe trains its own
    monkeypatch.chdir(tmp_path)
    return {"bert": encoder, "gpt2": writer, "tokens": tokens}


def run(block: str) -> dict:
    """The block's names after it ran, with those of the lesson that it stands in."""
    names = {
        **{
            "bert": bert,
            "detection": detection,
            "gpt": gpt,
            "keras": keras,
            "np": np,
            "texts": TEXTS,
        },
        **{"Vocabulary": text.Vocabulary, "BytePairTokenizer": text.BytePairTokenizer},
        "WordPieceTokenizer": text.WordPieceTokenizer,
    }
    exec(block, names)
    return names


def test_the_recipes_are_found():
    places = " ".join(RECIPES)
    for place in ("12_bert/lesson.py", "13_gpt/lesson.py", "Vocabulary.load"):
        assert place in places


@pytest.mark.parametrize("place", [place for place in RECIPES if "08_detection" not in place])
def test_a_recipe_runs(place, published, monkeypatch):
    """Training for hours is left out, but not what it is called with."""
    signature = inspect.signature(recipes.train)
    monkeypatch.setattr(recipes, "train", signature.bind)
    names = run(RECIPES[place])
    if "vocabulary" in names:
        wanted = PIECES if "bert/vocab.txt" in RECIPES[place] else published["tokens"]
        assert list(names["vocabulary"]) == wanted


def test_the_recipe_of_lesson_12(published):
    [block] = [block for place, block in RECIPES.items() if "12_bert/lesson" in place]
    names = run(block)
    ids, segments = names["ids"], names["segments"]
    expected = ["[CLS]", "a", "good", "film", "[SEP]"]
    assert names["vocabulary"].ids_to_tokens(ids[0, :5].tolist()) == expected
    for found, wanted in zip(
        names["encoder"]((ids, segments)), published["bert"]((ids, segments)), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    assert names["model"]((ids, segments)).shape == (2, 2)


def test_the_recipe_of_lesson_08(monkeypatch):
    """It asks for a set of its own, so two drawn pictures stand in for that and nothing else."""
    [block] = [block for place, block in RECIPES.items() if "08_detection/lesson" in place]
    asked = []

    def drawn(*names, image_size):
        asked.append(names)
        images = np.random.default_rng(1).integers(0, 256, (2, *image_size, 3), np.uint8)
        truth = {"boxes": np.full((2, 1, 4), (20, 20, 90, 80), float), "labels": np.zeros((2, 1))}
        return detection.Scenes(images, truth, ["RBC", "WBC", "Platelets"], [])

    monkeypatch.setattr(detection, "load_scenes", drawn)
    model = run(block)["model"]
    assert asked == [("bccd", "train")]
    assert model.optimizer.iterations == 8


def test_the_recipe_of_lesson_13(published):
    [block] = [
        block
        for place, block in RECIPES.items()
        if "13_gpt/lesson" in place and "TextGenerator" not in block
    ]
    names = run(block)
    ids = np.array([names["vocabulary"].tokens_to_ids(names["tokenizer"](TEXTS[0]))])
    np.testing.assert_array_equal(names["model"](ids), published["gpt2"](ids))
