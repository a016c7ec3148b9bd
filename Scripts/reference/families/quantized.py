"""Small models in every quantization, as GGUF, and what is computed with their weights in float64.

    python -m families.quantized [NAME …]       all of them, or some; into Tests/ModelTests/Fixtures/quantized

Models of `families/models.py` in other widths, written by `families/gguf_files.py` with quantized matrices. The truth are
the weights as `gguf.quants` decodes them: put back into the model in Hugging Face's layout, they are run by
`transformers` in float64; a plain Llama is also run from the file by `oracle/reference.py`, and the two must agree.

What the package can quantize, it does. For the types that it only reads (K-quants, IQ4_NL, IQ4_XS) blocks are random
bits under scales that give the weights their spread. Seeded by tensor name: rerunning changes no byte.
"""

import shutil
import sys
import zlib
from dataclasses import dataclass, replace

import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, LlamaFileType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize, quantize

from families import models as families
from families import gguf_files as families_gguf
from oracle import reference
from families.models import LLAMA, TOKENS, Family, llama_like, rope
from families.float64 import Float64
from families.goldens import ANSWERS, CLOSE, Run, Weights, activations, attribute, check_total
from tiny.goldens import hook_name, save, seen_only
from formats.quants import SCALES
from oracle.folders import FIXTURES

QUANTIZED = FIXTURES / "quantized"
FLOATS = [Type.F32, Type.F16, Type.BF16]
BLOCKS_OF_32 = [Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.IQ4_NL, Type.MXFP4]
K_QUANTS = [Type.Q2_K, Type.Q3_K, Type.Q4_K, Type.Q5_K, Type.Q6_K, Type.IQ4_XS]
# What llama.cpp takes where a row is no whole number of blocks of 256.
FALLBACK = {
    Type.Q2_K: Type.IQ4_NL,
    Type.Q3_K: Type.IQ4_NL,
    Type.Q4_K: Type.Q5_0,
    Type.Q5_K: Type.Q5_1,
    Type.Q6_K: Type.Q8_0,
    Type.IQ4_XS: Type.IQ4_NL,
}
# The mean of a quant, by which the minimum is scaled so that weights are as often negative as positive.
MEAN_QUANT = {Type.Q2_K: 1.5, Type.Q4_K: 7.5, Type.Q5_K: 15.5}
# The streams after each layer, and what attention made of them.
KEPT = ("resid_pre", "resid_mid", "resid_post", "pattern", "z")
PARTS = ("embed", "head", "mlp", "total")


# Which type a matrix has


@dataclass
class ByLayer:
    """All the matrices of a layer in one type; embedding and unembedding as given."""

    types: list
    embed: Type
    unembed: Type

    def __call__(self, name, x):
        match name.split("."):
            case ["token_embd", _]:
                kind = self.embed
            case ["output", _]:
                kind = self.unembed
            case [_, layer, *_]:
                kind = self.types[int(layer)]
        return kind if x.shape[1] % GGML_QUANT_SIZES[kind][0] == 0 else FALLBACK[kind]


class InTurn:
    """The types of 32 by turns, so that every kind of matrix and each layer has another."""

    def __init__(self, start):
        self.next = start

    def __call__(self, name, x):
        kind = BLOCKS_OF_32[self.next % len(BLOCKS_OF_32)]
        self.next += 1
        return kind


def widened(name, start, **settings):
    """A model of `families/models.py` whose matrices can be cut into blocks of 32."""
    family = next(f for f in families.ALL if f.name == name)
    return replace(family, settings=family.settings | settings), InTurn(start)


def llama(name, types, embed, unembed, **shape):
    settings = llama_like(layers=len(types), tie_word_embeddings=embed == unembed, **shape)
    settings["rms_norm_eps"] = float(np.float32(3e-4))  # as the file has it
    family = Family(name, "Llama", LLAMA, settings | rope(10000.0), "llama")
    return family, ByLayer(types, embed, unembed)


WIDE = dict(hidden_size=64, intermediate_size=96)
ALL = [
    llama(
        "llama-blocks", FLOATS + BLOCKS_OF_32, Type.Q8_0, Type.Q8_0,
        d_model=64, ffn=96, heads=4, kv=2, d_head=16,
    ),
    # d_mlp is not a multiple of 256: the last matrix of each layer falls back.
    llama(
        "llama-k", K_QUANTS, Type.Q4_K, Type.Q6_K,
        d_model=256, ffn=64, heads=8, kv=2, d_head=32,
    ),
    widened("llama2", 0, **WIDE, num_attention_heads=4, num_key_value_heads=4, head_dim=24),
    widened("llama3", 1, **WIDE, head_dim=24),
    widened("gpt2", 2, n_embd=64, n_head=4),
    widened("gpt_neox", 3, **WIDE),
    widened("qwen2", 4, **WIDE),
    widened("qwen3", 5, **WIDE, head_dim=24),
    widened("gemma", 6, **WIDE, num_attention_heads=2, head_dim=48),
    # Scores are divided by √d_head, since GGUF cannot say another number.
    widened("gemma2", 0, **WIDE, head_dim=24, query_pre_attn_scalar=24),
    widened(
        "gemma3", 1, hidden_size=32, intermediate_size=64, head_dim=16, query_pre_attn_scalar=16
    ),
    widened("phi3", 2, **WIDE),
]


# Blocks


