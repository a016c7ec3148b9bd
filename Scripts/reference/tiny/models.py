"""Makes the tiny random models of Tests/ModelTests/Fixtures: the same weights as safetensors and as GGUF.

The seed is fixed; rerunning changes no byte. Weights are scaled so that logits are of order 1 and
attention is far from uniform.
"""

import json
import struct

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, LlamaFileType, TokenType
from gguf.quants import quantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from oracle.folders import FIXTURES

VOCAB = 320
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# d_model differs from heads · head_dim in all but tiny-mha; 24 and 8 are not multiples of 16.
SHAPES = {
    "tiny-gqa": dict(layers=3, heads=4, kv=2, d_head=24, d_model=32, ffn=64, theta=50000.0, tied=True),
    "tiny-mha": dict(layers=2, heads=3, kv=3, d_head=8, d_model=24, ffn=64, theta=10000.0, tied=False),
    "tiny-q6k": dict(layers=1, heads=2, kv=1, d_head=16, d_model=512, ffn=32, theta=10000.0, tied=True),
}
EPS = 1e-5

# What the merges are learnt from.
TEXT = """The Colosseum is in the country of Italy. The Eiffel Tower is in the country of France, and the
Great Wall is in the country of China. The language that is spoken there is another matter: what the
model knows, it has read; where it has read nothing, it says the most likely thing all the same."""


def weights(shape, seed):
    """Hugging Face's names to f32 arrays."""
    random = np.random.default_rng(seed)
    d, f, heads, kv, e = (shape[k] for k in ("d_model", "ffn", "heads", "kv", "d_head"))

    def matrix(rows, columns, gain):
        return (random.standard_normal((rows, columns)) * gain / np.sqrt(columns)).astype(np.float32)

    def norm():
        return (1 + 0.2 * random.standard_normal(d)).astype(np.float32)

    found = {"model.embed_tokens.weight": matrix(VOCAB, d, 1.0)}
    for n in range(shape["layers"]):
        b = f"model.layers.{n}."
        found |= {
            b + "input_layernorm.weight": norm(),
            b + "self_attn.q_proj.weight": matrix(heads * e, d, 1.3),
            b + "self_attn.k_proj.weight": matrix(kv * e, d, 1.3),
            b + "self_attn.v_proj.weight": matrix(kv * e, d, 0.7),
            b + "self_attn.o_proj.weight": matrix(d, heads * e, 0.7),
            b + "post_attention_layernorm.weight": norm(),
            b + "mlp.gate_proj.weight": matrix(f, d, 1.0),
            b + "mlp.up_proj.weight": matrix(f, d, 1.0),
            b + "mlp.down_proj.weight": matrix(d, f, 0.7),
        }
    found["model.norm.weight"] = norm()
    if not shape["tied"]:
        found["lm_head.weight"] = matrix(VOCAB, d, 1.0)
    return found


def bf16_bits(x):
    """Rounds f32 to the nearest bf16, ties to even."""
    bits = x.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


# Hugging Face's files


def config(shape, dtype, rope):
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "hidden_size": shape["d_model"],
        "intermediate_size": shape["ffn"],
        "num_hidden_layers": shape["layers"],
        "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["kv"],
        "head_dim": shape["d_head"],
        "max_position_embeddings": 64,
        "rms_norm_eps": EPS,
        "tie_word_embeddings": shape["tied"],
        "vocab_size": VOCAB,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "dtype": dtype,
    } | rope


def write_folder(name, shape, found, kind, rope, tokenizer):
    folder = FIXTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    dtype = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}[kind]
    text = json.dumps(config(shape, dtype, rope), indent=2) + "\n"
    (folder / "config.json").write_text(text)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    encode = {
        "F32": lambda x: x.astype("<f4"),
        "F16": lambda x: x.astype("<f2"),
        "BF16": lambda x: bf16_bits(x).astype("<u2"),
    }[kind]
    write_safetensors(folder / "model.safetensors", {k: (kind, encode(v)) for k, v in found.items()})


