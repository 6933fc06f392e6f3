"""Pictures and words: CLIP, which finds one by the other, and captions [radford2021clip]."""

from aimodels.multimodal.captioner import Captioner
from aimodels.multimodal.clip import CLIP, ContrastiveLoss
from aimodels.multimodal.retrieval import bootstrap_interval, ranks, recall
from aimodels.multimodal.text_encoder import TextEncoder

__all__ = [
    "CLIP",
    "Captioner",
    "ContrastiveLoss",
    "TextEncoder",
    "bootstrap_interval",
    "ranks",
    "recall",
]
