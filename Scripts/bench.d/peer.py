"""What every Python peer shares: a process that is asked for works turn by turn.

A request is a line of JSON: {"work": NAME, "check": false, "seconds": AT_LEAST} is answered with
{"seconds": S}, the mean over as many as take that long; with "check" it is {"result": [floats]}, in the
order in which Summand prints its rows.
"""

import json
import os
import sys
import time
from pathlib import Path

THREADS = int(os.environ["BENCH_THREADS"])


def inputs(folder):
    return json.loads((Path(folder) / "inputs.json").read_text())


def padded(rows):
    """Ids filled up at the right, where a causal model does not see it, and each row's last place."""
    longest = max(map(len, rows))
    return [r + [0] * (longest - len(r)) for r in rows], [len(r) - 1 for r in rows]


def serve(works):
    """`works`: a function a work, without parameters, that gives a tensor or an array."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        work = works[request["work"]]
        if request["check"]:
            answer = {"result": [float(x) for x in work().reshape(-1)]}
        else:
            answer = {"seconds": timed(work, request["seconds"])}
        print(json.dumps(answer), file=answers, flush=True)


def timed(work, at_least):
    start, count = time.perf_counter(), 0
    while True:
        work()
        count += 1
        elapsed = time.perf_counter() - start
        if elapsed >= at_least:
            return elapsed / count


def print_top(heads, table, count=10):
    """The table that a first attribution prints: `table` is [layers, heads]."""
    values, places = table.flatten().topk(count)
    print("component\tdla")
    for value, place in zip(values.tolist(), places.tolist()):
        print(f"L{place // heads}H{place % heads}\t{value:.6f}")
