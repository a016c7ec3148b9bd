"""What `graph` must give: attribution graphs of tiny models of seven families, by torch's autograd in float64.

    python -m dictionaries.graphs      into Tests/RuntimeTests/Fixtures/graphs.json and graphs/FAMILY

Small random transcoders, with and without a skip connection, stand for some MLPs; they are written as circuit-tracer's
per-layer files. As there, patterns and the scales of norms are detached, and an MLP passes on what its skip connection
does. Each writer's output is a leaf, so that autograd gives each target's derivatives; times what each source writes,
they are the weights. `bias` is what is left of the target's value. Influences are p · ((I − A)⁻¹ − I).
"""

import shutil

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

from families import models as tiny
from families.float64 import Float64
from families.goldens import Run
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FEATURES, LOGITS, CHOSEN = 8, 3, 4
TOKENS = tiny.TOKENS[:4]
# By layer, what a transcoder reads and whether it has a skip connection. Other layers have none.
CASES = {
    "llama3": {0: ("stream", True), 1: ("norm", False)},
    "qwen2": {0: ("norm_without_gain", True), 1: ("stream", False)},
    "gemma2": {0: ("norm", True), 1: ("norm_without_gain", False)},
    "gemma3": {1: ("norm", True), 3: ("stream", False), 4: ("norm", True)},
    "gpt2": {0: ("norm", True), 1: ("norm_without_gain", True)},
    "gpt_neox": {0: ("norm", True), 1: ("norm", False)},
    "gptj": {0: ("norm", True), 1: ("norm", True)},
}


class Detached(Float64):
    """Attention patterns pass nothing on."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        found = super().__torch_function__(function, types, args, kwargs)
        return found.detach() if function is torch.nn.functional.softmax else found


def held(module, x, out):
    """A norm's output as a linear function of its input: its scale is held."""
    if isinstance(module, torch.nn.LayerNorm):
        centred = x - x.mean(-1, keepdim=True)
        return centred * ((out - module.bias) / centred).detach() + module.bias
    return x * (out / x).detach()


def without_gain(module, out):
    if isinstance(module, torch.nn.LayerNorm):
        return (out - module.bias) / module.weight
    offset = 1.0 if type(module).__name__.startswith("Gemma") else 0.0
    return out / (offset + module.weight)


def transcoder(name, layer, width, has_skip):
    random = torch.Generator().manual_seed(100 * layer + sum(name.encode()))
    draw = lambda *shape: torch.randn(*shape, generator=random, dtype=torch.float32)
    weights = dict(
        W_enc=draw(FEATURES, width) / width**0.5, b_enc=0.3 * draw(FEATURES) - 0.5,
        W_dec=draw(FEATURES, width) / 4, b_dec=0.3 * draw(width),
    )  # fmt: skip
    if has_skip:
        weights["W_skip"] = 0.5 * draw(width, width) / width**0.5
    return weights


