"""Blood cells found and counted: one-stage and two-stage detectors on EfficientNet-Lite0.

BCCD in its published split, but for one training picture that the validation split has nearly the
same (205 - 1 / 87 / 72), and for two boxes without a pixel. Pictures of 240 x 320. The backbone
keeps its published ImageNet weights and moving statistics, so its maps are computed once, of every
picture and its three mirror images; what is trained stands behind it. The epoch, and the confidence
from which a box counts as a cell, are chosen on the validation pictures; each model reads the test
pictures once. Beside them: the same detectors untrained, and a method without a network, colours by
k-means and round spots by their distance from the edge.
"""

import json
import time
from collections.abc import Callable

import keras
import numpy as np
from scipy import ndimage
from sklearn.cluster import KMeans

from aimodels.detection import SSD, Detector, FasterRCNN, Scenes, load_scenes, pad_truth
from aimodels.efficientnet import EfficientNetLite, preprocess
from aimodels.metrics import count_error, mean_average_precision

SIZE, SPLITS = (240, 320), ("train", "validation", "test")
EPOCHS = {"one-stage": 8, "two-stage": 5}
MIRRORS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]  # steps along rows and columns
CONFIDENCES = np.round(np.arange(0.2, 0.75, 0.05), 2)
ANCHORS = {"anchor_sizes": (20, 50, 100), "aspect_ratios": (0.75, 1.0, 1.33)}  # of training's boxes
DETECTORS: dict[str, Callable[..., Detector]] = {
    "one-stage": lambda **kwargs: SSD(**kwargs, **ANCHORS, scales=(0.8, 1.25), pyramid_filters=64),
    "two-stage": lambda **kwargs: FasterRCNN(**kwargs, **ANCHORS, num_proposals=60),
}


def mirrored(scenes: Scenes, rows: int, columns: int) -> tuple[np.ndarray, dict]:
    """Pictures and boxes upside down (rows = -1), left to right (columns = -1), or both."""
    boxes = scenes.targets["boxes"].copy()
    for step, begin, length in ((columns, 0, SIZE[1]), (rows, 1, SIZE[0])):
        if step < 0:
            boxes[..., [begin, begin + 2]] = length - boxes[..., [begin + 2, begin]]
    boxes[scenes.targets["labels"] < 0] = 0
    images = scenes.images[:, ::rows, ::columns]
    return images, {"boxes": boxes, "labels": scenes.targets["labels"]}


class KeepBest(keras.callbacks.Callback):
    """Measures mAP@0.5 on the validation maps, and ends with the best epoch's weights."""

    def __init__(self, maps, truth: dict, classes: int):
        super().__init__()
        self.maps, self.truth, self.classes, self.reached, self.best = (
            maps,
            truth,
            classes,
            [],
            None,
        )

    def on_epoch_end(self, epoch, logs=None):
        found = self.model.predict(self.maps, batch_size=16, verbose=0)
        score = mean_average_precision(self.truth, found, self.classes)["mAP@0.5"]
        if score > max([-1.0, *self.reached]):
            self.best = self.model.get_weights()
        self.reached.append(score)
        print(f"epoch {epoch + 1}: loss {logs['loss']:.3f}, validation {score:.4f}", flush=True)

    def on_train_end(self, logs=None):
        self.model.set_weights(self.best)


def without_network(training: Scenes, scenes: Scenes) -> dict[str, np.ndarray]:
    """Boxes by colour and shape, with sizes and colours of the training boxes."""
    boxes, labels = training.targets["boxes"], training.targets["labels"]
    side = np.sqrt(np.prod(boxes[..., 2:] - boxes[..., :2], axis=-1))
    red, white, platelet = (float(np.median(side[labels == label])) for label in range(3))
    middle = ((boxes[..., :2] + boxes[..., 2:]) / 2).astype(int)
    at = np.arange(len(boxes))[:, None], middle[..., 1], middle[..., 0]
    bluer = _bluer(training.images)[at]  # nuclei and platelets are violet, red cells are pink
    violet = np.mean([np.median(bluer[labels == label]) for label in (0, 2)])
    pixels = training.images[:, ::8, ::8].reshape(-1, 3).astype("float32")
    colours = KMeans(3, n_init=3, random_state=0).fit(pixels)
    background = np.argmax(colours.cluster_centers_.sum(axis=1))
    found = []
    for image, dark in zip(scenes.images, _bluer(scenes.images) > violet, strict=True):
        one = []
        spots, _ = ndimage.label(ndimage.binary_opening(dark))
        for rows, columns in ndimage.find_objects(spots):
            box = [columns.start, rows.start, columns.stop, rows.stop]
            length = np.sqrt((box[2] - box[0]) * (box[3] - box[1]))
            if length > np.sqrt(white * platelet):
                one.append((box, 1, min(1.0, length / white)))
            elif length > platelet / 2:
                one.append((box, 2, min(1.0, length / platelet)))
        colour = colours.predict(image.reshape(-1, 3).astype("float32")).reshape(SIZE)
        cells = ndimage.binary_fill_holes(colour != background)
        depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(cells), red / 12)
        peak = (depth == ndimage.maximum_filter(depth, size=int(red / 2))) & (depth > red / 5)
        peak &= ~ndimage.binary_dilation(dark, iterations=int(red / 8))
        tops, number = ndimage.label(peak, np.ones((3, 3)))
        half = red / 2
        for y, x in ndimage.center_of_mass(peak, tops, range(1, number + 1)):
            sure = min(1.0, depth[round(y), round(x)] / half)
            one.append(([x - half, y - half, x + half, y + half], 0, sure))
        found.append(one)
    limits = [SIZE[1], SIZE[0]] * 2
    padded = pad_truth(
        [np.clip([box for box, _, _ in one], 0, limits) for one in found],
        [[label for _, label, _ in one] for one in found],
    )
    confidence = np.zeros(padded["labels"].shape)
    for row, one in zip(confidence, found, strict=True):
        row[: len(one)] = [score for _, _, score in one]
    return padded | {"confidence": confidence}


