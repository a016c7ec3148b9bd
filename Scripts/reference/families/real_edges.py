"""What `patch each edges … | attribute` and `| effect` must give of the default model, by torch in float64.

    python -m families.real_edges MODEL.gguf     into Tests/RuntimeTests/Fixtures/edges-smollm2.json

Some edges of one pair of prompts, drawn from those into a few readers: see families/edges.py. `eap` and `steps` are of
all of them, `exact` of the first.
"""

import random
import sys
from pathlib import Path

import torch
import transformers
from gguf import GGUFReader

from families import models as tiny
from families import real
from families.derivatives import CLEAN, DONOR, frozen
from families.edges import Pair, title, ungroup
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save_json

COUNT, MEASURED = 400, 40
READERS = [
    ("q", 1, 4), ("k", 3, 2), ("v", 3, 8), ("mlp", 0), ("mlp", 9), ("q", 11, 0), ("k", 14, 7), ("v", 17, 5),
    ("mlp", 19), ("q", 20, 3), ("v", 23, 4), ("k", 25, 1), ("q", 29, 1), ("v", 29, 6), ("mlp", 29), "logits",
]  # fmt: skip


def main(path):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    reader = GGUFReader(path)
    config, restored, tokenizer, _ = real.MODELS["smollm2"](reader, path)
    model = real.build(reader, config, restored, torch.float64)
    frozen(model)
    family = next(f for f in tiny.ALL if f.layout is tiny.LLAMA)
    ungroup(family, model)
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    mary, john = encode(" Mary")[0], encode(" John")[0]
    pair = Pair(family, model, encode(CLEAN), encode(DONOR), lambda x: x[mary] - x[john])
    chosen = [edge for edge in pair.edges if edge[1] in READERS]
    pair.edges = random.Random(0).sample(chosen, COUNT)
    rounded = lambda values: [float(f"{x:.10g}") for x in values]
    found = dict(
        clean=CLEAN, donor=DONOR, answer=" Mary", foil=" John",
        values=rounded([pair.clean.value.item(), pair.donor.value.item()]),
        edges=[f"{title(writer)} -> {title(reader)}" for writer, reader in pair.edges],
        eap=rounded(pair.estimates()),
        steps=rounded(pair.estimates([1 / 6, 3 / 6, 5 / 6])),
        exact=rounded(pair.exact([edge]) for edge in pair.edges[:MEASURED]),
    )  # fmt: skip
    print(len(chosen), "edges", found["values"], flush=True)
    save_json(COMMAND_FIXTURES / "edges-smollm2.json", found)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path]:
            main(Path(path))
        case _:
            sys.exit(__doc__)
