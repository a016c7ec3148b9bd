"""Features of random transcoders, one for each layer: Summand and PyTorch by hand in turns."""

import json
import subprocess

import works
from compare import Row, agree, say
from compare_units import FEW, drawn
from harness import Summand, alternate, median

LAYER, SOME = 15, 100
WANTED = 2
GRAPH = "colosseum | graph top 100 logits 10"
# What is timed and what is compared, with how far apart both may be.
LINES = [
    ("attribution graph, 100 features", "graph", "graph", f"{GRAPH} | take 1",
     f'{GRAPH} | where target == "logit" and (contains(source, "F") or contains(source, "error"))', "weight", 1e-3),
    ("DLA by feature, 32 prompts", "dla", "dla", "batch | dla by feature | take 1",
     'batch | dla by feature | where contains(component, "error")', "dla", 1e-3),
    (f"examples of all features of a layer, {SOME} windows of 128 tokens", "examples", "few examples",
     f"windows | examples L{LAYER}F* | take 1", f"windows | take {FEW} | examples L{LAYER}F*", "value", 1e-3),
]  # fmt: skip


def measure_features(peers, folder, setup, texts, rounds):
    """Nothing where PyTorch is not installed, which writes the transcoders."""
    if not peers.has(works.FEATURES):
        return []
    say("writing random transcoders")
    windows = drawn(texts[0])
    (folder / "weights" / "windows.json").write_text(json.dumps(windows))
    subprocess.run(peers.command(works.FEATURES, "write"), check=True)
    hand = peers.get(works.FEATURES)
    layers = len(list((folder / "weights" / "transcoders").iterdir()))
    setup = [
        *setup,
        *(f'dictionary "{folder}/weights/transcoders/layer_{n}.safetensors" at L{n}.mlp_out as t{n} reads norm'
          for n in range(layers)),
        f"let windows = prompts [{', '.join(f'(prompt {ids})' for ids in windows[:SOME])}]",
    ]  # fmt: skip
    rows = []
    for title, work, check, line, compared, column, tolerance in LINES:
        say(title)
        ours = Summand(folder, setup, line, compared)
        try:
            ours.ask()
            gap = agree(title, works.FEATURES, hand.check(check), ours.checked(column), tolerance)
            mine, theirs = map(median, alternate([ours.ask, lambda: hand.ask(work)], rounds))
        finally:
            ours.close()
        rows.append(Row(title, works.FEATURES, mine, theirs, WANTED, gap))
    return rows
