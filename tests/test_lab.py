"""In JupyterLab, in a real browser: lessons show their pictures, assignments say what is wrong."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from aimodels.course.assignment import Assignment
from aimodels.course.notebooks import Page
from aimodels.course.wrong import wrong_answers

ROOT = Path(__file__).parents[1]
# One window tall enough for JupyterLab to render every cell of the lesson at once.
WINDOW = "--window-size=1300,2000"
HANGS = 1800  # seconds: no machine is so busy that a page which comes takes longer
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", WINDOW]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture
def folder():
    """What JupyterLab opens."""
    return ROOT / "chapters"


@pytest.fixture
def server(folder, tmp_path, until):
    """JupyterLab as `make lab` starts it, on a free port, with settings of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", f"--notebook-dir={folder}"]
    command += ["--LabApp.expose_app_in_browser=True"]  # for a test to press its buttons
    command += ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(command, env=environment, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: process.poll() is not None or _answers(f"{url}/api"))
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(HANGS)
        log.close()


def _answers(url: str) -> bool:
    try:
        urlopen(url, timeout=60).close()
    except (URLError, OSError):
        return False
    return True


@pytest.fixture
def browser(program, tmp_path, monkeypatch):
    """Headless Chromium with a profile of its own."""
    from selenium import webdriver

    monkeypatch.setenv("SE_OFFLINE", "true")  # selenium would look for drivers on the internet
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    service = webdriver.ChromeService(program("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ["01_foundations", "06_cnn"])
def test_a_lesson_opens_with_its_pictures(server, browser, chapter, until):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    notebook = json.loads((ROOT / "chapters" / chapter / "lesson.ipynb").read_text())
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    stored = sum("image/png" in output.get("data", {}) for output in outputs)
    browser.get(f"{server}/lab/tree/{chapter}/lesson.ipynb")
    wait = WebDriverWait(browser, HANGS)
    title = notebook["metadata"]["aimodels"]["title"]
    wait.until(lambda b: title in [h.text.rstrip("¶") for h in b.find_elements(By.TAG_NAME, "h1")])

    # JupyterLab draws a cell when it comes into view: go through the notebook, and count.
    seen, loaded = set(), "return [...document.querySelectorAll('.jp-RenderedImage img')]"
    loaded += ".filter(i => i.complete && i.naturalWidth > 50).map(i => i.src.slice(-200))"
    panel = browser.find_element(By.CSS_SELECTOR, ".jp-WindowedPanel-outer")
    at_end = "const p = arguments[0]; return p.scrollTop + p.clientHeight >= p.scrollHeight - 1"

    def all_seen():
        step = "arguments[0].scrollTo(0, 0)"
        if not browser.execute_script(at_end, panel):
            step = "arguments[0].scrollBy(0, 800)"
        browser.execute_script(step, panel)
        time.sleep(0.3)  # JupyterLab draws in the pauses
        seen.update(browser.execute_script(loaded))
        return len(seen) >= stored

    until(all_seen)
    if folder := os.environ.get("AIMODELS_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder) / f"{chapter}.png"))
    assert stored >= 3
    assert len(seen) == stored


class Desk:
    """A notebook that is open in the browser, worked on as a learner does."""

    CELLS = "const cells = window.jupyterapp.shell.currentWidget.content.widgets;"

    def __init__(self, browser, url, title):
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self.wait = browser, WebDriverWait(browser, HANGS)
        browser.get(url)
        find = "h1"
        self.wait.until(
            lambda b: title in [h.text.rstrip("¶") for h in b.find_elements(By.TAG_NAME, find)]
        )
        self.names = browser.execute_script(self.CELLS + "return cells.map(c => c.model.id)")
        # JupyterLab forgets what is run before its kernel is there.
        kernel = "return window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel"
        self.wait.until(
            lambda b: (
                b.execute_script(f"{kernel}?.connectionStatus") == "connected"
                and b.execute_script(f"{kernel}?.status") == "idle"
            )
        )

    def _do(self, script, *arguments):
        return self.browser.execute_script(self.CELLS + script, *arguments)

    def editable(self, name):
        return not self._do("return cells[arguments[0]].readOnly", self.names.index(name))

    def write(self, name, source):
        script = "cells[arguments[0]].model.sharedModel.setSource(arguments[1])"
        self._do(script, self.names.index(name), source)

    def run(self, name):
        """Press Shift-Enter in a cell; returns what stands below it."""
        position = self.names.index(name)
        before = self._do("return cells[arguments[0]].model.executionCount", position)
        self._do(
            "const panel = window.jupyterapp.shell.currentWidget.content;"
            "panel.activeCellIndex = arguments[0];"
            "window.jupyterapp.commands.execute('notebook:run-cell')",
            position,
        )
        count = "return cells[arguments[0]].model.executionCount"
        self.wait.until(lambda _: self._do(count, position) not in (None, before))
        text = "return cells[arguments[0]].outputArea.node.innerText"
        return self._do(text, position).strip()


@pytest.fixture
def desk_folder(tmp_path):
    (tmp_path / "desk").mkdir()
    shutil.copy(ROOT / "chapters" / "01_foundations" / "assignment.ipynb", tmp_path / "desk")
    return tmp_path / "desk"


@pytest.mark.slow
class TestAssignment:
    @pytest.fixture
    def folder(self, desk_folder):
        return desk_folder

    def test_the_messages_lead_to_the_right_answer(self, server, browser, folder):
        copy = json.loads((folder / "assignment.ipynb").read_text())
        title = copy["metadata"]["aimodels"]["title"]
        desk = Desk(browser, f"{server}/lab/tree/assignment.ipynb", title)
        assert not desk.editable("q1_visible")
        assert not desk.editable("setup")
        assert desk.editable("q1")
        desk.run("setup")
        assert "run the answer cell above" in desk.run("q1_visible")
        desk.run("q1")
        assert "not answered yet" in desk.run("q1_visible")

        right, wrong = self.answers()
        for name in ("q1", "q3"):
            desk.write(name, wrong[name])
            desk.run(name)
        said = desk.run("q1_visible")
        assert "the gradient for these errors: wanted [0.125, -0.25, 0.25, -0.25], got" in said
        assert "Hint: the slope of each branch, with its sign; and what became of the 1/n?" in said
        assert "Traceback" not in said
        assert "✗ Question 3: 0 of" in desk.run("q3_visible")
        said = desk.run("summary")
        assert "✗ Question 1: 0 of 4 points" in said
        assert "Visible tests run so far: 0 of" in said
        if pictures := os.environ.get("AIMODELS_SCREENSHOTS"):
            browser.save_screenshot(str(Path(pictures) / "wrong.png"))

        for name in ("q1", "q3"):
            desk.write(name, right[name])
            desk.run(name)
            assert "✓ Question" in desk.run(f"{name}_visible")
        said = desk.run("summary")
        assert "✗" not in said
        assert "✓ Question 1: 4 of 4 points" in said

    def answers(self):
        """The solution's answers, and the first wrong one to each question."""
        page = Page(ROOT, "01_foundations", "assignment")
        assignment = Assignment(page)
        right = {cell.id: cell.source for cell in assignment.solution.cells}
        wrong = reversed(wrong_answers(assignment))
        return right, {answer.question: answer.source for answer in wrong}
