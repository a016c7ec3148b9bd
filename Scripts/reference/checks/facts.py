"""Checks the facts of Examples/facts, and measures which of them the default model knows.

    python -m checks.facts                      the files alone
    python -m checks.facts --complete           first adds the rows that follow from others to the files
    python -m checks.facts MODEL.gguf           and the rank of every answer, after every template
    python -m checks.facts MODEL.gguf ranks.tsv saves these ranks, and what the model says instead

The model is run by transformers in f32, without a BOS; the tokens are those of the package `tokenizers`.
"""

import csv
import os
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

from oracle.folders import FACTS

COLUMNS = {
    "facts": ["relation", "subject", "answer", "also"],
    "relations": ["relation", "kind", "subject_kind", "answer_kind", "template", "template_2", "template_3", "reversed"],
    "attributes": ["relation", "attribute"],
    "subjects": ["subject", "attribute"],
}
TEMPLATES = ["template", "template_2", "template_3"]

# What the data set promises.
FACTS_AT_LEAST, RELATIONS_AT_LEAST, FACTS_A_RELATION = 450, 14, 25
KNOWN_AT_LEAST, KNOWN_RELATIONS, TOP = 200, 8, 10

# The kinds of subject whose own attributes are listed, at least this many that are one word.
WITH_ATTRIBUTES, ATTRIBUTES_AT_LEAST = {"landmark", "country", "athlete", "product"}, 5
# What is true of an answer is true of its subject too: the Colosseum, being in Italy, is in Europe.
INHERITED = ["country_language", "country_continent", "company_country"]


# The files


def read(name):
    """The rows of a table as dictionaries, each with the line that it stands on."""
    path = FACTS / f"{name}.tsv"
    rows = list(csv.reader(path.open(encoding="utf-8", newline=""), delimiter="\t", quoting=csv.QUOTE_NONE))
    if rows[0] != COLUMNS[name]:
        sys.exit(f"{path.name}: the columns are {rows[0]}, and not {COLUMNS[name]}")
    for line, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            sys.exit(f"{path.name}:{line}: {len(row)} fields")
    return [dict(zip(rows[0], row), at=f"{path.name}:{line}") for line, row in enumerate(rows[1:], 2)]


def write(name, rows):
    text = "".join("\t".join(row) + "\n" for row in [COLUMNS[name], *rows])
    (FACTS / f"{name}.tsv").write_text(text, encoding="utf-8", newline="\n")


def also(fact):
    return fact["also"].split("|") if fact["also"] else []


def implied_attributes(facts, relations):
    """R: the answers of all relations that ask for the same kind of thing, in the order of the facts."""
    answers = defaultdict(dict)
    for fact in facts:
        answers[relations[fact["relation"]]["answer_kind"]][fact["answer"]] = None
    return [(name, answer) for name, row in relations.items() for answer in answers[row["answer_kind"]]]


def implied_subjects(facts, relations):
    """S: what every relation answers about a subject, and what a few of them answer about that."""
    answers = defaultdict(dict)
    for fact in facts:
        answers[fact["subject"]][fact["relation"]] = fact["answer"]
    found = {}
    for fact in facts:
        if relations[fact["relation"]]["subject_kind"] not in WITH_ATTRIBUTES:
            continue
        for answer in answers[fact["subject"]].values():
            found[fact["subject"], answer] = None
            for relation in INHERITED:
                if relation in answers[answer]:
                    found[fact["subject"], answers[answer][relation]] = None
    return list(found)


def complete(facts, relations):
    """Puts the rows that follow from the facts before those that were written, a subject's together."""
    for name, implied in [
        ("attributes", implied_attributes(facts, relations)),
        ("subjects", implied_subjects(facts, relations)),
    ]:
        written = [tuple(row[column] for column in COLUMNS[name]) for row in read(name)]
        groups = defaultdict(dict)
        for key, attribute in implied + written:
            groups[key][attribute] = None
        write(name, [(key, attribute) for key, attributes in groups.items() for attribute in attributes])


# What may be wrong with them


def repeated(rows, *columns):
    seen = set()
    for row in rows:
        key = tuple(row[column] for column in columns)
        if key in seen:
            yield f"{row['at']}: {' / '.join(key)} stands there twice"
        seen.add(key)


