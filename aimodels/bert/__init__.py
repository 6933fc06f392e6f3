"""BERT: its encoder, its inputs, its pre-training, and heads for few labels [devlin2019]."""

from aimodels.bert.heads import classifier, tagger
from aimodels.bert.inputs import encode, mask_tokens, sentence_pairs
from aimodels.bert.model import BERT
from aimodels.bert.pretraining import BERTPretraining

__all__ = [
    "BERT",
    "BERTPretraining",
    "classifier",
    "encode",
    "mask_tokens",
    "sentence_pairs",
    "tagger",
]
