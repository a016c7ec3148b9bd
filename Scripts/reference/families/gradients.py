"""Derivatives at every site of the models of `families/models.py`, by torch's autograd in float64.

    python -m families.gradients [NAME …]    all of them, or some; into Tests/ModelTests/Fixtures/families

What is differentiated reads every position: Σ weight · log probability of the token that follows, and at the last
position a difference of logits. Written is one array a site, in the shapes of the goldens. That by what a norm
divides by is worked out from the one by what the norm gives: −Σ g (y − β) / s. Heads share the one of `result`.
"""

import sys

import numpy as np
import torch
import transformers

from families.float64 import Float64
from families.goldens import ANSWERS, Run, Weights, activations, name
from families.models import ALL, FAMILIES, TOKENS, build
from tiny.goldens import save, seen_only

WEIGHTS = [0.5 + 0.25 * (i % 3) for i in range(len(TOKENS) - 1)]
DIFFERENCE = 0.75  # of the two logits at the last position


class Traced(Run):
    """A pass whose tensors remember their derivatives."""

    def __init__(self, family, model):
        self.tensors = {}
        self.model, self.family = model, family
        self.seen, self.layer = {}, 0
        self.on_scores = lambda layer, x: x
        handles = self.watch() + self.watch_norms()
        with Float64(self.keep_scores):
            out = model(torch.tensor([TOKENS]), use_cache=False, output_attentions=True)
            for n, pattern in enumerate(out.attentions):
                self.keep(("pattern", n), pattern)
            self.value = number(out.logits[0])
            self.value.backward()
        for handle in handles:
            handle.remove()
        self.logits = out.logits[0].detach().numpy()
        self.seen = {key: x.detach()[0].numpy() for key, x in self.tensors.items()}
        self.slopes = {key: slope(x) for key, x in self.tensors.items()}

    def keep(self, key, x):
        x.retain_grad()
        self.tensors[key] = x
        return x

    def keep_scores(self, x):
        self.layer += 1
        return self.keep(("attn_scores", self.layer - 1), x)

    def watch(self):
        """The hooks of `Run`, which keep the tensors themselves."""
        found = []
        original = self.hook

        def traced(module, when, see):
            key = see.__closure__[0].cell_contents
            return original(module, when, lambda x: self.keep(key, x))

        self.hook = traced
        found = super().watch()
        self.hook = original
        return found

    def watch_norms(self):
        at, layout = self.model.get_submodule, self.family.layout

        def kept(key, path):
            return self.hook(at(path), "after", lambda x: self.keep(key, x))

        found = [kept(("normed", "ln_final.scale", None), layout.final)]
        for n in range(len(at(layout.layers))):
            norms = [("ln1.scale", layout.norm1), ("ln2.scale", layout.norm2)]
            norms += [("ln1_post.scale", layout.post_attention), ("ln2_post.scale", layout.post_mlp)]
            found += [
                kept(("normed", site, n), f"{layout.layers}.{n}.{path}") for site, path in norms if path
            ]
        return found


def slope(x):
    return (torch.zeros_like(x) if x.grad is None else x.grad)[0].numpy()


def number(logits):
    logs = torch.log_softmax(logits, dim=-1)
    following = sum(w * logs[i, t] for i, (w, t) in enumerate(zip(WEIGHTS, TOKENS[1:])))
    return following + DIFFERENCE * (logits[-1, ANSWERS[0]] - logits[-1, ANSWERS[1]])


def of_scale(weights, run, site, n, scale):
    """−Σ g (y − β) / s"""
    layout = weights.layout
    path = {
        "ln_final.scale": layout.final,
        "ln1.scale": layout.norm1,
        "ln2.scale": layout.norm2,
        "ln1_post.scale": layout.post_attention,
        "ln2_post.scale": layout.post_mlp,
    }[site]
    beta = weights.tensor(path if n is None else f"{layout.layers}.{n}.{path}", "bias")
    key = ("normed", site, n)
    y = run.seen[key] - (0 if beta is None else beta)
    return -(run.slopes[key] * y).sum(axis=-1, keepdims=True) / scale


def gradients(family, model):
    weights = Weights(family, model)
    run = Traced(family, model)
    found = activations(weights, run)
    layout, g, slopes = weights.layout, {}, run.slopes
    for (site, n), x in found.items():
        if site.endswith("_normed"):
            continue
        if site.endswith("scale"):
            g[site, n] = of_scale(weights, run, site, n, x)
        elif site in ("q", "k", "v"):
            parts = weights.qkv([slopes[f"qkv{i}", n] for i in range(len(layout.qkv))])
            g[site, n] = parts["qkv".index(site)]
        elif site == "z":
            g[site, n] = weights.split(slopes["heads", n], weights.heads)
        elif site == "result":
            g[site, n] = slopes["attn_raw", n][None]
        elif site in ("attn_out", "mlp_out"):
            raw = ("attn_raw" if site == "attn_out" else "mlp_raw", n)
            g[site, n] = slopes[(site, n) if (site, n) in slopes else raw]
        elif site == "mlp_pre":
            x = slopes["mlp_in", n]
            g[site, n] = x[:, : x.shape[1] // 2] if layout.mlp_in == "mlp.gate_up_proj" else x
        else:
            g[site, n] = slopes[site, n]
    tensors = {name(*at): seen_only(at[0], x) for at, x in g.items()}
    for key, x in tensors.items():
        assert np.isfinite(x).all(), key
    about = dict(tokens=TOKENS, weights=WEIGHTS, answers=ANSWERS, difference=DIFFERENCE)
    return tensors | dict(value=np.array([run.value.item()])), about


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for family in ALL:
        if names and family.name not in names:
            continue
        with Float64():
            model, _ = build(family)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for path in filter(None, (family.layout.embed, family.layout.position)):
            model.get_submodule(path).weight.requires_grad_(True)
        tensors, about = gradients(family, model)
        save(FAMILIES / family.name / "gradients.safetensors", tensors, about)
        print(family.name, f"{tensors['value'][0]:.6f}", len(tensors) - 1, "sites")


if __name__ == "__main__":
    main(sys.argv[1:])
