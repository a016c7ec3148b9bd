"""Writes the tables of edits of Tests/ModelTests/Fixtures: every kind at every site, as logits after it.

    python -m tiny.edits tiny               tiny-gqa.edits.json, tiny-mha.edits.json
    python -m tiny.edits smollm2 MODEL      smollm2.edits.json

A cell is a list of places, each with what is done there; a value is described, not written down, so
that whoever compares takes it from runs of its own:

    zero                the site is set to 0
    mean                to its mean over `others`, position by position
    patch  donor        to what it is in the run of that one of `others`
    freeze              to what it is in the clean run; an edit upstream comes before it, and one downstream
                        where nothing else would be left to see
    scale  factor       it is multiplied
    steer  seed         `vector(seed)` is added at every position
    cut    sources      the scores of these sources are -inf
    project seed        the part along `vector(seed)` is subtracted, of each head by itself
    onto   seed         nothing but that part is left
    clamp  seed, to     that part becomes `to` long
"""

import sys

import numpy as np

from oracle import reference as oracle
from tiny.goldens import COLOSSEUM, SMOLLM2_OTHERS, TINY_OTHERS, TINY_PROMPTS, save_json, splitmix64
from oracle.reference import HEADED, Edit
from oracle.folders import FIXTURES

# A zero here would be divided by.
SCALES = ("ln1.scale", "ln2.scale", "ln_final.scale")
OVER_SOURCES = ("attn_scores", "pattern")
# In the order of the forward pass.
SITES = ("embed", "resid_pre", "ln1.scale", "q", "k", "v", "attn_scores", "pattern", "z", "result")
SITES += ("attn_out", "resid_mid", "ln2.scale", "mlp_pre", "mlp_post", "mlp_out", "resid_post")
SITES += ("ln_final.scale",)
KINDS = ("zero", "mean", "patch", "freeze", "scale", "steer", "cut")
ALONG = ("project", "onto", "clamp")


def exists(site, kind):
    """Whether there is such an edit; where there is none, Summand must say so."""
    match kind:
        case "zero":
            return site not in SCALES
        case "steer":
            return site not in OVER_SOURCES
        case "cut":
            return site == "attn_scores"
        case "project" | "onto" | "clamp":
            return site not in SCALES + OVER_SOURCES
    return True


def vector(seed, count):
    """Numbers in [0, 1) that f32 has exactly: the upper 24 bits of splitmix64(1000000 · seed + i)."""
    return (splitmix64(1_000_000 * seed + np.arange(count)) >> np.uint64(40)) / 2.0**24


# From a described edit to the oracle's


class Prompt:
    """A prompt, its clean run, and the runs that values come from."""

    def __init__(self, model, tokens, others):
        self.model, self.tokens = model, tokens
        self.clean, self.logits = oracle.capture(model, tokens)
        self.others = [oracle.capture(model, t)[0] for t in others]

    def edit(self, place):
        """`units` are heads, or elements where a site has no heads."""
        site, layer, at = place["site"], place.get("layer"), place["at"]
        units = place.get("units")
        heads, elements = (units, None) if site in HEADED else (None, units)
        chosen = Edit(site, layer, heads, at, elements)
        values = lambda run: run[site, layer][chosen.index(run[site, layer])]
        match place["kind"]:
            case "zero":
                pass
            case "mean":
                chosen.value = np.mean([values(run) for run in self.others], axis=0)
            case "patch":
                chosen.value = values(self.others[place["donor"]])
            case "freeze":
                chosen.value = values(self.clean)
            case "scale":
                chosen.change, chosen.value = "scale", place["factor"]
            case "steer":
                shape = values(self.clean)[..., :1, :].shape  # the same at each position
                chosen.change, chosen.value = "add", vector(place["seed"], np.prod(shape)).reshape(shape)
            case "cut":
                chosen.change, chosen.elements = "cut", place["sources"]
            case "project" | "onto" | "clamp" as kind:
                direction = vector(place["seed"], values(self.clean).shape[-1])
                chosen.change, chosen.value = kind, direction / np.linalg.norm(direction)
                chosen.to = place.get("to")
        return chosen

    def logits_after(self, places):
        return oracle.forward(self.model, self.tokens, oracle.edits(*map(self.edit, places)))


# Which cells


def unit_count(c, model, site):
    """Into how many a site is divided; 1 where it is not."""
    if site in HEADED:
        return c.kv_heads if site in ("k", "v") else c.heads
    return len(model.layers[0]["gate"]) if site in ("mlp_pre", "mlp_post") else 1


def some_place(random, model, site, count, positions=None):
    """A layer, units and positions of a site, by chance."""
    c = model.config
    place = dict(site=site)
    if site not in ("embed", "ln_final.scale"):
        place["layer"] = int(random.integers(c.layers))
    units = unit_count(c, model, site)
    if units > 1 and random.integers(3):
        place["units"] = some_of(random, range(units), min(units - 1, 4))
    place["at"] = positions or some_of(random, range(count), count)
    return place


