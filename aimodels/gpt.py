"""GPT: a Transformer's blocks that look back only, trained to say the next token."""

from pathlib import Path

import keras
import tensorflow as tf
from keras import layers

from aimodels.checkpoint import Checkpoint
from aimodels.checks import check_positive_int
from aimodels.layers import Positions, TransformerBlock
from aimodels.train import Model


def _gelu(x):
    return keras.activations.gelu(x, approximate=True)


keras.saving.register_keras_serializable("aimodels", "gelu_tanh")(_gelu)


@keras.saving.register_keras_serializable("aimodels")
class GPT(Model):
    r"""Ids (B, T) -> logits (B, T, V) of each next token, as GPT-2 computes them.

    $$ h_0 = E x + P, \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       z = \mathrm{norm}(h_L)\, E^\top $$

    Args:
        vocabulary_size: V; ids are below it. There is no padding id: mask the loss instead.
        width: D, of every token's vector.
        num_heads: of each attention.
        num_layers: L.
        intermediate_dim: width between a block's two dense layers, 4 D if None.
        dropout: share that is dropped in training.
        max_length: the longest T.
        **kwargs: of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [radford2018], [radford2019].

    Example:
        >>> model = GPT(100, width=16, num_heads=2, num_layers=1, max_length=8)
        >>> model(tf.constant([[5, 6, 7]])).shape
        TensorShape([1, 3, 100])
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 256,
        num_heads: int = 8,
        num_layers: int = 6,
        intermediate_dim: int | None = None,
        dropout: float = 0.0,
        max_length: int = 128,
        **kwargs,
    ):
        config = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        check_positive_int(vocabulary_size=vocabulary_size, width=width, num_layers=num_layers)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        ids = keras.Input((None,), dtype="int32", name="ids")
        embedding = layers.ReversibleEmbedding(
            vocabulary_size, width, embeddings_initializer=normal, name="embedding"
        )
        x = Positions(max_length, learned=True, name="positions")(embedding(ids))
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                intermediate_dim or 4 * width,
                causal=True,
                normalize_first=True,
                activation=_gelu,
                dropout=dropout,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x)
        x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
        super().__init__(ids, embedding(x, reverse=True), **kwargs)
        self.config = config

    def cache(self, batch_size: int, length: int | None = None) -> list:
        """Empty keys and values of each block, for `length` places (`max_length` if None)."""
        heads, width = self.config["num_heads"], self.config["width"]
        shape = (batch_size * heads, length or self.config["max_length"], width // heads)
        empty = tf.zeros(shape, self.get_layer("positions").compute_dtype)
        return [[empty, empty] for _ in range(self.config["num_layers"])]

    def step(self, ids, cache, index, padding=None):
        """Ids (B, T) -> logits of what follows the last one (B, V), new cache.

        Args:
            ids: of the places from `index` on.
            cache: keys and values of the places before.
            index: whole number.
            padding: how many of each row's first places hold nothing, (B,); none if None.
        """
        embedding, place, mask, new = self.get_layer("embedding"), index, None, []
        if padding is not None:
            padding = tf.cast(padding, tf.int32)
            place = index - padding
            mask = tf.range(cache[0][0].shape[1]) >= padding[:, None]
        x = self.get_layer("positions")(embedding(ids), index=place)
        for i, kept in enumerate(cache):
            block = self.get_layer(f"block{i + 1}")
            x, kept = block(x, attention_mask=mask, cache=kept, index=index)
            new.append(kept)
        x = self.get_layer("norm")(x[:, -1])
        table = tf.cast(embedding.embeddings, x.dtype)
        return tf.matmul(x, table, transpose_b=True), new

    @classmethod
    def from_checkpoint(cls, folder: str | Path) -> "GPT":
        """The model of a folder in Hugging Face's form: `config.json` and `model.safetensors`.

        Raises:
            FileNotFoundError: if one of the two is missing.
            ValueError: if the checkpoint is damaged or of another kind, or a weight is missing or
                has another shape; it names it.
        """
        checkpoint = Checkpoint(folder, "gpt2", prefix="transformer.")
        facts = checkpoint.config
        checkpoint.only(
            activation_function="gelu_new", layer_norm_epsilon=1e-5, tie_word_embeddings=True
        )
        model = cls(
            facts["vocab_size"],
            width=facts["n_embd"],
            num_heads=facts["n_head"],
            num_layers=facts["n_layer"],
            intermediate_dim=facts.get("n_inner"),
            max_length=facts["n_positions"],
        )
        checkpoint.assign(model.get_layer("embedding").embeddings, "wte.weight")
        checkpoint.assign(model.get_layer("positions").table, "wpe.weight")
        for i in range(facts["n_layer"]):
            block = model.get_layer(f"block{i + 1}")
            for name, layer in (
                ("ln_1", block.attention_norm),
                ("attn.c_attn", block.attention),
                ("attn.c_proj", block.attention.output_dense),
                ("ln_2", block.feed_norm),
                ("mlp.c_fc", block.inner),
                ("mlp.c_proj", block.outer),
            ):
                checkpoint.layer(layer, f"h.{i}.{name}")
        checkpoint.layer(model.get_layer("norm"), "ln_f")
        return model
