"""How good an output is, where Keras has no metric for it."""

from aimodels.metrics.detection import count_error, mean_average_precision
from aimodels.metrics.sequences import (
    character_error_rate,
    edit_distance,
    error_rates,
    word_error_rate,
)
from aimodels.metrics.tagging import TokenAccuracy, bio, span_f1, spans

__all__ = [
    "TokenAccuracy",
    "bio",
    "character_error_rate",
    "count_error",
    "edit_distance",
    "error_rates",
    "mean_average_precision",
    "span_f1",
    "spans",
    "word_error_rate",
]
