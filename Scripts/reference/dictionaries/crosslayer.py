"""Small random cross-layer transcoders on tiny models of five families: what circuit-tracer's code and torch make of them.

    python -m dictionaries.crosslayer  into Tests/RuntimeTests/Fixtures/crosslayer.json and crosslayer/NAME

`CrossLayerTranscoder` of circuit-tracer 0.5.0 writes the files, encodes and reconstructs, in float64. Files as those of Gemma
Scope 2 are read by its `load_gemma_scope_2_clt`, which leaves out the last that it is told of: it is told of that twice.

An edit of a feature of layer l adds (f' - f) times its decoder rows to what the MLPs of layers l, l + 1, ... give, f being
what it encodes in the edited run; errors stay. Attributions are derivatives by autograd at all these places times what
zeroing a feature, and what patching it or an error from the other prompt, would add. Graphs are made as in `graphs.py`.
"""

import json
import shutil
from dataclasses import dataclass

import torch
import transformers
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder, load_gemma_scope_2_clt
from safetensors.torch import save_file
from tokenizers import Tokenizer

from dictionaries.graphs import Graph, TOKENS, without_gain
from families import models as tiny
from families.float64 import Float64
from families.goldens import Run
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FEATURES = 6
OTHER = [12, 77, 3, 66]
FOLDER = COMMAND_FIXTURES / "crosslayer"


@dataclass
class Case:
    family: str
    reads: str
    jump: bool = False
    # In Gemma Scope's files, with a skip connection.
    scope: bool = False

    @property
    def name(self):
        return self.family + ("-scope" if self.scope else "")


CASES = [
    Case("gpt2", "norm"),
    Case("gpt_neox", "norm", jump=True),
    Case("llama3", "norm_without_gain"),
    Case("gemma2", "norm", jump=True),
    Case("gemma3", "stream"),
    Case("gemma3", "norm", jump=True, scope=True),
]


def drawn(random, key, shape):
    """Of a parameter of circuit-tracer's name."""
    values = torch.randn(shape, generator=random, dtype=torch.float32)
    if "threshold" in key:
        return 0.3 * values.abs()
    if key.startswith("b_"):
        return 0.3 * values - (0.3 if key == "b_enc" else 0)
    return values / (shape[-1] ** 0.5 if key == "W_enc" else 5)


def coder(case, layers, width):
    make = of_gemma_scope if case.scope else of_circuit_tracer
    random = torch.Generator().manual_seed(sum(case.name.encode()))
    return make(case, layers, width, random, FOLDER / case.name).to(torch.float64)


def of_circuit_tracer(case, layers, width, random, folder):
    found = CrossLayerTranscoder(
        layers, FEATURES, width, "jump_relu" if case.jump else "relu", lazy_decoder=False, device=torch.device("cpu"),
        dtype=torch.float32)
    with torch.no_grad():
        for key, parameter in found.named_parameters():
            parameter.copy_(drawn(random, key, parameter.shape))
    found.to_safetensors(str(folder))
    (folder / "config.yaml").write_text(
        f"model_kind: cross_layer_transcoder\nfeature_output_hook: hook_mlp_out\n"
        + ("feature_input_hook: hook_resid_mid\n" if case.reads == "stream" else ""))
    return found


def of_gemma_scope(case, layers, width, random, folder):
    """Decoder rows of earlier layers are not 0, so that whoever reads them gets other numbers."""
    folder.mkdir(parents=True)
    paths = {}
    for layer in range(layers):
        weights = dict(
            w_enc=drawn(random, "W_enc", (FEATURES, width)).T.contiguous(), b_enc=drawn(random, "b_enc", (FEATURES,)),
            w_dec=drawn(random, "W_dec", (FEATURES, layers, width)), b_dec=drawn(random, "b_dec", (width,)),
            threshold=drawn(random, "threshold", (FEATURES,)),
            affine_skip_connection=drawn(random, "W_skip", (width, width)))
        paths[layer] = str(folder / f"params_layer_{layer}.safetensors")
        save_file(weights, paths[layer])
    config = dict(
        hf_hook_point_in="model.layers.{layer}.pre_feedforward_layernorm.output", model_name="google/gemma-3-tiny", l0=3,
        hf_hook_point_out="model.layers.{layer}.post_feedforward_layernorm.output", width=FEATURES * layers,
        architecture="jump_relu", affine_connection=True)
    for key in "hf_hook_point_in", "hf_hook_point_out":
        config[key] = [config[key].format(layer=layer) for layer in range(layers)]
    (folder / "config.json").write_text(json.dumps(config))
    return load_gemma_scope_2_clt(paths | {layers: paths[layers - 1]}, device=torch.device("cpu"), dtype=torch.float32)


def skipped(coder, x, n):
    return 0 if coder.W_skip is None else coder.compute_skip(n, x)


