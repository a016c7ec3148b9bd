"""The inputs of all works, as Summand reads them: token ids for the peers, who then need no tokenizer."""

import itertools
import json

from harness import read_table, run_summand
from works import PREAMBLE

LONG, LONGER = 384, 1000


def prepare(folder):
    """Writes inputs.json for the peers where they are; gives the lines that set Summand up, and ids to
    make text of: the BOS token, and prompts that begin with it."""
    ids = tokens_of(folder, "colosseum", "other", "batch", "shots")
    (one,), (other,), batch = (list(ids[name].values()) for name in ("colosseum", "other", "batch"))
    longer = list(itertools.islice(stream(one[0], batch), LONGER))
    long = longer[:LONG]
    apart = ", ".join(f'(prompt {p} -> " Italy")' for p in begin_apart(ids["shots"].values()))
    setup = [*PREAMBLE, *(f'let {name} = prompt {ids} -> " Italy"' for name, ids in (("long", long), ("longer", longer)))]
    setup.append(f"let apart = prompts [{apart}]")

    names = folder / "weights" / "tokens.json"
    if names.exists():
        number = json.loads(names.read_text())
        answers = answers_of(folder, "batch")
        given = {
            "colosseum": {
                "tokens": one,
                "answer": number[" Italy"],
                "foils": [number[" Spain"], number[" France"]],
            },
            "other": {"tokens": other},
            "prompts": [
                {"tokens": ids["batch"][prompt], "answer": number[answer]}
                for prompt, answer in answers.items()
            ],
            "long": long,
            "longer": longer,
        }
        (folder / "weights" / "inputs.json").write_text(json.dumps(given))
    return setup, (one[0], batch)


def begin_apart(prompts):
    """The same prompts, each with a first token of its own."""
    return [[first, *tokens[1:]] for first, tokens in enumerate(prompts, start=1000)]


def stream(first, others):
    """A first token, and text without end."""
    yield first
    for tokens in itertools.cycle(others):
        yield from tokens[1:]


def tokens_of(folder, *names):
    """For each set of prompts, every prompt's ids by its text."""
    run_summand(*PREAMBLE, *(f"{n} | tokens | save '{folder}/{n}.tsv'" for n in names))
    found = {}
    for name in names:
        table = read_table(folder / f"{name}.tsv")
        prompts = table.get("prompt", [name] * len(table["token_id"]))
        rows = found[name] = {}
        for prompt, token in zip(prompts, table["token_id"]):
            rows.setdefault(prompt, []).append(int(token))
    return found


def answers_of(folder, name):
    run_summand(*PREAMBLE, f"{name} | rank | save '{folder}/answers.tsv'")
    table = read_table(folder / "answers.tsv")
    return dict(zip(table["prompt"], table["answer"]))
