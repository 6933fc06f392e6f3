"""The Transformer: an encoder and a decoder of attention blocks [vaswani2017]."""

import functools

import keras
import numpy as np
from keras import layers, ops

from aimodels.checks import check_positive_int
from aimodels.layers import PositionEmbedding, TransformerBlock
from aimodels.train import Model


class CachedDecoder:
    """The methods `encode` and `decode_step` of a model whose decoder `decoder_logits` has made.

    Its layer "encoder" gives the memory and its mask, and its `config` has the sizes.
    """

    def _decoders(self) -> list:
        return [self.get_layer(f"decoder{i + 1}") for i in range(self.config["num_layers"])]

    def _heads(self, x, fold=True):
        """(B, N, L, d) -> (B N, L, d), or back: a search picks and repeats rows of a batch."""
        shape = ops.shape(x)[-2:]
        return ops.reshape(x, (-1, *(() if fold else (self.config["num_heads"],)), *shape))

    def encode(self, source) -> tuple:
        """What decoding needs of the source: (memory, state), as `seq2seq.Seq2Seq.encode`."""
        memory, mask = self.get_layer("encoder")(source)
        batch, heads = ops.shape(memory)[0], self.config["num_heads"]
        length, dim = self.config["max_sequence_length"], self.config["hidden_dim"] // heads
        shape = (batch, heads, length, dim)
        state = [ops.zeros((batch,), "int32")]
        state += [ops.zeros(shape, memory.dtype) for _ in range(2 * self.config["num_layers"])]
        split = functools.partial(self._heads, fold=False)
        memories = [[*map(split, d.cross_attention.project(memory))] for d in self._decoders()]
        return (mask, *memories), state

    def decode_step(self, ids, state, memory) -> tuple:
        """Last tokens (B,) -> logits of the next ones (B, V), new state."""
        (at, *caches), (mask, *memories) = state, memory
        index, new_state = at[0], [at + 1]
        y = self.get_layer("embedding")(ids[:, None])
        y = self.get_layer("positions")(y, start_index=index)
        for i, block in enumerate(self._decoders()):
            cache, keys = caches[2 * i : 2 * i + 2], [*map(self._heads, memories[i])]
            cache = [*map(self._heads, cache)]
            y, cache = block(y, keys, memory_mask=mask, cache=cache, cache_update_index=index)
            new_state += [self._heads(x, fold=False) for x in cache]
        if self._decoders()[0].normalize_first:
            y = self.get_layer("decoder_norm")(y)
        return self.get_layer("logits")(y)[:, 0], new_state

    def _decoder_attention(self, target, memory, mask) -> dict[str, list]:
        """Weights of each block: "decoder" (B, N, T, T) and "cross" (B, N, T, S)."""
        y = self.get_layer("positions")(self.get_layer("embedding")(target))
        collected = {"decoder": [], "cross": []}
        for block in self._decoders():
            y, weights, cross = block(y, memory, memory_mask=mask, return_attention_scores=True)
            collected["decoder"].append(weights)
            collected["cross"].append(cross)
        return collected


def decoder_logits(
    target,
    memory,
    mask,
    vocabulary_size: int,
    num_layers: int,
    max_sequence_length: int,
    **block,
):
    """The decoder's half of a graph: target ids (B, T) and a memory -> logits (B, T, V).

    Args:
        target: token ids (B, T).
        memory: (B, S, D), what each position may look at.
        mask: (B, S), False where the memory is padding.
        vocabulary_size: V, number of token ids.
        num_layers: number of blocks.
        max_sequence_length: largest T.
        **block: arguments of each `TransformerBlock`, `normalize_first` and `dropout` among them.
    """
    y = layers.Embedding(vocabulary_size, memory.shape[-1], name="embedding")(target)
    y = PositionEmbedding(max_sequence_length, name="positions")(y)
    y = layers.Dropout(block["dropout"])(y)
    for i in range(num_layers):
        decoder = TransformerBlock(
            **block, use_causal_mask=True, cross_attention=True, name=f"decoder{i + 1}"
        )
        y = decoder(y, memory, memory_mask=mask)
    if block["normalize_first"]:
        y = layers.LayerNormalization(epsilon=1e-5, name="decoder_norm")(y)
    return layers.Dense(vocabulary_size, dtype="float32", name="logits")(y)


