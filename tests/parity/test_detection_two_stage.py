"""RoI align beside ONNX Runtime's operator of that name."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.detection.roi_align import roi_align

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
HEIGHT, WIDTH, CHANNELS, STRIDE = 13, 17, 3, 8


def runtime(output_size, sampling_ratio, aligned):
    """(features, boxes) -> ONNX Runtime's answer, in our order of axes."""
    helper, kinds = onnx.helper, onnx.TensorProto
    node = helper.make_node(
        "RoiAlign",
        ["x", "rois", "pictures"],
        ["y"],
        output_height=output_size[0],
        output_width=output_size[1],
        sampling_ratio=sampling_ratio,
        spatial_scale=1 / STRIDE,
        coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel",
    )
    graph = helper.make_graph(
        [node],
        "roi_align",
        [
            helper.make_tensor_value_info("x", kinds.FLOAT, [None, CHANNELS, None, None]),
            helper.make_tensor_value_info("rois", kinds.FLOAT, [None, 4]),
            helper.make_tensor_value_info("pictures", kinds.INT64, [None]),
        ],
        [helper.make_tensor_value_info("y", kinds.FLOAT, None)],
    )
    # Versions that any ONNX Runtime of these years reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())

    def run(features, boxes):
        facts = {
            "x": np.ascontiguousarray(features.transpose(0, 3, 1, 2)),
            "rois": boxes.reshape(-1, 4),
            "pictures": np.repeat(np.arange(len(boxes)), boxes.shape[1]),
        }
        [y] = session.run(None, facts)
        return y.reshape(*boxes.shape[:2], *y.shape[1:]).transpose(0, 1, 3, 4, 2)

    return run


def random_boxes(rng) -> np.ndarray:
    """Inside, at the edges and beyond them, thin ones, and one that lies wholly outside."""
    height, width = HEIGHT * STRIDE, WIDTH * STRIDE
    corners = rng.uniform(-0.3, 1.3, (2, 40, 2, 2)) * (width, height)
    corners.sort(axis=2)
    special = [
        (0, 0, width, height),
        (-STRIDE, -STRIDE, STRIDE, STRIDE),
        (width - 1, height - 1, width + 9, height + 9),
        (20, 20, 20, 20),
        (20, 30, 20.5, 90),
        (-200, -200, -100, -100),
        (width + 100, 0, width + 200, height),
    ]
    boxes = corners.reshape(2, 40, 4)
    return np.concatenate([boxes, np.broadcast_to(special, (2, 7, 4))], axis=1).astype("float32")


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("sampling_ratio", [1, 2, 3])
@pytest.mark.parametrize("output_size", [(7, 7), (2, 5), (1, 1)], ids=str)
def test_roi_align(rng, parity, output_size, sampling_ratio, aligned):
    features = rng.normal(size=(2, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    boxes = random_boxes(rng)
    options = {"sampling_ratio": sampling_ratio, "aligned": aligned}
    ours = roi_align(features, boxes, output_size, spatial_scale=1 / STRIDE, **options)
    theirs = runtime(output_size, **options)(features, boxes)
    assert np.abs(theirs).max() > 0.5
    assert not theirs[:, -2:].any()  # wholly outside
    parity(
        f"detection.roi_align {output_size}, sampling_ratio {sampling_ratio}, aligned {aligned}",
        reference="onnxruntime.RoiAlign",
        difference=float(np.abs(ours - theirs).max()),
        bound=1e-5,
    )


def test_gradient_of_roi_align(rng, parity):
    """The gradient at a place of the map is what that place alone gives, by ONNX Runtime."""
    boxes = random_boxes(rng)[:1]
    features = tf.Variable(rng.normal(size=(1, HEIGHT, WIDTH, CHANNELS)).astype("float32"))
    weights = rng.normal(size=(1, boxes.shape[1], 2, 3, CHANNELS)).astype("float32")
    with tf.GradientTape() as tape:
        y = roi_align(features, boxes, (2, 3), spatial_scale=1 / STRIDE)
        loss = keras.ops.sum(y * weights)
    [gradient] = tape.gradient(loss, [features])
    places = HEIGHT * WIDTH
    unit = np.eye(places, dtype="float32").reshape(places, HEIGHT, WIDTH, 1)
    unit = np.repeat(unit, CHANNELS, axis=-1)
    alone = runtime((2, 3), 2, True)(unit, np.repeat(boxes, places, axis=0))
    expected = np.sum(alone * weights, axis=(1, 2, 3)).reshape(HEIGHT, WIDTH, CHANNELS)
    parity(
        "detection.roi_align gradient",
        reference="onnxruntime.RoiAlign",
        difference=float(np.abs(gradient[0] - expected).max()),
        bound=1e-4,
    )
