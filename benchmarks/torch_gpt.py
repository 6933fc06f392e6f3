"""GPT-2 in plain PyTorch, as its best users write it: a peer for `gpt_speed` and others.

Fused projections, fused attention, tied weights; names as in Hugging Face's checkpoints.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F  # noqa: N812


class _Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.ModuleDict(
            {"c_attn": nn.Linear(width, 3 * width), "c_proj": nn.Linear(width, width)}
        )
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x, cache=None, at=0):
        rows, length, width = x.shape
        qkv = self.attn["c_attn"](self.ln_1(x)).view(rows, length, 3, self.heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        if cache is not None:
            cache[0][:, :, at : at + length], cache[1][:, :, at : at + length] = k, v
            k, v = cache[0][:, :, : at + length], cache[1][:, :, : at + length]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=length > 1)
        x = x + self.attn["c_proj"](y.transpose(1, 2).reshape(rows, length, width))
        h = F.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](h)


class TorchGPT(nn.Module):
    """Ids (B, T) -> logits (B, T, V), or of the last place alone with a cache."""

    def __init__(self, vocabulary: int, width: int, heads: int, layers: int, length: int):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.h = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                nn.init.normal_(weight, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def load(self, folder: str) -> "TorchGPT":
        """The weights of a folder in the form of Hugging Face, which stores dense layers turned."""
        dense = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
        weights = load_file(Path(folder, "model.safetensors"))
        self.load_state_dict({k: w.T if k.endswith(dense) else w for k, w in weights.items()})
        return self

    def forward(self, ids, caches=None, at=0):
        x = self.wte(ids) + self.wpe.weight[at : at + ids.shape[1]]
        for i, block in enumerate(self.h):
            x = block(x, caches and caches[i], at)
        x = self.ln_f(x[:, -1:] if caches else x)
        return x @ self.wte.weight.T

    @torch.inference_mode()
    def write(self, ids, new: int):
        """So many tokens more for each row, the most probable ones; the cache is made once."""
        heads, width = self.h[0].heads, self.wpe.weight.shape[1]
        shape = (len(ids), heads, ids.shape[1] + new, width // heads)
        caches = [[torch.zeros(shape), torch.zeros(shape)] for _ in self.h]
        written, at = [], 0
        for _ in range(new):
            logits = self(ids, caches, at)[:, -1]
            at, ids = at + ids.shape[1], logits.argmax(-1, keepdim=True)
            written.append(ids)
        return torch.cat(written, dim=1)