class Pass:
    """One run. `new(layer, f)` gives other activations, `added` is {(layer, feature): (positions, amount)}, and the error
    of a layer can be taken away. `nothing` are zeros added to what MLPs give, by which derivatives are taken."""

    def __init__(self, family, model, coder, reads, tokens, new=None, added=None, without_error=None):
        self.coder, self.kind = coder, reads
        self.new, self.added, self.without_error = new or (lambda layer, f: f), added or {}, without_error
        layout = family.layout
        self.inputs, self.f, self.moved, self.outputs, self.nothing = {}, {}, {}, {}, {}
        handles = []
        for n, layer in enumerate(model.get_submodule(layout.layers)):
            norm = layer.get_submodule(layout.norm2 or layout.norm1)
            handles.append(norm.register_forward_hook(self.read(n)))
            handles.append(Run.hook(layer.get_submodule(layout.post_mlp or layout.mlp_out), "after", self.mlp(n)))
        final = model.get_submodule(layout.final)
        handles.append(final.register_forward_pre_hook(lambda m, args: setattr(self, "stream", args[0][0, -1].detach())))
        with Float64():
            self.logits = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        for handle in handles:
            handle.remove()

    def read(self, n):
        def hook(module, args, out):
            reads = dict(stream=args[0], norm=out, norm_without_gain=without_gain(module, out))
            self.inputs[n] = reads[self.kind][0].detach()

        return hook

    def mlp(self, n):
        def hook(x):
            flat = x.reshape(-1, x.shape[-1])
            with torch.no_grad():
                self.f[n] = self.coder.encode_layer(self.inputs[n], n)
                self.outputs[n] = flat.detach()
                self.moved[n] = self.new(n, self.f[n]) - self.f[n]
                more = self.written(self.moved, n)
                for (layer, feature), (positions, amount) in self.added.items():
                    if layer <= n:
                        more[positions] += amount * self.coder.W_dec[layer][feature, n - layer]
                if self.without_error == n:
                    more -= self.outputs[n] - self.written(self.f, n) - self.rest(n)
            self.nothing[n] = torch.zeros_like(flat, requires_grad=True)
            return (flat + more + self.nothing[n]).reshape(x.shape)

        return hook

    def written(self, f, n):
        """What features add in layer n."""
        return sum(f[k] @ self.coder.W_dec[k][:, n - k] for k in range(n + 1))

    def rest(self, n):
        """What a reconstruction is without features."""
        return self.coder.b_dec[n] + skipped(self.coder, self.inputs[n], n)

    def errors(self):
        return {n: x - self.written(self.f, n) - self.rest(n) for n, x in self.outputs.items()}


class CrossGraph(Graph):
    """`coders` is the transcoder."""

    def before(self, n):
        return self.read(n) @ self.coders.W_enc[n].T + self.coders.b_enc[n]

    def mlp(self, n):
        def hook(x):
            self.outputs[n] = x.detach().reshape(-1, x.shape[-1])
            self.leaves[n] = self.outputs[n].clone().requires_grad_()
            out = self.leaves[n]
            if self.coders.W_skip is not None:
                skip = skipped(self.coders, self.read(n), n)
                out = out + skip - skip.detach()
            return out.reshape(x.shape)

        return hook

    def find_sources(self):
        layers = range(len(self.outputs))
        x = torch.stack([self.read(n).detach() for n in layers])
        f = [self.coders.encode_layer(x[n], n) for n in layers]
        rows = self.coders.decode(torch.stack(f), x)
        found = []
        for n in layers:
            for p in range(len(TOKENS)):
                for j in torch.nonzero(f[n][p]).flatten().tolist():
                    writes = {n + k: f[n][p, j] * row for k, row in enumerate(self.coders.W_dec[n][j])}
                    found.append((f"L{n}F{j}", p, writes, float(f[n][p, j]), n))
                found.append((f"L{n}.error", p, {n: self.outputs[n][p] - rows[n, p]}, None, n))
        return found + self.beginnings()


def effects(run, clean, donor, base, number):
    """Lines and the numbers that they must give."""
    layers = len(clean.f)
    strongest = {n: int(clean.f[n].sum(0).argmax()) for n in range(layers)}
    a, b, last = strongest[0], strongest[1], layers - 1
    far = strongest[last]

    def effect(**settings):
        return float(number(run(TOKENS, **settings).logits.detach())) - base

    def one(layer, feature, value, rows=slice(None)):
        def new(n, f):
            fresh = f.clone()
            if n == layer:
                fresh[rows, feature] = value(f)[rows, feature]
            return fresh

        return new

    def both(n, f):
        return one(1, b, torch.zeros_like)(n, one(0, a, torch.zeros_like)(n, f))

    zero = torch.zeros_like
    return {
        f"ablate L0F{a}": effect(new=one(0, a, zero)),
        f"ablate L0F{a}@last": effect(new=one(0, a, zero, [-1])),
        f"ablate L{last}F{far}": effect(new=one(last, far, zero)),
        f"scale L0F{a} by 2.5": effect(new=one(0, a, lambda f: 2.5 * f)),
        f"patch L0F{a} from other": effect(new=one(0, a, lambda f: donor.f[0])),
        "patch L0F* from other": effect(new=lambda n, f: donor.f[0] if n == 0 else f),
        f"ablate L0F{a}, L1F{b}": effect(new=both),
        f"ablate L0F{a} | ablate L1F{b}": effect(new=both),
        f"steer L0F{a}@last by 3": effect(added={(0, a): ([len(TOKENS) - 1], 3)}),
        f"steer L1F{b} by -2": effect(added={(1, b): (list(range(len(TOKENS))), -2)}),
        "ablate L1.error": effect(without_error=1),
        f"ablate L{last}.error": effect(without_error=last),
        f"ablate L0F{a} | ablate L1.error": effect(new=one(0, a, zero), without_error=1),
        f"ablate L1.error | scale L0F{a} by 2.5": effect(new=one(0, a, lambda f: 2.5 * f), without_error=1),
    }


