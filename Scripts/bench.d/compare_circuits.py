"""Gradients and edges: Summand, PyTorch by hand and the machine's limits in turns."""

import itertools
import json
import random

import harness
import works
from compare import LIMIT, Row, agree, say
from compare_products import PROGRAM
from harness import Summand, Worker, alternate, median, read_table, run_summand
from prompts import begin_apart

LAYERS, HEADS, ANSWER = 30, 9, " Italy"
# The reverse pass may take as many runs forwards, and a transposed product must reach as much of the peak.
REVERSE = [("kept", "intermediates kept", 1.4), ("recomputed", "intermediates computed again", 2.5)]
TRANSPOSED = [(384, 0.85), (12, 0.6)]
# AutoCircuit keeps the stream of every reader for the way back: 32 pairs are more than 16 GB.
SAMPLE, MINUTES, EVEN, PAIRS = 2_000, 8, 12, 8
EDGES = "all 123,211 edges"
# The title, what Summand is told, the peers' name of it, the tolerance, and who does it.
LINES = [
    ("attribution of all heads at all positions, 32 pairs", "clean | patch each heads@* from corrupt | attribute",
     "attribution", 1e-3, [works.AUTOGRAD]),
    (f"EAP, 32 pairs: {EDGES}", "clean | patch each edges from corrupt | attribute mean", "eap", 1e-3, [works.AUTOGRAD]),
    (f"EAP-IG, 5 steps, 32 pairs: {EDGES}", "clean | patch each edges from corrupt | attribute steps 5 mean", "eap-ig",
     1e-3, [works.AUTOGRAD]),
    (f"EAP, {PAIRS} pairs of {EVEN} tokens: {EDGES}", "even | patch each edges from uneven | attribute mean", "eap-even", 1e-3,
     [works.AUTOGRAD, works.EDGES]),
    (f"EAP, one pair: {EDGES}", "one | patch each edges from other | attribute", "eap-one", 1e-3,
     [works.AUTOGRAD, works.EDGES]),
]  # fmt: skip
# How many times as long as Summand a package may take at least, and seconds that Summand may.
PACKAGE, MOST = 10, {"eap-one": 1.0}


def measure_circuits(peers, limits, folder, setup, texts, model, rounds):
    clean = begin_apart(sorted(texts[1], key=lambda ids: abs(len(ids) - 12)))
    corrupt = [mixed(a, b) for a, b in zip(clean, clean[1:] + clean[:1])]
    setup = [*setup, *prompts("clean", clean, f' -> "{ANSWER}"'), *prompts("corrupt", corrupt)]
    setup += [f'let one = prompt {clean[0]} -> "{ANSWER}"', f"let other = prompt {corrupt[0]}"]
    even = [(a + b)[:EVEN] for a, b in zip(clean[:PAIRS], clean[1:])]
    uneven = [mixed(a, b) for a, b in zip(even, even[1:] + even[:1])]
    setup += [*prompts("even", even, f' -> "{ANSWER}"'), *prompts("uneven", uneven)]
    names = folder / "weights" / "tokens.json"
    if names.exists():
        given = {"clean": clean, "donor": corrupt, "even": even, "even donor": uneven}
        given["answer"] = json.loads(names.read_text())[ANSWER]
        (folder / "weights" / "circuits.json").write_text(json.dumps(given))
    hand = peers.get(works.AUTOGRAD) if peers.has(works.AUTOGRAD) else None
    yield from gradients(hand, limits, folder, setup, clean, model, rounds)
    for measured in LINES:
        yield from measured_line(*measured, peers, folder, setup, rounds)
    yield from exact(limits, folder, setup, rounds)


def prompts(name, rows, answer=""):
    return [f"let {name} = prompts [{', '.join(f'(prompt {ids}{answer})' for ids in rows)}]"]


def mixed(a, b):
    """A prompt as long as `a`, which begins like it, and goes on like `b` as far as that goes."""
    return [a[0], *(y if y is not None else x for x, y in itertools.zip_longest(a[1:], b[1 : len(a)]))]


