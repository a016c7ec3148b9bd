"""TransformerLens, used as its documentation shows.

    torch_lens.py serve FOLDER      answers requests: see peer.py
    torch_lens.py start FOLDER      loads the model, prints one attribution table and ends
"""

import json
import sys
from pathlib import Path

import torch
import transformer_lens.patching as patching
from safetensors.torch import load_file
from transformer_lens import HookedTransformer, HookedTransformerConfig
from transformer_lens.utils import get_act_name

import peer


def config(c):
    width = c["hidden_size"] // c["num_attention_heads"]
    return HookedTransformerConfig(
        n_layers=c["num_hidden_layers"],
        d_model=c["hidden_size"],
        n_ctx=1024,
        d_head=width,
        n_heads=c["num_attention_heads"],
        n_key_value_heads=c["num_key_value_heads"],
        d_mlp=c["intermediate_size"],
        d_vocab=c["vocab_size"],
        act_fn="silu",
        eps=c["rms_norm_eps"],
        normalization_type="RMS",
        positional_embedding_type="rotary",
        rotary_adjacent_pairs=False,
        rotary_dim=width,
        rotary_base=c["rope_theta"],
        final_rms=True,
        gated_mlp=True,
        device="cpu",
        default_prepend_bos=False,
        init_weights=False,
    )


def state(w, cfg):
    """Hugging Face's names and layouts to TransformerLens'."""
    heads = {"Q": cfg.n_heads, "_K": cfg.n_key_value_heads, "_V": cfg.n_key_value_heads}
    zeros = torch.zeros
    found = {
        "embed.W_E": w["model.embed_tokens.weight"],
        "ln_final.w": w["model.norm.weight"],
        "unembed.W_U": w["model.embed_tokens.weight"].T.contiguous(),
        "unembed.b_U": zeros(cfg.d_vocab),
    }
    for n in range(cfg.n_layers):
        block, at = f"blocks.{n}.", lambda name: w[f"model.layers.{n}.{name}.weight"]
        for name, count in heads.items():
            x = at(f"self_attn.{name[-1].lower()}_proj").view(count, cfg.d_head, cfg.d_model)
            key, bias = (name, "b_Q") if name == "Q" else (name, "_b" + name)
            found[f"{block}attn.{'W_Q' if name == 'Q' else '_W' + name}"] = x.mT.contiguous()
            found[f"{block}attn.{bias}"] = zeros(count, cfg.d_head)
        o = at("self_attn.o_proj").T
        found[block + "attn.W_O"] = o.reshape(cfg.n_heads, cfg.d_head, cfg.d_model)
        found[block + "attn.b_O"] = zeros(cfg.d_model)
        found[block + "ln1.w"], found[block + "ln2.w"] = (
            at("input_layernorm"),
            at("post_attention_layernorm"),
        )
        for name, theirs in (("W_gate", "gate"), ("W_in", "up"), ("W_out", "down")):
            found[f"{block}mlp.{name}"] = at(f"mlp.{theirs}_proj").T.contiguous()
        found[block + "mlp.b_in"] = zeros(cfg.d_mlp)
        found[block + "mlp.b_out"] = zeros(cfg.d_model)
    return found


def load(folder):
    cfg = config(json.loads((Path(folder) / "config.json").read_text()))
    model = HookedTransformer(cfg)
    weights = state(load_file(Path(folder) / "model.safetensors"), model.cfg)
    missing = model.load_state_dict(weights, strict=False, assign=True).missing_keys
    missing = [m for m in missing if not m.endswith(("mask", "IGNORE", "rotary_sin", "rotary_cos"))]
    assert not missing, missing
    return model.eval()


def dla_of_heads(model, ids, last, answers):
    """[B, layers · heads], by stack_head_results."""
    wanted = lambda name: name.endswith(("hook_z", "ln_final.hook_scale"))
    _, cache = model.run_with_cache(ids, names_filter=wanted)
    results = cache.stack_head_results(layer=-1)  # [layers · heads, B, T, D]
    rows = torch.arange(len(ids))
    scale = cache["ln_final.hook_scale"][rows, last]
    direction = model.ln_final.w * model.W_U.T[answers] / scale
    return torch.einsum("cbd,bd->bc", results[:, rows, last], direction)


def logit_difference(logits, answer, foils):
    return logits[..., -1, answer] - logits[..., -1, foils].mean(-1)


def zeroing(head):
    def hook(z, hook):
        z[:, -1, head] = 0
        return z

    return hook


def zeroing_each(z, hook):
    """Row n of the batch loses head n."""
    heads = torch.arange(z.shape[2])
    z[heads, -1, heads] = 0
    return z


def ablate_one_by_one(model, ids, answer, foils):
    base = logit_difference(model(ids), answer, foils)
    edited = [
        model.run_with_hooks(ids, fwd_hooks=[(get_act_name("z", layer), zeroing(head))])
        for layer in range(model.cfg.n_layers)
        for head in range(model.cfg.n_heads)
    ]
    return torch.cat([logit_difference(x, answer, foils) - base for x in edited])


def ablate_by_layer(model, ids, answer, foils):
    """All heads of a layer in one batch, begun at that layer from the clean run's stream."""
    logits, cache = model.run_with_cache(ids, names_filter=lambda n: n.endswith("resid_pre"))
    base = logit_difference(logits, answer, foils)
    effects = []
    for layer in range(model.cfg.n_layers):
        stream = cache["resid_pre", layer].repeat(model.cfg.n_heads, 1, 1)
        with model.hooks(fwd_hooks=[(get_act_name("z", layer), zeroing_each)]):
            edited = model(stream, start_at_layer=layer)
        effects.append(logit_difference(edited, answer, foils) - base)
    return torch.cat(effects)


def patch_streams(model, ids, other, answer, foils):
    _, cache = model.run_with_cache(other, names_filter=lambda n: n.endswith("resid_pre"))
    base = logit_difference(model(ids), answer, foils)
    metric = lambda logits: logit_difference(logits, answer, foils)[0]
    return patching.get_act_patch_resid_pre(model, ids, cache, metric) - base


def works(folder):
    model, given = load(folder), peer.inputs(folder)
    one = given["colosseum"]
    answer, foils = one["answer"], one["foils"]
    ids, other = torch.tensor([one["tokens"]]), torch.tensor([given["other"]["tokens"]])
    rows, last = map(torch.tensor, peer.padded([p["tokens"] for p in given["prompts"]]))
    answers = torch.tensor([p["answer"] for p in given["prompts"]])
    every = torch.arange(len(rows))
    return {
        "forward": lambda: model(ids)[0, -1],
        "batch": lambda: model(rows)[every, last, answers],
        "dla-heads": lambda: dla_of_heads(model, rows, last, answers),
        "ablate": lambda: ablate_one_by_one(model, ids, answer, foils),
        "ablate-by-layer": lambda: ablate_by_layer(model, ids, answer, foils),
        "patch": lambda: patch_streams(model, ids, other, answer, foils),
    }


def start(folder):
    model, one = load(folder), peer.inputs(folder)["colosseum"]
    ids, last = torch.tensor([one["tokens"]]), [len(one["tokens"]) - 1]
    table = dla_of_heads(model, ids, last, [one["answer"]])
    peer.print_top(model.cfg.n_heads, table[0])


if __name__ == "__main__":
    torch.set_num_threads(peer.THREADS)
    torch.set_grad_enabled(False)
    if sys.argv[1] == "serve":
        peer.serve(works(sys.argv[2]))
    else:
        start(sys.argv[2])
