"""A trained GPT with its tokenizer: text in, text out."""

import json
import shutil

import keras
import numpy as np
import pytest

from aimodels import recipes
from aimodels.cli import main
from aimodels.decoding import generate
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer, Vocabulary
from aimodels.text_generator import TextGenerator

pytestmark = pytest.mark.rests_on_code

VERSES = "To be, or not to be, that is the question.\n" * 60


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run on a text of its own."""
    folder = tmp_path_factory.mktemp("generator")
    (folder / "verses.txt").write_text(VERSES)
    recipes.train("gpt", folder / "run", str(folder / "verses.txt"), "tiny", epochs=1)
    return folder / "run"


@pytest.fixture(scope="module")
def generator(run):
    return TextGenerator.load(run)


def test_it_is_generate_between_two_tokenizers(generator):
    options = {"temperature": 0.7, "top_k": 5, "seed": 3}
    written = generator.generate("To be", 20, **options)
    token_ids = generator.vocabulary.tokens_to_ids(generator.tokenizer.tokenize("To be"))
    [answer] = generate(generator.model, [token_ids], 20, **options)
    tokens = generator.vocabulary.ids_to_tokens(answer.tolist())
    assert written == generator.tokenizer.detokenize(tokens)
    assert written != generator.generate("To be", 20, **options | {"seed": 4})


def test_it_streams_what_it_returns(generator, capsys):
    written = generator.generate("To be", 30, stream=True, temperature=1.0, seed=0)
    streamed = capsys.readouterr().out
    assert streamed
    assert written.startswith(streamed)
    assert set(written[len(streamed) :]) <= {"\ufffd"}  # half a character is not streamed


def test_of_a_long_prompt_the_end_is_read(generator):
    longest = generator.model.config["max_sequence_length"]
    tokens = generator.tokenizer.tokenize(VERSES)
    end = generator.tokenizer.detokenize(tokens[-longest:])
    assert generator.generate(VERSES, 5) == generator.generate(end, 5)


def test_a_stop_token_ends_the_text_and_is_not_shown():
    tokenizer = BytePairTokenizer([])
    tokens = [*tokenizer.vocabulary, "<|endoftext|>"]
    names = ("pad_token", "unknown_token", "start_token", "end_token")
    vocabulary = Vocabulary(tokens, **dict.fromkeys(names, tokens[-1]))
    model = GPT(len(tokens), 16, num_heads=2, num_layers=1, max_sequence_length=8)
    [first, *_] = generate(model, [[5]], 3)[0]
    generator = TextGenerator(model, tokenizer, vocabulary, stop_token_ids=(int(first),))
    assert generator.generate(tokens[5], 3) == ""


def test_the_command_writes_the_prompt_and_goes_on(run, generator, capsys):
    arguments = ["--folder", str(run), "--prompt", "To be", "--max-tokens", "9", "--seed", "2"]
    assert main(["generate", *arguments, "--top-k", "4", "--top-p", "0.9"]) == 0
    shown = capsys.readouterr().out
    written = generator.generate("To be", 9, temperature=0.8, top_k=4, top_p=0.9, seed=2)
    assert shown.rstrip("\ufffd\n") == ("To be" + written).rstrip("\ufffd\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--prompt", ""], "the prompt is empty"),
        (["--prompt", "a", "--temperature", "-1"], "temperature must be 0 or at least 0.001"),
        (["--prompt", "a", "--top-k", "0"], "top_k must be"),
        (["--prompt", "a", "--top-p", "2"], "top_p must be above 0 and at most 1"),
        (["--prompt", "a", "--max-tokens", "0"], "max_new_tokens must be"),
        (["--prompt", "a", "--seed", "-1"], "seed must be"),
    ],
)
def test_bad_arguments_are_one_message(run, arguments, message, capsys):
    assert main(["generate", "--folder", str(run), *arguments]) == 1
    assert message in capsys.readouterr().err


class TestFolder:
    @pytest.fixture
    def copy(self, run, tmp_path):
        return shutil.copytree(run, tmp_path / "copy")

    def said(self, folder, kind=ValueError):
        with pytest.raises(kind) as caught:
            TextGenerator.load(folder)
        return str(caught.value)

    def test_that_is_none(self, tmp_path):
        for folder in (tmp_path, tmp_path / "none"):
            assert "is neither a run of" in self.said(folder, FileNotFoundError)

    def test_of_a_run_that_has_not_ended(self, copy):
        (copy / "model.keras").unlink()
        assert "has not ended: repeat its" in self.said(copy, FileNotFoundError)

    def test_of_another_model(self, copy):
        (copy / "run.json").write_text(json.dumps({"model": "bert"}))
        assert "holds a run of 'bert': only a GPT writes text" in self.said(copy)
        (copy / "run.json").write_text("{")
        assert "is damaged: run.json is no JSON" in self.said(copy)

    def test_of_another_vocabulary(self, copy):
        with (copy / "vocabulary.txt").open("a") as file:
            file.write("more\n")
        assert "tokens, the model only" in self.said(copy)

    def test_of_a_checkpoint_without_tokens_or_with_others(self, tmp_path, monkeypatch):
        model = GPT(300, 16, num_heads=2, num_layers=1, max_sequence_length=8)
        monkeypatch.setattr(GPT, "from_checkpoint", lambda folder: model)
        (tmp_path / "config.json").write_text('{"eos_token_id": 0}')
        assert "no vocab.json and merges.txt" in self.said(tmp_path, FileNotFoundError)
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"type": "Unigram"}}))
        assert "tokenizer.json" in self.said(tmp_path)
        (tmp_path / "vocab.json").write_text(json.dumps({"a": 0, "b": 1}))
        assert "merges.txt" in self.said(tmp_path, FileNotFoundError)
        (tmp_path / "merges.txt").write_text("#version: 0.2\na b\n")
        assert "<|endoftext|>" in self.said(tmp_path)


def test_an_unknown_character_in_a_prompt():
    tokenizer = BytePairTokenizer([])
    vocabulary = Vocabulary([*"abc"])
    model = GPT(len(vocabulary), 16, num_heads=2, num_layers=1, max_sequence_length=8)
    generator = TextGenerator(model, tokenizer, vocabulary)
    with pytest.raises(ValueError, match="the vocabulary lacks 'd' in the prompt"):
        generator.generate("abcd")


def test_what_it_learned_it_writes(tmp_path):
    """A text of one sentence, learned by heart: greedy writing repeats it."""
    (tmp_path / "text.txt").write_text(VERSES)
    plan = recipes.RECIPES["gpt"]["tiny"]._replace(steps=60, rate=1e-2)
    recipes.RECIPES["gpt"]["test"] = plan
    try:
        recipes.train("gpt", tmp_path / "run", str(tmp_path / "text.txt"), "test", epochs=3)
    finally:
        del recipes.RECIPES["gpt"]["test"]
    keras.utils.clear_session()
    generator = TextGenerator.load(tmp_path / "run")
    written = generator.generate("To be, or not", max_new_tokens=60, temperature=0)
    assert " to be, that is the question.\nTo be" in written
    assert np.all([line in VERSES for line in written.splitlines()[1:-1]])
