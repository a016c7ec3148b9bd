"""The models of `families/models.py` as GGUF: the names, layouts and keys that llama.cpp's converter writes.

Matrices are F16, vectors and learned positions F32, as its `--outtype f16` has them. Followed, family by
family: https://github.com/ggml-org/llama.cpp, `conversion/` (base, gpt2, gpt_neox, llama, qwen, gemma, phi).
"""

import math

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType, TokenType

from families.models import MERGE, vocabulary
from tiny.models import permuted

# Hugging Face's names to GGUF's; {n} is the layer.
LLAMA = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "model.layers.{n}.input_layernorm": "blk.{n}.attn_norm",
    "model.layers.{n}.self_attn.q_proj": "blk.{n}.attn_q",
    "model.layers.{n}.self_attn.k_proj": "blk.{n}.attn_k",
    "model.layers.{n}.self_attn.v_proj": "blk.{n}.attn_v",
    "model.layers.{n}.self_attn.o_proj": "blk.{n}.attn_output",
    "model.layers.{n}.post_attention_layernorm": "blk.{n}.ffn_norm",
    "model.layers.{n}.mlp.gate_proj": "blk.{n}.ffn_gate",
    "model.layers.{n}.mlp.up_proj": "blk.{n}.ffn_up",
    "model.layers.{n}.mlp.down_proj": "blk.{n}.ffn_down",
}
QK_NORMS = {
    "model.layers.{n}.self_attn.q_norm": "blk.{n}.attn_q_norm",
    "model.layers.{n}.self_attn.k_norm": "blk.{n}.attn_k_norm",
}
POST_NORMS = {
    "model.layers.{n}.post_attention_layernorm": "blk.{n}.post_attention_norm",
    "model.layers.{n}.pre_feedforward_layernorm": "blk.{n}.ffn_norm",
    "model.layers.{n}.post_feedforward_layernorm": "blk.{n}.post_ffw_norm",
}
FUSED = {
    "model.layers.{n}.self_attn.qkv_proj": "blk.{n}.attn_qkv",
    "model.layers.{n}.mlp.gate_up_proj": "blk.{n}.ffn_up",
}
NAMES = {
    "gpt2": {
        "transformer.wte": "token_embd",
        "transformer.wpe": "position_embd",
        "transformer.ln_f": "output_norm",
        "transformer.h.{n}.ln_1": "blk.{n}.attn_norm",
        "transformer.h.{n}.attn.c_attn": "blk.{n}.attn_qkv",
        "transformer.h.{n}.attn.c_proj": "blk.{n}.attn_output",
        "transformer.h.{n}.ln_2": "blk.{n}.ffn_norm",
        "transformer.h.{n}.mlp.c_fc": "blk.{n}.ffn_up",
        "transformer.h.{n}.mlp.c_proj": "blk.{n}.ffn_down",
    },
    "gptneox": {
        "gpt_neox.embed_in": "token_embd",
        "gpt_neox.final_layer_norm": "output_norm",
        "embed_out": "output",
        "gpt_neox.layers.{n}.input_layernorm": "blk.{n}.attn_norm",
        "gpt_neox.layers.{n}.attention.query_key_value": "blk.{n}.attn_qkv",
        "gpt_neox.layers.{n}.attention.dense": "blk.{n}.attn_output",
        "gpt_neox.layers.{n}.post_attention_layernorm": "blk.{n}.ffn_norm",
        "gpt_neox.layers.{n}.mlp.dense_h_to_4h": "blk.{n}.ffn_up",
        "gpt_neox.layers.{n}.mlp.dense_4h_to_h": "blk.{n}.ffn_down",
    },
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA | QK_NORMS,
    "gemma": LLAMA,
    "gemma2": LLAMA | POST_NORMS,
    "gemma3": LLAMA | POST_NORMS | QK_NORMS,
    "phi3": LLAMA | FUSED,
}


