"""ViT against Hugging Face's: random tiny checkpoints, written there and read here."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.vit import ViT

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# Published names (model_type "vit"), and what is special: sizes, patches, channels, heads, classes.
FORMS = {
    "square": {"image_size": 16, "patch_size": 4},
    "wide": {"image_size": [8, 24], "patch_size": 4, "num_labels": 5},
    "tall patches": {"image_size": [12, 12], "patch_size": [6, 2], "num_channels": 1},
    "many heads": {"image_size": 8, "num_attention_heads": 8, "patch_size": 2, "num_labels": 7},
    "deep": {"image_size": 8, "num_hidden_layers": 5, "patch_size": 8, "layer_norm_eps": 1e-5},
    "narrow inside": {"image_size": 12, "intermediate_size": 7, "patch_size": 3, "num_labels": 3},
}


def write(folder, form: dict, kind=None):
    """Hugging Face's model with random weights, also where it begins with zeros or ones."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = transformers.ViTConfig(**{**sizes, "intermediate_size": 40, **form})
    if kind is None:
        kind = "ViTForImageClassification" if "num_labels" in form else "ViTModel"
    theirs = getattr(transformers, kind)(config).eval()
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    theirs.save_pretrained(folder)
    return theirs


def outputs_of(theirs, images):
    """Logits of their classifier, or vectors of the bare model."""
    outputs = theirs(torch.from_numpy(np.moveaxis(images, 3, 1).copy()))
    return outputs.logits if hasattr(outputs, "logits") else outputs.last_hidden_state


@pytest.mark.parametrize("name", FORMS)
def test_outputs_and_gradients(name, tmp_path, rng, parity):
    theirs = write(tmp_path, FORMS[name])
    ours = ViT.from_checkpoint(tmp_path)
    images = rng.normal(size=(3, *ours.config["image_shape"])).astype("float32")
    expected = outputs_of(theirs, images)
    weight = rng.normal(size=expected.shape).astype("float32")
    patches, block = ours.get_layer("patches"), ours.get_layer("block1")
    variables = [
        *(patches.kernel, patches.bias, block.attention.output_dense.kernel),
        *(ours.get_layer("class_token").token, ours.get_layer("position_embedding").table),
    ]
    with tf.GradientTape() as tape:
        found = ours(images)
        total = tf.reduce_sum(found * weight)
    gradients = tape.gradient(total, [variable.value for variable in variables])
    reference = f"transformers.{type(theirs).__name__}"
    difference = np.abs(found.numpy() - expected.detach().numpy()).max()
    parity(f"vit.ViT {name}", reference=reference, difference=difference, bound=1e-5)
    (expected * torch.from_numpy(weight)).sum().backward()
    bare = getattr(theirs, "vit", theirs)
    projection = bare.embeddings.patch_embeddings.projection
    references = [
        projection.weight.grad.permute(2, 3, 1, 0),
        projection.bias.grad,
        bare.layers[0].attention.o_proj.weight.grad.T,
        bare.embeddings.cls_token.grad,
        bare.embeddings.position_embeddings.grad[0],
    ]
    largest = max(
        np.abs(mine.numpy() - other.numpy()).max() / max(1, np.abs(other.numpy()).max())
        for mine, other in zip(gradients, references, strict=True)
    )
    parity(f"vit.ViT {name} gradients", reference=reference, difference=largest, bound=1e-4)


def test_a_head_can_be_left_out_and_layers_too(tmp_path, rng):
    theirs = write(tmp_path, FORMS["wide"])
    bare = ViT.from_checkpoint(tmp_path, num_classes=None)
    images = rng.normal(size=(2, *bare.config["image_shape"])).astype("float32")
    expected = outputs_of(theirs.vit, images).detach().numpy()
    np.testing.assert_allclose(bare(images), expected, atol=1e-5)
    shallow = ViT.from_checkpoint(tmp_path, num_layers=1, dropout=0.2)
    assert shallow(images).shape == (2, 5)
    assert shallow.config["dropout"] == 0.2


def change(folder, **settings):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({"model_type": "deit"}, {}, "holds a 'deit' model, not a 'vit'"),
        ({"hidden_act": "relu"}, {}, "only hidden_act = 'gelu' or 'gelu_python' is supported"),
        ({"qkv_bias": False}, {}, "only qkv_bias = True is supported; got False"),
        ({"patch_size": None}, {}, "has no 'patch_size'"),
        ({"patch_size": 3}, {}, "the height 8 of image_shape must be divisible by the patch's, 3"),
        ({"patch_size": 2}, {}, r"position_embeddings' has the shape \(1, 13, 16\), wanted"),
        ({"num_channels": 1}, {}, r"projection.weight' has the shape \(16, 3, 4, 4\), wanted"),
        ({"num_hidden_layers": 1}, {}, "weights for which the model of its config.json has no"),
        ({"num_hidden_layers": 3}, {}, "has no weight 'encoder.layer.2.attention"),
        ({"image_size": [1, 2, 3]}, {}, r"image_size must be one integer, or \(height, width\)"),
        ({}, {"image_shape": (16, 16, 3)}, "image_shape=.* does not fit the weights"),
        ({}, {"num_classes": 9}, "num_classes=9 does not fit the weights"),
    ],
)
def test_what_would_be_another_model_is_refused(tmp_path, settings, arguments, message):
    write(tmp_path, FORMS["wide"])
    change(tmp_path, **settings)
    with pytest.raises(ValueError, match=message):
        ViT.from_checkpoint(tmp_path, **arguments)


def test_other_files_are_refused(tmp_path):
    write(tmp_path, FORMS["square"], "ViTForMaskedImageModeling")
    with pytest.raises(ValueError, match=r"has 2 weights for which .* 'decoder.0.bias'"):
        ViT.from_checkpoint(tmp_path)
    with pytest.raises(TypeError, match="no argument 'droput'; did you mean 'dropout'"):
        ViT.from_checkpoint(tmp_path, droput=0.0)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match="a pickle, which can run any program"):
        ViT.from_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        ViT.from_checkpoint(tmp_path / "none")


def test_different_rates_are_said(tmp_path):
    write(tmp_path, {**FORMS["square"], "hidden_dropout_prob": 0.1})
    with pytest.warns(UserWarning, match="hidden_dropout_prob = 0.1, attention_probs_dropout_prob"):
        assert ViT.from_checkpoint(tmp_path).config["dropout"] == 0.1
    assert isinstance(ViT.from_checkpoint(tmp_path, dropout=0.0), keras.Model)
