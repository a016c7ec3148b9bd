#!/usr/bin/env python3
"""The seeds of Scripts/fuzz: small correct files of every kind, in Tests/FuzzTests/Fixtures/TARGET/seed-*.

    python3 Scripts/fuzz.d/seeds.py

Needs nothing but Python, and makes the same bytes each time. The larger fixtures of the tests are seeds too, where
they lie: see Scripts/fuzz.
"""

import base64
import io
import json
import math
import pathlib
import random
import struct
import zipfile

fixtures = pathlib.Path(__file__).resolve().parents[2] / "Tests/FuzzTests/Fixtures"


def write(target, name, data):
    folder = fixtures / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data if isinstance(data, bytes) else data.encode())


# GGUF

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)
FORMATS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "?", U64: "Q", I64: "q", F64: "d"}


def string(text):
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def value(kind, item):
    if kind == STRING:
        return string(item)
    if kind == ARRAY:
        element, items = item
        return struct.pack("<IQ", element, len(items)) + b"".join(value(element, x) for x in items)
    return struct.pack("<" + FORMATS[kind], item)


def gguf(metadata, tensors=(), alignment=32):
    """`metadata`: (key, kind, value); `tensors`: (name, dimensions, type, data)."""
    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, item in metadata:
        out += string(key) + struct.pack("<I", kind) + value(kind, item)
    data = b""
    for name, dimensions, kind, content in tensors:
        data += b"\0" * (-len(data) % alignment)
        out += string(name) + struct.pack("<I", len(dimensions))
        out += b"".join(struct.pack("<Q", d) for d in dimensions) + struct.pack("<IQ", kind, len(data))
        data += content
    return out + b"\0" * (-len(out) % alignment) + data


# Elements and bytes of a block, by GGUF's number.
BLOCKS = {
    0: (1, 4), 1: (1, 2), 30: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 20: (32, 18), 23: (256, 136),
    39: (32, 17),
}  # fmt: skip


def files():
    metadata = [("general.architecture", STRING, "test")]
    scalars = [
        (U8, 200), (I8, -100), (U16, 65000), (I16, -30000), (U32, 4000000000), (I32, -5), (F32, 0.5), (BOOL, True),
        (U64, 2**64 - 1), (I64, -(2**63)), (F64, 0.1), (STRING, "naïve"),
    ]  # fmt: skip
    metadata += [(f"a.{kind}", kind, item) for kind, item in scalars]
    metadata += [(f"b.{kind}", ARRAY, (kind, [item, item])) for kind, item in scalars]
    metadata += [("b.nested", ARRAY, (ARRAY, [(I32, [3]), (STRING, ["x"])])), ("b.empty", ARRAY, (STRING, []))]
    chance = random.Random(1)
    tensors = [
        (f"t.{kind}", [elements, 1], kind, chance.randbytes(size)) for kind, (elements, size) in sorted(BLOCKS.items())
    ]
    write("gguf", "every-kind", gguf(metadata, tensors))
    write("gguf", "empty", gguf([]))
    aligned = [("general.alignment", U32, 64)]
    write("gguf", "aligned", gguf(aligned, [("a", [3, 2], 0, bytes(24)), ("b", [], 0, bytes(4))], 64))
    split = [("split.no", U16, 0), ("split.count", U16, 2), ("split.tensors.count", I32, 1)]
    write("gguf", "split", gguf(split, [("a", [2], 0, bytes(8))]))
    write("gguf", "tokenizer-bytes", gguf(byte_tokenizer))
    write("gguf", "tokenizer-pieces", gguf(piece_tokenizer))


