"""What `attribute softmax exact` and `attribute graddrop` must give, by torch on transformers' models in float64.

    python -m families.attribution [NAME …]    all of them, or some; into Tests/RuntimeTests/Fixtures/attribution.json

`queries` and `keys`: AtP*'s estimates (Kramár et al., 2024). The donor's queries of one head, or the keys of heads that
share them, take the place of the prompt's, at one position or at all; the model's own softmax gives the new pattern; its
change times the derivative by the pattern, by autograd, is the estimate. `dropped`: GradDrop's. For each layer the
derivative by each head's z, attention and MLP of that layer being held; times the donor's difference, the mean size
over layers, which are one fewer than there are.
"""

import sys

import torch
import transformers

from families.edges import ANSWER, DONOR, FOIL
from families.float64 import Float64
from families.goldens import Run
from families.models import ALL, TOKENS, build
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "qwen3", "mistral", "gemma2", "gpt2", "gptj"]
LAYER, POSITIONS = 1, [2, 7, 11]


class Pass:
    """One run: its patterns, queries, keys and z, layer by layer."""

    def __init__(self, family, model, tokens, edits=(), held=None):
        layout = family.layout
        self.model, self.layout = model, layout
        self.patterns, self.inputs, self.z = [], [], []
        handles = []
        for n, layer in enumerate(model.get_submodule(layout.layers)):
            self.inputs.append([None] * len(layout.qkv))
            for i, path in enumerate(layout.qkv):
                see = lambda x, n=n, i=i: self.see(n, i, x, edits)
                handles.append(Run.hook(layer.get_submodule(path), "after", see))
            handles.append(Run.hook(layer.get_submodule(layout.output), "before", self.see_z))
            if n == held:
                for path in (layout.post_attention or layout.output, layout.post_mlp or layout.mlp_out):
                    handles.append(Run.hook(layer.get_submodule(path), "after", lambda x: x.detach()))
        softmax = torch.nn.functional.softmax

        class Seen(Float64):
            def __torch_function__(mode, function, types, args=(), kwargs=None):
                found = super().__torch_function__(function, types, args, kwargs)
                if function is softmax:
                    if found.requires_grad:
                        found.retain_grad()
                    self.patterns.append(found)
                return found

        with Seen():
            embedded = model.get_submodule(layout.embed)
            handles.append(Run.hook(embedded, "after", lambda x: x.detach().requires_grad_(True)))
            logits = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        for handle in handles:
            handle.remove()
        self.value = logits[ANSWER] - 0.5 * logits[FOIL]

    def see(self, n, i, x, edits):
        self.inputs[n][i] = x
        for layer, change in edits:
            if layer == n:
                x = change(i, x)
        return x

    def see_z(self, x):
        if x.requires_grad:
            x.retain_grad()
        self.z.append(x)
        return x


class Pair:
    def __init__(self, family, model):
        self.family, self.model = family, model
        c = model.config
        self.heads = c.num_attention_heads
        self.shared = getattr(c, "num_key_value_heads", None) or self.heads
        self.clean, self.donor = (Pass(family, model, tokens) for tokens in (TOKENS, DONOR))
        self.clean.value.backward()

    def columns(self, name, unit):
        """Which module gives a head's queries or keys, and its columns there."""
        fused = len(self.family.layout.qkv) == 1
        count = self.heads if name == "q" or fused else self.shared
        width = self.clean.inputs[LAYER][0 if fused or name == "q" else 1].shape[-1] // (3 * count if fused else count)
        start = (unit + (self.heads if fused and name == "k" else 0)) * width
        return (0 if fused or name == "q" else 1), slice(start, start + width)

    def estimate(self, name, unit, positions):
        which, columns = self.columns(name, unit)

        def change(i, x):
            if i != which:
                return x
            x = x.clone()
            for position in positions:
                x[0, position, columns] = self.donor.inputs[LAYER][i][0, position, columns]
            return x

        with torch.no_grad():
            run = Pass(self.family, self.model, TOKENS, [(LAYER, change)])
        old = self.clean.patterns[LAYER]
        return ((run.patterns[LAYER] - old) * old.grad).sum().item()

    def dropped(self):
        layers = len(self.clean.z)
        sums = torch.zeros(layers, self.heads)
        for held in range(layers):
            run = Pass(self.family, self.model, TOKENS, held=held)
            run.value.backward()
            for n in range(layers):
                slope = torch.zeros_like(run.z[n]) if run.z[n].grad is None else run.z[n].grad
                parts = slope * (self.donor.z[n] - self.clean.z[n]).detach()
                sums[n] += parts[0].reshape(len(TOKENS), self.heads, -1).sum((0, 2)).abs()
        return (sums / (layers - 1)).flatten().tolist()


def of_family(family):
    with Float64():
        model, _ = build(family)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    pair = Pair(family, model)
    rounded = lambda values: [float(f"{x:.10g}") for x in values]
    rows = {}
    for name, units in (("q", pair.heads), ("k", pair.shared)):
        rows[name] = rounded(
            pair.estimate(name, unit, at)
            for unit in range(units)
            for at in [*([p] for p in POSITIONS), list(range(len(TOKENS)))]
        )
    print(family.name, f"{pair.clean.value.item():.6f}", rows["q"][:4], rows["k"][:4], flush=True)
    return dict(
        family=family.name, tokens=TOKENS, donor=DONOR, layer=LAYER, positions=POSITIONS, heads=pair.heads,
        shared=pair.shared, queries=rows["q"], keys=rows["k"], dropped=rounded(pair.dropped()),
    )  # fmt: skip


def main(names):
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    transformers.logging.set_verbosity_error()
    chosen = [family for family in ALL if family.name in (names or FAMILIES)]
    save_json(COMMAND_FIXTURES / "attribution.json", dict(families=[of_family(family) for family in chosen]))


if __name__ == "__main__":
    main(sys.argv[1:])
