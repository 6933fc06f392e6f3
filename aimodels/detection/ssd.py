"""SSD: one network, one look, and at each place of its maps some boxes with their classes."""

import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from aimodels.checks import check_positive_int
from aimodels.detection.anchors import pyramid_anchors
from aimodels.detection.boxes import clip, decode
from aimodels.detection.detector import Detector
from aimodels.detection.losses import (
    focal_loss,
    giou_loss,
    hard_negatives,
    loss_per_object,
    smooth_l1,
)
from aimodels.detection.matching import assign_targets
from aimodels.detection.pyramid import conv_block, feature_pyramid, pyramid_maps, strides_of
from aimodels.detection.suppression import non_max_suppression

PRIOR = 0.01  # what an untrained detector believes: no object here


@keras.saving.register_keras_serializable("aimodels")
class SSD(Detector):
    r"""A one-stage detector: at every place of a pyramid of maps, boxes relative to anchors.

    With A anchors in all and K classes the network gives codes (A, 4) and logits (A, K). Each
    anchor learns what `assign_targets` says; with P the anchors that have an object,

    $$ L = \frac{1}{\max(|P|, 1)} \Big( \sum_{a} L_{\text{class}}(a)
           + w \sum_{a \in P} L_{\text{box}}(a) \Big) $$

    Args:
        image_shape: (height, width, channels), fixed numbers.
        num_classes: number of classes, K.
        backbone: model with `pyramid_outputs`, a dict of maps from fine to coarse, such as
            {"P3": ..., "P4": ...}; None makes a small network for small pictures, strides 4 and 8.
        anchor_sizes: side of a square anchor in pixels, one per map; 4 strides if None.
        scales: factors of the size.
        aspect_ratios: height / width of the anchors.
        pyramid_filters: channels of a `feature_pyramid` over the maps; None leaves them as they
            are: the fine ones do not know then what the coarse ones saw.
        head_filters: number of filters of the convolution before the outputs of each map.
        class_loss: "focal", or "hard_negatives": cross-entropy of the anchors with an object and
            of three times as many that are wrong most.
        box_loss: "smooth_l1" of the codes, or "giou" of the boxes.
        box_weight: $w$.
        positive: least IoU of an anchor and a box for a match.
        negative: IoU below which an anchor is background.
        score_threshold: least confidence of a box that `detect` returns.
        iou_threshold: of two boxes of one class with a larger IoU the worse one goes.
        max_detections: number of boxes per picture that `detect` returns, at most.
        max_candidates: number of boxes that compete in each class. One object may have dozens of
            anchors, so with too few of them the objects that are less sure are lost.
        **kwargs: passed to `train.Model`, such as `name`.

    Input shape: (B, H, W, C), pixels as the backbone wants them; of order one for the small one.
    Output shape: `codes` (B, A, 4) and `logits` (B, A, K); `detect` and `predict` give boxes.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [liu2016ssd]; the focal loss [lin2017focal].

    Example:
        >>> model = SSD((64, 64, 1), num_classes=10)
        >>> {name: y.shape[1:] for name, y in model(np.zeros((2, 64, 64, 1))).items()}
        {'codes': TensorShape([1920, 4]), 'logits': TensorShape([1920, 10])}
        >>> found = model.predict(np.zeros((2, 64, 64, 1)), verbose=0)
        >>> found["boxes"].shape, found["num_detections"].tolist()
        ((2, 100, 4), [0, 0])
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_classes: int,
        backbone: keras.Model | None = None,
        anchor_sizes: Sequence[float] | None = None,
        scales: Sequence[float] = (1.0, 2**0.5),
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        pyramid_filters: int | None = None,
        head_filters: int = 64,
        class_loss: str = "focal",
        box_loss: str = "smooth_l1",
        box_weight: float = 1.0,
        positive: float = 0.5,
        negative: float = 0.4,
        score_threshold: float = 0.05,
        iou_threshold: float = 0.5,
        max_detections: int = 100,
        max_candidates: int = 400,
        **kwargs,
    ):
        check_positive_int(
            num_classes=num_classes,
            head_filters=head_filters,
            max_detections=max_detections,
            max_candidates=max_candidates,
        )
        if class_loss not in ("focal", "hard_negatives"):
            raise ValueError(f'class_loss must be "focal" or "hard_negatives"; got {class_loss!r}')
        if box_loss not in ("smooth_l1", "giou"):
            raise ValueError(f'box_loss must be "smooth_l1" or "giou"; got {box_loss!r}')
        if pyramid_filters is not None:
            check_positive_int(pyramid_filters=pyramid_filters)
        inputs, maps = pyramid_maps(image_shape, backbone)
        strides = strides_of(image_shape, maps)
        levels = feature_pyramid(maps, pyramid_filters) if pyramid_filters else maps
        anchors = pyramid_anchors(image_shape, strides, anchor_sizes, scales, aspect_ratios)
        per_place = len(scales) * len(aspect_ratios)
        outputs = {"codes": [], "logits": []}
        for level, x in levels.items():
            x = conv_block(x, head_filters, f"{level}_head")
            for name, numbers, bias in (
                ("codes", 4, 0.0),
                ("logits", num_classes, -math.log((1 - PRIOR) / PRIOR)),
            ):
                y = layers.Conv2D(
                    per_place * numbers,
                    3,
                    padding="same",
                    kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                    bias_initializer=keras.initializers.Constant(bias),
                    name=f"{level}_{name}",
                )(x)
                outputs[name].append(layers.Reshape((-1, numbers))(y))
        super().__init__(
            inputs,
            {
                name: layers.Concatenate(axis=1, name=name)(parts) if len(parts) > 1 else parts[0]
                for name, parts in outputs.items()
            },
            **kwargs,
        )
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.pyramid_outputs = maps
        self.class_loss, self.box_loss, self.box_weight = class_loss, box_loss, box_weight
        self.matching = {"positive": positive, "negative": negative}
        self.suppression = {
            "score_threshold": score_threshold,
            "iou_threshold": iou_threshold,
            "max_detections": max_detections,
            "max_candidates": max_candidates,
        }
        self.anchors = anchors
        assign_targets(  # bad thresholds are refused now
            anchors, {"boxes": np.zeros((1, 1, 4)), "labels": [[-1]]}, positive, negative
        )

    def detection_loss(self, truth: Mapping, outputs: Mapping) -> tf.Tensor:
        targets = assign_targets(self.anchors, truth, **self.matching)
        labels = targets["labels"]
        y_true = tf.one_hot(labels, self.num_classes)
        if self.class_loss == "focal":
            class_loss = focal_loss(y_true, outputs["logits"])
            counts = labels > -2
        else:
            entropy = tf.nn.sigmoid_cross_entropy_with_logits(y_true, outputs["logits"])
            class_loss = tf.reduce_sum(entropy, axis=-1)
            counts = (labels >= 0) | hard_negatives(class_loss, labels)
        if self.box_loss == "giou":
            pair = (decode(codes, self.anchors) for codes in (targets["codes"], outputs["codes"]))
            box_loss = giou_loss(*pair)
        else:
            box_loss = smooth_l1(targets["codes"], outputs["codes"])
        return loss_per_object(class_loss, self.box_weight * box_loss, labels, counts)

    def decode(self, outputs: Mapping) -> dict[str, tf.Tensor]:
        outputs = tf.nest.map_structure(lambda y: tf.cast(y, tf.float32), outputs)
        boxes = clip(decode(outputs["codes"], self.anchors), self.image_shape)
        return non_max_suppression(boxes, tf.sigmoid(outputs["logits"]), **self.suppression)
