"""The Llama family in plain numpy, in float64: an oracle that shares no code with Summand.

One forward pass with a hook at every canonical site (TransformerLens's names), so that the same
program captures activations and edits them; direct logit attribution on top.

Shapes: T positions, D = d_model, H query heads, K key/value heads, E = d_head, F = d_mlp, V vocabulary.
Every site has its position on axis -2 and, where it has heads, the head on axis 0:

    embed, resid_pre, resid_mid, resid_post, attn_out, mlp_out   [T, D]
    ln1.scale, ln2.scale, ln_final.scale                         [T, 1]    sqrt(mean(x²) + eps)
    q, z [H, T, E]   k, v [K, T, E]   result [H, T, D]           q and k before RoPE
    attn_scores, pattern                                         [H, T, T] query, source
    mlp_pre, mlp_post                                            [T, F]    gate; silu(gate) · up
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADED = ("q", "k", "v", "attn_scores", "pattern", "z", "result")


@dataclass
class Config:
    layers: int
    d_model: int
    heads: int
    kv_heads: int
    d_head: int
    eps: float
    rope_base: float


@dataclass
class Model:
    config: Config
    embed: np.ndarray  # [V, D]
    unembed: np.ndarray  # [V, D], the embedding where the two are tied
    final_norm: np.ndarray  # [D]
    layers: list  # of dicts: norm1 norm2 [D], q [H·E, D], k v [K·E, D], o [D, H·E], gate up [F, D], down [D, F]


# Reading files


def load(path):
    path = Path(path)
    return load_gguf(path) if path.suffix == ".gguf" else load_safetensors(path)


def load_gguf(path):
    from gguf import GGUFReader
    from gguf.quants import dequantize

    reader = GGUFReader(path)
    tensors = {
        t.name: dequantize(t.data, t.tensor_type).astype(np.float64) for t in reader.tensors
    }

    def key(name, default=None):
        field = reader.get_field(name)
        return default if field is None else field.contents()

    assert key("general.architecture") == "llama" and "rope_freqs.weight" not in tensors
    heads = key("llama.attention.head_count")
    d_model = key("llama.embedding_length")
    config = Config(
        layers=key("llama.block_count"),
        d_model=d_model,
        heads=heads,
        kv_heads=key("llama.attention.head_count_kv", heads),
        d_head=key("llama.attention.key_length", d_model // heads),
        eps=key("llama.attention.layer_norm_rms_epsilon"),
        rope_base=key("llama.rope.freq_base", 10000.0),
    )

    def unpermuted(name, heads):
        """The converter interleaves the halves of each head's rows; undo it."""
        w = tensors[name]
        return w.reshape(heads, -1, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)

    def layer(n):
        b = f"blk.{n}."
        return dict(
            norm1=tensors[b + "attn_norm.weight"],
            q=unpermuted(b + "attn_q.weight", config.heads),
            k=unpermuted(b + "attn_k.weight", config.kv_heads),
            v=tensors[b + "attn_v.weight"],
            o=tensors[b + "attn_output.weight"],
            norm2=tensors[b + "ffn_norm.weight"],
            gate=tensors[b + "ffn_gate.weight"],
            up=tensors[b + "ffn_up.weight"],
            down=tensors[b + "ffn_down.weight"],
        )

    embed = tensors["token_embd.weight"]
    return Model(
        config,
        embed,
        tensors.get("output.weight", embed),
        tensors["output_norm.weight"],
        [layer(n) for n in range(config.layers)],
    )


