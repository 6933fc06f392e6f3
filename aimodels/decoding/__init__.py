"""From a model's probabilities to a sequence: search, or drawing token after token."""

from aimodels.decoding.sampling import TextStreamer, generate
from aimodels.decoding.search import beam_search, greedy

__all__ = ["TextStreamer", "beam_search", "generate", "greedy"]
