"""The GGUF's weights as PyTorch's peers read them: f32 safetensors in Hugging Face's names.

    weights.py MODEL.gguf FOLDER

Every peer gets the same numbers that Summand multiplies with, each block decoded to f32.
"""

import json
import sys
from pathlib import Path

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors.numpy import save_file

LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
WHOLE = {"token_embd": "embed_tokens", "output_norm": "norm"}


def name_of(name):
    parts = name.removesuffix(".weight").split(".")
    if parts[0] == "blk":
        return f"model.layers.{parts[1]}.{LAYER[parts[2]]}.weight"
    return f"model.{WHOLE[parts[0]]}.weight"


def unpermuted(w, heads):
    """The converter to GGUF interleaves the halves of each head's rows; undo it."""
    return w.reshape(heads, -1, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def convert(path, folder):
    reader = GGUFReader(path)

    def key(name, default=None):
        field = reader.get_field(name)
        return default if field is None else field.contents()

    assert key("general.architecture") == "llama"
    heads = key("llama.attention.head_count")
    groups = {"attn_q": heads, "attn_k": key("llama.attention.head_count_kv", heads)}
    weights = {}
    for tensor in reader.tensors:
        w = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        for part, count in groups.items():
            if part in tensor.name:
                w = unpermuted(w, count)
        weights[name_of(tensor.name)] = np.ascontiguousarray(w)
    assert "output.weight" not in weights  # the unembedding is the embedding

    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    embedding = weights["model.embed_tokens.weight"]
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": embedding.shape[0],
        "hidden_size": embedding.shape[1],
        "intermediate_size": key("llama.feed_forward_length"),
        "num_hidden_layers": key("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": groups["attn_k"],
        "rms_norm_eps": key("llama.attention.layer_norm_rms_epsilon"),
        "rope_theta": key("llama.rope.freq_base", 10000.0),
        "max_position_embeddings": key("llama.context_length"),
        "hidden_act": "silu",
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(config))
    # The ids of tokens by their text, for the answers.
    tokens = {t.replace("Ġ", " "): i for i, t in enumerate(key("tokenizer.ggml.tokens"))}
    (folder / "tokens.json").write_text(json.dumps(tokens))


convert(sys.argv[1], Path(sys.argv[2]))
