"""Writes models of the size that people have, with random weights and the tokenizer of another file.

    large_models.py SOURCE.gguf pythia FOLDER [LAYERS]     as Pythia-2.8B: f16 in safetensors, 5.6 GB
    large_models.py SOURCE.gguf llama FILE.gguf [LAYERS]   as Llama 2 7B: Q4_K and Q6_K, 3.8 GB

What opening and a pass cost does not depend on what the weights are. Tensors are written one by one from a
pool of random numbers, so that this needs little memory itself.
"""

import json
import struct
import sys
from math import prod
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFWriter
from gguf.constants import GGML_QUANT_SIZES

RANDOM = np.random.default_rng(0)
SHARD_BYTES = 2_000_000_000


class Source:
    """The tokenizer of a GGUF file, by byte pairs."""

    def __init__(self, path):
        fields = GGUFReader(path).fields
        value = lambda key: fields["tokenizer.ggml." + key].contents()
        assert value("model") == "gpt2"
        self.tokens, self.types = value("tokens"), value("token_type")
        self.merges, self.pre = value("merges"), value("pre")

    def first(self, count):
        """Its first tokens, and the merges that need no other: a smaller tokenizer that is one too."""
        known = set(self.tokens[:count])
        whole = lambda merge: merge.replace(" ", "", 1) in known and known.issuperset(merge.split(" "))
        return self.tokens[:count], self.types[:count], [m for m in self.merges if whole(m)]


# Pythia-2.8B, as Hugging Face has it

PYTHIA = {
    "architectures": ["GPTNeoXForCausalLM"],
    "bos_token_id": 0,
    "eos_token_id": 0,
    "hidden_act": "gelu",
    "hidden_size": 2560,
    "initializer_range": 0.02,
    "intermediate_size": 10240,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 2048,
    "model_type": "gpt_neox",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "rotary_emb_base": 10000,
    "rotary_pct": 0.25,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
    "transformers_version": "4.24.0",
    "use_cache": True,
    "use_parallel_residual": True,
    "vocab_size": 50304,
}


def pythia_shapes(c):
    width, mlp = c["hidden_size"], c["intermediate_size"]
    linear = {
        "attention.query_key_value": (3 * width, width),
        "attention.dense": (width, width),
        "mlp.dense_h_to_4h": (mlp, width),
        "mlp.dense_4h_to_h": (width, mlp),
    }
    norm = lambda name: {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    found = {"gpt_neox.embed_in.weight": (c["vocab_size"], width)}
    for n in range(c["num_hidden_layers"]):
        layer = f"gpt_neox.layers.{n}."
        found |= norm(layer + "input_layernorm") | norm(layer + "post_attention_layernorm")
        for name, shape in linear.items():
            found |= {f"{layer}{name}.weight": shape, f"{layer}{name}.bias": shape[:1]}
    found |= norm("gpt_neox.final_layer_norm")
    return found | {"embed_out.weight": (c["vocab_size"], width)}


def write_pythia(source, folder, layers=32):
    folder.mkdir(parents=True, exist_ok=True)
    config = PYTHIA | {"num_hidden_layers": layers}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    write_tokenizer(source, folder)

    shards = [{}]
    for name, shape in pythia_shapes(config).items():
        if sum(map(prod, shards[-1].values())) * 2 + prod(shape) * 2 > SHARD_BYTES:
            shards.append({})
        shards[-1][name] = shape
    files = [f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)]
    for file, shapes in zip(files, shards):
        write_shard(folder / file, shapes)
    total = 2 * sum(prod(shape) for shapes in shards for shape in shapes.values())
    where = {name: file for file, shapes in zip(files, shards) for name in shapes}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(where.items()))}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")


def write_shard(path, shapes):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * prod(shape)
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    pool = RANDOM.normal(0, 0.02, 1 << 22).astype("<f2")
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            is_gain = name.endswith("norm.weight")
            np.resize(np.ones(1, "<f2") if is_gain else pool, shape).tofile(file)


