"""Attention, the whole encoder–decoder and its score against Keras's own layer and PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels import seq2seq

torch = pytest.importorskip("torch")


def randomise(layer, rng) -> list[np.ndarray]:
    """Weights by fan-in, so that nothing saturates; biases too."""
    weights = [rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in layer.weights]
    layer.set_weights(weights)
    return layer.get_weights()


def attention_inputs(rng):
    query, value, key = (
        rng.normal(size=s).astype("float32") for s in ((3, 4, 16), (3, 6, 16), (3, 6, 16))
    )
    mask = np.arange(6) < np.array([6, 2, 4])[:, None]
    return query, value, key, mask


def test_dot_product_attention_is_one_head_of_keras(rng, parity):
    query, value, key, mask = attention_inputs(rng)
    ours = seq2seq.DotProductAttention(16)
    theirs = keras.layers.MultiHeadAttention(num_heads=1, key_dim=16)
    for layer in (ours, theirs):
        layer(query, value, key)
    randomise(ours, rng)
    for mine, name in ((ours.query_dense, "query"), (ours.key_dense, "key")):
        kernel, bias = mine.get_weights()
        getattr(theirs, f"{name}_dense").set_weights([kernel[:, None], bias[None]])
    kernel, bias = ours.value_dense.get_weights()
    theirs.value_dense.set_weights([kernel[:, None], bias[None]])
    last, shift = rng.normal(size=(16, 16)) / 4, rng.normal(size=16)
    theirs.output_dense.set_weights([last[None], shift])
    output, weights = ours(query, value, key, value_mask=mask)
    expected, expected_weights = theirs(
        query, value, key, attention_mask=mask[:, None], return_attention_scores=True
    )
    for what, found, reference in (
        ("output", output @ last.astype("float32") + shift, expected),
        ("weights", weights, expected_weights[:, 0]),
    ):
        parity(
            f"seq2seq.DotProductAttention {what}",
            reference="keras.layers.MultiHeadAttention",
            difference=np.abs(found - reference).max(),
            bound=1e-5,
        )


def test_dot_product_attention_is_that_of_torch(rng, parity):
    query, value, key, mask = attention_inputs(rng)
    ours = seq2seq.DotProductAttention(16)
    ours(query, value, key)
    randomise(ours, rng)
    q, k, v = (
        torch.from_numpy(x) @ torch.from_numpy(kernel) + torch.from_numpy(bias)
        for x, (kernel, bias) in zip(
            (query, key, value),
            (d.get_weights() for d in (ours.query_dense, ours.key_dense, ours.value_dense)),
            strict=True,
        )
    )
    expected = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=torch.from_numpy(mask[:, None])
    )
    parity(
        "seq2seq.DotProductAttention",
        reference="torch.nn.functional.scaled_dot_product_attention",
        difference=np.abs(ours(query, value, key, value_mask=mask)[0] - expected.numpy()).max(),
        bound=1e-5,
    )


def test_additive_attention_is_its_formula_in_torch(rng, parity):
    """One query at a time, with the sums as the paper writes them."""
    query, value, key, mask = attention_inputs(rng)
    ours = seq2seq.BahdanauAttention(8)
    ours(query, value, key)
    w, u, v = (torch.from_numpy(x) for x in randomise(ours, rng))
    output, weights = ours(query, value, key, value_mask=mask)
    differences = []
    for b in range(3):
        n = int(mask[b].sum())
        for t in range(4):
            e = torch.stack(
                [v[:, 0] @ torch.tanh(w.T @ torch.from_numpy(query[b, t]) + u.T @ k)
                 for k in torch.from_numpy(key[b, :n])]
            )  # fmt: skip
            alpha = torch.softmax(e, 0)
            expected = alpha @ torch.from_numpy(value[b, :n])
            differences += [
                np.abs(weights[b, t, :n] - alpha.numpy()).max(),
                np.abs(output[b, t] - expected.numpy()).max(),
            ]
    parity(
        "seq2seq.BahdanauAttention",
        reference="torch.tanh and torch.softmax",
        difference=max(differences),
        bound=1e-5,
    )


class TorchSeq2Seq(torch.nn.Module):
    """`aimodels.seq2seq.Seq2Seq` with dot-product attention, from its description."""

    def __init__(self, source_size, target_size, embedding, units):
        super().__init__()
        nn = torch.nn
        self.source = nn.Embedding(source_size, embedding)
        self.encoder = nn.LSTM(embedding, units // 2, bidirectional=True, batch_first=True)
        self.target = nn.Embedding(target_size, embedding)
        self.decoder = nn.LSTM(embedding, units, batch_first=True)
        self.q, self.k, self.v = (nn.Linear(units, units) for _ in range(3))
        self.combine = nn.Linear(2 * units, units)
        self.logits = nn.Linear(units, target_size)

    def forward(self, source, target):
        pack, pad = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
        lengths = (source != 0).sum(1)
        packed = pack(self.source(source), lengths, batch_first=True, enforce_sorted=False)
        encoded, state = self.encoder(packed)
        encoded, _ = pad(encoded, batch_first=True)
        h, c = (torch.cat([s[0], s[1]], dim=1)[None] for s in state)
        y, _ = self.decoder(self.target(target), (h, c))
        context = torch.nn.functional.scaled_dot_product_attention(
            self.q(y), self.k(encoded), self.v(encoded), attn_mask=(source != 0)[:, None]
        )
        return self.logits(torch.tanh(self.combine(torch.cat([y, context], dim=2))))


def test_the_whole_model_with_its_gradients(rng, parity):
    ours = seq2seq.Seq2Seq(12, 9, embedding_dim=6, units=8)
    ours.set_weights([rng.normal(size=w.shape) / w.shape[0] ** 0.5 for w in ours.weights])
    theirs = TorchSeq2Seq(12, 9, 6, 8)
    encoder = ours.get_layer("encoder")
    embedding, bidirectional = (layer for layer in encoder.layers if layer.weights)
    pairs = [(theirs.source.weight, embedding.weights[0], False)]
    lstms = [
        (theirs.encoder, "", bidirectional.forward_layer),
        (theirs.encoder, "_reverse", bidirectional.backward_layer),
        (theirs.decoder, "", ours.get_layer("decoder1")),
    ]
    for module, suffix, layer in lstms:  # gates in both: i, f, c, o; PyTorch has a second bias
        kernel, recurrent, bias = layer.weights
        pairs += [
            (getattr(module, f"weight_ih_l0{suffix}"), kernel, True),
            (getattr(module, f"weight_hh_l0{suffix}"), recurrent, True),
            (getattr(module, f"bias_ih_l0{suffix}"), bias, False),
        ]
        getattr(module, f"bias_hh_l0{suffix}").data.zero_()
    attention = ours.get_layer("attention")
    pairs.append((theirs.target.weight, ours.get_layer("embedding").weights[0], False))
    for module, layer in (
        (theirs.q, attention.query_dense),
        (theirs.k, attention.key_dense),
        (theirs.v, attention.value_dense),
        (theirs.combine, ours.get_layer("combine")),
        (theirs.logits, ours.get_layer("logits")),
    ):
        pairs += [(module.weight, layer.kernel, True), (module.bias, layer.bias, False)]
    assert len(pairs) == len(ours.trainable_variables)
    for parameter, variable, transpose in pairs:
        value = variable.numpy()
        parameter.data = torch.from_numpy((value.T if transpose else value).copy())

    source = rng.integers(1, 12, (5, 6))
    source[2:, 3:] = 0
    target = rng.integers(1, 9, (5, 5))
    target[3:, 2:] = 0
    x, y = target[:, :-1], target[:, 1:]
    expected = theirs(torch.from_numpy(source), torch.from_numpy(x))
    variables = ours.trainable_variables
    with tf.GradientTape() as tape:
        logits = ours((source, x))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)(
            y, logits
        )
    gradients = tape.gradient(loss, [v.value for v in variables])
    parity(
        "seq2seq.Seq2Seq logits",
        reference="torch.nn",
        difference=np.abs(logits - expected.detach().numpy()).max(),
        bound=1e-5,
    )
    expected_loss = torch.nn.functional.cross_entropy(
        expected.transpose(1, 2), torch.from_numpy(y), ignore_index=0
    )
    expected_loss.backward()
    parity(
        "seq2seq.Seq2Seq masked loss",
        reference="torch.nn.functional.cross_entropy",
        difference=abs(float(loss) - expected_loss.item()),
        bound=1e-5,
    )
    found = {id(v): g for v, g in zip(variables, gradients, strict=True)}
    differences = []
    for parameter, variable, transpose in pairs:
        gradient = tf.convert_to_tensor(found[id(variable)]).numpy()
        differences.append(
            np.abs((gradient.T if transpose else gradient) - parameter.grad.numpy()).max()
        )
        if parameter is not theirs.k.bias:  # q·b is the same for all keys: softmax ignores it
            assert parameter.grad.abs().max() > 1e-5
    parity(
        "seq2seq.Seq2Seq gradients",
        reference="torch.nn",
        difference=max(differences),
        bound=1e-5,
    )