def encoded(name, x, kind):
    """The matrix's bytes in a type, and their values as the package decodes them."""
    x = x * np.float32(0.9)  # no longer exact in sixteen bits: every type rounds
    if kind in MEAN_QUANT or kind in (Type.Q3_K, Type.Q6_K, Type.IQ4_NL, Type.IQ4_XS):
        data = random_blocks(name, x, kind)
    else:
        data = quantize(x, kind)
    values = dequantize(data, kind).astype(np.float32)
    assert values.shape == x.shape and np.isfinite(values).all(), name
    assert 0.5 < values.std() / x.std() < 2, name
    return data, values


def random_blocks(name, x, kind):
    """Rows of random blocks whose values have the spread of x, a quarter of the scales negative."""
    random = np.random.default_rng(zlib.crc32(f"{name} {x.shape}".encode()))
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (x.size // elements, size), np.uint8)

    def scale_by(d):
        for place, factor in zip(SCALES[kind], (1.0, MEAN_QUANT.get(kind))):
            blocks[:, place : place + 2] = (d * factor).astype("<f2")[:, None].view(np.uint8)

    d = np.ones(len(blocks))
    scale_by(d)
    d = d * x.std() / dequantize(blocks, kind).std()
    d *= random.uniform(0.8, 1.25, len(blocks)) * random.choice([1, 1, 1, -1], len(blocks))
    scale_by(d)
    return blocks.reshape(len(x), -1)


# The weights that the file holds, where the model has them


def places(family, config, state):
    """For each tensor by its name in the file, the element and tensor of `state` that each one is."""
    counted = {k: torch.arange(v.numel(), dtype=torch.float64).view(v.shape) for k, v in state.items()}
    found = zip(counted, families_gguf.tensors(family, config, counted))
    return {name: (old, x.astype(np.int64)) for old, (name, x) in found}


def quantized(family, config, state, choose):
    """What each tensor of the file is stored as, and `state` with the values that are in it."""
    matrices = {k: v for k, v in state.items() if v.ndim == 2}
    where = places(family, config, matrices)
    stored, found = {}, {k: v.clone() for k, v in state.items()}
    for name, x in families_gguf.tensors(family, config, matrices):
        if name not in where or name.startswith("position_embd"):
            continue
        kind = choose(name, x)
        data, values = encoded(f"{family.name} {name}", x, kind)
        stored[name] = data, kind
        old, place = where[name]
        flat = torch.empty(place.size, dtype=torch.float64)
        flat[place.ravel()] = torch.from_numpy(values.ravel()).double()
        found[old] = flat.view(state[old].shape)
    return stored, found


def load(model, state):
    state = dict(state)
    if "embed_out.weight" in state:  # the files' name for it
        state["lm_head.weight"] = state.pop("embed_out.weight")
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()


# What is recorded


def goldens(family, model, path):
    weights, run = Weights(family, model), Run(family, model, TOKENS)
    found = activations(weights, run)
    tensors = {"logits": run.logits}
    for (site, layer), x in found.items():
        if site in KEPT and (site != "resid_pre" or layer == 0):
            tensors[hook_name(site, layer)] = seen_only(site, x)
    parts = attribute(weights, found, folded=True)
    check_total(weights, run.logits, parts["total"])
    tensors |= {f"dla.{k}": parts[k] for k in PARTS}
    if family.name == "phi3":  # llama.cpp runs it without its window
        model.config.sliding_window = None
        tensors["logits.unwindowed"] = Run(family, model, TOKENS).logits
    for key, x in tensors.items():
        assert np.isfinite(x).all(), key
    save(path, tensors, dict(tokens=TOKENS, answers=ANSWERS))
    return tensors


def same_as_numpy(path, tensors):
    """The largest gap between these and what `oracle/reference.py` computes from the file, relative from 1 up."""
    model = reference.load(path)
    run, logits = reference.capture(model, TOKENS)
    mine = {hook_name(*at): seen_only(at[0], x) for at, x in run.items()} | {"logits": logits}
    for n, answer in enumerate(ANSWERS):
        parts = reference.attribute(model, run, reference.directions(model, answer)["logit"])
        mine |= {f"dla.{k}.{n}": parts[k] for k in PARTS}
        tensors = tensors | {f"dla.{k}.{n}": tensors[f"dla.{k}"][n] for k in PARTS}
    gaps = [
        np.abs(mine[k] - x).max() / max(1, np.abs(x).max()) for k, x in tensors.items() if k in mine
    ]
    assert len(gaps) > 4 and max(gaps) < CLOSE, gaps
    return f"numpy within {max(gaps):.0e}"


def make(family, choose):
    folder = QUANTIZED / family.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with Float64(), torch.no_grad():
        model, state = families.build(family)
        stored, state_of_file = quantized(family, model.config, state, choose)
        as_stored = lambda name, x: stored.get(name, (x, Type.F32))
        path = folder / "model.gguf"
        families_gguf.write_gguf(family, model.config, state, path, as_stored, LlamaFileType.GUESSED)
        load(model, state_of_file)
        tensors = goldens(family, model, folder / "golden.safetensors")
    for tensor in GGUFReader(path).tensors:
        assert tensor.tensor_type == stored.get(tensor.name, (None, Type.F32))[1], tensor.name
    plain = family.gguf == "llama" and family.settings["rope_parameters"]["rope_type"] == "default"
    kinds = sorted({kind.name for _, kind in stored.values()})
    said = [f"logits {tensors['logits'].std():.2f}", same_as_numpy(path, tensors) if plain else "", *kinds]
    print(family.name + ":", *said)


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    for family, choose in ALL:
        if not names or family.name in names:
            make(family, choose)


if __name__ == "__main__":
    main(sys.argv[1:])
