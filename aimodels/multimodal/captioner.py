"""Captions: an encoder looks at a picture, and a Transformer's decoder says what it shows."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from aimodels.checks import check_positive_int, check_rate
from aimodels.layers import PositionEmbedding
from aimodels.train import Model
from aimodels.transformer import CachedDecoder, decoder_logits


@keras.saving.register_keras_serializable("aimodels")
class Captioner(CachedDecoder, Model):
    r"""Pictures and target ids (B, T) -> logits of each next token, (B, T, V).

    The decoder is that of a `Transformer`; its memory are the places of the picture, each with a
    vector for where it is:

    $$ m_s = W f(x)_s + b + P_s, \qquad
       p(y_t \mid y_{<t}, x) = \mathrm{softmax}(\mathrm{decoder}(y_{<t}, m))_{y_t} $$

    A target begins with a start token and closes with an end token; the model reads it without the
    last one and learns it without the first. `decoding.greedy` and `decoding.beam_search` write
    captions with it.

    Args:
        image_encoder: $f$, a model from pictures of one size to vectors of places: (B, N, C), such
            as a `ViT`, a map (B, H, W, C), such as a convolutional network's, or one vector (B, C).
        vocabulary_size: V, number of token ids, of which 0 is padding.
        hidden_dim: D, size of each vector of the decoder.
        num_heads: number of attention heads per block; it must divide D.
        num_layers: number of the decoder's blocks.
        intermediate_dim: number of units of each block's first dense layer; 4 D if None.
        dropout: dropout rate of the decoder, in [0, 1).
        max_sequence_length: largest T.
        **kwargs: arguments of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range, or the encoder has other inputs or outputs.

    Reference:
        [vinyals2015], with a Transformer in the place of the LSTM.

    Example:
        >>> from aimodels.decoding import greedy
        >>> from aimodels.vit import ViT
        >>> encoder = ViT((8, 8, 3), patch_size=4, hidden_dim=16, num_heads=2, num_layers=1)
        >>> model = Captioner(encoder, 20, hidden_dim=16, num_heads=2, num_layers=1)
        >>> images = np.zeros((2, 8, 8, 3), "float32")
        >>> model((images, np.array([[2, 5, 6], [2, 7, 0]]))).shape
        TensorShape([2, 3, 20])
        >>> ids, scores = greedy(model, images, max_length=4)
        >>> ids.shape
        TensorShape([2, 4])
        >>> model.attention_weights((images, ids))["cross"].shape
        (1, 2, 2, 4, 5)
    """

    def __init__(
        self,
        image_encoder: keras.Model,
        vocabulary_size: int,
        hidden_dim: int = 128,
        num_heads: int = 4,
        num_layers: int = 2,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 32,
        **kwargs,
    ):
        check_positive_int(
            vocabulary_size=vocabulary_size,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            max_sequence_length=max_sequence_length,
        )
        check_rate(dropout=dropout)
        if len(image_encoder.inputs) != 1 or len(image_encoder.outputs) != 1:
            raise ValueError("image_encoder must have one input and one output")
        *places, channels = image_encoder.output_shape[1:]
        if None in (*places, channels):
            raise ValueError(
                "image_encoder must read pictures of one size; its output has the shape "
                f"{image_encoder.output_shape}"
            )
        number = int(np.prod(places))
        image = image_encoder.input
        x = layers.Reshape((number, channels), name="places")(image_encoder(image))
        x = layers.Dense(hidden_dim, name="memory")(x)  # (B, N, D)
        x = PositionEmbedding(number, learned=True, name="place_embedding")(x)
        encoder = keras.Model(image, [x, ops.ones_like(x[..., 0], "bool")], name="encoder")

        target = keras.Input((None,), dtype="int32", name="target")
        logits = decoder_logits(
            *(target, *encoder(image), vocabulary_size, num_layers, max_sequence_length),
            num_heads=num_heads,
            intermediate_dim=4 * hidden_dim if intermediate_dim is None else intermediate_dim,
            normalize_first=True,
            activation="gelu",
            dropout=dropout,
        )
        super().__init__([image, target], logits, **kwargs)

    @property
    def source_spec(self) -> tf.TensorSpec:
        """What `decoding.greedy` and `decoding.beam_search` accept as the source: pictures."""
        return tf.TensorSpec(self.inputs[0].shape, tf.float32)

    def attention_weights(self, inputs) -> dict[str, np.ndarray]:
        """Where each head of each layer looks, for pictures and target ids as in training.

        Returns:
            "decoder" (L, B, N, T, T) and "cross" (L, B, N, T, S): in the row of a token, how much
            of each place goes into the guess of the token after it. The S places of a map
            (H, W, C) are in order of its rows, so a reshape to (H, W) is a picture of them.
        """
        images, target = inputs
        memory, mask = self.get_layer("encoder")(ops.convert_to_tensor(images, "float32"))
        found = self._decoder_attention(ops.convert_to_tensor(target, "int32"), memory, mask)
        return {name: np.array(weights) for name, weights in found.items()}
