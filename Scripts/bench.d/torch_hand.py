"""PyTorch written by hand, as one would who is after speed.

    torch_hand.py serve FOLDER      answers requests: see peer.py
    torch_hand.py start FOLDER      loads the model, prints one attribution table and ends

Projections that read the same rows are one matrix, only last positions are unembedded, prompts are one
batch, and a sweep goes layer by layer with all its runs at once, which use the clean run's keys and
values again.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open

import peer


class Model:
    def __init__(self, folder):
        c = json.loads((Path(folder) / "config.json").read_text())
        self.heads, self.groups = c["num_attention_heads"], c["num_key_value_heads"]
        self.eps, self.count = c["rms_norm_eps"], c["num_hidden_layers"]
        self.width = c["hidden_size"] // self.heads
        with safe_open(Path(folder) / "model.safetensors", "pt") as file:
            w = {name: file.get_tensor(name) for name in file.keys()}
        self.embed, self.norm = w["model.embed_tokens.weight"], w["model.norm.weight"]

        def layer(n):
            at = lambda name: w[f"model.layers.{n}.{name}.weight"]
            attention, mlp = "self_attn.{}_proj", "mlp.{}_proj"
            return dict(
                norm1=at("input_layernorm"),
                qkv=torch.cat([at(attention.format(x)) for x in "qkv"]),
                o=at(attention.format("o")),
                norm2=at("post_attention_layernorm"),
                gate_up=torch.cat([at(mlp.format(x)) for x in ("gate", "up")]),
                down=at(mlp.format("down")),
            )

        self.layers = [layer(n) for n in range(self.count)]
        half = self.width // 2
        frequencies = c["rope_theta"] ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.outer(torch.arange(1024, dtype=torch.float64), frequencies)
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def rotated(self, x, at):
        """RoPE of [..., positions, width]."""
        cos, sin = self.cos[at], self.sin[at]
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def normed(self, x, weight):
        return F.rms_norm(x, (x.shape[-1],), weight, self.eps)

    def qkv(self, x, layer):
        """[B, H, T, E], [B, K, T, E], [B, K, T, E], not rotated."""
        batch, length, _ = x.shape
        y = F.linear(self.normed(x, layer["norm1"]), layer["qkv"])
        y = y.view(batch, length, -1, self.width).transpose(1, 2)
        return y.split([self.heads, self.groups, self.groups], dim=1)

    def mlp(self, x, layer):
        gate, up = F.linear(self.normed(x, layer["norm2"]), layer["gate_up"]).chunk(2, -1)
        return F.linear(F.silu(gate) * up, layer["down"])

    def run(self, ids, keep=None):
        """The stream after the last layer [B, T, D]. `keep(layer, x, q, k, v, z)` sees each layer."""
        x = F.embedding(ids, self.embed)
        batch, length = ids.shape
        at = slice(0, length)
        for n, layer in enumerate(self.layers):
            q, k, v = self.qkv(x, layer)
            q, k = self.rotated(q, at), self.rotated(k, at)
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            z = z.transpose(1, 2).reshape(batch, length, -1)
            if keep:
                keep(n, x, q, k, v, z)
            x = x + F.linear(z, layer["o"])
            x = x + self.mlp(x, layer)
        return x

    def logits(self, ids, last):
        x = self.run(ids)[torch.arange(len(ids)), last]
        return F.linear(self.normed(x, self.norm), self.embed)

    def dla_by_source(self, ids, last, answers):
        """[B, layers, heads, sources]: what each head writes from each source, along the answer."""
        rows = torch.arange(len(ids))
        patterns, values = [], []
        seen = torch.arange(ids.shape[1]) <= last[:, None]  # [B, S]

        def keep(n, x, q, k, v, z):
            query = q[rows, :, last].view(len(ids), self.groups, -1, self.width)
            scores = query @ k.transpose(2, 3) / self.width**0.5
            patterns.append(scores.masked_fill(~seen[:, None, None], -torch.inf).softmax(-1))
            values.append(v)

        x = self.run(ids, keep)[rows, last]
        scale = (x.square().mean(-1, keepdim=True) + self.eps).sqrt()
        direction = self.norm * self.embed[answers] / scale
        tables = []
        for layer, pattern, v in zip(self.layers, patterns, values):
            u = direction @ layer["o"]  # back through W_O
            u = u.view(len(ids), self.groups, -1, self.width)
            tables.append((u @ v.transpose(2, 3) * pattern).flatten(1, 2))
        return torch.stack(tables, 1)

    def ablate_each_head(self, ids, answer, foils):
        """Effects on the logit difference of zeroing each head at the last position [layers · heads]."""
        at = ids.shape[1] - 1
        clean = []
        direction = self.embed[answer] - self.embed[foils].mean(0)
        whole = lambda x: self.normed(x, self.norm) @ direction
        end = self.run(ids, lambda n, x, q, k, v, z: clean.append((x[0, -1], k[0], v[0], z[0, -1])))
        kept = 1 - torch.eye(self.heads).repeat_interleave(self.width, 1)
        x = torch.empty(0, self.embed.shape[1])
        for layer, (stream, keys, values, z) in zip(self.layers, clean):
            mixed = z * kept
            if len(x):
                # Earlier positions are as in the clean run; only the last one differs.
                mixed = torch.cat([self.last_row(x, layer, at, keys, values), mixed])
            x = torch.cat([x, stream.expand(self.heads, -1)])
            x = x + F.linear(mixed, layer["o"])
            x = x + self.mlp(x, layer)
        return whole(x) - whole(end[0, -1])

    def last_row(self, x, layer, at, keys, values):
        """z of rows that stand at the last position, each with its own key and value there."""
        q, k, v = (y[0] for y in self.qkv(x[None], layer))  # [heads, rows, E]
        position = slice(at, at + 1)
        q, k = self.rotated(q, position), self.rotated(k, position)
        q = q.view(self.groups, -1, *q.shape[1:])
        before = q @ keys[:, None, :at].transpose(2, 3)
        own = (q * k[:, None]).sum(-1, keepdim=True)
        pattern = (torch.cat([before, own], -1) / self.width**0.5).softmax(-1)
        z = pattern[..., :at] @ values[:, None, :at] + pattern[..., at:] * v[:, None]
        return z.flatten(0, 1).transpose(0, 1).reshape(len(x), -1)


def works(folder):
    model, given = Model(folder), peer.inputs(folder)
    one = given["colosseum"]
    ids, long, longer = (torch.tensor([x]) for x in (one["tokens"], given["long"], given["longer"]))
    rows, last = map(torch.tensor, peer.padded([p["tokens"] for p in given["prompts"]]))
    answers = torch.tensor([p["answer"] for p in given["prompts"]])
    real = (torch.arange(rows.shape[1]) <= last[:, None])[:, None, None].expand(
        -1, model.count, model.heads, -1
    )
    return {
        "forward": lambda: model.logits(ids, [-1]),
        "long": lambda: model.logits(long, [-1]),
        "longer": lambda: model.logits(longer, [-1]),
        "batch": lambda: model.logits(rows, last)[torch.arange(len(rows)), answers],
        "dla": lambda: model.dla_by_source(rows, last, answers)[real],
        "ablate": lambda: model.ablate_each_head(ids, one["answer"], one["foils"]),
    }


def start(folder):
    model, one = Model(folder), peer.inputs(folder)["colosseum"]
    table = model.dla_by_source(
        torch.tensor([one["tokens"]]), torch.tensor([len(one["tokens"]) - 1]), [one["answer"]]
    )
    peer.print_top(model.heads, table[0].sum(-1))


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    with torch.inference_mode():
        if sys.argv[1] == "serve":
            peer.serve(works(sys.argv[2]))
        else:
            start(sys.argv[2])