def write_tokenizer(source, folder):
    """As GPT-NeoX's is written. The vocabulary is smaller than the model's, as Pythia's is."""
    special = [
        dict(id=n, content=token, single_word=False, lstrip=False, rstrip=False)
        | dict(normalized=False, special=True)
        for n, (token, kind) in enumerate(zip(source.tokens, source.types))
        if kind == 3
    ]
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=True)
    model = dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None)
    model |= dict(end_of_word_suffix=None, fuse_unk=False, byte_fallback=False)
    model |= dict(vocab={token: n for n, token in enumerate(source.tokens)}, merges=source.merges)
    tokenizer = dict(version="1.0", truncation=None, padding=None, added_tokens=special)
    tokenizer |= dict(normalizer={"type": "NFC"}, pre_tokenizer=byte_level)
    tokenizer |= dict(post_processor=byte_level, decoder=byte_level, model=model)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    config = dict(tokenizer_class="GPTNeoXTokenizer", bos_token=source.tokens[0])
    config |= dict(eos_token=source.tokens[0], unk_token=source.tokens[0], add_prefix_space=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


# Llama 2 7B, as llama.cpp quantizes it

WIDTH, MLP, HEADS, VOCABULARY = 4096, 11008, 32, 32000


def llama_shapes(layers):
    matrix = lambda rows, columns: (rows, columns, Type.Q4_K)
    norm = (WIDTH, 1, Type.F32)
    yield "token_embd.weight", matrix(VOCABULARY, WIDTH)
    yield "output_norm.weight", norm
    yield "output.weight", (VOCABULARY, WIDTH, Type.Q6_K)
    for n in range(layers):
        yield f"blk.{n}.attn_norm.weight", norm
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{n}.{part}.weight", matrix(WIDTH, WIDTH)
        yield f"blk.{n}.ffn_norm.weight", norm
        for part in ("ffn_gate", "ffn_up"):
            yield f"blk.{n}.{part}.weight", matrix(MLP, WIDTH)
        yield f"blk.{n}.ffn_down.weight", matrix(WIDTH, MLP)


def block_pool(kind):
    """Random blocks, of weights about 0.02 large."""
    blocks = RANDOM.integers(0, 256, (1 << 14, GGML_QUANT_SIZES[kind][1]), np.uint8)
    halves = lambda x: np.frombuffer(np.float16(x).tobytes(), np.uint8)
    if kind == Type.Q4_K:  # d · scale · quant − dmin · minimum: the two halves stand first
        blocks[:, 0:2], blocks[:, 2:4] = halves(8e-5), halves(6e-4)
    else:  # d · scale · (quant − 32): the half stands last
        blocks[:, 208:210] = halves(1.5e-5)
    return blocks.ravel()


def write_llama(source, path, layers=32):
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(VOCABULARY)
    tokens, types, merges = source.first(VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(source.pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(False)

    def stored(rows, columns, kind):
        """The shape in bytes of a matrix; of a vector, its length."""
        if kind == Type.F32:
            return (rows,)
        elements, size = GGML_QUANT_SIZES[kind]
        return rows, columns // elements * size

    tensors = list(llama_shapes(layers))
    for name, (*shape, kind) in tensors:
        bytes = stored(*shape, kind)
        of = np.dtype(np.float32 if kind == Type.F32 else np.uint8)
        writer.add_tensor_info(name, bytes, of, prod(bytes) * of.itemsize, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    pools = {kind: block_pool(kind) for kind in (Type.Q4_K, Type.Q6_K)}
    pools[Type.F32] = np.ones(1, np.float32)
    for name, (*shape, kind) in tensors:
        writer.write_tensor_data(np.resize(pools[kind], stored(*shape, kind)))
    writer.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [source, "pythia" | "llama" as shape, target, *layers]:
            write = {"pythia": write_pythia, "llama": write_llama}[shape]
            write(Source(source), Path(target), *map(int, layers))
        case _:
            sys.exit(__doc__)
