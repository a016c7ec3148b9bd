"""Edits and attributions of features on `tiny-gqa`: what transformers and SAELens' code compute in float64.

    python -m dictionaries.features    into Tests/RuntimeTests/Fixtures/dictionaries.json

Each case is a dictionary of `kinds.py` at a site. An edit adds decode(f') − decode(f) at the site, so that the error
stays; the number is logit("b") − logit("c") at the last token. Attributions are derivatives by autograd at the site
times what zeroing each feature, and what patching each feature and the error from the other prompt, would add.
"""

import warnings

import torch
import transformers
from sae_lens import SAE
from sparsify.sparse_coder import SparseCoder
from tokenizers import Tokenizer

from families.float64 import Float64
from oracle.folders import COMMAND_FIXTURES, FIXTURES
from tiny.goldens import save_json

ASKED, OTHER = [41, 7, 90, 23, 58, 130], [12, 77, 3, 66, 58, 201]
LAYER = 1
# The folder, the site, and what a transcoder reads.
CASES = [
    ("standard", "resid_post", "site"),
    ("standard-constant-norm", "resid_post", "site"),
    ("standard-layer-norm", "resid_post", "site"),
    ("topk-rescaled", "resid_post", "site"),
    ("gated", "attn_out", "site"),
    ("jumprelu", "mlp_out", "site"),
    ("standard-z", "z", "site"),
    ("skip-transcoder", "mlp_out", "stream"),
    ("jumprelu-transcoder", "mlp_out", "norm"),
    ("jumprelu-skip-transcoder", "mlp_out", "norm_without_gain"),
    ("sparsify-transcoder", "mlp_out", "norm"),
]


class Dictionary:
    """The same calls for both packages, on rows."""

    def __init__(self, name):
        folder = str(FIXTURES / "dictionaries" / name)
        self.is_sparsify = name.startswith("sparsify")
        self.coder = (
            SparseCoder.load_from_disk(folder).to(torch.float64)
            if self.is_sparsify
            else SAE.load_from_disk(folder, dtype="float64"))
        self.shape = (4, 24) if name == "standard-z" else None

    def encode(self, x):
        if self.is_sparsify:
            found = self.coder.encode(x)
            return torch.zeros(len(x), self.coder.num_latents, dtype=x.dtype).scatter(
                -1, found.top_indices, found.top_acts)
        return self.coder.encode(x.reshape(-1, *self.shape) if self.shape else x)

    def decode(self, f, x):
        if self.is_sparsify:
            return f @ self.coder.W_dec + self.coder.b_dec + (0 if self.coder.W_skip is None else x @ self.coder.W_skip.mT)
        self.encode(x)  # which keeps what undoes a norm
        out = self.coder.decode(f).reshape(len(x), -1)
        return out + x @ self.coder.W_skip.T if hasattr(self.coder, "W_skip") else out


class Run:
    """One pass. `change(output, input)` gives what takes the place of what stands at the site."""

    def __init__(self, model, tokens, site, reads, change=lambda x, read: x):
        layer = model.model.layers[LAYER]
        seen = {}

        def keep(name):
            return lambda module, args, output: seen.update({name: output[0] if isinstance(output, tuple) else output})

        def at_site(x):
            x = x[0] if x.dim() == 3 else x
            read = {
                "site": lambda: x,
                "stream": lambda: seen["stream"][0],
                "norm": lambda: seen["norm"][0],
                "norm_without_gain": lambda: seen["norm"][0] / layer.post_attention_layernorm.weight,
            }[reads]()
            self.input, self.before = read.detach(), x.detach()
            self.after = change(x, read)
            if self.after.requires_grad:
                self.after.retain_grad()
            return self.after[None]

        def output_hook(module, args, output):
            if isinstance(output, tuple):
                return (at_site(output[0]), *output[1:])
            return at_site(output)

        handles = [
            layer.post_attention_layernorm.register_forward_pre_hook(lambda m, args: seen.update(stream=args[0])),
            layer.post_attention_layernorm.register_forward_hook(keep("norm")),
        ]
        if site == "z":
            handles.append(layer.self_attn.o_proj.register_forward_pre_hook(lambda m, args: (at_site(args[0]),)))
        else:
            module = {"resid_post": layer, "attn_out": layer.self_attn, "mlp_out": layer.mlp}[site]
            handles.append(module.register_forward_hook(output_hook))
        normed = []
        handles.append(model.model.norm.register_forward_pre_hook(lambda m, args: normed.append(args[0][0, -1])))
        with Float64():
            self.logits = model(torch.tensor([tokens])).logits[0, -1]
        self.stream = normed[0].detach()
        for handle in handles:
            handle.remove()


