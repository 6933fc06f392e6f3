"""Recurrent networks: RNN, LSTM and GRU by hand, and models for texts and series."""

from aimodels.recurrent.crf import CRF, CRFLoss, viterbi
from aimodels.recurrent.layer import Recurrent, gradient_through_time
from aimodels.recurrent.models import Forecaster, TextClassifier
from aimodels.recurrent.pinyin import PinyinReader
from aimodels.recurrent.steps import GATES, LAYERS, STEPS, gru_step, lstm_step, rnn_step
from aimodels.recurrent.tagger import Tagger, WordsFromCharacters

__all__ = [
    "CRF",
    "GATES",
    "LAYERS",
    "STEPS",
    "CRFLoss",
    "Forecaster",
    "PinyinReader",
    "Recurrent",
    "Tagger",
    "TextClassifier",
    "WordsFromCharacters",
    "gradient_through_time",
    "gru_step",
    "lstm_step",
    "rnn_step",
    "viterbi",
]
