"""`aimodels detect`: pictures, folders and films with boxes; one sentence for what fails."""

import builtins
import json

import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image

from aimodels import pictures
from aimodels.cli import main
from aimodels.detection import annotate, video

pytestmark = pytest.mark.rests_on("aimodels")

RED = np.array([255, 75, 62])  # the first label's colour


@pytest.fixture(scope="module")
def photo():
    return pictures.read_picture(matplotlib.cbook.get_sample_data("grace_hopper.jpg").name)


@pytest.fixture
def folder(tmp_path, photo):
    folder = tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    Image.fromarray(photo).save(folder / "face.JPG")
    Image.fromarray(photo).convert("LA").save(folder / "deeper" / "grey.png")
    (folder / "notes.txt").write_text("no picture, and not asked")
    return folder


def bright_spot(image, confidence_threshold=0.5):
    """A detector of the white square."""
    y, x = np.nonzero(image.min(axis=-1) > 250)
    box = [x.min(), y.min(), x.max() + 1, y.max() + 1] if len(x) else []
    return {
        "boxes": np.reshape(box, (-1, 4)),
        "confidence": np.full(len(box) // 4, 0.75),
        "labels": np.zeros(len(box) // 4, int),
    }


def square_at(x):
    image = np.zeros((90, 121, 3), np.uint8)
    image[40:60, x : x + 20] = 255
    return image


def boxes_of(record):
    return [[row["box"] for row in frame["detections"]] for frame in record["frames"]]


def test_a_box_is_drawn_where_it_is_and_the_picture_is_kept():
    image = square_at(30)
    before = image.copy()
    drawn = annotate.draw(image, bright_spot(image), ["spot"])
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(drawn[50, 30], RED)
    np.testing.assert_array_equal(drawn[40:60, 50].mean(axis=0).round(), RED)
    np.testing.assert_array_equal(drawn[62:], 0)


def test_boxes_over_the_edge_or_turned_round_are_no_error():
    boxes = [[-50, -60, 900, 900], [30, 30, 20, 20], [5, 5, 5, 5], [-9, 85, 4, 95], [np.nan] * 4]
    found = {"boxes": boxes, "confidence": [1, 0.5, 0.2, 0, 1], "labels": [0, 1, 99, -1, 2]}
    assert annotate.draw(square_at(3), found, ["a"]).shape == (90, 121, 3)


def test_a_folder_is_annotated_and_described(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["detect", str(folder), "--output", str(out)]) == 0
    assert "2 of 2 annotated" in capsys.readouterr().out
    found = json.loads((out / "detections.json").read_text())
    assert [record["file"].rpartition("in/")[2] for record in found] == [
        "deeper/grey.png",
        "face.JPG",
    ]
    for record in found:
        assert (record["width"], record["height"]) == (512, 600)
        [frame] = record["frames"]
        [face] = frame["detections"]
        assert face["label"] == "face"
        assert face["confidence"] > 0.5
        x_min, y_min, x_max, y_max = face["box"]
        assert 120 < x_min < 260 < x_max < 420
        assert 100 < y_min < 240 < y_max < 400
        drawn = pictures.read_picture(record["annotated"])
        assert np.abs(drawn[round(y_max) - 1, round(x_min) + 9].astype(int) - RED).max() < 60
    assert (out / "face.JPG").is_file()
    assert not list(out.rglob("*.half"))


def test_what_cannot_be_read_is_said_and_the_others_go_on(folder, tmp_path, capsys):
    (folder / "a.jpg").write_text("not a picture")
    (folder / "cut.png").write_bytes((folder / "deeper" / "grey.png").read_bytes()[:5000])
    out = tmp_path / "out"
    assert main(["detect", str(folder), "--output", str(out)]) == 1
    said = capsys.readouterr()
    assert "2 of 4 annotated" in said.out
    assert said.err.count("\n") == 2
    assert "a.jpg is no picture of a known kind" in said.err
    assert "cut.png is cut off or damaged" in said.err
    assert len(json.loads((out / "detections.json").read_text())) == 2
    assert sorted(path.name for path in out.iterdir()) == ["deeper", "detections.json", "face.JPG"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{empty}", "--output", "{out}"], "no picture or film in"),
        (["{none}", "--output", "{out}"], "there is no"),
        (["{in}", "--output", "{in}"], "the output must be another folder"),
        (["{in}/face.JPG", "--output", "{in}"], "the output must be another folder"),
        (["{in}", "--output", "{in}/notes.txt"], "the output must be a folder"),
        (["{in}", "--output", "{out}", "--confidence", "1.5"], "confidence must be in [0, 1)"),
        (["{in}", "--output", "{out}", "--model", "{none}.keras"], "there is no"),
        (["{in}", "--output", "{out}", "--model", "{in}/notes.txt"], "is no saved Keras model"),
        (["{in}", "--output", "{out}", "--model", "{in}/cnn.keras"], "CNN, which is no detector"),
    ],
)
def test_a_wrong_argument_is_one_sentence(folder, tmp_path, capsys, arguments, message):
    from aimodels.cnn import CNN

    if "cnn.keras" in str(arguments):
        CNN((None, None, 1), 2, filters=[2]).save(folder / "cnn.keras")
    (tmp_path / "empty").mkdir()
    places = {name: str(tmp_path / name) for name in ("in", "out", "empty", "none")}
    assert main(["detect", *(argument.format(**places) for argument in arguments)]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


class Spots:
    """In place of a saved detector: it says which canvas it was given."""

    image_shape = (40, 60, 1)

    def detect(self, images):
        self.seen = images[0, :, :, 0]
        boxes = [[[6, 4, 12, 10], [0, 0, 1, 1], [59, 39, 99, 99], [0, 0, 0, 0]]]
        return {
            "boxes": np.float32(boxes),
            "confidence": np.float32([[0.9, 0.4, 0.8, 0.9]]),
            "labels": np.array([[1, 0, 0, -1]]),
            "num_detections": np.array([3]),
        }

    predict_on_batch = detect


def test_a_saved_detector_sees_its_own_size_and_answers_in_the_pictures(monkeypatch, tmp_path):
    spots = Spots()
    monkeypatch.setattr("keras.models.load_model", lambda path, compile: spots)
    (tmp_path / "spots.keras").write_bytes(b"")
    detect = annotate.load_detector(tmp_path / "spots.keras", 0.5, pixels=(-1, 1))
    found = detect(np.full((60, 120, 3), 255, np.uint8))
    assert spots.seen.shape == (40, 60)
    assert np.all(spots.seen[:30] == 1)  # the picture, half as large
    assert np.all(spots.seen[30:] == -1)
    np.testing.assert_array_equal(found["boxes"], [[12, 8, 24, 20], [118, 60, 120, 60]])
    np.testing.assert_array_equal(found["labels"], [1, 0])


def test_the_command_opens_a_saved_detector(folder, tmp_path, capsys):
    from aimodels.detection import SSD

    named = '"cat, black",dog'  # as a table writes a name with a comma
    SSD((32, 48, 3), num_classes=2, score_threshold=0.0).save(tmp_path / "ssd.keras")
    arguments = ["--output", str(tmp_path / "out"), "--names", named, "--confidence", "0"]
    arguments += ["--model", str(tmp_path / "ssd.keras"), "--pixels", "-1", "1"]
    assert main(["detect", str(folder), *arguments]) == 0
    [first, _] = json.loads((tmp_path / "out" / "detections.json").read_text())
    rows = first["frames"][0]["detections"]  # untrained: its priors, all over the picture
    assert {row["label"] for row in rows} <= {"cat, black", "dog"}
    assert np.all(np.array([row["box"] for row in rows]) <= [512, 600, 512, 600])
    assert len(rows) > 10
    arguments[arguments.index(named)] = "cat, black,dog"
    assert main(["detect", str(folder), *arguments]) == 1
    assert "2 classes, and 3 names were given" in capsys.readouterr().err


def test_an_animation_is_annotated_frame_by_frame(tmp_path):
    first, *others = (Image.fromarray(square_at(x)) for x in (10, 40, 70))
    path = tmp_path / "spot.gif"
    first.save(path, save_all=True, append_images=others, duration=200)
    record = annotate.annotate(path, tmp_path / "out" / path.name, bright_spot, ["spot"])
    assert boxes_of(record) == [[[x, 40, x + 20, 60]] for x in (10, 40, 70)]
    assert [frame["seconds"] for frame in record["frames"]] == [0, 0.2, 0.4]
    frames = list(pictures.read_frames(record["annotated"]))
    assert len(frames) == 3
    for (frame, seconds), x in zip(frames, (10, 40, 70), strict=True):
        assert seconds == 0.2
        assert np.abs(frame[50, x].astype(int) - RED).max() < 40


def test_a_film_is_annotated_frame_by_frame(tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "spot.MOV"
    places = list(range(10, 70, 10))
    video.write_video(path, ((square_at(x), 0.1) for x in places))
    record = annotate.annotate(path, tmp_path / "out" / path.name, bright_spot, ["spot"])
    assert record["annotated"].endswith("spot.MOV.mp4")
    assert (record["width"], record["height"]) == (122, 90)  # even, as H.264 wants it
    assert [len(row) for row in boxes_of(record)] == [1] * 6
    frames = list(video.read_video(record["annotated"]))
    assert len(frames) == 6
    assert frames[0][1] == pytest.approx(0.1, abs=0.001)
    for (frame, _), x in zip(frames, places, strict=True):
        red = frame[45:55].astype(int) @ [1, -0.5, -0.5]  # colours are halved in H.264
        assert abs(red.mean(axis=0).argmax() - x) <= 2 or abs(red.mean(0).argmax() - x - 20) <= 2


def test_what_is_no_film_is_one_sentence(tmp_path, monkeypatch):
    path = tmp_path / "no.mp4"
    path.write_bytes(b"no film")
    with pytest.raises(FileNotFoundError, match="there is no"):
        annotate.annotate(tmp_path / "none.mp4", tmp_path / "out.mp4", bright_spot)
    pytest.importorskip("av")
    with pytest.raises(ValueError, match=r"no\.mp4 is no film, or damaged"):
        annotate.annotate(path, tmp_path / "out.mp4", bright_spot)
    usual = builtins.__import__

    def without(name, *rest):
        if name == "av":
            raise ImportError(name)
        return usual(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install aimodels\[video\]"):
        annotate.annotate(path, tmp_path / "out.mp4", bright_spot)
    assert [p.name for p in tmp_path.iterdir()] == ["no.mp4"]


def test_pages_of_several_sizes_are_one_sentence(tmp_path):
    pages = [Image.new("RGB", (20, 20)), Image.new("RGB", (30, 20))]
    pages[0].save(tmp_path / "pages.tiff", save_all=True, append_images=pages[1:])
    with pytest.raises(ValueError, match="differ in size"):
        annotate.annotate(tmp_path / "pages.tiff", tmp_path / "out.gif", bright_spot)
