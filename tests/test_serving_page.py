"""The page of `aimodels serve` in a real browser, as wide as a desk and as a phone."""

import json
import math
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from serving_models import HANGS, running, write_gpt, write_sounds

import aimodels.serving
from aimodels.serving.folder import find

pytestmark = [pytest.mark.rests_on("aimodels"), pytest.mark.slow]
PAGE = Path(aimodels.serving.__file__).parent / "page"
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIZES = {"desk": (1280, 1000), "phone": (390, 844)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import keras

    from aimodels import data
    from aimodels.cnn import CNN
    from aimodels.detection import SSD

    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(1)
    x, y = data.arrays("digits", "train")
    model = CNN((8, 8, 1), num_classes=10, filters=(16, 32))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.fit(x / 16, y, epochs=12, batch_size=64, verbose=0)
    model.save(folder / "digits.keras")
    colours = CNN((8, 8, 3), num_classes=3, filters=(8,), batch_normalization=False)
    x = np.eye(3, dtype="float32")[np.arange(96) % 3][:, None, None] * np.ones((96, 8, 8, 1))
    colours.compile(keras.optimizers.Adam(0.05), loss)
    colours.fit(x, np.arange(96) % 3, epochs=8, verbose=0)
    colours.save(folder / "colours.keras")
    (folder / "colours.json").write_text(json.dumps({"labels": ["<b>red</b>", "green", "blue"]}))
    SSD((32, 32, 3), num_classes=3).save(folder / "boxes.keras")
    write_gpt(folder / "writer")
    write_sounds(folder / "sounds")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(folder / "line.keras")
    return folder


@pytest.fixture(scope="module")
def client(folder):
    from aimodels.serving.models import Models

    with running(Models(find(folder)), token="sesame") as client:
        yield client


@pytest.fixture(params=SIZES)
def browser(request, program, tmp_path, monkeypatch):
    """Headless Chromium with a profile of its own, in one of the sizes."""
    from selenium import webdriver

    monkeypatch.setenv("SE_OFFLINE", "true")  # selenium would look for drivers on the internet
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    width, height = SIZES[request.param]
    options.add_experimental_option(
        "mobileEmulation",
        {"deviceMetrics": {"width": width, "height": height, "mobile": width < 500}},
    )
    for flag in [*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(program("chromedriver"))
    )
    driver.size_name = request.param
    yield driver
    driver.quit()


class Desk:
    """The open page, used as a person does."""

    def __init__(self, browser, url):
        from selenium.webdriver.common.by import By
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self.wait = browser, WebDriverWait(browser, HANGS, 0.05)
        self.find = lambda name: browser.find_element(By.ID, name)
        self.rows = lambda: browser.find_elements(By.CSS_SELECTOR, ".bar")
        browser.get(url)

    def until(self, condition):
        return self.wait.until(lambda _: condition())

    def text(self, name) -> str:
        return self.find(name).text

    def fits(self) -> bool:
        """Whether nothing reaches beyond the window's width."""
        script = "const d = document.documentElement; return d.scrollWidth <= d.clientWidth"
        return self.browser.execute_script(script)

    def choose(self, name) -> None:
        from selenium.webdriver.support.ui import Select

        Select(self.find("model")).select_by_visible_text(name)
        self.until(lambda: self.text("about").startswith(f"{name},") or self.text("error"))
        assert not self.text("error")

    def draw(self, points) -> str:
        """Draw a line; the label that the page then puts first."""
        from selenium.webdriver import ActionChains

        self.find("clear").click()
        self.until(lambda: not self.rows())
        pad = self.find("pad")
        actions = ActionChains(self.browser, duration=10)
        for i, (x, y) in enumerate(points):  # from the middle of the pad
            actions.move_to_element_with_offset(pad, x, y)
            if i == 0:
                actions.click_and_hold()
        actions.release().perform()
        rows = self.until(self.rows)
        return rows[0].text.split()[0]

    def shot(self, name) -> None:
        if folder := os.environ.get("AIMODELS_SCREENSHOTS"):
            path = Path(folder) / f"serve-{name}-{self.browser.size_name}.png"
            self.browser.save_screenshot(str(path))


@pytest.fixture
def desk(browser, client):
    desk = Desk(browser, f"http://127.0.0.1:{client.port}/")
    desk.until(lambda: "send the token" in desk.text("error"))
    desk.find("token").send_keys("sesame\t")
    desk.until(lambda: desk.text("about"))
    yield desk
    refused = [entry for entry in browser.get_log("browser") if "401" not in entry["message"]]
    severe = [entry for entry in refused if entry["level"] == "SEVERE"]
    assert all("400" in entry["message"] for entry in severe), severe  # those that a test asks for


def test_a_person_tries_every_kind_of_model(desk, folder, tmp_path):
    desk.choose("digits")
    assert desk.fits()
    assert desk.draw([(0, -90), (0, 0), (0, 90)]) == "1"
    desk.shot("digit")
    circle = [(60 * math.sin(a / 8 * math.pi), -90 * math.cos(a / 8 * math.pi)) for a in range(17)]
    assert desk.draw([(round(x), round(y)) for x, y in circle]) == "0"
    desk.find("clear").click()
    desk.until(lambda: not desk.rows())

    desk.choose("colours")
    assert not desk.find("draw").is_displayed()
    picture = tmp_path / "picture.png"
    Image.new("RGB", (300, 200), "#00ff00").save(picture)
    desk.find("file").send_keys(str(picture))
    assert desk.until(desk.rows)[0].text.startswith("green")
    assert any("<b>red</b>" in row.text for row in desk.rows())  # as it is: no HTML of a label
    desk.shot("picture")
    _drop(desk, "#0000ff")
    desk.until(lambda: desk.rows() and desk.rows()[0].text.startswith("blue"))
    picture.write_bytes(b"no picture")
    desk.find("file").send_keys(str(picture))
    desk.until(lambda: "no picture of a known kind" in desk.text("error"))

    desk.choose("boxes")
    photo = Image.new("RGB", (64, 48), "white")
    ImageDraw.Draw(photo).rectangle((5, 5, 30, 30), fill="red")
    photo.save(tmp_path / "photo.png")
    desk.find("file").send_keys(str(tmp_path / "photo.png"))
    desk.until(lambda: desk.text("text"))  # this one is not trained: whatever it finds
    assert desk.find("shown").is_displayed()

    desk.choose("writer")
    desk.find("prompt").send_keys("to be")
    desk.browser.execute_script("document.getElementById('temperature').value = 0")
    desk.find("send").click()
    from aimodels.text_generator import TextGenerator

    wanted = TextGenerator.load(folder / "writer").generate("to be", 60)
    content = "return document.getElementById('text').textContent"
    desk.until(lambda: desk.browser.execute_script(content) == wanted)
    desk.until(lambda: desk.find("send").is_enabled())
    assert desk.fits()
    desk.shot("prompt")
    desk.find("prompt").clear()
    desk.find("send").click()
    desk.until(lambda: "the prompt is empty" in desk.text("error"))

    desk.choose("sounds")
    desk.find("prompt").send_keys("hello")
    desk.find("send").click()
    desk.until(lambda: desk.text("text") or desk.text("error"))
    assert not desk.text("error")

    desk.choose("line")
    desk.find("send").click()
    desk.until(lambda: desk.text("text") == "[[0]]")  # zeros, as the page proposes
    desk.find("prompt").send_keys("]")
    desk.find("send").click()
    desk.until(lambda: desk.text("error") == "this is no JSON")
    assert desk.fits()


def _drop(desk, colour) -> None:
    """A picture, dropped: as the browser tells the page of it."""
    script = """
        const [target, colour, done] = arguments;
        const canvas = Object.assign(document.createElement("canvas"), {width: 40, height: 40});
        const paper = canvas.getContext("2d");
        paper.fillStyle = colour;
        paper.fillRect(0, 0, 40, 40);
        canvas.toBlob((blob) => {
          const carried = new DataTransfer();
          carried.items.add(new File([blob], "dropped.png", {type: "image/png"}));
          const bubbles = {bubbles: true, cancelable: true, dataTransfer: carried};
          target.dispatchEvent(new DragEvent("dragover", bubbles));
          target.dispatchEvent(new DragEvent("drop", bubbles));
          done();
        });
    """
    desk.browser.execute_async_script(script, desk.find("target"), colour)


def test_a_wrong_token_is_said(desk):
    field = desk.find("token")
    field.clear()
    field.send_keys("wrong\t")
    desk.until(lambda: "send the token" in desk.text("error"))


def test_the_page_needs_no_network():
    for path in PAGE.iterdir():
        content = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]+/|@import|url\(", content), path.name
    assert {path.name for path in PAGE.iterdir()} == {"page.html", "page.js", "page.css"}
