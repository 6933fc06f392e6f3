"""Counts for Prometheus; those of several processes are added up."""

import os

import prometheus_client
from prometheus_client import multiprocess

from aimodels.serving.models import Models

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
prometheus_client.disable_created_metrics()  # a second line for each count
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """What a server counts.

    Args:
        models: the models whose queues are shown.
    """

    def __init__(self, models: Models):
        self._models, self._registry = models, prometheus_client.CollectorRegistry()
        shared = {"registry": self._registry}
        self._requests = prometheus_client.Counter(
            "aimodels_requests", "Answered requests.", ["route", "status"], **shared
        )
        self._seconds = prometheus_client.Histogram(
            "aimodels_request_seconds", "Time from a request to its answer.", ["route"], **shared
        )
        self._rows = prometheus_client.Histogram(
            "aimodels_batch_rows", "Examples computed together.", ["model"], buckets=_ROWS, **shared
        )
        self._tokens = prometheus_client.Counter(
            "aimodels_generated_tokens", "Tokens written.", ["model"], **shared
        )
        self._waiting = prometheus_client.Gauge(
            "aimodels_waiting",
            "Waiting requests.",
            ["model"],
            multiprocess_mode="livesum",
            **shared,
        )

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered."""
        route = _route(path)
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, model: str, rows: int) -> None:
        """A batch was begun."""
        self._rows.labels(model).observe(rows)

    def tokens(self, model: str, number: int) -> None:
        """A text was written."""
        self._tokens.labels(model).inc(number)

    def text(self) -> bytes:
        """All counts, of all processes of this server, in Prometheus's form."""
        for name, versions in self._models.versions.items():
            self._waiting.labels(name).set(sum(v.waiting for v in versions.values()))
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = prometheus_client.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        return prometheus_client.generate_latest(registry)


def _route(path: str) -> str:
    """Few values, whatever paths are tried."""
    if path.startswith("/v1/models/"):
        return "predict" if path.endswith(":predict") else "models"
    known = ("/v1/models", "/v1/completions", "/healthz", "/readyz", "/metrics", "/")
    return path if path in known else "other"
