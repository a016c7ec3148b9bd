"""Writes Tests/RuntimeTests/Fixtures/experiments: facts, and what the verbs for whole sets of them must give.

    python -m facts.experiments

The models are tiny-gqa (`tiny/models.py`) and families/gpt2 (`families/models.py`) of Tests/ModelTests/Fixtures; the latter,
whose tokenizer has no words, gets another one. `facts/parts.py` computes, in float64.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from oracle import reference
from facts.parts import (
    GPT2,
    by_component,
    by_head_and_span,
    centred,
    columns,
    counted,
    dealt,
    grouped,
    read_facts,
    read_reversed,
    stable,
    subsets,
    take_llama,
    write_rows,
)
from oracle.folders import COMMAND_FIXTURES
from oracle.folders import FIXTURES as MODELS
from tiny.models import byte_level

FIXTURES = COMMAND_FIXTURES / "experiments"
DLA = ["dla", "dla_R", "dla_S"]

# Words that are one token of tiny-gqa's tokenizer: i t the is s co of in it country C l w re an The has sa read.
# relation, template, template_2, reversed
RELATIONS = [
    (
        "place",
        "Fact: {subject} {relation:is in the country of}",
        "{subject} {relation:has the country of}",
        "Fact: {answer} {relation:has a wall called}",
    ),
    (
        "thing",
        "Fact: {subject} {relation:read it in}",
        "It is {subject} {relation:that has read}",
        "Fact: {answer} {relation:is read by}",
    ),
    (
        "word",
        "Fact: {relation:The language of} {subject} {relation:is}",
        "{subject} {relation:knows}",
        "{answer} {relation:is spoken in}",
    ),
]
# relation, subject, answer, also
FACTS = [
    ("place", "The Wall", "C", ""),
    ("place", "The Arena", "l", ""),
    ("place", "The Tower", "w", "re"),
    ("place", "Great Matter", "an", ""),
    ("place", "Eiffel", "re", "an|The"),
    ("place", "The country", "The", ""),
    ("place", "Nothing", "l", ""),
    ("place", "Spoken There", "Wall", ""),  # several tokens
    ("thing", "The Wall", "the", ""),
    ("thing", "The Arena", "is", "has"),
    ("thing", "The Tower", "s", ""),
    ("thing", "Great Matter", "co", ""),
    ("thing", "Eiffel", "of", ""),
    ("thing", "The country", "has", ""),
    ("thing", "Nothing", "country", ""),  # not in R
    ("thing", "Nobody", "is", ""),  # no S at all
    ("word", "The Wall", "in", ""),
    ("word", "The Arena", "it", ""),
    ("word", "The Tower", "country", ""),
    ("word", "Great Matter", "sa", "read|t"),
    ("word", "Eiffel", "read", ""),
    ("word", "The country", "t", ""),
    ("word", "Nothing", "i", ""),
    ("word", "Only", "the", ""),  # S has only the answer
]
ATTRIBUTES = [
    ("place", ["C", "l", "w", "re", "Great", "an", "The", "l"]),  # one of several tokens, one twice
    ("thing", ["the", "is", "s", "co", "of", "has"]),
    ("word", ["in", "it", "country", "sa", "Fact", "read", "t", "i", "the"]),
]
SUBJECTS = [
    ("The Wall", ["C", "the", "in", "sa"]),
    ("The Arena", ["l", "is", "it", "Italy", "has"]),
    ("The Tower", ["w", "re", "s", "country"]),
    ("Great Matter", ["an", "co", "sa", "t"]),
    ("Eiffel", ["re", "of", "read", "France"]),
    ("The country", ["The", "has", "t", "i"]),
    ("Nothing", ["l", "country", "i", "s", "s"]),
    ("Only", ["the"]),
]
# Classes of components without regard to what they do: every kind is in one.
CLASSES = {
    "subject": ["L0H1", "L2H3", "L1H0"],
    "relation": ["L1H2", "L0H0"],
    "mixed": ["L2H0", "embed"],
}
GPT2_CLASSES = {
    "subject": ["L0H1", "L1H2"],
    "relation": ["L1H0", "pos_embed"],
    "mixed": ["L0.attn.bias", "ln_final.bias"],
}


def write_facts():
    folder = FIXTURES / "facts"
    folder.mkdir(parents=True, exist_ok=True)
    pairs = lambda found: [(name, attribute) for name, several in found for attribute in several]
    write_rows(folder / "facts.tsv", ["relation", "subject", "answer", "also"], FACTS)
    write_rows(folder / "relations.tsv", ["relation", "template", "template_2", "reversed"], RELATIONS)
    write_rows(folder / "attributes.tsv", ["relation", "attribute"], pairs(ATTRIBUTES))
    write_rows(folder / "subjects.tsv", ["subject", "attribute"], pairs(SUBJECTS))
    return folder


def write_classes(name, classes):
    found = [(component, kind) for kind, several in classes.items() for component in several]
    write_rows(FIXTURES / name, ["component", "class"], found)


def save(path, found):
    """A line for each list, so that a difference can be read."""
    text = json.dumps(found, indent=1, ensure_ascii=False)
    out, depth = [], 0
    for line in text.splitlines():
        line = line.strip()
        if depth and not line.endswith(("[", "{")):
            out[-1] += line
        else:
            out.append(line)
        depth += line.endswith("[") - line.startswith("]")
    path.write_text("\n".join(out) + "\n")
    print(path.name, path.stat().st_size)


# Expectations


def facts_as_read(facts):
    return [
        dict(
            relation=f.relation,
            subject=f.subject,
            text=f.text,
            tokens=f.tokens,
            spans=f.spans,
            answer=f.answer,
            R=f.R,
            S=f.S,
        )
        for f in facts
    ]


def dla_table(facts, runs, rows_of, *change):
    return [
        dict(prompt=fact.text, relation=fact.relation) | row
        for fact, taken in zip(facts, runs)
        for row in rows_of(fact, taken, *change)
    ]


def ranks(facts, runs):
    found = []
    for fact, taken in zip(facts, runs):
        lead = np.delete(taken.logits - taken.logits[fact.answer], fact.answer)
        assert np.abs(lead).min() > 2e-5, f"f32 might not see the rank of '{fact.text}'"
        found.append(1 + int((lead > 0).sum()))
    return found


def subset_tables(facts, runs, classes, seed, partitions):
    """Of each prompt the given classes, then as many drawn ones."""
    found = []
    for fact, taken in zip(facts, runs):
        for number in range(partitions + 1):
            own = dealt(classes, seed, number) if number else classes
            for row in subsets(taken, own, fact.answer, everything=number == 0):
                found.append(dict(partition=number) | row)
    return columns(found, ["partition", "subset", "size", "logit", "rank", "token"])


def check_margins(table, **options):
    """No class and no place may hang on what f32 cannot tell."""
    found = stable(table, **options)
    slightly = [stable(table, **options | {"threshold": options.get("threshold", 10) * f}) for f in (0.999, 1.001)]
    for other in slightly:
        assert [row["class"] for row in other] == [row["class"] for row in found], options
        assert [row["stable"] for row in other] == [row["stable"] for row in found], options
    sizes = [abs(row["total"]) if options.get("absolute") else row["total"] for row in found]
    assert np.abs(np.diff(sizes)).min() > 1e-5
    for row in found:
        assert abs(abs(row["total"]) - options.get("floor", 0)) > 1e-5, row
        assert min(abs(row["subject"]), abs(row["relation"])) > 1e-6, row
    return found


def tiny(folder):
    model = reference.load(MODELS / "tiny-gqa")
    tokenizer = Tokenizer.from_file(str(MODELS / "tiny-gqa" / "tokenizer.json"))
    facts = read_facts(folder, tokenizer)
    runs = [take_llama(model, fact.tokens) for fact in facts]
    spans = dla_table(facts, runs, by_head_and_span)
    components = dla_table(facts, runs, by_component)

    few = [i for i, fact in enumerate(facts) if fact.relation == "word"][:3]
    classes = ["component", "subject", "relation", "total", "ratio", "class", "stable"]
    options = dict(
        plain=dict(threshold=2),
        top=dict(threshold=3, top=6),
        floor=dict(threshold=1.5, floor=0.01),
        absolute=dict(threshold=2, absolute=True),
        median=dict(threshold=2, median=True),
        of_R=dict(threshold=2, column="dla_R", absolute=True, median=True, top=8),
    )
    alone = [row for row in spans if row["relation"] == "place"]
    with_mlps = CLASSES | {"mlps": [f"L{n}.mlp" for n in range(model.config.layers)]}
    some = [facts[i] for i in few], [runs[i] for i in few]
    save(
        FIXTURES / "tiny-gqa.json",
        dict(
            facts=facts_as_read(facts),
            template_2=facts_as_read(read_facts(folder, tokenizer, "template_2")),
            reversed=[dict(text=text, answer=token) for text, token in read_reversed(folder, tokenizer)],
            ranks=ranks(facts, runs),
            components=list(runs[0].parts),
            by_component=columns(components, DLA),
            by_head_span=columns(spans, DLA),
            centred=columns(dla_table(facts, runs, by_head_and_span, centred), DLA),
            grouped=columns(
                grouped(spans, ["component", "span"], DLA, level=0.9, seed=7, resamples=200),
                ["component", "span"] + [c + end for c in DLA for end in ("", "_low", "_high")],
            ),
            by_relation=columns(
                grouped(spans, ["relation", "span"], ["dla"], level=0.95, seed=0, resamples=2000, unit=["prompt"]),
                ["relation", "span", "dla", "dla_low", "dla_high"],
            ),
            classes={name: columns(check_margins(spans, **o), classes) for name, o in options.items()},
            one_relation=columns(check_margins(alone, threshold=2), classes[:-1]),
            thresholds=columns(
                counted(spans, [1.5, 3, 10], top=8), ["threshold", "class", "count", "total", "share", "stable"]
            ),
            subsets=subset_tables(*some, with_mlps, seed=0, partitions=0),
            partitions=subset_tables(*some, CLASSES, seed=5, partitions=3),
        ),
    )


# A model with biases and LayerNorm


def words_tokenizer():
    """96 tokens: letters, a few signs, and a letter after a space as one token."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    tokens = ["<|endoftext|>", *letters, *map(str.upper, letters), ":", "Ġ"]
    after_space = letters + list("ABCDEFGHIJKLMN")
    merges = [("Ġ", x) for x in after_space]
    tokens += ["Ġ" + x for x in after_space]
    tokens += [":" + x for x in letters][: 96 - len(tokens)]
    assert len(tokens) == 96
    return byte_level(tokens, merges)


