"""Neurons, heads' weights and examples in texts by PyTorch, written by hand: see torch_hand.py.

    torch_units.py serve FOLDER      answers requests: see peer.py
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

import peer
from torch_hand import Model

# As many rows go through the model at a time as Summand takes.
WINDOWS_AT_ONCE = 6
TOP = 5
SEQUENCES, REPEATED = 4, 50


class Units(Model):
    def forward(self, ids, keep):
        """The stream after the last layer. `keep(layer, pattern, z, neurons)` sees each layer; where it takes no
        pattern there is none."""
        x = F.embedding(ids, self.embed)
        batch, length = ids.shape
        at = slice(0, length)
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        for n, layer in enumerate(self.layers):
            q, k, v = self.qkv(x, layer)
            q, k = self.rotated(q, at), self.rotated(k, at)
            pattern = None
            if keep.patterns:
                group = self.heads // self.groups
                scores = q @ k.repeat_interleave(group, 1).transpose(2, 3) / self.width**0.5
                pattern = scores.masked_fill_(hidden, -torch.inf).softmax(-1)
                z = pattern @ v.repeat_interleave(group, 1)
            else:
                z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
            x = x + F.linear(z.transpose(1, 2).reshape(batch, length, -1), layer["o"])
            gate, up = F.linear(self.normed(x, layer["norm2"]), layer["gate_up"]).chunk(2, -1)
            neurons = F.silu(gate) * up
            keep.see(n, pattern, z, neurons)
            x = x + F.linear(neurons, layer["down"])
        return x

    def dla_by_neuron(self, ids, last, answers):
        """[B, layers, neurons]"""
        rows = torch.arange(len(ids))
        kept = Kept(lambda n, pattern, z, neurons: neurons[rows, last])
        x = self.forward(ids, kept)[rows, last]
        scale = (x.square().mean(-1, keepdim=True) + self.eps).sqrt()
        direction = self.norm * self.embed[answers] / scale
        return torch.stack([act * (direction @ layer["down"]) for act, layer in zip(kept.found, self.layers)], 1)

    def examples(self, windows):
        """Of each neuron of the last layer its largest number in the best windows, [neurons, TOP]; the rates of firing
        are found too."""
        last, best, fired = self.count - 1, [], 0
        for some in windows.split(WINDOWS_AT_ONCE):
            kept = Kept(lambda n, pattern, z, neurons: neurons if n == last else None)
            self.forward(some, kept)
            best.append(kept.found[last].amax(1))
            fired = fired + (kept.found[last] > 0).sum((0, 1))
        found = torch.cat(best).topk(min(TOP, len(windows)), 0)
        return found.values.T

    def describe(self, first):
        """Every score of every head; those of the weights are given back: copying, positivity and norms of OV, QK."""
        random = torch.Generator().manual_seed(0)
        drawn = torch.stack(
            [torch.randperm(len(self.embed) - 100, generator=random)[:REPEATED] + 100 for _ in range(SEQUENCES)]
        )
        ids = torch.cat([torch.full((SEQUENCES, 1), first), drawn, drawn], 1)
        second = torch.arange(1 + REPEATED, ids.shape[1])
        every = torch.arange(2, ids.shape[1])
        scores = []

        def see(n, pattern, z, neurons):
            scores.append(
                [
                    pattern[:, :, every, every - 1].mean((0, 2)),
                    pattern[:, :, second, second - REPEATED].mean((0, 2)),
                    pattern[:, :, second, second - REPEATED + 1].mean((0, 2)),
                ]
            )
            return z[:, :, second[:-1]]

        kept = Kept(see, patterns=True)
        x = self.forward(ids, kept)[:, second[:-1]]
        scale = (x.square().mean(-1, keepdim=True) + self.eps).sqrt()
        onto = (self.embed[ids[:, second[1:]]] - self.embed.mean(0)) * self.norm / scale
        for found, layer, z in zip(scores, self.layers, kept.found):
            seen = (onto @ layer["o"]).view(*onto.shape[:2], self.heads, self.width).transpose(1, 2)
            found.append((z * seen).sum(-1).mean((0, 2)))
        return self.of_weights()

    def of_weights(self):
        inside, own, ov, qk = [], [], [], []
        product = self.embed.T @ (self.embed * self.norm)
        group = self.heads // self.groups
        for layer in self.layers:
            q, k, v = (layer["qkv"] * layer["norm1"]).view(-1, self.width, len(layer["norm1"])).split(
                [self.heads, self.groups, self.groups]
            )
            k, v = (x.repeat_interleave(group, 0) for x in (k, v))
            o = layer["o"].view(-1, self.heads, self.width).permute(1, 0, 2)  # [H, D, E]
            inside.append(v @ product @ o)
            own.append(v @ o)
            grams = [x @ x.transpose(1, 2) for x in (v, o.transpose(1, 2), q, k)]
            ov.append((grams[0] * grams[1]).sum((1, 2)).sqrt())
            qk.append((grams[2] * grams[3]).sum((1, 2)).sqrt())
        found = [positivity(torch.cat(x).double()) for x in (inside, own)]
        return torch.stack([*found, torch.cat(ov), torch.cat(qk)])


class Kept:
    """What is kept of each layer."""

    def __init__(self, see, patterns=False):
        self.function, self.patterns, self.found = see, patterns, []

    def see(self, *layer):
        self.found.append(self.function(*layer))


def positivity(matrices):
    values = torch.linalg.eigvals(matrices)
    return values.sum(-1).real / values.abs().sum(-1)


def works(folder):
    model, given = Units(folder), peer.inputs(folder)
    rows, last = map(torch.tensor, peer.padded([p["tokens"] for p in given["prompts"]]))
    answers = torch.tensor([p["answer"] for p in given["prompts"]])
    windows = torch.tensor(json.loads((Path(folder) / "windows.json").read_text()))
    return {
        "neurons": lambda: model.dla_by_neuron(rows, last, answers),
        "describe": lambda: model.describe(given["colosseum"]["tokens"][0]),
        "examples": lambda: model.examples(windows),
        "few examples": lambda: model.examples(windows[: TOP * 2]),
    }


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    with torch.inference_mode():
        peer.serve(works(sys.argv[2]))
