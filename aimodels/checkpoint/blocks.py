"""The Transformer blocks of an encoder, whose weights BERT's and ViT's files name nearly alike."""

import keras

from aimodels.checkpoint.checkpoint import Checkpoint


def read_blocks(
    checkpoint: Checkpoint, model: keras.Model, number: int, attention: str, norms: tuple[str, str]
) -> None:
    """Fill the layers "block1", "block2", ... of a model, from "encoder.layer.0" on.

    Args:
        checkpoint: open checkpoint.
        model: model whose `config` has the number of its blocks, `num_layers`.
        number: number of blocks of the checkpoint; those that the model lacks are left out.
        attention: prefix of query, key and value in a block.
        norms: names of the block's two normalizations: attention's and the dense layers'.

    Raises:
        ValueError: if a weight is missing or has another shape; the message names it.
    """
    num_layers = model.config["num_layers"]
    for i in range(num_layers):
        block, name = model.get_layer(f"block{i + 1}"), f"encoder.layer.{i}."
        projections = [f"{name}{attention}.{part}" for part in ("query", "key", "value")]
        checkpoint.layer(block.attention, *projections, transpose=True)
        for layer, part in (
            (block.attention.output_dense, "attention.output.dense"),
            (block.feedforward_intermediate, "intermediate.dense"),
            (block.feedforward_output, "output.dense"),
        ):
            checkpoint.layer(layer, name + part, transpose=True)
        checkpoint.layer(block.attention_norm, name + norms[0])
        checkpoint.layer(block.feedforward_norm, name + norms[1])
    checkpoint.weights.leave_out("encoder.layer.", range(num_layers, number))
