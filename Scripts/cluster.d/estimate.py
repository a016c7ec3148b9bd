"""estimate.py SUMMAND: what `Scripts/estimate` runs."""

import os, re, subprocess, sys, time

SUMMAND = os.path.abspath(sys.argv[1])
FACTS = 10_000
POSITIONS = 12
# Shapes: layers, heads, d_model, parameters of a layer, bytes of the weights, what they are stored as.
MODELS = {
    "SmolLM2 135M, Q4_1": (30, 9, 576, 3.54e6, 98e6),
    "Pythia 2.8B, F16": (32, 32, 2560, 78.7e6, 5.55e9),
    "Llama 8B, Q4_1": (32, 32, 4096, 218e6, 5.1e9),
}

FORMULA = """
runs        = layers × heads × positions × facts
rows        = positions / 2 × layers / 2            of a run: those after its position, in the layers above its head
operations  = 2 × rows × parameters of a layer      of a run
time        = runs × operations / rate / nodes + start
memory      = weights + 1 GB of activations         of each node, one process with all threads
"""


def ask(line):
    ended = subprocess.run([SUMMAND, "--model", "smollm2", "--format", "tsv", "-c", line], stdin=subprocess.DEVNULL,
                           capture_output=True, text=True, env=os.environ | {"SUMMAND_HISTORY": ""})
    if ended.returncode != 0:
        sys.exit(f"estimate: `{line}` failed: {ended.stderr}")
    return ended


def span(seconds):
    for unit, size in [("days", 86400), ("h", 3600), ("min", 60)]:
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def main():
    line = ('facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}" | take 2 '
            "| ablate each heads@* | effect | take 1")
    plan = dict(zip(*(row.split("\t") for row in ask("plan " + line).stdout.splitlines()[:2])))
    plan = {name.strip('"'): value for name, value in plan.items()}
    flops, runs = float(plan["flops"]), int(plan["runs"])
    took = re.search(r"took ([\d.]+) (\w+)", ask("time " + line).stderr)
    seconds = float(took[1]) * {"s": 1, "ms": 1e-3}[took[2]]
    start = time.monotonic()
    ask("model")
    start = time.monotonic() - start
    rate = flops / seconds
    layers, _, _, parameters, _ = MODELS["SmolLM2 135M, Q4_1"]
    ratio = flops / runs / (2 * POSITIONS / 2 * layers / 2 * parameters)
    print(f"Measured here, with {os.cpu_count()} threads: {runs:,} runs of SmolLM2 in {seconds:.1f} s, {rate / 1e9:.0f} GFLOP/s "
          f"(`plan` counts {ratio:.2f} times the operations of the formula); start {start:.2f} s")
    print(FORMULA)
    print(f"All heads × {POSITIONS} positions × {FACTS:,} facts:\n")
    print("| model | runs | memory of a node | 1 node | 10 nodes | 100 nodes |")
    print("| --- | --: | --: | --: | --: | --: |")
    for name, (layers, heads, _, parameters, weights) in MODELS.items():
        runs = layers * heads * POSITIONS * FACTS
        work = runs * 2 * POSITIONS / 2 * layers / 2 * parameters / rate
        # From a disk of 1 GB/s.
        loading = start + weights / 1e9
        times = " | ".join(span(work / nodes + loading) for nodes in [1, 10, 100])
        print(f"| {name} | {runs:,} | {(weights + 1e9) / 1e9:.1f} GB | {times} |")


main()
