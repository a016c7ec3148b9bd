"""Hugging Face transformers: torch_transformers.py serve FOLDER, see peer.py."""

import sys

import torch
from transformers import AutoModelForCausalLM

import peer


def works(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    given = peer.inputs(folder)
    ids, long, longer = (torch.tensor([x]) for x in (given["colosseum"]["tokens"], given["long"], given["longer"]))
    rows, last = map(torch.tensor, peer.padded([p["tokens"] for p in given["prompts"]]))
    answers = torch.tensor([p["answer"] for p in given["prompts"]])
    every = torch.arange(len(rows))

    def batch():
        stream = model.model(rows, use_cache=False).last_hidden_state[every, last]
        return model.lm_head(stream)[every, answers]

    return {
        "forward": lambda: model(ids, use_cache=False, logits_to_keep=1).logits,
        "long": lambda: model(long, use_cache=False, logits_to_keep=1).logits,
        "longer": lambda: model(longer, use_cache=False, logits_to_keep=1).logits,
        "batch": batch,
    }


torch.set_num_threads(peer.THREADS)
with torch.inference_mode():
    peer.serve(works(sys.argv[2]))