def some_of(random, things, at_most):
    """At least one, in any order."""
    return [int(x) for x in random.permutation(list(things))[: random.integers(1, at_most + 1)]]


def done(random, place, kind, others, factor=None):
    """The place with what is done there."""
    place = place | dict(kind=kind)
    match kind:
        case "patch":
            place["donor"] = int(random.integers(others))
        case "scale":
            place["factor"] = factor or float(random.choice([0.5, -2]))
        case "steer":
            place["seed"] = int(random.integers(1000))
        case "cut":
            # The first source is left, so that every query has one.
            place["sources"] = some_of(random, range(1, max(place["at"]) + 1), 4)
        case "project" | "onto" | "clamp":
            place["seed"] = int(random.integers(1000))
            if kind == "clamp":
                place["to"] = float(random.choice([0.75, -1.5]))
    return place


def upstream(place):
    """An ablation that the site of `place` would feel, were it not frozen."""
    layer = place.get("layer", 0)
    if place["site"] == "ln_final.scale":
        return dict(kind="zero", site="mlp_out", layer=1)
    if layer == 0:
        return dict(kind="scale", site="embed", factor=-2.0)
    return dict(kind="zero", site="attn_out", layer=layer - 1)


# What is frozen of these at every position leaves nothing of an edit upstream.
STREAMS = ("embed", "resid_pre", "resid_mid", "resid_post")


def tiny_cells(model, tokens, inner, others):
    """Each site and kind at the last position, at an inner one and at all, for all units and for some."""
    random = np.random.default_rng(7)
    c, count = model.config, len(tokens)
    every = list(range(count))
    for site in SITES:
        divided = unit_count(c, model, site) > 1
        for kind in filter(lambda kind: exists(site, kind), KINDS):
            for positions in ([count - 1], [inner], every):
                for factor in (0.5, -2.0) if kind == "scale" else (None,):
                    for some in (False, True) if divided else (False,):
                        place = some_place(random, model, site, count, positions)
                        place.pop("units", None)
                        if some:
                            units = range(unit_count(c, model, site))
                            place["units"] = some_of(random, units, min(len(units) - 1, 4))
                        cell = [done(random, place, kind, others, factor)]
                        if kind == "freeze":
                            cell.insert(0, upstream(place) | dict(at=every))
                            if site in STREAMS and positions == every:
                                cell.insert(1, dict(kind="scale", site="ln_final.scale", factor=0.5, at=every))
                        yield cell
    yield from knockouts(c, count)
    yield from cuts_that_hold(c, count, others)


def knockouts(c, count):
    """Cuts as they are used: to the last query and to several, from some heads and layers at once."""
    last, late = [count - 1], list(range(5, count))
    for at in (last, late):
        for layers in ([0], [1], range(c.layers)):
            for units in (None, [0, 2]):
                for sources in ([0], [1, 2, 3], list(range(5))):
                    cut = dict(kind="cut", site="attn_scores", at=at, sources=sources)
                    if units:
                        cut["units"] = units
                    yield [cut | dict(layer=n) for n in layers]


def cuts_that_hold(c, count, others):
    """Cuts before other edits of the same scores: they hold all the same."""
    for kind in ("zero", "mean", "patch", "freeze", "scale"):
        for at in ([count - 1], list(range(5, count))):
            for units in (None, [0, 2]):
                scores = dict(site="attn_scores", layer=c.layers - 1 if kind == "mean" else 1, at=at)
                if units:
                    scores["units"] = units
                more = dict(patch=dict(donor=others - 1), scale=dict(factor=-2.0)).get(kind, {})
                yield [scores | dict(kind="cut", sources=[1, 2, 4]), scores | dict(kind=kind) | more]


def is_crosswise(x, place):
    chosen = Edit(place["site"], place.get("layer"), place.get("units"), place["at"])
    x, v = x[chosen.index(x)], vector(place["seed"], x.shape[-1])
    return (np.abs(x @ v) < 0.02 * np.linalg.norm(x, axis=-1) * np.linalg.norm(v)).any()


def along_directions(model, tokens, inner):
    """Each site that has directions, as `tiny_cells`; neurons are changed together, heads one by one."""
    random = np.random.default_rng(9)
    c, count = model.config, len(tokens)
    clean, _ = oracle.capture(model, tokens)
    for site in SITES:
        divided = site in HEADED
        for kind in filter(lambda kind: exists(site, kind), ALONG):
            for positions in ([count - 1], [inner], list(range(count))):
                for some in (False, True) if divided else (False,):
                    place = some_place(random, model, site, count, positions)
                    place.pop("units", None)
                    if some:
                        units = range(unit_count(c, model, site))
                        place["units"] = some_of(random, units, len(units) - 1)
                    place = done(random, place, kind, 0)
                    # Of what is almost at right angles to the vector, `onto` would leave rounding alone.
                    while kind == "onto" and is_crosswise(clean[site, place.get("layer")], place):
                        place = done(random, place, kind, 0)
                    yield [place]
    # At everything that writes to the stream, so that nothing of the direction is in it.
    writes = [dict(kind="project", site="embed", at=list(range(count)), seed=1)]
    for layer in range(c.layers):
        for site in ("attn_out", "mlp_out"):
            writes.append(dict(kind="project", site=site, layer=layer, at=list(range(count)), seed=1))
    yield writes


