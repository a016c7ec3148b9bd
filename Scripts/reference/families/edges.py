"""What `patch each edges … | effect` and `| attribute` must give, by torch on transformers' models in float64.

    python -m families.edges [NAME …]    all of them, or some; into Tests/RuntimeTests/Fixtures/edges.json

Every reader of the stream (queries, keys and values of each query head, MLPs, the logits) is computed from a copy of
the stream of its own, before its norm. Where heads share keys and values, `k_proj` and `v_proj` are first repeated,
so that each query head has its own. `exact`: a run for each edge, in which the reader's copy has the donor's writer in
place of the run's own. `eap`: the derivative by that copy, by autograd, times the writer's difference. `steps 3`: the
mean of these derivatives over runs whose embeddings lie between those of the two prompts.

A head writes z · W_O. Where a norm follows attention, the copy has the norm of the sum that this is part of.
"""

import sys

import torch
import transformers

from families.float64 import Float64
from families.goldens import Run
from families.models import ALL, TOKENS, build
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "qwen3", "mistral", "gemma2", "gemma3", "gpt2", "gptj"]
ANSWER, FOIL = 33, 70
DONOR = [(7 * t + 5) % 90 if n % 3 == 1 else t for n, t in enumerate(TOKENS)]


def ungroup(family, model):
    """Each query head gets keys and values of its own."""
    heads, shared = model.config.num_attention_heads, getattr(model.config, "num_key_value_heads", None)
    if shared in (None, heads):
        return
    for layer in model.get_submodule(family.layout.layers):
        for path in family.layout.qkv[1:]:
            linear = layer.get_submodule(path)
            for name in ("weight", "bias"):
                x = getattr(linear, name)
                if x is not None:
                    parts = x.detach().reshape(shared, -1, *x.shape[1:]).repeat_interleave(heads // shared, dim=0)
                    setattr(linear, name, torch.nn.Parameter(parts.flatten(0, 1), requires_grad=False))
        layer.get_submodule(family.layout.attention).num_key_value_groups = 1
    model.config.num_key_value_heads = heads


class Pass:
    """One run. `changes` gives, of a reader and a writer's place, what is added to the copy: see `copy`."""

    def __init__(self, family, model, tokens, changes=None, embedding=None, number=None):
        self.family, self.layout, self.model = family, family.layout, model
        self.heads = model.config.num_attention_heads
        self.layers = model.get_submodule(self.layout.layers)
        self.changes = changes or {}
        self.embedding = embedding
        self.written, self.sums, self.entered, self.between = {}, {}, {}, {}
        handles = self.watch()
        with Float64():
            logits = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        for handle in handles:
            handle.remove()
        self.value = number(logits) if number else logits[ANSWER] - 0.5 * logits[FOIL]

    def watch(self):
        layout, found = self.layout, []
        for n, layer in enumerate(self.layers):
            part = layer.get_submodule
            found.append(Run.hook(layer, "before", lambda x, n=n: self.enter(n, x)))
            for i, path in enumerate(layout.qkv):
                found.append(Run.hook(part(path), "after", lambda x, n=n, i=i: self.read(n, i, x)))
            found.append(Run.hook(part(layout.output), "before", lambda x, n=n: self.note_heads(n, x)))
            found.append(Run.hook(part(layout.output), "after", lambda x, n=n: self.note(self.sums, n, x)))
            if layout.norm2:
                found.append(Run.hook(part(layout.norm2), "before", lambda x, n=n: self.note(self.between, n, x)))
            found.append(Run.hook(layer.mlp, "before", lambda x, n=n: self.read_mlp(n, x)))
            last = part(layout.post_mlp) if layout.post_mlp else layer.mlp
            found.append(Run.hook(last, "after", lambda x, n=n: self.note(self.written, ("mlp", n), x)))
        final = self.model.get_submodule(layout.final)
        found.append(Run.hook(final, "before", lambda x: self.copy("logits", x)))
        return found

    # What is noted

    def note(self, into, key, x):
        into[key] = x
        return x

    def enter(self, n, x):
        if n == 0:
            if self.embedding is not None:
                x = self.embedding
            self.written["embed"] = x
        return self.note(self.entered, n, x)

    def note_heads(self, n, z):
        output = self.layers[n].get_submodule(self.layout.output)
        weight = output.weight.T if self.family.kind != "GPT2" else output.weight  # [in, out]
        width = z.shape[-1] // self.heads
        for head in range(self.heads):
            columns = slice(head * width, (head + 1) * width)
            self.written["head", n, head] = z[..., columns] @ weight[columns]
        return z

    # What is read

    def copy(self, reader, stream):
        """The stream as a reader has it. A change is of the stream, or of attention before a layer's norm."""
        x = stream
        for at, change in self.changes.get(reader, {}).items():
            change = change(self) if callable(change) else change
            if at == "stream":
                x = x + change
            else:
                norm = self.layers[at].get_submodule(self.layout.post_attention).forward
                x = x + norm(self.sums[at] + change) - norm(self.sums[at])
        return x

    def read(self, n, i, x):
        linear = self.layers[n].get_submodule(self.layout.qkv[i])
        norm = self.layers[n].get_submodule(self.layout.norm1)
        inputs = "qkv" if len(self.layout.qkv) == 1 else "qkv"[i]
        width = x.shape[-1] // (len(inputs) * self.heads)
        parts = list(x.split(width, dim=-1))
        for j, name in enumerate(inputs):
            for head in range(self.heads):
                reader = (name, n, head)
                if reader in self.changes:
                    own = linear.forward(norm.forward(self.copy(reader, self.entered[n])))
                    parts[j * self.heads + head] = own.split(width, dim=-1)[j * self.heads + head]
        return torch.cat(parts, dim=-1)

    def read_mlp(self, n, x):
        if ("mlp", n) not in self.changes:
            return x
        path = self.layout.norm2 or self.layout.norm1
        stream = self.between[n] if self.layout.norm2 else self.entered[n]
        return self.layers[n].get_submodule(path).forward(self.copy(("mlp", n), stream))


def graph(layers, heads, parallel):
    """Every edge, by reader and then by writer."""
    writers, found = ["embed"], []
    for n in range(layers):
        own = [("head", n, head) for head in range(heads)]
        readers = [(name, n, head) for name in "qkv" for head in range(heads)]
        found += [(writer, reader) for reader in readers for writer in writers]
        found += [(writer, ("mlp", n)) for writer in writers + ([] if parallel else own)]
        writers += own + [("mlp", n)]
    return found + [(writer, "logits") for writer in writers]


def title(node):
    match node:
        case ("head", n, head):
            return f"L{n}H{head}"
        case ("mlp", n):
            return f"L{n}.mlp"
        case (name, n, head):
            return f"L{n}H{head}.{name}"
    return node


class Pair:
    def __init__(self, family, model, tokens=TOKENS, donor=DONOR, number=None):
        self.family, self.model, self.tokens, self.number = family, model, tokens, number
        with torch.no_grad():
            self.clean, self.donor = (Pass(family, model, t, number=number) for t in (tokens, donor))
        self.edges = graph(len(self.clean.layers), self.clean.heads, family.layout.parallel)

    def place(self, writer):
        is_normed = writer[0] == "head" and self.family.layout.post_attention
        return writer[1] if is_normed else "stream"

    def exact(self, edges, given=None):
        """The effect of some edges patched together. `given`: what writers are taken to give; default: the donor's."""
        changes, given = {}, self.donor.written if given is None else given
        for writer, reader in edges:
            change = lambda run, w=writer: given[w] - run.written[w]
            parts = changes.setdefault(reader, {})
            place, old = self.place(writer), parts.get(self.place(writer))
            parts[place] = change if old is None else lambda run, a=old, b=change: a(run) + b(run)
        with torch.no_grad():
            run = Pass(self.family, self.model, self.tokens, changes, number=self.number)
        return (run.value - self.clean.value).item()

    def slopes(self, embedding=None):
        """By reader and place, the derivative by what is added there."""
        zeros = {}
        for writer, reader in self.edges:
            place = zeros.setdefault(reader, {})
            place.setdefault(self.place(writer), torch.zeros_like(self.clean.written["embed"]).requires_grad_())
        Pass(self.family, self.model, self.tokens, zeros, embedding, self.number).value.backward()
        return {reader: {at: x.grad for at, x in parts.items()} for reader, parts in zeros.items()}

    def estimates(self, points=()):
        start, end = (run.written["embed"] for run in (self.clean, self.donor))
        runs = [self.slopes(start + share * (end - start)) for share in points] or [self.slopes()]
        found = []
        for writer, reader in self.edges:
            change = self.donor.written[writer] - self.clean.written[writer]
            mean = sum(run[reader][self.place(writer)] for run in runs) / len(runs)
            found.append((change * mean).sum().item())
        return found


def built(family):
    """The model of a family, each query head with keys and values of its own, and how many shared it had."""
    with Float64():
        model, _ = build(family)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    with torch.no_grad(), Float64():
        before = model(torch.tensor([TOKENS]), use_cache=False).logits
        shared = getattr(model.config, "num_key_value_heads", None) or model.config.num_attention_heads
        ungroup(family, model)
        assert torch.allclose(model(torch.tensor([TOKENS]), use_cache=False).logits, before, atol=1e-12)
    return model, shared


def of_family(family):
    model, shared = built(family)
    pair = Pair(family, model)
    all_of_them = pair.exact(pair.edges)
    assert abs(all_of_them - (pair.donor.value - pair.clean.value).item()) < 1e-9, all_of_them
    group = model.config.num_attention_heads // shared
    kv = [
        (f"{title(writer)} -> L{n}KV{head}.{name}",
         pair.exact([(writer, (name, n, head * group + i)) for i in range(group)]))
        for n in range(1, len(pair.clean.layers)) for head in range(shared) for name in "kv"
        for writer in ("embed", ("head", n - 1, 0), ("mlp", n - 1))
    ]  # fmt: skip
    rounded = lambda values: [float(f"{x:.10g}") for x in values]
    found = dict(
        family=family.name, tokens=TOKENS, donor=DONOR,
        values=rounded([pair.clean.value.item(), pair.donor.value.item()]),
        edges=[f"{title(writer)} -> {title(reader)}" for writer, reader in pair.edges],
        exact=rounded(pair.exact([edge]) for edge in pair.edges),
        eap=rounded(pair.estimates()),
        steps=rounded(pair.estimates([1 / 6, 3 / 6, 5 / 6])),
        shared=[name for name, _ in kv], sharedExact=rounded(x for _, x in kv),
    )  # fmt: skip
    print(family.name, len(pair.edges), "edges", found["values"], flush=True)
    return found


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    chosen = [family for family in ALL if family.name in (names or FAMILIES)]
    save_json(COMMAND_FIXTURES / "edges.json", dict(families=[of_family(family) for family in chosen]))


if __name__ == "__main__":
    main(sys.argv[1:])
