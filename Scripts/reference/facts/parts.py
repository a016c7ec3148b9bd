"""What the verbs for whole sets of facts are to compute, in float64 and by the plainest way to it.

Every component of a run, and of a head every source, is taken to logits over the whole vocabulary by
itself; a DLA, a mean over R, a subset's sum are then read off these logits. No direction is made, nothing is
shared between prompts.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from oracle import reference

MASK = (1 << 64) - 1


# Facts


@dataclass
class Fact:
    """A prompt, what is right after it, and the other attributes of its relation and of its subject."""

    relation: str
    subject: str
    text: str
    tokens: list
    spans: list  # of each position: a label, or other
    answer: int
    R: list
    S: list
    # With what is right.
    R_whole: list = field(default_factory=list)
    S_whole: list = field(default_factory=list)
    # Among the facts that were read together.
    number: int = 0


def rows(path):
    """A file of tab-separated values without escapes, as dicts."""
    lines = Path(path).read_text().splitlines()
    names = lines[0].split("\t")
    return [dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:]]


def write_rows(path, names, found):
    lines = ["\t".join(names)] + ["\t".join(row) for row in found]
    Path(path).write_text("\n".join(lines) + "\n")


def read_facts(folder, tokenizer, template="template"):
    """The facts whose answer is one token; the attributes that are one, each once, without what is right."""
    relations = {row["relation"]: row for row in rows(folder / "relations.tsv")}

    def attributes(name, key):
        found = {}
        for row in rows(folder / name):
            found.setdefault(row[key], []).append(row["attribute"])
        return found

    def token(text):
        ids = tokenizer.encode(" " + text, add_special_tokens=False).ids
        return ids[0] if len(ids) == 1 else None

    def others(texts, right):
        ids = [token(text) for text in texts]
        return list(dict.fromkeys(t for t in ids if t is not None and t not in right))

    of_relation = attributes("attributes.tsv", "relation")
    of_subject = attributes("subjects.tsv", "subject")
    facts = []
    for row in rows(folder / "facts.tsv"):
        answer = token(row["answer"])
        if answer is None:
            continue
        right = [answer] + [token(text) for text in row["also"].split("|") if text]
        text, labels = filled(relations[row["relation"]][template], row)
        encoding = tokenizer.encode(text, add_special_tokens=False)
        facts.append(
            Fact(
                row["relation"],
                row["subject"],
                text,
                encoding.ids,
                [label_of(offset, labels) for offset in encoding.offsets],
                answer,
                others(of_relation.get(row["relation"], []), right),
                others(of_subject.get(row["subject"], []), right),
                others(of_relation.get(row["relation"], []), []),
                others(of_subject.get(row["subject"], []), []),
            )
        )
    return facts


def read_reversed(folder, tokenizer):
    """Prompts that ask for the subject, as (text, token): its name without its article must be one token."""
    relations = {row["relation"]: row for row in rows(folder / "relations.tsv")}
    found = []
    for row in rows(folder / "facts.tsv"):
        ids = tokenizer.encode(" " + row["subject"].removeprefix("The "), add_special_tokens=False).ids
        if len(ids) == 1:
            found.append((filled(relations[row["relation"]]["reversed"], row)[0], ids[0]))
    return found


def filled(template, row):
    """The text of a template, and its labelled parts as (label, start, end)."""
    text, labels = "", []
    for part in re.split(r"(\{[^}]*\})", template):
        if part.startswith("{"):
            label, _, words = part[1:-1].partition(":")
            words = words or row[label]
            labels.append((label, len(text), len(text) + len(words)))
            text += words
        else:
            text += part
    return text, labels


def label_of(offset, labels):
    """A token belongs where it ends: its leading space does not count."""
    return next((label for label, start, end in labels if start < offset[1] <= end), "other")


# Runs, taken apart


@dataclass
class Taken:
    """What the parts of one run add to the logits of its last position."""

    logits: np.ndarray  # [V], the model's own
    parts: dict  # component to [V]
    sources: dict = field(default_factory=dict)  # head to [T, V]

    def check(self):
        gap = np.abs(sum(self.parts.values()) - self.logits).max()
        assert gap < 1e-9, gap
        for head, by_source in self.sources.items():
            assert np.abs(by_source.sum(axis=0) - self.parts[head]).max() < 1e-9, head
        return self


def take_llama(model, tokens, *edits):
    """A run of `oracle/reference.py`, by the components and sources that are left of it after edits of z at the end."""
    c = model.config
    seen, logits = reference.capture(model, tokens, reference.edits(*edits))
    scale = seen["ln_final.scale", None][-1, 0]
    say = lambda x: x / scale * model.final_norm @ model.unembed.T
    parts = {"embed": say(seen["embed", None][-1])}
    sources = {}
    for n, w in enumerate(model.layers):
        values = np.repeat(seen["v", n], c.heads // c.kv_heads, axis=0)
        weighted = seen["pattern", n][:, -1, :, None] * values
        by_source = reference.head_results(c, w, weighted)
        for h in range(c.heads):
            parts[f"L{n}H{h}"] = say(seen["result", n][h, -1])
            sources[f"L{n}H{h}"] = say(by_source[h])
    for n in range(c.layers):
        parts[f"L{n}.mlp"] = say(seen["mlp_out", n][-1])
    taken = Taken(logits[-1], parts, sources)
    return taken if edits else taken.check()


class GPT2:
    """GPT-2 in numpy: learned positions, LayerNorm, biases everywhere, a tied unembedding."""

    def __init__(self, folder, heads, eps):
        from safetensors import deserialize

        self.w = {
            name.removeprefix("transformer."): reference.from_safetensors(t)
            for name, t in deserialize((folder / "model.safetensors").read_bytes())
        }
        self.heads, self.eps = heads, eps
        self.layers = 1 + max(int(name.split(".")[1]) for name in self.w if name.startswith("h."))

    def scale(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        return np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self.eps)

    def norm(self, x, name, scale=None, bias=True):
        """LayerNorm, its scale frozen where one is given."""
        centred = x - x.mean(axis=-1, keepdims=True)
        found = centred / (self.scale(x) if scale is None else scale) * self.w[name + ".weight"]
        return found + self.w[name + ".bias"] if bias else found

    def linear(self, x, name):
        return x @ self.w[name + ".weight"] + self.w[name + ".bias"]

    def take(self, tokens):
        """Values without b' = b_V + W_V β₁ are what heads give; b' W_O and b_O are the attention's bias."""
        w, unembed = self.w, self.w["wte.weight"].T
        vectors = {"embed": w["wte.weight"][tokens], "pos_embed": w["wpe.weight"][: len(tokens)]}
        x = vectors["embed"] + vectors["pos_embed"]
        heads, biases, mlps, sources = {}, {}, {}, {}
        for n in range(self.layers):
            b = f"h.{n}."
            split = lambda y: y.reshape(len(y), self.heads, -1).swapaxes(0, 1)
            q, k, v = map(split, np.split(self.linear(self.norm(x, b + "ln_1"), b + "attn.c_attn"), 3, axis=1))
            pattern = reference.causal_softmax(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
            width = len(w["ln_f.weight"])
            constant = w[b + "attn.c_attn.bias"][2 * width :]
            constant = constant + w[b + "ln_1.bias"] @ w[b + "attn.c_attn.weight"][:, 2 * width :]
            constant = split(constant[None])  # [H, 1, E]
            out = w[b + "attn.c_proj.weight"].reshape(self.heads, -1, width)
            biases[f"L{n}.attn.bias"] = w[b + "attn.c_proj.bias"] + (constant @ out).sum(axis=0)
            attention = biases[f"L{n}.attn.bias"]
            for h in range(self.heads):
                given = (v[h] - constant[h]) @ out[h]  # [T, D] by source
                heads[f"L{n}H{h}"] = pattern[h] @ given
                sources[f"L{n}H{h}"] = pattern[h, -1, :, None] * given
                attention = attention + heads[f"L{n}H{h}"]
            x = x + attention
            inner = self.linear(self.norm(x, b + "ln_2"), b + "mlp.c_fc")
            inner = 0.5 * inner * (1 + np.tanh(np.sqrt(2 / np.pi) * (inner + 0.044715 * inner**3)))
            mlps[f"L{n}.mlp"] = self.linear(inner, b + "mlp.c_proj")
            x = x + mlps[f"L{n}.mlp"]
        scale = self.scale(x)[-1]
        say = lambda y: self.norm(y, "ln_f", scale, bias=False) @ unembed
        vectors |= heads | biases | mlps
        parts = {name: say(vector[-1]) for name, vector in vectors.items()}
        parts["ln_final.bias"] = w["ln_f.bias"] @ unembed
        logits = self.norm(x, "ln_f") @ unembed
        self.all_logits = logits
        return Taken(logits[-1], parts, {h: say(y) for h, y in sources.items()}).check()


# Attribution


def reading(logits, wanted):
    """The mean of some tokens' logits; of none: missing."""
    return float(logits[..., wanted].mean()) if wanted else None


def centred(logits):
    return logits - logits.mean(axis=-1, keepdims=True)


def targets(fact):
    return {"dla": [fact.answer], "dla_R": fact.R, "dla_S": fact.S}


def by_component(fact, taken, change=lambda x: x):
    """A row a component: dla, dla_R, dla_S."""
    return [
        dict(component=name) | {c: reading(change(x), t) for c, t in targets(fact).items()}
        for name, x in taken.parts.items()
    ]


def by_head_and_span(fact, taken, change=lambda x: x):
    found = []
    for head, by_source in taken.sources.items():
        for span in dict.fromkeys(fact.spans):
            chosen = [i for i, label in enumerate(fact.spans) if label == span]
            logits = change(by_source[chosen].sum(axis=0))
            row = {c: reading(logits, t) for c, t in targets(fact).items()}
            found.append(dict(component=head, span=span) | row)
    return found


# Draws


class SplitMix64:
    def __init__(self, seed, stream=0):
        self.state = (seed + stream * 0xD1342543DE82EF95) & MASK

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        """The upper half of the 128-bit product."""
        return self.next() * bound >> 64


def interval(units, level, seed, resamples):
    """The percentile interval of the mean over units (lists of values) drawn whole; None of fewer than two."""
    if len(units) < 2:
        return None, None
    draw = SplitMix64(seed)
    means = []
    for _ in range(resamples):
        drawn = [units[draw.below(len(units))] for _ in units]
        values = [x for unit in drawn for x in unit]
        means.append(np.mean(values))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def grouped(table, by, columns, level, seed, resamples, unit=("prompt", "relation")):
    """Means and their intervals; rows of one unit are drawn together."""
    groups = {}
    for row in table:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    found = []
    for key, members in groups.items():
        out = dict(zip(by, key))
        for column in columns:
            units = {}
            for place, row in enumerate(members):
                if row[column] is not None:
                    own = tuple(row[name] for name in unit) if unit else place
                    units.setdefault(own, []).append(row[column])
            values = [x for values in units.values() for x in values]
            out[column] = float(np.mean(values)) if values else None
            out[column + "_low"], out[column + "_high"] = interval(list(units.values()), level, seed, resamples)
        found.append(out)
    return found


def dealt(classes, seed, stream):
    """The same components in classes of the same sizes, by Fisher and Yates; classes in the order of their names."""
    draw = SplitMix64(seed, stream)
    deck = [component for name in sorted(classes) for component in classes[name]]
    for i in range(len(deck) - 1, 0, -1):
        j = draw.below(i + 1)
        deck[i], deck[j] = deck[j], deck[i]
    found = {}
    for name in sorted(classes):
        size = len(classes[name])
        found[name], deck = deck[:size], deck[size:]
    return found


# Classes


def classified(table, column="dla", threshold=10, top=None, floor=0, absolute=False, median=False, without=None):
    """Rows of components, those that add most first, with their classes; `without` leaves out a relation."""
    one = np.median if median else np.mean
    cells, relations = {}, []
    for row in table:
        if row[column] is None or row["relation"] == without:
            continue
        if row["relation"] not in relations:
            relations.append(row["relation"])
        component = cells.setdefault(row["component"], {})
        component.setdefault(row["relation"], {}).setdefault(row["span"], []).append(row[column])
    size = abs if absolute else (lambda x: x)
    found = []
    for component, of_relations in cells.items():
        spans = [{s: one(x) for s, x in of_relations.get(r, {}).items()} for r in relations]
        subject = float(one([s.get("subject", 0.0) for s in spans]))
        relation = float(one([s.get("relation", 0.0) for s in spans]))
        total = float(one([sum(s.values()) for s in spans]))
        found.append(dict(component=component, subject=subject, relation=relation, total=total))
    found.sort(key=lambda row: -size(row["total"]))
    for place, row in enumerate(found):
        s, r = max(0.0, size(row["subject"])), max(0.0, size(row["relation"]))
        row["ratio"] = s / r if r > 0 else None
        if (top is not None and place >= top) or not size(row["total"]) > floor or s == r == 0:
            row["class"] = "none"
        elif s > threshold * r:
            row["class"] = "subject"
        elif r > threshold * s:
            row["class"] = "relation"
        else:
            row["class"] = "mixed"
    return found


def stable(table, **options):
    """The rows of `classified`, with the number of relations that can be left out without a change of class."""
    whole = classified(table, **options)
    relations = dict.fromkeys(row["relation"] for row in table)
    if len(relations) == 1:
        return [row | {"stable": None} for row in whole]
    without = [
        {row["component"]: row["class"] for row in classified(table, without=r, **options)} for r in relations
    ]
    for row in whole:
        row["stable"] = sum(classes[row["component"]] == row["class"] for classes in without)
    return whole


def counted(table, thresholds, **options):
    found = []
    relations = len(dict.fromkeys(row["relation"] for row in table))
    for threshold in thresholds:
        whole = stable(table, threshold=threshold, **options)
        total = sum(row["total"] for row in whole)
        for name in ("subject", "relation", "mixed", "none"):
            members = [row for row in whole if row["class"] == name]
            own = sum(row["total"] for row in members)
            steady = sum(row["stable"] == relations for row in members)
            found.append(
                {"threshold": threshold, "class": name, "count": len(members)}
                | {"total": own, "share": own / total, "stable": steady}
            )
    return found


# Subsets


def subsets(taken, classes, answer, everything=True):
    """A row a subset: subset, size, logit, rank (least and most, where f32 may tell no difference), is_answer."""
    names = sorted(classes)
    found = [said("nothing", 0, None, answer)]
    for bits in range(1, 1 << len(names)):
        chosen = [name for i, name in enumerate(names) if bits >> i & 1]
        logits = sum(taken.parts[c] for name in chosen for c in classes[name])
        found.append(said("+".join(chosen), len(chosen), logits, answer))
    if everything:
        found.append(said("everything", len(names) + 1, sum(taken.parts.values()), answer))
    return found


def said(subset, size, logits, answer, unsure=1e-5):
    if logits is None:
        return dict(subset=subset, size=size, logit=0.0, rank=None, token=None)
    lead = logits - logits[answer]
    best = int(np.argmax(logits))
    assert np.partition(logits, -2)[-2] < logits[best] - unsure, "two tokens are likeliest"
    # The second counts the answer itself.
    rank = [1 + int((lead > unsure).sum()), int((lead > -unsure).sum())]
    return dict(subset=subset, size=size, logit=float(logits[answer]), rank=rank, token=best)


def columns(table, names, digits=8):
    """As lists, numbers to some digits."""
    plain = lambda x: float(f"{x:.{digits}g}") if isinstance(x, float) else x
    return {name: [plain(row[name]) for row in table] for name in names}
