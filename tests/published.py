"""Small models written to folders as Hugging Face writes them."""

import json
from pathlib import Path

from safetensors.numpy import load_file, save_file

BLOCK = {  # our layers of a block: theirs
    "bert": {
        "attention_norm": "attention.output.LayerNorm",
        "attention.output_dense": "attention.output.dense",
        "feedforward_intermediate": "intermediate.dense",
        "feedforward_output": "output.dense",
        "feedforward_norm": "output.LayerNorm",
    },
    "gpt2": {
        "attention_norm": "ln_1",
        "attention": "attn.c_attn",
        "attention.output_dense": "attn.c_proj",
        "feedforward_norm": "ln_2",
        "feedforward_intermediate": "mlp.c_fc",
        "feedforward_output": "mlp.c_proj",
    },
}


def write_gpt(model, folder: Path) -> Path:
    ours = model.config
    config = {
        "model_type": "gpt2", "vocab_size": ours["vocabulary_size"], "n_embd": ours["hidden_dim"],
        "n_head": ours["num_heads"], "n_layer": ours["num_layers"], "n_inner": None,
        "n_positions": ours["max_sequence_length"], "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
    }  # fmt: skip
    weights = {
        "wte.weight": model.get_layer("embedding").embeddings,
        "wpe.weight": model.get_layer("positions").table,
        "ln_f.weight": model.get_layer("norm").gamma,
        "ln_f.bias": model.get_layer("norm").beta,
        **_blocks(model, "gpt2", "h.{}."),
    }
    return _write(folder, config, weights, "transformer.")


def write_bert(model, folder: Path) -> Path:
    ours = model.config
    config = {
        "model_type": "bert", "vocab_size": ours["vocabulary_size"],
        "hidden_size": ours["hidden_dim"], "num_attention_heads": ours["num_heads"],
        "num_hidden_layers": ours["num_layers"], "intermediate_size": 4 * ours["hidden_dim"],
        "max_position_embeddings": ours["max_sequence_length"],
    }  # fmt: skip
    weights = {
        "embeddings.word_embeddings.weight": model.get_layer("embedding").embeddings,
        "embeddings.token_type_embeddings.weight": model.get_layer("segment_embedding").embeddings,
        "embeddings.position_embeddings.weight": model.get_layer("position_embedding").table,
        "embeddings.LayerNorm.weight": model.get_layer("norm").gamma,
        "embeddings.LayerNorm.bias": model.get_layer("norm").beta,
        "pooler.dense.weight": model.get_layer("pooler").kernel.numpy().T,
        "pooler.dense.bias": model.get_layer("pooler").bias,
        **_blocks(model, "bert", "encoder.layer.{}."),
    }
    dim = ours["hidden_dim"]
    for i in range(ours["num_layers"]):
        attention = model.get_layer(f"block{i + 1}").attention
        for k, part in enumerate(("query", "key", "value")):
            name, columns = (
                f"encoder.layer.{i}.attention.self.{part}",
                slice(k * dim, k * dim + dim),
            )
            weights[f"{name}.weight"] = attention.kernel.numpy()[:, columns].T
            weights[f"{name}.bias"] = attention.bias.numpy()[columns]
    return _write(folder, config, weights, "bert.")


def _blocks(model, model_type: str, prefix: str) -> dict:
    weights = {}
    for i in range(model.config["num_layers"]):
        for ours, theirs in BLOCK[model_type].items():
            layer = model.get_layer(f"block{i + 1}")
            for part in ours.split("."):
                layer = getattr(layer, part)
            weight, bias = (variable.numpy() for variable in layer.weights[:2])
            name = prefix.format(i) + theirs
            transposed = model_type == "bert" and weight.ndim == 2
            weights[f"{name}.weight"] = weight.T if transposed else weight
            weights[f"{name}.bias"] = bias
    return weights


def _write(folder: Path, config: dict, weights: dict, prefix: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    arrays = {
        prefix + name: getattr(value, "numpy", lambda value=value: value)().copy()
        for name, value in weights.items()
    }
    save_file(arrays, folder / "model.safetensors")
    return folder


def change_config(folder: Path, **changes) -> None:
    """Change settings in config.json; None takes one away."""
    config = json.loads((folder / "config.json").read_text()) | changes
    left = {key: value for key, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(left))


def change_weights(folder: Path, change) -> None:
    """Write the weights again as `change(weights)` returns them."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path)
