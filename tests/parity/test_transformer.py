"""Attention and blocks against PyTorch and Keras, with gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.layers import MultiHeadAttention, TransformerBlock

torch = pytest.importorskip("torch")
CAUSAL = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)


def randomised(layer, rng):
    layer.set_weights([rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in layer.weights])
    return layer


def attention_pairs(ours, theirs) -> list:
    """PyTorch's parameter, our variable, and whether one is the other transposed."""
    return [
        (theirs.in_proj_weight, ours.kernel, True),
        (theirs.in_proj_bias, ours.bias, False),
        (theirs.out_proj.weight, ours.output_dense.kernel, True),
        (theirs.out_proj.bias, ours.output_dense.bias, False),
    ]


def block_pairs(ours, theirs) -> list:
    norms = [(ours.attention_norm, theirs.norm1), (ours.feedforward_norm, theirs.norm2)]
    found = attention_pairs(ours.attention, theirs.self_attn)
    if ours.has_cross_attention:
        norms = [
            *norms[:1],
            (ours.cross_attention_norm, theirs.norm2),
            (ours.feedforward_norm, theirs.norm3),
        ]
        found += attention_pairs(ours.cross_attention, theirs.multihead_attn)
    for dense, linear in (
        (ours.feedforward_intermediate, theirs.linear1),
        (ours.feedforward_output, theirs.linear2),
    ):
        found += [(linear.weight, dense.kernel, True), (linear.bias, dense.bias, False)]
    for norm, layer in norms:
        found += [(layer.weight, norm.gamma, False), (layer.bias, norm.beta, False)]
    assert len(found) == len(ours.trainable_variables)
    return found


def copy(pairs):
    for parameter, variable, transposed in pairs:
        value = variable.numpy()
        parameter.data = torch.from_numpy((value.T if transposed else value).copy())


def compare(what, reference, pairs, output, expected, variables, tape, parity):
    """Outputs, then gradients of a weighted sum of them."""
    weight = np.random.default_rng(5).normal(size=output.shape).astype("float32")
    with tape:
        total = tf.reduce_sum(output * weight)
    found = dict(zip(map(id, variables), tape.gradient(total, variables), strict=True))
    (expected * torch.from_numpy(weight)).sum().backward()
    difference = np.abs(output - expected.detach().numpy()).max()
    parity(what, reference=reference, difference=difference, bound=1e-5)
    differences = []
    for parameter, variable, transposed in pairs:
        gradient = tf.convert_to_tensor(found[id(variable.value)]).numpy()
        gradient = gradient.T if transposed else gradient
        differences.append(np.abs(gradient - parameter.grad.numpy()).max())
    parity(f"{what} gradients", reference=reference, difference=max(differences), bound=1e-4)


@pytest.mark.parametrize("normalize_first", [False, True], ids=["post", "pre"])
@pytest.mark.parametrize("cross", [False, True], ids=["encoder", "decoder"])
def test_a_block_is_that_of_torch(normalize_first, cross, rng, parity):
    x, memory = (rng.normal(size=(3, n, 8)).astype("float32") for n in (5, 6))
    mask = np.arange(6 if cross else 5) < np.array([5, 2, 4])[:, None]
    ours = TransformerBlock(
        2, 32, use_causal_mask=cross, cross_attention=cross, normalize_first=normalize_first
    )
    inputs = (x, memory) if cross else (x,)
    ours(*inputs)
    randomised(ours, rng)
    kind = torch.nn.TransformerDecoderLayer if cross else torch.nn.TransformerEncoderLayer
    theirs = kind(8, 2, 32, dropout=0.0, norm_first=normalize_first, batch_first=True)
    pairs = block_pairs(ours, theirs)
    copy(pairs)
    hidden = torch.from_numpy(~mask)
    masks = {"memory_mask": mask} if cross else {"padding_mask": mask}
    variables = [v.value for v in ours.trainable_variables]
    with tf.GradientTape(persistent=True) as tape:
        output = ours(*inputs, **masks)
    arguments = [torch.from_numpy(a) for a in inputs]
    if cross:
        expected = theirs(*arguments, tgt_mask=CAUSAL, memory_key_padding_mask=hidden)
    else:
        expected = theirs(*arguments, src_key_padding_mask=hidden)
    kind = f"{'decoder' if cross else 'encoder'}, {'pre' if normalize_first else 'post'}-norm"
    compare(
        f"transformer.TransformerBlock {kind}", "torch.nn", pairs, output, expected, variables,
        tape, parity,
    )  # fmt: skip


def test_attention_is_that_of_torch_and_keras(rng, parity):
    x, memory = (rng.normal(size=(3, n, 12)).astype("float32") for n in (5, 6))
    mask = np.arange(6) < np.array([6, 2, 4])[:, None]
    ours = MultiHeadAttention(3, 4)
    ours(x, memory)
    randomised(ours, rng)
    output, weights = ours(x, memory, value_mask=mask, return_attention_scores=True)
    theirs = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    copy(attention_pairs(ours, theirs))
    q, m = torch.from_numpy(x), torch.from_numpy(memory)
    hidden = torch.from_numpy(~mask)
    expected, expected_weights = theirs(
        q, m, m, key_padding_mask=hidden, average_attn_weights=False
    )
    kerass = keras.layers.MultiHeadAttention(3, 4)
    kerass(x, memory)
    kernels = np.split(ours.kernel.numpy(), 3, axis=1)
    biases = np.split(ours.bias.numpy(), 3)
    for name, kernel, bias in zip(("query", "key", "value"), kernels, biases, strict=True):
        layer = getattr(kerass, f"{name}_dense")
        layer.set_weights([kernel.reshape(12, 3, 4), bias.reshape(3, 4)])
    kernel, bias = ours.output_dense.get_weights()
    kerass.output_dense.set_weights([kernel.reshape(3, 4, 12), bias])
    also, also_weights = kerass(
        x, memory, attention_mask=mask[:, None], return_attention_scores=True
    )
    for what, found, reference, name in (
        ("output", output, expected.detach().numpy(), "torch.nn.MultiheadAttention"),
        ("weights", weights, expected_weights.detach().numpy(), "torch.nn.MultiheadAttention"),
        ("output, Keras", output, also, "keras.layers.MultiHeadAttention"),
        ("weights, Keras", weights, also_weights, "keras.layers.MultiHeadAttention"),
    ):
        parity(
            f"transformer.MultiHeadAttention {what}",
            reference=name,
            difference=np.abs(found - reference).max(),
            bound=1e-5,
        )
