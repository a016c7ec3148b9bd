"""What `lre` and `self_repair` must give, by torch's autograd and transformers' hooks on tiny models in float64.

    python -m families.relations       into Tests/RuntimeTests/Fixtures/relations.json

`jacobians`: ∂o/∂s between two states of the stream, every element of o by autograd: s is put into the run as a leaf.
`relation`: J and b = o − J s averaged over three prompts, β J s + b of other prompts, and whether its best token, read
through the model's own norm and head, is the model's. `repairs`: how edits change a logit, divided as Rushing and
Nanda 2024 do: by the edited component at the clean scale of the final norm, by that scale, by other heads, by MLPs.
"""

import numpy as np
import torch
import transformers

from families import models as tiny
from families.float64 import Float64
from families.goldens import Run, Weights, activations
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "qwen3", "gemma2", "gemma3", "gpt2", "gptj", "gpt_neox"]
STEP = 41  # of the elements of a Jacobian that are written
ANSWER = 33
BETA = 1.75


def random_prompts(count):
    random = np.random.default_rng(12)
    return [random.integers(1, tiny.VOCAB, 6 + n % 3).tolist() for n in range(count)]


class Between:
    """A run from a state of the stream to a later one: o as a function of s."""

    def __init__(self, family, model, tokens, source, target, edits=()):
        self.family, self.model, self.tokens, self.edits = family, model, tokens, list(edits)
        self.source, self.target = source, target

    def hook(self, place, function):
        site, layer, position = place
        when = dict(resid_pre="before", resid_post="after")[site]
        return self.model.get_submodule(f"{self.family.layout.layers}.{layer}"), when, function

    def state(self, place):
        seen = []

        def see(x):
            seen.append(x[0, place[2]].detach().clone())
            return x

        with torch.no_grad():
            Run(self.family, self.model, self.tokens, [*self.edits, self.hook(place, see)])
        return seen[0]

    def __call__(self, s):
        seen = []

        def put(x):
            position = self.source[2] % len(self.tokens)
            return torch.cat([x[:, :position], s[None, None], x[:, position + 1 :]], dim=1)

        def see(x):
            seen.append(x[0, self.target[2]])
            return x

        hooks = [*self.edits, self.hook(self.source, put), self.hook(self.target, see)]
        handles = [Run.hook(*hook) for hook in hooks]
        with Float64():
            self.model(torch.tensor([self.tokens]), use_cache=False)
        for handle in handles:
            handle.remove()
        return seen[0]

    def jacobian(self):
        s = self.state(self.source)
        return s.numpy(), self.state(self.target).numpy(), torch.autograd.functional.jacobian(self, s).numpy()


def jacobians(family, model, weights):
    last = weights.layers - 1

    def zero_head(x):
        x = x.clone()
        x[0, :, weights.d_head : 2 * weights.d_head] = 0
        return x

    edit = (model.get_submodule(f"{family.layout.layers}.{last}.{family.layout.output}"), "before", zero_head)
    for source, target, edits in [
        (("resid_post", 0, 3), ("resid_post", last, -1), []),
        (("resid_pre", 0, 2), ("resid_post", last, 9), []),
        (("resid_pre", 0, 4), ("resid_pre", last, 8), []),
        (("resid_pre", last, 11), ("resid_post", last, 11), [edit]),
    ]:
        s, o, j = Between(family, model, tiny.TOKENS, source, target, edits).jacobian()
        yield dict(
            source="L{1}.{0}@{2}".format(*source),
            target="L{1}.{0}@{2}".format(*target),
            edit=f"ablate L{last}H1" if edits else "",
            s=s[::STEP].tolist(),
            o=o[::STEP].tolist(),
            jacobian=j.reshape(-1)[::STEP].tolist(),
        )


def relation(family, model, weights):
    last = weights.layers - 1
    prompts = random_prompts(9)
    places = ("resid_post", 0, 2), ("resid_post", last, -1)
    between = [Between(family, model, tokens, *places) for tokens in prompts]
    norm, head = (model.get_submodule(name) for name in (family.layout.final, family.layout.unembed))
    found = [one.jacobian() for one in between[:3]]
    j = np.mean([j for _, _, j in found], axis=0)
    b = np.mean([o - j @ s for s, o, j in found], axis=0)
    mapped, faithful = [], []
    for one in between[3:]:
        x = BETA * j @ one.state(places[0]).numpy() + b
        with Float64(), torch.no_grad():
            logits = head(norm(torch.tensor(x)[None]))[0].numpy()
        with torch.no_grad():
            own = Run(family, model, one.tokens).logits[-1]
        mapped.append(x[::STEP].tolist())
        faithful.append(bool(logits.argmax() == own.argmax()))
    return dict(
        prompts=prompts,
        beta=BETA,
        weight=(BETA * j).reshape(-1)[::STEP].tolist(),
        bias=b[::STEP].tolist(),
        mapped=mapped,
        faithful=faithful,
    )