class Graph:
    """One run, with leaves where something writes to the stream. `kinds` is what each transcoder reads."""

    def __init__(self, family, model, coders, kinds):
        self.family, self.model, self.coders, self.kinds = family, model, coders, kinds
        self.layout = layout = family.layout
        self.leaves, self.reads, self.skips, self.outputs = {}, {}, {}, {}
        self.last = None
        handles = [Run.hook(model.get_submodule(layout.embed), "after", self.leaf("embed"))]
        if layout.position:
            handles.append(Run.hook(model.get_submodule(layout.position), "after", self.leaf("pos_embed")))
        for n, layer in enumerate(model.get_submodule(layout.layers)):
            at = lambda path: layer.get_submodule(path)
            for path in dict.fromkeys(p for p in (layout.norm1, layout.norm2, layout.post_attention) if p):
                reads = n if path == (layout.norm2 or layout.norm1) else None
                handles.append(at(path).register_forward_hook(self.norm(reads)))
            handles.append(Run.hook(at(layout.post_mlp or layout.mlp_out), "after", self.mlp(n)))
        handles.append(model.get_submodule(layout.final).register_forward_hook(self.norm(None)))
        handles.append(Run.hook(model.get_submodule(layout.unembed), "after", self.keep_logits))
        with Detached():
            model(torch.tensor([TOKENS]), use_cache=False)
        for handle in handles:
            handle.remove()
        with Float64(), torch.no_grad():
            plain = model(torch.tensor([TOKENS]), use_cache=False).logits[0, -1]
        cap = getattr(model.config, "final_logit_softcapping", None)
        self.capped = cap * torch.tanh(self.logits / cap) if cap else self.logits
        assert torch.allclose(plain, self.capped, atol=1e-9)
        self.sources = self.find_sources()

    def leaf(self, name):
        def hook(x):
            self.leaves[name] = x.detach().reshape(-1, x.shape[-1]).requires_grad_()
            return self.leaves[name].reshape(x.shape)

        return hook

    def norm(self, reads):
        def hook(module, args, out):
            found = held(module, args[0], out)
            if reads is not None:
                self.reads[reads] = dict(stream=args[0][0], norm=found[0], norm_without_gain=without_gain(module, found)[0])
            return found

        return hook

    def read(self, n):
        return self.reads[n][self.kinds[n]]

    def mlp(self, n):
        def hook(x):
            flat = x.detach().reshape(-1, x.shape[-1])
            self.outputs[n] = flat
            self.leaves[n] = flat.clone().requires_grad_()
            out = self.leaves[n]
            if n in self.coders and "W_skip" in self.coders[n]:
                skip = self.read(n) @ self.coders[n]["W_skip"].T
                out = out + skip - skip.detach()
                self.skips[n] = skip.detach()
            return out.reshape(x.shape)

        return hook

    def keep_logits(self, x):
        self.logits = x[0, -1]
        return x

    def before(self, n):
        coder = self.coders[n]
        return self.read(n) @ coder["W_enc"].T + coder["b_enc"]

    def find_sources(self):
        """(name, position, {leaf: what it writes}, activation, layer), in the order of Summand's rows."""
        found = []
        for n in range(len(self.outputs)):
            for p in range(len(TOKENS)):
                if n not in self.coders:
                    found.append((f"L{n}.mlp", p, {n: self.outputs[n][p]}, None, n))
                    continue
                coder = self.coders[n]
                f = torch.relu(self.before(n).detach()[p])
                for j in torch.nonzero(f).flatten().tolist():
                    found.append((f"L{n}F{j}", p, {n: f[j] * coder["W_dec"][j]}, float(f[j]), n))
                made = f @ coder["W_dec"] + coder["b_dec"] + (self.skips[n][p] if n in self.skips else 0)
                found.append((f"L{n}.error", p, {n: self.outputs[n][p] - made}, None, n))
        return found + self.beginnings()

    def beginnings(self):
        return [
            (name, p, {name: self.leaves[name].detach()[p]}, None, None)
            for name in ("embed", "pos_embed") if name in self.leaves for p in range(len(TOKENS))
        ]  # fmt: skip

    def target(self, name, position, number, probability=None):
        slopes = torch.autograd.grad(number, list(self.leaves.values()), retain_graph=True, allow_unused=True)
        slopes = dict(zip(self.leaves, slopes))
        weights = [
            sum((float(slopes[leaf][p] @ vector) for leaf, vector in writes.items() if slopes[leaf] is not None), 0.0)
            for _, p, writes, _, _ in self.sources
        ]  # fmt: skip
        value = float(number.detach())
        return dict(
            name=name, position=position, value=value, prob=probability, bias=value - sum(weights), weights=weights,
        )  # fmt: skip

    def targets(self):
        p = torch.softmax(self.capped.detach(), -1)
        logits, features = [], []
        for token in p.argsort(descending=True)[:LOGITS].tolist():
            number = self.logits[token] - self.logits.mean()
            logits.append(self.target(token, len(TOKENS) - 1, number, float(p[token])))
        for name, position, _, activation, layer in self.sources:
            if activation is not None:
                j = int(name.split("F")[1])
                features.append(self.target(name, position, self.before(layer)[position, j]))
        return logits, features

    def entry(self):
        """What the fixtures have of it."""
        logits, others = self.targets()
        features = [i for i, source in enumerate(self.sources) if source[3] is not None]
        p = [target["prob"] for target in logits]
        found = influences([target["weights"] for target in logits + others], features, p)
        direct = influences([target["weights"] for target in logits], [], p)
        chosen = sorted(features, key=lambda i: -direct[i])[:CHOSEN]
        assert all(direct[i] > 0 for i in chosen)
        reached = [target for i, target in zip(features, others) if found[i] > 0]
        print(self.family.name, len(features), "features,", len(reached), "reached", f"{logits[0]['value']:.6f}", flush=True)
        return dict(
            logits=LOGITS, active=len(features),
            sources=[
                dict(name=name, position=position, activation=activation, influence=found[i])
                for i, (name, position, _, activation, _) in enumerate(self.sources)
            ],
            targets=logits + reached,
            chosen=[f"{self.sources[i][0]}@{self.sources[i][1]}" for i in sorted(chosen)],
        )  # fmt: skip


def influences(rows, order, p):
    """Of each source: `rows` are targets, `order` says which source a target is."""
    a = np.abs(np.array(rows))
    a = a / np.maximum(a.sum(1, keepdims=True), 1e-300)
    square = np.zeros((a.shape[1], a.shape[1]))
    for number, row in zip(order, a[len(p) :]):
        square[number] = row
    direct = np.array(p) @ a[: len(p)]
    return direct @ np.linalg.inv(np.eye(len(square)) - square)


def of_family(family):
    with Float64():
        model, _ = tiny.build(family)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    folder = COMMAND_FIXTURES / "graphs" / family.name
    folder.mkdir(parents=True)
    coders = {}
    for layer, (_, has_skip) in CASES[family.name].items():
        weights = transcoder(family.name, layer, model.config.hidden_size, has_skip)
        save_file(weights, folder / f"layer_{layer}.safetensors")
        coders[layer] = {name: x.double() for name, x in weights.items()}
    kinds = {layer: reads for layer, (reads, _) in CASES[family.name].items()}
    return dict(
        family=family.name, tokens=TOKENS,
        transcoders=[dict(layer=layer, reads=reads) for layer, reads in kinds.items()],
    ) | Graph(family, model, coders, kinds).entry()  # fmt: skip


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(COMMAND_FIXTURES / "graphs", ignore_errors=True)
    torch.set_default_dtype(torch.float64)
    families = [family for family in tiny.ALL if family.name in CASES]
    save_json(COMMAND_FIXTURES / "graphs.json", dict(families=[of_family(family) for family in families]))


if __name__ == "__main__":
    main()
