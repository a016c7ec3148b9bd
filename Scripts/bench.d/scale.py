"""Longer prompts, more of them and larger models than the other parts have, with the peak memory of each."""

import itertools
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import harness
import large
from compare import say
from compare_reading import roads
from harness import TOOK, Failed, run_process, seconds_of
from prompts import stream

HERE = Path(__file__).parent
# Layers, d_model, heads, key/value heads, d_mlp: Llama 3.2 1B, with SmolLM2's vocabulary.
LLAMA_1B = (16, 2048, 32, 8, 8192)
LENGTHS = (1000, 4000)
PROMPTS = 1500
# Of a model of 32 layers with 32 heads each, whose 1,024 would take as many times longer.
SWEEP = "ablate each L{0,10,21,31}H{0..7}@last | effect"


@dataclass
class Scaled:
    work: str
    seconds: float = 0
    peak: int = 0
    skipped: str = ""


def measure_scale(folder, texts, python, tokenizer, work):
    """Those whose names have `work` in them. `python` has gguf; None: random models cannot be written."""
    found = []
    parts = [
        (f"{PROMPTS:,} prompts of 13 tokens, SmolLM2-135M", many_prompts),
        ("1,000 and 4,000 tokens, Llama 3.2 1B's shape, f16", long_prompts),
        ("Llama 2 7B's shape, Q4_K", seven_billion),
    ]
    for title, measure in parts:
        if work not in title:
            continue
        say(f"scale: {title}")
        try:
            found += measure(folder, texts, python, tokenizer)
        except Failed as error:
            found.append(Scaled(title, skipped=str(error).strip().splitlines()[0]))
    return found


def timed(work, *lines):
    """What the last `time` of a process takes, and the peak memory of the whole process."""
    command = [harness.SUMMAND, "--threads", harness.threads(), "-c", "\n".join(lines)]
    _, peak, _, said = run_process(command)
    times = [seconds_of(took) for took in TOOK.finditer(said)]
    return Scaled(work, times[-1], peak)


def repeated(line):
    """Once for warmth."""
    return [f"time {line}"] * 2


def many_prompts(folder, *_):
    return [timed(f"last logits of {PROMPTS:,} prompts", *roads(folder, PROMPTS), *repeated("many | rank"))]


def long_prompts(folder, texts, python, tokenizer):
    path = folder / "llama-1b.gguf"
    first, batch = texts
    ids = list(itertools.islice(stream(first, batch), max(LENGTHS)))
    try:
        write(python, "random_model.py", tokenizer, path, *map(str, LLAMA_1B))
        return [
            timed(
                f"last logits of {n:,} tokens, Llama 3.2 1B's shape",
                f"load '{path}'",
                f'let long = prompt {ids[:n]} -> " Italy"',
                *repeated("long | rank"),
            )
            for n in LENGTHS
        ]
    finally:
        path.unlink(missing_ok=True)


def seven_billion(folder, _, python, tokenizer):
    shape = large.SHAPES[1]
    path = folder / shape.name
    if shutil.disk_usage(folder).free < 1.2 * shape.bytes:
        raise Failed(f"{folder} has not {shape.bytes / 1e9:.1f} GB free")
    try:
        write(python, "large_models.py", tokenizer, shape.verb, path)
        name = "Llama 2 7B's shape, Q4_K"
        first = [f"load '{path}'", large.PROMPT, "time city | rank"]
        large.forget([path])
        return [
            timed(f"{name}: first prompt, cold", *first),
            timed(f"{name}: first prompt, warm", *first),
            timed(f"{name}: 32 of 1,024 heads ablated", *first, *repeated(f"city | {SWEEP}")),
        ]
    finally:
        path.unlink(missing_ok=True)


def write(python, program, tokenizer, *words):
    if python is None:
        raise Failed("random models need Python's gguf: Scripts/bench --peers")
    command = [python, HERE / program, tokenizer, *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


HEAD = ("work", "takes", "peak memory")


def cells(row):
    if row.skipped:
        return (row.work, "skipped", row.skipped)
    return (row.work, f"{row.seconds:.3g} s", f"{row.peak / 1e6:.0f} MB")


def plain(found):
    table = [HEAD, *map(cells, found)]
    widths = [max(len(line[n]) for line in table) for n in range(len(HEAD))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in table)


def markdown(found):
    lines = [HEAD, ["---", "--:", "--:"], *map(cells, found)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
