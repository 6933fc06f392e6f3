"""CLIP: an encoder of pictures and one of texts learn to agree on what belongs together."""

import keras
import numpy as np
from keras import layers, ops

from aimodels.checks import check_positive_int, check_positive_number
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class CLIP(Model):
    r"""Pictures and texts, B of each -> their vectors, (B, 2, P).

    $$ u_i = \frac{U f(x_i)}{\lVert U f(x_i) \rVert}, \qquad
       v_j = \frac{V g(t_j)}{\lVert V g(t_j) \rVert}, \qquad
       z_{ij} = e^\tau u_i \cdot v_j $$

    The outputs are $e^\tau u_i$ and $v_i$, for `ContrastiveLoss`, which compares every picture of a
    batch with every text of it. The scale $e^\tau$ is learned as well, up to 100.

    Args:
        image_encoder: $f$, a model from pictures to one vector each, (B, D), or to several,
            (B, N, D), of which the first is taken, as the class token of a `ViT`.
        text_encoder: $g$, a model from texts to vectors in the same way, such as a `TextEncoder`.
        projection_dim: P, size of the common vectors.
        temperature: $e^{-\tau}$ at the beginning.
        **kwargs: arguments of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range, or an encoder has other inputs or outputs.

    Reference:
        [radford2021clip].

    Example:
        >>> from aimodels.multimodal import TextEncoder
        >>> from aimodels.vit import ViT
        >>> image_encoder = ViT((8, 8, 3), None, 4, hidden_dim=16, num_heads=2, num_layers=1)
        >>> text_encoder = TextEncoder(20, hidden_dim=16, num_heads=2, num_layers=1)
        >>> model = CLIP(image_encoder, text_encoder, projection_dim=8)
        >>> images, names = np.zeros((2, 8, 8, 3), "float32"), np.array([[5, 6, 0], [7, 8, 9]])
        >>> model((images, names)).shape
        TensorShape([2, 2, 8])
        >>> model.similarity(images, names).shape
        (2, 2)
    """

    def __init__(
        self,
        image_encoder: keras.Model,
        text_encoder: keras.Model,
        projection_dim: int = 128,
        temperature: float = 0.07,
        **kwargs,
    ):
        check_positive_int(projection_dim=projection_dim)
        check_positive_number(temperature=temperature)
        image, u = self._vectors(image_encoder, "image", projection_dim)
        text, v = self._vectors(text_encoder, "text", projection_dim)
        u = Scale(1 / temperature, name="scale")(u)
        super().__init__([image, text], ops.stack([u, v], axis=1), **kwargs)

    @staticmethod
    def _vectors(encoder, name, projection_dim):
        """The encoder's input and its unit vectors (B, P)."""
        if len(encoder.inputs) != 1 or len(encoder.outputs) != 1:
            raise ValueError(f"{name}_encoder must have one input and one output")
        x = encoder(encoder.input)
        if len(x.shape) not in (2, 3) or x.shape[-1] is None:
            raise ValueError(
                f"{name}_encoder must return vectors, (B, D) or (B, N, D); got {tuple(x.shape)}"
            )
        x = x[:, 0] if len(x.shape) == 3 else x
        x = layers.Dense(projection_dim, use_bias=False, name=f"{name}_projection")(x)
        return encoder.input, layers.UnitNormalization(dtype="float32", name=f"{name}_vectors")(x)

    def embed_images(self, images, batch_size: int = 64) -> np.ndarray:
        """Unit vectors $u$ of pictures, (number, P)."""
        return self._embed("image", images, batch_size)

    def embed_texts(self, texts, batch_size: int = 64) -> np.ndarray:
        """Unit vectors $v$ of texts, (number, P)."""
        return self._embed("text", texts, batch_size)

    def _embed(self, name, inputs, batch_size):
        check_positive_int(batch_size=batch_size)
        inputs, number = np.asarray(inputs), ("image", "text").index(name)
        part = keras.Model(self.inputs[number], self.get_layer(f"{name}_vectors").output)
        batches = range(0, max(len(inputs), 1), batch_size)
        vectors = [part(inputs[i : i + batch_size], training=False) for i in batches]
        return ops.convert_to_numpy(ops.concatenate(vectors))

    def similarity(self, images, texts) -> np.ndarray:
        """Cosine of every picture with every text: any number of each, (images, texts)."""
        return self.embed_images(images) @ self.embed_texts(texts).T


@keras.saving.register_keras_serializable("aimodels")
class Scale(layers.Layer):
    r"""Multiplies by $e^\tau$, with a learned $\tau$ that begins at the logarithm of `initial`.

    Like [radford2021clip] it multiplies by 100 at most: beyond that, training is not stable.

    Example:
        >>> Scale(initial=2.0)(ops.ones((1, 2))).numpy().round(4).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, initial: float = 1.0, **kwargs):
        check_positive_number(initial=initial)
        super().__init__(**kwargs)
        self.initial = float(initial)

    def build(self, x_shape):
        start = keras.initializers.Constant(np.log(self.initial))
        self.tau = self.add_weight((), start, name="tau")

    def get_config(self) -> dict:
        return {**super().get_config(), "initial": self.initial}

    def call(self, x):
        return x * ops.cast(ops.exp(ops.minimum(self.tau, np.log(100.0))), x.dtype)


@keras.saving.register_keras_serializable("aimodels")
class ContrastiveLoss(keras.losses.Loss):
    r"""Cross-entropy from pictures to texts and from texts to pictures, over all pairs of a batch.

    $$ L_i = -\frac{1}{2} \sum_j p_{ij} \left(
           \log \frac{e^{z_{ij}}}{\sum_k e^{z_{ik}}} + \log \frac{e^{z_{ji}}}{\sum_k e^{z_{ki}}}
       \right), \qquad p_{ij} = \frac{[y_i = y_j]}{\sum_k [y_i = y_k]} $$

    With a different $y$ for each pair this is the loss of [radford2021clip]. Two pictures of the
    same thing have the same $y$, so the name of one is right for the other as well.

    Call arguments:
        y_true: $y$, (B,) whole numbers below 2**24: what each pair shows.
        y_pred: (B, 2, P), from `CLIP`; $z$ is made of it.

    Example:
        >>> vectors = np.eye(3, dtype="float32")[:, None].repeat(2, axis=1)
        >>> float(ContrastiveLoss()(np.arange(3), 100 * vectors)), ContrastiveLoss().name
        (0.0, 'contrastive_loss')
    """

    def __init__(self, name: str = "contrastive_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        logits = ops.matmul(y_pred[:, 0], ops.transpose(y_pred[:, 1]))  # (B, B)
        y = ops.reshape(y_true, (-1,))
        same = ops.cast(y[:, None] == y, logits.dtype)
        p = same / ops.sum(same, axis=1, keepdims=True)
        images_to_texts = ops.sum(p * ops.log_softmax(logits, axis=1), axis=1)
        texts_to_images = ops.sum(p * ops.log_softmax(ops.transpose(logits), axis=1), axis=1)
        return -(images_to_texts + texts_to_images) / 2
