"""Faster R-CNN: first where something is, then, looking closer there, what it is."""

import math
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int
from aimodels.detection.anchors import pyramid_anchors
from aimodels.detection.boxes import area, clip, decode
from aimodels.detection.detector import Detector
from aimodels.detection.losses import hard_negatives, loss_per_object, smooth_l1
from aimodels.detection.matching import assign_targets
from aimodels.detection.pyramid import feature_pyramid, pyramid_maps, strides_of
from aimodels.detection.roi_align import roi_align
from aimodels.detection.suppression import non_max_suppression


@keras.saving.register_keras_serializable("aimodels")
class Proposals(layers.Layer):
    """Boxes that may hold something: the best anchors, moved, cut at the edges, without doubles.

    Args:
        anchors: (A, 4), a list.
        image_shape: (height, width, ...).
        num_proposals: number of boxes per picture, R.
        num_candidates: number of anchors that compete.
        iou_threshold: of two boxes with a larger IoU the worse one goes.
        **kwargs: passed to `keras.layers.Layer`.

    Call: codes (B, A, 4) and logits (B, A, 1) -> (B, R, 4), padded with zeros. No gradient passes.
    """

    def __init__(
        self, anchors, image_shape, num_proposals, num_candidates, iou_threshold, **kwargs
    ):
        super().__init__(autocast=False, **kwargs)  # 100.5 is 100 in bfloat16
        self.config = {
            "anchors": [list(map(float, anchor)) for anchor in anchors],
            "image_shape": list(image_shape),
            "num_proposals": num_proposals,
            "num_candidates": num_candidates,
            "iou_threshold": iou_threshold,
        }

    def call(self, codes, logits):
        boxes = clip(decode(codes, self.config["anchors"]), self.config["image_shape"])
        scores = ops.sigmoid(ops.cast(logits, "float32"))
        big = ops.all(boxes[..., 2:] - boxes[..., :2] >= 1.0, axis=-1, keepdims=True)
        found = non_max_suppression(
            boxes,
            ops.where(big, scores, 0.0),
            iou_threshold=self.config["iou_threshold"],
            score_threshold=0.0,
            max_detections=self.config["num_proposals"],
            max_candidates=self.config["num_candidates"],
        )
        return ops.stop_gradient(found["boxes"])

    def compute_output_spec(self, codes, logits):
        return keras.KerasTensor((codes.shape[0], self.config["num_proposals"], 4), "float32")

    def get_config(self):
        return super().get_config() | self.config


