"""GPT against Hugging Face's GPT-2: random tiny checkpoints, written there and read here."""

import numpy as np
import pytest
import tensorflow as tf

from aimodels.decoding import generate
from aimodels.gpt import GPT

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Theirs, and ours read from its folder."""
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=50, n_embd=16, n_head=2, n_layer=2, n_positions=12, n_inner=40,
        bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).eval()
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("gpt2")
    theirs.save_pretrained(folder)
    return theirs, GPT.from_checkpoint(folder)


def test_logits_and_gradients(pair, parity):
    theirs, ours = pair
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 50, (3, 9))
    weight = rng.normal(size=(3, 9, 50)).astype("float32")
    variables = [ours.get_layer("embedding").embeddings, ours.get_layer("block1").attention.kernel]
    with tf.GradientTape() as tape:
        logits = ours(ids)
        total = tf.reduce_sum(logits * weight)
    found = tape.gradient(total, [v.value for v in variables])
    expected = theirs(torch.from_numpy(ids)).logits
    parity(
        "gpt.GPT",
        reference="transformers.GPT2LMHeadModel",
        difference=np.abs(logits - expected.detach().numpy()).max(),
        bound=1e-5,
    )
    theirs.zero_grad()
    (expected * torch.from_numpy(weight)).sum().backward()
    references = [theirs.transformer.wte.weight, theirs.transformer.h[0].attn.c_attn.weight]
    largest = max(
        np.abs(tf.convert_to_tensor(a) - b.grad.numpy()).max()
        for a, b in zip(found, references, strict=True)
    )
    parity(
        "gpt.GPT gradients",
        reference="transformers.GPT2LMHeadModel",
        difference=largest,
        bound=1e-4,
    )


def test_greedy_generation_to_the_token(pair):
    theirs, ours = pair
    prompt = [7, 3, 11]
    expected = theirs.generate(
        torch.tensor([prompt]), attention_mask=torch.ones(1, 3, dtype=torch.long),
        max_new_tokens=9, do_sample=False, repetition_penalty=1.4, eos_token_id=None,
        pad_token_id=0,
    )[0, 3:]  # fmt: skip
    [answer] = generate(ours, [prompt], 9, repetition_penalty=1.4)
    assert len(set(answer.tolist())) > 1
    assert answer.tolist() == expected.tolist()
