"""CLIP against Hugging Face's: the same vectors of its two encoders go through ours."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.multimodal import CLIP, ContrastiveLoss

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

# Sizes of the pictures' vectors, of the texts', of the common ones; pairs; logarithm of the scale.
FORMS = {"small": (12, 8, 6, 3, 0.0), "wide": (8, 20, 16, 7, 2.6592), "one": (4, 4, 2, 1, 1.0)}


def theirs(form) -> "transformers.CLIPModel":
    image, text, common, _, scale = form
    torch.manual_seed(0)
    shared = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    words = {"vocab_size": 30, "bos_token_id": 28, "eos_token_id": 29}
    config = transformers.CLIPConfig(
        text_config={**shared, **words, "hidden_size": text, "max_position_embeddings": 9},
        vision_config={**shared, "hidden_size": image, "image_size": 8, "patch_size": 4},
        projection_dim=common,
        logit_scale_init_value=scale,
    )
    model = transformers.CLIPModel(config).eval()
    for parameter in model.parameters():
        if parameter.ndim:
            parameter.data = 0.3 * torch.randn_like(parameter)
    return model


def vectors(size: int) -> keras.Model:
    """An encoder whose pictures or texts are vectors already."""
    inputs = keras.Input((size,))
    return keras.Model(inputs, keras.layers.Identity()(inputs))


@pytest.mark.parametrize("name", FORMS)
def test_similarities_loss_and_gradients(name, rng, parity):
    image, text, common, number, scale = form = FORMS[name]
    model = theirs(form)
    token_ids = rng.integers(1, 28, (number, 6))
    token_ids[:, -1] = 29
    token_ids = torch.from_numpy(token_ids)
    images = torch.from_numpy(rng.normal(size=(number, 3, 8, 8)).astype("float32"))
    outputs = model(input_ids=token_ids, pixel_values=images, return_loss=True)
    outputs.loss.backward()
    ours = CLIP(vectors(image), vectors(text), common, temperature=np.exp(-scale).item())
    kernels = [ours.get_layer(f"{part}_projection").kernel for part in ("image", "text")]
    projections = [model.visual_projection.weight, model.text_projection.weight]
    for kernel, projection in zip(kernels, projections, strict=True):
        kernel.assign(projection.detach().numpy().T)
    encoded = model.vision_model(images), model.text_model(token_ids)
    inputs = tuple(part.pooler_output.detach().numpy() for part in encoded)
    variables = [kernel.value for kernel in kernels] + [ours.get_layer("scale").tau.value]
    with tf.GradientTape() as tape:
        loss = ContrastiveLoss()(np.arange(number), ours(inputs))
    gradients = tape.gradient(loss, variables)
    expected = outputs.logits_per_image.detach().numpy()
    references = [projection.grad.T for projection in projections] + [model.logit_scale.grad]
    gradients_differ = max(
        np.abs(mine.numpy() - other.numpy()).max()
        for mine, other in zip(gradients, references, strict=True)
    )
    for what, difference, bound in (
        ("similarities", np.abs(ours.similarity(*inputs) * np.exp(scale) - expected).max(), 1e-5),
        ("loss", abs(float(loss) - outputs.loss.item()), 1e-5),
        ("gradients", gradients_differ, 1e-4),
    ):
        what, reference = f"multimodal.CLIP {name} {what}", "transformers.CLIPModel"
        parity(what, reference=reference, difference=difference, bound=bound)