def _bluer(images: np.ndarray) -> np.ndarray:
    """How much bluer than red a place is, in its surroundings."""
    difference = images[..., 2].astype("float32") - images[..., 0]
    return ndimage.gaussian_filter(difference, (0, 1.5, 1.5))


def figures(scenes: dict[str, Scenes], predict: Callable[[str], dict]) -> dict:
    """What boxes reach on the test pictures, and how well they count the cells."""
    names = scenes["test"].class_names
    truth, found = scenes["test"].targets, predict("test")
    scores = mean_average_precision(truth, found, len(names))
    held_out, errors = predict("validation"), []
    for least in CONFIDENCES:
        errors.append(count_error(scenes["validation"].targets, held_out, len(names), least))
    least = float(CONFIDENCES[np.argmin(np.sum(errors, axis=1))])
    error = count_error(truth, found, len(names), least)
    return {
        "mAP@0.5": round(scores["mAP@0.5"], 4),
        "mAP@[.5:.95]": round(scores["mAP@[.5:.95]"], 4),
        "AP@0.5": dict(zip(names, np.round(scores["AP@0.5"], 4).tolist(), strict=True)),
        "a cell from confidence": least,
        "cells miscounted per picture": dict(zip(names, np.round(error, 3).tolist(), strict=True)),
    }


def one_seed(kind: str, seed: int, epochs: int, facts: dict) -> dict:
    """Train a detector on the maps that the backbone gave, and measure it before and after."""
    keras.utils.set_random_seed(seed)
    scenes, maps, truth = facts["scenes"], facts["maps"], facts["truth"]
    classes = len(scenes["test"].class_names)
    detector = DETECTORS[kind](
        image_shape=(*SIZE, 3), num_classes=classes, backbone=facts["backbone"]
    )
    model = detector.without_backbone()

    def predict(split):
        return model.predict([x[: len(scenes[split].images)] for x in maps[split]], verbose=0)

    untrained = figures(scenes, predict)
    steps = epochs * -(-len(truth["labels"]) // 8)
    schedule = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-4, global_clipnorm=10.0))
    best = KeepBest(maps["validation"], scenes["validation"].targets, classes)
    start = time.process_time()
    model.fit(maps["train"], truth, batch_size=8, epochs=epochs, callbacks=[best], verbose=0)
    return {
        "untrained": untrained,
        "trained": figures(scenes, predict),
        "parameters trained": model.count_params(),
        "parameters": detector.count_params(),
        "validation mAP@0.5 by epoch": np.round(best.reached, 4).tolist(),
        "CPU seconds of training": round(time.process_time() - start),
    }


def run(
    seeds: tuple[int, ...] = (1, 2, 3),
    epochs: dict[str, int] = EPOCHS,
    pictures: int | None = None,
) -> dict:
    """`pictures` takes only the first ones of each split: a test of the program, no measurement."""
    whole = {split: load_scenes("bccd", split, image_size=SIZE) for split in SPLITS}
    scenes = {
        split: one._replace(
            images=one.images[:pictures],
            targets={name: value[:pictures] for name, value in one.targets.items()},
        )
        for split, one in whole.items()
    }
    backbone = EfficientNetLite.from_checkpoint(image_shape=(*SIZE, 3))
    levels = keras.Model(backbone.inputs, list(backbone.pyramid_outputs.values()))
    views = [mirrored(scenes["train"], *steps) for steps in MIRRORS]
    images = {split: one.images for split, one in scenes.items()}
    images["train"] = np.concatenate([pixels for pixels, _ in views])
    start = time.process_time()
    maps = {
        split: levels.predict(preprocess(pixels, None), batch_size=8, verbose=0)
        for split, pixels in images.items()
    }
    facts = {
        "scenes": scenes,
        "backbone": backbone,
        "maps": maps,
        "truth": {
            name: np.concatenate([truth[name] for _, truth in views]) for name in views[0][1]
        },
    }
    seconds = round(time.process_time() - start)
    colour_and_shape = {split: without_network(scenes["train"], scenes[split]) for split in SPLITS}
    result = {
        "pictures": {split: len(one.images) for split, one in scenes.items()},
        "left out": [sentence for one in whole.values() for sentence in one.left_out],
        "size": list(SIZE),
        "epochs": epochs,
        "without a network": figures(scenes, colour_and_shape.get),
        "CPU seconds of the backbone": seconds,
    }
    for kind in DETECTORS:
        runs = {}
        for seed in seeds:
            runs[str(seed)] = one = one_seed(kind, seed, epochs[kind], facts)
            print(f"{kind}, seed {seed}: {json.dumps(one)}", flush=True)  # if it is cut off later
        reached = [one["trained"]["mAP@0.5"] for one in runs.values()]
        result[kind] = {
            "mean test mAP@0.5": round(float(np.mean(reached)), 4),
            "lowest test mAP@0.5": min(reached),
            "seeds": runs,
        }
    return result