GPT2_FACTS = [
    ("first", "Ab", "c", ""),
    ("first", "Cde", "d", "e"),
    ("first", "F", "A", ""),
    ("second", "Ab", "x", ""),
    ("second", "Cde", "y", ""),
    ("second", "F", "z", ""),
]


def gpt2():
    folder = FIXTURES / "gpt2"
    folder.mkdir(exist_ok=True)
    own = MODELS / "families/gpt2"
    for name in ("config.json", "model.safetensors"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../../../ModelTests/Fixtures/families/gpt2") / name)
    tokenizer = words_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    facts_folder = FIXTURES / "gpt2-facts"
    facts_folder.mkdir(exist_ok=True)
    write_rows(facts_folder / "facts.tsv", ["relation", "subject", "answer", "also"], GPT2_FACTS)
    write_rows(
        facts_folder / "relations.tsv",
        ["relation", "template"],
        [("first", "Fact: {subject} {relation:is a}"), ("second", "{relation:of} {subject} {relation:it is}")],
    )
    pairs = [("first", x) for x in "cdeAB"] + [("second", x) for x in "xyzwu"]
    write_rows(facts_folder / "attributes.tsv", ["relation", "attribute"], pairs)
    pairs = [(s, x) for s, several in [("Ab", "cxm"), ("Cde", "deyn"), ("F", "Azlk")] for x in several]
    write_rows(facts_folder / "subjects.tsv", ["subject", "attribute"], pairs)

    model = GPT2(own, heads=3, eps=3e-4)
    golden = load_file(own / "golden.safetensors")
    model.take([41, 7, 90, 23, 58, 12, 77, 3, 66, 35, 84, 19])
    gap = np.abs(model.all_logits - golden["logits"]).max()
    assert gap < 1e-6, gap  # transformers in float64, kept as f32
    facts = read_facts(facts_folder, tokenizer)
    runs = [model.take(fact.tokens) for fact in facts]
    classes = GPT2_CLASSES | {"mlps": ["L0.mlp", "L1.mlp"]}
    save(
        FIXTURES / "gpt2.json",
        dict(
            facts=facts_as_read(facts),
            components=list(runs[0].parts),
            by_component=columns(dla_table(facts, runs, by_component), DLA),
            by_head_span=columns(dla_table(facts, runs, by_head_and_span), DLA),
            centred=columns(dla_table(facts, runs, by_component, centred), DLA),
            subsets=subset_tables(facts[:2], runs[:2], classes, seed=0, partitions=0),
        ),
    )


# The bootstrap by itself


def bootstrap():
    """A table of literal numbers, some missing, and the intervals of its means."""
    random = np.random.default_rng(8)
    table = []
    for n in range(60):
        prompt, relation = f"p{n % 9}", f"r{n % 2}"
        value = None if n % 11 == 3 else float(f"{random.normal(n % 4, 2):.6f}")
        table.append(dict(key="abc"[n % 3], prompt=prompt, relation=relation, value=value))
    table.append(dict(key="lone", prompt="p0", relation="r0", value=2.5))
    names = ["key", "prompt", "relation", "value"]
    cells = [["" if row[n] is None else str(row[n]) for n in names] for row in table]
    write_rows(FIXTURES / "bootstrap.tsv", names, cells)
    unprompted = [{k: row[k] for k in ("key", "value")} for row in table]
    write_rows(FIXTURES / "unprompted.tsv", ["key", "value"], [[c[0], c[3]] for c in cells])
    ends = ["key", "value", "value_low", "value_high"]
    save(
        FIXTURES / "bootstrap.json",
        dict(
            plain=columns(grouped(table, ["key"], ["value"], 0.95, 0, 2000), ends, 14),
            seeded=columns(grouped(table, ["key"], ["value"], 0.8, 42, 101), ends, 14),
            by_prompt=columns(
                grouped(table, ["key", "prompt"], ["value"], 0.5, 3, 64, unit=None), ["key", "prompt", *ends[1:]], 14
            ),
            unprompted=columns(grouped(unprompted, ["key"], ["value"], 0.99, -1, 500, unit=None), ends, 14),
        ),
    )


def main():
    folder = write_facts()
    write_classes("classes.tsv", CLASSES)
    write_classes("gpt2-classes.tsv", GPT2_CLASSES)
    bootstrap()
    tiny(folder)
    gpt2()


if __name__ == "__main__":
    main()