def direct(family, model, coder, clean, ids):
    """What each active feature, bias and error writes to the difference of two logits, the final norm's scale being the
    run's."""
    norm = model.get_submodule(family.layout.final)
    unembedding = model.get_submodule(family.layout.unembed).weight
    gain = norm.weight + (1.0 if type(norm).__name__.startswith("Gemma") else 0.0)
    u = (unembedding[ids[0]] - unembedding[ids[1]]) * gain
    x = clean.stream
    if isinstance(norm, torch.nn.LayerNorm):
        u, x, epsilon = u - u.mean(), x - x.mean(), norm.eps
    else:
        epsilon = model.config.rms_norm_eps
    u = u / (x.pow(2).mean() + epsilon).sqrt()
    found = {}
    for n, error in clean.errors().items():
        for j in torch.nonzero(clean.f[n][-1]).flatten().tolist():
            found[f"L{n}F{j}"] = float(clean.f[n][-1, j] * coder.W_dec[n][j].sum(0) @ u)
        found[f"L{n}.b_dec"] = float(clean.rest(n).expand(len(TOKENS), -1)[-1] @ u)
        found[f"L{n}.error"] = float(error[-1] @ u)
    return found


def attributions(clean, donor, coder, number):
    layers = range(len(clean.f))
    slopes = torch.autograd.grad(number(clean.logits), [clean.nothing[n] for n in layers])

    def estimates(target):
        found = {}
        for n in layers:
            for j in range(FEATURES):
                moved = target[n][:, j] - clean.f[n][:, j]
                if not bool(clean.f[n][:, j].any()) and not bool(target[n][:, j].any()):
                    continue
                rows = coder.W_dec[n][j]
                found[f"L{n}F{j}"] = sum(float(moved @ (slopes[n + k] @ row)) for k, row in enumerate(rows))
        return found

    ablated = estimates({n: torch.zeros_like(f) for n, f in clean.f.items()})
    patched = estimates(donor.f)
    mine, theirs = clean.errors(), donor.errors()
    for n in layers:
        patched[f"L{n}.error"] = float((slopes[n] * (theirs[n] - mine[n])).sum())
    return ablated, patched


def of_case(case):
    family = next(family for family in tiny.ALL if family.name == case.family)
    with Float64():
        model, _ = tiny.build(family)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
    transcoder = coder(case, layers, width)
    for parameter in transcoder.parameters():
        parameter.requires_grad_(False)
    tokenizer = Tokenizer.from_file(str(tiny.FAMILIES / family.name / "tokenizer.json"))
    ids = tokenizer.token_to_id("b"), tokenizer.token_to_id("c")

    def number(logits):
        return logits[ids[0]] - logits[ids[1]]

    def run(tokens, **settings):
        return Pass(family, model, transcoder, case.reads, tokens, **settings)

    clean, donor = run(TOKENS), run(OTHER)
    # The reconstruction is circuit-tracer's own.
    x = torch.stack([clean.inputs[n] for n in range(layers)])
    whole = transcoder.decode(transcoder.encode(x).to_sparse(), x)
    for n, error in clean.errors().items():
        assert torch.allclose(clean.outputs[n] - error, whole[n], atol=1e-12)
    base = float(number(clean.logits.detach()))
    ablated, patched = attributions(clean, donor, transcoder, number)
    kinds = {n: case.reads for n in range(layers)}
    named = dict(family=family.name, folder=case.name, tokens=TOKENS, reads=case.reads)
    return named | dict(
        other=OTHER, layers=layers, base=base,
        active=[[[[i, float(x[i])] for i in torch.nonzero(x).flatten().tolist()] for x in clean.f[n]] for n in range(layers)],
        errors=[error.tolist() for error in clean.errors().values()],
        effects=[[line, x] for line, x in effects(run, clean, donor, base, number).items()],
        ablated=ablated, patched=patched, direct=direct(family, model, transcoder, clean, ids),
        rows=[[transcoder.W_dec[n][j].tolist() for j in range(2)] for n in range(2)],
    ), named | CrossGraph(family, model, transcoder, kinds).entry()  # fmt: skip


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    shutil.rmtree(FOLDER, ignore_errors=True)
    torch.set_default_dtype(torch.float64)
    found, graphs = zip(*map(of_case, CASES))
    save_json(COMMAND_FIXTURES / "crosslayer.json", dict(families=list(found), graphs=list(graphs)))


if __name__ == "__main__":
    main()