def gradients(hand, limits, folder, setup, clean, model, rounds):
    (folder / "clean.ids").write_text("\n".join(" ".join(map(str, ids)) for ids in clean) + "\n")
    worker = Worker([PROGRAM, harness.threads(), folder])
    ask = lambda what: float(worker.say(f"gradients {what} {model} {folder}/clean.ids"))
    try:
        title = "gradients by all sites at all positions, 32 prompts: forwards and backwards"
        say(title)
        turns = [lambda what=what: ask(what) for what in ("forward", "kept", "recomputed", "sites")]
        for turn in turns:
            turn()
        gap = None
        if hand:
            path = folder / "middle.tsv"
            line = f"clean | gradient L{LAYERS // 2}.resid_pre@last of logit | save '{path}'"
            run_summand(*setup, line)
            wanted = [float(x) for x in read_table(path)["value"]]
            gap = agree(title, works.AUTOGRAD, hand.check("middle"), wanted, 1e-3)
            turns.append(lambda: hand.ask("gradients"))
        forward, kept, recomputed, sites, *theirs = map(median, alternate(turns, rounds))
        rows = [Row(title, works.AUTOGRAD, sites, theirs[0], 2, gap)] if theirs else [Row(title, "", sites)]
        for (_, how, most), time in zip(REVERSE, (kept, recomputed)):
            rows.append(Row(f"its reverse pass, {how}", f"{most} runs forwards", time - forward, most * forward, 1))
        for count, share in TRANSPOSED:
            request = f"transposed q4_1 1536 576 {count}"
            title = f"transposed product, q4_1, {count} × 1536 by 1536 × 576"
            time = median(alternate([lambda: float(worker.say(request))], rounds)[0])
            limits.measure()
            if limits.fma:
                rows.append(Row(title, LIMIT, time, 2 * 1536 * 576 * count / limits.fma, share, unit="%"))
        return rows
    finally:
        worker.close()


def measured_line(title, line, work, tolerance, names, peers, folder, setup, rounds):
    say(title)
    names = [name for name in names if peers.has(name)]
    # The table is made, and not written out.
    ours = Summand(folder, setup, f"{line} | top 1", line)
    try:
        ours.ask()
        found = ours.checked("estimate")
        gaps = [agree(title, name, peers.get(name).check(work), found, tolerance) for name in names]
        turns = [ours.ask, *(lambda name=name: peers.get(name).ask(work) for name in names)]
        mine, *theirs = map(median, alternate(turns, rounds))
    finally:
        ours.close()
    wanted = {works.EDGES: PACKAGE}
    rows = [Row(title, name, mine, time, wanted.get(name), gap) for name, time, gap in zip(names, theirs, gaps)]
    if work in MOST:
        rows.append(Row(title, "at most", mine, MOST[work], 1))
    return rows or [Row(title, "", mine)]


def edges():
    """The name of every edge, by reader and then by writer."""
    writers, found = ["embed"], []
    for n in range(LAYERS):
        own = [f"L{n}H{h}" for h in range(HEADS)]
        readers = [f"L{n}H{h}.{name}" for name in "qkv" for h in range(HEADS)]
        found += [f"{w} -> {r}" for r in readers for w in writers]
        found += [f"{w} -> L{n}.mlp" for w in writers + own]
        writers += [*own, f"L{n}.mlp"]
    return found + [f"{w} -> logits" for w in writers]


def exact(limits, folder, setup, rounds):
    """Some edges are measured, drawn at random; how long all would take is worked out of it."""
    every = edges()
    some = ", ".join(random.Random(0).sample(every, SAMPLE))
    title = f"exact effects of {SAMPLE:,} edges, one pair of 12 tokens"
    say(title)
    line = f"colosseum | patch each {some} from tower | effect"
    ids = f"let tower = prompt {other_of(folder, setup)}"
    path = folder / "exact.tsv"
    # Printed, as a plan that is saved is a plan of saving.
    path.write_text(run_summand(*setup, ids, f"plan {line}")[0])
    flops = float(read_table(path)["flops"][-1])
    ours = Summand(folder, [*setup, ids], f"{line} | top 1")
    try:
        ours.ask()
        time = median(alternate([ours.ask], max(1, rounds // 2))[0])
    finally:
        ours.close()
    limits.measure()
    rows = []
    if limits.fma:
        rows.append(Row(title, LIMIT, time, flops / limits.fma, 0.4, unit="%"))
    whole = f"all {len(every):,} edges, extrapolated from these"
    return [*rows, Row(whole, f"{MINUTES} minutes", time * len(every) / SAMPLE, MINUTES * 60, 1)]


def other_of(folder, setup):
    """The other prompt's tokens, as many as the first has."""
    tables = []
    for name in ("colosseum", "other"):
        run_summand(*setup, f"{name} | tokens | save '{folder}/{name}.tsv'")
        tables.append([int(x) for x in read_table(folder / f"{name}.tsv")["token_id"]])
    return mixed(*tables)
