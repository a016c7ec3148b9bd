"""Neurons, heads' weights and examples in texts: Summand, PyTorch by hand and plain runs in turns."""

import json
import random

import harness
import works
from compare import Row, agree, say
from compare_products import PROGRAM
from harness import Summand, Worker, alternate, median

LAST = 29
WINDOWS, LENGTH, FEW = 1000, 128, 10
# How many times as fast as PyTorch, and how many times as long as plain runs.
WANTED, MOST = 2, 1.15
PLAIN = "the same runs, one number a position kept"
LINES = [
    ("DLA of every neuron, 32 prompts", "batch | dla by neuron", "neurons", ["dla"], 2e-4),
    ("describe heads: 270 heads", "describe heads", "describe", ["copying", "ov_positivity", "ov_norm", "qk_norm"], 2e-3),
]  # fmt: skip


def measure_units(peers, folder, setup, texts, model, rounds):
    windows = drawn(texts[0])
    if (folder / "weights" / "inputs.json").exists():
        (folder / "weights" / "windows.json").write_text(json.dumps(windows))
    hand = peers.get(works.UNITS) if peers.has(works.UNITS) else None
    rows = []
    for title, line, work, columns, tolerance in LINES:
        rows += measured_line(title, line, work, columns, tolerance, hand, folder, setup, rounds)
    return rows + examples(hand, folder, setup, windows, model, rounds)


def drawn(first):
    """Windows of tokens at random, so that no two have anything in common but their first token."""
    chance = random.Random(0)
    return [[first, *chance.choices(range(1000, 40_000), k=LENGTH - 1)] for _ in range(WINDOWS)]


def measured_line(title, line, work, columns, tolerance, hand, folder, setup, rounds):
    say(title)
    # The table is made, and not written out.
    ours = Summand(folder, setup, f"{line} | take 1", line)
    try:
        ours.ask()
        turns, gap = [ours.ask], None
        if hand:
            wanted = [x for column in columns for x in ours.checked(column)]
            gap = agree(title, works.UNITS, hand.check(work), wanted, tolerance)
            turns.append(lambda: hand.ask(work))
        mine, *theirs = map(median, alternate(turns, rounds))
    finally:
        ours.close()
    return [Row(title, works.UNITS, mine, theirs[0], WANTED, gap)] if theirs else [Row(title, "", mine)]


def examples(hand, folder, setup, windows, model, rounds):
    title = f"examples of all neurons of a layer, {WINDOWS:,} windows of {LENGTH} tokens"
    say(title)
    (folder / "windows.ids").write_text("\n".join(" ".join(map(str, ids)) for ids in windows) + "\n")
    setup = [*setup, f"let windows = prompts [{', '.join(f'(prompt {ids})' for ids in windows)}]"]
    line = f"examples L{LAST}.mlp_post"
    ours = Summand(folder, setup, f"windows | {line} | take 1", f"windows | take {FEW} | {line}")
    worker = Worker([PROGRAM, harness.threads(), folder])
    plain = lambda: float(worker.say(f"runs plain {model} {folder}/windows.ids"))
    try:
        turns, gap = [ours.ask, plain], None
        if hand:
            gap = agree(title, works.UNITS, hand.check("few examples"), ours.checked("value"), 1e-3)
            turns.append(lambda: hand.ask("examples"))
        mine, runs, *theirs = map(median, alternate(turns, rounds))
    finally:
        ours.close()
        worker.close()
    rows = [Row(title, works.UNITS, mine, theirs[0], WANTED, gap)] if theirs else []
    return [*rows, Row(title, PLAIN, mine, runs, round(1 / MOST, 2))]
