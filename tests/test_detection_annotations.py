"""Boxes from data sets and from files of one's own: read, cleaned, or refused in one sentence."""

import json
import os
import types

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from aimodels import data
from aimodels.data import registry
from aimodels.detection.annotations import read_scenes
from aimodels.detection.datasets import load_scenes

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

# Data sets


@pytest.fixture
def served(monkeypatch):
    """`served(examples, size)`: what the door gives for "bccd", in the form of TFDS."""

    def serve(examples, shape=(48, 64, 3)):
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=shape),
                "image/filename": tfds.features.Text(),
                "objects": tfds.features.Sequence(
                    {
                        "label": tfds.features.ClassLabel(names=["RBC", "WBC"]),
                        "bbox": tfds.features.BBoxFeature(),
                    }
                ),
            }
        )
        # A damaged line's end stands in the names of the published builder.
        facts = [
            {
                "image": np.full((*size, 3), 200, "uint8"),
                "image/filename": f"{name}\n".encode(),
                "objects": {
                    "label": np.array([label for label, _ in things], "int64"),
                    "bbox": np.array([box for _, box in things], "float32").reshape(-1, 4),
                },
            }
            for name, size, things in examples
        ]
        signature = tf.nest.map_structure(
            lambda a: tf.TensorSpec(None, np.asarray(a).dtype), facts[0]
        )
        found = tf.data.Dataset.from_generator(lambda: iter(facts), output_signature=signature)
        about = types.SimpleNamespace(features=features)
        monkeypatch.setattr(data, "info", lambda name, **_: about)
        monkeypatch.setattr(data, "load", lambda name, **_: found)

    return serve


def test_a_set_is_cleaned_and_says_so(served):
    served(
        [
            ("BloodImage_00038", (48, 64), [(0, (0.1, 0.1, 0.5, 0.5))]),  # its twin is elsewhere
            ("one", (48, 64), [(0, (0.25, 0.5, 0.5, 1.0)), (1, (0.5, 0.5, 0.5, 0.5))]),
            ("two", (48, 64), []),
        ]
    )
    found = load_scenes("bccd", "train")
    assert found.images.shape == (2, 48, 64, 3)
    assert found.class_names == ["RBC", "WBC"]
    assert found.targets["boxes"][:, 0].tolist() == [[32, 12, 64, 24], [0, 0, 0, 0]]
    assert found.targets["labels"].tolist() == [[0], [-1]]
    assert found.left_out == [
        "BloodImage_00038: nearly the same as BloodImage_00037 of another split",
        "one: box 1 from (32, 24) to (32, 24) covers no pixel of the picture",
    ]


def test_pictures_of_several_sizes_need_one(served):
    one = [(1, (0.25, 0.5, 0.5, 1.0))]
    served([("a", (48, 64), one), ("b", (30, 20), one)], shape=(None, None, 3))
    with pytest.raises(ValueError, match=r"bccd: the pictures have 2 sizes.* pass image_size"):
        load_scenes("bccd")
    found = load_scenes("bccd", image_size=(24, 40))
    assert found.images.shape == (2, 24, 40, 3)
    np.testing.assert_allclose(found.targets["boxes"][:, 0], [[20, 6, 40, 12]] * 2, atol=1e-4)
    with pytest.raises(ValueError, match="image_size must be an integer >= 1"):
        load_scenes("bccd", image_size=(24, 0))


def test_a_set_without_boxes_is_refused():
    with pytest.raises(ValueError, match="'digits' has no boxes"):
        load_scenes("digits")


@pytest.mark.slow
def test_the_published_blood_cells(tmp_path):
    if not os.environ.get("AIMODELS_MIRROR"):
        pytest.skip("this test needs a mirror with bccd: AIMODELS_MIRROR")
    pictures, boxes = {}, 0
    for split in ("train", "validation", "test"):
        found = load_scenes("bccd", split, data_dir=tmp_path)
        assert found.class_names == ["RBC", "WBC", "Platelets"]
        pictures[split], boxes = len(found.images), boxes + (found.targets["labels"] >= 0).sum()
        left_out = {"train": 2, "validation": 1, "test": 0}[split]
        assert len(found.left_out) == left_out, found.left_out
    assert pictures == {"train": 204, "validation": 87, "test": 72}  # of 205: the twin
    twins = 4888 - 2 - boxes  # the boxes of the twin
    assert 0 < twins < 30


