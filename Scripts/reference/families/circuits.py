"""What `only`, `circuit` and `faithfulness` must give, by torch on transformers' models in float64.

    python -m families.circuits [NAME …]    all of them, or some; into Tests/RuntimeTests/Fixtures/circuits.json

The graph and the runs are those of `families.edges`. Circuits are chosen as EAP-IG chooses them: the best edges of all
(`topn`) or from the logits on (`greedy`), then pruned until nothing changes. A circuit is kept by patching all other
edges at once, with the donor's writers, with zeros, or with the mean over two donors. Along a path, what a reader gives is handed on to the next, heads held and MLPs held or not. Faithfulness, CPR and CMD are
MIB's, of means over two pairs of prompts.
"""

import random
import sys

import torch
import transformers

from families.edges import DONOR, Pair, Pass, built, graph, title
from families.models import ALL, TOKENS
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

FAMILIES = ["llama3", "qwen3", "gemma2", "gemma3", "gpt2", "gptj"]
SIZES = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0]
SECOND = [(5 * t + 11) % 90 for t in TOKENS]
SECOND_DONOR = [(3 * t + 7) % 90 if n in (1, 3) else t for n, t in enumerate(SECOND)]


def node(end):
    """The component that an end of an edge is a part of."""
    return ("head", *end[1:]) if end[0] in ("q", "k", "v") and len(end) == 3 else end


def pruned(edges):
    """Without components that nothing leads to, or that lead nowhere, until nothing changes."""
    kept = list(edges)
    while True:
        sources, ends = {w for w, _ in kept}, {node(r) for _, r in kept}
        fine = lambda n: n in ("embed", "logits") or n in sources and n in ends
        left = [(w, r) for w, r in kept if fine(w) and fine(node(r))]
        if len(left) == len(kept):
            return left
        kept = left


def topn(edges, scores, count, absolute):
    key = (lambda i: abs(scores[i])) if absolute else (lambda i: scores[i])
    return [edges[i] for i in sorted(range(len(edges)), key=lambda i: (-key(i), i))[:count]]


def greedy(edges, scores, count, absolute):
    chosen, present = [], {"logits"}
    size = {edge: abs(s) if absolute else s for edge, s in zip(edges, scores)}
    place = {edge: i for i, edge in enumerate(edges)}
    while len(chosen) < count:
        open_edges = [e for e in edges if node(e[1]) in present and e not in set(chosen)]
        if not open_edges:
            break
        best = min(open_edges, key=lambda e: (-size[e], place[e]))
        chosen.append(best)
        present.add(best[0])
    return chosen


def area(sizes, values):
    steps = list(zip(sizes, sizes[1:], values, values[1:]))
    return (
        sum((b - a) * (x + y) / 2 for a, b, x, y in steps),
        sum((b - a) * (abs(1 - x) + abs(1 - y)) / 2 for a, b, x, y in steps),
    )


def handed_on(pair, edge, rows, through_mlps):
    """A run in which the edge's reader alone sees `rows` of its writer, or sees them through MLPs too."""
    writer, reader = edge
    change = {pair.place(writer): lambda run: rows - run.written[writer]}
    changes = {reader: change}
    if through_mlps:
        for w, r in pair.edges:
            if r == reader or r == "logits":
                continue
            if r[0] in ("q", "k", "v"):
                # Heads read the clean stream.
                changes[r] = {"stream": lambda run, n=r[1]: pair.clean.entered[n] - run.entered[n]}
            elif w == writer:
                changes[r] = change
    with torch.no_grad():
        return Pass(pair.family, pair.model, pair.tokens, changes)


def along(pair, path, through_mlps=False):
    """The effect of a path: a writer, then readers."""
    writer, rows = path[0], pair.donor.written[path[0]]
    for reader in path[1:]:
        run = handed_on(pair, (writer, reader), rows, through_mlps)
        if reader == "logits":
            break
        writer, rows = node(reader), run.written[node(reader)]
    return (run.value - pair.clean.value).item()


