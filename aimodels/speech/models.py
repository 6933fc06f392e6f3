"""Three recognisers of speech from log-mel features: of frames, of words and of sentences.

All read features (B, T, M) as `log_mel` makes them, raw, since each model begins by normalising
them. Which frames are padding says the mask of the features, from a `LogMel` layer in front or from
`model(features, mask=mask)`; without one, frames of zeros at the end are padding.
"""

import functools
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from aimodels.checks import check_positive_int, check_rate
from aimodels.speech.alphabet import check_alphabet, decode, encode
from aimodels.speech.decoding import check_lengths, greedy, prefix_beam_search
from aimodels.speech.frame_model import FrameModel
from aimodels.speech.masked_layers import (
    BlankPadding,
    CausalConvolution,
    FrameAverage,
    FrameConvolution,
    RealFrames,
    Splice,
    pad,
)


def _normalised_features(num_features: int):
    """The input, and what stands behind its mask and its normalisation by real frames."""
    features = keras.Input((None, num_features), name="features")
    x = RealFrames(name="real")(features)
    norm = layers.BatchNormalization(momentum=0.9, center=False, scale=False, name="norm")
    return features, norm(x)


def _check_sizes(name: str, sizes: Sequence[int]) -> None:
    if np.ndim(sizes) != 1 or not len(sizes):
        raise ValueError(f"{name} must be a list such as (64, 64); got {sizes!r}")
    for size in sizes:
        check_positive_int(**{name: size})


@keras.saving.register_keras_serializable("aimodels")
class FrameDNN(FrameModel):
    r"""Dense layers on spliced frames: a class for each frame, (B, T, M) -> (B, T, num_classes).

    $$ h_t = [x_{t-k}; \dots; x_t; \dots; x_{t+k}] $$

    A single frame, some 25 ms, hardly tells what is said; 2 k + 1 of them hold a sound with its
    beginning and end. This is how networks first came into speech recognition: no convolution, no
    memory.

    Args:
        num_features: M, such as the number of mel bands.
        num_classes: number of classes, and of logits.
        context: k, number of frames on each side.
        hidden_dims: sizes of the hidden layers.
        dropout: dropout rate behind each hidden layer, in [0, 1).
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [hinton2012].

    Example:
        >>> model = FrameDNN(num_features=40, num_classes=10)
        >>> model(np.ones((2, 98, 40))).shape
        TensorShape([2, 98, 10])
    """

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        context: int = 5,
        hidden_dims: Sequence[int] = (256, 256),
        dropout: float = 0.0,
        **kwargs,
    ):
        check_positive_int(num_features=num_features)
        check_positive_int(minimum=2, num_classes=num_classes)
        check_positive_int(minimum=0, context=context)
        _check_sizes("hidden_dims", hidden_dims)
        check_rate(dropout=dropout)
        features, x = _normalised_features(num_features)
        x = Splice(context, name="splice")(x)  # (B, T, (2 k + 1) M)
        for number, size in enumerate(hidden_dims, 1):
            x = layers.Dense(size, "relu", kernel_initializer="he_normal", name=f"dense{number}")(x)
            x = layers.Dropout(dropout, name=f"dropout{number}")(x)
        super().__init__(features, layers.Dense(num_classes, name="logits")(x), **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class KeywordCNN(FrameModel):
    """A word from a picture of its sound: (B, T, M) -> logits (B, num_classes).

    Stages of `FrameConvolution` over time and frequency, then the mean over the real frames: where
    in the recording the word stands does not matter, nor how long it is. Along frequency, pooling
    forgives a small shift, as from one speaker to the next; the zones that it leaves stay apart, as
    they tell one sound from another.

    Args:
        num_features: M, number of mel bands.
        num_classes: number of words.
        filters: number of filters in each stage; each halves time and frequency.
        dropout: dropout rate of the averaged features, in [0, 1).
        **kwargs: passed to `train.Model`, such as `name`.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [sainath2015].

    Example:
        >>> model = KeywordCNN(num_features=40, num_classes=10)
        >>> model(np.ones((2, 98, 40))).shape
        TensorShape([2, 10])
    """

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        filters: Sequence[int] = (32, 64, 64),
        dropout: float = 0.0,
        **kwargs,
    ):
        check_positive_int(num_features=num_features)
        check_positive_int(minimum=2, num_classes=num_classes)
        _check_sizes("filters", filters)
        check_rate(dropout=dropout)
        features, x = _normalised_features(num_features)
        for number, size in enumerate(filters, 1):
            x = FrameConvolution(size, name=f"convolution{number}")(x)
        x = FrameAverage(name="average")(x)
        x = layers.Dropout(dropout, name="dropout")(x)
        super().__init__(features, layers.Dense(num_classes, name="logits")(x), **kwargs)


