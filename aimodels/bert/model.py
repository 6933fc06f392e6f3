"""BERT: a Transformer's encoder that learns from text without labels, then from few with them.

Pre-training hides 15 % of the tokens and asks for them, and asks whether the second of two pieces
of text follows the first. Fine-tuning puts a small new head on the same encoder [devlin2019].
"""

from pathlib import Path

import keras
from keras import layers, ops

from aimodels.checkpoint import Checkpoint
from aimodels.checks import check_positive_int
from aimodels.layers import PositionEmbedding, TransformerBlock, clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class BERT(Model):
    r"""Ids and segments, (B, T) each -> a vector for each token, (B, T, D), and for all, (B, D).

    $$ h_0 = \mathrm{norm}(E x + S s + P), \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       u = \tanh(W h_{L,0} + b) $$

    Args:
        vocabulary_size: V; ids are below it, and 0 is padding.
        width: $D$, of every token's vector.
        num_heads: of each attention.
        num_layers: $L$.
        intermediate_dim: width between a block's two dense layers, 4 D if None.
        dropout: share that is dropped in training.
        max_length: the longest T.
        **kwargs: of `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [devlin2019].

    Example:
        >>> import tensorflow as tf
        >>> model = BERT(100, width=16, num_heads=2, num_layers=1, max_length=8)
        >>> tokens, pooled = model((tf.constant([[2, 5, 3, 0]]), tf.constant([[0, 0, 0, 0]])))
        >>> tokens.shape, pooled.shape
        (TensorShape([1, 4, 16]), TensorShape([1, 16]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 256,
        num_heads: int = 4,
        num_layers: int = 4,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_length: int = 128,
        **kwargs,
    ):
        config = {k: v for k, v in locals().items() if k not in ("self", "kwargs", "__class__")}
        check_positive_int(vocabulary_size=vocabulary_size, width=width, num_layers=num_layers)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        ids, segments = (
            keras.Input((None,), dtype="int32", name=name) for name in ("ids", "segments")
        )
        embedding = layers.ReversibleEmbedding(
            vocabulary_size, width, embeddings_initializer=normal, name="embedding"
        )
        x = embedding(ids) + layers.Embedding(
            2, width, clone_initializer(normal), name="segment_embedding"
        )(segments)
        x = PositionEmbedding(max_length, learned=True, name="positions")(x)
        x = layers.LayerNormalization(epsilon=1e-12, name="norm")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                intermediate_dim or 4 * width,
                activation="gelu",
                dropout=dropout,
                layer_norm_epsilon=1e-12,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x, padding_mask=ops.not_equal(ids, 0))
        pooled = layers.Dense(
            width, "tanh", kernel_initializer=clone_initializer(normal), name="pooler"
        )(x[:, 0])
        super().__init__([ids, segments], [x, pooled], **kwargs)
        self.config = config

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "BERT":
        """The model of a folder in Hugging Face's form: `config.json` and `model.safetensors`.

        Args:
            folder: where the files are.
            **kwargs: in place of what the configuration says, such as `dropout`.

        Raises:
            FileNotFoundError: if one of the two is missing.
            ValueError: if the checkpoint is damaged or of another kind, or a weight is missing or
                has another shape; it names it.
        """
        checkpoint = Checkpoint(folder, "bert", prefix="bert.")
        facts = checkpoint.config
        checkpoint.only(hidden_act="gelu", layer_norm_eps=1e-12, type_vocab_size=2, pad_token_id=0)
        own = {
            "width": facts["hidden_size"],
            "num_heads": facts["num_attention_heads"],
            "num_layers": facts["num_hidden_layers"],
            "intermediate_dim": facts["intermediate_size"],
            "dropout": facts.get("hidden_dropout_prob", 0.1),
            "max_length": facts["max_position_embeddings"],
        }
        model = cls(facts["vocab_size"], **{**own, **kwargs})
        checkpoint.assign(
            model.get_layer("embedding").embeddings, "embeddings.word_embeddings.weight"
        )
        checkpoint.assign(
            model.get_layer("segment_embedding").embeddings,
            "embeddings.token_type_embeddings.weight",
        )
        checkpoint.assign(
            model.get_layer("positions").table, "embeddings.position_embeddings.weight"
        )
        checkpoint.layer(model.get_layer("norm"), "embeddings.LayerNorm")
        for i in range(facts["num_hidden_layers"]):
            block, name = model.get_layer(f"block{i + 1}"), f"encoder.layer.{i}."
            attention = [f"{name}attention.self.{part}" for part in ("query", "key", "value")]
            checkpoint.layer(block.attention, *attention, transpose=True)
            for layer, part in (
                (block.attention.output_dense, "attention.output.dense"),
                (block.feedforward_intermediate, "intermediate.dense"),
                (block.feedforward_output, "output.dense"),
            ):
                checkpoint.layer(layer, name + part, transpose=True)
            checkpoint.layer(block.attention_norm, f"{name}attention.output.LayerNorm")
            checkpoint.layer(block.feedforward_norm, f"{name}output.LayerNorm")
        checkpoint.layer(model.get_layer("pooler"), "pooler.dense", transpose=True)
        return model