def odd_texts(rows):
    for row in rows:
        for column, text in row.items():
            if text != text.strip() or "  " in text or '"' in text or "\\" in text:
                yield f"{row['at']}: odd spaces or signs in {column}: {text!r}"
            if not text and column != "also":
                yield f"{row['at']}: no {column}"


def odd_templates(relations):
    for row in relations.values():
        if row["kind"] not in ("factual", "control"):
            yield f"{row['at']}: kind {row['kind']}"
        for column in [*TEMPLATES, "reversed"]:
            wanted = "answer" if column == "reversed" else "subject"
            if re.findall(r"\{(\w+)\}", row[column]) != [wanted]:
                yield f"{row['at']}: {column} must have {{{wanted}}} once, and no other"
            if "{relation:" not in row[column] or re.search(r"[{}]", filled(row[column], "")):
                yield f"{row['at']}: {column} must label its words {{relation:…}}: {row[column]}"


def odd_facts(facts, relations):
    for fact in facts:
        relation = relations.get(fact["relation"])
        if relation is None:
            yield f"{fact['at']}: no relation {fact['relation']} in relations.tsv"
        elif relation["kind"] == "factual" and re.search(rf"\b{re.escape(fact['answer'])}\b", fact["subject"]):
            yield f"{fact['at']}: the subject {fact['subject']} says the answer"
        if len({fact["answer"], *also(fact)}) != 1 + len(also(fact)) or "" in fact["also"].split("|")[1:]:
            yield f"{fact['at']}: {fact['also']} repeats an answer"
    counts = Counter(fact["relation"] for fact in facts)
    for name in relations:
        if counts[name] < FACTS_A_RELATION:
            yield f"{name} has {counts[name]} facts, fewer than {FACTS_A_RELATION}"
    if len(facts) < FACTS_AT_LEAST or len(relations) < RELATIONS_AT_LEAST:
        yield f"{len(facts)} facts over {len(relations)} relations are too few"


def odd_sets(facts, relations, attributes, subjects):
    R = {(row["relation"], row["attribute"]) for row in attributes}
    S = {(row["subject"], row["attribute"]) for row in subjects}
    for name, missing in [
        ("attributes.tsv", set(implied_attributes(facts, relations)) - R),
        ("subjects.tsv", set(implied_subjects(facts, relations)) - S),
    ]:
        yield from (f"{name} lacks {' / '.join(row)}: see --complete" for row in sorted(missing))
    for row in attributes:
        if row["relation"] not in relations:
            yield f"{row['at']}: no relation {row['relation']} in relations.tsv"
    owners = {f["subject"] for f in facts if relations[f["relation"]]["subject_kind"] in WITH_ATTRIBUTES}
    words = Counter(subject for subject, attribute in S if " " not in attribute)
    for subject in sorted(owners | set(words)):
        if subject not in owners:
            yield f"subjects.tsv: {subject} is the subject of no fact, or of a kind that needs no attributes"
        elif words[subject] < ATTRIBUTES_AT_LEAST:
            yield f"subjects.tsv: {subject} has {words[subject]} attributes of one word, fewer than {ATTRIBUTES_AT_LEAST}"


def problems(facts, relations, attributes, subjects):
    yield from odd_texts([*facts, *relations.values(), *attributes, *subjects])
    yield from repeated(facts, "relation", "subject")
    yield from repeated(attributes, "relation", "attribute")
    yield from repeated(subjects, "subject", "attribute")
    yield from odd_templates(relations)
    yield from odd_facts(facts, relations)
    yield from odd_sets(facts, relations, attributes, subjects)


# What the model knows


def filled(template, value):
    """The text of a prompt: `{relation:words}` is its words, the other field is the value."""
    return re.sub(r"\{\w+\}", lambda _: value, re.sub(r"\{relation:([^{}]*)\}", r"\1", template))


def last_logits(model, prompts):
    """Prompts (tuples of ids) and the logits at their ends, batched with others of their length."""
    import torch

    lengths = defaultdict(list)
    for prompt in prompts:
        lengths[len(prompt)].append(prompt)
    for same in lengths.values():
        for start in range(0, len(same), 64):
            batch = same[start : start + 64]
            with torch.no_grad():
                yield batch, model(torch.tensor(batch), use_cache=False, logits_to_keep=1).logits[:, 0].numpy()


