"""Gradients, attribution patching, EAP and EAP-IG by PyTorch's autograd, written by hand: see torch_hand.py.

    torch_circuits.py serve FOLDER      answers requests: see peer.py

Weights are frozen, prompts are one batch, and one run backwards serves every number. Queries, keys and values of each
query head are read from copies of the stream, so that their derivatives are edges'. All scores of a layer's edges are
one product.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F

import peer
from torch_hand import Model

STEPS = 5


class Circuits(Model):
    def __init__(self, folder):
        super().__init__(folder)
        group = self.heads // self.groups
        for layer in self.layers:
            q, k, v = layer["qkv"].view(-1, self.width, layer["qkv"].shape[1]).split(
                [self.heads, self.groups, self.groups]
            )
            # [queries, keys and values of all query heads, E, D]
            layer["own"] = torch.cat([q, *(x.repeat_interleave(group, 0) for x in (k, v))])
            layer["o_heads"] = layer["o"].view(-1, self.heads, self.width)

    def forward(self, embedded, see, edges=False):
        """The stream after the last layer. `see(name, x)` sees what may be differentiated by."""
        x = see("embed", embedded)
        at = slice(0, x.shape[1])
        for layer in self.layers:
            x = see("resid_pre", x)
            q, k, v = self.read(x, layer, see, edges)
            q, k = self.rotated(q, at), self.rotated(k, at)
            z = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=not edges)
            z = see("z", z.transpose(1, 2))
            x = see("resid_mid", x + see("attn_out", F.linear(z.flatten(2), layer["o"])))
            copy = see("mlp_in", x.view_as(x)) if edges else x
            gate, up = F.linear(self.normed(copy, layer["norm2"]), layer["gate_up"]).chunk(2, -1)
            hidden = see("mlp_post", F.silu(see("mlp_pre", gate)) * up)
            x = see("resid_post", x + see("mlp_out", F.linear(hidden, layer["down"])))
        return x

    def read(self, x, layer, see, edges):
        if not edges:
            q, k, v = self.qkv(x, layer)
            return see("q", q), see("k", k), see("v", v)
        copies = see("reads", x.unsqueeze(2).expand(-1, -1, 3 * self.heads, -1))
        y = torch.einsum("bthd,hed->bhte", self.normed(copies, layer["norm1"]), layer["own"])
        return y.chunk(3, dim=1)

    def value(self, x, last, answer):
        x = x[torch.arange(len(x)), last]
        return (self.normed(x, self.norm) @ self.embed[answer]).sum()

    def embedded(self, ids):
        return F.embedding(ids, self.embed)

    def slopes(self, embedded, last, answer, names, edges=False):
        """The derivatives by each of `names`, in the order in which they are computed, and those by the end."""
        found = []

        def see(name, x):
            if name == "embed":
                x = x.detach().requires_grad_(True)
            if name in names:
                found.append(x)
            return x

        end = self.forward(embedded, see, edges)
        return torch.autograd.grad(self.value(end, last, answer), [*found, end])

    def z(self, ids):
        found = []
        with torch.no_grad():
            self.forward(self.embedded(ids), lambda name, x: found.append(x) or x if name == "z" else x)
        return found

    def attribution(self, ids, donors, last, answer):
        """[B, layers, T, heads]"""
        changes = [b - a for a, b in zip(self.z(ids), self.z(donors))]
        slopes = self.slopes(self.embedded(ids), last, answer, ["z"])
        return torch.stack([(g * change).sum(-1) for g, change in zip(slopes, changes)], 1)

    def written(self, ids):
        """[writers, B, T, D]"""
        found = []
        weights = iter(self.layers)

        def see(name, x):
            if name == "z":
                found.extend(torch.einsum("bthe,dhe->hbtd", x, next(weights)["o_heads"]))
            elif name in ("embed", "mlp_out"):
                found.append(x)
            return x

        with torch.no_grad():
            self.forward(self.embedded(ids), see)
        return torch.stack(found)

    def edges(self, ids, donors, last, answer, steps=None):
        """Every edge's score, the mean over prompts: by reader, then by writer."""
        changes = (self.written(donors) - self.written(ids)).flatten(1)
        start, end = self.embedded(ids), self.embedded(donors)
        points = [(k + 0.5) / steps for k in range(steps)] if steps else [0.0]
        slopes = None
        for point in points:
            own = self.slopes(start + point * (end - start), last, answer, ("reads", "mlp_in"), True)
            slopes = own if slopes is None else [a + b for a, b in zip(slopes, own)]
        scores = []
        for n, g in enumerate(slopes):
            before = 1 + n // 2 * (self.heads + 1) + (self.heads if n % 2 else 0)
            g = g.permute(2, 0, 1, 3).flatten(1) if g.dim() == 4 else g.flatten()[None]
            scores.append((g @ changes[:before].T).flatten())
        return torch.cat(scores) / (len(ids) * len(points))


SITES = ["resid_pre", "q", "k", "v", "z", "attn_out", "resid_mid", "mlp_pre", "mlp_post", "mlp_out", "resid_post"]


def works(folder):
    model, given = Circuits(folder), json.loads((Path(folder) / "circuits.json").read_text())
    rows, last = map(torch.tensor, peer.padded(given["clean"]))
    donors = torch.tensor(peer.padded(given["donor"])[0])
    even, uneven = (torch.tensor(given[x]) for x in ("even", "even donor"))
    evens = torch.full((len(even),), even.shape[1] - 1)
    one, other = (torch.tensor([given[x][0]]) for x in ("clean", "donor"))
    end, answer = torch.tensor([len(given["clean"][0]) - 1]), given["answer"]
    real = (torch.arange(rows.shape[1]) <= last[:, None])[:, None, :, None].expand(-1, model.count, -1, model.heads)
    by_head = lambda x: x.transpose(2, 3)[real.transpose(2, 3)]
    return {
        "gradients": lambda: torch.cat(
            [g.flatten() for g in model.slopes(model.embedded(rows), last, answer, SITES)[:1]]
        ),
        "middle": lambda: model.slopes(model.embedded(rows), last, answer, ["resid_pre"])[model.count // 2][
            torch.arange(len(rows)), last
        ],
        "attribution": lambda: by_head(model.attribution(rows, donors, last, answer)),
        "eap": lambda: model.edges(rows, donors, last, answer),
        "eap-ig": lambda: model.edges(rows, donors, last, answer, STEPS),
        "eap-even": lambda: model.edges(even, uneven, evens, answer),
        "eap-one": lambda: model.edges(one, other, end, answer),
    }


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    peer.serve(works(sys.argv[2]))
