"""The lesson opens in JupyterLab, in a real browser, with its pictures."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[1]
# One window tall enough for JupyterLab to render every cell of the lesson at once.
WINDOW = "--window-size=1300,2000"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", WINDOW]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture
def server(tmp_path):
    """JupyterLab as `make lab` starts it, on a free port, with settings of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", f"--notebook-dir={ROOT / 'chapters'}"]
    command += ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    environment = os.environ | {"HOME": str(tmp_path), "JUPYTER_PLATFORM_DIRS": "1"}
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(command, env=environment, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                urlopen(f"{url}/api", timeout=5).close()
                break
            except (URLError, OSError):
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


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
def test_a_lesson_opens_with_its_pictures(server, browser, chapter):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    notebook = json.loads((ROOT / "chapters" / chapter / "lesson.ipynb").read_text())
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    stored = sum("image/png" in output.get("data", {}) for output in outputs)
    browser.get(f"{server}/lab/tree/{chapter}/lesson.ipynb")
    wait = WebDriverWait(browser, 120)
    title = notebook["metadata"]["aimodels"]["title"]
    wait.until(lambda b: title in [h.text.rstrip("¶") for h in b.find_elements(By.TAG_NAME, "h1")])

    # JupyterLab draws a cell when it comes into view: go through the notebook, and count.
    seen, loaded = set(), "return [...document.querySelectorAll('.jp-RenderedImage img')]"
    loaded += ".filter(i => i.complete && i.naturalWidth > 50).map(i => i.src.slice(-200))"
    panel = browser.find_element(By.CSS_SELECTOR, ".jp-WindowedPanel-outer")
    for _ in range(200):
        seen |= set(browser.execute_script(loaded))
        if len(seen) == stored:
            break
        browser.execute_script("arguments[0].scrollBy(0, 800)", panel)
        time.sleep(0.3)
    if folder := os.environ.get("AIMODELS_SCREENSHOTS"):
        browser.save_screenshot(str(Path(folder) / f"{chapter}.png"))
    assert stored >= 3
    assert len(seen) == stored