def load_safetensors(folder):
    from safetensors import deserialize

    tensors = {
        name: from_safetensors(t)
        for name, t in deserialize((folder / "model.safetensors").read_bytes())
    }
    c = json.loads((folder / "config.json").read_text())
    heads = c["num_attention_heads"]
    config = Config(
        layers=c["num_hidden_layers"],
        d_model=c["hidden_size"],
        heads=heads,
        kv_heads=c.get("num_key_value_heads", heads),
        d_head=c.get("head_dim") or c["hidden_size"] // heads,
        eps=c["rms_norm_eps"],
        rope_base=c["rope_theta"] if "rope_theta" in c else c["rope_parameters"]["rope_theta"],
    )

    def layer(n):
        b = f"model.layers.{n}."
        attention, mlp = b + "self_attn.", b + "mlp."
        return dict(
            norm1=tensors[b + "input_layernorm.weight"],
            q=tensors[attention + "q_proj.weight"],
            k=tensors[attention + "k_proj.weight"],
            v=tensors[attention + "v_proj.weight"],
            o=tensors[attention + "o_proj.weight"],
            norm2=tensors[b + "post_attention_layernorm.weight"],
            gate=tensors[mlp + "gate_proj.weight"],
            up=tensors[mlp + "up_proj.weight"],
            down=tensors[mlp + "down_proj.weight"],
        )

    embed = tensors["model.embed_tokens.weight"]
    return Model(
        config,
        embed,
        embed if c.get("tie_word_embeddings") else tensors["lm_head.weight"],
        tensors["model.norm.weight"],
        [layer(n) for n in range(config.layers)],
    )


def from_safetensors(tensor):
    data, shape = tensor["data"], tensor["shape"]
    if tensor["dtype"] == "BF16":  # numpy has none: the upper half of an f32
        values = (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = np.frombuffer(data, {"F32": np.float32, "F16": np.float16}[tensor["dtype"]])
    return values.reshape(shape).astype(np.float64)


# The forward pass


def unchanged(site, layer, x):
    return x


def forward(model, tokens, hook=unchanged, start=0, resid=None, rows=slice(None)):
    """Logits [T, V]. `hook(site, layer, x)` sees each site in order and gives what takes its place.

    With `start` and `resid`, the pass begins at that layer with that residual stream; `rows` are the
    positions whose logits are wanted.
    """
    if resid is None:
        resid = hook("embed", None, model.embed[tokens])
    for n in range(start, model.config.layers):
        resid = block(model, n, resid, hook)
    return unembed(model, resid[rows], hook)


def unembed(model, resid, hook=unchanged):
    scale = hook("ln_final.scale", None, rms(resid, model.config.eps))
    return resid / scale * model.final_norm @ model.unembed.T


def block(model, n, x, hook):
    c, w = model.config, model.layers[n]
    at = lambda site, value: hook(site, n, value)

    x = at("resid_pre", x)
    normed = x / at("ln1.scale", rms(x, c.eps)) * w["norm1"]
    q = at("q", split_heads(normed @ w["q"].T, c.heads))
    k = at("k", split_heads(normed @ w["k"].T, c.kv_heads))
    v = at("v", split_heads(normed @ w["v"].T, c.kv_heads))
    group = c.heads // c.kv_heads  # query head h reads key/value head h // group
    keys = np.repeat(rotate(k, c.rope_base), group, axis=0)
    scores = rotate(q, c.rope_base) @ keys.swapaxes(1, 2) / np.sqrt(c.d_head)
    pattern = at("pattern", causal_softmax(at("attn_scores", scores)))
    z = at("z", pattern @ np.repeat(v, group, axis=0))
    result = head_results(c, w, z)
    edited = at("result", result)
    attn_out = at("attn_out", edited.sum(axis=0))

    x = at("resid_mid", x + attn_out)
    normed = x / at("ln2.scale", rms(x, c.eps)) * w["norm2"]
    gate = at("mlp_pre", normed @ w["gate"].T)
    hidden = at("mlp_post", gate / (1 + np.exp(-gate)) * (normed @ w["up"].T))
    mlp_out = at("mlp_out", hidden @ w["down"].T)
    return at("resid_post", x + mlp_out)


def rms(x, eps):
    return np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)


def split_heads(x, heads):
    """[T, heads · E] to [heads, T, E]."""
    return x.reshape(len(x), heads, -1).swapaxes(0, 1)


def head_results(c, w, z):
    """Each head's z · W_O: [H, T, D]."""
    return z @ w["o"].reshape(c.d_model, c.heads, c.d_head).transpose(1, 2, 0)