byte_tokenizer = [
    ("general.architecture", STRING, "gpt2"),
    ("tokenizer.ggml.model", STRING, "gpt2"),
    ("tokenizer.ggml.pre", STRING, "gpt-2"),
    ("tokenizer.ggml.tokens", ARRAY, (STRING, ["<s>", "a", "b", "ab", "Ġ", "1", "[PAD6]", "two words"])),
    ("tokenizer.ggml.token_type", ARRAY, (I32, [3, 1, 1, 1, 1, 1, 5, 4])),
    ("tokenizer.ggml.merges", ARRAY, (STRING, ["a b"])),
    ("tokenizer.ggml.bos_token_id", U32, 0),
    ("tokenizer.ggml.eos_token_id", U32, 0),
    ("tokenizer.ggml.add_bos_token", BOOL, True),
]
piece_tokenizer = [
    ("general.architecture", STRING, "llama"),
    ("tokenizer.ggml.model", STRING, "llama"),
    ("tokenizer.ggml.tokens", ARRAY, (STRING, ["<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "▁a", "two words"])),
    ("tokenizer.ggml.scores", ARRAY, (F32, [0, 0, 0, 0, -1, -2, -3, -4])),
    ("tokenizer.ggml.token_type", ARRAY, (I32, [2, 3, 3, 6, 1, 1, 1, 4])),
    ("tokenizer.ggml.add_space_prefix", BOOL, True),
    ("tokenizer.ggml.unknown_token_id", U32, 0),
]


def gguf_tokenizers():
    """The lines from which FuzzTarget+Tokenizers.swift makes metadata."""
    letters = {STRING: "s", U32: "u", I32: "i", F32: "f", BOOL: "b"}

    def text(item):
        return str(item).lower() if isinstance(item, bool) else str(item)

    def line(key, kind, item):
        if kind == ARRAY:
            return f"{letters[item[0]].upper()}{key}=" + "\t".join(map(text, item[1]))
        return f"{letters[kind]}{key}={text(item)}"

    for name, metadata in [("bytes", byte_tokenizer), ("pieces", piece_tokenizer)]:
        write("gguf-tokenizer", name, "".join(line(*entry) + "\n" for entry in metadata))
    for pre in ["gpt-4o", "gpt-neox", "llama-bpe", "qwen2", "smollm", "tekken"]:
        family = [e if e[0] != "tokenizer.ggml.pre" else (e[0], STRING, pre) for e in byte_tokenizer]
        write("gguf-tokenizer", pre, "".join(line(*entry) + "\n" for entry in family))
    phi = [("general.architecture", STRING, "phi3")] + piece_tokenizer[1:]
    phi += [("tokenizer.ggml.add_bos_token", BOOL, False), ("tokenizer.ggml.remove_extra_whitespaces", BOOL, False)]
    write("gguf-tokenizer", "phi3", "".join(line(*entry) + "\n" for entry in phi))


def model():
    """A llama of one layer, in the fewest bytes."""
    width, heads, shared, head, neurons = 8, 2, 1, 4, 4
    tokens = ["<s>"] + [chr(c) for c in range(ord("a"), ord("h"))] + ["Ġ", "ab"]
    numbers = {
        "block_count": 1, "attention.head_count": heads, "attention.head_count_kv": shared,
        "attention.key_length": head, "attention.value_length": head, "embedding_length": width,
        "feed_forward_length": neurons, "context_length": 16, "rope.dimension_count": head,
    }  # fmt: skip
    metadata = [("general.architecture", STRING, "llama")]
    metadata += [(f"llama.{key}", U32, number) for key, number in numbers.items()]
    metadata += [("llama.attention.layer_norm_rms_epsilon", F32, 1e-5), ("llama.rope.freq_base", F32, 10000.0)]
    metadata += [
        ("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)), ("tokenizer.ggml.merges", ARRAY, (STRING, ["a b"])),
        ("tokenizer.ggml.bos_token_id", U32, 0),
    ]  # fmt: skip
    shapes = {
        "token_embd": [width, len(tokens)], "output_norm": [width], "blk.0.attn_norm": [width],
        "blk.0.attn_q": [width, heads * head], "blk.0.attn_k": [width, shared * head],
        "blk.0.attn_v": [width, shared * head], "blk.0.attn_output": [heads * head, width], "blk.0.ffn_norm": [width],
        "blk.0.ffn_gate": [width, neurons], "blk.0.ffn_up": [width, neurons], "blk.0.ffn_down": [neurons, width],
    }  # fmt: skip
    chance = random.Random(2)
    tensors = []
    for name, shape in shapes.items():
        kind, form = (0, "f") if "norm" in name else (1, "e")
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        data = b"".join(struct.pack("<" + form, chance.uniform(-1, 1)) for _ in range(count))
        tensors.append((name + ".weight", shape, kind, data))
    write("model", "llama", gguf(metadata, tensors, 32))


# safetensors


def safetensors(header, size):
    text = header if isinstance(header, str) else json.dumps(header, ensure_ascii=False)
    data = text.encode()
    return struct.pack("<Q", len(data)) + data + bytes(i * 3 % 256 for i in range(size))


def safetensors_files():
    entries, place = {"__metadata__": {"format": "pt", "note": "é\n"}}, 0
    for name, dtype, shape, size in [
        ("a", "F32", [2, 3], 24), ("scalar", "F32", [], 4), ("b", "BF16", [2, 2], 8), ("c", "F16", [3], 6),
        ("mask", "BOOL", [2, 1], 2), ("d", "F64", [1], 8), ("empty", "F32", [0, 7], 0), ("ids", "I64", [1], 8),
        ("e", "F8_E4M3", [3], 3), ("f", "F8_E5M2", [1], 1), ("g", "F4", [4], 2),
    ]:  # fmt: skip
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    write("safetensors", "every-type", safetensors(entries, place))
    # After two bytes for the length of the data, a header without its length.
    write("safetensors", "header", struct.pack("<H", place) + json.dumps(entries).encode())
    one = {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "extra": [1.5e3, {"x": None}]}}
    write("safetensors", "header-one", struct.pack("<H", 8) + json.dumps(one).encode())
    write("safetensors", "empty", safetensors("{}", 0))
    index = {"metadata": {"total_size": 8}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
    write("index", "two", json.dumps(index))
    write("index", "one", '{"weight_map":{"a":"a.safetensors"}}')


# Configurations and tokenizers as JSON


def configurations():
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 4, "hidden_size": 8, "intermediate_size": 4, "vocab_size": 10,
        "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu",
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}, "rope_scaling": None,
        "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False, "partial_rotary_factor": 1.0,
    }  # fmt: skip
    generation = '{"eos_token_id":[1,2]}'
    tokens = '{"bos_token":{"content":"<s>"},"eos_token":"<s>","add_bos_token":true,"tokenizer_class":"LlamaTokenizer"}'
    write("config", "llama", json.dumps(config, indent=1))
    write("config", "three", "\0".join([json.dumps(config), generation, tokens]))
    text = {"hidden_size": 8, "intermediate_size": 4, "num_hidden_layers": 2, "vocab_size": 10, "head_dim": 4}
    write("config", "images", json.dumps({"model_type": "gemma3", "text_config": text | {"sliding_window": 3}}))
    numbers = '[0,-1,1.5e-3,1E+2,9223372036854775807,9223372036854775808,true,false,null,"\\ud83d\\ude00\\u00e9\\n",[[{}]]]'
    write("config", "json", numbers)


def families():
    """The configurations of the tests' models, without what nothing reads, and some of their rarer keys."""
    folder = fixtures.parents[1] / "ModelTests/Fixtures/families"
    dull = ("architectures", "version", "dtype", "cache", "range", "token_id", "drop", "summary", "index", "image")
    for name in [
        "gpt2", "gpt_neox", "gptj", "llama3", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "gemma3-vision",
        "phi3-longrope",
    ]:  # fmt: skip
        config = json.loads((folder / name / "config.json").read_text())
        config = {k: v for k, v in config.items() if not any(word in k for word in dull) and k != "vision_config"}
        write("families", name, json.dumps(config, separators=(",", ":")))
    llama = json.loads((folder / "llama3/config.json").read_text())
    llama = {k: v for k, v in llama.items() if not any(word in k for word in dull)}
    longrope = {"rope_type": "longrope", "short_factor": [1, 2, 3, 4.5], "long_factor": [1, 2, 3, 4], "factor": 2.5}
    kinds = ["full_attention", "sliding_attention"]
    rare = {
        "longrope": {"rope_scaling": longrope, "original_max_position_embeddings": 8},
        "linear": {"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 4.0}, "rope_theta": 500},
        "types": {"model_type": "mistral", "layer_types": kinds, "sliding_window": 3},
        "rope-kinds": {"rope_parameters": {kind: {"rope_type": "default", "rope_theta": 9.0} for kind in kinds}},
        "keys": {"is_causal": True, "per_layer_config": {}, "head_dim": None, "partial_rotary_factor": 0.5},
    }
    for name, change in rare.items():
        write("families", name, json.dumps(llama | change, separators=(",", ":")))


def tokenizers():
    def tokenizer(name, model={}, config=None, merges=(("a", "b"), ("ab", "c")), vocabulary=None, **parts):
        words = vocabulary or ["<s>", "a", "b", "c", "ab", "abc", "Ġ", "▁", "▁a", "1", "2"]
        parts = {k: v for k, v in parts.items() if v is not None}
        added = [
            {"id": 0, "content": "<s>", "special": True, "lstrip": True, "rstrip": True, "single_word": False},
            {"id": len(words), "content": "  ", "special": False, "normalized": True},
        ]
        body = {"type": "BPE", "vocab": {w: i for i, w in enumerate(words)}, "merges": list(merges), **model}
        text = json.dumps({"version": "1.0", "added_tokens": added, **parts, "model": body}, ensure_ascii=False)
        write("tokenizer", name, text + ("\0" + config if config else ""))

    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    expressions = {
        "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "llama3": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    }
    upper, lower, before = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", r"[^\r\n\p{L}\p{N}]?"
    for name, ending, digits in [("tekken", "", r"\p{N}"), ("gpt-4o", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", r"\p{N}{1,3}")]:
        letters = f"{before}{upper}*{lower}+{ending}|{before}{upper}+{lower}*{ending}"
        rest = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        expressions[name] = f"{letters}|{digits}{rest}"
    opening = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
    }
    tokenizer("gpt2", pre_tokenizer=byte_level, decoder=byte_level, post_processor=byte_level, merges=["a b", "ab c"])
    tokenizer(
        "smollm", pre_tokenizer={"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]}
    )  # fmt: skip
    tokenizer("neox", normalizer={"type": "NFC"}, pre_tokenizer=byte_level)
    for name, expression in expressions.items():
        split = {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
        steps = {"type": "Sequence", "pretokenizers": [split, {**byte_level, "use_regex": False}]}
        processors = {"type": "Sequence", "processors": [{"type": "ByteLevel"}, opening]}
        tokenizer(
            name, {"ignore_merges": name == "llama3"}, '{"bos_token":"<s>","eos_token":null,"add_bos_token":false}',
            pre_tokenizer=steps, post_processor=processors,
        )  # fmt: skip
    spaces = [
        {"type": "Prepend", "prepend": "▁"},
        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    ]
    decoders = [
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]  # fmt: skip
    pieces = {"byte_fallback": True, "unk_token": "<s>", "fuse_unk": True, "dropout": None}
    tokenizer(
        "llama2", pieces, normalizer={"type": "Sequence", "normalizers": spaces},
        decoder={"type": "Sequence", "decoders": decoders}, post_processor=opening,
        vocabulary=["<s>", "a", "b", "c", "ab", "abc", "<0x0A>", "<0xE2>", "▁"],
    )  # fmt: skip
    tokenizer(
        "gemma", pieces, normalizer=spaces[1],
        pre_tokenizer={"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False},
    )  # fmt: skip
    tokenizer(
        "metaspace", {"byte_fallback": True},
        pre_tokenizer={"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True},
    )  # fmt: skip


def blocks():
    """A byte for the type, in the order of TensorType's cases, one for the columns, and rows."""
    chance = random.Random(3)
    kinds = [0, 1, 30, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 39, None, None]
    halves = {2: [0], 3: [0, 2], 6: [0], 7: [0, 2], 8: [0], 10: [80, 82], 11: [108], 12: [0, 2], 13: [0, 2], 14: [208]}
    halves |= {20: [0], 23: [0]}
    for case, kind in enumerate(kinds):
        elements, size = BLOCKS[kind] if kind is not None else (1, 1)
        rows, columns = (3, 5) if elements == 1 else (2, 1)
        data = bytearray(chance.randbytes(rows * columns * size))
        for block in range(rows * columns):
            # Finite scales; of a float the upper half of it is enough.
            for place in halves.get(kind, []):
                struct.pack_into("<e", data, block * size + place, chance.uniform(-2, 2))
            if kind in (0, 1, 30):
                struct.pack_into({0: "<f", 1: "<e", 30: "<H"}[kind], data, block * size, 0x3F80 if kind == 30 else 1.5)
            if kind == 39:
                data[block * size] = 120
            if kind is None:
                data[block] &= 0x3F
        write("blocks", f"{case:02}", bytes([case, columns - 1]) + bytes(data))


def chat():
    write("chat", "turns", """{{- bos_token }}{# a #}{% set ns = namespace(n=0, t='') %}
{%- for m in messages[::-1] if m.role != 'x' %}{% set ns.n = ns.n + loop.index0 % 2 %}
{{ loop.previtem.role ~ m['content'] | trim | upper }}{{ ',' if not loop.last else eos_token }}{% if ns.n > 5 %}{% break %}{% endif %}
{% else %}none{% endfor %}{{ raise_exception('no') if ns.n > 9 }}
""")  # fmt: skip
    write("chat", "values", """{% macro f(a, b=[1, (2,), {'k': none}]) %}{{ b | tojson(indent=2) }}{{ caller(a) }}{% endmacro %}
{% call(x) f(-7 // 2 ** 3) %}{{ x }}{% endcall %}{% set t | replace('a', "\\u00e9\\n") %}a{{ 'b a c'.split()[1:-1] | join('-') }}{% endset %}{{ t }}
{{ messages | selectattr('role', 'in', ['user']) | map(attribute='content') | list | sort }}{{ strftime_now('%d %b') }}
{% filter title %}{% raw %}{{ x }}{% endraw %}{% endfilter %}{% with a = 1.5e3 %}{{ '%s' % a is string }}{% endwith %}
""")  # fmt: skip


def tables():
    write("tables", "tsv", "subject\tanswer\tcount\nRome\tItaly\t1\nLima \\t é\t\t-2.5e3\n")
    write("tables", "csv", 'subject,answer\r\n"Paris, ""the"" city",true\r\n,\r\n"a\nb",nan\r\n')
    write("tables", "json", '[{"a": 1, "b": "x\\u00e9\\ud83d\\ude00"}, {"b": null, "c": [1.5, {"d": false}]}]')
    write("tables", "ndjson", '{"a": 1}\n\n{"a": -0.5e-3, "b": "NaN"}\n')
    write("tables", "arrays", '{"a": [1, 2], "b": ["x", null]}')
    write("tables", "split", '{"columns": ["a", "b"], "rows": [{"a": 1, "b": 2}]}')
    rewrite = {
        "prompt": "{} lies {in}", "subject": "Rome", "relation_id": "P1",
        "target_true": {"str": "Italy"}, "target_new": {"str": "Peru"},
    }  # fmt: skip
    write("tables", "counterfact", json.dumps([{"case_id": 0, "requested_rewrite": rewrite}]))
    relation = {
        "name": "capital", "prompt_templates": ["{} is in"], "prompt_templates_zs": ["{} is in", "{} lies in"],
        "samples": [{"subject": "Rome", "object": "Italy"}],
    }  # fmt: skip
    write("tables", "relation", json.dumps(relation))


def npy(descr, shape, data):
    text = f"{{'descr': {descr}, 'fortran_order': {len(shape) > 2}, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + data


def thrift(fields):
    """A struct of Thrift's compact protocol: (number, kind, value) in the order of the numbers, all below 16."""

    def number(n):
        out = bytearray()
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes(out) + bytes([n])

    def value(kind, item):
        if kind in (5, 6):
            return number(item << 1)
        if kind == 8:
            return number(len(item)) + item.encode()
        if kind == 12:
            return thrift(item)
        return bytes([len(item[1]) << 4 | item[0]]) + b"".join(value(item[0], x) for x in item[1])

    out, last = b"", 0
    for field, kind, item in fields:
        out += bytes([field - last << 4 | kind]) + value(kind, item)
        last = field
    return out + b"\0"


def parquet():
    """Two rows: an integer, missing in the second, and a text of a dictionary."""
    out, chunks = b"PAR1", []
    levels = struct.pack("<I", 4) + bytes([2, 1, 2, 0])
    for name, kind, pages in [
        ("n", 2, [(0, levels + struct.pack("<q", -5), [(5, 12, [(1, 5, 2), (2, 5, 0), (3, 5, 3), (4, 5, 3)])])]),
        ("t", 6, [
            (2, struct.pack("<I", 2) + "é".encode(), [(7, 12, [(1, 5, 1), (2, 5, 0)])]),
            (0, struct.pack("<I", 2) + bytes([4, 1, 1, 3, 0]), [(5, 12, [(1, 5, 2), (2, 5, 8), (3, 5, 3), (4, 5, 3)])]),
        ]),
    ]:  # fmt: skip
        start, places = len(out), []
        for page, body, details in pages:
            places.append(len(out))
            out += thrift([(1, 5, page), (2, 5, len(body)), (3, 5, len(body))] + details) + body
        data = [
            (1, 5, kind), (2, 9, (5, [0, 3])), (3, 9, (8, [name])), (4, 5, 0), (5, 6, 2), (6, 6, len(out) - start),
            (7, 6, len(out) - start), (9, 6, places[-1]),
        ]  # fmt: skip
        chunks.append([(2, 6, start), (3, 12, data + ([(11, 6, start)] if len(places) > 1 else []))])
    schema = [
        [(4, 8, "schema"), (5, 5, 2)], [(1, 5, 2), (3, 5, 1), (4, 8, "n")], [(1, 5, 6), (3, 5, 1), (4, 8, "t"), (6, 5, 0)],
    ]  # fmt: skip
    group = [(1, 9, (12, chunks)), (2, 6, len(out)), (3, 6, 2)]
    footer = thrift([(1, 5, 2), (2, 9, (12, schema)), (3, 6, 2), (4, 9, (12, [group])), (6, 8, "seed")])
    return out + footer + struct.pack("<I", len(footer)) + b"PAR1"


def arrays():
    floats = struct.pack("<6f", 1, -2.5, 0, float("nan"), float("inf"), 3)
    write("arrays", "npy", npy("'<f4'", (2, 3), floats))
    write("arrays", "columns-first", npy("'>i2'", (1, 2, 3), bytes(range(12))))
    index = npy(r"[('t\x09', '<U1'), ('n', '<i4'), ('ok', '|b1')]", (2,), ("é".encode("utf-32-le") + bytes(5)) * 2)
    write("arrays", "records", index)
    for name, method in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as file:
            for member, data in [("values", npy("'<f4'", (2, 3), floats)), ("index", index)]:
                file.writestr(zipfile.ZipInfo(member + ".npy"), data, method)
            file.comment = b'{"columns": ["x", "y", "z"]}'
        write("arrays", name, out.getvalue())
    metadata = {"index": '{"n": [1, null], "t": ["a", "b"]}', "columns": '["x"]'}
    values = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    text = json.dumps({"__metadata__": metadata, "values": values}).encode()
    write("arrays", "safetensors", struct.pack("<Q", len(text)) + text + floats)
    write("arrays", "parquet", parquet())


def vectors():
    """Control vectors of one layer and of several, and an array in each kind of file."""
    numbers = struct.pack("<3f", 1, -2, 0.5)
    metadata = [
        ("general.architecture", STRING, "controlvector"),
        ("controlvector.model_hint", STRING, "llama"),
        ("controlvector.layer_count", U32, 2),
    ]
    write("vectors", "layer", gguf(metadata, [("direction.1", [3], 0, numbers)]))
    write("vectors", "layers", gguf(metadata, [(f"direction.{n}", [3], 0, numbers) for n in (1, 12)]))
    write("vectors", "npy", npy("'<f4'", (1, 3), numbers))
    write("vectors", "safetensors", safetensors({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}, 12))


def lenses():
    """A tuned lens of one layer of width 2: its configuration, a zero byte, and its parameters."""
    config = {
        "base_model_name_or_path": "a/b", "d_model": 2, "num_hidden_layers": 1, "bias": True,
        "base_model_revision": None, "unembed_hash": "0", "lens_type": "linear_tuned_lens",
    }  # fmt: skip
    for name, dtype, size in [("f32", "F32", 4), ("f16", "F16", 2)]:
        header = {
            "0.weight": {"dtype": dtype, "shape": [2, 2], "data_offsets": [0, 4 * size]},
            "0.bias": {"dtype": dtype, "shape": [2], "data_offsets": [4 * size, 6 * size]},
        }
        write("lenses", name, json.dumps(config).encode() + b"\0" + safetensors(header, 6 * size))
    header = {"0.weight": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}
    config |= {"bias": False}
    one = {
        "weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "bias": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
    }  # fmt: skip
    write("lenses", "map", b"{}\0" + safetensors(one, 32))
    write("lenses", "no-bias", json.dumps(config).encode() + b"\0" + safetensors(header, 8))


def dictionaries():
    """An archive of Gemma Scope, settings of three formats, a transcoder's weights, YAML, and the files of cross-layer
    transcoders; a byte says which."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        for name, shape in [("W_enc", (2, 3)), ("W_dec", (3, 2)), ("b_enc", (3,)), ("b_dec", (2,)), ("threshold", (3,))]:
            count = shape[0] * (shape[1] if len(shape) > 1 else 1)
            data = npy("'<f4'", shape, struct.pack(f"<{count}f", *[0.5 - i / 4 for i in range(count)]))
            file.writestr(zipfile.ZipInfo(name + ".npy"), data)
    write("dictionaries", "archive", b"\0" + out.getvalue())
    lens = {
        "architecture": "jumprelu", "d_in": 2, "d_sae": 3, "apply_b_dec_to_input": True, "normalize_activations": "none",
        "metadata": {"sae_lens_version": "6.1.0", "hook_name": "blocks.1.hook_resid_post", "prepend_bos": True}}
    write("dictionaries", "lens", b"\1" + json.dumps(lens).encode())
    sparsify = {"activation": "topk", "k": 2, "d_in": 2, "num_latents": 3, "transcode": False}
    write("dictionaries", "sparsify", b"\2" + json.dumps(sparsify).encode())
    scope = {
        "architecture": "jump_relu", "hf_hook_point_in": "model.layers.1.output", "width": 3, "type": "sae",
        "affine_connection": False}
    write("dictionaries", "scope", b"\3" + json.dumps(scope).encode())

    def weights(**shapes):
        entries, end = {}, 0
        for name, shape in shapes.items():
            size = 4 * math.prod(shape)
            entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
            end += size
        return safetensors(entries, end)

    write("dictionaries", "transcoder", b"\4" + weights(W_dec=[3, 2], W_enc=[3, 2], b_dec=[2], b_enc=[3]))
    write("dictionaries", "yaml", b"\5" + b"# a set\nmodel_name: \"a/b\"\nkinds:\n - one  # 1\n - 'two'\nscan: x y\n")
    encoder = dict(W_enc_0=[3, 2], b_dec_0=[2], b_enc_0=[3], threshold_0=[3])
    write("dictionaries", "cross-layer-encoder", b"\6" + weights(**encoder))
    write("dictionaries", "cross-layer-decoder", b"\7" + weights(W_dec_0=[3, 1, 2]))
    layer = dict(w_enc=[2, 3], w_dec=[3, 1, 2], b_enc=[3], b_dec=[2], threshold=[3], affine_skip_connection=[2, 2])
    write("dictionaries", "scope-layer", b"\x08" + weights(**layer))


def language():
    write("language", "statements", """#!/usr/bin/env summand
let best = country | dla by head | top 5  # a comment
def strongest(table, n = 5) { table | sort by -value | top n }
for layer in 0..29 { if layer % 2 == 0 and not (layer in [3, 4.5e-3, 10%, 2GB]) { L{1,3,5..7}H8.z } else if true { } }
assert _.rows[0].value > -0.5, "no \\(best[0].name) \\u{e9}\\n 'x'"
source ./a/b.summand; time plan blocks.9.attn.hook_z@{0,last,2..4}
patch L9H8 -> L10H*.q --position=last, name = 'raw', x@"the end" | !sort -k2 | head
""")  # fmt: skip
    write("language", "template", "Fact: {subject:The {place}} {{is}} in {relation:the country of} {name}")
    write("language", "foreign", "let “x” = a && b – 1 // 2\u00a0≤ 3 … ‘y’ || é\u0301 日本 \u0000\r\n if a {\n (\n")
    write("language", "selector", "L29H1.mlp@subject")


def serve():
    requests = [
        {"id": 1, "op": "run", "code": "1 + 1; [1, 2]", "name": "cell", "render": ["text", "html"], "width": 80, "rows": 9},
        {"id": "a", "op": "complete", "code": "let y = x | wh", "cursor": 14},
        {"id": 2, "op": "is_complete", "code": "x |"},
        {"id": 3, "op": "interrupt", "target": "a"},
    ]
    write("serve", "requests", "".join(json.dumps(request) + "\n" for request in requests))
    table = {
        "type": "table", "measure": "b",
        "columns": [{"name": "a", "type": "integer"}, {"name": "b", "type": "f64"}, {"name": "c", "type": "text"},
                    {"name": "d", "type": "boolean"}, {"name": "e", "type": "f32"}],
        "values": [[1, None], [0.5, "Infinity"], ["é", None], [True, False], [None, 1]],
    }  # fmt: skip
    array = io.BytesIO()
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(53) + "\n"
    array.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<2f", 1, 2))
    npy = {"type": "array", "npy": base64.b64encode(array.getvalue()).decode()}
    requests = [
        {"op": "set", "name": "x", "value": table},
        {"op": "set", "name": "y", "value": npy},
        {"op": "get", "name": "y"},
        {"op": "run", "code": "x | sort -b"},
        {"op": "inspect", "code": "x | take 1", "cursor": 6},
    ]
    write("serve", "variables", "".join(json.dumps(request) + "\n" for request in requests))


def script():
    write("script", "measures", """asked | ablate each heads@last mean over several | effect of prob | sort -effect | top 3
several | patch L0.resid_pre@last from asked | rank | derive x = -rank % 2 + 1e3
""")
    write("script", "tables", """let t = parts | group by component, span mean dla interval 90%
t | pivot component span | plot scatter subject, relation
parts | classify top 2 thresholds 2, 5 | sample 50% by class seed 1 rest | show as json
""")
    write("script", "statements", """arguments n=3
def f(x, n=2) { if n > 0 { f(x, n - 1) } else { x | take n } }
for head in L0H{0,1} { asked | scale head@* by 2 | lens top 1 | take -1 }
assert length(f(parts)) == 0 and not (1 in [2..3]), "no \\(abs(-1))"
""")


files()
gguf_tokenizers()
model()
safetensors_files()
configurations()
families()
tokenizers()
blocks()
chat()
tables()
arrays()
vectors()
lenses()
dictionaries()
language()
serve()
script()
