"""A model of any size with random weights in f16, and the tokenizer of another file.

    random_model.py MODEL.gguf OUT.gguf LAYERS D_MODEL HEADS KV_HEADS D_MLP

What a pass costs does not depend on what the weights are, so this stands for models that are not here.
"""

import sys

import numpy as np
from gguf import GGUFReader, GGUFValueType, GGUFWriter


def copy_tokenizer(reader, writer):
    for name, field in reader.fields.items():
        if not name.startswith("tokenizer."):
            continue
        kind, inner = field.types[0], field.types[-1]
        if kind == GGUFValueType.ARRAY:
            writer.add_array(name, field.contents())
        else:
            writer.add_key_value(name, field.contents(), inner)


def shapes(vocabulary, layers, d_model, heads, kv_heads, d_mlp):
    keys = d_model // heads * kv_heads
    yield "token_embd.weight", (vocabulary, d_model)
    yield "output_norm.weight", (d_model,)
    for n in range(layers):
        yield f"blk.{n}.attn_norm.weight", (d_model,)
        yield f"blk.{n}.attn_q.weight", (d_model, d_model)
        yield f"blk.{n}.attn_k.weight", (keys, d_model)
        yield f"blk.{n}.attn_v.weight", (keys, d_model)
        yield f"blk.{n}.attn_output.weight", (d_model, d_model)
        yield f"blk.{n}.ffn_norm.weight", (d_model,)
        yield f"blk.{n}.ffn_gate.weight", (d_mlp, d_model)
        yield f"blk.{n}.ffn_up.weight", (d_mlp, d_model)
        yield f"blk.{n}.ffn_down.weight", (d_model, d_mlp)


def write(source, path, layers, d_model, heads, kv_heads, d_mlp):
    reader = GGUFReader(source)
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(layers)
    writer.add_context_length(8192)
    writer.add_embedding_length(d_model)
    writer.add_feed_forward_length(d_mlp)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    vocabulary = len(reader.get_field("tokenizer.ggml.tokens").data)
    writer.add_vocab_size(vocabulary)
    copy_tokenizer(reader, writer)

    tensors = list(shapes(vocabulary, layers, d_model, heads, kv_heads, d_mlp))
    for name, shape in tensors:
        half = len(shape) == 2
        writer.add_tensor_info(
            name,
            shape,
            np.dtype(np.float16 if half else np.float32),
            int(np.prod(shape)) * (2 if half else 4),
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    # The same numbers again and again: drawing billions would take longer than all else.
    pool = np.random.default_rng(0).normal(0, 0.02, 1 << 22).astype(np.float16)
    for _, shape in tensors:
        half = len(shape) == 2
        writer.write_tensor_data(np.resize(pool, shape) if half else np.ones(shape, np.float32))
    writer.close()
    print(sum(int(np.prod(shape)) for _, shape in tensors))


source, path, *sizes = sys.argv[1:]
write(source, path, *map(int, sizes))
