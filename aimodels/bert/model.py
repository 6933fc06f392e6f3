"""BERT: a Transformer encoder that learns from unlabelled text first, then from few labels.

Pre-training predicts 15 % of the tokens, which are hidden, and whether the second of two pieces of
text follows the first. Fine-tuning puts a small new head on the same encoder [devlin2019].
"""

from pathlib import Path

import keras
from keras import layers, ops

from aimodels.checkpoint import Checkpoint, read_blocks
from aimodels.checks import check_positive_int, check_rate
from aimodels.layers import PositionEmbedding, TransformerBlock, clone_initializer
from aimodels.train import Model


@keras.saving.register_keras_serializable("aimodels")
class BERT(Model):
    r"""Token and segment ids, (B, T) each -> vectors of tokens (B, T, D) and of the text (B, D).

    $$ h_0 = \mathrm{norm}(E x + S s + P), \qquad h_l = \mathrm{block}_l(h_{l-1}), \qquad
       u = \tanh(W h_{L,0} + b) $$

    Args:
        vocabulary_size: number of tokens, V; token ids are below it, and 0 is padding.
        hidden_dim: size of each token's vector, $D$.
        num_heads: number of attention heads per block.
        num_layers: number of blocks, $L$.
        intermediate_dim: size between the two dense layers of a block; 4 D if None.
        dropout: dropout rate, in [0, 1).
        max_sequence_length: largest T.
        **kwargs: arguments of `train.Model`, such as `name`.

    Padding is inert: it changes no other token's vector, nor the text's.

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Reference:
        [devlin2019].

    Example:
        >>> import tensorflow as tf
        >>> model = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> tokens, pooled = model((tf.constant([[2, 5, 3, 0]]), tf.constant([[0, 0, 0, 0]])))
        >>> tokens.shape, pooled.shape
        (TensorShape([1, 4, 16]), TensorShape([1, 16]))
    """

    def __init__(
        self,
        vocabulary_size: int,
        hidden_dim: int = 256,
        num_heads: int = 4,
        num_layers: int = 4,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 128,
        **kwargs,
    ):
        check_positive_int(
            vocabulary_size=vocabulary_size, hidden_dim=hidden_dim, num_layers=num_layers
        )
        check_rate(dropout=dropout)
        normal = keras.initializers.RandomNormal(stddev=0.02)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        segment_ids = keras.Input((None,), dtype="int32", name="segment_ids")
        embedding = layers.ReversibleEmbedding(
            vocabulary_size, hidden_dim, embeddings_initializer=normal, name="embedding"
        )
        segment_embedding = layers.Embedding(
            2, hidden_dim, clone_initializer(normal), name="segment_embedding"
        )
        x = embedding(token_ids) + segment_embedding(segment_ids)  # (B, T, D)
        x = PositionEmbedding(max_sequence_length, learned=True, name="position_embedding")(x)
        x = layers.LayerNormalization(epsilon=1e-12, name="norm")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(
                num_heads,
                4 * hidden_dim if intermediate_dim is None else intermediate_dim,
                activation="gelu",
                dropout=dropout,
                layer_norm_epsilon=1e-12,
                kernel_initializer=normal,
                name=f"block{i + 1}",
            )(x, padding_mask=ops.not_equal(token_ids, 0))
        pooler = layers.Dense(
            hidden_dim, "tanh", kernel_initializer=clone_initializer(normal), name="pooler"
        )
        super().__init__([token_ids, segment_ids], [x, pooler(x[:, 0])], **kwargs)

    @classmethod
    def from_checkpoint(cls, folder: str | Path, **kwargs) -> "BERT":
        """Load a model from Hugging Face's files: `config.json` and `model.safetensors`.

        A head that it holds as well is left out; `bert.from_checkpoint` reads both. Where it has no
        pooler, because its head looks at the tokens' vectors, a warning says so.

        Args:
            folder: folder that contains the two files.
            **kwargs: constructor arguments that override the checkpoint's: `dropout`, fewer
                `num_layers`, and those of `train.Model`.

        Raises:
            FileNotFoundError: if one of the two files is missing.
            TypeError: if the class has no such argument; the message names the nearest one.
            ValueError: if the checkpoint is damaged, of another kind, or has a setting that would
                make it another model; or if a weight is missing, left over or has another shape;
                the message names it.
        """
        checkpoint = open_checkpoint(folder)
        model = read_encoder(checkpoint, cls, **kwargs)
        if POOLER not in checkpoint.weights:
            checkpoint.warn("pooler, so BERT's second output, the text's vector, is random")
        checkpoint.refuse_left_over(HEADS)
        return model


POOLER = "pooler.dense.weight"
WORDS, OUTPUT_WORDS = "embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"
# Weights that a checkpoint may hold beside the encoder's.
HEADS = [r"embeddings\.(position|token_type)_ids", r"(cls|classifier|qa_outputs)\..*"]


def open_checkpoint(folder: str | Path) -> Checkpoint:
    """A folder with a BERT that computes what ours does."""
    checkpoint = Checkpoint(folder, "bert", "bert.", "embeddings.position_embeddings.weight")
    checkpoint.only(
        hidden_act=["gelu", "gelu_python"],
        layer_norm_eps=1e-12,
        type_vocab_size=2,
        pad_token_id=0,
        position_embedding_type="absolute",
        is_decoder=False,
    )
    return checkpoint


def read_encoder(checkpoint: Checkpoint, kind: type[BERT], **kwargs) -> BERT:
    """The encoder in an open checkpoint."""
    size, hidden_dim, num_heads, number, intermediate_dim, longest = checkpoint.required(
        *("vocab_size", "hidden_size", "num_attention_heads", "num_hidden_layers"),
        *("intermediate_size", "max_position_embeddings"),
    )
    checkpoint_config = {
        "vocabulary_size": size,
        "hidden_dim": hidden_dim,
        "num_heads": num_heads,
        "num_layers": number,
        "intermediate_dim": intermediate_dim,
        "dropout": checkpoint.dropout(
            "hidden_dropout_prob", "attention_probs_dropout_prob", given=kwargs.get("dropout")
        ),
        "max_sequence_length": longest,
    }
    model = kind(**checkpoint.arguments(checkpoint_config, kwargs))
    only_output = WORDS not in checkpoint.weights and OUTPUT_WORDS in checkpoint.weights
    for layer, name in (
        (model.get_layer("embedding"), OUTPUT_WORDS if only_output else WORDS),
        (model.get_layer("segment_embedding"), "embeddings.token_type_embeddings.weight"),
        (model.get_layer("position_embedding"), "embeddings.position_embeddings.weight"),
    ):
        checkpoint.assign(layer.weights[0], name)
    checkpoint.layer(model.get_layer("norm"), "embeddings.LayerNorm")
    norms = ("attention.output.LayerNorm", "output.LayerNorm")
    read_blocks(checkpoint, model, number, "attention.self", norms)
    if POOLER in checkpoint.weights:
        checkpoint.layer(model.get_layer("pooler"), "pooler.dense", transpose=True)
    return model
