"""The experiments of `Examples/paper` in float64: every script is a method of `Experiments`."""

from dataclasses import dataclass

import numpy as np

from oracle import reference
from facts.parts import columns, counted, dealt, read_facts, stable
from paper.parts import (
    UNSURE,
    Runs,
    above_foils,
    by_head_and_span,
    by_mlp,
    correlated,
    donor,
    estimated,
    joined,
    layer,
    like_frequency,
    mean,
    of_kind,
    place,
    rank,
    read_first,
    sample,
    subsets,
    total,
    valued,
)

PROMPT = ["prompt", "relation"]
THRESHOLDS = [2, 3, 5, 10, 20, 50]


@dataclass
class Settings:
    """The arguments of the scripts."""

    top: int
    heads: int
    threshold: float
    each: int
    few: int
    draws: int
    lots: int
    seed: int


class Experiments:
    """Each method is one of the scripts: it gives its tables, and keeps what it claims."""

    def __init__(self, model, folder, tokens, settings):
        self.s, self.runs, self.folder, self.tokens, self.claims = settings, Runs(model), folder, tokens, []
        s, by = settings, lambda fact: fact.relation
        halves = dict(by=by, share=0.5, seed=s.seed)
        each = dict(by=by, count=s.each, seed=s.seed)
        recalled = self.known(self.factual("template"))
        self.chosen = sample(sample(recalled, **halves), **each)
        self.held = sample(sample(recalled, **halves, rest=True), **each)
        self.few = sample(self.held, by, s.few, seed=s.seed)
        self.parts = self.by_head(self.chosen)
        self.options = dict(threshold=s.threshold, top=s.heads)
        self.mechanisms = [
            dict(component=row["component"], layer=layer(row["component"])) | {"class": row["class"]}
            for row in self.stable(self.parts)
            if row["class"] != "none"
        ]
        self.own = {row["component"]: row["class"] for row in self.mechanisms}
        assert set(self.own.values()) == {"subject", "relation", "mixed"}, self.own
        self.others = [
            dict(component=c, layer=layer(c))
            for c in dict.fromkeys(row["component"] for row in self.parts)
            if c not in self.own
        ]
        self.held_parts = self.classed(self.by_head(self.held))

    def factual(self, template):
        kinds = of_kind(self.folder)
        found = [f for f in read_facts(self.folder, self.tokens, template) if f.relation in kinds]
        for number, fact in enumerate(found):
            fact.number = number
        return found

    def known(self, facts):
        return [f for f in facts if rank(self.runs.clean(f)[1][-1], f.answer) <= self.s.top]

    def by_head(self, facts):
        taken = [self.runs.taken(f) for f in facts]
        return by_head_and_span(facts, taken, like_frequency(self.tokens, facts))

    def classed(self, table):
        return [row | {"class": self.own[row["component"]]} for row in table if row["component"] in self.own]

    def stable(self, table):
        """Classes that do not hang on what f32 cannot tell."""
        found = stable(table, **self.options)
        for factor in (0.999, 1.001):
            moved = stable(table, **self.options | {"threshold": self.s.threshold * factor})
            assert [r["class"] for r in moved] == [r["class"] for r in found]
            assert [r["stable"] for r in moved] == [r["stable"] for r in found]
        sizes = [row["total"] for row in found][: self.s.heads + 1]
        assert np.abs(np.diff(sizes)).min() > 1e-5
        return found

    def of_class(self, name):
        return [c for c, own in self.own.items() if own == name]

    def controls(self, heads, draw):
        like = {}
        for head in heads:
            like[layer(head)] = like.get(layer(head), 0) + 1
        return [row["component"] for row in sample(self.others, lambda row: row["layer"], like=like, seed=draw)]

    def claim(self, script, table, text):
        for row in estimated([row | {"claim": text} for row in table], ["claim"], self.s.seed):
            holds = None if row["value_low"] is None else row["value_low"] > 0
            self.claims.append(row | dict(holds=holds, script=script))

    # heads.summand

    def heads(self):
        s = self.s
        # Drawn first, so that fewer need be run.
        drawn = sample(self.factual("template_2"), lambda f: f.relation, s.each, seed=s.seed)
        other_words = self.known(drawn)
        again = self.stable(self.by_head(self.held)), self.stable(self.by_head(other_words))
        others = [{row["component"]: row["class"] for row in found} for found in again]
        for kind, text in (("subject", "subject"), ("relation", "relation")):
            rows = [r for r in self.held_parts if r["class"] == kind and r["span"] == text]
            of = total(rows, PROMPT, "dla")
            self.claim(
                "heads",
                valued(of, lambda r: r["dla"]),
                f"{kind} heads add to the answer through the {text}, on facts that they were not chosen on",
            )
        means = estimated([r for r in self.parts if r["component"] in self.own], ["component", "span"], s.seed, "dla")
        return dict(
            classes=columns(
                [r for r in self.stable(self.parts) if r["component"] in self.own],
                ["component", "subject", "relation", "total", "class", "stable"],
            ),
            means=columns(means, ["component", "span", "dla", "dla_low", "dla_high"]),
            thresholds=columns(
                counted(self.parts, THRESHOLDS, top=s.heads), ["threshold", "class", "count", "total", "stable"]
            ),
            again=columns(
                [dict(component=c, other_facts=others[0][c], other_words=others[1][c]) for c in self.own],
                ["component", "other_facts", "other_words"],
            ),
            other_words=columns(again[1][: s.heads], ["component", "subject", "relation", "total", "class"]),
        )

    # classes.summand

    def pushes(self, table, random, pushed):
        """By class: `pushed` is R or S."""
        measures = [
            (pushed, lambda r: r[f"dla_{pushed}"]),
            (random, lambda r: r[f"dla_{random}"]),
            (f"{pushed} - {random}", lambda r: r[f"dla_{pushed}"] - r[f"dla_{random}"]),
        ]
        if pushed == "R":
            measures[:0] = [("answer", lambda r: r["dla"])]
            measures[3:3] = [("answer - R", lambda r: r["dla"] - r["dla_R"])]
        found = []
        for name, value in measures:
            found += estimated(valued(table, value, measure=name), ["class", "measure"], self.s.seed)
        return columns(found, ["class", "measure", "value", "value_low", "value_high"])

    def classes(self):
        names = ["dla", "dla_R", "dla_R_random"]
        pushed = total(self.held_parts, [*PROMPT, "class"], *names)
        of_subjects = self.classed(self.by_head([f for f in self.held if f.S]))
        pulled = total(of_subjects, [*PROMPT, "class"], "dla", "dla_S", "dla_S_random")
        of = lambda table, kind, value: valued([r for r in table if r["class"] == kind], value)
        above_S = lambda r: r["dla_S"] - r["dla_S_random"]
        above_R, over_R = (lambda r: r["dla_R"] - r["dla_R_random"]), (lambda r: r["dla"] - r["dla_R"])
        like = "other attributes above tokens of like frequency"
        tell = "tell the answer from the relation's other attributes"
        self.claim("classes", of(pulled, "subject", above_S), f"subject heads push the subject's {like}")
        self.claim("classes", of(pushed, "relation", above_R), f"relation heads push the relation's {like}")
        self.claim("classes", of(pushed, "subject", over_R), f"subject heads {tell}")
        self.claim("classes", of(pushed, "relation", over_R), f"relation heads {tell}")
        text = "relation heads push the relation's other attributes more than they tell the answer from them"
        self.claim("classes", of(pushed, "relation", lambda r: above_R(r) - over_R(r)), text)
        mixed = {
            span: [r for r in self.held_parts if r["class"] == "mixed" and r["span"] == span]
            for span in ("subject", "relation")
        }
        return dict(
            pushed=self.pushes(pushed, "R_random", "R"),
            pulled=self.pushes(pulled, "S_random", "S"),
            **{
                f"mixed_{span}": self.pushes(total(rows, [*PROMPT, "class"], *names), "R_random", "R")
                for span, rows in mixed.items()
            },
        )

    # exchange.summand

    def exchanged(self, heads, what):
        found = []
        for fact in self.few:
            other = donor(self.few, fact, self.s.seed)
            logits = self.runs.without(fact, heads, lambda head: self.runs.z(other, head))
            effect = above_foils(logits, fact) - self.clean(fact)
            found.append(dict(prompt=fact.text, relation=fact.relation, heads=what, value=effect))
        return found

    def clean(self, fact):
        return above_foils(self.runs.clean(fact)[1][-1], fact)

    def exchange(self):
        kinds = ["relation", "subject"]
        found = [row for k in kinds for row in self.exchanged(self.of_class(k), f"{k} heads")]
        for draw in range(1, self.s.draws + 1):
            for k in kinds:
                found += self.exchanged(self.controls(self.of_class(k), draw), f"controls of {k} heads")
        both = joined(
            [r for r in found if r["heads"] == "subject heads"],
            [r | {"of_relation": r["value"]} for r in found if r["heads"] == "relation heads"],
            *PROMPT,
        )
        text = "another subject's run costs more in subject heads than in relation heads"
        self.claim("exchange", valued(both, lambda r: r["of_relation"] - r["value"]), text)
        control = mean([r for r in found if r["heads"] == "controls of relation heads"], PROMPT, "value")
        own = [r for r in found if r["heads"] == "relation heads"]
        held = [r | {"value": r["value"] - c["value"]} for r, c in zip(own, control, strict=True)]
        text = "another subject's run costs less in relation heads than in heads of no class"
        self.claim("exchange", held, text)
        return dict(
            by_heads=columns(estimated(found, ["heads"], self.s.seed), ["heads", "value", "value_low", "value_high"])
        )

    # propagation.summand

    def propagation(self):
        after = lambda f: [
            i
            for i, span in enumerate(f.spans)
            if span == "relation" and i > max(j for j, s in enumerate(f.spans) if s == "subject")
        ]
        relations = {f.relation for f in self.held if len(after(f)) > 1}
        between = [f for f in self.held if f.relation in relations]
        found = []
        for when in ("clean", "cut"):
            taken = [self.runs.taken(f, *(self.runs.cut(f) if when == "cut" else [])) for f in between]
            table = self.classed(by_head_and_span(between, taken, like_frequency(self.tokens, between)))
            table = [r for r in table if r["span"] in ("subject", "relation")]
            found.append([r | {"when": when} for r in total(table, [*PROMPT, "class", "span"], "dla", "dla_R")])
        over_R = lambda r: r["dla"] - r["dla_R"]
        cut = [r | dict(dla_cut=r["dla"], R_cut=r["dla_R"]) for r in found[1]]
        lost = joined(found[0], cut, *PROMPT, "class", "span")
        lost = valued(lost, lambda r: (r["dla"] - r["dla_R"]) - (r["dla_cut"] - r["R_cut"]))
        seeing = "through the relation's tokens depends on these seeing the subject"
        for kind in ("mixed", "relation"):
            rows = [r for r in lost if r["class"] == kind and r["span"] == "relation"]
            self.claim("propagation", rows, f"what {kind} heads add {seeing}")
        effects = []
        for fact in between:
            hook = reference.edits(*self.runs.cut(fact))
            logits = reference.forward(self.runs.model, fact.tokens, hook)[-1]
            effect = above_foils(logits, fact) - self.clean(fact)
            effects.append(dict(prompt=fact.text, relation=fact.relation, value=effect))
        ends = ["value", "value_low", "value_high"]
        return dict(
            between=len(between),
            by_span=columns(
                estimated(valued(found[0] + found[1], over_R), ["class", "span", "when"], self.s.seed),
                ["class", "span", "when", *ends],
            ),
            lost=columns(estimated(lost, ["class", "span"], self.s.seed), ["class", "span", *ends]),
            effect=columns(estimated(effects, [], self.s.seed), ends),
        )

    # mlps.summand

    def mlps(self):
        rows = by_mlp(self.held, [self.runs.taken(f) for f in self.held], like_frequency(self.tokens, self.held))
        names = ["dla", "dla_R", "dla_R_random"]
        together = total(rows, PROMPT, *names)
        above, over = (lambda r: r["dla_R"] - r["dla_R_random"]), (lambda r: r["dla"] - r["dla_R"])
        self.claim("mlps", valued(together, above), "the MLPs push R above tokens of like frequency")
        text = "the MLPs push R more than they tell the answer from it"
        self.claim("mlps", valued(together, lambda r: above(r) - over(r)), text)
        text = "the MLPs do not prefer the answer to the rest of R"
        self.claim("mlps", valued(together, lambda r: -over(r)), text)
        split = [r | dict(over_R=over(r), R_over_random=above(r)) for r in together]
        ends = [f"{name}{end}" for name in ("R_over_random", "over_R") for end in ("", "_low", "_high")]
        return dict(
            by_layer=columns(mean(rows, ["layer"], *names), ["layer", *names]),
            by_relation=columns(
                estimated(split, ["relation"], self.s.seed, "R_over_random", "over_R"), ["relation", *ends]
            ),
        )

    # additivity.summand

    def said(self):
        """What each subset says, of the classes and of as many partitions at random."""
        classes = {name: self.of_class(name) for name in sorted(set(self.own.values()))}
        classes["mlps"] = self.mlp_names
        found = []
        for fact in self.few:
            taken = self.runs.taken(fact)
            for number in range(self.s.lots + 1):
                own = dealt(classes, self.s.seed, number) if number else classes
                for row in subsets(taken, own, fact.answer, everything=number == 0):
                    found.append(dict(prompt=fact.text, relation=fact.relation, partition=number) | row)
        return found

    @property
    def mlp_names(self):
        return [f"L{n}.mlp" for n in range(self.runs.model.config.layers)]

    def cost(self, fact, heads):
        return self.clean(fact) - above_foils(self.runs.without(fact, heads), fact)

    def additivity(self):
        said = self.said()
        given = [r for r in said if r["partition"] == 0]
        by_lot = [r for r in said if r["partition"] > 0 and r["size"] > 0]
        single, lot = ([r for r in rows if r["size"] == 1] for rows in (given, by_lot))
        alone = mean(single, ["subset"], "hits")
        best = max(alone, key=lambda r: r["hits"])["subset"]
        most = max(r["size"] for r in given if r["subset"] != "everything")
        whole = mean([r for r in given if r["size"] == most and r["subset"] != "everything"], PROMPT, "hits")
        share = lambda rows: [r | {"share": r["hits"]} for r in mean(rows, PROMPT, "hits")]
        against = lambda rows, shares: [r | {"share": s["share"]} for r, s in zip(rows, shares, strict=True)]
        whole = against(whole, share([r for r in given if r["subset"] == best]))
        text = "all four together say the answer more often than the best of them alone"
        self.claim("additivity", valued(whole, lambda r: r["hits"] - r["share"]), text)
        single = against(mean(single, PROMPT, "hits"), share(lot))
        text = "a mechanism alone says the answer less often than as many components at random"
        self.claim("additivity", valued(single, lambda r: r["share"] - r["hits"]), text)

        gaps = []
        members = lambda kind: self.mlp_names if kind == "mlps" else self.of_class(kind)
        pairs = [("subject", "relation"), ("subject", "mixed"), ("relation", "mixed")]
        for one, other in pairs + [(kind, "mlps") for kind in ("subject", "relation", "mixed")]:
            for fact in self.few:
                costs = [self.cost(fact, members(k)) for k in (one, other)]
                costs.append(self.cost(fact, members(one) + members(other)))
                row = dict(zip(["first", "second", "both"], costs), gap=costs[2] - costs[0] - costs[1])
                gaps.append(dict(prompt=fact.text, relation=fact.relation, classes=f"{one}, {other}") | row)
        names = ["first", "second", "both", "gap"]
        by_partition = mean(by_lot, ["size", "partition"], "hits")
        sizes = dict.fromkeys(r["size"] for r in by_lot)
        of_size = lambda size: [r["hits"] for r in by_partition if r["size"] == size]
        null = [
            dict(size=n, mean_hits=float(np.mean(of_size(n))), min_hits=min(of_size(n)), max_hits=max(of_size(n)))
            for n in sizes
        ]
        some = [r for r in given if r["size"] > 0]
        return dict(
            subsets=columns(
                estimated(some, ["subset", "size"], self.s.seed, "hits"),
                ["subset", "size", "hits", "hits_low", "hits_high"],
            ),
            ranks=columns(given + by_lot, ["prompt", "partition", "subset", "rank", "hits"]),
            null=columns(null, ["size", "mean_hits", "min_hits", "max_hits"]),
            gaps=columns(
                estimated(gaps, ["classes"], self.s.seed, *names),
                ["classes"] + [f"{n}{end}" for n in names for end in ("", "_low", "_high")],
            ),
        )

    # causes.summand

    def causes(self):
        s, runs = self.s, self.runs
        asked = sample(self.few, lambda f: f.relation, 2, seed=s.seed)
        heads = [f"L{n}H{h}" for n in range(runs.model.config.layers) for h in range(runs.model.config.heads)]
        other = {f.text: donor(self.few, f, s.seed) for f in asked}
        ways = {
            "direct": lambda f, head: runs.direct(f, head),
            "total, zero": lambda f, head: runs.without(f, [head]),
            "total, mean": lambda f, head: runs.at_mean(f, [head], self.few),
            "total, resample": lambda f, head: runs.without(f, [head], lambda h: runs.z(other[f.text], h)),
        }
        held = []
        for kind, way in ways.items():
            for fact in asked:
                taken = runs.taken(fact)
                for head in heads:
                    lost = self.clean(fact) - above_foils(way(fact, head), fact)
                    dla = above_foils(taken.parts[head], fact)
                    held.append(place(fact, head) | dict(kind=kind, lost=lost, dla=dla))
        by_head = mean(held, ["component", "layer", "kind"], "dla", "lost")
        added = mean(total(self.parts, [*PROMPT, "component"], "dla"), ["component"], "dla")
        added.sort(key=lambda r: -r["dla"])
        assert np.abs(np.diff([r["dla"] for r in added][: s.heads + 1])).min() > 1e-5
        important = {r["component"] for r in added[: s.heads]}
        zero = [r for r in held if r["kind"] == "total, zero"]
        alone = [r | {"direct": r["lost"]} for r in held if r["kind"] == "direct"]
        repaired = joined(zero, alone, *PROMPT, "component")
        repaired = valued(repaired, lambda r: r["direct"] - r["lost"])
        chosen = [r for r in repaired if r["component"] in important]
        self.claim("causes", chosen, "taking out the heads that add most costs more directly than in all")
        pairs = ["kind", "count", "pearson", "spearman", "slope"]
        names = ["direct", "lost", "value"]
        return dict(
            beside=columns(correlated(held, "dla", "lost", "kind"), pairs),
            over_heads=columns(correlated(by_head, "dla", "lost", "kind"), pairs),
            heads=columns(by_head, ["component", "kind", "dla", "lost"]),
            repaired=columns(
                estimated(chosen, ["component"], s.seed, *names),
                ["component"] + [f"{n}{end}" for n in names for end in ("", "_low", "_high")],
            ),
        )

    # knockouts.summand

    def fates(self, without, run):
        found = []
        for fact in self.few:
            logits = run(fact)
            found.append(
                dict(prompt=fact.text, relation=fact.relation, without=without)
                | dict(rank=rank(logits, fact.answer), logprob=float(reference.log_softmax(logits)[fact.answer]))
            )
        return [row | {"hits": float(row["rank"] == 1)} for row in found]

    def knockouts(self):
        s, draws = self.s, range(1, self.s.draws + 1)
        taken = lambda heads, name: self.fates(name, lambda f: self.runs.at_mean(f, heads, self.few))
        found = self.fates("nothing", lambda f: self.runs.clean(f)[1][-1]) + taken(list(self.own), "all three")
        for kind in dict.fromkeys(self.own.values()):
            own = self.of_class(kind)
            found += taken(own, f"{kind} heads")
            for draw in draws:
                found += taken(self.controls(own, draw), f"controls of {kind} heads")
        for draw in draws:
            found += taken(self.controls(list(self.own), draw), "controls of all three")
        for kind in ("subject", "relation", "mixed"):
            of = lambda name: mean([r for r in found if r["without"] == name], PROMPT, "logprob")
            less = {(r["prompt"], r["relation"]): r["logprob"] for r in of(f"{kind} heads")}
            both = valued(
                of(f"controls of {kind} heads"), lambda r: r["logprob"] - less[r["prompt"], r["relation"]]
            )
            self.claim("knockouts", both, f"losing the {kind} heads costs more than losing others of their layers")
        rows = estimated(found, ["without"], s.seed, "hits", "logprob")
        for row in rows:
            row["rank"] = float(np.median([r["rank"] for r in found if r["without"] == row["without"]]))
        ends = [f"{n}{end}" for n in ("hits", "logprob") for end in ("", "_low", "_high")]
        return dict(by_loss=columns(rows, ["without", *ends, "rank"]))

    # reversed.summand

    def reversed(self):
        s, found = self.s, []
        for direction, template, wanted in (("forward", "template", "answer"), ("reversed", "reversed", "subject")):
            facts = read_first(self.folder, self.tokens, template, wanted)
            for fact in sample(facts, lambda f: f.relation, s.each, seed=s.seed):
                logits = self.runs.clean(fact)[1][-1]
                place_ = 1 + int((logits > logits[fact.answer]).sum())
                lead = np.delete(logits - logits[fact.answer], fact.answer)
                # What it is among must not hang on f32; its place may where the model says next to nothing.
                least, most = 1 + int((lead > UNSURE).sum()), 1 + int((lead > -UNSURE).sum())
                assert all((least <= n) == (most <= n) for n in (1, s.top))
                found.append(
                    dict(prompt=fact.text, relation=fact.relation, direction=direction)
                    | dict(first=float(place_ == 1), among=float(place_ <= s.top))
                    | dict(rank=place_ if least == most else None)
                )
        backward = [r for r in found if r["direction"] == "reversed"]
        back = {r["relation"]: r["among"] for r in mean(backward, ["relation"], "among")}
        forward = mean([r for r in found if r["direction"] == "forward"], PROMPT, "among")
        rows = valued(forward, lambda r: r["among"] - back[r["relation"]])
        text = "facts are known better than the same asked the other way round, where many answers may be right"
        self.claim("reversed", rows, text)
        ends = [f"{n}{end}" for n in ("first", "among") for end in ("", "_low", "_high")]
        return dict(
            by_direction=columns(estimated(found, ["direction"], s.seed, "first", "among"), ["direction", *ends]),
            by_relation=columns(
                mean(found, ["relation", "direction"], "first", "among"), ["relation", "direction", "first", "among"]
            ),
            ranks=columns(found, ["prompt", "direction", "rank"]),
        )

    def all(self):
        scripts = [
            self.heads, self.classes, self.exchange, self.propagation, self.mlps, self.additivity, self.causes,
            self.knockouts, self.reversed,
        ]  # fmt: skip
        tables = {script.__name__: script() for script in scripts}
        facts = dict(chosen=self.chosen, held=self.held, few=self.few)
        return dict(
            settings=vars(self.s),
            facts={name: [f.text for f in those] for name, those in facts.items()},
            mechanisms=columns(self.mechanisms, ["component", "layer", "class"]),
            findings=columns(self.claims, ["claim", "value", "value_low", "value_high", "holds", "script"]),
            **tables,
        )