@keras.saving.register_keras_serializable("aimodels")
class Transformer(CachedDecoder, Model):
    r"""Encoder and decoder of [vaswani2017].

    Args:
        source_vocabulary_size: number of source token ids.
        target_vocabulary_size: V, number of target token ids.
        hidden_dim: $D$, dimension of each token's vector.
        num_heads: number of attention heads; it must divide D.
        num_layers: number of blocks of the encoder, and of the decoder.
        intermediate_dim: number of units of each block's first dense layer; 4 D if None.
        dropout: dropout rate, in [0, 1).
        max_sequence_length: largest number of source tokens, and of target tokens.
        normalize_first: as in `TransformerBlock`; a last normalisation follows the blocks.
        **kwargs: keyword arguments of `train.Model`, such as `name`.

    Input shape: source ids (B, S) and target ids (B, T), in a tuple; 0 is padding.
    Output shape: (B, T, V), logits; those at position t are of the token after t.

    `decoding.greedy` and `decoding.beam_search` decode with it, and keep the keys and values of
    earlier tokens.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Example:
        >>> model = Transformer(20, 30, hidden_dim=16, num_heads=2, num_layers=1)
        >>> model((np.array([[5, 6, 7, 0]]), np.array([[2, 9, 8]]))).shape
        TensorShape([1, 3, 30])
    """

    def __init__(
        self,
        source_vocabulary_size: int,
        target_vocabulary_size: int,
        hidden_dim: int = 256,
        num_heads: int = 4,
        num_layers: int = 3,
        intermediate_dim: int | None = None,
        dropout: float = 0.1,
        max_sequence_length: int = 128,
        normalize_first: bool = False,
        **kwargs,
    ):
        intermediate_dim = 4 * hidden_dim if intermediate_dim is None else intermediate_dim
        check_positive_int(
            source_vocabulary_size=source_vocabulary_size,
            target_vocabulary_size=target_vocabulary_size,
            hidden_dim=hidden_dim,
            num_layers=num_layers,
            max_sequence_length=max_sequence_length,
        )
        block = {
            "num_heads": num_heads,
            "intermediate_dim": intermediate_dim,
            "normalize_first": normalize_first,
            "dropout": dropout,
        }

        source = keras.Input((None,), dtype="int32", name="source")
        mask = ops.not_equal(source, 0)
        x = layers.Embedding(source_vocabulary_size, hidden_dim, name="source_embedding")(source)
        x = PositionEmbedding(max_sequence_length, name="source_positions")(x)
        x = layers.Dropout(dropout)(x)
        for i in range(num_layers):
            x = TransformerBlock(**block, name=f"encoder{i + 1}")(x, padding_mask=mask)
        if normalize_first:
            x = layers.LayerNormalization(epsilon=1e-5, name="encoder_norm")(x)
        encoder = keras.Model(source, [x, mask], name="encoder")

        target = keras.Input((None,), dtype="int32", name="target")
        memory, mask = encoder(source)
        logits = decoder_logits(
            *(target, memory, mask, target_vocabulary_size, num_layers, max_sequence_length),
            **block,
        )
        super().__init__([source, target], logits, **kwargs)

    def attention_weights(self, inputs) -> dict[str, np.ndarray]:
        """Where each head of each layer looks, for source and target ids as in training.

        Returns:
            "encoder" (L, B, N, S, S), "decoder" (L, B, N, T, T) and "cross" (L, B, N, T, S).
        """
        source, target = (ops.convert_to_tensor(ids, "int32") for ids in inputs)
        encoder, mask = self.get_layer("encoder"), ops.not_equal(source, 0)
        x = encoder.get_layer("source_positions")(encoder.get_layer("source_embedding")(source))
        collected = []
        for i in range(self.config["num_layers"]):
            block = encoder.get_layer(f"encoder{i + 1}")
            x, weights = block(x, padding_mask=mask, return_attention_scores=True)
            collected.append(weights)
        found = {"encoder": collected, **self._decoder_attention(target, *encoder(source))}
        return {name: np.array(weights) for name, weights in found.items()}
