"""The table of `dla by head | top 10` as one would write it by hand with PyTorch.

    pytorch.py convert MODEL.gguf FOLDER       as F32 safetensors, which PyTorch loads fastest
    pytorch.py dla FOLDER TEXT ANSWER
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(path, folder):
    path = Path(path)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name)
    # transformers does not save a model that it read from a GGUF, but a new one with its weights.
    del model.config.quantization_config
    clean = type(model)(model.config)
    clean.load_state_dict(model.state_dict())
    clean.save_pretrained(folder)
    AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name).save_pretrained(folder)


@torch.no_grad()
def dla(folder, text, answer):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    body, config = model.model, model.config

    z, final = [], []
    for layer in body.layers:
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _, args: z.append(args[0][0, -1]))
    body.norm.register_forward_pre_hook(lambda _, args: final.append(args[0][0, -1]))
    model(**tokenizer(text, return_tensors="pt"), logits_to_keep=1)

    token = tokenizer(answer).input_ids[0]
    scale = (final[0].pow(2).mean() + config.rms_norm_eps).sqrt()
    direction = body.norm.weight * model.lm_head.weight[token] / scale
    heads = config.num_attention_heads
    table = torch.stack(
        [
            ((layer.self_attn.o_proj.weight.T @ direction) * x).view(heads, -1).sum(-1)
            for layer, x in zip(body.layers, z)
        ]
    )
    for value, index in zip(*table.flatten().topk(10)):
        layer, head = divmod(index.item(), heads)
        print(f"L{layer}H{head}\t{layer}\t{head}\t{value.item():.6f}")


{"convert": convert, "dla": dla}[sys.argv[1]](*sys.argv[2:])
