"""Writes the reference data of Tests/ModelTests/Fixtures; its README says what each file holds.

    python -m tiny.goldens tiny               the tiny models
    python -m tiny.goldens smollm2 MODEL      the default model; some minutes
"""

import json
import sys
from dataclasses import asdict

import numpy as np

from oracle import reference as oracle
from oracle.reference import HEADED, Edit
from oracle.folders import FIXTURES
from tiny.models import write_safetensors

# What is stored


def hook_name(site, layer):
    """TransformerLens's name of a site."""
    module, _, rest = site.rpartition(".")
    if site in HEADED:
        module = "attn"
    if site in ("mlp_pre", "mlp_post"):
        module, rest = "mlp", site.removeprefix("mlp_")
    path = [] if layer is None else [f"blocks.{layer}"]
    return ".".join(path + ([module] if module else []) + ["hook_" + rest])


def save(path, tensors, metadata):
    """F32 of float64 arrays; the metadata's values are JSON."""
    tensors = {name: ("F32", np.asarray(x).astype("<f4")) for name, x in tensors.items()}
    write_safetensors(path, tensors, {k: json.dumps(v) for k, v in metadata.items()})


def save_json(path, value):
    """One line an entry at the second level; nine digits, which is all of an f32."""

    def entry(x):
        return json.dumps(rounded(x), separators=(",", ":"))

    def member(x):
        if isinstance(x, list) and x and isinstance(x[0], dict):
            return "[\n" + ",\n".join(map(entry, x)) + "\n]"
        return entry(x)

    lines = [f"{json.dumps(k)}:{member(x)}" for k, x in value.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def rounded(x):
    if isinstance(x, dict):
        return {k: rounded(v) for k, v in x.items()}
    if isinstance(x, (list, tuple, np.ndarray)):
        return [rounded(v) for v in x]
    if isinstance(x, (float, np.floating)):
        return float(f"{x:.9g}")
    return int(x) if isinstance(x, np.integer) else x


def seen_only(site, x):
    """Attention scores and patterns with a zero where the source comes after the query."""
    return np.tril(x) if site in ("attn_scores", "pattern") else x


def attributions(model, run, answer, foils):
    """DLA of the answer's logit, of it centred over the vocabulary, and of the logit difference."""
    found = {}
    for of, direction in oracle.directions(model, answer, foils).items():
        parts = oracle.attribute(model, run, direction)
        assert abs(parts["total"] - parts["whole"]) < 1e-9, "the parts do not sum to the whole"
        found[of] = {k: parts[k] for k in ("whole", "embed", "head", "mlp", "source")}
    return found


def lens(model, run, tokens):
    """Logits of `tokens` from the stream before each layer and after the last: [layers + 1, T, tokens]."""
    layers = model.config.layers
    streams = [run["resid_pre", n] for n in range(layers)] + [run["resid_post", layers - 1]]
    return np.array([oracle.unembed(model, x)[:, tokens] for x in streams])


# Ablations


def mean_of(site, runs, layer, heads, positions):
    """The mean activation over other prompts' runs at `positions`, or at each one's own last."""
    picked = []
    for run in runs:
        x = run[site, layer]
        at = [x.shape[-2] - 1] if positions == "last" else positions
        x = x if heads is None else x[heads]
        picked.append(x[..., at, :])
    return np.mean(picked, axis=0)


def ablation(model, tokens, clean, case, others=()):
    """The logits at the last position after the ablation that `case` describes.

    `at` is "last" or "all"; `others` are the runs whose mean takes the place, zero where there are none.
    """
    site, layer = case["site"], case.get("layer")
    heads = [case["head"]] if "head" in case else None
    elements = [case["neuron"]] if "neuron" in case else None
    last = case["at"] == "last"
    positions = [len(tokens) - 1] if last else list(range(len(tokens)))
    value = 0.0
    if others:
        value = mean_of(site, others, layer, heads, "last" if last else positions)
        value = value if elements is None else value[..., elements]
    edit = Edit(site, layer, heads, positions, elements, value)
    return oracle.rerun(model, tokens, clean, edit)


def all_cases(model, neurons):
    """Every site, layer and head that an ablation can name, at the last position and at all."""
    c = model.config
    heads = {"k": c.kv_heads, "v": c.kv_heads}
    places = [dict(site="embed")]
    for layer in range(c.layers):
        for site in ("resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"):
            places.append(dict(site=site, layer=layer))
        for site in HEADED:
            places += [dict(site=site, layer=layer, head=h) for h in range(heads.get(site, c.heads))]
        for site in ("mlp_pre", "mlp_post"):
            places += [dict(site=site, layer=layer, neuron=n) for n in neurons]
    return [place | dict(at=at) for place in places for at in ("last", "all")]


# The tiny models

# Ids below 320, special tokens left out; "short" and "long" differ in length, the others serve means.
TINY_PROMPTS = {
    "short": [57, 254, 259, 12, 301, 77, 130],
    "long": [41, 300, 9, 266, 91, 277, 18, 205, 313, 64, 150, 272],
}
TINY_OTHERS = {
    "same_length": [
        [60, 31, 288, 199, 5, 310, 101, 44, 263, 87, 29, 270],
        [33, 275, 275, 118, 240, 71, 306, 16, 52, 299, 166, 8],
        [210, 94, 260, 3, 48, 281, 137, 319, 26, 75, 268, 112],
    ],
    "any_length": [[88, 290, 14], [265, 23, 180, 307, 66], [99, 255, 41, 302, 10, 276, 59, 188, 34]],
}
TINY_ANSWER, TINY_FOILS = 263, [100, 311, 40]
TINY_TOKENS = [263, 100, 311, 40, 0, 319]  # whose logits the ablations record


def tiny():
    for name in ("tiny-gqa", "tiny-mha"):
        model = oracle.load(FIXTURES / name)
        for label, tokens in TINY_PROMPTS.items():
            run, logits = oracle.capture(model, tokens)
            tensors = {hook_name(*at): seen_only(at[0], x) for at, x in run.items()}
            save(FIXTURES / f"{name}.{label}.safetensors", tensors | {"logits": logits}, {"tokens": tokens})
        tiny_effects(name, model)

    # The other copies of the same weights, and the quantized ones: logits only.
    for path in sorted(FIXTURES.glob("tiny-*")):
        if path.suffix != ".gguf" and path.name not in ("tiny-mha-f16", "tiny-mha-bf16"):
            continue
        model = oracle.load(path)
        logits = {k: oracle.forward(model, tokens) for k, tokens in TINY_PROMPTS.items()}
        stem = path.name.removesuffix(".gguf")
        save(FIXTURES / f"{stem}.logits.safetensors", logits, {"tokens": TINY_PROMPTS})


def tiny_effects(name, model):
    tokens = TINY_PROMPTS["long"]
    clean, logits = oracle.capture(model, tokens)
    others = {k: [oracle.capture(model, p)[0] for p in v] for k, v in TINY_OTHERS.items()}
    rows = []
    for case in all_cases(model, neurons=(0, 17, 63)):
        for over in (None, "same_length", "any_length"):
            if over == "any_length" and (case["at"] == "all" or case["site"] in ("attn_scores", "pattern")):
                continue
            runs = others[over] if over else ()
            found = ablation(model, tokens, clean, case, runs)[TINY_TOKENS]
            rows.append(case | ({"mean_over": over} if over else {}) | {"logits": found})

    # Several edits at once, then attribution: by the edited run's own final scale.
    several = [
        Edit("pattern", 1, [2], [len(tokens) - 1]),
        Edit("mlp_out", 0, None, list(range(len(tokens)))),
    ]
    edited, edited_logits = oracle.capture(model, tokens, oracle.edits(*several))
    save_json(
        FIXTURES / f"{name}.effects.json",
        {
            "tokens": tokens,
            "others": TINY_OTHERS,
            "logit_tokens": TINY_TOKENS,
            "logits": logits[-1][TINY_TOKENS],
            "answer": TINY_ANSWER,
            "foils": TINY_FOILS,
            "dla": attributions(model, clean, TINY_ANSWER, TINY_FOILS),
            "edited": {
                "edits": [
                    {k: v for k, v in asdict(e).items() if k != "change" and v is not None} for e in several
                ],
                "logits": edited_logits[-1][TINY_TOKENS],
                "dla": attributions(model, edited, TINY_ANSWER, TINY_FOILS),
            },
            "lens": lens(model, clean, TINY_TOKENS),
            "ablations": rows,
        },
    )


# SmolLM2-135M-Instruct, Q4_1

COLOSSEUM = [13486, 42, 378, 1712, 37320, 382, 314, 281, 260, 1798, 282]
TOWER = [13486, 42, 378, 414, 46682, 18669, 436, 2837, 281] + [216, 33, 40, 40, 41, 28, 281, 260, 2240, 282]


def splitmix64(x):
    """The README next to the fixtures defines it."""
    with np.errstate(over="ignore"):
        x = np.asarray(x).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def signs(size):
    """+1 or -1 by bit 63 of splitmix64(i)."""
    return np.where(splitmix64(np.arange(size)) >> np.uint64(63), -1.0, 1.0)


def fingerprint(site, x):
    """Signed projection and L2 norm of the last axis: [..., 2]."""
    x = seen_only(site, x)
    return np.stack([x @ signs(x.shape[-1]), np.linalg.norm(x, axis=-1)], axis=-1)


SMOLLM2_PROMPTS = {
    "colosseum": dict(
        text="Fact: The Colosseum is in the country of",
        tokens=COLOSSEUM,
        answer=7158,  # " Italy"
        foils=[4649, 7476],  # " France", " Spain"
    ),
    "tower": dict(
        text="Fact: The Eiffel Tower was built in 1889, in the city of",
        tokens=TOWER,
        answer=7042,  # " Paris"
        foils=[4528, 11452],  # " London", " Berlin"
    ),
}
# Four prompts of eleven tokens, as the Colosseum's: The Parthenon, The Eiffel Tower, The Brandenburg
# Gate, The Golden Pavilion.
SMOLLM2_OTHERS = [
    COLOSSEUM[:3] + subject + COLOSSEUM[6:]
    for subject in ([3278, 795, 258], [414, 46682, 18669], [16831, 28837, 18447], [13578, 29396, 31189])
]
MEAN_HEADS = [(0, 0), (14, 5), (23, 4), (29, 1)]


def smollm2(path):
    """Activations and attribution of every prompt first; the ablations take minutes."""
    model = oracle.load(path)
    rows, runs = [], {}
    for label, prompt in SMOLLM2_PROMPTS.items():
        tokens, chosen = prompt["tokens"], [prompt["answer"], *prompt["foils"]]
        runs[label] = run, logits = oracle.capture(model, tokens)
        tensors = {hook_name(*at): fingerprint(at[0], x) for at, x in run.items()}
        for of, parts in attributions(model, run, prompt["answer"], prompt["foils"]).items():
            tensors |= {f"dla.{of}.{part}": np.atleast_1d(x) for part, x in parts.items()}
        tensors["lens"] = lens(model, run, chosen)
        save(FIXTURES / f"smollm2.{label}.safetensors", tensors, {"tokens": tokens})
        rows.append(prompt | dict(name=label, top=largest(logits, 20)))
    save_json(
        FIXTURES / "smollm2.json",
        {"prompts": rows, "others": SMOLLM2_OTHERS, "mean_heads": MEAN_HEADS},
    )
    check_colosseum(model, *runs["colosseum"])
    for label, prompt in SMOLLM2_PROMPTS.items():
        run, logits = runs[label]
        tensors = smollm2_effects(model, prompt, run, logits[-1])
        save(FIXTURES / f"smollm2.{label}.effects.safetensors", tensors, {"tokens": prompt["tokens"]})


def largest(logits, count):
    logprobs = oracle.log_softmax(logits)
    order = np.argsort(-logits, axis=-1, kind="stable")[:, :count]
    return [
        dict(position=p, ids=ids, logits=logits[p, ids], logprobs=logprobs[p, ids])
        for p, ids in enumerate(order)
    ]


def smollm2_effects(model, prompt, clean, base):
    """Effects on the answer's logit, each foil's, the answer's log-probability, and KL(base ‖ edited)."""
    c, tokens = model.config, prompt["tokens"]
    base_logprobs = oracle.log_softmax(base)

    def effect(case, others=()):
        logits = ablation(model, tokens, clean, case, others)
        logprobs = oracle.log_softmax(logits)
        chosen = [prompt["answer"], *prompt["foils"]]
        kl = np.exp(base_logprobs) @ (base_logprobs - logprobs)
        return [*(logits - base)[chosen], (logprobs - base_logprobs)[prompt["answer"]], kl]

    found = {}
    for at in ("last", "all"):
        for site in ("attn_out", "mlp_out"):
            cases = [dict(site=site, layer=n, at=at) for n in range(c.layers)]
            found[f"zero.{site}.{at}"] = [effect(case) for case in cases]
        found[f"zero.z.{at}"] = [
            [effect(dict(site="z", layer=n, head=h, at=at)) for h in range(c.heads)]
            for n in range(c.layers)
        ]
    if len(tokens) == len(SMOLLM2_OTHERS[0]):
        others = [oracle.capture(model, t)[0] for t in SMOLLM2_OTHERS]
        for at in ("last", "all"):
            cases = [dict(site="z", layer=n, head=h, at=at) for n, h in MEAN_HEADS]
            found[f"mean.z.{at}"] = [effect(case, others) for case in cases]
            cases = [dict(site="mlp_out", layer=n, at=at) for n in range(c.layers)]
            found[f"mean.mlp_out.{at}"] = [effect(case, others) for case in cases]
    return found


def check_colosseum(model, run, logits):
    """The reference data of colosseum.json came from elsewhere: it must come out here too."""
    given = json.loads((FIXTURES / "colosseum.json").read_text())
    parts = oracle.attribute(model, run, oracle.directions(model, given["answer_id"])["logit"])
    last = np.array([run["pattern", n][:, -1] for n in range(model.config.layers)])
    tokens, answer = given["token_ids"], given["answer_id"]

    def effects(at):
        base = logits[-1][answer]
        return [
            [
                ablation(model, tokens, run, dict(site="z", layer=n, head=h, at=at))[answer] - base
                for h in range(model.config.heads)
            ]
            for n in range(model.config.layers)
        ]

    found = dict(
        answer_logit=logits[-1][answer],
        foil_logit=logits[-1][given["foil_id"]],
        answer_logprob=oracle.log_softmax(logits[-1])[answer],
        final_scale=run["ln_final.scale", None][-1, 0],
        top10_logits=logits[-1][given["top10_ids"]],
        dla_embed=parts["embed"],
        dla_mlp=parts["mlp"],
        dla_head=parts["head"],
        dla_head_source=parts["source"],
        attention_last=last,
        ablate_head_last_effect=effects("last"),
        ablate_head_all_effect=effects("all"),
        logit_lens_answer=lens(model, run, [answer])[:, -1, 0],
    )
    for name, x in found.items():
        gap = np.abs(np.array(given[name]) - x).max()
        print(f"colosseum.json {name}: {gap:.1e}")
        assert gap < 1e-6, name  # the file has six decimals


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tiny"]:
            tiny()
        case ["smollm2", path]:
            smollm2(path)
        case _:
            sys.exit(__doc__)
