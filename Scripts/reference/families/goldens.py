"""What `transformers` computes with a model of `families/models.py`: activations, attribution, and edits.

Activations come from hooks on its modules. Attribution is computed from them, in numpy and float64, as
the project defines it; every identity between the parts is asserted.
"""

import numpy as np
import torch

from families.models import DONOR, TOKENS
from families.float64 import Float64
from tiny.goldens import hook_name, save, seen_only

ANSWERS = [33, 70]
EDGE_SOURCE = len(TOKENS) - 3  # within every window
PATCHED = 6  # a position within every window of the last
CLOSE = 1e-9


class Run:
    """One forward pass, recorded; `edits` are hooks (module, before or after, function) and one on scores."""

    def __init__(self, family, model, tokens, edits=(), scores=None):
        self.family, self.model = family, model
        self.seen, self.layer = {}, 0
        self.on_scores = scores or (lambda layer, x: x)
        handles = [self.hook(*edit) for edit in edits] + self.watch()
        with Float64(self.keep_scores):
            out = model(torch.tensor([tokens]), use_cache=False, output_attentions=True)
        for handle in handles:
            handle.remove()
        self.logits = out.logits[0].numpy()
        for n, pattern in enumerate(out.attentions):
            self.seen["pattern", n] = pattern[0].numpy()

    def keep_scores(self, x):
        x = self.on_scores(self.layer, x)
        self.seen["attn_scores", self.layer] = x[0].numpy().copy()
        self.layer += 1
        return x

    @staticmethod
    def hook(module, when, function):
        """`function(x)` gives what takes the place of a module's first input or its output."""

        def before(module, args, kwargs):
            if args:
                return (function(args[0]), *args[1:]), kwargs
            return args, kwargs | {"hidden_states": function(kwargs["hidden_states"])}

        def after(module, args, output):
            if isinstance(output, tuple):
                return (function(output[0]), *output[1:])
            return function(output)

        if when == "before":
            return module.register_forward_pre_hook(before, with_kwargs=True)
        return module.register_forward_hook(after)

    def watch(self):
        """Hooks that record, after those that edit."""

        def keep(key, module, when):
            def see(x):
                self.seen[key] = x[0].numpy().copy()
                return x

            return self.hook(module, when, see)

        at, layout = self.model.get_submodule, self.family.layout
        found = [keep(("embed", None), at(layout.embed), "after")]
        if layout.position:
            found.append(keep(("pos_embed", None), at(layout.position), "after"))
        found.append(keep(("final", None), at(layout.final), "before"))
        for n, layer in enumerate(at(layout.layers)):
            part = layer.get_submodule
            found.append(keep(("resid_pre", n), layer, "before"))
            found.append(keep(("resid_post", n), layer, "after"))
            for i, name in enumerate(layout.qkv):
                found.append(keep((f"qkv{i}", n), part(name), "after"))
            for name in ("q_norm", "k_norm"):
                if hasattr(part(layout.attention), name):
                    found.append(keep((name, n), part(f"{layout.attention}.{name}"), "after"))
            found.append(keep(("heads", n), part(layout.output), "before"))
            found.append(keep(("attn_raw", n), part(layout.output), "after"))
            found.append(keep(("mlp_in", n), part(layout.mlp_in), "after"))
            found.append(keep(("mlp_post", n), part(layout.mlp_out), "before"))
            found.append(keep(("mlp_raw", n), part(layout.mlp_out), "after"))
            for site, name in (("attn_out", layout.post_attention), ("mlp_out", layout.post_mlp)):
                if name:
                    found.append(keep((site, n), part(name), "after"))
            if layout.norm2 and not layout.parallel:
                found.append(keep(("resid_mid", n), part(layout.norm2), "before"))
        return found


# Weights, by what they are