PATHS = [
    [("head", 0, 1), ("q", 1, 2), "logits"], [("head", 0, 0), ("v", 1, 1), "logits"],
    ["embed", ("k", 1, 3), ("mlp", 1), "logits"], [("mlp", 0), ("k", 1, 0), "logits"],
    ["embed", ("mlp", 0), ("q", 1, 1), "logits"], ["embed", ("v", 1, 0), "logits"],
]  # fmt: skip


def of_family(family):
    model, _ = built(family)
    pairs = [Pair(family, model), Pair(family, model, SECOND, SECOND_DONOR)]
    edges = pairs[0].edges
    assert edges == graph(len(pairs[0].clean.layers), pairs[0].clean.heads, family.layout.parallel)
    names = [f"{title(w)} -> {title(r)}" for w, r in edges]
    number = {edge: i for i, edge in enumerate(edges)}
    rounded = lambda x: float(f"{x:.10g}")

    first = pairs[0]
    zeros = {w: torch.zeros_like(x) for w, x in first.donor.written.items()}
    if family.kind == "GPT2":
        # What enters the first layer has the positions too, which are no part of the embedding.
        zeros["embed"] = model.transformer.wpe.weight[: len(TOKENS)][None]
    means = {w: (x + pairs[1].donor.written[w]) / 2 for w, x in first.donor.written.items()}
    draw = random.Random(7)
    kept = []
    for share in (0.1, 0.5, 0.9):
        circuit = [edge for edge in edges if draw.random() < share]
        outside = [edge for edge in edges if edge not in set(circuit)]
        kept.append(
            dict(
                edges=[names[number[e]] for e in circuit],
                patch=rounded(first.exact(outside)), zero=rounded(first.exact(outside, zeros)),
                mean=rounded(first.exact(outside, means)),
            )
        )  # fmt: skip

    paths = [path for path in PATHS if all((a, b) in number for a, b in zip([node(n) for n in path], path[1:]))]
    paths = [
        dict(
            path=" -> ".join(title(n) for n in path), held=rounded(along(first, path)),
            through=rounded(along(first, path, True)),
        )
        for path in paths
    ]  # fmt: skip

    # What helps has a positive score: patching it makes the metric smaller.
    scores = [-(a + b) / 2 for a, b in zip(*(pair.estimates() for pair in pairs))]
    full = sum(pair.clean.value.item() for pair in pairs) / 2
    empty = full + sum(pair.exact(edges) for pair in pairs) / 2
    curves = []
    for choose in (topn, greedy):
        for absolute in (True, False):
            values, counts, last = [], [], []
            for size in SIZES:
                circuit = pruned(choose(edges, scores, int(size * len(edges)), absolute))
                outside = [edge for edge in edges if edge not in set(circuit)]
                value = full + sum(pair.exact(outside) for pair in pairs) / 2 if outside else full
                values.append((value - empty) / (full - empty))
                counts.append(len(circuit))
                if size == 0.1:
                    last = [names[number[e]] for e in edges if e in set(circuit)]
            cpr, cmd = area(SIZES, values)
            curves.append(
                dict(
                    way="greedy" if choose is greedy else "ranked", sign="absolute" if absolute else "signed",
                    edges=counts, faithfulness=[rounded(x) for x in values], cpr=rounded(cpr), cmd=rounded(cmd),
                    tenth=last,
                )
            )  # fmt: skip
    print(family.name, [c["edges"] for c in curves], curves[0]["faithfulness"], flush=True)
    return dict(
        family=family.name, tokens=[TOKENS, SECOND], donors=[DONOR, SECOND_DONOR], full=rounded(full),
        empty=rounded(empty), sizes=SIZES, kept=kept, paths=paths, curves=curves,
    )  # fmt: skip


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    chosen = [family for family in ALL if family.name in (names or FAMILIES)]
    save_json(COMMAND_FIXTURES / "circuits.json", dict(families=[of_family(family) for family in chosen]))


if __name__ == "__main__":
    main(sys.argv[1:])