def test_voc_is_known_by_name_and_says_what_it_takes(tmp_path, monkeypatch):
    """Only 2007 is asked for, whose test split has boxes: 0.9 of 4.7 GB."""
    monkeypatch.delenv("AIMODELS_MIRROR", raising=False)
    refuse = lambda urls: [f"{url}: no network" for url in urls]  # noqa: E731
    monkeypatch.setattr("aimodels.data.loading.unreachable", refuse)
    with pytest.raises(data.DataError, match=r"'voc' \(911.1 MB\) cannot be had") as raised:
        load_scenes("voc", image_size=(100, 100), data_dir=tmp_path)
    assert "VOCtest_06-Nov-2007.tar" in str(raised.value)
    assert "2012" not in str(raised.value)
    home = registry.home_of(registry.find_builder("voc"), tmp_path)
    assert home == tmp_path / "voc" / "2007" / "5.0.0"
    # That is where TFDS itself puts it, so a set that someone has is found.
    assert str(home) == registry.find_builder("voc")(data_dir=tmp_path).data_dir


# Files of one's own

VOC = """\
<annotation>
  <filename>{name}</filename><size><width>{width}</width><height>{height}</height></size>
  {objects}
</annotation>
"""
OBJECT = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>
  <ymax>{}</ymax></bndbox></object>"""


def write(folder, stem="a", objects=(("cat", 2, 3, 10, 12),), size=(20, 16), suffix=".png", **save):
    """A picture and its annotation; returns the annotation's path."""
    folder.mkdir(exist_ok=True)
    image = save.pop("image", Image.new("RGB", size, (255, 0, 0)))
    image.save(folder / f"{stem}{suffix}", **save)
    written = "".join(OBJECT.format(*one) for one in objects)
    facts = {"name": f"{stem}{suffix}", "width": size[0], "height": size[1], "objects": written}
    path = folder / f"{stem}.xml"
    path.write_text(VOC.format(**facts), encoding="utf-8")
    return path


def test_a_folder_of_voc_files(tmp_path):
    write(tmp_path, "a", [("cat", 2, 3, 10, 12), ("dog", 0, 0, 20, 16)])
    write(tmp_path, "b", [("dog", 1.5, 2, 4, 5)], suffix=".JPG", quality=95)
    write(tmp_path, "c", [])  # nothing is on it, and that is known
    (tmp_path / "b.xml").rename(tmp_path / "b.XML")
    (tmp_path / "._a.xml").write_bytes(b"\0")  # as macOS leaves behind
    found = read_scenes(tmp_path)
    assert (found.images.shape, found.images.dtype) == ((3, 16, 20, 3), np.uint8)
    assert found.images[0, 0, 0].tolist() == [255, 0, 0]
    assert found.class_names == ["cat", "dog"]
    assert found.targets["labels"].tolist() == [[0, 1], [1, -1], [-1, -1]]
    assert found.targets["boxes"][0].tolist() == [[2, 3, 10, 12], [0, 0, 20, 16]]
    assert found.targets["boxes"][1, 0].tolist() == [1.5, 2, 4, 5]
    assert found.left_out == []


def test_what_is_left_out_is_named(tmp_path):
    boxes = [
        ("cat", -5, 3, 99, 12),
        ("cat", 4, 4, 4, 9),
        ("cat", 50, 3, 60, 12),
        ("cat", 9, 9, 3, 3),
    ]
    write(tmp_path, objects=boxes)
    Image.new("RGB", (20, 16)).save(tmp_path / "alone.png")
    write(tmp_path, "gone", [("dog", 1, 1, 9, 9)])
    (tmp_path / "gone.png").unlink()
    found = read_scenes(tmp_path)
    assert found.class_names == ["cat"]
    assert found.targets["boxes"].tolist() == [[[0, 3, 20, 12]]]  # clipped
    assert found.left_out == [
        f"gone.xml describes a picture that is not in {tmp_path}",
        "a.png: box 1 from (4, 4) to (4, 9) covers no pixel of the picture",
        "a.png: box 2 from (50, 3) to (60, 12) covers no pixel of the picture",
        "a.png: box 3 from (9, 9) to (3, 3) covers no pixel of the picture",
        "alone.png: it has no annotation",
    ]


def test_pictures_in_another_folder_of_several_sizes(tmp_path):
    for stem, size in (("a", (20, 16)), ("b", (40, 32))):
        write(tmp_path / "pictures", stem, [("cat", 5, 4, 10, 8)], size).rename(
            tmp_path / f"{stem}.xml"
        )
    with pytest.raises(ValueError, match=r"2 sizes, such as \(16, 20\) and \(32, 40\).*image_size"):
        read_scenes(tmp_path, tmp_path / "pictures")
    found = read_scenes(tmp_path, tmp_path / "pictures", image_size=(8, 20))
    assert found.images.shape == (2, 8, 20, 3)
    np.testing.assert_allclose(
        found.targets["boxes"][:, 0], [[5, 2, 10, 4], [2.5, 1, 5, 2]], atol=1e-5
    )


