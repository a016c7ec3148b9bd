"""Compares Summand with an earlier version: both take turns at the same works."""

import os
import re
import statistics

import harness
import works
from compare import say
from harness import Failed, Summand

# A work may take this much longer than it did.
ALLOWED = 0.03
# A work that looks slower is measured again, up to this many times.
PATIENCE = 4

LINES = {
    "12 tokens, last logits": "colosseum | rank",
    "32 prompts, last logits": "batch | rank",
    "384 tokens, last logits": "long | rank",
    "1,000 tokens, last logits": "longer | rank",
    "generate 128 tokens": "colosseum | generate 128",
    "270 ablations at the last position": "colosseum | ablate each heads@last | effect",
    "DLA by source, 32 prompts": "batch | dla by source",
}


def measure_against(folder, setup, earlier, rounds):
    """Rows of (work, seconds now, seconds then, change); the change is the median over pairs of turns."""
    rows = [row("process start to first DLA table", *starts(earlier), rounds)]
    for title, line in LINES.items():
        needed = used(setup, line)
        workers = []
        for name, binary in (("now", harness.SUMMAND), ("then", earlier)):
            place = folder / name
            place.mkdir(exist_ok=True)
            workers.append(Summand(place, needed, line, binary=binary))
        try:
            for worker in workers:
                worker.ask()
            rows.append(row(title, *(worker.ask for worker in workers), rounds))
        finally:
            for worker in workers:
                worker.close()
    return rows


def used(setup, line):
    """Of the lines that set Summand up, those that a line needs: an earlier version may not know the others."""
    kept, text = [], line
    for before in reversed(setup):
        name = re.match(r"let (\w+) = ", before)
        if not name or re.search(rf"\b{name[1]}\b", text):
            kept.insert(0, before)
            text += "\n" + before
    return kept


def starts(earlier):
    """A whole process each turn."""

    def start(binary):
        options = ["--threads", harness.threads(), "--model", "smollm2", "-c", works.START]
        return lambda: harness.run_process([binary, *options])[0]

    return start(harness.SUMMAND), start(earlier)


def row(title, now, then, rounds):
    say(f"  {title}")
    pairs = []
    for _ in range(PATIENCE):
        pairs += zip(*harness.alternate([now, then], rounds))
        if change(pairs) <= ALLOWED:
            break
    return (title, *(statistics.median(side) for side in zip(*pairs)), change(pairs))


def change(pairs):
    return statistics.median(a / b for a, b in pairs) - 1


def plain(rows):
    lines = [f"{'work':<40} {'now':>10} {'then':>10} {'change':>8}"]
    for title, now, then, more in rows:
        lines.append(f"{title:<40} {now * 1e3:>8.1f}ms {then * 1e3:>8.1f}ms {more:>+8.1%}")
    return "\n".join(lines)


def check(rows):
    slower = [title for title, _, _, more in rows if more > ALLOWED]
    if slower:
        raise Failed(f"more than {ALLOWED:.0%} slower: {'; '.join(slower)}")


def binary_of(path):
    if not os.access(path, os.X_OK):
        raise Failed(f"{path} is not a program")
    return path