def questions(fact, relation):
    """The prompts of a fact and what each of them asks for, by column. The reversed one asks for the subject, without
    its article, since `called the` would go with some and not with others."""
    asked = {column: (filled(relation[column], fact["subject"]), fact["answer"]) for column in TEMPLATES}
    asked["reversed"] = filled(relation["reversed"], fact["answer"]), fact["subject"].removeprefix("The ")
    return asked


def measure(path, facts, relations):
    """Of each fact: whether its answer is one token, and by column of the templates the rank of the first token of what
    is asked for, and the likeliest token."""
    os.environ["TQDM_DISABLE"] = "1"
    import numpy as np
    import torch
    from transformers import AutoModelForCausalLM

    from tokens.lines import from_gguf

    tokenizer, _ = from_gguf(str(path))
    encode = lambda text: tuple(tokenizer.encode(text, add_special_tokens=False).ids)
    found = [{"single": len(encode(" " + fact["answer"])) == 1} for fact in facts]
    asked = defaultdict(list)
    for fact, row in zip(facts, found):
        for column, (text, wanted) in questions(fact, relations[fact["relation"]]).items():
            prompt, ids = encode(text), encode(" " + wanted)
            assert encode(f"{text} {wanted}") == prompt + ids, f"the tokens of {text!r} go on into the answer"
            asked[prompt].append((row, column, ids[0]))

    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
    for prompts, logits in last_logits(model, list(asked)):
        for prompt, scores in zip(prompts, logits):
            likeliest = tokenizer.decode([int(scores.argmax())])
            for row, column, token in asked[prompt]:
                row[column] = 1 + np.count_nonzero(scores > scores[token]), likeliest
    return found


def report(facts, relations, found):
    """Prints a row a relation; returns in how many facts of each the first template finds an answer of one token."""
    print("| relation | kind | facts | one token | top 1, 10 | by the 2nd | by the 3rd template | reversed |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    known = {}
    for name, relation in [*relations.items(), ("all", {"kind": ""})]:
        rows = [row for fact, row in zip(facts, found) if name in (fact["relation"], "all")]
        single = [row for row in rows if row["single"]]
        count = lambda rows, column, top: sum(row[column][0] <= top for row in rows)
        cells = [name, relation["kind"], len(rows), len(single)]
        cells += [f"{count(single, column, 1)}, {count(single, column, TOP)}" for column in TEMPLATES]
        cells += [f"{count(rows, 'reversed', 1)}, {count(rows, 'reversed', TOP)}"]
        print("| " + " | ".join(map(str, cells)) + " |")
        known[name] = count(single, "template", TOP)
    del known["all"]
    return known


def save(path, facts, relations, found):
    with open(path, "w", encoding="utf-8") as file:
        print("relation\tsubject\tanswer\ttokens\tcolumn\trank\tlikeliest", file=file)
        for fact, row in zip(facts, found):
            for column in questions(fact, relations[fact["relation"]]):
                rank, token = row[column]
                cells = [fact["relation"], fact["subject"], fact["answer"], "one" if row["single"] else "several"]
                print(*cells, column, rank, repr(token), sep="\t", file=file)


def main(arguments):
    facts, relations = read("facts"), {row["relation"]: row for row in read("relations")}
    if "--complete" in arguments:
        complete(facts, relations)
    wrong = list(problems(facts, relations, read("attributes"), read("subjects")))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    paths = [Path(argument).expanduser() for argument in arguments if argument != "--complete"]
    if paths and not wrong:
        found = measure(paths[0], facts, relations)
        known = report(facts, relations, found)
        if len(paths) > 1:
            save(paths[1], facts, relations, found)
        enough = sum(count >= FACTS_A_RELATION for count in known.values())
        if sum(known.values()) < KNOWN_AT_LEAST or enough < KNOWN_RELATIONS:
            wrong.append(f"{sum(known.values())} known facts, {enough} relations with {FACTS_A_RELATION} of them")
            print(wrong[-1])
    if not wrong:
        print(f"{len(facts)} facts over {len(relations)} relations: nothing wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
