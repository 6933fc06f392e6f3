"""Every registered class that is no model: its configuration goes through JSON and back."""

import importlib
import inspect
import json
import pkgutil

import keras
import pytest

import aimodels

# What each is made with: no argument has its default, or the default could pass for what was told.
ARGUMENTS = {
    "BahdanauAttention": {"units": 3},
    "Bias": {},
    "BlankPadding": {},
    "CRF": {},
    "CRFLoss": {"reduction": "sum"},
    "CTC": {"reduction": "sum"},
    "CausalConvolution": {"filters": 3, "kernel_size": [2], "strides": [4]},
    "ClassToken": {},
    "ContrastiveLoss": {},
    "DotProductAttention": {"units": 3},
    "FrameAverage": {},
    "FrameConvolution": {"filters": 3},
    "FrameMask": {"n_fft": 8, "hop_length": 4, "center": True},
    "InverseSqrtWarmup": {"hidden_dim": 8, "warmup_steps": 5},
    "LogMel": {
        "sample_rate": 8000, "n_mels": 20, "n_fft": 256, "hop_length": 80, "win_length": 200,
        "fmin": 20.0, "fmax": 3800.0, "center": False, "top_db": 70.0,
    },
    "MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "dropout": 0.1},
    "PositionEmbedding": {"max_sequence_length": 7, "learned": True},
    "Proposals": {
        "anchors": [[0.0, 0.0, 8.0, 8.0]], "image_shape": [16, 16, 3], "num_proposals": 2,
        "num_candidates": 4, "iou_threshold": 0.7,
    },
    "PyramidRoIAlign": {"output_size": 3, "strides": [4, 8], "anchor_sizes": [8, 16]},
    "RealFrames": {},
    "Recurrent": {
        "cell": "gru", "units": 3, "return_sequences": True, "forget_bias": 0.5,
        "go_backwards": True,
    },
    "Scale": {"initial": 2.0},
    "SmoothedCrossentropy": {
        "from_logits": True, "label_smoothing": 0.1, "ignore_class": 0, "reduction": "sum",
    },
    "SpecAugment": {
        "frequency_masks": 1, "frequency_width": 4, "time_masks": 1, "time_width": 9,
        "max_part": 0.3, "seed": 5,
    },
    "Splice": {"context": 2},
    "TokenAccuracy": {"name": "share"},
    "TransformerBlock": {
        "num_heads": 2, "intermediate_dim": 8, "use_causal_mask": True, "cross_attention": True,
        "normalize_first": True, "activation": "gelu", "dropout": 0.1, "layer_norm_epsilon": 1e-3,
    },
    "WordsFromCharacters": {"vocabulary_size": 9, "embedding_dim": 4, "units": 3},
}  # fmt: skip


def registered() -> dict[str, type]:
    for module in pkgutil.walk_packages(aimodels.__path__, "aimodels."):
        if not module.name.startswith(("aimodels.course", "aimodels.cli", "aimodels.__main__")):
            importlib.import_module(module.name)
    return {
        name.removeprefix("aimodels>"): cls
        for name, cls in keras.saving.get_custom_objects().items()
        if name.startswith("aimodels>") and inspect.isclass(cls)
        if not issubclass(cls, keras.Model)
    }


CLASSES = registered()


def plain(config: dict) -> dict:
    return json.loads(json.dumps(config))


def test_every_registered_class_has_its_arguments():
    assert set(ARGUMENTS) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_config_goes_through_json_and_keeps_what_was_told(name):
    made = CLASSES[name](**ARGUMENTS[name])
    stored = plain(keras.saving.serialize_keras_object(made))
    again = keras.saving.deserialize_keras_object(stored)
    assert type(again) is type(made)
    assert plain(again.get_config()) == plain(made.get_config())
    kept = {key: again.get_config()[key] for key in ARGUMENTS[name]}
    assert plain(kept) == plain(ARGUMENTS[name])
