"""Layers that several chapters share: attention, the Transformer's block, positions."""

from aimodels.layers.attention import MultiHeadAttention, clone_initializer
from aimodels.layers.positions import PositionEmbedding, sinusoidal_positions
from aimodels.layers.softmax import masked_softmax, merge_masks
from aimodels.layers.transformer_block import TransformerBlock

__all__ = [
    "MultiHeadAttention",
    "PositionEmbedding",
    "TransformerBlock",
    "clone_initializer",
    "masked_softmax",
    "merge_masks",
    "sinusoidal_positions",
]