class Weights:
    def __init__(self, family, model):
        self.family, config = family, model.config
        self.layout = family.layout
        self.layer_norm = family.kind in ("GPT2", "GPTNeoX", "GPTJ")
        self.gemma = family.kind.startswith("Gemma")
        self.heads = config.num_attention_heads
        self.kv_heads = getattr(config, "num_key_value_heads", None) or self.heads
        self.d_head = getattr(config, "head_dim", None) or config.hidden_size // self.heads
        self.layers = config.num_hidden_layers
        self.eps = getattr(config, "rms_norm_eps", None) or getattr(config, "layer_norm_eps", None)
        self.eps = self.eps or config.layer_norm_epsilon
        self.model = model
        self.cap = getattr(config, "final_logit_softcapping", None)

    def tensor(self, path, kind="weight"):
        found = getattr(self.model.get_submodule(path), kind, None)
        return None if found is None else found.detach().numpy()

    def at(self, n, path, kind="weight"):
        return self.tensor(f"{self.layout.layers}.{n}.{path}", kind)

    def rows(self, n, path):
        """[out, in]; GPT-2 has them the other way round."""
        w = self.at(n, path)
        return w.T if self.family.kind == "GPT2" else w

    def norm(self, path):
        return self.tensor(path) + (1.0 if self.gemma else 0.0)

    def scale(self, x):
        """What a norm divides by."""
        if self.layer_norm:
            x = x - x.mean(axis=-1, keepdims=True)
        return np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.eps)

    def split(self, x, heads):
        return x.reshape(len(x), heads, -1).swapaxes(0, 1)

    def divide(self, x):
        """A fused output [T, width] as q [H, T, E], k and v [K, T, E]."""
        h, k, e = self.heads, self.kv_heads, self.d_head
        if self.family.kind == "GPTNeoX":  # head by head q, k, v
            q, k, v = x.reshape(len(x), h, 3, e).transpose(2, 1, 0, 3)
            return q, k, v
        q, k_, v = np.split(x, [h * e, (h + k) * e], axis=-1)
        return self.split(q, h), self.split(k_, k), self.split(v, k)

    def qkv(self, outputs):
        if len(outputs) == 1:
            return self.divide(outputs[0])
        heads = (self.heads, self.kv_heads, self.kv_heads)
        return tuple(self.split(x, h) for x, h in zip(outputs, heads))

    def output(self, n):
        """W_O by head: [H, E, D]."""
        w = self.rows(n, self.layout.output)
        return w.reshape(len(w), self.heads, self.d_head).transpose(1, 2, 0)

    def constant_value(self, n):
        """b_V + W_V β₁: the part of a value that is the same at every position, by query head [H, E]."""
        outputs = []
        beta = self.at(n, self.layout.norm1, "bias")
        for name in self.layout.qkv:
            w, b = self.rows(n, name), self.at(n, name, "bias")
            x = np.zeros(len(w)) if b is None else b
            outputs.append((x if beta is None else x + w @ beta)[None])
        v = self.qkv(outputs)[2][:, 0]
        return np.repeat(v, self.heads // self.kv_heads, axis=0)

    def output_bias(self, n):
        b = self.at(n, self.layout.output, "bias")
        return np.zeros(self.model.config.hidden_size) if b is None else b


# Activations


def activations(weights, run):
    """By (site, layer), in the shapes of the README; asserts what must hold between them."""
    seen, layout, found = run.seen, weights.layout, {}
    found["embed", None] = seen["embed", None]
    if layout.position:
        found["pos_embed", None] = seen["pos_embed", None]
        # Its one row a position serves every prompt.
        start = found["embed", None] + found["pos_embed", None]
    else:
        start = found["embed", None]
    close(start, seen["resid_pre", 0], "the first stream")
    for n in range(weights.layers):
        at = lambda site: seen[site, n]
        pre, post = at("resid_pre"), at("resid_post")
        q, k, v = weights.qkv([at(f"qkv{i}") for i in range(len(layout.qkv))])
        pattern, z = at("pattern"), weights.split(at("heads"), weights.heads)
        values = np.repeat(v, weights.heads // weights.kv_heads, axis=0)
        close(pattern @ values, z, "z")
        scores = np.where(at("attn_scores") < -1e30, 0.0, at("attn_scores"))
        result = z @ weights.output(n)
        close(result.sum(axis=0) + weights.output_bias(n), at("attn_raw"), "heads")
        attn_out = seen.get(("attn_out", n), at("attn_raw"))
        mlp_out = seen.get(("mlp_out", n), at("mlp_raw"))
        close(pre + attn_out + mlp_out, post, "the stream")
        gate = at("mlp_in")
        if layout.mlp_in == "mlp.gate_up_proj":
            gate = gate[:, : gate.shape[1] // 2]
        found |= {
            ("resid_pre", n): pre,
            ("ln1.scale", n): weights.scale(pre),
            ("q", n): q,
            ("k", n): k,
            ("v", n): v,
            ("attn_scores", n): scores,
            ("pattern", n): pattern,
            ("z", n): z,
            ("result", n): result,
            ("attn_out", n): attn_out,
            ("mlp_pre", n): gate,
            ("mlp_post", n): at("mlp_post"),
            ("mlp_out", n): mlp_out,
            ("resid_post", n): post,
        }
        if "q_norm" in {key[0] for key in seen}:
            found["q_normed", n] = headed(at("q_norm"))
            found["k_normed", n] = headed(at("k_norm"))
        if not layout.parallel:
            close(pre + attn_out, at("resid_mid"), "the middle stream")
            found["resid_mid", n] = at("resid_mid")
        if layout.norm2:
            found["ln2.scale", n] = weights.scale(pre if layout.parallel else at("resid_mid"))
        if layout.post_attention:
            found["ln1_post.scale", n] = weights.scale(at("attn_raw"))
            found["ln2_post.scale", n] = weights.scale(at("mlp_raw"))
    final = seen["final", None]
    close(final, found["resid_post", weights.layers - 1], "the last stream")
    found["ln_final.scale", None] = weights.scale(final)
    return found


def headed(x):
    """transformers norms q and k as [T, heads, E] (Qwen 3) or [heads, T, E] (Gemma 3)."""
    return x.swapaxes(0, 1) if x.shape[0] == len(TOKENS) else x


def close(found, wanted, what):
    gap = np.abs(found - wanted).max() / max(1, np.abs(wanted).max())
    assert gap < CLOSE, f"{what}: {gap:.1e}"


# Attribution


def attribute(weights, found, folded):
    """DLA at the last position on each of `ANSWERS`, final scale frozen: arrays with them on axis 0."""
    layout = weights.layout
    unembed = weights.tensor(layout.unembed)[ANSWERS]
    u = weights.norm(layout.final) * unembed
    if weights.layer_norm:  # centring each component over d_model is centring what reads it
        u = u - u.mean(axis=1, keepdims=True)
    u = u / found["ln_final.scale", None][-1, 0]

    heads, sources, biases, mlps = [], [], [], []
    for n in range(weights.layers):
        reads = u
        if layout.post_attention:
            gamma = weights.norm(f"{layout.layers}.{n}.{layout.post_attention}")
            reads = u * gamma / found["ln1_post.scale", n][-1, 0]
        constant = weights.constant_value(n) if folded else 0.0
        v = np.repeat(found["v", n], weights.heads // weights.kv_heads, axis=0)
        if folded:
            v = v - constant[:, None]
        per_source = found["pattern", n][:, -1, :, None] * v  # [H, T, E]
        source = np.einsum("hte,hed,ad->aht", per_source, weights.output(n), reads)
        bias = weights.output_bias(n)
        if folded:
            bias = bias + np.einsum("he,hed->d", constant, weights.output(n))
        sources.append(source)
        heads.append(source.sum(axis=-1))
        biases.append(reads @ bias)
        mlps.append(u @ found["mlp_out", n][-1])
    parts = dict(
        embed=u @ found["embed", None][-1],
        head=np.stack(heads, axis=1),
        source=np.stack(sources, axis=1),
        attn_bias=np.stack(biases, axis=1),
        mlp=np.stack(mlps, axis=1),
    )
    if layout.position:
        parts["pos_embed"] = u @ found["pos_embed", None][-1]
    beta = weights.tensor(layout.final, "bias")
    parts["ln_final_bias"] = unembed @ beta if beta is not None else np.zeros(len(ANSWERS))
    bias = weights.tensor(layout.unembed, "bias")
    parts["unembed_bias"] = bias[ANSWERS] if bias is not None else np.zeros(len(ANSWERS))
    rows = [x.reshape(len(ANSWERS), -1).sum(axis=1) for k, x in parts.items() if k != "source"]
    return parts | dict(total=np.sum(rows, axis=0))


def check_total(weights, logits, total):
    wanted = logits[-1][ANSWERS]
    if weights.cap:
        wanted = np.arctanh(wanted / weights.cap) * weights.cap
    gap = np.abs(total - wanted).max()
    assert gap < CLOSE, f"attribution sums to {total}, the logits are {wanted}"
    return gap


# Edits: the logits of the last position after them


def edited(family, model, weights):
    layout, last = family.layout, len(TOKENS) - 1
    layers = model.get_submodule(layout.layers)

    def logits(*edits, scores=None):
        return Run(family, model, TOKENS, edits, scores).logits[-1]

    def zero_head(head, positions):
        columns = slice(head * weights.d_head, (head + 1) * weights.d_head)

        def change(x):
            x = x.clone()
            x[0, positions, columns] = 0
            return x

        return change

    def cut(layer, head):
        def change(n, x):
            if n == layer:
                x = x.clone()
                x[0, head, last, EDGE_SOURCE] = -torch.inf
            return x

        return change

    donor = Run(family, model, DONOR)

    def patch(layer):
        def change(x):
            x = x.clone()
            x[0, PATCHED] = torch.from_numpy(donor.seen["resid_pre", layer][PATCHED])
            return x

        return change

    def per_head(f):
        return [[f(n, layer, h) for h in range(weights.heads)] for n, layer in enumerate(layers)]

    def z(positions):
        def one(n, layer, h):
            return logits((layer.get_submodule(layout.output), "before", zero_head(h, positions)))

        return per_head(one)

    zero = torch.zeros_like
    attn = layout.post_attention or layout.output
    mlp = layout.post_mlp or layout.mlp_out
    return {
        "edit.zero_z_last": z([last]),
        "edit.zero_z_all": z(slice(None)),
        "edit.cut_edge": per_head(lambda n, layer, h: logits(scores=cut(n, h))),
        "edit.patch_resid_pre": [logits((x, "before", patch(n))) for n, x in enumerate(layers)],
        "edit.zero_attn_out": [logits((x.get_submodule(attn), "after", zero)) for x in layers],
        "edit.zero_mlp_out": [logits((x.get_submodule(mlp), "after", zero)) for x in layers],
    }


# All of it


def name(site, layer):
    if site in ("q_normed", "k_normed"):
        return f"blocks.{layer}.attn.hook_{site}"
    return hook_name(site, layer)


def goldens(family, model, path):
    weights = Weights(family, model)
    run = Run(family, model, TOKENS)
    found = activations(weights, run)
    tensors = {name(*at): seen_only(at[0], x) for at, x in found.items()} | {"logits": run.logits}
    for label, folded in (("dla", True), ("dla.unfolded", False)):
        parts = attribute(weights, found, folded)
        gap = check_total(weights, run.logits, parts["total"])
        tensors |= {f"{label}.{k}": x for k, x in parts.items()}
    if family.name in ("mistral", "phi3"):  # llama.cpp runs these without their window
        model.config.sliding_window, window = None, model.config.sliding_window
        tensors["logits.unwindowed"] = Run(family, model, TOKENS).logits
        model.config.sliding_window = window
    if family.name == "phi3-longrope":
        tensors["logits.first8"] = Run(family, model, TOKENS[:8]).logits
    tensors |= edited(family, model, weights)
    for key, x in tensors.items():
        assert np.isfinite(x).all(), key
    about = dict(tokens=TOKENS, donor=DONOR, answers=ANSWERS, edge_source=EDGE_SOURCE, patched=PATCHED)
    save(path, tensors, about)
    return dict(
        sum=gap,
        logits=run.logits.std(),
        pattern=max(run.seen["pattern", n].max(axis=-1)[:, 1:].mean() for n in range(weights.layers)),
        mlp_pre=max(np.abs(found["mlp_pre", n]).max() for n in range(weights.layers)),
    )
