"""What all detectors share: they learn from boxes and labels, and predict boxes."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from aimodels.detection.truth import check_truth, dense
from aimodels.train import Model


class Detector(Model):
    """A model that is trained with `{"boxes", "labels"}` and brings its own loss.

    A subclass has `image_shape`, `num_classes`, and `pyramid_outputs`, the maps it looks at; and
    two methods: `detection_loss`, of each picture, and `decode`, from its raw outputs to boxes.
    """

    def detection_loss(self, truth: Mapping, outputs: Mapping) -> tf.Tensor:
        """The loss of each picture, (B,)."""
        raise NotImplementedError

    def decode(self, outputs: Mapping) -> dict[str, tf.Tensor]:
        """Raw outputs -> what `detect` returns."""
        raise NotImplementedError

    def detect(self, images) -> dict[str, tf.Tensor]:
        """Find the objects in pictures: network, decoding and suppression, one program under XLA.

        Args:
            images: (B, H, W, C), as for the model itself.

        Returns:
            `boxes` (B, D, 4), "xyxy" in pixels; `confidence` (B, D); `labels` int32 (B, D), -1
            behind the last; `num_detections` int32 (B,).
        """
        return self.decode(self(images, training=False))

    def without_backbone(self) -> "Detector":
        """What stands behind the backbone, as a detector from a list of maps, sharing all layers.

        Where the backbone stays as it was published, its maps need to be computed only once: with
        `backbone` the one that the detector was made from and `levels` its maps, fine to coarse,

            maps = keras.Model(backbone.inputs, levels).predict(images)
            detector.without_backbone().fit(maps, truth)

        trains the detector, several times faster.
        """
        part = Detector(list(self.pyramid_outputs.values()), self.output)
        part.image_shape, part.num_classes = self.image_shape, self.num_classes
        part.detection_loss, part.decode = self.detection_loss, self.decode
        return part

    def compile(self, optimizer="adam", loss=None, **kwargs) -> None:
        """As `train.Model.compile`; the loss is the detector's own.

        Raises:
            ValueError: if a loss is given.
        """
        if loss is not None or kwargs.get("metrics"):
            raise ValueError(
                f"{type(self).__name__} brings its own loss, and mean average precision is measured"
                " afterwards: compile it with an optimizer, without loss and metrics"
            )
        super().compile(optimizer, **kwargs)

    def fit(self, x=None, y=None, *args, **kwargs):
        """As `train.Model.fit`; `y` is `{"boxes": (B, M, 4), "labels": (B, M)}`.

        Args:
            x: pictures, or a dataset or generator of pairs of pictures and truths.
            y: padded arrays, ragged tensors, or lists with one entry per picture.
            *args: as in Keras.
            **kwargs: as in Keras.

        Raises:
            ValueError: if a truth is none: see `check_truth`.
        """
        if isinstance(held_out := kwargs.get("validation_data"), tuple | list):
            kwargs["validation_data"] = (*self._checked(*held_out[:2]), *held_out[2:])
        elif held_out is not None:
            kwargs["validation_data"] = self._checked(held_out, None)[0]
        return super().fit(*self._checked(x, y), *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """As `keras.Model.evaluate`: the mean loss; truths as in `fit`."""
        return super().evaluate(*self._checked(x, y), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """As `keras.Model.predict`; it returns what `detect` does, as arrays.

        Raises:
            ValueError: if the pictures are not of the model's shape, or integers of 16 bits.
        """
        return super().predict(check_images(x, self.inputs[0].shape[1:]), *args, **kwargs)

    def _checked(self, x, y):
        x = check_images(x, self.inputs[0].shape[1:])
        if y is not None:
            return x, check_truth(y, self.image_shape, self.num_classes)
        if isinstance(x, tf.data.Dataset):
            x = x.map(lambda images, truth, *weights: (images, dense(truth), *weights))
        return x, y

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = dense(y)
        with tf.control_dependencies(self._assertions(y)):
            truth = {
                "boxes": tf.cast(y["boxes"], tf.float32),
                "labels": tf.cast(y["labels"], tf.int32),
            }
        losses = self.detection_loss(truth, tf.nest.map_structure(_float32, y_pred))
        if sample_weight is not None:  # Keras gives boxes and labels one each, the same
            losses *= tf.cast(tf.nest.flatten(sample_weight)[0], losses.dtype)
        return tf.reduce_mean(losses) + sum(map(_float32, self.losses))

    def _assertions(self, truth) -> list:
        """For data that `check_truth` did not see; XLA leaves them out."""
        boxes, labels = truth["boxes"], truth["labels"]
        real = labels >= 0
        height, width = self.image_shape[:2]
        inside = (boxes >= 0) & (boxes <= tf.cast([width, height] * 2, boxes.dtype))
        fine = tf.reduce_all(inside, -1) & tf.reduce_all(boxes[..., 2:] > boxes[..., :2], -1)
        fine &= tf.cast(labels, tf.int32) < self.num_classes
        message = (
            "a box lies outside its picture or has no area, or a label is too large: look for it "
            "with aimodels.detection.check_truth"
        )
        return [tf.debugging.Assert(tf.reduce_all(fine | ~real), [message])]

    def predict_step(self, data):
        images = data[0] if isinstance(data, tuple) else data
        return self.detect(images)


def check_images(images, image_shape: Sequence[int]):
    """Refuse arrays that are no pictures of this shape; datasets and the like pass.

    Args:
        images: array or tensor (B, H, W, C); of one channel also (B, H, W).
        image_shape: (H, W, C).

    Returns:
        The pictures, (B, H, W, C).

    Raises:
        ValueError: if the shape is another one, there is no picture, or they are of 16 bits.

    Example:
        >>> check_images(np.zeros((2, 8, 8), "uint8"), (8, 8, 1)).shape
        (2, 8, 8, 1)
        >>> check_images(np.zeros((2, 8, 8), "uint8"), (8, 8, 3))
        Traceback (most recent call last):
        ...
        ValueError: images must be (B, 8, 8, 3); got (2, 8, 8)
    """
    if not isinstance(images, np.ndarray | tf.Tensor):
        return images
    if tuple(images.shape[1:]) == tuple(image_shape[:2]) and image_shape[2] == 1:
        images = images[..., None]
    if tuple(images.shape[1:]) != tuple(image_shape):
        raise ValueError(
            f"images must be (B, {', '.join(map(str, image_shape))}); got {tuple(images.shape)}"
        )
    if images.shape[0] == 0:
        raise ValueError("there is no picture: images has 0 rows")
    if images.dtype in (np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        raise ValueError(
            f"images are of {images.dtype}, such as pictures of 16 bits have: scale them as those "
            "that the model is trained with, for example images / 65535"
        )
    return images


def _float32(value):
    return tf.cast(value, tf.float32)
