"""Dynamic batching: what waits while the model is busy is computed together."""

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from aimodels.serving.servable import RequestError


class Job(NamedTuple):
    """One thing to compute; only jobs with equal keys share a batch."""

    key: Hashable
    content: Any
    rows: int
    future: Future


class Batcher:
    """A thread that owns a model and computes jobs, as many at a time as wait and fit.

    The first job is taken at once. If there was company last time, the thread waits `wait` seconds
    for company again; so a single client never waits, and many are served together.

    Args:
        run: function from a list of jobs' contents to as many results; a result that is an
            exception is the answer to that job alone.
        batch_size: largest number of rows that are computed together.
        fits: function of the contents chosen so far and one more, that says whether it may join.
        wait: seconds.
        queue_size: number of jobs that may wait; 503 for those beyond.
        observe: is told the number of rows of each batch.

    Example:
        >>> batcher = Batcher(lambda numbers: [sum(numbers)] * len(numbers), batch_size=8)
        >>> batcher.submit("any", 3).result()
        3
        >>> batcher.close()
    """

    def __init__(
        self,
        run: Callable[[list], Sequence],
        batch_size: int = 32,
        fits: Callable[[list, Any], bool] = lambda chosen, new: True,
        wait: float = 0.005,
        queue_size: int = 256,
        observe: Callable[[int], None] = lambda rows: None,
    ):
        self._run, self._fits, self._observe = run, fits, observe
        self.batch_size, self.wait, self.queue_size = batch_size, wait, queue_size
        self._jobs: collections.deque[Job] = collections.deque()
        self._changed = threading.Condition()
        self._closed = self._company = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(self, key: Hashable, content: Any, rows: int = 1) -> Future:
        """Queue a job.

        Raises:
            RequestError: 503 if too many wait, or the batcher is closed.
        """
        job = Job(key, content, rows, Future())
        with self._changed:
            if self._closed:
                raise RequestError(503, "the server is stopping")
            if len(self._jobs) >= self.queue_size:
                raise RequestError(503, f"{self.queue_size} requests are waiting: try again later")
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Compute what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while batch := self._next():
            self._company = len(batch) > 1
            batch = [job for job in batch if job.future.set_running_or_notify_cancel()]
            if batch:
                self._observe(sum(job.rows for job in batch))
                self._compute(batch)

    def _next(self) -> list[Job]:
        """The jobs of the next batch; none when closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if self._company and not self._closed:
                end = time.monotonic() + self.wait
                while (
                    sum(job.rows for job in self._jobs) < self.batch_size
                    and (left := end - time.monotonic()) > 0
                ):
                    self._changed.wait(left)
            batch: list[Job] = []
            rows = 0
            for job in list(self._jobs):
                if batch and (
                    job.key != batch[0].key
                    or rows + job.rows > self.batch_size
                    or not self._fits([other.content for other in batch], job.content)
                ):
                    continue
                batch.append(job)
                rows += job.rows
                if rows >= self.batch_size:
                    break
            chosen = {id(job) for job in batch}
            self._jobs = collections.deque(job for job in self._jobs if id(job) not in chosen)
            return batch

    def _compute(self, batch: list[Job]) -> None:
        try:
            results = self._run([job.content for job in batch])
        except Exception as error:  # whatever a model raises is the answer, not the thread's end
            if len(batch) == 1:
                results = [error]
            else:  # one of them is to blame: the others get their answers
                for job in batch:
                    self._compute([job])
                return
        for job, result in zip(batch, results, strict=True):
            with contextlib.suppress(Exception):  # cancelled meanwhile
                if isinstance(result, Exception):
                    job.future.set_exception(result)
                else:
                    job.future.set_result(result)
