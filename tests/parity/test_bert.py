"""BERT against Hugging Face's: random tiny checkpoints, written there and read here."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from aimodels.bert import BERT, BERTPretraining

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
    token_ids = np.random.default_rng(0).integers(1, 50, (3, 9))
    token_ids[1, 6:] = 0
    segment_ids = np.broadcast_to(np.arange(9) > 4, (3, 9)).astype("int64")
    return token_ids, segment_ids


def test_vectors_and_gradients(pair, texts, parity):
    theirs, ours, _ = pair
    token_ids, segment_ids = texts
    weight = np.random.default_rng(1).normal(size=(3, 9, 16)).astype("float32")
    weight[token_ids == 0] = 0  # nobody uses the vectors of padding
    variables = [ours.get_layer("embedding").embeddings, ours.get_layer("block1").attention.kernel]
    with tf.GradientTape() as tape:
        tokens, pooled = ours((token_ids, segment_ids))
        total = tf.reduce_sum(tokens * weight) + tf.reduce_sum(pooled)
    gradients = tape.gradient(total, [v.value for v in variables])
    expected = theirs.bert(
        input_ids=torch.from_numpy(token_ids), token_type_ids=torch.from_numpy(segment_ids),
        attention_mask=torch.from_numpy((token_ids != 0).astype("int64")),
    )  # fmt: skip
    expected_tokens = expected.last_hidden_state
    difference = np.abs(tokens - expected_tokens.detach().numpy())[token_ids != 0].max()
    parity("bert.BERT", reference="transformers.BertModel", difference=difference, bound=1e-5)
    difference = np.abs(pooled - expected.pooler_output.detach().numpy()).max()
    parity(
        "bert.BERT pooled", reference="transformers.BertModel", difference=difference, bound=1e-5
    )
    theirs.zero_grad()
    ((expected_tokens * torch.from_numpy(weight)).sum() + expected.pooler_output.sum()).backward()
    attention = theirs.bert.encoder.layer[0].attention.self
    kernel = [getattr(attention, n).weight.grad.T for n in ("query", "key", "value")]
    references = [theirs.bert.embeddings.word_embeddings.weight.grad, torch.cat(kernel, 1)]
    largest = max(
        np.abs(tf.convert_to_tensor(a) - b.numpy())[1 if a.shape[0] == 50 else 0 :].max()
        for a, b in zip(gradients, references, strict=True)  # row 0: PyTorch holds padding still
    )
    parity(
        "bert.BERT gradients", reference="transformers.BertModel", difference=largest, bound=1e-4
    )


def test_the_two_tasks_of_pretraining(pair, texts, parity):
    theirs, _, folder = pair
    token_ids, segment_ids = texts
    positions = np.array([[1, 4], [2, 5], [0, 8]])
    ours = BERTPretraining.from_checkpoint(folder)
    masked, follows = ours((token_ids, segment_ids, positions))
    expected = theirs(
        input_ids=torch.from_numpy(token_ids), token_type_ids=torch.from_numpy(segment_ids),
        attention_mask=torch.from_numpy((token_ids != 0).astype("int64")),
    )  # fmt: skip
    logits = np.take_along_axis(
        expected.prediction_logits.detach().numpy(), positions[..., None], axis=1
    )
    for task, outputs, reference in (
        ("masked tokens", masked, logits),
        # Hugging Face's first class is "follows"
        ("next sentence", follows, expected.seq_relationship_logits.detach().numpy()[:, ::-1]),
    ):
        parity(
            f"bert.BERTPretraining {task}",
            reference="transformers.BertForPreTraining",
            difference=np.abs(keras.ops.convert_to_numpy(outputs) - reference).max(),
            bound=1e-5,
        )


@pytest.mark.parametrize("kind", [BERT, BERTPretraining])
def test_misspelt_arguments_are_refused(pair, kind):
    with pytest.raises(TypeError, match="no argument 'droput'; did you mean 'dropout'"):
        kind.from_checkpoint(pair[2], droput=0.0)
    assert kind.from_checkpoint(pair[2], dropout=0.0).count_params() > pair[1].count_params() - 1
