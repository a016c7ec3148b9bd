"""Reads the GGUF files of `families/models.py` and `families/quantized.py` with llama.cpp, whose converter they are like.

    python -m checks.against_llamacpp       needs the package llama-cpp-python

An oracle for layouts and keys, not for the last digits: llama.cpp multiplies in f16, and with quantized
weights it rounds what they are multiplied with to eight bits. What it printed when the fixtures were made:
see the README here.
"""

import numpy as np
from llama_cpp import Llama
from safetensors.numpy import load_file

from families.models import FAMILIES, TOKENS
from families.quantized import QUANTIZED


def main():
    for path in sorted(FAMILIES.glob("*/model.gguf")) + sorted(QUANTIZED.glob("*/model.gguf")):
        goldens = load_file(path.parent / "golden.safetensors")
        # It has no window for Mistral, whose files do not state one, and has switched off Phi-3's.
        wanted = goldens.get("logits.unwindowed", goldens["logits"])
        model = Llama(str(path), n_ctx=64, n_threads=1, logits_all=True, verbose=False)
        model.eval(TOKENS)
        found = np.array(model.scores[: len(TOKENS)])
        gaps = np.abs(found - wanted).max(axis=1)
        same = (found.argmax(axis=1) == wanted.argmax(axis=1)).sum()
        name = path.parent.relative_to(FAMILIES.parent)
        print(f"{name}: {gaps.max():.1e}, first {gaps[:4].max():.1e}, {same} of 12 argmaxes")


if __name__ == "__main__":
    main()
