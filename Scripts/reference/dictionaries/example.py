"""The dictionary of `Examples/features`: random directions, which mean nothing, in the files of sparsify.

    python -m dictionaries.example     into Examples/features/random

As wide as the stream of SmolLM2-135M, BF16, four features of 32 at each position. It is not among the targets of
`make.py`: no test compares with it.
"""

import json

import torch
from safetensors.torch import save_file

from oracle.folders import ROOT

WIDTH, FEATURES, ACTIVE = 576, 32, 4


def main():
    folder = ROOT / "Examples/features/random"
    folder.mkdir(parents=True, exist_ok=True)
    random = torch.Generator().manual_seed(7)
    rows = torch.randn((FEATURES, WIDTH), generator=random)
    rows = rows / rows.norm(dim=1, keepdim=True)
    tensors = {
        "encoder.weight": rows,
        "encoder.bias": torch.full((FEATURES,), 0.5),
        "W_dec": rows,
        "b_dec": torch.zeros(WIDTH),
    }
    save_file({k: v.bfloat16().contiguous().clone() for k, v in tensors.items()}, folder / "sae.safetensors")
    settings = dict(activation="topk", k=ACTIVE, num_latents=FEATURES, d_in=WIDTH, transcode=False)
    (folder / "cfg.json").write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main()
