"""BERT against Hugging Face's: random tiny checkpoints, written there and read here."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.bert import BERT, Pretraining

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Theirs, and ours read from its folder."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_attention_heads=2, num_hidden_layers=2,
        intermediate_size=40, max_position_embeddings=12,
    )  # fmt: skip
    theirs = transformers.BertForPreTraining(config).eval()
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("bert")
    theirs.save_pretrained(folder)
    return theirs, BERT.from_checkpoint(folder), folder


@pytest.fixture
def texts():
    ids = np.random.default_rng(0).integers(1, 50, (3, 9))
    ids[1, 6:] = 0
    segments = np.broadcast_to(np.arange(9) > 4, (3, 9)).astype("int64")
    return ids, segments


def test_vectors_and_gradients(pair, texts, parity):
    theirs, ours, _ = pair
    ids, segments = texts
    weight = np.random.default_rng(1).normal(size=(3, 9, 16)).astype("float32")
    weight[ids == 0] = 0  # what stands in padding, nobody uses
    variables = [ours.get_layer("embedding").embeddings, ours.get_layer("block1").attention.kernel]
    with tf.GradientTape() as tape:
        tokens, pooled = ours((ids, segments))
        total = tf.reduce_sum(tokens * weight) + tf.reduce_sum(pooled)
    found = tape.gradient(total, [v.value for v in variables])
    expected = theirs.bert(
        input_ids=torch.from_numpy(ids), token_type_ids=torch.from_numpy(segments),
        attention_mask=torch.from_numpy((ids != 0).astype("int64")),
    )  # fmt: skip
    said = expected.last_hidden_state
    difference = np.abs(tokens - said.detach().numpy())[ids != 0].max()
    parity("bert.BERT", reference="transformers.BertModel", difference=difference, bound=1e-5)
    difference = np.abs(pooled - expected.pooler_output.detach().numpy()).max()
    parity(
        "bert.BERT pooled", reference="transformers.BertModel", difference=difference, bound=1e-5
    )
    theirs.zero_grad()
    ((said * torch.from_numpy(weight)).sum() + expected.pooler_output.sum()).backward()
    attention = theirs.bert.encoder.layer[0].attention.self
    kernel = [getattr(attention, n).weight.grad.T for n in ("query", "key", "value")]
    references = [theirs.bert.embeddings.word_embeddings.weight.grad, torch.cat(kernel, 1)]
    largest = max(
        np.abs(tf.convert_to_tensor(a) - b.numpy())[1 if a.shape[0] == 50 else 0 :].max()
        for a, b in zip(found, references, strict=True)  # row 0: PyTorch holds padding still
    )
    parity(
        "bert.BERT gradients", reference="transformers.BertModel", difference=largest, bound=1e-4
    )


def test_the_two_tasks_of_pretraining(pair, texts, parity):
    theirs, _, folder = pair
    ids, segments = texts
    places = np.array([[1, 4], [2, 5], [0, 8]])
    ours = Pretraining.from_checkpoint(folder)
    masked, follows = ours((ids, segments, places))
    expected = theirs(
        input_ids=torch.from_numpy(ids), token_type_ids=torch.from_numpy(segments),
        attention_mask=torch.from_numpy((ids != 0).astype("int64")),
    )  # fmt: skip
    logits = np.take_along_axis(
        expected.prediction_logits.detach().numpy(), places[..., None], axis=1
    )
    for what, found, reference in (
        ("masked tokens", masked, logits),
        # Hugging Face's first class is "follows"
        ("next sentence", follows, expected.seq_relationship_logits.detach().numpy()[:, ::-1]),
    ):
        parity(
            f"bert.Pretraining {what}",
            reference="transformers.BertForPreTraining",
            difference=np.abs(keras.ops.convert_to_numpy(found) - reference).max(),
            bound=1e-5,
        )
