"""What the experiments of `Examples/paper` are made of: draws, controls, and tables as lists of dicts."""

import numpy as np

from oracle import reference
from facts.parts import (
    Fact,
    SplitMix64,
    centred,
    filled,
    grouped,
    label_of,
    reading,
    rows,
    take_llama,
)
from oracle.reference import Edit

# How far a logit must be from the next for its rank to be the same in f32.
UNSURE = 2e-5

# Facts


def of_kind(folder, kind="factual"):
    return [row["relation"] for row in rows(folder / "relations.tsv") if row["kind"] == kind]


def read_first(folder, tokens, template, wanted):
    """Factual prompts whose answer is the first token of what is wanted, known or not."""
    relations = {row["relation"]: row for row in rows(folder / "relations.tsv") if row["kind"] == "factual"}
    found = []
    for row in rows(folder / "facts.tsv"):
        if row["relation"] not in relations:
            continue
        text, labels = filled(relations[row["relation"]][template], row)
        encoding = tokens.encode(text, add_special_tokens=False)
        name = row[wanted].removeprefix("The ") if wanted == "subject" else row[wanted]
        answer = tokens.encode(" " + name, add_special_tokens=False).ids[0]
        spans = [label_of(offset, labels) for offset in encoding.offsets]
        found.append(Fact(row["relation"], row["subject"], text, encoding.ids, spans, answer, [], []))
    return found


# Draws


def sample(items, by, count=None, share=None, like=None, seed=0, rest=False):
    """N of each group, in the order of all: the first of Fisher and Yates' shuffle, a stream a group."""
    groups = {}
    for place, item in enumerate(items):
        groups.setdefault(by(item), []).append(place)
    drawn = set()
    for stream, (key, deck) in enumerate(groups.items()):
        wanted = like.get(key, 0) if like is not None else count
        wanted = int(share * len(deck) + 0.5) if share is not None else wanted
        draw = SplitMix64(seed, stream)
        for i in range(min(wanted, len(deck))):
            j = i + draw.below(len(deck) - i)
            deck[i], deck[j] = deck[j], deck[i]
            drawn.add(deck[i])
    return [item for place, item in enumerate(items) if (place in drawn) != rest]


def donor(few, fact, seed):
    """Another prompt of the same relation, drawn by the fact's number."""
    candidates = [f for f in few if f.tokens != fact.tokens and f.relation == fact.relation]
    return candidates[SplitMix64(seed, fact.number).below(len(candidates))]


# Tokens of like frequency


def kind(text):
    word = text[1:]
    if len(text.encode()) <= 2 or text[0] != " " or not all(c.isalpha() for c in word):
        return None
    return "capital" if word[0].isupper() else "small"


def like_frequency(tokens, facts):
    """For a list of attributes, as many tokens next to them in the vocabulary: words like them that nobody needs."""
    texts = [tokens.decode([i], skip_special_tokens=False) for i in range(tokens.get_vocab_size())]
    taken = {t for f in facts for t in [f.answer, *f.R_whole, *f.S_whole]}
    free = [i for i, text in enumerate(texts) if kind(text) and i not in taken]

    def nearest(attributes):
        used = []
        for attribute in attributes:
            wanted = kind(texts[attribute]) or "capital"
            those = [i for i in free if kind(texts[i]) == wanted and i not in used]
            # Of two at one distance, that of the larger number.
            used += sorted(those, key=lambda i: (abs(i - attribute), i < attribute))[:1]
        return used

    return nearest


# Attribution


def targets(fact, like):
    return {
        "dla": [fact.answer],
        "dla_R": fact.R,
        "dla_R_random": like(fact.R_whole),
        "dla_S": fact.S,
        "dla_S_random": like(fact.S_whole),
    }


def by_head_and_span(facts, runs, like):
    found = []
    for fact, taken in zip(facts, runs, strict=True):
        wanted = targets(fact, like)
        for head, by_source in taken.sources.items():
            for span in dict.fromkeys(fact.spans):
                chosen = [i for i, label in enumerate(fact.spans) if label == span]
                logits = centred(by_source[chosen].sum(axis=0))
                found.append(place(fact, head) | {"span": span} | {c: reading(logits, t) for c, t in wanted.items()})
    return found


def by_mlp(facts, runs, like):
    return [
        place(fact, name) | {c: reading(centred(x), t) for c, t in targets(fact, like).items()}
        for fact, taken in zip(facts, runs, strict=True)
        for name, x in taken.parts.items()
        if ".mlp" in name
    ]


def place(fact, component):
    return dict(prompt=fact.text, relation=fact.relation, component=component, layer=layer(component))


def layer(component):
    return int(component[1 : component.index("." if "." in component else "H")])


# Edited runs


