"""GPT: causal Transformer blocks, trained to predict the next token.

`decoding.generate` writes text with it.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from aimodels.checkpoint import Checkpoint
from aimodels.checks import check_positive_int
from aimodels.layers import PositionEmbedding, TransformerBlock
from aimodels.train import Model


def _gelu(x):
    return keras.activations.gelu(x, approximate=True)


keras.saving.register_keras_serializable("aimodels", "gelu_tanh")(_gelu)
_NAMES_OF_GELU = [  # Hugging Face's, all of this one function
    *("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"),
]


@keras.saving.register_keras_serializable("aimodels")
class GPT(Model):
    r"""A language model: token ids (B, T) -> logits (B, T, V) of each next token, as in GPT-2.

    $$ h_0 = E x + P, \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       z = \mathrm{norm}(h_L)\, E^\top $$

    Args:
        vocabulary_size: V, number of token ids. There is no padding id: mask the loss instead.
        hidden_dim: D, dimension of each token's vector.
        num_heads: number of attention heads; it must divide D.
        num_layers: L, number of blocks.
        intermediate_dim: number of units of each block's first dense layer; 4 D if None.
        dropout: dropout rate, in [0, 1).
        max_sequence_length: largest number of tokens T.
        **kwargs: keyword arguments of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [radford2018], [radford2019].

    Example:
        >>> model = GPT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> model(tf.constant([[5, 6, 7]])).shape
        TensorShape([1, 3, 100])
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 256,
        num_heads: int = 8,
        num_layers: int = 6,
        intermediate_dim: int | None = None,
        dropout: float = 0.0,
        max_sequence_length: int = 128,
        **kwargs,
    ):
        intermediate_dim = 4 * hidden_dim if intermediate_dim is None else intermediate_dim
        check_positive_int(
            vocabulary_size=vocabulary_size,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            max_sequence_length=max_sequence_length,
        )
        normal = keras.initializers.RandomNormal(stddev=0.02)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        embedding = layers.ReversibleEmbedding(
            vocabulary_size, hidden_dim, embeddings_initializer=normal, name="embedding"
        )
        positions = PositionEmbedding(max_sequence_length, learned=True, name="positions")
        x = positions(embedding(token_ids))  # (B, T, D)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                intermediate_dim,
                use_causal_mask=True,
                normalize_first=True,
                activation=_gelu,
                dropout=dropout,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x)
        x = layers.LayerNormalization(epsilon=1e-5, name="norm")(x)
        super().__init__(token_ids, embedding(x, reverse=True), **kwargs)

    def cache(self, batch_size: int, length: int | None = None) -> list:
        """Empty keys and values of each block.

        Args:
            batch_size: B.
            length: number of positions; `max_sequence_length` if None.
        """
        heads, length = self.config["num_heads"], length or self.config["max_sequence_length"]
        shape = (batch_size * heads, length, self.config["hidden_dim"] // heads)
        empty = tf.zeros(shape, self.get_layer("positions").compute_dtype)
        return [[empty, empty] for _ in range(self.config["num_layers"])]

    def step(self, token_ids, cache, index, padding=None):
        """Logits of the token after the last one (B, V), and the new cache.

        Args:
            token_ids: those at the positions from `index` on, (B, T).
            cache: keys and values of the positions before.
            index: position of the first token.
            padding: number of padding tokens at the start of each row, (B,); none if None.
        """
        start, mask = index, None
        if padding is not None:
            padding = tf.cast(padding, tf.int32)
            start = index - padding  # a row's positions count from its first real token
            mask = tf.range(cache[0][0].shape[1]) >= padding[:, None]  # (B, L)
        embedding, new_cache = self.get_layer("embedding"), []
        x = self.get_layer("positions")(embedding(token_ids), start_index=start)
        for i, block_cache in enumerate(cache):
            block = self.get_layer(f"block{i + 1}")
            x, block_cache = block(
                x, padding_mask=mask, cache=block_cache, cache_update_index=index
            )
            new_cache.append(block_cache)
        x = self.get_layer("norm")(x[:, -1])  # (B, D)
        table = tf.cast(embedding.embeddings, x.dtype)
        return tf.matmul(x, table, transpose_b=True), new_cache

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "GPT":
        """The model of a folder in Hugging Face's form: `config.json` and `model.safetensors`.

        Args:
            folder: folder that contains the two files.
            **kwargs: constructor arguments that override the checkpoint's: `dropout`, fewer
                `num_layers`, and those of `train.Model`.

        Raises:
            FileNotFoundError: if one of the two is missing.
            TypeError: if the class has no such argument; the message names the nearest one.
            ValueError: if the checkpoint is damaged, of another kind, or has a setting that would
                make it another model; or if a weight is missing, left over or has another shape;
                it names it.
        """
        checkpoint = Checkpoint(folder, "gpt2", "transformer.", "wpe.weight")
        checkpoint.only(
            activation_function=_NAMES_OF_GELU,
            layer_norm_epsilon=1e-5,
            tie_word_embeddings=True,
            scale_attn_weights=[True, False],
            scale_attn_by_inverse_layer_idx=[False, True],
        )
        config = checkpoint.config
        size, hidden_dim, num_heads, number, longest = checkpoint.required(
            "vocab_size", "n_embd", "n_head", "n_layer", "n_positions"
        )
        checkpoint_config = {
            "vocabulary_size": size,
            "hidden_dim": hidden_dim,
            "num_heads": num_heads,
            "num_layers": number,
            "intermediate_dim": config.get("n_inner"),
            "dropout": checkpoint.dropout(
                "resid_pdrop", "embd_pdrop", "attn_pdrop", given=kwargs.get("dropout")
            ),
            "max_sequence_length": longest,
        }
        model = cls(**checkpoint.arguments(checkpoint_config, kwargs))
        words = checkpoint.tied("wte.weight", "lm_head.weight")
        checkpoint.assign(model.get_layer("embedding").embeddings, words)
        checkpoint.assign(model.get_layer("positions").table, "wpe.weight")
        for i in range(model.config["num_layers"]):
            block = model.get_layer(f"block{i + 1}")
            for name, layer in (
                ("ln_1", block.attention_norm),
                ("attn.c_attn", block.attention),
                ("attn.c_proj", block.attention.output_dense),
                ("ln_2", block.feedforward_norm),
                ("mlp.c_fc", block.feedforward_intermediate),
                ("mlp.c_proj", block.feedforward_output),
            ):
                checkpoint.layer(layer, f"h.{i}.{name}")
            _scale_queries(block.attention, config, i)
        checkpoint.layer(model.get_layer("norm"), "ln_f")
        checkpoint.weights.leave_out("h.", range(model.config["num_layers"], number))
        # Two tables that older files hold, of which token sees which, and heads for whole texts.
        checkpoint.refuse_left_over(
            [
                r"h\.\d+\.attn\.(bias|masked_bias)",
                r"(score|classifier|qa_outputs|multiple_choice_head)\..*",
            ]
        )
        return model


def _scale_queries(attention, config: dict, layer_index: int) -> None:
    """Put what a checkpoint divides its scores by, other than the usual root, into its queries."""
    factor = 1.0
    if config.get("scale_attn_weights") is False:
        factor *= attention.key_dim**0.5
    if config.get("scale_attn_by_inverse_layer_idx"):
        factor /= layer_index + 1
    if factor != 1:
        queries = np.arange(attention.bias.shape[0]) < attention.num_heads * attention.key_dim
        for variable in (attention.kernel, attention.bias):
            variable.assign(variable * np.where(queries, factor, 1).astype("float32"))
