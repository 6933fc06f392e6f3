"""How good an output is, where Keras has no metric for it."""

from aimodels.metrics.detection import count_error, mean_average_precision
from aimodels.metrics.sequences import edit_distance, error_rates
from aimodels.metrics.tagging import TokenAccuracy, bio, span_f1, spans

__all__ = [
    "TokenAccuracy",
    "bio",
    "count_error",
    "edit_distance",
    "error_rates",
    "mean_average_precision",
    "span_f1",
    "spans",
]
