"""GPT against Hugging Face's GPT-2: random tiny checkpoints, written there and read here."""

import json

import numpy as np
import pytest
import tensorflow as tf

from aimodels.cli import main
from aimodels.decoding import generate
from aimodels.gpt import GPT
from aimodels.text import BytePairTokenizer

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


@pytest.mark.parametrize("newer_files", [False, True])
def test_the_command_writes_what_they_write(newer_files, tmp_path, capsys):
    """A folder with all the files of a published GPT-2, the tokenizer's older or newer ones."""
    text = "春眠不觉晓, to be or not to be, that is the question. " * 20
    merges = BytePairTokenizer.train([text], num_merges=40)
    tokens = [*merges.vocabulary, "<|endoftext|>"]
    (tmp_path / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(tokens)}))
    merges.save(tmp_path / "merges.txt")
    theirs_tokenizer = transformers.GPT2TokenizerFast.from_pretrained(tmp_path)
    if newer_files:
        theirs_tokenizer.save_pretrained(tmp_path)
        (tmp_path / "vocab.json").unlink()
        (tmp_path / "merges.txt").unlink()
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=len(tokens), n_embd=16, n_head=2, n_layer=2, n_positions=64,
        bos_token_id=len(tokens) - 1, eos_token_id=len(tokens) - 1,
    )  # fmt: skip
    theirs = transformers.GPT2LMHeadModel(config).eval()
    for parameter in theirs.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    theirs.save_pretrained(tmp_path)
    prompt = "To be 春"
    inputs = theirs_tokenizer(prompt, return_tensors="pt")
    answer = theirs.generate(**inputs, max_new_tokens=40, do_sample=False, pad_token_id=0)
    expected = theirs_tokenizer.decode(answer[0], skip_special_tokens=True)
    options = ["--prompt", prompt, "--temperature", "0", "--max-tokens", "40"]
    assert main(["generate", "--folder", str(tmp_path), *options]) == 0
    written = capsys.readouterr().out.removesuffix("\n")
    # A character whose last byte has not come is not shown; theirs shows its beginning as one.
    assert len(written) > len(prompt) + 5
    assert written == expected.rstrip("\ufffd") or written == expected
