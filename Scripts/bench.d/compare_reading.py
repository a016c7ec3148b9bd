"""What it costs to read more than one token's logits: a measure and what it cannot do without, in turns."""

import itertools

import harness
from compare import Row, say
from compare_products import PROGRAM
from harness import Summand, Worker, alternate, median, run_process, run_summand
from prompts import stream
from works import PREAMBLE

LINES, LENGTH = 100, 128
ALONE = "the same runs and products, nothing read"
# The line, what the worker computes for its tokens, and how many times as long the line may take.
READINGS = [
    ("loss of 100 lines of 128 tokens", "lines | loss", "logits", "lines", 1.15),
    ("lens at every position, one prompt of 12 tokens", "one | lens at @*", "lens", "one", 1.25),
    # Its table has 372,000 rows, which the products do not make.
    ("lens top 1000 at every position, one prompt of 12 tokens", "one | lens top 1000 at @*", "lens", "one", None),
]  # fmt: skip
# Two lines of the language, and how many times as long the first may take.
SWEEPS = [
    ("greater-than over 270 heads", "prob_diff", 1.2),
    ("270 heads by a metric of one's own", "(prob(answer) - prob(foils))", 1.2),
    ("270 heads by kl", "kl", 1.2),
    ("270 heads by js", "js", 1.2),
    ("270 heads by tv", "tv", 1.2),
]
# Two lines as well, that take turns by themselves.
PAIRS = [
    ("activations at one site, all prompts of country", "country | activations L14.resid_post@last", "country | rank", 1.15),
]  # fmt: skip
TOP, TOP_SECONDS = "colosseum | lens top 2000 at @last", 0.06
WAR = 'prompt "The war lasted from the year 1732 to the year 17" -> "5", "6", "7", "8", "9" vs "0", "1", "2"'
MANY, STREAMED, SAVED, SAVED_BYTES = 10_000, 1.15, 500, 1.2e6


def measure_reading(folder, setup, texts, model, rounds):
    return (
        against_the_runs(folder, setup, texts, model, rounds)
        + sweeps(folder, setup, rounds)
        + pairs(folder, setup, rounds)
        + [lens_top(folder, setup, rounds)]
        + streamed(folder)
        + [size_of_saved(folder)]
    )


def against_the_runs(folder, setup, texts, model, rounds):
    first, batch = texts
    text = stream(first, batch)
    lines = [[first, *itertools.islice(text, LENGTH - 1)] for _ in range(LINES)]
    prompts = {"lines": lines, "one": [lines[0][:12]]}
    for name, tokens in prompts.items():
        (folder / f"{name}.ids").write_text("\n".join(" ".join(map(str, ids)) for ids in tokens) + "\n")
    defined = ", ".join(f"(prompt {ids})" for ids in lines)
    setup = [*setup, f"let lines = [{defined}]", f'let one = prompt {prompts["one"][0]} -> " Italy"']
    worker = Worker([PROGRAM, harness.threads(), folder])
    rows = []
    try:
        for title, line, what, name, most in READINGS:
            say(title)
            request = f"runs {what} {model} {folder}/{name}.ids"
            runs = lambda: float(worker.say(request))
            ours = Summand(folder, setup, line)
            try:
                ours.ask()
                runs()
                mine, theirs = map(median, alternate([ours.ask, runs], rounds))
            finally:
                ours.close()
            rows.append(Row(title, ALONE, mine, theirs, most and round(1 / most, 2)))
    finally:
        worker.close()
    return rows


def in_turns(folder, setup, lines, rounds):
    """The median for each line. A script has one line: they take turns as processes."""
    folders = [folder / f"turn-{n}" for n in range(len(lines))]
    for other in folders:
        other.mkdir(exist_ok=True)
    workers = [Summand(f, setup, line) for f, line in zip(folders, lines)]
    try:
        for worker in workers:
            worker.ask()
        return list(map(median, alternate([w.ask for w in workers], rounds)))
    finally:
        for worker in workers:
            worker.close()


def pairs(folder, setup, rounds):
    rows = []
    for title, line, other, most in PAIRS:
        say(title)
        mine, theirs = in_turns(folder, setup, [line, other], rounds)
        rows.append(Row(title, f"`{other}`", mine, theirs, round(1 / most, 2)))
    return rows


def lens_top(folder, setup, rounds):
    title = "lens top 2000 at one position"
    say(title)
    (mine,) = in_turns(folder, setup, [TOP], rounds)
    return Row(title, "at most", mine, TOP_SECONDS, 1)


def sweeps(folder, setup, rounds):
    setup = [*setup, f"let war = {WAR}"]
    metrics = ["prob", *(metric for _, metric, _ in SWEEPS)]
    say("sweeps by other metrics than prob")
    lines = [f"war | ablate each heads@last | effect of {metric}" for metric in metrics]
    prob, *times = in_turns(folder, setup, lines, rounds)
    return [
        Row(title, "effect of prob", time, prob, round(1 / most, 2))
        for (title, _, most), time in zip(SWEEPS, times)
    ]


def roads(folder, count):
    path = folder / f"roads-{count}.tsv"
    path.write_text("subject\tanswer\n" + "".join(f"Road {n}\tItaly\n" for n in range(10_000, 10_000 + count)))
    return [*PREAMBLE, f"let many = facts '{path}' \"Fact: {{subject}} is in the country of\""]


def streamed(folder):
    """Whole processes, once each: what writes the activations of many prompts must not hold them."""
    title = f"activations of {MANY:,} prompts to a file"
    say(title)
    path = folder / "many.npz"
    lines = [f"many | activations L29.resid_post | save '{path}'", "many | rank | summary"]
    command = [harness.SUMMAND, "--threads", harness.threads(), "--memory", "1GB", "-c"]
    found = []
    for line in lines:
        wall, peak, *_ = run_process([*command, "\n".join([*roads(folder, MANY), line])])
        found.append((wall, peak))
    path.unlink()
    (mine, peak), (theirs, other) = found
    return [
        Row(title, "their last logits", mine, theirs, round(1 / STREAMED, 2)),
        Row("peak resident memory of that run", "that of their last logits", peak, other, unit="B"),
    ]


def size_of_saved(folder):
    say("the size of saved activations")
    path = folder / "saved.npz"
    run_summand(*roads(folder, SAVED), f"many | activations L14.resid_pre@last | save '{path}'")
    title = f"activations of {SAVED} prompts × 576 on disk"
    return Row(title, "at most", path.stat().st_size, SAVED_BYTES, 1, unit="B")
