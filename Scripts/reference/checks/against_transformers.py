"""Holds the oracle against `transformers`, in float64 on CPU: python -m checks.against_transformers [SMOLLM2.gguf]

What it printed when the fixtures were made (transformers 5.23, torch 2.15): see the README here.
transformers keeps RMSNorm's and RoPE's inner arithmetic in f32, so gaps of about 1e-5 of the
values are its own.
"""

import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

from oracle import reference as oracle
from tiny.goldens import SMOLLM2_PROMPTS, TINY_PROMPTS
from oracle.folders import FIXTURES

TINY = ("tiny-gqa", "tiny-gqa.F32.gguf", "tiny-gqa.Q8_0.gguf", "tiny-mha", "tiny-mha.F32.gguf")
TINY += ("tiny-mha-bf16", "tiny-q6k.gguf")


def theirs(path):
    """Weights as they are in the file, widened to float64."""
    where, options = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    model = AutoModelForCausalLM.from_pretrained(
        where, dtype=torch.float32, attn_implementation="eager", **options
    )
    return model.double().eval()


def run_theirs(model, tokens):
    """Logits, streams [layers + 1, T, D], patterns, and each layer's z, mlp_pre and mlp_post."""
    inputs = {}

    def keep(name):
        return lambda module, args: inputs.update({name: args[0][0].numpy()})

    def keep_output(name):
        return lambda module, args, output: inputs.update({name: output[0].numpy()})

    hooks = []
    for n, layer in enumerate(model.model.layers):
        hooks += [
            layer.self_attn.o_proj.register_forward_pre_hook(keep(("z", n))),
            layer.self_attn.q_proj.register_forward_hook(keep_output(("q", n))),
            layer.self_attn.k_proj.register_forward_hook(keep_output(("k", n))),
            layer.self_attn.v_proj.register_forward_hook(keep_output(("v", n))),
            layer.self_attn.o_proj.register_forward_hook(keep_output(("attn_out", n))),
            layer.mlp.gate_proj.register_forward_hook(keep_output(("mlp_pre", n))),
            layer.mlp.down_proj.register_forward_pre_hook(keep(("mlp_post", n))),
            layer.mlp.down_proj.register_forward_hook(keep_output(("mlp_out", n))),
        ]
    with torch.no_grad():
        out = model(torch.tensor([tokens]), output_attentions=True, output_hidden_states=True)
    for hook in hooks:
        hook.remove()
    for n, pattern in enumerate(out.attentions):
        inputs["pattern", n] = pattern[0].numpy()
        inputs["resid_pre", n] = out.hidden_states[n][0].numpy()
    return out.logits[0].numpy(), inputs


def ablated_theirs(model, tokens, layer, columns, positions):
    """Logits after zeroing what W_O reads: the columns of one head's z."""

    def zero(module, args):
        x = args[0].clone()
        x[0, positions, columns] = 0
        return (x,)

    hook = model.model.layers[layer].self_attn.o_proj.register_forward_pre_hook(zero)
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0, -1].numpy()
    hook.remove()
    return logits


def compare(path, prompts):
    ours, other = oracle.load(path), theirs(path)
    width = ours.config.d_head
    for tokens in prompts:
        run, logits = oracle.capture(ours, tokens)
        their_logits, found = run_theirs(other, tokens)
        gaps = {"logits": np.abs(logits - their_logits).max()}
        for (site, layer), x in found.items():
            mine = run[site, layer]
            if site in ("q", "k", "v", "z"):
                mine = mine.swapaxes(0, 1).reshape(len(tokens), -1)
            gap = np.abs(mine - x).max() / np.abs(mine).max()
            gaps[site] = max(gaps.get(site, 0), gap)

        worst = 0
        for layer in range(0, ours.config.layers, max(1, ours.config.layers // 3)):
            for positions in ([len(tokens) - 1], list(range(len(tokens)))):
                head = (layer + 1) % ours.config.heads
                edit = oracle.Edit("z", layer, [head], positions)
                mine = oracle.rerun(ours, tokens, run, edit)
                columns = slice(head * width, (head + 1) * width)
                their = ablated_theirs(other, tokens, layer, columns, positions)
                worst = max(worst, np.abs(mine - their).max())
        gaps["logits, a head zeroed"] = worst
        print(path.name, len(tokens), "tokens:", ", ".join(f"{k} {v:.0e}" for k, v in gaps.items()))


def main():
    logging.disable_progress_bar()
    for name in TINY:
        compare(FIXTURES / name, TINY_PROMPTS.values())
    for path in map(Path, sys.argv[1:]):
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        prompt = SMOLLM2_PROMPTS["colosseum"]  # the other has digits, which this tokenizer loses
        assert tokenizer(prompt["text"]).input_ids == prompt["tokens"]
        compare(path, [p["tokens"] for p in SMOLLM2_PROMPTS.values()])


if __name__ == "__main__":
    main()
