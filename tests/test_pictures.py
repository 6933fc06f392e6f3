"""Pictures of every kind come out as a viewer shows them, and broken ones end in one sentence."""

import numpy as np
import pytest
from PIL import Image

from aimodels import data, pictures

pytestmark = pytest.mark.rests_on("aimodels")

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = COLOURS[..., 0]


def saved(folder, image, name, **options):
    path = folder / name
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tiff", "a.webp", "a.PNG"])
def test_colours_stay(tmp_path, name):
    path = saved(tmp_path, COLOURS, name, **({"lossless": True} if "webp" in name else {}))
    picture = pictures.read_picture(path)
    np.testing.assert_array_equal(picture, COLOURS)
    picture[0] = 0  # it can be drawn into


def test_grey_and_palettes_have_three_channels(tmp_path):
    expected = np.repeat(GREY[..., None], 3, axis=-1)
    np.testing.assert_array_equal(pictures.read_picture(saved(tmp_path, GREY, "g.png")), expected)
    bits = Image.fromarray(GREY > 128)
    shown = pictures.read_picture(saved(tmp_path, bits, "bits.png"))
    np.testing.assert_array_equal(shown, np.where(expected > 128, 255, 0))
    palette = Image.fromarray(GREY).convert("P")
    np.testing.assert_array_equal(
        pictures.read_picture(saved(tmp_path, palette, "p.png")), expected
    )


@pytest.mark.parametrize("name", ["g.png", "g.tiff"])
def test_sixteen_bits_are_scaled_not_cut(tmp_path, name):
    deep = GREY.astype(np.uint16) * 257
    shown = pictures.read_picture(saved(tmp_path, deep, name))
    np.testing.assert_array_equal(shown[..., 0], GREY)


def test_wide_numbers_are_scaled(tmp_path):
    for values in (GREY.astype(np.int32) * 257, GREY.astype(np.float32) / 255):
        values[0, 0] = values.max()
        shown = pictures.read_picture(saved(tmp_path, values, "wide.tiff"))
        np.testing.assert_array_equal(shown[1:, :, 0], GREY[1:])


def test_transparent_parts_are_white(tmp_path):
    hidden = np.dstack([COLOURS, np.where(np.arange(9) < 4, 0, 255) * np.ones((6, 1))])
    shown = pictures.read_picture(saved(tmp_path, hidden.astype(np.uint8), "t.png"))
    assert np.all(shown[:, :4] == 255)
    np.testing.assert_array_equal(shown[:, 4:], COLOURS[:, 4:])
    grey = Image.fromarray(GREY).convert("LA")
    grey.putalpha(0)
    assert np.all(pictures.read_picture(saved(tmp_path, grey, "la.png")) == 255)


def test_a_photograph_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it turned by 90 degrees clockwise
    shown = pictures.read_picture(saved(tmp_path, COLOURS, "turned.png", exif=exif))
    np.testing.assert_array_equal(shown, np.rot90(COLOURS, -1))


def test_frames_come_with_their_times(tmp_path):
    frames = [Image.fromarray(np.full((5, 4), i * 60, np.uint8)) for i in range(4)]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:], duration=80)
    read = list(pictures.read_frames(path))
    assert [frame[0, 0, 0] for frame, _ in read] == [0, 60, 120, 180]
    assert [seconds for _, seconds in read] == [0.08] * 4
    assert len(list(pictures.read_frames(saved(tmp_path, COLOURS, "still.png")))) == 1


def test_no_picture_is_one_sentence(tmp_path):
    (tmp_path / "notes.jpg").write_text("not a picture")
    with pytest.raises(ValueError, match=r"notes\.jpg is no picture of a known kind"):
        pictures.read_picture(tmp_path / "notes.jpg")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.png is empty: download it again"):
        pictures.read_picture(tmp_path / "empty.png")
    with pytest.raises(FileNotFoundError, match=r"there is no .*none\.png; its folder holds"):
        pictures.read_picture(tmp_path / "none.png")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tiff", "a.bmp", "a.webp"])
def test_a_cut_off_picture_is_one_sentence(tmp_path, name):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, noise, name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    for read in (pictures.read_picture, lambda path: list(pictures.read_frames(path))):
        with pytest.raises(
            ValueError, match=rf"{name} is (cut off or damaged: copy it again|no p)"
        ):
            read(path)


def test_a_huge_picture_is_one_sentence(tmp_path, monkeypatch):
    path = saved(tmp_path, Image.new("1", (20_000, 20_000)), "huge.png")  # Pillow raises by itself
    with pytest.raises(ValueError, match="more than 100 million pixels: reduce it first"):
        pictures.read_picture(path)
    monkeypatch.setattr(pictures, "MAX_PIXELS", 53)
    with pytest.raises(ValueError, match="reduce it first"):
        pictures.read_picture(saved(tmp_path, COLOURS, "a.png"))


def folders(root, **classes):
    for name, files in classes.items():
        (root / name).mkdir(parents=True)
        for file in files:
            saved(root / name, COLOURS, file)
    return root


def test_folders_are_classes_and_what_is_no_picture_is_left_out_and_said(tmp_path):
    root = folders(tmp_path, zebra=["2.png", "1.jpg"], ape=["ü x.PNG"])
    (root / "ape" / ".DS_Store").write_bytes(b"\0")
    (root / ".hidden").mkdir()
    (root / "readme.txt").write_text("not a class")
    (root / "zebra" / "notes.txt").write_text("not a picture")
    with pytest.warns(UserWarning, match=r"left out: .*notes\.txt") as warned:
        images, labels, classes = pictures.read_folders(str(root), size=5)
    assert len(warned) == 1
    assert images.shape == (3, 5, 5, 3)
    assert images.dtype == np.uint8
    assert (labels.tolist(), classes) == ([0, 1, 1], ["ape", "zebra"])
    resized = np.asarray(Image.fromarray(COLOURS).resize((5, 5)))
    np.testing.assert_array_equal(images[0], resized)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"ape": ["1.png"]}, "folders of pictures, one per class: found 1"),
        ({"ape": ["1.png"], "bee": []}, "no picture in bee"),
    ],
)
def test_folders_without_two_classes_of_pictures_are_refused(tmp_path, classes, message):
    with pytest.raises(ValueError, match=message):
        pictures.read_folders(folders(tmp_path, **classes), size=5)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no folder .*nowhere"):
        pictures.read_folders(tmp_path / "nowhere", size=5)


def test_emoji_stand_in_for_folders_of_pictures(tmp_path):
    """The folders have the data set's splits: no emoji is in both."""
    root = data.write_emoji_folders(tmp_path / "mine")
    images, labels, classes = pictures.read_folders(root / "train", size=32)
    assert classes == ["animal", "face", "food", "vehicle"]
    assert np.bincount(labels).min() >= 5
    assert len(images) > 100
    names = [{path.name for path in (root / part).rglob("*.png")} for part in ("train", "test")]
    assert not names[0] & names[1]
    assert len(names[1]) >= 20
