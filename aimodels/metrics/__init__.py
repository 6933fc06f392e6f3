"""How good an output is, where Keras has no metric for it."""

from aimodels.metrics.sequences import edit_distance, error_rates
from aimodels.metrics.tagging import TokenAccuracy, bio, span_f1, spans

__all__ = ["TokenAccuracy", "bio", "edit_distance", "error_rates", "span_f1", "spans"]
