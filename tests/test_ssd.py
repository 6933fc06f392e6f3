"""The one-stage detector: it learns, follows its object, and is one program, saved and exported."""

import json
import subprocess
import sys
import textwrap
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import data, detection, lite
from aimodels.detection import SSD, augment
from aimodels.efficientnet import EfficientNetLite
from aimodels.metrics import mean_average_precision

pytestmark = pytest.mark.rests_on("aimodels", "datasets")

SIDE = 32


def squares(rng, count: int, most: int = 2, side: int = SIDE):
    """Pictures with squares, full (class 0) or hollow (class 1), and their truth."""
    images, boxes, labels = rng.normal(0, 0.05, (count, side, side, 1)), [], []
    for image in images:
        rows, names = [], []
        for half in rng.permutation(2)[: rng.integers(1, most + 1)]:
            size, label = rng.integers(8, 13), rng.integers(2)
            x = rng.integers(0, 16 - size + 1) + 16 * half
            y = rng.integers(0, side - size + 1)
            paint(image, x, y, size, label)
            rows.append((x, y, x + size, y + size))
            names.append(label)
        boxes.append(rows)
        labels.append(names)
    return images.astype("float32"), detection.pad_truth(boxes, labels)


def paint(image, x, y, size, label):
    image[y : y + size, x : x + size] = 1
    if label:
        image[y + 2 : y + size - 2, x + 2 : x + size - 2] = 0


def small(**kwargs) -> SSD:
    options = {"anchor_sizes": (8, 12), "scales": (1.0,), "aspect_ratios": (1.0,)} | kwargs
    return SSD((SIDE, SIDE, 1), 2, head_filters=16, **options)


def trained(x, y, epochs=20, **kwargs) -> SSD:
    keras.utils.set_random_seed(1)
    model = small(**kwargs)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(x, y, batch_size=16, epochs=epochs, verbose=0)
    return model


@pytest.fixture(scope="module")
def finder():
    """A model that has learnt squares."""
    return trained(*squares(np.random.default_rng(0), 128))


@pytest.fixture(scope="module")
def held_out():
    return squares(np.random.default_rng(1), 40)


def score(model, x, y) -> float:
    return mean_average_precision(y, model.predict(x, verbose=0), 2)["mAP@0.5"]


# What it learns


def test_it_finds_new_squares_and_knew_nothing_before(finder, held_out):
    assert score(small(), *held_out) < 0.05
    assert score(finder, *held_out) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    "kwargs", [{"class_loss": "hard_negatives"}, {"box_loss": "giou", "box_weight": 2.0}]
)
def test_it_learns_with_its_other_losses_too(held_out, kwargs):
    model = trained(*squares(np.random.default_rng(0), 128), **kwargs)
    assert score(model, *held_out) > 0.85


def test_a_moved_object_moves_its_box_and_two_have_two(finder):
    images = np.zeros((4, SIDE, SIDE, 1), "float32")
    for image, places in zip(
        images, ([(2, 3)], [(14, 3)], [(2, 19)], [(2, 3), (18, 19)]), strict=1
    ):
        for x, y in places:
            paint(image, x, y, 10, 0)
    found = finder.predict(images, verbose=0)
    sure = found["confidence"] > 0.5
    assert sure.sum(axis=1).tolist() == [1, 1, 1, 2]
    box, right, down, two = (found["boxes"][i][sure[i]] for i in range(4))
    np.testing.assert_allclose(box[0], [2, 3, 12, 13], atol=1.5)
    np.testing.assert_allclose(right[0] - box[0], [12, 0, 12, 0], atol=1.5)
    np.testing.assert_allclose(down[0] - box[0], [0, 16, 0, 16], atol=1.5)
    two = two[np.argsort(two[:, 0])]
    np.testing.assert_allclose(two, [[2, 3, 12, 13], [18, 19, 28, 29]], atol=1.5)