def compositions(model, tokens, others):
    """Two to four edits, half of them at one site, where their order counts."""
    random = np.random.default_rng(8)
    for number in range(80):
        site, cell = None, []
        for _ in range(random.integers(2, 5)):
            if site is None or number % 2:
                site = str(random.choice(SITES))
                place = some_place(random, model, site, len(tokens))
            else:  # the same layer, but other units and positions
                layer = {k: place[k] for k in ("layer",) if k in place}
                place = some_place(random, model, site, len(tokens)) | layer
            if max(place["at"]) == 0:
                continue
            kinds = [k for k in KINDS if exists(site, k) and k != "freeze"]
            cell.append(done(random, place, str(random.choice(kinds)), others))
        if len(cell) > 1:
            # Where the logits are looked at, so that something is seen of it.
            cell[-1]["at"] = list(dict.fromkeys(cell[-1]["at"] + [len(tokens) - 1]))
            yield cell


# The tables

TINY_INNER = 5
TINY_TOKENS = [263, 100, 311, 40, 3, 319, 77, 190]


def table(model, tokens, others, cells, logit_tokens, at):
    """`logits` are [at][logit_tokens], seven digits; `clean` are those without an edit."""
    prompt = Prompt(model, tokens, others)

    def chosen(logits):
        return [[float(f"{x:.7g}") for x in row] for row in logits[np.ix_(at, logit_tokens)]]

    rows = []
    for cell in cells:
        logits = prompt.logits_after(cell)
        assert np.isfinite(logits).all(), cell
        assert (logits != prompt.logits)[np.ix_(at, logit_tokens)].any(), ("nothing is seen of", cell)
        rows.append(dict(edits=cell, logits=chosen(logits)))
    return dict(
        tokens=tokens, others=others, logit_tokens=logit_tokens, at=at, clean=chosen(prompt.logits), cells=rows
    )


def tiny():
    tokens, others = TINY_PROMPTS["long"], TINY_OTHERS["same_length"]
    for name in ("tiny-gqa", "tiny-mha"):
        model = oracle.load(FIXTURES / name)
        cells = [
            *tiny_cells(model, tokens, TINY_INNER, len(others)),
            *compositions(model, tokens, len(others)),
            *along_directions(model, tokens, TINY_INNER),
        ]
        at = [TINY_INNER, len(tokens) - 1]
        save_json(FIXTURES / f"{name}.edits.json", table(model, tokens, others, cells, TINY_TOKENS, at))


SMOLLM2_TOKENS = [7158, 4649, 7476, 28, 30, 260, 253, 1000]
SUBJECT, LAST = [3, 4, 5], [10]  # " Colosseum" in "Fact: The Colosseum is in the country of"


def smollm2_cells(layers):
    every = list(range(len(COLOSSEUM)))

    def one(kind, site, layer, at, **more):
        return dict(kind=kind, site=site, layer=layer, at=at) | more

    head = one("zero", "z", 14, LAST, units=[5])
    yield [one("patch", "resid_pre", 12, [5], donor=1)]
    yield [one("patch", "resid_pre", 15, SUBJECT, donor=1)]
    yield [one("patch", "resid_post", 25, LAST, donor=2)]
    yield [one("patch", "v", 9, SUBJECT, units=[2], donor=3)]
    yield [one("cut", "attn_scores", n, LAST, sources=SUBJECT) for n in range(10, 21)]
    yield [one("cut", "attn_scores", n, every[6:], sources=SUBJECT, units=[0, 4]) for n in range(layers)]
    yield [one("steer", "resid_mid", 14, every, seed=1)]
    yield [one("steer", "mlp_pre", 20, LAST, seed=2)]
    yield [one("scale", "mlp_out", 22, every, factor=-2.0)]
    yield [one("clamp", "resid_post", 12, LAST, seed=4, to=-3.0)]
    yield [dict(kind="project", site="embed", at=every, seed=5)] + [
        one("project", site, n, every, seed=5) for n in range(layers) for site in ("attn_out", "mlp_out")
    ]
    yield [one("scale", "pattern", 17, LAST, units=[2, 7], factor=0.5)]
    yield [head] + [one("freeze", "mlp_out", n, every) for n in range(layers)]
    yield [one("scale", "attn_out", 16, SUBJECT, factor=0.5)] + [
        one("mean", "q", 17, LAST, units=[2]), one("steer", "resid_pre", 18, LAST, seed=3)
    ]


def smollm2(path):
    model = oracle.load(path)
    cells = list(smollm2_cells(model.config.layers))
    found = table(model, COLOSSEUM, SMOLLM2_OTHERS, cells, SMOLLM2_TOKENS, LAST)
    save_json(FIXTURES / "smollm2.edits.json", found)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["tiny"]:
            tiny()
        case ["smollm2", path]:
            smollm2(path)
        case _:
            sys.exit(__doc__)
