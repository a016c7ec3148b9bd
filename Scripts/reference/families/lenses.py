"""What `lens` must give: sites of tiny models read as if the model ended there, by transformers in float64.

    python -m families.lenses       into Tests/RuntimeTests/Fixtures/lenses.json and lenses/FAMILY

The model's own final norm and head are called on what a site has, so that norms, biases and soft caps are
transformers'. `raw` is the site times W_U. `tuned`: a random translator for each layer, saved as tuned-lens 0.2.0
lays its parameters out (in safetensors), and h + W h + b before the norm and the head, as it computes.

`injections`: the logits after states of another prompt were put into this one by hooks, at another layer and
position, as they are, times a number, and after a random affine map (`lenses/FAMILY/map.safetensors`).
"""

import json

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

from families import models as tiny
from families.float64 import Float64
from families.goldens import Run, Weights, activations
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "gemma2", "gpt2", "gptj"]
SITES = ["resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"]
POSITIONS = [3, -1]
STEP = 7  # of the tokens that are written
DONOR = [52, 88, 14, 71, 30]  # shorter than the prompt
# Where a state is put, where it is read, and what it is multiplied by; the last goes through the map.
INJECTIONS = [
    (("resid_pre", 0, 3), ("resid_post", 1, 4), 1.0),
    (("resid_post", 0, 11), ("resid_pre", 1, 2), 1.0),
    (("mlp_out", 1, 11), ("attn_out", 0, 1), 0.5),
    (("attn_out", 0, 5), ("resid_pre", 0, 4), -2.0),
    (("resid_pre", 1, 7), ("resid_post", 0, 4), 3.0),
]


def translators(layers, width):
    """Numbers that f16 has, so that the file is small and float64 has the same."""
    random = np.random.default_rng(11)
    number = lambda *shape: (0.1 * random.standard_normal(shape)).astype(np.float16)
    return [(number(width, width), number(width)) for _ in range(layers)]


def save_lens(family, maps, width):
    folder = COMMAND_FIXTURES / "lenses" / family.name
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for n, (weight, bias) in enumerate(maps):
        tensors |= {f"{n}.weight": weight, f"{n}.bias": bias}
    save_file(tensors, folder / "params.safetensors")
    config = dict(
        base_model_name_or_path=f"someone/{family.name}",
        d_model=width,
        num_hidden_layers=len(maps),
        bias=True,
        base_model_revision=None,
        unembed_hash=None,
        lens_type="linear_tuned_lens",
    )
    (folder / "config.json").write_text(json.dumps(config) + "\n")
    weight, bias = maps[0]
    save_file(dict(weight=weight, bias=bias), folder / "map.safetensors")


def injections(family, model, maps):
    """The logits of the last position after each."""
    layout = family.layout
    modules = dict(
        resid_pre=("", "before"),
        resid_post=("", "after"),
        attn_out=(layout.post_attention or layout.output, "after"),
        mlp_out=(layout.post_mlp or layout.mlp_out, "after"),
    )

    def hook(site, layer, function):
        name, when = modules[site]
        path = f"{layout.layers}.{layer}.{name}".rstrip(".")
        return model.get_submodule(path), when, function

    def state(site, layer, position):
        seen = []

        def see(x):
            seen.append(x[0, position].clone())
            return x

        Run(family, model, DONOR, [hook(site, layer, see)])
        return seen[0]

    for number, ((site, layer, position), source, times) in enumerate(INJECTIONS):
        is_mapped = number == len(INJECTIONS) - 1
        value = state(*source)
        if is_mapped:
            weight, bias = (torch.tensor(y.astype(np.float64)) for y in maps[0])
            value = weight @ value + bias
        value = times * value

        def put(x):
            x = x.clone()
            x[0, position] = value
            return x

        logits = Run(family, model, tiny.TOKENS, [hook(site, layer, put)]).logits[-1]
        yield dict(
            site=f"L{layer}.{site}@{position}",
            source="L{1}.{0}@{2}".format(*source),
            times=times,
            isMapped=is_mapped,
            logits=logits[::STEP].tolist(),
        )


def of_model(family):
    with Float64():
        model, _ = tiny.build(family)
    weights = Weights(family, model)
    run = Run(family, model, tiny.TOKENS)
    seen = activations(weights, run)
    norm, head = (model.get_submodule(name) for name in (family.layout.final, family.layout.unembed))
    width = model.config.hidden_size
    maps = translators(weights.layers, width)
    save_lens(family, maps, width)

    def end(x):
        with Float64():
            logits = head(norm(torch.tensor(x)[None]))[0].numpy()
        return weights.cap * np.tanh(logits / weights.cap) if weights.cap else logits

    last = seen["resid_post", weights.layers - 1]
    assert np.abs(end(last[-1]) - run.logits[-1]).max() < 1e-12

    def rows(way, sites, function):
        for site in sites:
            for n in range(weights.layers):
                for position in POSITIONS if (site, n) in seen else []:
                    logits = function(seen[site, n][position], n)
                    yield dict(
                        way=way,
                        component=f"L{n}.{site}",
                        position=position % len(tiny.TOKENS),
                        best=[int(t) for t in np.argsort(-logits)[:3]],
                        logsum=float(np.log(np.exp(logits).sum())),
                        logits=logits[::STEP].tolist(),
                    )

    def tuned(x, n):
        weight, bias = (y.astype(np.float64) for y in maps[n])
        return end(x + weight @ x + bias)

    unembedding = weights.tensor(family.layout.unembed)
    found = [*rows("plain", SITES, lambda x, n: end(x))]
    found += rows("raw", ["resid_post"], lambda x, n: unembedding @ x)
    found += rows("tuned", ["resid_pre"], tuned)
    return dict(
        family=family.name,
        tokens=tiny.TOKENS,
        donor=DONOR,
        step=STEP,
        rows=found,
        injections=list(injections(family, model, maps)),
    )


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    models = [of_model(family) for family in tiny.ALL if family.name in FAMILIES]
    save_json(COMMAND_FIXTURES / "lenses.json", dict(models=models))


if __name__ == "__main__":
    main()