@pytest.mark.slow
def test_it_learns_the_digits_of_new_writers():
    """The lesson's detector, on scenes whose scans come from forms that training never saw."""
    (x, y), held_out = data.arrays("digit_scenes", ["train", "test"])
    x, epochs, batch_size = x / np.float32(255), 15, 32
    model = SSD((64, 64, 1), 10, anchor_sizes=(14, 22), scales=(1, 1.26), aspect_ratios=(1, 1.5))

    def change(example, seed):
        image, truth = augment.random_view(*example, seed, zoom=(0.8, 1.3))
        return augment.random_light(image, seed), truth

    examples = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=1)
    seeds = tf.data.Dataset.random(1, rerandomize_each_iteration=True).batch(2)
    batches = tf.data.Dataset.zip(examples, seeds).map(change).batch(batch_size)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, epochs * len(x) // batch_size, warmup_target=3e-3, warmup_steps=100
    )
    model.compile(keras.optimizers.Adam(rate))
    pixels = held_out[0] / np.float32(255)
    before = mean_average_precision(held_out[1], model.predict(pixels, verbose=0), 10)
    model.fit(batches, epochs=epochs, verbose=0)
    after = mean_average_precision(held_out[1], model.predict(pixels, verbose=0), 10)
    assert before["mAP@0.5"] < 0.02
    assert after["mAP@0.5"] > 0.9
    assert after["AP@0.5"].min() > 0.6


# Training


def test_the_loss_by_hand(rng):
    """One picture, all anchors, once more in NumPy."""
    model = small(box_weight=0.5)
    x, y = squares(rng, 3, most=1)
    y["labels"][2] = -1  # no object
    out = {name: value.numpy() for name, value in model(x).items()}
    targets = detection.assign_targets(model.anchors, y)
    labels, codes = targets["labels"].numpy(), targets["codes"].numpy()
    expected = []
    for i in range(3):
        total = 0.0
        for a, label in enumerate(labels[i]):
            p = 1 / (1 + np.exp(-out["logits"][i, a].astype(float)))
            right = np.where(np.arange(2) == label, p, 1 - p)
            alpha = np.where(np.arange(2) == label, 0.25, 0.75)
            total += 0 if label == -2 else (alpha * (1 - right) ** 2 * -np.log(right)).sum()
            if label >= 0:
                d = np.abs(out["codes"][i, a] - codes[i, a])
                total += 0.5 * np.where(d < 1, d**2 / 2, d - 0.5).sum()
        expected.append(total / max((labels[i] >= 0).sum(), 1))
    truth = {"boxes": tf.constant(y["boxes"]), "labels": tf.constant(y["labels"])}
    np.testing.assert_allclose(model.detection_loss(truth, model(x)), expected, rtol=1e-4)
    model.compile()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(np.mean(expected), rel=1e-4)
    weighted = model.evaluate(x, y, sample_weight=np.array([1.0, 0, 2]), verbose=0)
    assert weighted == pytest.approx((expected[0] + 2 * expected[2]) / 3, rel=1e-4)


def test_padding_is_inert(rng):
    x, y = squares(rng, 8)
    wide = {
        "boxes": np.concatenate([y["boxes"], np.full((8, 3, 4), 7.0, "float32")], axis=1),
        "labels": np.concatenate([y["labels"], np.full((8, 3), -1)], axis=1),
    }
    model = small()
    model.compile()
    assert model.evaluate(x, wide, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0))


def test_pictures_without_objects_teach_that_there_are_none(rng):
    x, y = rng.normal(0, 0.05, (16, SIDE, SIDE, 1)), detection.pad_truth([[]] * 16, [[]] * 16)
    model = small()
    model.compile(keras.optimizers.Adam(1e-3))
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]


