"""Measures every work: Summand and its peers in turns, after what they computed was found to be the same."""

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path

import harness
import works
from harness import Failed, Peer, Summand, alternate, gap, median

HERE = Path(__file__).parent
LIMIT = "multiply-adds at their peak"
APART = "the same with nothing in common"


@dataclass
class Row:
    """One line of the table. `ratio` is the peer's time by Summand's, or what `unit` says."""

    work: str
    peer: str
    ours: float | None
    theirs: float | None = None
    target: float | None = None
    gap: float | None = None
    unit: str = "s"
    skipped: str = ""

    @property
    def ratio(self):
        return self.theirs / self.ours if self.ours and self.theirs else None

    @property
    def reached(self):
        return None if self.target is None or self.ratio is None else self.ratio >= self.target


def say(text):
    print(text, file=sys.stderr, flush=True)


class Peers:
    """The Python programs here, each started when it is first asked for."""

    PROGRAMS = {
        works.LENS: ("torch_lens.py", ("torch", "transformer_lens")),
        works.HAND: ("torch_hand.py", ("torch", "safetensors")),
        works.AUTOGRAD: ("torch_circuits.py", ("torch", "safetensors")),
        works.EDGES: ("torch_edges.py", ("torch", "transformer_lens", "auto_circuit")),
        works.UNITS: ("torch_units.py", ("torch", "safetensors")),
        works.FEATURES: ("torch_features.py", ("torch", "safetensors")),
        works.TRANSFORMERS: ("torch_transformers.py", ("torch", "transformers")),
        works.LLAMA: ("llama.py", ("llama_cpp",)),
        works.MKL: ("blas.py", ("numpy", "mkl")),
        works.OPENBLAS: ("blas.py", ("numpy",)),
    }

    def __init__(self, python, installed, arguments):
        self.python, self.installed, self.arguments = python, installed, arguments
        self.running = {}

    def has(self, peer):
        return all(module in self.installed for module in self.PROGRAMS[peer][1])

    def command(self, peer, verb=None):
        program, _ = self.PROGRAMS[peer]
        words = self.arguments[peer]
        return [self.python, HERE / program, *([verb] if verb else []), *words]

    def get(self, peer):
        if peer not in self.running:
            say(f"  starting {peer}")
            threads = harness.threads()
            limits = {f"{x}_NUM_THREADS": threads for x in ("OMP", "MKL", "OPENBLAS")}
            verb = None if peer in (works.MKL, works.OPENBLAS) else "serve"
            self.running[peer] = Peer(self.command(peer, verb), **limits)
        return self.running[peer]

    def close(self):
        for worker in self.running.values():
            worker.close()


def agree(work, peer, found, wanted, tolerance):
    """Fails where a peer computed something else: its time would mean nothing."""
    largest = gap(found, wanted)
    if not largest <= tolerance:
        raise Failed(
            f"{work}: {peer} gives {len(found)} numbers and Summand {len(wanted)},"
            f" the largest difference is {largest:.3g} where {tolerance:g} is allowed"
        )
    return largest


def measure_work(work, peers, limits, folder, setup, rounds):
    """A row for each peer and for the machine's limit, or one for Summand alone."""
    say(work.title)
    against = [a for a in work.against if peers.has(a.peer)]
    running = []
    try:
        ours = started(running, Summand(folder, setup, work.line, work.check))
        if work.apart:
            (folder / "apart").mkdir(exist_ok=True)
            apart = started(running, Summand(folder / "apart", setup, work.apart))
        gaps = [verify(work, a, peers, folder, setup, ours) for a in against]
        turns = [ours.ask] + [lambda a=a: peers.get(a.peer).ask(a.work) for a in against]
        turns += [apart.ask] if work.apart else []
        times = [median(t) for t in alternate(turns, rounds)]
    except NotMade as error:
        return [Row(work.title, "", None, skipped=str(error))]
    finally:
        for one in running:
            one.close()
    rows = [
        Row(work.title, label(a), times[0], seconds, a.target, gap)
        for a, seconds, gap in zip(against, times[1:], gaps)
    ]
    if work.apart:
        rows.append(Row(work.title, APART, times[0], times[-1], works.SHARING))
    if work.share and limits.fma:
        at_best = multiply_adds(work.line, setup) * 2 / limits.fma
        rows.append(Row(work.title, LIMIT, times[0], at_best, work.share, unit="%"))
    return rows or [Row(work.title, "", times[0])]


def multiply_adds(line, setup):
    """With weights, of the rows that Summand says it computed: what it shares and leaves out is not in them."""
    *_, said = harness.run_summand(*setup, f"time {line}", said=True)
    runs, rows, *_ = map(int, harness.COMPUTED.findall(said)[-1])
    return rows * works.LAYER_WEIGHTS + runs * works.UNEMBEDDING_WEIGHTS


class NotMade(Exception):
    """This Summand does not do the work."""


def started(running, summand):
    """Once it did its work; it is to be closed whatever comes."""
    running.append(summand)
    try:
        summand.ask()
    except Failed as error:
        raise NotMade(str(error).splitlines()[0]) from None
    return summand


def label(against):
    return f"{against.peer}, {against.note}" if against.note else against.peer


def verify(work, against, peers, folder, setup, ours):
    column = against.column or work.column
    if against.check:
        path = folder / "check-other.tsv"
        harness.run_summand(*setup, f"{against.check} | save '{path}'")
        wanted = [float(x) for x in harness.read_table(path)[column]]
    else:
        wanted = ours.checked(column)
    found = peers.get(against.peer).check(against.work)
    tolerance = against.tolerance or work.tolerance
    return agree(work.title, label(against), found, wanted, tolerance)


def measure_start(peers, model_bytes, rounds):
    """Whole processes: the time to the first table, and the memory that it took."""
    title = "process start to first DLA table"
    say(title)
    against = [a for a in works.START_AGAINST if peers.has(a.peer)]
    commands = [
        [harness.SUMMAND, "--threads", harness.threads()]
        + ["--model", "smollm2", "--format", "tsv", "-c", works.START]
    ] + [peers.command(a.peer, "start") for a in against]
    wanted, *found = (parts(harness.run_process(c)[2]) for c in commands)
    gaps = []
    for a, table in zip(against, found):
        # Equal parts may come in either order: compared by name.
        ordered = [table.get(name, float("nan")) for name in wanted]
        gaps.append(
            agree(title, a.peer, ordered, list(wanted.values()), works.START_TOLERANCE)
        )

    peaks = [[] for _ in commands]

    def turn(n):
        seconds, peak, *_ = harness.run_process(commands[n])
        peaks[n].append(peak)
        return seconds

    turns = [lambda n=n: turn(n) for n in range(len(commands))]
    times = [median(t) for t in alternate(turns, rounds)]
    memory = [max(p) for p in peaks]
    limit = works.memory_target(model_bytes)
    rows = [
        Row(title, a.peer, times[0], seconds, a.target, gap)
        for a, seconds, gap in zip(against, times[1:], gaps)
    ] or [Row(title, "", times[0])]
    size = "peak resident memory of that run"
    rows += [Row(size, "at most 1.3 × model file + 60 MB", memory[0], limit, 1, unit="B")]
    rows += [
        Row(size, a.peer, memory[0], peak, unit="B") for a, peak in zip(against, memory[1:])
    ]
    return rows


def parts(text):
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    return {row["component"]: float(row["dla"]) for row in rows}