@keras.saving.register_keras_serializable("aimodels")
class PyramidRoIAlign(layers.Layer):
    """`roi_align` of each box from the map whose anchors are nearest to it in size.

    Args:
        output_size: side of the grid, P.
        strides: pixels between two places, of each map.
        anchor_sizes: side of a square anchor, of each map.
        **kwargs: passed to `keras.layers.Layer`.

    Call: a list of maps (B, H, W, C) and boxes (B, R, 4) -> (B, R, P, P, C).
    """

    def __init__(self, output_size, strides, anchor_sizes, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.config = {
            "output_size": output_size,
            "strides": list(strides),
            "anchor_sizes": list(map(float, anchor_sizes)),
        }

    def call(self, maps, boxes):
        side = ops.sqrt(ops.maximum(area(boxes), 1e-6))
        distance = ops.abs(ops.log(side)[..., None] - ops.log(self.config["anchor_sizes"]))
        nearest = tf.argmin(distance, axis=-1)  # (B, R); that of Keras does not fit into LiteRT
        total = 0
        for level, (x, stride) in enumerate(zip(maps, self.config["strides"], strict=True)):
            y = roi_align(x, boxes, self.config["output_size"], spatial_scale=1 / stride)
            total += ops.where(tf.equal(nearest, level)[..., None, None, None], y, 0)
        return total

    def compute_output_spec(self, maps, boxes):
        size = self.config["output_size"]
        return keras.KerasTensor((*boxes.shape[:2], size, size, maps[0].shape[-1]), maps[0].dtype)

    def get_config(self):
        return super().get_config() | self.config


@keras.saving.register_keras_serializable("aimodels")
class FasterRCNN(Detector):
    r"""A two-stage detector.

    *Stage one*, the region proposal network, says at each of A anchors whether there is an object,
    of whatever class, and moves the anchor to it. Its best R boxes are the proposals. *Stage two*
    cuts the features of each proposal out, always as a grid of one size, names the class, one of K
    or the background, and moves the box once more. Both learn at the same time:

    $$ L = L^1_{\text{class}} + L^1_{\text{box}} + L^2_{\text{class}} + L^2_{\text{box}} $$

    each divided by the number of anchors, or proposals, with an object. In either stage three boxes
    of the background count for each with an object, those that are wrong most: the paper draws
    them, which would make a training step hard to repeat.

    Args:
        image_shape: (height, width, channels), fixed numbers.
        num_classes: number of classes, K.
        backbone: model with `pyramid_outputs`, maps by level from fine to coarse, such as
            {"P3": ..., "P4": ...}; None makes a small network for small pictures, strides 4 and 8.
        anchor_sizes: side of a square anchor in pixels, one per map; 4 strides if None.
        aspect_ratios: height / width of the anchors.
        filters: channels of the feature pyramid, C.
        hidden_dim: units of the two dense layers of stage two.
        num_proposals: R, the number of boxes that stage two looks at in each picture.
        roi_size: side of the grid that is cut out for each.
        score_threshold: least confidence of a box that `detect` returns.
        iou_threshold: of two boxes of one class with a larger IoU the worse one goes.
        max_detections: number of boxes per picture that `detect` returns, at most.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, channels), pixels as the backbone wants them.
    Output shape: `rpn_codes` (B, A, 4), `rpn_logits` (B, A, 1), `proposals` (B, R, 4), `codes`
        (B, R, 4) and `logits` (B, R, K + 1), the last one for the background; `detect` and
        `predict` give boxes, as `SSD` does.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [ren2015]; the pyramid [lin2017fpn]; RoI align [he2017maskrcnn]; the boxes that are wrong
        most [shrivastava2016].

    Example:
        >>> model = FasterRCNN((64, 64, 1), num_classes=10, num_proposals=20)
        >>> outputs = model(tf.zeros((2, 64, 64, 1)))
        >>> outputs["rpn_codes"].shape, outputs["proposals"].shape, outputs["logits"].shape
        (TensorShape([2, 960, 4]), TensorShape([2, 20, 4]), TensorShape([2, 20, 11]))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        backbone: keras.Model | None = None,
        anchor_sizes: Sequence[float] | None = None,
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        filters: int = 64,
        hidden_dim: int = 256,
        num_proposals: int = 100,
        roi_size: int = 7,
        score_threshold: float = 0.05,
        iou_threshold: float = 0.5,
        max_detections: int = 100,
        **kwargs,
    ):
        check_positive_int(
            num_classes=num_classes,
            filters=filters,
            hidden_dim=hidden_dim,
            num_proposals=num_proposals,
            roi_size=roi_size,
            max_detections=max_detections,
        )
        inputs, maps = pyramid_maps(image_shape, backbone)
        strides = strides_of(image_shape, maps)
        sizes = [4 * stride for stride in strides] if anchor_sizes is None else anchor_sizes
        anchors = pyramid_anchors(image_shape, strides, sizes, [1.0], aspect_ratios)
        pyramid = feature_pyramid(maps, filters)
        codes, logits = _region_proposals(pyramid, filters, len(aspect_ratios))
        cut = Proposals(anchors, image_shape, num_proposals, 4 * num_proposals, 0.7, name="cut")
        proposals = cut(codes, logits)
        align = PyramidRoIAlign(roi_size, strides, sizes, name="roi_align")
        x = align(list(pyramid.values()), proposals)  # (B, R, P, P, C)
        x = layers.Reshape((num_proposals, roi_size * roi_size * filters), name="flat")(x)
        for number in (1, 2):
            x = layers.Dense(hidden_dim, "relu", name=f"hidden{number}")(x)
        outputs = {
            "rpn_codes": codes,
            "rpn_logits": logits,
            "proposals": proposals,
            "codes": layers.Dense(4, kernel_initializer=_small(), name="codes")(x),
            "logits": layers.Dense(num_classes + 1, kernel_initializer=_small(), name="logits")(x),
        }
        super().__init__(inputs, outputs, **kwargs)
        self.image_shape, self.num_classes, self.anchors = tuple(image_shape), num_classes, anchors
        self.pyramid_outputs = maps
        self.suppression = {
            "score_threshold": score_threshold,
            "iou_threshold": iou_threshold,
            "max_detections": max_detections,
            "max_candidates": num_proposals,
        }

    def detection_loss(self, truth: Mapping, outputs: Mapping) -> tf.Tensor:
        objects = truth | {"labels": tf.minimum(truth["labels"], 0)}  # one class, "object"
        first = assign_targets(self.anchors, objects, positive=0.5, negative=0.3)
        entropy = tf.nn.sigmoid_cross_entropy_with_logits(
            tf.cast(first["labels"] >= 0, tf.float32), outputs["rpn_logits"][..., 0]
        )
        loss = _stage_loss(first, outputs["rpn_codes"], entropy)
        real = area(outputs["proposals"]) > 0
        boxes = tf.where(real[..., None], outputs["proposals"], tf.constant([0.0, 0, 1, 1]))
        second = assign_targets(boxes, truth, positive=0.5, negative=0.5, own_anchor=False)
        second["labels"] = tf.where(real, second["labels"], -2)
        classes = tf.where(second["labels"] >= 0, second["labels"], self.num_classes)
        entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, outputs["logits"])
        return loss + _stage_loss(second, outputs["codes"], entropy)

    def decode(self, outputs: Mapping) -> dict[str, tf.Tensor]:
        outputs = tf.nest.map_structure(lambda y: tf.cast(y, tf.float32), outputs)
        proposals = outputs["proposals"]
        boxes = clip(decode(outputs["codes"], proposals), self.image_shape)
        scores = tf.nn.softmax(outputs["logits"])[..., :-1]
        scores = tf.where((area(proposals) > 0)[..., None], scores, 0.0)
        return non_max_suppression(boxes, scores, **self.suppression)


def _region_proposals(maps: Mapping, filters: int, per_place: int) -> tuple:
    """Codes (B, A, 4) and logits (B, A, 1): one small network for all maps."""
    look = layers.Conv2D(filters, 3, padding="same", activation="relu", name="rpn")
    prior = keras.initializers.Constant(-math.log(99))  # at first: an object at one in a hundred
    say = {
        4: layers.Conv2D(4 * per_place, 1, kernel_initializer=_small(), name="rpn_codes"),
        1: layers.Conv2D(
            per_place, 1, kernel_initializer=_small(), bias_initializer=prior, name="rpn_logits"
        ),
    }
    found = {4: [], 1: []}
    for x in maps.values():
        x = look(x)
        for numbers, layer in say.items():
            found[numbers].append(layers.Reshape((-1, numbers))(layer(x)))
    return tuple(layers.Concatenate(axis=1)(found[numbers]) for numbers in say)


def _small() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.01)


def _stage_loss(targets: Mapping, codes, class_loss) -> tf.Tensor:
    """Loss of classes and boxes of each picture, per box with an object."""
    labels = targets["labels"]
    counts = (labels >= 0) | hard_negatives(class_loss, labels)
    return loss_per_object(class_loss, smooth_l1(targets["codes"], codes), labels, counts)
