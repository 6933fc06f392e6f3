"""Execute the text sources into the notebooks that learners open: byte for byte the same, but for
what a run measures (the digits behind `≈`, pictures of them, and text that a model writes).
"""

import asyncio
import json
import os
import tempfile
import time
from dataclasses import dataclass

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from aimodels.course import CourseError
from aimodels.course.assignment import Assignment
from aimodels.course.notebooks import (
    BUILT,
    Page,
    digest,
    normalise,
    output_digests,
    read_source,
    source_lines,
)
from aimodels.course.rules import lint
from aimodels.files import write_text

CELL_TIMEOUT = 1800  # seconds, as for nbval: it ends what hangs, and judges no machine
INLINE = "module://matplotlib_inline.backend_inline"  # pictures, whatever the shell has set


@dataclass
class Result:
    """What became of one page; `problem` is empty when its notebook was written."""

    page: Page
    seconds: float
    problem: str = ""
    stderr: tuple[int, ...] = ()  # source lines of cells whose stderr was left out


class _Client(NotebookClient):
    """Counts the seconds of each cell, which must stay out of the notebook itself."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.slowest, self.position = 0.0, 0

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        self.position, started = cell_index, time.perf_counter()
        cell = await super().async_execute_cell(cell, cell_index, **kwargs)
        self.slowest = max(self.slowest, time.perf_counter() - started)
        return cell


async def _build(page: Page) -> Result:
    started = time.perf_counter()
    try:
        notebook = read_source(page)
    except CourseError as error:
        return Result(page, 0.0, str(error))
    page.notebook.parent.mkdir(parents=True, exist_ok=True)
    client = _Client(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(page.notebook.parent)}},
    )
    with tempfile.TemporaryFile() as log:  # the kernel's own lines would run through the bar
        try:
            await client.async_execute(env=os.environ | {"MPLBACKEND": INLINE}, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            problem = f"{page.source}:{source_lines(page)[client.position]}: {error}"
            if isinstance(error, DeadKernelError):
                log.seek(0)
                problem += f"\n{log.read().decode(errors='replace')}"
            return Result(page, time.perf_counter() - started, problem)
    seconds = time.perf_counter() - started
    normalise(notebook, page)
    noisy = []
    for line, cell in zip(source_lines(page), notebook.cells, strict=False):
        if any(output.get("name") == "stderr" for output in cell.get("outputs", [])):
            noisy.append(line)
            cell.outputs = [o for o in cell.outputs if o.get("name") != "stderr"]
    write_built(page, notebook)
    if page.kind == "assignment":
        try:
            write_copy(Assignment(page, notebook))
        except CourseError as error:
            return Result(page, seconds, str(error))
    _note_time(page, seconds, client.slowest)
    return Result(page, seconds, stderr=tuple(noisy))


def write_built(page: Page, notebook: NotebookNode) -> None:
    """Write an executed notebook, with the fingerprints by which `check` knows it."""
    source = digest(page.source.read_text(encoding="utf-8"))
    notebook.metadata.aimodels[BUILT] = {"source": source, "outputs": output_digests(notebook)}
    write_text(page.notebook, nbformat.writes(notebook) + "\n")


def write_copy(assignment: Assignment) -> None:
    """Write the student's copy."""
    write_text(assignment.copy_path, assignment.copy_text())


def _note_time(page: Page, seconds: float, slowest: float) -> None:
    """Timings vary, so they are written anew only when the source has changed."""
    source = digest(page.source.read_text(encoding="utf-8"))
    path = page.root / "chapters" / ".timing.json"
    timing = json.loads(path.read_text()) if path.exists() else {}
    if timing.get(str(page), {}).get("source") != source:
        measured = {"seconds": round(seconds, 1), "slowest_cell": round(slowest, 1)}
        timing[str(page)] = {"source": source} | measured
        write_text(path, json.dumps(timing, indent=2, sort_keys=True) + "\n")


def build(pages: list[Page], jobs: int = 1, draft: bool = False) -> list[Result]:
    """Execute the pages, `jobs` at a time, with a progress bar and one line per notebook.

    Before anything is executed, the rules look at every source. A page whose source has problems is
    not executed, unless it is a `draft`. A page that fails keeps the notebook it had; the others
    are built all the same.
    """
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # silences a warning of jupyter_core
    if not pages:
        raise CourseError("nothing to build: no lesson.py or assignment.py in these chapters")

    problems = {page: [] if draft else lint(page) for page in pages}

    async def run() -> list[Result]:
        turn = asyncio.Semaphore(jobs)

        async def one(page: Page) -> Result:
            if problems[page]:
                result = Result(page, 0.0, "\n".join(problems[page]))
            else:
                async with turn:
                    result = await _build(page)
            bar.update()
            bar.write(f"{'FAILED' if result.problem else 'built':<7}{page} {result.seconds:6.1f} s")
            for line in result.stderr:  # a learner will see it all the same
                bar.write(f"       {page.source}:{line} writes to stderr; that is not stored")
            return result

        with tqdm(total=len(pages), unit="notebook") as bar:
            return await asyncio.gather(*map(one, pages))

    return asyncio.run(run())