class Runs:
    """A model's runs on prompts, the clean ones kept."""

    def __init__(self, model):
        self.model, self.known = model, {}

    def clean(self, fact):
        return self.known.setdefault(tuple(fact.tokens), reference.capture(self.model, fact.tokens))

    def taken(self, fact, *edits):
        return take_llama(self.model, fact.tokens, *edits)

    def z(self, fact, head):
        """What a head has at the last token."""
        n, h = numbers(head)
        return self.clean(fact)[0]["z", n][h, -1]

    def without(self, fact, heads, value=lambda head: 0.0):
        """Logits of the last token with other outputs of heads there, and nothing from MLPs among them."""
        last = [len(fact.tokens) - 1]
        mlps = [Edit("mlp_out", int(name[1 : -len(".mlp")]), positions=last) for name in heads if ".mlp" in name]
        several = mlps + [
            Edit("z", n, heads=[h], positions=last, value=value(head))
            for head in heads
            if ".mlp" not in head
            for n, h in [numbers(head)]
        ]
        return reference.forward(self.model, fact.tokens, reference.edits(*several))[-1]

    def at_mean(self, fact, heads, few):
        return self.without(fact, heads, lambda head: np.mean([self.z(f, head) for f in few], axis=0))

    def direct(self, fact, head):
        """Logits if nothing reacts to the loss of a head but the final norm."""
        n, h = numbers(head)
        seen = self.clean(fact)[0]
        last = seen["resid_post", self.model.config.layers - 1][-1] - seen["result", n][h, -1]
        return reference.unembed(self.model, last[None])[0]

    def cut(self, fact):
        """Edits that keep the relation's tokens, but for the last token, from seeing the subject."""
        last = len(fact.tokens) - 1
        sources = [i for i, s in enumerate(fact.spans) if s == "subject"]
        queries = [i for i, s in enumerate(fact.spans) if s == "relation" and i != last]
        layers = range(self.model.config.layers)
        return [Edit("attn_scores", n, positions=queries, elements=sources, change="cut") for n in layers]


def numbers(head):
    n, h = head[1:].split("H")
    return int(n), int(h)


def above_foils(logits, fact):
    return float(logits[fact.answer] - logits[fact.R].mean())


def rank(logits, token):
    lead = np.delete(logits - logits[token], token)
    assert np.abs(lead).min() > UNSURE, "f32 might not see this rank"
    return 1 + int((lead > 0).sum())


# Subsets


def subsets(taken, classes, answer, everything):
    """A row a subset of the classes: how many they are, the answer's rank, and whether it is the likeliest."""
    names = sorted(classes)
    found = [dict(subset="nothing", size=0, rank=None, hits=0.0)]
    for bits in range(1, 1 << len(names)):
        chosen = [name for i, name in enumerate(names) if bits >> i & 1]
        logits = sum(taken.parts[c] for name in chosen for c in classes[name])
        found.append(dict(subset="+".join(chosen), size=len(chosen)) | standing(logits, answer))
    if everything:
        found.append(dict(subset="everything", size=len(names) + 1) | standing(sum(taken.parts.values()), answer))
    return found


def standing(logits, answer):
    """The rank is left out where f32 might see another. What says next to nothing is off by next to nothing."""
    lead = np.delete(logits - logits[answer], answer)
    unsure = min(UNSURE, 1e-3 * np.abs(logits).max())
    least, most = 1 + int((lead > unsure).sum()), 1 + int((lead > -unsure).sum())
    assert (least == 1) == (most == 1), "f32 might not see whether this is the answer"
    return dict(rank=least if least == most else None, hits=float(least == 1))


# Tables


def total(table, by, *names):
    """Sums, missing values left out; missing where there is none."""
    return merged(table, by, names, lambda found: float(sum(found)) if found else None)


def mean(table, by, *names):
    return merged(table, by, names, lambda found: float(np.mean(found)) if found else None)


def merged(table, by, names, one):
    groups = {}
    for row in table:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    return [
        dict(zip(by, key)) | {name: one([r[name] for r in members if r[name] is not None]) for name in names}
        for key, members in groups.items()
    ]


def valued(table, value, **fixed):
    """With a column `value`, missing where anything that it needs is."""
    found = []
    for row in table:
        try:
            found.append(row | fixed | {"value": value(row)})
        except TypeError:
            found.append(row | fixed | {"value": None})
    return found


def joined(table, other, *on):
    known = {tuple(row[name] for name in on): row for row in other}
    assert len(known) == len(other), "rows that are joined must be alone"
    found = [(row, known.get(tuple(row[name] for name in on))) for row in table]
    return [match | row for row, match in found if match is not None]


def estimated(table, by, seed, *names):
    return grouped(table, by, names or ["value"], 0.95, seed, 2000)


def correlated(table, x, y, by):
    found = []
    for key in dict.fromkeys(row[by] for row in table):
        pairs = np.array([(row[x], row[y]) for row in table if row[by] == key])
        a, b = pairs.T
        order = [np.argsort(np.argsort(v)).astype(float) for v in (a, b)]
        found.append(
            {by: key, "count": len(pairs), "pearson": float(np.corrcoef(a, b)[0, 1])}
            | {"spearman": float(np.corrcoef(*order)[0, 1]), "slope": float(np.polyfit(a, b, 1)[0])}
        )
    return found

