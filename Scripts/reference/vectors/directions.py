"""What the commands on vectors must give: directions by numpy and scikit-learn, and what a stream has along one.

    python -m vectors.directions       into Tests/RuntimeTests/Fixtures/vectors.json

`fits`: small sets of rows with labels, and the direction of each method, with its threshold. `models`: of tiny models
of four families, transformers in float64: the same directions of activations; what components and neurons write
along a vector, and to a logit; the tokens that a vector promotes.
"""

import numpy as np
import torch
import transformers
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from families import models as tiny
from families.float64 import Float64
from families.goldens import Run, Weights, activations
from oracle.folders import COMMAND_FIXTURES
from tiny.edits import vector
from tiny.goldens import save_json

FAMILIES = ["llama3", "gemma2", "gpt2", "gptj"]
SIDE, LENGTH = 12, 6
ANSWER, STEP = 33, 3


# Directions


def directions(positive, negative):
    """By method, the vector and where its positive side begins."""
    x, y = np.vstack([positive, negative]), np.repeat([1, 0], [len(positive), len(negative)])
    means = positive.mean(axis=0), negative.mean(axis=0)
    difference = means[0] - means[1]
    found = dict(mean=difference)

    def component(rows):
        first = PCA(n_components=1, svd_solver="full").fit(rows).components_[0]
        return first if first @ difference > 0 else -first

    found["pca"] = component(x)
    if len(positive) == len(negative):
        middle = (positive + negative) / 2  # of each pair
        found["pca paired"] = component(np.vstack([positive - middle, negative - middle]))
    within = np.vstack([positive - means[0], negative - means[1]])
    found["mass_mean"] = np.linalg.pinv(within.T @ within / len(x), rcond=1e-10, hermitian=True) @ difference
    found = {method: (v, v @ (means[0] + means[1]) / 2) for method, v in found.items()}
    scaler = StandardScaler().fit(x)
    fit = LogisticRegression(C=1, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(scaler.transform(x), y)
    v = fit.coef_[0] / scaler.scale_
    found["logistic"] = v, v @ scaler.mean_ - fit.intercept_[0]
    return [dict(method=m, vector=v.tolist(), threshold=float(t)) for m, (v, t) in found.items()]


def fits():
    """More rows than columns, fewer, and sides of unequal size; numbers that f32 has exactly."""
    random = np.random.default_rng(3)
    for count, other, width, gap in [(20, 20, 6, 1.0), (9, 9, 24, 0.6), (14, 8, 12, 0.4)]:
        scale = random.uniform(0.2, 4, width)
        rows = random.standard_normal((count + other, width)) * scale + random.standard_normal(width)
        rows[:count] += gap * random.standard_normal(width) * scale
        rows = np.round(rows * 256) / 256
        rows[:, -1] = 1.5  # the same everywhere: not divided by its deviation
        found = directions(rows[:count], rows[count:])
        yield dict(rows=rows.tolist(), positive=count, directions=found)


# Streams


def prompts(random, mark):
    """Half of the tokens at random, one of them a sign of the side."""
    tokens = random.integers(1, tiny.VOCAB, (SIDE, LENGTH))
    tokens[:, 3] = mark
    return tokens.tolist()


def of_model(family):
    with Float64():
        model, _ = tiny.build(family)
    weights = Weights(family, model)
    random = np.random.default_rng(4)
    sides = prompts(random, 17), prompts(random, 71)
    last = weights.layers - 1
    streams = [
        np.array([Run(family, model, tokens).seen["resid_post", last][-1] for tokens in side]) for side in sides
    ]
    run = Run(family, model, tiny.TOKENS)
    seen = activations(weights, run)
    width = model.config.hidden_size
    along = vector(5, width) - 0.5
    gains = weights.norm(family.layout.final)
    unembedding = weights.tensor(family.layout.unembed)
    read = (along - along.mean() * weights.layer_norm) * gains
    into = [("resid_pre", 1), ("resid_post", last)] + ([] if family.layout.parallel else [("resid_mid", last)])
    u = gains * unembedding[ANSWER]
    u = (u - u.mean() * weights.layer_norm) / seen["ln_final.scale", None][-1, 0]
    return dict(
        family=family.name,
        positive=sides[0],
        negative=sides[1],
        site=f"L{last}.resid_post",
        directions=directions(*streams),
        tokens=tiny.TOKENS,
        seed=5,
        unembedded=(unembedding @ read).tolist(),
        parts=[dict(into=f"L{n}.{site}") | parts(weights, seen, along, site, n) for site, n in into],
        answer=ANSWER,
        neurons=sum((neurons(weights, seen, u, n) for n in range(weights.layers)), [])[::STEP],
        step=STEP,
    )


def before(weights, run, name, site, n):
    """What a vector of the stream is multiplied by, before the norm on the way into it."""
    path = getattr(weights.layout, name)
    if not path:
        return 1.0
    return weights.norm(f"{weights.layout.layers}.{n}.{path}") / run[site, n][-1, 0]


def parts(weights, seen, v, site, layer):
    """What each component writes along v before a stream: heads with their biases in them."""
    found = [("embed", seen["embed", None][-1] @ v)]
    if weights.layout.position:
        found.append(("pos_embed", seen["pos_embed", None][-1] @ v))
    for n in range(layer + 1):
        if n < layer or site != "resid_pre":
            onto = v * before(weights, seen, "post_attention", "ln1_post.scale", n)
            for h, result in enumerate(seen["result", n][:, -1]):
                found.append((f"L{n}H{h}", result @ onto))
            if weights.at(n, weights.layout.output, "bias") is not None:
                found.append((f"L{n}.attn.bias", weights.output_bias(n) @ onto))
        if n < layer or site == "resid_post":
            found.append((f"L{n}.mlp", seen["mlp_out", n][-1] @ v))
    total = seen[site, layer][-1] @ v
    assert abs(sum(x for _, x in found) - total) < 1e-9, (site, layer)
    return dict(components=[name for name, _ in found], values=[float(x) for _, x in found], total=float(total))


def neurons(weights, seen, u, n):
    """What each neuron of a layer writes along u, and its bias where there is one."""
    layout = weights.layout
    onto = u * before(weights, seen, "post_mlp", "ln2_post.scale", n)
    found = (seen["mlp_post", n][-1] * (weights.rows(n, layout.mlp_out).T @ onto)).tolist()
    bias = weights.at(n, layout.mlp_out, "bias")
    whole = sum(found) + (0 if bias is None else bias @ onto)
    assert abs(whole - seen["mlp_out", n][-1] @ u) < 1e-9, n
    return found + ([] if bias is None else [float(bias @ onto)])


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    models = [of_model(family) for family in tiny.ALL if family.name in FAMILIES]
    save_json(COMMAND_FIXTURES / "vectors.json", dict(fits=list(fits()), models=models))


if __name__ == "__main__":
    main()