def test_pictures_may_keep_their_proportions(tmp_path):
    for stem, size in {"wide": (40, 20), "high": (7, 28), "line": (100, 1)}.items():
        write(tmp_path, stem, [("cat", 0, 0, *size)], size)
    found = read_scenes(tmp_path, image_size=(14, 20), keep_ratio=True)
    covered = {"high": (14, 4), "line": (1, 20), "wide": (10, 20)}  # in the files' order
    for image, (height, width) in zip(found.images, covered.values(), strict=True):
        red = image == (255, 0, 0)
        assert red[:height, :width].all()
        assert not image[height:].any()
        assert not image[:, width:].any()
    corners = [[3.5, 14], [20, 0.2], [20, 10]]
    np.testing.assert_allclose(found.targets["boxes"][:, 0, 2:], corners, atol=1e-5)


@pytest.mark.parametrize(
    ("image", "value"),
    [
        (Image.new("L", (20, 16), 77), 77),
        (Image.new("I;16", (20, 16), 77 * 257), 77),
        (Image.new("1", (20, 16), 1), 255),
        (Image.new("RGBA", (20, 16), (77, 77, 77, 9)), 77),
        (Image.new("LA", (20, 16), (77, 9)), 77),
        (Image.new("P", (20, 16), 0), 0),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_kind_of_picture_has_three_channels_of_eight_bits(tmp_path, image, value):
    write(tmp_path, image=image)
    found = read_scenes(tmp_path).images
    assert (found.shape, found.dtype) == ((1, 16, 20, 3), np.uint8)
    assert set(found.ravel()) == {value}


@pytest.mark.parametrize("said", [(20, 16), (16, 20), (0, 0)])
def test_a_turned_camera(tmp_path, said):
    """Stored 20 x 16, to be shown 16 x 20: the annotation's size says which of them was seen."""
    stored = np.zeros((16, 20, 3), "uint8")
    stored[:, :10] = 255  # the left half is white
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn right
    image = Image.fromarray(stored)
    path = write(tmp_path, image=image, suffix=".jpg", exif=exif, quality=95)
    text = path.read_text().replace("<width>20</width><height>16</height>", "{}")
    path.write_text(text.format("<width>{}</width><height>{}</height>".format(*said)))
    [found] = read_scenes(tmp_path).images
    if said == (20, 16):
        assert np.abs(found.astype(int) - stored).max() < 60
    else:
        assert found.shape == (20, 16, 3)
        assert found[:9].min() > 200  # white is above
        assert found[11:].max() < 60


def damage(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("</annotation>", "", r"a\.xml is no XML"),
        ("<annotation>", BOMB + "<annotation>", "has a document type.*never read"),
        ("<annotation>", OUTSIDE + "<annotation>", "has a document type.*never read"),
        ("annotation>", "svg>", "no annotation of Pascal VOC: it holds <svg>"),
        ("<xmin>2<", "<xmin>two<", r"the box of cat must be four numbers; got \[\"two\""),
        ("<xmin>2<", "<xmin>nan<", "must be four numbers"),
        ("<xmin>2</xmin>", "", "must be four numbers; got .null"),
        ("<name>cat</name>", "", "an object has no name"),
        ("<name>cat<", "<name> <", "an object has no name"),
        ("<width>20<", "<width>21<", "20 wide and 16 high; its annotation .* 21 wide"),
        ("<width>20<", "<width>?<", "size must be numbers"),
    ],
)
def test_a_damaged_annotation_is_one_sentence(tmp_path, old, new, message):
    damage(write(tmp_path), old, new)
    with pytest.raises(ValueError, match=message):
        read_scenes(tmp_path)


def test_a_document_type_is_found_in_every_encoding(tmp_path):
    path = write(tmp_path)
    text = '<?xml version="1.0" encoding="utf-16"?>' + BOMB + path.read_text()
    path.write_bytes(text.encode("utf-16"))
    with pytest.raises(ValueError, match="document type"):
        read_scenes(tmp_path)


def test_what_is_missing_is_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read_scenes(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="there is no annotation in"):
        read_scenes(tmp_path)
    write(tmp_path)
    with pytest.raises(ValueError, match="class 'cat' is not one of dog, mouse"):
        read_scenes(tmp_path, class_names=["dog", "mouse"])
    assert read_scenes(tmp_path, class_names=["dog", "cat"]).targets["labels"].tolist() == [[1]]
    Image.new("RGB", (20, 16)).save(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match=r"is it of a\.bmp or a\.png"):
        read_scenes(tmp_path)
    for name in ("a.bmp", "a.png"):
        (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.xml describes a picture that is not in"):
        read_scenes(tmp_path)


def test_damaged_pictures_are_one_sentence(tmp_path):
    write(tmp_path)
    whole = (tmp_path / "a.png").read_bytes()
    for content, message in {
        whole[:40]: "no picture, or a damaged one",
        b"no picture": "no picture, or a damaged one",
        b"": "empty: download it again",
        b"version https://git-lfs.github.com/spec/v1": "a Git LFS pointer, not the file",
    }.items():
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(ValueError, match=rf"a\.png is {message}"):
            read_scenes(tmp_path)
    (tmp_path / "a.png").unlink()
    Image.new("F", (20, 16)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match=r"a\.tif holds fractions"):
        read_scenes(tmp_path)


def coco(folder, **changes):
    Image.new("RGB", (20, 16)).save(folder / "a.png")
    Image.new("RGB", (20, 16)).save(folder / "b.png")
    document = {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 20, "height": 16},
            {"id": 9, "file_name": "b.png"},
        ],
        "categories": [{"id": 3, "name": "dog"}, {"id": 8, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [2, 3, 8, 9]},
            {"id": 2, "image_id": 7, "category_id": 8, "bbox": [0, 0, 30, 4.5], "iscrowd": 0},
            {"id": 3, "image_id": 7, "category_id": 8, "bbox": [0, 0, 9, 9], "iscrowd": 1},
        ],
    }
    path = folder / "boxes.json"
    path.write_text(json.dumps(document | changes))
    return path


