"""BERT: its encoder, its inputs, its pre-training, and heads for few labels [devlin2019]."""

from aimodels.bert.heads import classifier, from_checkpoint, tagger
from aimodels.bert.inputs import encode
from aimodels.bert.model import BERT
from aimodels.bert.pretraining import BERTPretraining, mask_tokens, sentence_pairs

__all__ = [
    "BERT",
    "BERTPretraining",
    "classifier",
    "encode",
    "from_checkpoint",
    "mask_tokens",
    "sentence_pairs",
    "tagger",
]
