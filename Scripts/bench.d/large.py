"""Models as large as people have them: how soon they open, what a prompt takes, and how much memory."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from compare import say
from harness import SUMMAND, TOOK, Failed, median, run_process, seconds_of, threads

HERE = Path(__file__).parent
# Eleven tokens of every tokenizer that large_models.py writes.
PROMPT = 'let city = prompt "Fact: The city of Paris is in the country of" -> " France"'
# What is asked for: a second to open, and this much memory in addition to the file's size.
OPENS_WITHIN = 1.0
OVERHEAD = 500_000_000


@dataclass
class Shape:
    title: str
    verb: str  # of large_models.py
    name: str  # of the file or folder
    bytes: int  # about, for the disk


SHAPES = [
    Shape("Pythia-2.8B's shape, F16, safetensors", "pythia", "pythia-2.8b", 5_700_000_000),
    Shape("Llama 2 7B's shape, Q4_K, GGUF", "llama", "llama-7b.gguf", 3_900_000_000),
]


@dataclass
class Large:
    model: str
    bytes: int = 0
    opens: float = 0
    first: float = 0
    again: float = 0
    peak: int = 0
    skipped: str = ""

    @property
    def allowed(self):
        return self.bytes + OVERHEAD

    @property
    def reached(self):
        return self.opens < OPENS_WITHIN and self.peak <= self.allowed


def measure_large(folder, rounds, python, tokenizer, work):
    """Each model whose name has `work` in it is written, measured and deleted."""
    found = []
    for shape in SHAPES:
        if work not in shape.title:
            continue
        path = folder / shape.name
        say(f"large models: {shape.title}")
        if shutil.disk_usage(folder).free < 1.2 * shape.bytes:
            found.append(Large(shape.title, skipped=f"{folder} has not {shape.bytes / 1e9:.1f} GB free"))
            continue
        command = [python, HERE / "large_models.py", tokenizer, shape.verb, path]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found.append(measure(shape.title, path, rounds))
        except Failed as error:
            found.append(Large(shape.title, skipped=str(error).strip().splitlines()[0]))
        finally:
            path.unlink() if path.is_file() else shutil.rmtree(path, ignore_errors=True)
    return found


def measure(title, path, rounds):
    files = [path] if path.is_file() else sorted(path.iterdir())
    weights = [f for f in files if f.suffix in (".gguf", ".safetensors")]
    load = f"load '{path}'"
    repeated = ["time city | rank"] * (rounds + 1)
    opens, peaks, firsts, agains = [], [], [], []
    for _ in range(rounds):
        forget(files)
        opens.append(summand(load)[0])
        forget(files)
        _, peak, (first, *again) = summand(load, PROMPT, *repeated)
        peaks.append(peak)
        firsts.append(first)
        agains.append(median(again))
    size = sum(f.stat().st_size for f in weights)
    return Large(title, size, median(opens), median(firsts), median(agains), max(peaks))


def summand(*lines):
    """A process from beginning to end: its seconds, its peak memory, and what its `time` takes."""
    command = [SUMMAND, "--threads", threads(), "-c", "\n".join(lines)]
    wall, peak, _, said = run_process(command)
    return wall, peak, [seconds_of(took) for took in TOOK.finditer(said)]


def forget(files):
    """Takes files out of memory, where the system can, so that the next who reads them reads the disk."""
    for path in files if hasattr(os, "posix_fadvise") else []:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


HEAD = ("model", "weights", "opens", "first prompt", "again", "peak memory", "allowed", "reached")


def cells(row):
    if row.skipped:
        return (row.model, "skipped", "", "", "", "", "", row.skipped)
    times = (f"{row.opens * 1e3:.0f} ms", f"{row.first:.3g} s", f"{row.again:.3g} s")
    sizes = (f"{row.peak / 1e6:.0f} MB", f"{row.allowed / 1e6:.0f} MB")
    return (row.model, f"{row.bytes / 1e6:.0f} MB", *times, *sizes, "yes" if row.reached else "no")


def plain(found):
    table = [HEAD, *map(cells, found)]
    widths = [max(len(line[n]) for line in table) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in table
    )


def markdown(found):
    lines = [HEAD, ["---"] + ["--:"] * 6 + ["---"], *map(cells, found)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