def tensors(family, config, state):
    """(name, f32 array) in the file's names and layout."""
    names = {
        old.format(n=n): new.format(n=n)
        for n in range(config.num_hidden_layers)
        for old, new in NAMES[family.gguf].items()
    }
    heads = config.num_attention_heads
    for name, x in state.items():
        module, _, kind = name.rpartition(".")
        new, x = names[module], x.numpy()
        part = new.rpartition(".")[2]
        if family.gguf == "llama" and part in ("attn_q", "attn_k"):
            x = permuted(x, heads if part == "attn_q" else config.num_key_value_heads)
        elif family.gguf == "gptneox" and part == "attn_qkv":  # [head, 3, …] to [3, head, …]
            x = x.reshape(heads, 3, -1, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
        elif family.gguf == "gpt2" and x.ndim == 2 and part not in ("token_embd", "position_embd"):
            x = x.T  # [in, out] to [out, in]
        elif family.gguf.startswith("gemma") and x.ndim == 1:
            x = x + 1
        narrow = x.astype(np.float32)
        assert (narrow == x).all(), name
        yield f"{new}.{kind}", narrow
    scaling = getattr(config, "rope_parameters", None) or {}
    if scaling.get("rope_type") == "llama3":
        yield "rope_freqs.weight", llama3_factors(config)
    if scaling.get("rope_type") == "longrope":
        yield "rope_factors_long.weight", np.array(scaling["long_factor"], np.float32)
        yield "rope_factors_short.weight", np.array(scaling["short_factor"], np.float32)


def llama3_factors(config):
    """What each frequency is divided by: 1 for short waves, `factor` for long ones, a blend between."""
    c, size = config.rope_parameters, config.head_dim
    waves = 2 * np.pi * c["rope_theta"] ** (np.arange(0, size, 2) / size)
    turns = c["original_max_position_embeddings"] / waves  # in the original context
    blend = (turns - c["low_freq_factor"]) / (c["high_freq_factor"] - c["low_freq_factor"])
    blend = np.clip(blend, 0, 1)
    assert (blend == 0).any() and (blend == 1).any() and ((blend > 0) & (blend < 1)).any()
    return (1 / ((1 - blend) / c["factor"] + blend)).astype(np.float32)


def write_keys(writer, family, c):
    arch, scaling = family.gguf, getattr(c, "rope_parameters", None) or {}
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    ffn = 4 * c.hidden_size if arch == "gpt2" else c.intermediate_size
    writer.add_feed_forward_length(list(family.widths) or ffn)
    writer.add_head_count(c.num_attention_heads)
    if arch == "gpt2":
        writer.add_layer_norm_eps(c.layer_norm_epsilon)
        return
    size = getattr(c, "head_dim", None)
    width = size or c.hidden_size // c.num_attention_heads
    rotary = int(width * scaling.get("partial_rotary_factor", 1.0))
    if arch == "gptneox":
        writer.add_layer_norm_eps(c.layer_norm_eps)
        writer.add_rope_dimension_count(rotary)
        writer.add_parallel_residual(c.use_parallel_residual)
        return
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    if size:
        writer.add_key_length(size)
        writer.add_value_length(size)
    if arch == "gemma3":
        writer.add_rope_freq_base(scaling["full_attention"]["rope_theta"])
        writer.add_rope_freq_base_swa(scaling["sliding_attention"]["rope_theta"])
        writer.add_sliding_window(c.sliding_window)
    elif not arch.startswith("gemma"):  # Gemma 1 and 2 leave it out: 10000
        writer.add_rope_freq_base(scaling["rope_theta"])
    if arch == "llama":
        writer.add_vocab_size(c.vocab_size)
        writer.add_rope_dimension_count(width)
    if arch == "gemma2":
        writer.add_attn_logit_softcapping(c.attn_logit_softcapping)
        writer.add_final_logit_softcapping(c.final_logit_softcapping)
        writer.add_sliding_window(c.sliding_window)
    if arch == "phi3":
        original = scaling.get("original_max_position_embeddings", c.original_max_position_embeddings)
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_dimension_count(rotary)
        writer.add_sliding_window(c.sliding_window or 0)
        if scaling["rope_type"] == "longrope":
            longer = c.max_position_embeddings / original
            writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(longer) / math.log(original)))


def write_tokenizer(writer):
    tokens = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] + [TokenType.NORMAL] * (len(tokens) - 1))
    writer.add_token_merges([" ".join(MERGE)])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)


def half(name, x):
    """As `--outtype f16` stores a tensor: (array, type)."""
    if x.ndim == 1 or name.startswith("position_embd"):
        return x, Type.F32
    narrow = x.astype(np.float16)
    assert (narrow == x).all(), name
    return narrow, Type.F16


def write_gguf(family, config, state, path, stored=half, file_type=LlamaFileType.MOSTLY_F16):
    writer = GGUFWriter(path, family.gguf)
    writer.add_name("random weights")  # llama.cpp looks for special tokens where a name says phi3
    writer.add_file_type(file_type)
    write_keys(writer, family, config)
    write_tokenizer(writer)
    for name, x in tensors(family, config, state):
        data, kind = stored(name, x)
        writer.add_tensor(name, np.ascontiguousarray(data), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