def test_lists_ragged_tensors_and_datasets_train_alike(rng):
    x, y = squares(rng, 8)
    boxes, labels = (
        [part[names >= 0].tolist() for part, names in zip(y[key], y["labels"], strict=True)]
        for key in ("boxes", "labels")
    )
    ragged = {
        "boxes": tf.ragged.constant(boxes, ragged_rank=1, inner_shape=(4,), dtype="float32"),
        "labels": tf.ragged.constant(labels),
    }
    model = small()
    model.compile(keras.optimizers.SGD(0.0))
    sources = [
        (x, y),
        (x, {"boxes": boxes, "labels": labels}),
        (x, ragged),
        (tf.data.Dataset.from_tensor_slices((x, y)).batch(8),),
        (tf.data.Dataset.from_tensor_slices((x, ragged)).batch(8),),
    ]
    losses = [model.fit(*source, batch_size=None, verbose=0).history["loss"] for source in sources]
    np.testing.assert_allclose(losses, losses[0] * np.ones((5, 1)), rtol=1e-5)
    held_out = model.fit(x, y, validation_data=sources[1], verbose=0).history["val_loss"]
    assert np.isfinite(held_out).all()


@pytest.mark.parametrize("problem", ["outside", "no area", "label"])
def test_a_bad_truth_is_refused_wherever_it_comes_from(rng, problem):
    x, y = squares(rng, 4)
    bad = {"outside": (20, 0, 40, 9), "no area": (3, 3, 3, 9), "label": (0, 0, 9, 9)}[problem]
    y["boxes"][2, 0], y["labels"][2, 0] = bad, 2 if problem == "label" else 0
    model = small()
    model.compile(jit_compile=False)
    with pytest.raises(ValueError, match="picture 2, box 0"):
        model.fit(x, y, verbose=0)
    with pytest.raises(ValueError, match="picture 2, box 0"):
        model.evaluate(x, y, verbose=0)
    with pytest.raises(ValueError, match="picture 2, box 0"):
        model.fit(*squares(rng, 4), validation_data=(x, y), verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a box lies outside its picture"):
        model.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(4), verbose=0)


def test_what_it_is_not_trained_with_is_refused(rng):
    x, y = squares(rng, 4)
    model = small()
    with pytest.raises(ValueError, match="brings its own loss"):
        model.compile("adam", loss="mse")
    model.compile()
    with pytest.raises(ValueError, match="pass sample_weight instead"):
        model.fit(x, y, class_weight={0: 1.0, 1: 2.0})
    with pytest.raises(ValueError, match=r'learns from \{"boxes"'):
        model.fit(x, y["boxes"])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, SIDE, SIDE, 1), "uint16"), "pictures of 16 bits"),
        (np.zeros((2, SIDE, SIDE, 3)), r"images must be \(B, 32, 32, 1\); got \(2, 32, 32, 3\)"),
        (np.zeros((2, 0, 0, 1)), r"images must be \(B, 32, 32, 1\); got \(2, 0, 0, 1\)"),
        (np.zeros((SIDE,)), "images must be"),
        (np.zeros((0, SIDE, SIDE, 1)), "there is no picture"),
    ],
)
def test_pictures_of_another_kind_are_refused(images, message):
    model = small()
    model.compile()
    with pytest.raises(ValueError, match=message):
        model.predict(images, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(images, detection.pad_truth([[]] * len(images), [[]] * len(images)), verbose=0)


def test_grey_pictures_need_no_channel_axis(finder, held_out):
    x = held_out[0][:3]
    with_axis, without = finder.predict(x, verbose=0), finder.predict(x[..., 0], verbose=0)
    np.testing.assert_array_equal(without["boxes"], with_axis["boxes"])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"class_loss": "cross_entropy"}, 'class_loss must be "focal" or "hard_negatives"'),
        ({"box_loss": "l2"}, 'box_loss must be "smooth_l1" or "giou"'),
        ({"positive": 0.3}, "0 < negative <= positive <= 1"),
        ({"anchor_sizes": (8,)}, "one number per level"),
        ({"max_detections": 0}, "max_detections must be an integer >= 1"),
        ({"backbone": keras.Sequential([keras.Input((4,))])}, "backbone must have pyramid_outputs"),
    ],
)
def test_arguments_out_of_range_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        small(**kwargs)


@pytest.mark.parametrize("shape", [(None, None, 1), (32, 32), (0, 32, 1)])
def test_the_size_of_its_pictures_is_fixed(shape):
    with pytest.raises(ValueError, match="image_shape must be"):
        SSD(shape, 2)


