"""Text to numbers: tokenizers, and the vocabulary that numbers their tokens.

A tokenizer takes a text and gives a list of tokens, takes several and gives a list of lists, or
takes a tensor of texts, also inside `tf.data`, and gives a `tf.RaggedTensor` of the same tokens:

    text -> tokens -> whole numbers -> (batch, length), padded

Texts are Unicode, in tensors as UTF-8. Words, characters and word pieces of a tensor are found by
TensorFlow's own operations; byte pairs and Chinese words by Python, which `tf.data` calls and
which a SavedModel cannot hold.
"""

from aimodels.text.bytepair import BytePairTokenizer
from aimodels.text.segmentation import ChineseTokenizer
from aimodels.text.tokenizer import (
    CharacterTokenizer,
    Tokenizer,
    WhitespaceTokenizer,
    WordTokenizer,
)
from aimodels.text.vocabulary import Vocabulary
from aimodels.text.wordpiece import WordPieceTokenizer

__all__ = [
    "BytePairTokenizer",
    "CharacterTokenizer",
    "ChineseTokenizer",
    "Tokenizer",
    "Vocabulary",
    "WhitespaceTokenizer",
    "WordPieceTokenizer",
    "WordTokenizer",
]
