"""The Transformer: blocks around attention, positions, encoder and decoder.

`TransformerBlock` is the one block of chapters 11 to 13: an encoder's, a decoder's (`cross`), a
GPT's (`causal`, `normalize_first`). References: [vaswani2017]; normalisation first: [radford2019].
"""

import functools

import keras
import numpy as np
from keras import layers, ops

from aimodels.arguments import whole
from aimodels.attention import MultiHeadAttention, fresh
from aimodels.training import Model


@keras.saving.register_keras_serializable("aimodels")
class TransformerBlock(layers.Layer):
    r"""Attention, then two dense layers, each with a residual connection and a normalisation.

    $$ \mathrm{norm}(x + f(x)) \qquad\text{or, with normalize\_first,}\qquad
       x + f(\mathrm{norm}(x)) $$

    Args:
        num_heads: of each attention.
        intermediate_dim: width between the two dense layers.
        causal: position t sees 0 to t alone.
        cross: a second attention looks at a memory, an encoder's output.
        normalize_first: as in [radford2019]; else as in [vaswani2017].
        activation: between the two dense layers.
        dropout: share of weights, and of what each part adds, that is dropped in training.
        layer_norm_epsilon: added to the variance.
        kernel_initializer: for all kernels.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: (B, T, D).
        memory: (B, S, D), with `cross`.
        attention_mask: where attention may look in x, as in `MultiHeadAttention`.
        memory_mask: where it may look in the memory.
        cache, index: of the attention to x, as there.
        return_attention_scores: return the weights as well.

    Returns:
        (B, T, D); then, where they are asked for, the weights of the attention to x, with `cross`
        those to the memory, and the new cache.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> TransformerBlock(2, 32)(keras.random.normal((2, 5, 8))).shape
        TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        causal: bool = False,
        cross: bool = False,
        normalize_first: bool = False,
        activation="relu",
        dropout: float = 0.0,
        layer_norm_epsilon: float = 1e-5,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        given = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        whole(num_heads=num_heads, intermediate_dim=intermediate_dim)
        super().__init__(**kwargs)
        self.given, self.causal, self.normalize_first = given, causal, normalize_first
        self.supports_masking = True

        def norm(name):
            return layers.LayerNormalization(
                epsilon=layer_norm_epsilon, name=name, dtype=self.dtype_policy
            )

        def attention(name):
            return MultiHeadAttention(
                num_heads, dropout, kernel_initializer, name=name, dtype=self.dtype_policy
            )

        def dense(*arguments, name):
            initializer, dtype = fresh(kernel_initializer), self.dtype_policy
            return layers.Dense(*arguments, kernel_initializer=initializer, name=name, dtype=dtype)

        self.attention, self.attention_norm = attention("attention"), norm("attention_norm")
        if cross:
            self.cross, self.cross_norm = attention("cross"), norm("cross_norm")
        self.inner = dense(intermediate_dim, activation, name="inner")
        self.make_outer, self.feed_norm = functools.partial(dense, name="outer"), norm("feed_norm")
        self.dropout = layers.Dropout(dropout, dtype=self.dtype_policy)

    def build(self, x_shape, memory_shape=None):
        self.attention.build(x_shape)
        self.attention_norm.build(x_shape)
        if self.given["cross"]:
            self.cross.build(x_shape, memory_shape or x_shape)
            self.cross_norm.build(x_shape)
        self.inner.build(x_shape)
        self.outer = self.make_outer(x_shape[-1])
        self.outer.build((*x_shape[:-1], self.inner.units))
        self.feed_norm.build(x_shape)

    def compute_mask(self, *args, **kwargs):
        return None

    def get_config(self) -> dict:
        return {**super().get_config(), **self.given}

    def call(
        self,
        x,
        memory=None,
        attention_mask=None,
        memory_mask=None,
        cache=None,
        index=0,
        return_attention_scores=False,
        training=None,
    ):
        weights, new = [], []

        def residual(x, norm, part):
            y = self.dropout(part(norm(x) if self.normalize_first else x), training=training)
            return x + y if self.normalize_first else norm(x + y)

        def look(h):
            y = self.attention(
                h,
                attention_mask=attention_mask,
                use_causal_mask=self.causal,
                cache=cache,
                index=index,
                return_attention_scores=True,
                training=training,
            )
            new.extend(y[2:])
            weights.append(y[1])
            return y[0]

        def look_at_memory(h):
            y, found = self.cross(
                h,
                memory,
                attention_mask=memory_mask,
                return_attention_scores=True,
                training=training,
            )
            weights.append(found)
            return y

        x = residual(x, self.attention_norm, look)
        if self.given["cross"]:
            x = residual(x, self.cross_norm, look_at_memory)
        x = residual(x, self.feed_norm, lambda h: self.outer(self.inner(h)))
        more = [*weights, *new] if return_attention_scores else new
        return (x, *more) if more else x


def sinusoids(length: int, width: int) -> np.ndarray:
    r"""The fixed positions of [vaswani2017], (length, width): sine and cosine in turn.

    $$ P_{t,2i} = \sin(t / 10000^{2i/D}), \qquad P_{t,2i+1} = \cos(t / 10000^{2i/D}) $$

    Example:
        >>> sinusoids(2, 4).round(4).tolist()
        [[0.0, 1.0, 0.0, 1.0], [0.8415, 0.5403, 0.01, 1.0]]
    """
    angle = np.arange(length)[:, None] / 10000 ** (np.arange(0, width, 2) / width)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, -1)[:, :width]


@keras.saving.register_keras_serializable("aimodels")
class Positions(layers.Layer):
    r"""Adds to each token's vector $e_t$, (B, T, D), a vector for its place.

    $$ \sqrt{D}\, e_t + P_t \ \text{(section 3.4 of [vaswani2017])} \qquad\text{or, learned,}\qquad
       e_t + P_t $$

    Args:
        max_length: longest T.
        learned: a table to be trained, as in [radford2018]; else `sinusoids`.
        **kwargs: passed to `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: (B, T, D).
        index: the place of the first token; or one for each row, (B,). Before 0 nothing is meant:
            such a token gets place 0.

    Raises:
        ValueError: if T is more than `max_length`.

    Example:
        >>> Positions(16)(keras.ops.zeros((1, 2, 4)))[0, 1].numpy().round(2).tolist()
        [0.8399999737739563, 0.5400000214576721, 0.009999999776482582, 1.0]
    """

    def __init__(self, max_length: int, learned: bool = False, **kwargs):
        whole(max_length=max_length)
        super().__init__(**kwargs)
        self.max_length, self.learned = max_length, learned
        self.supports_masking = True

    def build(self, x_shape):
        shape = (self.max_length, x_shape[-1])
        if self.learned:
            normal = keras.initializers.RandomNormal(stddev=0.02)
            self.table = self.add_weight(shape, normal, name="table")
        else:
            self.table = sinusoids(*shape).astype("float32")

    def get_config(self) -> dict:
        own = {"max_length": self.max_length, "learned": self.learned}
        return {**super().get_config(), **own}

    def call(self, x, index=0):
        if x.shape[1] is not None and x.shape[1] > self.max_length:
            raise ValueError(f"{x.shape[1]} tokens, at most max_length={self.max_length}")
        table, length = ops.cast(self.table, x.dtype), ops.shape(x)[1]
        if len(getattr(index, "shape", ())):
            place = ops.maximum(index[:, None] + ops.arange(length), 0)
            table = ops.take(table, place, axis=0)
        else:
            table = ops.slice(table, (index, 0), (length, x.shape[-1]))
        return table + (x if self.learned else x * x.shape[-1] ** 0.5)


@keras.saving.register_keras_serializable("aimodels")
class Transformer(Model):
    r"""Encoder and decoder of [vaswani2017].

    Args:
        source_vocabulary_size: source ids are below it.
        target_vocabulary_size: V; target ids are below it.
        width: $D$, of every token's vector.
        num_heads: of each attention.
        num_layers: blocks of the encoder, and of the decoder.
        intermediate_dim: width between a block's two dense layers, 4 D if None.
        dropout: share that is dropped in training.
        max_length: the longest source and the longest target.
        normalize_first: as in `TransformerBlock`; a last normalisation follows the blocks.
        **kwargs: passed to `training.Model`, such as `name`.

    Input shape: source ids (B, S) and target ids (B, T), in a tuple; 0 is padding.
    Output shape: (B, T, V), logits: those at t are of the token after t.

    `seq2seq.greedy` and `seq2seq.beam_search` decode with it; keys and values of earlier tokens are
    kept.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Example:
        >>> model = Transformer(20, 30, width=16, num_heads=2, num_layers=1, max_length=8)
        >>> model((np.array([[5, 6, 7, 0]]), np.array([[2, 9, 8]]))).shape
        TensorShape([1, 3, 30])
    """

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        width: int = 256,
        num_heads: int = 4,
        num_layers: int = 3,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_length: int = 128,
        normalize_first: bool = False,
        **kwargs,
    ):
        config = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        whole(
            source_vocabulary_size=source_vocabulary_size,
            target_vocabulary_size=target_vocabulary_size,
            width=width,
            num_layers=num_layers,
        )
        block = {
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim or 4 * width,
            "normalize_first": normalize_first,
            "dropout": dropout,
        }

        def last(x, name):
            return layers.LayerNormalization(epsilon=1e-5, name=name)(x) if normalize_first else x

        source = keras.Input((None,), dtype="int32", name="source")
        mask = ops.not_equal(source, 0)
        x = layers.Embedding(source_vocabulary_size, width, name="source_embedding")(source)
        x = Positions(max_length, name="source_positions")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(**block, name=f"encoder{i + 1}")(x, attention_mask=mask)
        encoder = keras.Model(source, [last(x, "encoder_norm"), mask], name="encoder")

        target = keras.Input((None,), dtype="int32", name="target")
        memory, mask = encoder(source)
        y = layers.Embedding(target_vocabulary_size, width, name="embedding")(target)
        y = Positions(max_length, name="positions")(y)
        y = layers.Dropout(dropout)(y)
        for i in range(num_layers):
            decoder = TransformerBlock(**block, causal=True, cross=True, name=f"decoder{i + 1}")
            y = decoder(y, memory, memory_mask=mask)
        logits = layers.Dense(target_vocabulary_size, dtype="float32", name="logits")
        super().__init__([source, target], logits(last(y, "decoder_norm")), **kwargs)
        self.config = config

    def _decoders(self) -> list:
        return [self.get_layer(f"decoder{i + 1}") for i in range(self.config["num_layers"])]

    def attention_weights(self, inputs) -> dict[str, np.ndarray]:
        """Where each head of each layer looks, for source and target ids as in training.

        Returns:
            "encoder" (L, B, N, S, S), "decoder" (L, B, N, T, T) and "cross" (L, B, N, T, S).
        """
        source, target = (ops.convert_to_tensor(ids, "int32") for ids in inputs)
        encoder, mask = self.get_layer("encoder"), ops.not_equal(source, 0)
        x = encoder.get_layer("source_positions")(encoder.get_layer("source_embedding")(source))
        found = {"encoder": [], "decoder": [], "cross": []}
        for i in range(self.config["num_layers"]):
            block = encoder.get_layer(f"encoder{i + 1}")
            x, weights = block(x, attention_mask=mask, return_attention_scores=True)
            found["encoder"].append(weights)
        memory, mask = encoder(source)
        y = self.get_layer("positions")(self.get_layer("embedding")(target))
        for block in self._decoders():
            y, own, cross = block(y, memory, memory_mask=mask, return_attention_scores=True)
            found["decoder"].append(own)
            found["cross"].append(cross)
        return {name: np.array(weights) for name, weights in found.items()}

    def _heads(self, x, fold=True):
        """(B, N, L, d) -> (B N, L, d), or back: a search picks and repeats rows of a batch."""
        shape = ops.shape(x)[-2:]
        return ops.reshape(x, (-1, *(() if fold else (self.config["num_heads"],)), *shape))

    def encode(self, source) -> tuple:
        """What decoding needs of the source: (memory, state), as `seq2seq.Seq2Seq.encode`."""
        memory, mask = self.get_layer("encoder")(source)
        batch, heads = ops.shape(memory)[0], self.config["num_heads"]
        shape = (batch, heads, self.config["max_length"], self.config["width"] // heads)
        state = [ops.zeros((batch,), "int32")]
        state += [ops.zeros(shape, memory.dtype) for _ in range(2 * self.config["num_layers"])]
        split = functools.partial(self._heads, fold=False)
        memories = [[*map(split, d.cross.project(memory, 1, 3))] for d in self._decoders()]
        return (mask, *memories), state

    def decode_step(self, ids, state, memory) -> tuple:
        """Last tokens (B,) -> logits of the next ones (B, V), new state."""
        (at, *caches), (mask, *memories) = state, memory
        index, new = at[0], [at + 1]
        y = self.get_layer("embedding")(ids[:, None])
        y = self.get_layer("positions")(y, index=index)
        for i, block in enumerate(self._decoders()):
            cache, keys = caches[2 * i : 2 * i + 2], [*map(self._heads, memories[i])]
            y, cache = block(
                y, keys, memory_mask=mask, cache=[*map(self._heads, cache)], index=index
            )
            new += [self._heads(x, fold=False) for x in cache]
        if self.config["normalize_first"]:
            y = self.get_layer("decoder_norm")(y)
        return self.get_layer("logits")(y)[:, 0], new


@keras.saving.register_keras_serializable("aimodels")
class SmoothedCrossentropy(keras.losses.Loss):
    r"""Cross-entropy from logits $z$ (…, V), with a share $\varepsilon$ spread over all classes.

    $$ L = -(1 - \varepsilon) \ln p_y - \frac{\varepsilon}{V} \sum_v \ln p_v, \qquad
       p = \mathrm{softmax}(z) $$

    Args:
        label_smoothing: $\varepsilon$ [szegedy2016].
        ignore_class: labels with this id count for nothing; the mean is over the others.
        **kwargs: of `keras.losses.Loss`.

    Example:
        >>> loss = SmoothedCrossentropy(0.1, ignore_class=0)
        >>> round(float(loss(np.array([[1, 0]]), np.zeros((1, 2, 4), "float32"))), 4)
        1.3863
    """

    def __init__(self, label_smoothing: float = 0.1, ignore_class: int | None = 0, **kwargs):
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"label_smoothing must be from 0 to below 1; got {label_smoothing!r}")
        super().__init__(**{"reduction": "sum_over_batch_size", **kwargs})
        self.label_smoothing, self.ignore_class = label_smoothing, ignore_class

    def call(self, y_true, y_pred):
        y, z = ops.cast(y_true, "int32"), ops.cast(y_pred, "float32")
        log_sum = ops.logsumexp(z, axis=-1)
        right = ops.take_along_axis(z, y[..., None], axis=-1)[..., 0]
        smooth = self.label_smoothing
        loss = log_sum - (1 - smooth) * right - smooth * ops.mean(z, axis=-1)
        if self.ignore_class is not None:
            valid = ops.not_equal(y, self.ignore_class)
            share = ops.mean(ops.cast(valid, "float32"))  # Keras takes the mean over all places
            loss = ops.where(valid, loss, 0.0) / ops.maximum(share, 1e-30)
        return loss

    def get_config(self) -> dict:
        own = {"label_smoothing": self.label_smoothing, "ignore_class": self.ignore_class}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("aimodels")
class WarmUp(keras.optimizers.schedules.LearningRateSchedule):
    r"""The learning rate of [vaswani2017]: it grows for `warmup_steps`, then falls with the root.

    $$ \eta_t = D^{-1/2} \min(t^{-1/2},\; t \cdot w^{-3/2}) $$

    Example:
        >>> rate = WarmUp(width=64, warmup_steps=100)
        >>> [round(float(rate(step)), 4) for step in (0, 49, 99, 399)]
        [0.0001, 0.0063, 0.0125, 0.0063]
    """

    def __init__(self, width: int, warmup_steps: int):
        whole(width=width, warmup_steps=warmup_steps)
        self.width, self.warmup_steps = width, warmup_steps

    def __call__(self, step):
        t = ops.cast(step, "float32") + 1
        return self.width**-0.5 * ops.minimum(t**-0.5, t * self.warmup_steps**-1.5)

    def get_config(self) -> dict:
        return {"width": self.width, "warmup_steps": self.warmup_steps}
