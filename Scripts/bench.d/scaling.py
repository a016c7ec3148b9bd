"""How Summand's cost grows: with prompts, their length, the model's size and the size of a sweep."""

import itertools
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness import median, run_summand
from compare import say
from prompts import stream
from works import PREAMBLE

HERE = Path(__file__).parent
PROMPTS = [1, 2, 4, 8, 16, 32, 64, 128, 256]
# Prompts whose activations are written while they are computed.
SAVED = [64, 256, 1024]
LENGTHS = [8, 16, 32, 64, 128, 256, 512, 1024]
SWEEPS = [
    "L14H{4}@last",
    "L{0,14,29}H*@last",
    "L{0,3,6,9,12,15,18,21,24,27}H*@last",
    "heads@last",
    "heads@10..11",
    "heads@8..11",
    "heads@4..11",
    "heads@*",
]
# Layers, d_model, heads, key/value heads, d_mlp: as SmolLM2-135M and -360M, TinyLlama-1.1B, SmolLM2-1.7B
# and SmolLM3-3B have them, all with SmolLM2's vocabulary.
SIZES = [
    (30, 576, 9, 3, 1536),
    (32, 960, 15, 5, 2560),
    (22, 2048, 32, 4, 5632),
    (24, 2048, 32, 32, 8192),
    (36, 2048, 16, 4, 11008),
]


# Fifty answers and fifty foils, as in greater-than.
METRICS = ["prob", "prob_diff", "(prob(answer) - prob(foils))", "logit_diff", "rank", "kl", "js", "tv", "overlap"]
WAR = '"The war lasted from the year 1732 to the year 17"'


@dataclass
class Series:
    title: str
    columns: tuple
    rows: list
    plot: str = ""


def measure_scaling(folder, rounds, tokens, sizes=None):
    """`tokens`: a first token and prompts to make text of. `sizes` writes a random model, where that can be."""
    found = [by_prompts(folder, rounds), by_length(rounds, tokens), by_sweep(rounds)]
    found.append(by_saved(folder, rounds))
    if sizes:
        found.append(by_size(folder, rounds, *sizes))
    for series in found:
        series.plot = draw(folder, series)
    return [*found, by_metric(rounds)]


def timed(lines, setup, rounds):
    """The median for each line, once for warmth not counted."""
    script = [f"time {line}" for line in lines for _ in range(rounds + 1)]
    _, times = run_summand(*setup, *script)
    each = rounds + 1
    return [median(times[n * each + 1 : (n + 1) * each]) for n in range(len(lines))]


def by_prompts(folder, rounds):
    say("how cost grows: prompts")
    path = folder / "numbers.tsv"
    path.write_text("subject\tanswer\n" + "".join(f"Road {n}\tItaly\n" for n in range(100, 356)))
    setup = [*PREAMBLE, f"let many = facts '{path}' \"Fact: {{subject}} is in the country of\""]
    times = timed([f"many | take {n} | rank" for n in PROMPTS], setup, rounds)
    return Series(
        "last logits of prompts of 13 tokens", ("prompts", "seconds"), list(zip(PROMPTS, times))
    )


def by_saved(folder, rounds):
    """Activations of the last layer, written to a file, next to the last logits of the same prompts: at most 1.15."""
    say("how cost grows: activations to a file")
    path = folder / "numbers.tsv"
    path.write_text("subject\tanswer\n" + "".join(f"Road {n}\tItaly\n" for n in range(1000, 1000 + max(SAVED))))
    setup = [*PREAMBLE, f"let many = facts '{path}' \"Fact: {{subject}} is in the country of\""]
    save = f"activations L29.resid_post | save '{folder / 'activations.npz'}'"
    lines = [f"many | take {n} | {measure}" for n in SAVED for measure in (save, "rank")]
    times = timed(lines, setup, rounds)
    rows = [(n, *times[2 * i : 2 * i + 2], times[2 * i] / times[2 * i + 1]) for i, n in enumerate(SAVED)]
    return Series(
        "activations of the last layer at all 14 positions to an .npz file, next to the last logits",
        ("prompts", "seconds", "logits_seconds", "ratio"),
        rows,
    )


def by_length(rounds, tokens):
    say("how cost grows: length")
    first, others = tokens
    ids = list(itertools.islice(stream(first, others), max(LENGTHS)))
    lines = [f'prompt {ids[:n]} -> " Italy" | rank' for n in LENGTHS]
    times = timed(lines, PREAMBLE, rounds)
    return Series("last logits of one prompt", ("tokens", "seconds"), list(zip(LENGTHS, times)))


def by_sweep(rounds):
    say("how cost grows: a sweep")
    setup = [*PREAMBLE]
    lines = [f"colosseum | ablate each {selector} | effect" for selector in SWEEPS]
    counts = [len(run_summand(*setup, line)[0].splitlines()) - 1 for line in lines]
    times = timed(lines, setup, rounds)
    return Series(
        "zero-ablating heads, one a run, of one prompt of 12 tokens",
        ("edits", "seconds"),
        list(zip(counts, times)),
    )


def by_metric(rounds):
    say("how cost grows: the metric of a sweep")
    setup = [
        *PREAMBLE,
        # Tokens that are no whole characters cannot be written.
        f'let best = prompt {WAR} | logits | top 140 | where not ("<0x" in token)',
        "let right = best | take 50",
        "let wrong = best | take -50",
        f"let war = prompt {WAR} -> (right.token) vs (wrong.token)",
    ]
    times = timed([f"war | ablate each heads@last | effect of {metric}" for metric in METRICS], setup, rounds)
    return Series(
        "zero-ablating 270 heads, by the metric, of 50 answers and 50 foils",
        ("metric", "seconds", "times_prob"),
        [(metric, time, time / times[0]) for metric, time in zip(METRICS, times)],
    )


def by_size(folder, rounds, python, tokenizer):
    """Each model is written, measured and deleted: the largest has 6 GB."""
    rows = []
    for size in SIZES:
        path = folder / "random.gguf"
        say(f"how cost grows: a model of {size[0]} layers of {size[1]}")
        command = [python, HERE / "random_model.py", tokenizer, path, *map(str, size)]
        try:
            count = int(subprocess.run(command, check=True, capture_output=True).stdout)
            setup = [*PREAMBLE[1:3]]
            line = "colosseum | rank"
            repeated = [f"time {line}"] * (rounds + 1)
            _, times = run_summand(f"time load '{path}'", *setup, *repeated)
        finally:
            path.unlink(missing_ok=True)
        loading, _, *passes = times
        rows.append((count / 1e6, median(passes), loading))
    return Series(
        "last logits of one prompt of 12 tokens, f16 models with random weights",
        ("million_weights", "seconds", "load_seconds"),
        rows,
    )


def draw(folder, series):
    """The plot that Summand draws of the table, as text."""
    path = folder / "series.tsv"
    lines = ["\t".join(series.columns)] + ["\t".join(f"{x:.6g}" for x in r) for r in series.rows]
    path.write_text("\n".join(lines) + "\n")
    across, up, *_ = series.columns
    return run_summand(f"read '{path}' | plot line {across}, {up}")[0].rstrip()