# Repair


def parts(weights, run):
    """By component, what it adds to the answer's logit before the final norm divides, at the last position; that
    norm's scale; and the logit."""
    seen, layout = run.seen, weights.layout
    unembed = weights.tensor(layout.unembed)[ANSWER]
    u = weights.norm(layout.final) * unembed
    if weights.layer_norm:
        u = u - u.mean()
    found = {}
    for n in range(weights.layers):
        onto = u
        if layout.post_attention:
            gamma = weights.norm(f"{layout.layers}.{n}.{layout.post_attention}")
            onto = u * gamma / weights.scale(seen["attn_raw", n])[-1, 0]
        z = weights.split(seen["heads", n], weights.heads)
        for h, result in enumerate((z @ weights.output(n))[:, -1]):
            found[f"L{n}H{h}"] = result @ onto
        found[f"L{n}.attn.bias"] = weights.output_bias(n) @ onto
        found[f"L{n}.mlp"] = seen.get(("mlp_out", n), seen["mlp_raw", n])[-1] @ u
    scale = weights.scale(seen["final", None])[-1, 0]
    stream = seen["final", None][-1] @ u
    beta, bias = weights.tensor(layout.final, "bias"), weights.tensor(layout.unembed, "bias")
    constant = (0 if beta is None else beta @ unembed) + (0 if bias is None else bias[ANSWER])
    logit = run.logits[-1][ANSWER]
    if weights.cap:
        logit = np.arctanh(logit / weights.cap) * weights.cap
    assert abs(stream / scale + constant - logit) < 1e-9
    return found, stream, scale, logit


def repairs(family, model, weights):
    layout = family.layout
    base, _, scale, logit = parts(weights, Run(family, model, tiny.TOKENS))
    head_outputs = activations(weights, Run(family, model, tiny.DONOR))
    width = weights.d_head

    def module(layer, name):
        return model.get_submodule(f"{layout.layers}.{layer}.{name}")

    def heads(layer, numbers, positions, values=None):
        def change(x):
            x = x.clone()
            for h in numbers:
                columns = slice(h * width, (h + 1) * width)
                new = 0 if values is None else torch.tensor(values[h][positions])
                x[0, positions, columns] = new
            return x

        return module(layer, layout.output), "before", change

    def no_mlp(x):
        x = x.clone()
        x[0, -1] = 0
        return x

    everywhere, last = slice(None), slice(-1, None)
    donor, end = head_outputs["z", 0], weights.heads - 1
    for line, hook, edited in [
        ("ablate L0H1@last", heads(0, [1], last), ["L0H1"]),
        (f"ablate L0H{{0,{end}}}", heads(0, [0, end], everywhere), ["L0H0", f"L0H{end}"]),
        (f"patch L0H{end} from donor", heads(0, [end], everywhere, donor), [f"L0H{end}"]),
        ("ablate L0.mlp@last", (module(0, layout.post_mlp or layout.mlp_out), "after", no_mlp), ["L0.mlp"]),
    ]:
        after, stream, other, changed = parts(weights, Run(family, model, tiny.TOKENS, [hook]))
        change = {name: (after[name] - base[name]) / scale for name in base}
        found = dict(
            direct=sum(change[name] for name in edited),
            effect=changed - logit,
            norm=stream / other - stream / scale,
            heads=sum(x for name, x in change.items() if name not in edited and not name.endswith(".mlp")),
            mlps=sum(x for name, x in change.items() if name not in edited and name.endswith(".mlp")),
        )
        rest = found["effect"] - found["direct"] - found["norm"] - found["heads"] - found["mlps"]
        assert abs(rest) < 1e-9, (family.name, line, rest)
        yield dict(line=line) | {name: float(x) for name, x in found.items()}


def of_model(family):
    with Float64():
        model, _ = tiny.build(family)
    weights = Weights(family, model)
    with torch.no_grad():
        repaired = list(repairs(family, model, weights))
    return dict(
        family=family.name,
        tokens=tiny.TOKENS,
        donor=tiny.DONOR,
        answer=ANSWER,
        step=STEP,
        jacobians=list(jacobians(family, model, weights)),
        relation=relation(family, model, weights),
        repairs=repaired,
    )


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    models = [of_model(family) for family in tiny.ALL if family.name in FAMILIES]
    save_json(COMMAND_FIXTURES / "relations.json", dict(models=models))


if __name__ == "__main__":
    main()