def case(model, ids, name, site, reads):
    dictionary = Dictionary(name)
    positive, negative = ids

    def number(logits):
        return logits[positive] - logits[negative]

    def run(tokens, change=lambda x, read: x):
        return Run(model, tokens, site, reads, change)

    clean, donor = run(ASKED), run(OTHER)
    with torch.no_grad():
        f, g = dictionary.encode(clean.input), dictionary.encode(donor.input)
    base = float(number(clean.logits))

    def edited(new, rows=slice(None)):
        """The effect of other activations at some rows."""

        def change(x, read):
            with torch.no_grad():
                old = dictionary.encode(read.detach())
                fresh = old.clone()
                fresh[rows] = new(old)[rows]
                difference = dictionary.decode(fresh, read.detach()) - dictionary.decode(old, read.detach())
            return x + difference

        return float(number(run(ASKED, change).logits)) - base

    def one(features, value):
        def new(old):
            fresh = old.clone()
            fresh[:, features] = value(old)[:, features]
            return fresh

        return new

    last = f[-1]
    active = torch.nonzero(last).flatten().tolist()
    largest = sorted(active, key=lambda j: -float(last[j]))
    j, k = largest[0], largest[1]
    quiet = next(i for i in range(f.shape[1]) if not bool(f[:, i].any()) or i == f.shape[1] - 1)
    row = (dictionary.coder.W_dec[j]).detach()
    if name == "topk-rescaled":
        row = row / row.norm()

    def steer(x, read):
        return x + 3 * row

    def without_error(x, read):
        with torch.no_grad():
            return dictionary.decode(dictionary.encode(read.detach()), read.detach()) + 0 * x

    effects = {
        f"ablate L1F{j}@last": edited(one([j], torch.zeros_like), [-1]),
        f"ablate L1F{{{min(j, k)},{max(j, k)}}}": edited(one([j, k], torch.zeros_like)),
        f"scale L1F{j} by 2.5": edited(one([j], lambda old: 2.5 * old)),
        f"patch L1F{j} from other": edited(one([j], lambda old: g)),
        f"patch L1F* from other": edited(lambda old: g),
        f"ablate L1F{quiet}": edited(one([quiet], torch.zeros_like)),
        f"steer L1F{j}@last by 3": float(number(run(ASKED, lambda x, r: torch.cat([x[:-1], x[-1:] + 3 * row])).logits)) - base,
        "ablate L1.error": float(number(run(ASKED, without_error).logits)) - base,
    }

    # Attribution
    graph = Run(model, ASKED, site, reads, lambda x, read: x.detach().requires_grad_())
    number(graph.logits).backward()
    slope = graph.after.grad
    with torch.no_grad():
        def moved(new):
            return dictionary.decode(new, clean.input) - dictionary.decode(f, clean.input)

        def estimates(target):
            found = {}
            for i in range(f.shape[1]):
                if bool(f[:, i].any()) or bool(target[:, i].any()):
                    found[f"L1F{i}"] = float((slope * moved(one([i], lambda old: target)(f))).sum())
            return found

        zeroed = estimates(torch.zeros_like(f))
        patched = estimates(g)
        error = clean.before - dictionary.decode(f, clean.input)
        other_error = donor.before - dictionary.decode(g, donor.input)
        patched["L1.error"] = float((slope * (other_error - error)).sum())

        # What each active feature writes to the number, the final norm's scale being the run's.
        unembedding = model.lm_head.weight
        u = (unembedding[positive] - unembedding[negative]) * model.model.norm.weight
        u = u / (clean.stream.pow(2).mean() + model.config.rms_norm_eps).sqrt()
        if site == "z":
            u = u @ model.model.layers[LAYER].self_attn.o_proj.weight
        only = torch.zeros_like(f)
        rest = dictionary.decode(only, clean.input)
        direct = {}
        for i in active:
            alone = only.clone()
            alone[-1, i] = last[i]
            direct[f"L1F{i}"] = float((dictionary.decode(alone, clean.input) - rest)[-1] @ u)
        direct["L1.b_dec"] = float(rest[-1] @ u)
        direct["L1.error"] = float(error[-1] @ u)
    return dict(
        folder=name, site=site, reads=reads, base=base,
        active=[[[i, float(x[i])] for i in torch.nonzero(x).flatten().tolist()] for x in f],
        effects=[[line, x] for line, x in effects.items()],
        ablated=zeroed, patched=patched, direct=direct)


def main():
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    folder = FIXTURES / "tiny-gqa"
    with Float64():
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.token_to_id("b"), tokenizer.token_to_id("c")
    found = [case(model, ids, *row) for row in CASES]
    save_json(COMMAND_FIXTURES / "dictionaries.json", dict(asked=ASKED, other=OTHER, cases=found))


if __name__ == "__main__":
    main()
