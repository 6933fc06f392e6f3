"""Models of frames: what they do with a mask, and with a batch of no utterance."""

import keras
import tensorflow as tf

from aimodels.train import Model
from aimodels.train.keras_internals import get_mask, set_mask


class NeverEmpty(Model):
    """Of no example it makes no output, where TensorFlow's layers would fail.

    One of several replicas may get no example of a last batch. oneDNN gives the convolution of an
    empty batch the shape of its input, and ends the process at the gradient of its pooling; Keras's
    LSTM fails, too. So a row of zeros goes through the network, and its output is left out.
    """

    def call(self, inputs, training=None, mask=None):
        size = keras.tree.flatten(inputs)[0].shape[0]
        if size:  # known before it runs
            return super().call(inputs, training=training, mask=mask)
        count = tf.shape(keras.tree.flatten(inputs)[0])[0]
        inputs, mask = keras.tree.map_structure(_one_at_least, (inputs, mask))
        outputs = super().call(inputs, training=training, mask=mask)
        return keras.tree.map_structure(lambda y: _first(y, count), outputs)


class FrameModel(NeverEmpty):
    """A model that takes the mask of its features; its layers give one to its output."""

    def __init__(self, features, outputs, **kwargs):
        super().__init__(features, outputs, **kwargs)
        self.supports_masking = True

    def compute_mask(self, inputs, previous_mask=None) -> None:
        return None


def _one_at_least(x):
    """With one row of zeros if there is none; None stays."""
    if x is None:
        return None
    missing = tf.cast(tf.equal(tf.shape(x)[0], 0), tf.int32)
    return tf.concat([x, tf.zeros(tf.concat([[missing], tf.shape(x)[1:]], 0), x.dtype)], 0)


def _first(y, count):
    """The first rows, with their mask."""
    mask = get_mask(y)
    return y[:count] if mask is None else set_mask(y[:count], mask[:count])
