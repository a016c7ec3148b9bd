"""Writes Sources/Runtime/Models/references.tsv, which `verify` holds a model against, from the goldens.

    python -m tiny.recorded MODEL     the default model's file, for its name and size
"""

import json
import sys
from pathlib import Path

from oracle.folders import FIXTURES, RECORDED


HEADER = """\
# Logits at the last position of prompts, which Summand did not compute: `verify` holds a model against them.
# Written by Scripts/reference/tiny/recorded.py.
# file	bytes	token ids	the largest logits, each with its token's id
"""


def rows(model):
    for prompt in json.loads((FIXTURES / "smollm2.json").read_text())["prompts"]:
        top = prompt["top"][-1]
        assert top["position"] == len(prompt["tokens"]) - 1
        logits = " ".join(f"{i}={x}" for i, x in zip(top["ids"], top["logits"]))
        yield [model.name, str(model.stat().st_size), " ".join(map(str, prompt["tokens"])), logits]


def main():
    model = Path(sys.argv[1])
    RECORDED.write_text(HEADER + "".join("\t".join(row) + "\n" for row in rows(model)))


if __name__ == "__main__":
    main()
