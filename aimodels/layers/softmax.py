"""Softmax over the positions that a mask allows, and merging several masks into one."""

import tensorflow as tf
from keras import ops


def masked_softmax(scores, mask=None):
    r"""Softmax over the last axis where `mask` is True; exactly 0 elsewhere.

    $$ \alpha_{ts} = \frac{m_{ts} \exp e_{ts}}{\sum_{s'} m_{ts'} \exp e_{ts'}} $$

    Args:
        scores: $e$, (..., S), float32 or float64: the exponentials of half-precision numbers are
            too coarse to add up.
        mask: $m$, boolean, of a shape that broadcasts to that of `scores`; None masks nothing.

    Returns:
        Weights of the shape of `scores`. A row sums to 1; a row whose mask is False everywhere is
        all zeros.

    Example:
        >>> import numpy as np
        >>> masked_softmax(np.zeros((2, 2)), np.array([[True, False], [False, False]])).numpy()
        array([[1., 0.],
               [0., 0.]])
    """
    # TensorFlow's softmax: that of Keras warns where there is only one place to look at.
    if mask is None:
        return tf.nn.softmax(scores)
    weights = tf.nn.softmax(ops.where(mask, scores, -1e30))
    return ops.where(mask, weights, 0.0)  # also where nothing may be looked at


def merge_masks(query_mask=None, value_mask=None, key_mask=None, attention_mask=None):
    """One mask for attention scores from those that Keras's attention layers accept.

    Args:
        query_mask: (B, T), False at queries that are padding.
        value_mask: (B, S), False at values that are padding.
        key_mask: (B, S), False at keys that are padding.
        attention_mask: (B, T, S), False where a query may not look at a key; (B, 1, S) and (T, S)
            are broadcast.

    Returns:
        Boolean (B, T, S), or what broadcasts to it, True where every mask is True; None if all
        masks are None.

    Example:
        >>> import numpy as np
        >>> merge_masks(
        ...     query_mask=np.array([[True, False]]), value_mask=np.array([[True, True, False]])
        ... ).numpy().astype(int)
        array([[[1, 1, 0],
                [0, 0, 0]]])
    """
    masks = [
        None if query_mask is None else ops.cast(query_mask, "bool")[:, :, None],
        None if value_mask is None else ops.cast(value_mask, "bool")[:, None],
        None if key_mask is None else ops.cast(key_mask, "bool")[:, None],
        None if attention_mask is None else _batched(ops.cast(attention_mask, "bool")),
    ]
    merged = None
    for mask in masks:
        if mask is not None:
            merged = mask if merged is None else ops.logical_and(merged, mask)
    return merged


def _batched(mask):
    """The mask with the batch axis that it may lack: without it, rows would be examples."""
    return mask[None] if len(mask.shape) == 2 else mask
