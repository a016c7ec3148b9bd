"""Writes numbers and their histograms as numpy counts them: into ranges of equal width, and into given ones.

    pip install numpy
    python -m formats.histograms
"""

import json

import numpy as np

from oracle.folders import COMMAND_FIXTURES


def main():
    draw = np.random.default_rng(19)
    sets = {
        "normal": [round(float(x), 6) for x in draw.normal(0.5, 1.25, 200)],
        "skewed": [round(float(x), 6) for x in draw.exponential(3.0, 97)],
        "edges": [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 0.5],
        "negative": [-3.5, -3.25, -1.0, -0.5, -0.5],
    }
    cases = []
    for name, values in sets.items():
        for bins in (1, 4, 7, 20):
            counts, edges = np.histogram(values, bins=bins)
            cases.append(
                {"set": name, "bins": bins, "first": float(edges[0]), "width": float(edges[1] - edges[0]),
                 "counts": counts.tolist()})
    # Where the rule of Freedman and Diaconis is left to choose, ranges are at round numbers.
    for name, edges in (("normal", np.arange(-3, 5, 0.5)), ("edges", np.arange(0, 1.2, 0.2))):
        values = np.array(sets[name])
        first = int(np.floor((values.min() - edges[0]) / (edges[1] - edges[0])))
        edges = edges[first:]
        last = int(np.ceil((values.max() - edges[0]) / (edges[1] - edges[0])))
        edges = edges[: last + 1]
        counts, _ = np.histogram(values, bins=edges)
        cases.append({"set": name, "bins": None, "first": float(edges[0]), "width": float(edges[1] - edges[0]),
                      "counts": counts.tolist()})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (COMMAND_FIXTURES / "histograms.json").write_text(
        '{"sets": ' + json.dumps(sets) + ',\n"cases": [\n' + lines + "\n]}\n")


if __name__ == "__main__":
    main()
