"""Text to numbers: tokenizers, and the vocabulary that numbers their tokens.

A tokenizer maps a text to a list of tokens, a list of texts to a list of lists, and a tensor of
texts, also inside `tf.data`, to a `tf.RaggedTensor` of the same tokens:

    text -> tokens -> token ids -> (batch, sequence length), padded

Texts are Unicode, in tensors as UTF-8. TensorFlow's own operations split a tensor into words,
characters and word pieces; Python splits it into byte pairs and Chinese words, which works in
`tf.data` but not in a SavedModel.
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