def rotate(x, base):
    """RoPE with halves paired, as Hugging Face has it: element i with element i + E/2."""
    length, size = x.shape[-2:]
    half = size // 2
    angle = np.arange(length)[:, None] * base ** (-np.arange(half) * 2.0 / size)
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = x[..., :half], x[..., half:]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def causal_softmax(scores):
    seen = np.tril(np.ones(scores.shape[-2:], bool))
    scores = np.where(seen, scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


# Captures and edits


def capture(model, tokens, hook=unchanged):
    """The activations at every site after `hook`'s edits, by (site, layer), and the logits [T, V]."""
    seen = {}

    def keep(site, layer, x):
        seen[site, layer] = x = hook(site, layer, x)
        return x

    return seen, forward(model, tokens, keep)


@dataclass
class Edit:
    """Changes the given heads, positions and elements of one site: "set" to `value`, "scale" by it, "add" it.

    Along `value`, a unit vector over the elements: "project" takes that part off, "onto" leaves nothing else,
    "clamp" makes it `to` long.

    A list that is None means all of them. `value` broadcasts against [heads,] positions, elements.
    "cut" is for attn_scores, whose positions are queries and whose elements are sources: nothing
    of these reaches those.
    """

    site: str
    layer: int | None
    heads: list | None = None
    positions: list | None = None
    elements: list | None = None
    value: object = 0.0
    change: str = "set"
    to: float | None = None

    def index(self, x):
        chosen = [self.positions, self.elements]
        if self.site in HEADED:
            chosen = [self.heads] + chosen
        return np.ix_(*(range(n) if c is None else c for c, n in zip(chosen, x.shape)))

    def __call__(self, site, layer, x):
        if (site, layer) != (self.site, self.layer):
            return x
        x = x.copy()
        at = self.index(x)
        match self.change:
            case "set":
                x[at] = self.value
            case "scale":
                x[at] *= self.value
            case "add":
                x[at] += self.value
            case "cut":
                x[at] = -np.inf
            case "project" | "onto" | "clamp":
                along = (x[at] @ self.value)[..., None] * self.value
                rest = x[at] - along
                x[at] = dict(project=rest, onto=along).get(self.change, rest + (self.to or 0) * self.value)
        return x


def edits(*several):
    """In the order given, but cuts last: they hold whatever else is done to the scores."""
    in_order = sorted(several, key=lambda edit: edit.change == "cut")

    def hook(site, layer, x):
        for edit in in_order:
            x = edit(site, layer, x)
        return x

    return hook


def rerun(model, tokens, clean, *several):
    """The last position's logits [V] after edits, begun from the clean run's stream at the first edited layer."""
    hook, last = edits(*several), slice(-1, None)
    start = min(-1 if e.layer is None else e.layer for e in several)
    if start < 0:
        return forward(model, tokens, hook, rows=last)[0]
    return forward(model, tokens, hook, start, clean["resid_pre", start], last)[0]


# Direct logit attribution


def directions(model, answer, foils=()):
    """What is attributed, as vectors in the unembedding's space [D]."""
    u = model.unembed
    found = dict(logit=u[answer], centred=u[answer] - u.mean(axis=0))
    if len(foils):
        found["logit_diff"] = u[answer] - u[list(foils)].mean(axis=0)
    return found


def attribute(model, run, direction):
    """DLA at the last position: ⟨c, γ ⊙ direction⟩ / σ with the run's own final scale σ.

    By source: A[last, s] · (v_s W_O). The parts are summed and compared with the whole.
    """
    c = model.config
    u = model.final_norm * direction / run["ln_final.scale", None][-1, 0]
    group = c.heads // c.kv_heads
    source = []
    for n, w in enumerate(model.layers):
        v = np.repeat(run["v", n], group, axis=0)
        weighted = run["pattern", n][:, -1, :, None] * v
        source.append(head_results(c, w, weighted) @ u)
    head = np.array([run["result", n][:, -1] @ u for n in range(c.layers)])
    mlp = np.array([run["mlp_out", n][-1] @ u for n in range(c.layers)])
    embed = run["embed", None][-1] @ u
    return dict(
        embed=embed,
        head=head,
        source=np.array(source),
        mlp=mlp,
        total=embed + head.sum() + mlp.sum(),
        whole=run["resid_post", c.layers - 1][-1] @ u,
    )