def write_safetensors(path, tensors, metadata=None):
    """By hand, since numpy has no bf16: {name: (dtype, little-endian array)}."""
    header, offset = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, x) in tensors.items():
        end = offset + x.nbytes
        header[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(np.ascontiguousarray(x).tobytes() for _, x in tensors.values())
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def byte_level(tokens, merges):
    """GPT-2's kind of byte-level BPE over tokens by id, whose first is special."""
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.add_special_tokens(tokens[:1])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def lengthen(tokens, words):
    """Adds words after a space, each letter by letter, to `tokens`; the merges that make them."""
    merges = []
    for word in words:
        for i, letter in enumerate(word):
            before = "Ġ" + word[:i]
            if before + letter not in tokens:
                tokens.append(before + letter)
                merges.append((before, letter))
    return merges


def small_tokenizer():
    """Byte-level BPE with SmolLM's split: digits one by one, then GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [TEXT],
        trainers.BpeTrainer(
            vocab_size=VOCAB,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    assert tokenizer.get_vocab_size() == VOCAB
    return tokenizer


# GGUF


def permuted(w, heads):
    """Interleaves the halves of each head's rows, as llama.cpp's converter does for q and k."""
    return w.reshape(heads, 2, -1, w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def gguf_tensors(shape, found):
    """The file's names, in its layout, as f32."""
    layer_names = {
        "input_layernorm": "attn_norm",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    names = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for n in range(shape["layers"]):
        names |= {f"model.layers.{n}.{k}": f"blk.{n}.{v}" for k, v in layer_names.items()}
    heads = {"attn_q": shape["heads"], "attn_k": shape["kv"]}
    for name, x in found.items():
        name = names[name.removesuffix(".weight")]
        count = heads.get(name.rpartition(".")[2])
        yield name + ".weight", permuted(x, count) if count else x


def write_gguf(name, shape, found, kind, tokenizer, file_type):
    """`kind(tensor name, array)` gives each matrix's type; norms stay F32."""
    path = FIXTURES / name
    writer = GGUFWriter(path, "llama")
    writer.add_name(path.stem)
    writer.add_file_type(file_type)
    writer.add_block_count(shape["layers"])
    writer.add_context_length(64)
    writer.add_embedding_length(shape["d_model"])
    writer.add_feed_forward_length(shape["ffn"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv"])
    writer.add_key_length(shape["d_head"])
    writer.add_value_length(shape["d_head"])
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_rope_freq_base(shape["theta"])
    writer.add_rope_dimension_count(shape["d_head"])
    writer.add_vocab_size(VOCAB)

    bpe = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if t in SPECIAL else TokenType.NORMAL for t in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in bpe["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)

    for tensor, x in gguf_tensors(shape, found):
        t = kind(tensor, x) if x.ndim == 2 else Type.F32
        data = random_q6k(x) if t == Type.Q6_K else quantize(x, t)
        writer.add_tensor(tensor, data, raw_dtype=t)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def random_q6k(x):
    """Blocks of random bits, of about the spread of x: the package reads Q6_K but does not write it.

    A block of 256: ql[128], qh[64], sixteen i8 scales, an f16 d; value = d · scale · (q - 32), q below 64.
    """
    random = np.random.default_rng(x.size)
    rows, blocks = x.shape[0], x.shape[1] // 256
    bits = random.integers(0, 256, (rows, blocks, 192), np.uint8)
    scales = random.integers(-64, 65, (rows, blocks, 16)).astype(np.int8).view(np.uint8)
    d = x.std() / (np.sqrt((np.arange(-64, 65) ** 2).mean()) * 18.5)  # 18.5: the spread of q - 32
    d = (d * random.uniform(0.8, 1.25, (rows, blocks, 1))).astype(np.float16).view(np.uint8)
    return np.concatenate([bits, scales, d], axis=-1).reshape(rows, -1)


def main():
    tokenizer = small_tokenizer()

    def all_of(t):
        return lambda name, x: t

    shape = SHAPES["tiny-gqa"]
    found = weights(shape, seed=1)
    # transformers 5 writes the base of RoPE into a map, 4 next to the rest.
    new = {"rope_parameters": {"rope_theta": shape["theta"], "rope_type": "default"}}
    write_folder("tiny-gqa", shape, found, "F32", new, tokenizer)
    for t in (Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_1):
        file_type = LlamaFileType["ALL_F32" if t == Type.F32 else "MOSTLY_" + t.name]
        write_gguf(f"tiny-gqa.{t.name}.gguf", shape, found, all_of(t), tokenizer, file_type)

    shape = SHAPES["tiny-mha"]
    found = weights(shape, seed=2)
    old = {"rope_theta": shape["theta"]}
    write_folder("tiny-mha", shape, found, "F32", old, tokenizer)
    write_folder("tiny-mha-f16", shape, found, "F16", old, tokenizer)
    write_folder("tiny-mha-bf16", shape, found, "BF16", old, tokenizer)
    f32 = LlamaFileType.ALL_F32
    write_gguf("tiny-mha.F32.gguf", shape, found, all_of(Type.F32), tokenizer, f32)

    shape = SHAPES["tiny-q6k"]
    mixed = lambda name, x: Type.Q8_0 if x.shape[1] % 256 else Type.Q6_K
    q6k = LlamaFileType.MOSTLY_Q6_K
    write_gguf("tiny-q6k.gguf", shape, weights(shape, seed=3), mixed, tokenizer, q6k)


if __name__ == "__main__":
    main()
