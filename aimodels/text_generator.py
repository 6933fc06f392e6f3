"""A language model with its tokenizer: text in, text out."""

from pathlib import Path

import keras

from aimodels import files
from aimodels.decoding import TextStreamer, generate
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer, Vocabulary

# GPT-2 has neither padding nor an unknown token: with one name for all, no id moves.
_SPECIAL_TOKENS = dict.fromkeys(
    ("pad_token", "unknown_token", "start_token", "end_token"), "<|endoftext|>"
)


class TextGenerator:
    """Writes text with a GPT.

    Args:
        model: a `gpt.GPT`.
        tokenizer: the tokenizer that it was trained with.
        vocabulary: the vocabulary that it was trained with.
        stop_token_ids: token ids that end a text.

    Raises:
        ValueError: if the vocabulary has more tokens than the model.

    Example:
        >>> tokenizer = BytePairTokenizer([])
        >>> vocabulary = Vocabulary(tokenizer.vocabulary)
        >>> model = GPT(len(vocabulary), 16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> type(TextGenerator(model, tokenizer, vocabulary).generate("To be", max_new_tokens=3))
        <class 'str'>
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: BytePairTokenizer,
        vocabulary: Vocabulary,
        stop_token_ids: tuple[int, ...] = (),
    ):
        size = model.config["vocabulary_size"]
        if len(vocabulary) > size:
            raise ValueError(f"the vocabulary has {len(vocabulary)} tokens, the model only {size}")
        self.model, self.tokenizer, self.vocabulary = model, tokenizer, vocabulary
        self.stop_token_ids = tuple(stop_token_ids)

    @classmethod
    def load(cls, folder: str | Path) -> "TextGenerator":
        """What `aimodels train gpt` or the publisher of a GPT-2 left in a folder.

        Args:
            folder: folder of a run, with `model.keras`, `vocabulary.txt` and `merges.txt`; or of a
                checkpoint in Hugging Face's format, with `config.json`, `model.safetensors` and
                either `vocab.json` and `merges.txt` or `tokenizer.json`.

        Raises:
            FileNotFoundError: if the folder or a file is missing, or training has not ended yet.
            ValueError: if the run is not of a GPT, or a file is damaged or of another kind.
        """
        folder = Path(folder)
        if (folder / "run.json").is_file():
            return cls(*_of_run(folder))
        if not (folder / "config.json").is_file():
            raise FileNotFoundError(
                f"{folder} is neither a run of `aimodels train gpt`, which holds run.json, nor a "
                "published checkpoint, which holds config.json"
            )
        return cls(*_published(folder))

    def generate(
        self, prompt: str, max_new_tokens: int = 200, *, stream: bool = False, **options
    ) -> str:
        """Continue a text.

        Args:
            prompt: text to continue; of a longer one the model reads the last
                `max_sequence_length` tokens.
            max_new_tokens: largest number of new tokens.
            stream: whether to print the new text as it comes.
            **options: `temperature`, `top_k`, `top_p`, `repetition_penalty`, `seed` and
                `jit_compile`, as `decoding.generate` takes them.

        Returns:
            The new text, without the prompt and without the stop token.

        Raises:
            ValueError: if the prompt is empty or has a character that the vocabulary lacks, or an
                argument is out of range.
        """
        [answer] = generate(
            self.model,
            [self.prompt_ids(prompt)],
            max_new_tokens,
            stop_token_ids=self.stop_token_ids,
            callback=TextStreamer(self.detokenize) if stream else None,
            **options,
        )
        return self.detokenize(answer.tolist())

    def prompt_ids(self, prompt: str) -> list[int]:
        """The token ids that `generate` continues: of a long prompt, the last ones.

        Raises:
            ValueError: if the prompt is empty or has a character that the vocabulary lacks.
        """
        tokens = self.tokenizer.tokenize(prompt)
        if not tokens:
            raise ValueError("the prompt is empty: give at least one character to continue")
        unknown = [token for token in tokens if token not in self.vocabulary]
        if unknown:
            raise ValueError(
                f"the vocabulary lacks {self.tokenizer.detokenize(unknown[:1])!r} in the prompt"
            )
        token_ids = self.vocabulary.tokens_to_ids(tokens)
        return token_ids[-self.model.config["max_sequence_length"] :]

    def detokenize(self, token_ids: list[int]) -> str:
        """The text of new tokens, without stop tokens."""
        shown = [i for i in token_ids if i not in self.stop_token_ids]
        return self.tokenizer.detokenize(self.vocabulary.ids_to_tokens(shown))


def _of_run(folder: Path) -> tuple:
    run = _read(folder / "run.json")
    if run.get("model") != "gpt":
        raise ValueError(f"{folder} holds a run of {run.get('model')!r}: only a GPT writes text")
    if not (folder / "model.keras").is_file():
        raise FileNotFoundError(
            f"the run in {folder} has not ended: repeat its `aimodels train` command, and it "
            "goes on where it stopped"
        )
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    tokenizer = BytePairTokenizer.load(folder / "merges.txt")
    return model, tokenizer, Vocabulary.load(folder / "vocabulary.txt")


def _published(folder: Path) -> tuple:
    model = GPT.from_checkpoint(folder)
    end = _read(folder / "config.json").get("eos_token_id")
    stop_token_ids = end if isinstance(end, list) else [] if end is None else [end]
    older = (folder / "vocab.json").is_file()
    if not older and not (folder / "tokenizer.json").is_file():
        raise FileNotFoundError(
            f"{folder} has no vocab.json and merges.txt, and no tokenizer.json: the tokens of a "
            "GPT-2 are in these files"
        )
    tokenizer = BytePairTokenizer.load(folder / ("merges.txt" if older else "tokenizer.json"))
    vocabulary = Vocabulary.load(
        folder / ("vocab.json" if older else "tokenizer.json"), **_SPECIAL_TOKENS
    )
    return model, tokenizer, vocabulary, stop_token_ids


def _read(path: Path) -> dict:
    return files.parse_json(path, files.read_text(path))
