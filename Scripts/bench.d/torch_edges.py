"""Edge attribution patching by AutoCircuit, on a model of TransformerLens.

    torch_edges.py serve FOLDER      answers requests: see peer.py
"""

import json
import sys
import types
from pathlib import Path

import torch
import transformer_lens

import peer
from torch_lens import load

# It was written for the names of TransformerLens 1 and 2.
transformer_lens.HookedTransformerKeyValueCache = transformer_lens.TransformerLensKeyValueCache
caching = types.ModuleType("transformer_lens.past_key_value_caching")
caching.HookedTransformerKeyValueCache = transformer_lens.TransformerLensKeyValueCache
sys.modules[caching.__name__] = caching

from auto_circuit.data import PromptDataLoader, PromptDataset  # noqa: E402
from auto_circuit.prune_algos.mask_gradient import mask_gradient_prune_scores  # noqa: E402
from auto_circuit.utils.graph_utils import patchable_model  # noqa: E402


def patchable(folder):
    model = load(folder)
    model.set_use_attn_result(True)
    model.set_use_split_qkv_input(True)
    model.set_use_hook_mlp_in(True)
    model.set_ungroup_grouped_query_attention(True)
    model.requires_grad_(False)
    return patchable_model(model, factorized=True, slice_output="last_seq", separate_qkv=True)


def loader(clean, donors, answer):
    answers = [torch.tensor([answer])] * len(clean)
    pairs = PromptDataset(torch.tensor(clean), torch.tensor(donors), answers, answers)
    return PromptDataLoader(pairs, seq_len=None, diverge_idx=0, batch_size=len(clean))


def edges(model, pairs):
    """Every edge's score, the mean over prompts: by reader, then by writer. A loss falls where the answer's logit rises."""
    options = {"grad_function": "logit", "answer_function": "avg_val", "mask_val": 0.0}
    scores = mask_gradient_prune_scores(model, pairs, None, **options)
    layers = range(model.cfg.n_layers)
    names = [[*(f"blocks.{n}.hook_{x}_input" for x in "qkv"), f"blocks.{n}.hook_mlp_in"] for n in layers]
    order = [*sum(names, []), f"blocks.{layers[-1]}.hook_resid_post"]
    return -torch.cat([scores[name].flatten() for name in order])


def works(folder):
    model, given = patchable(folder), json.loads((Path(folder) / "circuits.json").read_text())
    pick = lambda name, count: given[name][:count]
    sets = {"eap-one": (pick("clean", 1), pick("donor", 1)), "eap-even": (given["even"], given["even donor"])}
    return {
        work: lambda pairs=loader(clean, donors, given["answer"]): edges(model, pairs)
        for work, (clean, donors) in sets.items()
    }


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    peer.serve(works(sys.argv[2]))