def test_a_size_that_strides_do_not_divide(rng):
    model = SSD((45, 61, 3), 2)
    assert model.anchors.shape[0] == (12 * 16 + 6 * 8) * 6
    found = model.predict(rng.random((2, 45, 61, 3)), verbose=0)
    assert found["boxes"].shape == (2, 100, 4)


@pytest.mark.slow
def test_a_backbone_of_ones_own(rng, tmp_path):
    """Frozen or not, it is part of the detector, and is saved with it."""
    backbone = EfficientNetLite(
        (64, 64, 3), 5, width_coefficient=0.1, depth_coefficient=0.5, name="eyes"
    )
    model = SSD((64, 64, 3), 2, backbone=backbone, pyramid_filters=8, head_filters=8)
    levels = list(backbone.pyramid_outputs)
    assert len(model.anchors) == 6 * sum((64 // 2 ** int(level[1])) ** 2 for level in levels)
    x, y = squares(rng, 4, side=64)
    x = np.repeat(x, 3, axis=-1)
    before = backbone.get_weights()
    model.compile(keras.optimizers.SGD(0.01))
    with warnings.catch_warnings():  # nothing is left without a gradient
        warnings.simplefilter("error", UserWarning)
        model.fit(x, y, verbose=0)
    changed = [
        not np.array_equal(*pair) for pair in zip(before, backbone.get_weights(), strict=True)
    ]
    assert np.mean(changed) > 0.8  # all but what only ImageNet's classes need
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x)["logits"], model(x)["logits"])
    backbone.trainable = False
    heads = [v.path for v in model.trainable_variables]
    assert heads
    assert not any("eyes" in path or "stem" in path for path in heads)


# One program


def test_the_whole_detector_is_one_xla_program(finder, held_out):
    x, _ = held_out
    compiled = tf.function(finder.detect, jit_compile=True)
    found, eager = compiled(x), finder.predict(x, verbose=0)
    for name, value in eager.items():
        np.testing.assert_allclose(found[name], value, atol=1e-3, err_msg=name)
    assert (eager["num_detections"] > 0).all()


def test_a_litert_file_finds_equal_boxes(finder, held_out, tmp_path):
    x = held_out[0][:10]
    lite.export_detector(finder, tmp_path / "finder.tflite")
    found, ours = lite.LiteDetector(tmp_path / "finder.tflite").detect(x), finder.detect(x)
    for name, value in ours.items():
        np.testing.assert_allclose(found[name], value, atol=1e-3, err_msg=name)
        assert found[name].dtype == value.dtype.as_numpy_dtype
    with pytest.raises(ValueError, match=r"images must be \(B, 32, 32, 1\), B at least 1; got"):
        lite.LiteDetector(tmp_path / "finder.tflite").detect(x[:, :8])


def test_files_of_other_kinds_are_refused(tmp_path):
    (tmp_path / "text.tflite").write_text("no model")
    with pytest.raises(ValueError, match=r"no file of aimodels\.lite\.export_detector"):
        lite.LiteDetector(tmp_path / "text.tflite")
    with pytest.raises(FileNotFoundError, match=r"write it with aimodels\.lite\.export_detector"):
        lite.LiteDetector(tmp_path / "missing.tflite")
    with pytest.raises(ValueError, match="computes in bfloat16"):
        lite.export_detector(small(dtype="mixed_bfloat16"), tmp_path / "half.tflite")


def test_saved_it_finds_the_same_in_a_new_process(finder, held_out, tmp_path):
    x = held_out[0][:4]
    finder.save(tmp_path / "finder.keras")
    np.save(tmp_path / "x.npy", x)
    program = """
        import json, sys
        import aimodels, keras
        import numpy as np

        model = keras.saving.load_model(sys.argv[1])
        found = model.predict(np.load(sys.argv[2]), verbose=0)
        print(json.dumps([type(model).__name__, found["boxes"].tolist()]))
    """
    command = [sys.executable, "-c", textwrap.dedent(program), "finder.keras", "x.npy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    name, boxes = json.loads(done.stdout)
    assert name == "SSD"
    np.testing.assert_allclose(boxes, finder.predict(x, verbose=0)["boxes"], atol=1e-4)