@keras.saving.register_keras_serializable("aimodels")
class SpeechRNN(FrameModel):
    r"""A transcript from speech: (B, T, M) -> logits (B, T', V + 1) of V characters and a blank.

    Recurrent layers read the frames, in both directions or, to write along while someone speaks,
    forwards alone. Train it with `CTC()` on labels from `encode(texts)`; `transcribe` gives texts.

        model.compile("adam", CTC())
        model.fit(features, model.encode(texts))

    Args:
        num_features: M, such as the number of mel bands.
        alphabet: the V characters of a transcript, each once.
        units: size of a state, in each direction.
        num_layers: number of LSTM layers.
        bidirectional: read from the end as well.
        filters: number of filters of a convolution in front of the recurrent layers; None: there is
            none.
        kernel_size: number of frames that the convolution sees.
        strides: of the convolution: T' is T / strides, rounded up. A label that needs more
            frames than these can no longer be learnt: see `min_frames`.
        dropout: dropout rate of each recurrent layer's output, in [0, 1).
        **kwargs: passed to `train.Model`, such as `name`.

    At padding the blank is certain, so that lengths are needed neither by the loss nor to decode.

    Raises:
        ValueError: if an argument is out of range; it says which.

    Reference:
        [graves2006ctc], [graves2013].

    Example:
        >>> model = SpeechRNN(num_features=40, alphabet="0123456789", units=16)
        >>> model(np.ones((2, 98, 40))).shape
        TensorShape([2, 98, 11])
    """

    def __init__(
        self,
        num_features: int,
        alphabet: str,
        units: int = 128,
        num_layers: int = 2,
        bidirectional: bool = True,
        filters: int | None = None,
        kernel_size: int = 5,
        strides: int = 1,
        dropout: float = 0.0,
        **kwargs,
    ):
        check_positive_int(
            num_features=num_features,
            units=units,
            num_layers=num_layers,
            kernel_size=kernel_size,
            strides=strides,
        )
        check_alphabet(alphabet)
        check_rate(dropout=dropout)
        features, x = _normalised_features(num_features)
        if filters is not None:
            check_positive_int(filters=filters)
            x = CausalConvolution(
                filters, kernel_size, strides, activation="relu", name="convolution"
            )(x)
        elif strides > 1:
            raise ValueError(f"strides={strides} are those of the convolution: give it `filters`")
        for number in range(1, num_layers + 1):
            lstm = layers.LSTM(
                units, return_sequences=True, return_state=not bidirectional, name=f"lstm{number}"
            )
            if bidirectional:
                x = layers.Bidirectional(lstm, name=f"bidirectional{number}")(x)
            else:
                x, *_ = lstm(x)  # the states are for `Recognizer`
            x = layers.Dropout(dropout, name=f"dropout{number}")(x)
        logits = layers.Dense(len(alphabet) + 1, name="logits")(x)
        super().__init__(features, BlankPadding(name="blank_padding")(logits), **kwargs)

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Labels (B, L) of texts, as `CTC` wants them.

        Raises:
            ValueError: if a character is not in the model's alphabet; it says which.
        """
        return encode(texts, self.config["alphabet"])

    def transcribe(
        self,
        features,
        lengths: Sequence[int] | None = None,
        *,
        beam_size: int | None = None,
        batch_size: int = 32,
        **search,
    ) -> list[str]:
        """What was said.

        Args:
            features: (B, T, M), or a list of arrays (T, M) of different lengths.
            lengths: frames that are real, (B,); None: frames of zeros at the end are padding.
            beam_size: of `prefix_beam_search`; None: the best path, by `greedy`.
            batch_size: number of utterances that go through the network at a time.
            **search: other arguments of `prefix_beam_search`, such as `language_model`.

        Returns:
            B texts.

        Raises:
            ValueError: if a shape does not fit, or a feature is not a finite number.
        """
        if isinstance(features, list | tuple):
            lengths, features = list(map(len, features)), pad(features)
        features = np.asarray(features, "float32")
        num_features = self.config["num_features"]
        if features.ndim != 3 or features.shape[2] != num_features:
            raise ValueError(
                f"features must be (B, T, {num_features}), or a list of arrays (T, "
                f"{num_features}); got {features.shape}"
            )
        if search and beam_size is None:
            raise ValueError(f"{', '.join(search)} needs a beam_size, such as 16")
        mask = None
        if lengths is not None:
            lengths = check_lengths(lengths, *features.shape[:2])
            mask = np.arange(features.shape[1]) < lengths[:, None]
            features = np.where(mask[..., None], features, 0)
        if not np.isfinite(features).all():
            raise ValueError("features must be finite numbers; there is a NaN or an infinity")
        labels = []
        for start in range(0, len(features), batch_size):
            rows = slice(start, start + batch_size)
            logits = self._logits(features[rows], None if mask is None else mask[rows])
            if beam_size is None:
                labels += greedy(logits)
            else:
                labels += [
                    best[0][0] for best in prefix_beam_search(logits, None, beam_size, **search)
                ]
        return decode(labels, self.config["alphabet"])

    def _logits(self, features, mask) -> np.ndarray:
        """In one graph for all lengths: `predict` would be traced anew for each."""
        if "_graph" not in self.__dict__:  # unseen by Keras, which would save it
            signature = [
                tf.TensorSpec([None, None, self.config["num_features"]], tf.float32),
                tf.TensorSpec([None, None], tf.bool),
            ]
            call = functools.partial(self, training=False)
            self.__dict__["_graph"] = tf.function(
                lambda features, mask: call(features, mask=mask), input_signature=signature
            )
        if mask is None:
            mask = RealFrames().compute_mask(features)
        return self.__dict__["_graph"](features, mask).numpy()
