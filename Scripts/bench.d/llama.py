"""llama.cpp on the same quantized file: llama.py serve FOLDER MODEL.gguf, see peer.py."""

import sys

import numpy as np
from llama_cpp import Llama

import peer


def works(folder, path):
    given = peer.inputs(folder)
    model = Llama(
        path,
        n_ctx=1024,
        n_batch=1024,
        n_ubatch=1024,
        n_threads=peer.THREADS,
        n_threads_batch=peer.THREADS,
        verbose=False,
    )

    def logits(tokens):
        model.reset()
        model.eval(tokens)
        return np.ctypeslib.as_array(model._ctx.get_logits(), (model.n_vocab(),))

    def generate(tokens, count):
        """The first of the tokens, which are the same for all who round otherwise."""
        found = [logits(tokens).argmax()]
        while len(found) < count:
            model.eval([int(found[-1])])
            found.append(np.ctypeslib.as_array(model._ctx.get_logits(), (model.n_vocab(),)).argmax())
        return np.array(found[:4])

    one = given["colosseum"]["tokens"]
    return {
        "forward": lambda: logits(one),
        "long": lambda: logits(given["long"]),
        "longer": lambda: logits(given["longer"]),
        "generate": lambda: generate(one, 128),
    }


peer.serve(works(sys.argv[2], sys.argv[3]))
