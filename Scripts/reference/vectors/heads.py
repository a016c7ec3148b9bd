"""What the commands on weights must give, from whole matrices of tiny models of four families in float64.

    python -m vectors.heads       into Tests/RuntimeTests/Fixtures/heads.json

Nothing here is factored: W_E · OV · W_U is a matrix of vocabulary by vocabulary, OV and QK of d_model by d_model, and
eigenvalues and singular values are numpy's of these. The gains of norms are multiplied in, and what a LayerNorm
subtracts is left out. Attention on repeated tokens is transformers' own.
"""

import numpy as np
import torch
import transformers

from families import models as tiny
from families.float64 import Float64
from families.goldens import Run, Weights, activations
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "gemma2", "gpt2", "qwen3"]
START, DRAWN = [2], [41, 7, 90, 23, 58, 12, 77]
READ = [33, 70]


class Heads:
    """The matrices of one layer, rows on the left: x W_Q and so on, [heads][d_model][d_head]."""

    def __init__(self, weights, n):
        layout = weights.layout
        fused = [weights.rows(n, name).T for name in layout.qkv]
        self.q, k, v = weights.qkv(fused)
        gain = weights.norm(f"{layout.layers}.{n}.{layout.norm1}")
        center = np.eye(len(gain)) - weights.layer_norm / len(gain)
        before = center * gain
        group = weights.heads // weights.kv_heads
        self.k, self.v = np.repeat(k, group, axis=0), np.repeat(v, group, axis=0)
        attention = weights.model.get_submodule(f"{layout.layers}.{n}.{layout.attention}")
        for name in ("q", "k"):
            own = 1.0
            if hasattr(attention, f"{name}_norm"):
                own = weights.norm(f"{layout.layers}.{n}.{layout.attention}.{name}_norm")
            setattr(self, name, before @ (getattr(self, name) * own))
        self.v = before @ self.v
        self.o = weights.output(n)
        if layout.post_attention:
            self.o = self.o * weights.norm(f"{layout.layers}.{n}.{layout.post_attention}")
        self.ov = self.v @ self.o
        self.qk = self.q @ self.k.swapaxes(1, 2)


def positivity(matrix):
    values = np.linalg.eigvals(matrix)
    return float(values.sum().real / np.abs(values).sum())


def of_model(family):
    with Float64():
        model, _ = tiny.build(family)
    weights = Weights(family, model)
    layers = [Heads(weights, n) for n in range(weights.layers)]
    gain = weights.norm(weights.layout.final)
    center = np.eye(len(gain)) - weights.layer_norm / len(gain)
    read = weights.tensor(weights.layout.embed)
    written = center * gain @ weights.tensor(weights.layout.unembed).T
    rows, products = [], []
    tokens = START + DRAWN * 2
    run = Run(family, model, tokens)
    seen = activations(weights, run)
    for n, layer in enumerate(layers):
        for h, (ov, qk) in enumerate(zip(layer.ov, layer.qk)):
            rows.append(
                dict(
                    component=f"L{n}H{h}",
                    copying=positivity(read @ ov @ written),
                    ov_positivity=positivity(ov),
                    ov_norm=float(np.linalg.norm(ov)),
                    qk_norm=float(np.linalg.norm(qk)),
                    ov_singular=np.linalg.svd(ov, compute_uv=False)[:3].tolist(),
                    qk_singular=np.linalg.svd(qk, compute_uv=False)[:3].tolist(),
                    largest=np.sort(np.abs(np.linalg.eigvals(ov)))[::-1][:3].tolist(),
                    **repeated(weights, seen, written, tokens, n, h),
                )
            )
    width, scale = len(gain), 1.0
    if family.kind.startswith("Gemma"):
        scale = float(torch.tensor(width**0.5, dtype=torch.float64))
    head = layers[1].ov[0]
    streams = read * scale
    logits = streams / weights.scale(streams) @ head @ written
    return dict(
        family=family.name,
        tokens=tokens,
        start=len(START),
        heads=rows,
        composition=compositions(layers),
        read=READ,
        logits=logits[READ].tolist(),
        own=np.diagonal(logits).tolist(),
    )


def repeated(weights, seen, written, tokens, n, h):
    """Attention by offset, and what is added to the logit of the token that follows, less the vocabulary's mean."""
    pattern, count, start = seen["pattern", n][h], len(DRAWN), len(START)
    last = len(tokens)
    first, second = range(start + 1, last), range(start + count, last)
    onto = written - written.mean(axis=1, keepdims=True)
    added = []
    for p in range(start + count, last - 1):
        result = seen["result", n][h, p]
        if weights.layout.post_attention:
            gain = weights.norm(f"{weights.layout.layers}.{n}.{weights.layout.post_attention}")
            result = result * gain / seen["ln1_post.scale", n][p, 0]
        added.append(result @ onto[:, tokens[p + 1]] / seen["ln_final.scale", None][p, 0])
    return dict(
        previous_token=float(np.mean([pattern[p, p - 1] for p in first])),
        duplicate_token=float(np.mean([pattern[p, p - count] for p in second])),
        prefix_matching=float(np.mean([pattern[p, p - count + 1] for p in second])),
        induction=float(np.mean(added)),
    )


def compositions(layers):
    norm, found = np.linalg.norm, []
    for a in range(len(layers)):
        for b in range(a + 1, len(layers)):
            for h in range(len(layers[a].ov)):
                for g in range(0, len(layers[b].ov), 2):
                    ov, qk, other = layers[a].ov[h], layers[b].qk[g], layers[b].ov[g]
                    found.append(
                        dict(
                            writer=f"L{a}H{h}",
                            reader=f"L{b}H{g}",
                            q=float(norm(ov @ qk) / norm(ov) / norm(qk)),
                            k=float(norm(ov @ qk.T) / norm(ov) / norm(qk)),
                            v=float(norm(ov @ other) / norm(ov) / norm(other)),
                        )
                    )
    return found


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    models = [of_model(family) for family in tiny.ALL if family.name in FAMILIES]
    save_json(COMMAND_FIXTURES / "heads.json", dict(models=models))


if __name__ == "__main__":
    main()