def test_a_coco_file(tmp_path):
    found = read_scenes(coco(tmp_path))
    assert found.class_names == ["cat", "dog"]
    assert found.images.shape == (2, 16, 20, 3)
    assert found.targets["labels"].tolist() == [[1, 0], [-1, -1]]
    assert found.targets["boxes"][0].tolist() == [[2, 3, 10, 12], [0, 0, 20, 4.5]]
    assert found.left_out == ["a.png: a crowd of class 'cat'"]


def test_a_coco_picture_that_is_missing_is_named_and_left_out(tmp_path):
    path = coco(tmp_path)
    (tmp_path / "b.png").unlink()
    found = read_scenes(path)
    assert len(found.images) == 1
    assert found.left_out[1:] == [f"boxes.json describes 'b.png', which is not in {tmp_path}"]
    (tmp_path / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"describes 'b\.png', which is not in"):
        read_scenes(path)


def test_coco_files_from_windows_and_pictures_that_are_links(tmp_path):
    path = coco(tmp_path, images=[{"id": 7, "file_name": "some\\a.png"}])
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "a.png").symlink_to(tmp_path / "a.png")  # as git-annex and DVC keep them
    assert read_scenes(path, class_names=["dog", "cat"]).targets["labels"].tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"images": None}, ValueError, "no COCO file of boxes"),
        ({"annotations": [{"id": 1}]}, ValueError, "no COCO file of boxes: KeyError"),
        (
            {"annotations": [{"image_id": 5, "category_id": 3, "bbox": [1, 2, 3, 4]}]},
            ValueError,
            r"no COCO file of boxes: KeyError\(5\)",
        ),
        (
            {"annotations": [{"id": 4, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}]},
            ValueError,
            "the box of annotation 4 must be four numbers",
        ),
        ({"images": [{"id": 7, "file_name": "../a.png"}]}, ValueError, "lies outside of"),
        ({"images": [{"id": 7, "file_name": "/a.png"}]}, ValueError, "lies outside of"),
        ({"images": [{"id": 7, "file_name": "C:\\a.png"}]}, ValueError, "lies outside of"),
        ({"images": [{"id": 7, "file_name": "a.png"}] * 2}, ValueError, "two images of one id"),
        (
            {"images": [{"id": 7, "file_name": "c.png"}]},
            FileNotFoundError,
            "describes 'c.png', which is not in",
        ),
    ],
)
def test_a_damaged_coco_file_is_one_sentence(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        read_scenes(coco(tmp_path, **changes))


def test_a_json_that_is_none(tmp_path):
    (tmp_path / "boxes.json").write_text("{")
    with pytest.raises(ValueError, match="no JSON"):
        read_scenes(tmp_path / "boxes.json")
    with pytest.raises(FileNotFoundError, match="there is no"):
        read_scenes(tmp_path / "others.json")
