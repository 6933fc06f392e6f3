"""Layers that several chapters share: attention, the Transformer's block, positions."""

from aimodels.layers.attention import MultiHeadAttention, clone_initializer
from aimodels.layers.positions import Positions, sinusoids
from aimodels.layers.transformer_block import TransformerBlock

__all__ = ["MultiHeadAttention", "Positions", "TransformerBlock", "clone_initializer", "sinusoids"]
