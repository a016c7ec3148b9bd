"""Runs the benchmark: see Scripts/bench."""

import argparse
import os
import subprocess
import sys
import tempfile
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


def measure(options, parts, folder, installed, limits):
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
    rows, series = [], []
    plans = planned.measure_plans(folder, setup, options.rounds) if "plan" in parts else []
    try:
        if "start" in parts:
            rows += compare.measure_start(peers, os.path.getsize(model), options.rounds)
        if "works" in parts:
            for work in works.WORKS:
                if options.work not in work.title:
                    continue
                limits.measure()
                rows += compare.measure_work(work, peers, limits, folder, setup, options.rounds)
        if "products" in parts:
            rows += compare_products.measure_products(peers, limits, folder, options.rounds)
        if "reading" in parts:
            rows += compare_reading.measure_reading(folder, setup, texts, model, options.rounds)
        if "circuits" in parts:
            for row in compare_circuits.measure_circuits(
                peers, limits, folder, setup, texts, model, options.rounds
            ):
                rows.append(row)
        if "units" in parts:
            rows += compare_units.measure_units(peers, folder, setup, texts, model, options.rounds)
            rows += compare_features.measure_features(peers, folder, setup, texts, options.rounds)
    except Failed:
        # What was measured before took minutes: it is shown, though not written.
        if rows:
            print(report.plain(rows))
        raise
    finally:
        peers.close()
    if "scaling" in parts:
        random = (options.python, model) if "gguf" in installed else None
        series = scaling.measure_scaling(folder, options.rounds, texts, random)
    python = options.python if "gguf" in installed else None
    scaled = scale.measure_scale(folder, texts, python, model, options.work) if "scale" in parts else []
    sizes = []
    if "large" in parts and "gguf" in installed:
        sizes = large.measure_large(folder, options.rounds, options.python, model, options.work)
    return rows, series, plans, scaled, sizes


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
    with tempfile.TemporaryDirectory() as folder:
        limits = machine.Limits(Path(folder))
        limits.measure()
        try:
            rows, series, plans, scaled, sizes = measure(options, parts, Path(folder), installed, limits)
        except Failed as error:
            sys.exit(f"Scripts/bench: {error}")
        finally:
            limits.close()
    facts = machine.describe({MODULES[m]: v for m, v in installed.items()})
    for name, value in facts.items():
        print(f"{name}: {value}")
    print(f"its best: {report.limits_text(limits)}\n\n{report.plain(rows)}")
    for one in series:
        print(f"\n{one.title}\n{one.plot}")
    if plans:
        print(f"\n{planned.plain(plans)}")
    if scaled:
        print(f"\n{scale.plain(scaled)}")
    if sizes:
        print(f"\n{large.plain(sizes)}")
    if options.write:
        about = report.circumstances(facts, limits, options.rounds)
        if rows or series or plans:
            report.write(report.ALL, report.section(about, rows, series, plans))
        if scaled:
            report.write(report.SCALE, f"{about}\n\n{scale.markdown(scaled)}")
        if sizes:
            report.write(report.LARGE, f"{about}\n\n{large.markdown(sizes)}")
        say(f"written to {report.DOCUMENT}")


main()
