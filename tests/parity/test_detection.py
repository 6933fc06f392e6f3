"""Overlaps as pycocotools computes them, and suppression as ONNX Runtime's operator does."""

import numpy as np
import pytest

from aimodels import detection


def random_boxes(rng, *shape, side) -> np.ndarray:
    corner = rng.uniform(0, side, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(0, side, (*shape, 2))], axis=-1)


def test_iou(rng, parity):
    mask = pytest.importorskip("pycocotools.mask")
    a, b = random_boxes(rng, 300, side=50), random_boxes(rng, 200, side=50)
    a[:3], b[:3, 2:] = b[:3], b[:3, :2]  # equal ones, and some without area
    sizes = [np.concatenate([x[:, :2], x[:, 2:] - x[:, :2]], axis=1) for x in (a, b)]
    theirs = mask.iou(*sizes, [0] * len(b))
    assert 0 < (theirs > 0).mean() < 1
    parity(
        "detection.pairwise_iou",
        reference="pycocotools.mask.iou",
        difference=np.abs(detection.pairwise_iou(a, b) - theirs).max(),
        bound=1e-5,
    )


def runtime(max_output: int, iou_threshold: float, score_threshold: float):
    """ONNX Runtime with a graph of this one operator; it has "yxyx" boxes."""
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    helper, kinds = onnx.helper, onnx.TensorProto
    names = {
        "max_output_boxes_per_class": np.int64([max_output]),
        "iou_threshold": np.float32([iou_threshold]),
        "score_threshold": np.float32([score_threshold]),
    }
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", ["boxes", "scores", *names], ["selected"])],
        "suppression",
        [
            helper.make_tensor_value_info("boxes", kinds.FLOAT, [None, None, 4]),
            helper.make_tensor_value_info("scores", kinds.FLOAT, [None, None, None]),
        ],
        [helper.make_tensor_value_info("selected", kinds.INT64, [None, 3])],
        [onnx.numpy_helper.from_array(value, name) for name, value in names.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=8)
    return ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def selected(session, boxes, scores) -> list[tuple[int, int, int]]:
    """Picture, class and box of all that stay."""
    inputs = {"boxes": boxes[..., [1, 0, 3, 2]], "scores": scores.transpose(0, 2, 1)}
    return [*map(tuple, session.run(None, inputs)[0].tolist())]


@pytest.mark.parametrize("ties", [False, True])
def test_non_max_suppression(rng, parity, ties):
    """Hundreds of random pictures, crowded and sparse; with ties, of few different scores."""
    number, classes, pictures, most = 40, 3, 100, 5
    different = 0
    for iou_threshold, score_threshold, side in ((0.5, 0.05, 10), (0.3, 0.4, 30), (0.7, 0.0, 3)):
        boxes = random_boxes(rng, pictures, number, side=side).astype("float32")
        scores = rng.random((pictures, number, classes)).astype("float32")
        if ties:
            scores = np.round(scores, 1)
        session = runtime(most, iou_threshold, score_threshold)
        theirs = selected(session, boxes, scores)
        assert len(theirs) > pictures
        ours = detection.non_max_suppression(
            boxes, scores, iou_threshold, score_threshold, max_detections=number * classes
        )
        found = []
        for i in range(pictures):
            place = {box.tobytes(): j for j, box in enumerate(boxes[i])}
            for label in range(classes):
                chosen = ours["boxes"].numpy()[i][ours["labels"][i] == label][:most]
                found += [(i, label, place[box.tobytes()]) for box in chosen]
        different += sum(a != b for a, b in zip(found, theirs, strict=True))
    parity(
        f"detection.non_max_suppression, {'equal scores' if ties else 'random scores'}",
        reference="onnxruntime.NonMaxSuppression",
        difference=different,
        bound=0,
    )


def test_suppression_of_nothing(parity):
    boxes, scores = np.zeros((2, 0, 4), "float32"), np.zeros((2, 0, 3), "float32")
    theirs = selected(runtime(5, 0.5, 0.0), boxes, scores)
    ours = detection.non_max_suppression(boxes, scores)
    parity(
        "detection.non_max_suppression, no box",
        reference="onnxruntime.NonMaxSuppression",
        difference=abs(int(ours["num_detections"].numpy().sum()) - len(theirs)),
        bound=0,
    )
