"""Small heads on BERT, for learning from few labels, and published ones.

The heads that BERT is pretrained with are in `bert.pretraining`.
"""

from pathlib import Path

import keras
from keras import layers

from aimodels.bert.model import BERT, HEADS, POOLER, open_checkpoint, read_encoder
from aimodels.bert.pretraining import BERTPretraining
from aimodels.checkpoint import Checkpoint
from aimodels.checks import check_positive_int, check_rate
from aimodels.layers import clone_initializer
from aimodels.train import Model


def classifier(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for whole texts, or pairs of them.

    Args:
        bert: encoder, trained together with the head; `bert.trainable = False` freezes it.
        num_classes: number of classes.
        dropout: dropout rate of the encoder's output, in [0, 1).

    Returns:
        A model from token ids and segment ids, (B, T) each, to logits (B, num_classes).

    Raises:
        ValueError: if an argument is out of range; the message says which.

    Example:
        >>> bert = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> classifier(bert, num_classes=3).output_shape
        (None, 3)
    """
    check_positive_int(minimum=2, num_classes=num_classes)
    return _with_head(bert, 1, num_classes, dropout)


def tagger(bert: BERT, num_classes: int, dropout: float = 0.1) -> Model:
    """BERT with a new head for each token: as `classifier`, but with logits (B, T, num_classes).

    Example:
        >>> bert = BERT(100, hidden_dim=16, num_heads=2, num_layers=1, max_sequence_length=8)
        >>> tagger(bert, num_classes=3).output_shape
        (None, None, 3)
    """
    check_positive_int(minimum=2, num_classes=num_classes)
    return _with_head(bert, 0, num_classes, dropout)


def from_checkpoint(folder: str | Path, **kwargs) -> Model:
    """A published model with the head that it holds.

    Args:
        folder: folder with `config.json` and `model.safetensors`, as for `BERT.from_checkpoint`.
        **kwargs: arguments as for `BERT.from_checkpoint`, such as `dropout`.

    Returns:
        A `classifier`, with logits of texts; a `tagger`, with logits of tokens, or of where an
        answer starts and ends; a `BERTPretraining`; or, without a head, a `BERT`.

    Raises:
        ValueError: if the configuration does not say which head it is, and as for
            `BERT.from_checkpoint`.
    """
    checkpoint = open_checkpoint(folder)
    if "classifier.weight" in checkpoint.weights:
        model = _read_head(checkpoint, "classifier", _output_index(checkpoint), **kwargs)
    elif "qa_outputs.weight" in checkpoint.weights:
        model = _read_head(checkpoint, "qa_outputs", 0, **kwargs)
    elif "cls.predictions.transform.dense.weight" in checkpoint.weights:
        model = BERTPretraining.read(checkpoint, **kwargs)
    else:
        return BERT.from_checkpoint(folder, **kwargs)
    checkpoint.refuse_left_over(HEADS)
    return model


def _output_index(checkpoint: Checkpoint) -> int:
    """Which of BERT's two outputs a published classifier reads."""
    names = checkpoint.config.get("architectures") or ["nothing"]
    for ending, output_index in (("ForTokenClassification", 0), ("ForSequenceClassification", 1)):
        if names[0].endswith(ending):
            return output_index
    raise ValueError(
        f"{checkpoint.folder}: 'architectures' in config.json must name the head, "
        f"BertForSequenceClassification or BertForTokenClassification; got {names[0]!r}"
    )


def _read_head(checkpoint: Checkpoint, name: str, output_index: int, **kwargs) -> Model:
    encoder = read_encoder(checkpoint, BERT, **kwargs)
    if output_index:
        checkpoint.weights[POOLER]  # which the head reads: it must be there
    rate = kwargs.get("dropout", checkpoint.config.get("classifier_dropout"))
    rate = encoder.config["dropout"] if rate is None else rate
    num_classes = len(checkpoint.weights[f"{name}.bias"])
    model = _with_head(encoder, output_index, num_classes, rate)
    checkpoint.layer(model.get_layer("head"), name, transpose=True)
    return model


def _with_head(bert, output_index, num_classes, dropout):
    check_rate(dropout=dropout)
    x = layers.Dropout(dropout)(bert(bert.inputs)[output_index])
    normal = keras.initializers.RandomNormal(stddev=0.02)
    head = layers.Dense(num_classes, kernel_initializer=clone_initializer(normal), name="head")
    return Model(bert.inputs, head(x))
