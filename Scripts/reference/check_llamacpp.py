"""Reads the GGUF files of `families.py` with llama.cpp, which wrote the converter that they are like.

    python check_llamacpp.py       needs the package llama-cpp-python

An oracle for layouts and keys, not for the last digits: llama.cpp multiplies in f16. What it printed when the
fixtures were made: see the README here.
"""

import numpy as np
from llama_cpp import Llama
from safetensors.numpy import load_file

from families import ALL, FAMILIES, TOKENS


def main():
    for family in ALL:
        if family.gguf is None:
            continue
        folder = FAMILIES / family.name
        goldens = load_file(folder / "golden.safetensors")
        # It has no window for Mistral, whose files do not state one, and has switched off Phi-3's.
        wanted = goldens.get("logits.unwindowed", goldens["logits"])
        model = Llama(str(folder / "model.gguf"), n_ctx=64, n_threads=1, logits_all=True, verbose=False)
        model.eval(TOKENS)
        found = np.array(model.scores[: len(TOKENS)])
        gaps = np.abs(found - wanted).max(axis=1)
        same = (found.argmax(axis=1) == wanted.argmax(axis=1)).sum()
        print(f"{family.name}: {gaps.max():.1e}, first {gaps[:4].max():.1e}, {same} of 12 argmaxes")


if __name__ == "__main__":
    main()
