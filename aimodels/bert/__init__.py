"""BERT: its encoder, what it reads, its pre-training, and heads for few labels [devlin2019]."""

from aimodels.bert.heads import classifier, tagger
from aimodels.bert.inputs import encode, mask_tokens, sentence_pairs
from aimodels.bert.model import BERT
from aimodels.bert.pretraining import Pretraining

__all__ = ["BERT", "Pretraining", "classifier", "encode", "mask_tokens", "sentence_pairs", "tagger"]
