"""What the commands `gradient` and `attribute` must give, by torch's autograd on transformers' models in float64.

    python -m families.derivatives MODEL.gguf     the default model; into Tests/RuntimeTests/Fixtures/derivatives.json

`gradients`: of SmolLM2, for metrics as a line writes them, some elements of derivatives at four sites, with and
without edits. `attributions`: of SmolLM2 and of tiny models of several families the estimates of a sweep: gradient
times (new value − base), summed over positions where the sweep has none. The gradient is taken at the base, at the
donor, as the mean of both, or as the mean over points between the embeddings of the two.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader

from families import models as tiny
from families import real
from families.float64 import Float64
from families.goldens import Run
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

TEXT = "Fact: The Colosseum is in the country of"
ANSWERS, FOILS = [" Italy", " Rome"], [" Spain", " France", " Greece"]
STEP = 9  # of the elements that are written
CLEAN = "When Mary and John went to the store, John gave a drink to"
DONOR = "When Mary and John went to the store, Mary gave a drink to"
FAMILIES = ["llama3", "qwen3", "gemma2", "gemma3", "gpt2", "gptj"]


class Pass:
    """One run forwards and backwards: the values and derivatives at its sites, [positions][width]."""

    def __init__(self, layout, model, tokens, number, embedding=None, edits=()):
        self.tensors = {}
        at = model.get_submodule

        def keep(key, path, when):
            def see(x):
                x.retain_grad()
                self.tensors[key] = x
                return x

            return Run.hook(at(path), when, see)

        def embedded(x):
            return (x if embedding is None else embedding[None]).detach().requires_grad_(True)

        handles = [Run.hook(at(path), when, change) for path, when, change in edits]
        handles += [Run.hook(at(layout.embed), "after", embedded), keep(("embed", 0), layout.embed, "after")]
        for n in range(len(at(layout.layers))):
            names = [("resid_pre", "", "before"), ("z", layout.output, "before")]
            names += [("attn_out", layout.post_attention or layout.output, "after")]
            names += [("mlp_out", layout.post_mlp or layout.mlp_out, "after")]
            if len(layout.qkv) == 3:
                names.append(("v", layout.qkv[2], "after"))
            for site, name, when in names:
                handles.append(keep((site, n), f"{layout.layers}.{n}.{name}".rstrip("."), when))
        with Float64():
            self.value = number(model(torch.tensor([tokens]), use_cache=False).logits[0])
            self.value.backward()
        for handle in handles:
            handle.remove()
        self.values = {key: x.detach()[0].numpy() for key, x in self.tensors.items()}
        self.slopes = {
            key: np.zeros_like(self.values[key]) if x.grad is None else x.grad[0].numpy()
            for key, x in self.tensors.items()
        }


# Gradients


def metrics(ids, answers, foils):
    """Lines, and what they are of the logits of a run."""

    def last(function):
        def number(logits):
            logs = torch.log_softmax(logits[-1], dim=-1)
            return function(logits[-1], logs)

        return number

    def loss(logits):
        logs = torch.log_softmax(logits[:-1], dim=-1)
        return -logs[range(len(ids) - 1), ids[1:]].mean()

    italy, rome = answers
    return {
        "logit": last(lambda x, l: x[answers].mean()),
        "logit_diff": last(lambda x, l: x[answers].mean() - x[foils].mean()),
        "prob": last(lambda x, l: l[answers].exp().sum()),
        "prob_diff": last(lambda x, l: l[answers].exp().sum() - l[foils].exp().sum()),
        "logprob": last(lambda x, l: l[answers].exp().sum().log()),
        "loss": loss,
        '(prob(" Italy") / prob(foils))': last(lambda x, l: l[italy].exp() / l[foils].exp().sum()),
        "(max(logit(foils)) - log(prob(answer)))": last(
            lambda x, l: x[foils].max() - l[answers].exp().sum().log()
        ),
        '(sum(logprob(foils)) * exp(logprob(answer)) + abs(logit(" Rome") - logit(" Italy")))': last(
            lambda x, l: l[foils].sum() * l[answers].exp().sum() + (x[rome] - x[italy]).abs()
        ),
        "(mean(logit(answer) * 2) - min(sqrt(prob(foils))))": last(
            lambda x, l: (2 * x[answers]).mean() - l[foils].exp().sqrt().min()
        ),
    }


def chosen(edit, of):
    match edit:
        case "":
            return [line for line in of if line != "kl"]
        case "ablate L0.mlp":
            return ["kl"]
        case _:
            return ["logit_diff"]


def zero(x):
    return 0 * x  # so that its derivative is kept


def scaled_head(head, width, factor):
    def change(x):
        x = x.clone()
        x[..., head * width : (head + 1) * width] *= factor
        return x

    return change


def gradients(model, tokenizer):
    ids = tokenizer.encode(TEXT, add_special_tokens=False).ids
    single = lambda words: [tokenizer.encode(w, add_special_tokens=False).ids[0] for w in words]
    of = metrics(ids, single(ANSWERS), single(FOILS))
    sites = {
        "L9.resid_pre@3": lambda g: g["resid_pre", 9][3],
        "L9H3.z@2": lambda g: g["z", 9][2, 3 * 64 : 4 * 64],
        "embed@2": lambda g: g["embed", 0][2],
        "L5.mlp@4": lambda g: g["mlp_out", 5][4],
    }
    edits = {
        "": [],
        "ablate L7.mlp": [("model.layers.7.mlp.down_proj", "after", zero)],
        # Far from the base: where the two are close, KL's slope is a small difference of near numbers.
        "ablate L0.mlp": [("model.layers.0.mlp.down_proj", "after", zero)],
        "scale L12H2 by 1.5": [("model.layers.12.self_attn.o_proj", "before", scaled_head(2, 64, 1.5))],
    }
    with torch.no_grad(), Float64():
        base = torch.log_softmax(model(torch.tensor([ids]), use_cache=False).logits[0, -1], dim=-1)
    of["kl"] = lambda x: (base.exp() * (base - torch.log_softmax(x[-1], dim=-1))).sum()
    found = []
    for edit, hooks in edits.items():
        for line in chosen(edit, of):
            run = Pass(tiny.LLAMA, model, ids, of[line], edits=hooks)
            for site, part in sites.items():
                values = part(run.slopes)[::STEP]
                found.append(dict(edit=edit, metric=line, site=site, values=values.tolist()))
            print(edit, line, f"{run.value.item():.6f}", flush=True)
    return dict(text=TEXT, answers=ANSWERS, foils=FOILS, step=STEP, rows=found)


# Attributions


class Pair:
    """Two prompts of one length, and what is differentiated of either."""

    def __init__(self, layout, model, heads, clean, donor, number):
        self.layout, self.model, self.heads, self.number = layout, model, heads, number
        self.clean, self.donor = clean, donor
        self.base = Pass(layout, model, clean, number)
        self.other = Pass(layout, model, donor, number)

    def slopes(self, option):
        """The gradient that `attribute` takes with an option."""
        a, b = self.base.slopes, self.other.slopes
        match option.split():
            case []:
                return a
            case ["gradient", "donor"]:
                return b
            case ["gradient", "both"]:
                return {key: (a[key] + b[key]) / 2 for key in a}
            case ["steps", n, *points]:
                shift = dict(midpoint=0.5, left=0.0, right=1.0)[points[1] if points else "midpoint"]
                start, end = (torch.tensor(run.values["embed", 0]) for run in (self.base, self.other))
                shares = [(k + shift) / int(n) for k in range(int(n))]
                runs = [
                    Pass(self.layout, self.model, self.clean, self.number, start + share * (end - start))
                    for share in shares
                ]
                return {key: sum(run.slopes[key] for run in runs) / len(runs) for key in a}

    def estimates(self, sweep, option, is_zero=False):
        """One a component, and a position where the sweep has `@*`."""
        slopes, found = self.slopes(option), []
        components, _, positions = sweep.partition("@")
        site, units = {
            "heads": ("z", self.heads),
            "attns": ("attn_out", 1),
            "mlps": ("mlp_out", 1),
            "L*.resid_pre": ("resid_pre", 1),
            "embed": ("embed", 1),
            "L*KV*.v": ("v", None),
        }[components]
        width = self.base.values["z", 0].shape[1] // self.heads
        for n in range(1 if components == "embed" else len(self.model.get_submodule(self.layout.layers))):
            old = self.base.values[site, n]
            change = -old if is_zero else self.other.values[site, n] - old
            parts = slopes[site, n] * change
            count = units or parts.shape[1] // width
            parts = parts.reshape(len(parts), count, -1).sum(axis=-1).T
            found += (parts if positions else parts.sum(axis=1, keepdims=True)).reshape(-1).tolist()
        return found


def of_smollm2(model, tokenizer):
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    mary, john = encode(" Mary")[0], encode(" John")[0]
    pair = Pair(tiny.LLAMA, model, 9, encode(CLEAN), encode(DONOR), lambda x: x[-1, mary] - x[-1, john])
    asked = [("heads", o) for o in ("", "gradient donor", "gradient both", "steps 3", "steps 2 points right")]
    asked += [("heads", "steps 2 points left"), ("mlps@*", ""), ("L*.resid_pre@*", ""), ("embed", "steps 5")]
    rows = [dict(sweep=s, option=o, mode="patch", values=pair.estimates(s, o)) for s, o in asked]
    rows.append(dict(sweep="heads", option="", mode="zero", values=pair.estimates("heads", "", True)))
    values = [run.value.item() for run in (pair.base, pair.other)]
    return dict(clean=CLEAN, donor=DONOR, answer=" Mary", foil=" John", values=values, rows=rows)


def of_tiny():
    rows = []
    for family in tiny.ALL:
        if family.name not in FAMILIES:
            continue
        with Float64():
            model, _ = tiny.build(family)
        frozen(model)
        a, b = 33, 70
        heads = model.config.num_attention_heads
        donor = [(7 * t + 5) % 90 if n % 3 == 1 else t for n, t in enumerate(tiny.TOKENS)]
        pair = Pair(family.layout, model, heads, tiny.TOKENS, donor, lambda x: x[-1, a] - 0.5 * x[-1, b])
        asked = [("heads", ""), ("heads@*", ""), ("attns", ""), ("mlps@*", ""), ("L*.resid_pre@*", "")]
        asked += [("heads", "gradient both"), ("heads", "steps 3")]
        if len(family.layout.qkv) == 3:
            asked.append(("L*KV*.v", ""))
        for sweep, option in asked:
            about = dict(family=family.name, tokens=tiny.TOKENS, donor=donor, sweep=sweep, option=option)
            rows.append(about | dict(values=pair.estimates(sweep, option)))
        print(family.name, f"{pair.base.value.item():.6f} {pair.other.value.item():.6f}", flush=True)
    return rows


def frozen(model):
    for parameter in model.parameters():
        parameter.requires_grad_(False)


def main(path):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    reader = GGUFReader(path)
    config, restored, tokenizer, _ = real.MODELS["smollm2"](reader, path)
    model = real.build(reader, config, restored, torch.float64)
    frozen(model)
    found = dict(gradients=gradients(model, tokenizer), smollm2=of_smollm2(model, tokenizer))
    save_json(COMMAND_FIXTURES / "derivatives.json", found | dict(tiny=of_tiny()))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path]:
            main(Path(path))
        case _:
            sys.exit(__doc__)
