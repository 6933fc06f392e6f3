"""English to Chinese with a Transformer: pairs, searches and scores as in `translate_cmn_eng`."""

import translate_cmn_eng

from aimodels.transformer import Transformer


def transformer(words: int, characters: int) -> Transformer:
    """About as many parameters as the LSTM there."""
    return Transformer(
        words, characters, width=192, num_heads=6, num_layers=3, dropout=0.3, max_length=64
    )


def run(epochs: int = 16, limit: int | None = None) -> dict:
    return translate_cmn_eng.run(epochs, limit, transformer, rate=1e-3)
