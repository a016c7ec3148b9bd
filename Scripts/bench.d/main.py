"""Runs the benchmark: see Scripts/bench."""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import against
import compare
import compare_circuits
import compare_features
import compare_products
import compare_reading
import compare_units
import large
import machine
import planned
import prompts
import report
import scale
import scaling
import works
from compare import Peers, say
from harness import Failed

HERE = Path(__file__).parent
PARTS = ("start", "works", "products", "reading", "circuits", "units", "scaling", "plan", "scale", "large")
# What a peer needs, and the name under which its version is asked for.
MODULES = {
    "torch": "torch",
    "transformer_lens": "transformer_lens",
    "auto_circuit": "auto-circuit",
    "transformers": "transformers",
    "llama_cpp": "llama-cpp-python",
    "numpy": "numpy",
    "mkl": "mkl",
    "gguf": "gguf",
    "safetensors": "safetensors",
}
PROBE = """
import importlib.metadata as m, sys
for name in sys.argv[1:]:
    try: print(name, m.version(name))
    except m.PackageNotFoundError: pass
"""


def arguments():
    parser = argparse.ArgumentParser(prog="Scripts/bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", action="append", choices=PARTS)
    parser.add_argument("--work", default="")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--against", metavar="PROGRAM")
    parser.add_argument("--python", required=True)
    parser.add_argument("--model", required=True)
    return parser.parse_args()


def versions(python):
    """The peers' packages that are installed, by module."""
    if not Path(python).exists():
        return {}
    command = [python, "-c", PROBE, *MODULES.values()]
    found = dict(line.split() for line in output(command).splitlines())
    return {module: found[name] for module, name in MODULES.items() if name in found}


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@dataclass
class Measured:
    """What the parts found. Those that take longest, or are measured apart, have tables of their own."""

    rows: list = field(default_factory=list)
    circuits: list = field(default_factory=list)
    units: list = field(default_factory=list)
    series: list = field(default_factory=list)
    plans: list = field(default_factory=list)
    scaled: list = field(default_factory=list)
    sizes: list = field(default_factory=list)

    def print(self):
        rows = self.rows + self.circuits + self.units
        if rows:
            print(report.plain(rows))
        for one in self.series:
            print(f"\n{one.title}\n{one.plot}")
        if self.plans:
            print(f"\n{planned.plain(self.plans)}")
        if self.scaled:
            print(f"\n{scale.plain(self.scaled)}")
        if self.sizes:
            print(f"\n{large.plain(self.sizes)}")

    def write(self, about):
        """Each table in its place; those that were not measured stay."""
        if self.rows or self.series or self.plans:
            report.write(report.ALL, report.section(about, self.rows, self.series, self.plans))
        for place, rows in ((report.CIRCUITS, self.circuits), (report.UNITS, self.units)):
            if rows:
                report.write(place, report.section(about, rows, [], []))
        if self.scaled:
            report.write(report.SCALE, f"{about}\n\n{scale.markdown(self.scaled)}")
        if self.sizes:
            report.write(report.LARGE, f"{about}\n\n{large.markdown(self.sizes)}")
        say(f"written to {report.DOCUMENT}")


def measure(options, parts, folder, installed, limits, found):
    """Puts what the parts find into `found`, as it comes."""
    weights, model = folder / "weights", options.model
    if {"gguf", "safetensors", "numpy"} <= set(installed):
        say("decoding the weights to f32 for the peers")
        output([options.python, HERE / "weights.py", model, weights])
    setup, texts = prompts.prepare(folder)
    where = {works.LLAMA: (weights, model), works.MKL: ("mkl", folder)}
    where |= {works.OPENBLAS: ("openblas", folder)}
    by_torch = (works.LENS, works.HAND, works.AUTOGRAD, works.EDGES, works.UNITS, works.FEATURES, works.TRANSFORMERS)
    where |= {peer: (weights,) for peer in by_torch}
    peers = Peers(options.python, installed, where)
    if "plan" in parts:
        found.plans += planned.measure_plans(folder, setup, options.rounds)
    try:
        if "start" in parts:
            found.rows += compare.measure_start(peers, os.path.getsize(model), options.rounds)
        if "works" in parts:
            for work in works.WORKS:
                if options.work not in work.title:
                    continue
                limits.measure()
                found.rows += compare.measure_work(work, peers, limits, folder, setup, options.rounds)
        if "products" in parts:
            found.rows += compare_products.measure_products(peers, limits, folder, options.rounds)
        if "reading" in parts:
            found.rows += compare_reading.measure_reading(folder, setup, texts, model, options.rounds)
        if "circuits" in parts:
            found.circuits.extend(
                compare_circuits.measure_circuits(
                    peers, limits, folder, setup, texts, model, options.rounds
                )
            )
        if "units" in parts:
            found.units += compare_units.measure_units(peers, folder, setup, texts, model, options.rounds)
            found.units += compare_features.measure_features(peers, folder, setup, texts, options.rounds)
    finally:
        peers.close()
    python = options.python if "gguf" in installed else None
    if "scaling" in parts:
        random = (python, model) if python else None
        found.series += scaling.measure_scaling(folder, options.rounds, texts, random)
    if "scale" in parts:
        found.scaled += scale.measure_scale(folder, texts, python, model, options.work)
    if "large" in parts and python:
        found.sizes += large.measure_large(folder, options.rounds, python, model, options.work)


def compare_with_earlier(options):
    with tempfile.TemporaryDirectory() as folder:
        try:
            setup, _ = prompts.prepare(Path(folder))
            earlier = against.binary_of(options.against)
            rows = against.measure_against(Path(folder), setup, earlier, options.rounds)
            print(against.plain(rows))
            against.check(rows)
        except Failed as error:
            sys.exit(f"Scripts/bench: {error}")


def main():
    options = arguments()
    os.environ["BENCH_THREADS"] = str(options.threads)
    parts = options.only or PARTS
    installed = versions(options.python)
    if options.against:
        return compare_with_earlier(options)
    if options.write:
        report.check_places()
    found = Measured()
    with tempfile.TemporaryDirectory() as folder:
        limits = machine.Limits(Path(folder))
        limits.measure()
        try:
            measure(options, parts, Path(folder), installed, limits, found)
        except Failed as error:
            # What was measured before took minutes: it is shown, though not written.
            found.print()
            sys.exit(f"Scripts/bench: {error}")
        finally:
            limits.close()
    facts = machine.describe({MODULES[m]: v for m, v in installed.items()})
    for name, value in facts.items():
        print(f"{name}: {value}")
    print(f"its best: {report.limits_text(limits)}\n")
    found.print()
    if options.write:
        found.write(report.circumstances(facts, limits, options.rounds))


if __name__ == "__main__":
    main()
