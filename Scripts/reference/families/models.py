"""Small random models of every architecture, and what `transformers` computes with them.

    python -m families.models [NAME …]       all of them, or some; into Tests/ModelTests/Fixtures/families

`families/goldens.py` says what is recorded, `families/gguf_files.py` how the GGUF copies are laid out. Every weight
is a bf16 number that f16 holds too, so the safetensors (BF16), the GGUF (F16, vectors F32) and the float64
that the goldens were computed with are the same numbers. Seeded by tensor name: rerunning changes no byte.

The shapes are meant to be hard to get right by accident: heads · d_head differs from d_model and heads share
keys and values wherever the family allows it, no width is a multiple of 16 where it need not be, norms and
biases are random, epsilons are large enough to be seen, windows are shorter than the prompt, soft caps bite.
"""

import json
import shutil
import sys
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch
import transformers
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM

from families.float64 import Float64
from oracle.folders import FIXTURES
from tiny.models import bf16_bits, byte_level, write_safetensors

FAMILIES = FIXTURES / "families"
VOCAB = 96
MERGE = ("t", "h")
TOKENS = [41, 7, 90, 23, 58, 12, 77, 3, 66, 35, 84, 19]
DONOR = [52, 88, 14, 71, 30, 9, 63, 47, 5, 80, 26, 61]


@dataclass
class Layout:
    """Where a family's modules are; paths within a layer but for the four of the model."""

    embed: str = "model.embed_tokens"
    position: str | None = None
    layers: str = "model.layers"
    final: str = "model.norm"
    unembed: str = "lm_head"
    norm1: str = "input_layernorm"
    attention: str = "self_attn"
    qkv: tuple = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    output: str = "self_attn.o_proj"
    norm2: str | None = "post_attention_layernorm"  # None: one norm serves attention and MLP
    mlp_in: str = "mlp.gate_proj"
    mlp_out: str = "mlp.down_proj"
    gated: bool = True
    parallel: bool = False
    # Norms between attention or MLP and the stream.
    post_attention: str | None = None
    post_mlp: str | None = None


LLAMA = Layout()
GEMMA2 = Layout(
    norm2="pre_feedforward_layernorm",
    post_attention="post_attention_layernorm",
    post_mlp="post_feedforward_layernorm",
)
PHI3 = Layout(qkv=("self_attn.qkv_proj",), mlp_in="mlp.gate_up_proj")
GPT2 = Layout(
    embed="transformer.wte",
    position="transformer.wpe",
    layers="transformer.h",
    final="transformer.ln_f",
    norm1="ln_1",
    attention="attn",
    qkv=("attn.c_attn",),
    output="attn.c_proj",
    norm2="ln_2",
    mlp_in="mlp.c_fc",
    mlp_out="mlp.c_proj",
    gated=False,
)
NEOX = Layout(
    embed="gpt_neox.embed_in",
    layers="gpt_neox.layers",
    final="gpt_neox.final_layer_norm",
    attention="attention",
    qkv=("attention.query_key_value",),
    output="attention.dense",
    mlp_in="mlp.dense_h_to_4h",
    mlp_out="mlp.dense_4h_to_h",
    gated=False,
    parallel=True,
)
GPTJ = Layout(
    embed="transformer.wte",
    layers="transformer.h",
    final="transformer.ln_f",
    norm1="ln_1",
    attention="attn",
    qkv=("attn.q_proj", "attn.k_proj", "attn.v_proj"),
    output="attn.out_proj",
    norm2=None,
    mlp_in="mlp.fc_in",
    mlp_out="mlp.fc_out",
    gated=False,
    parallel=True,
)


@dataclass
class Family:
    name: str
    kind: str  # the class of its configuration, without "Config"
    layout: Layout
    settings: dict
    gguf: str | None  # the GGUF architecture, None where there is no GGUF to be had
    weights_of: str | None = None  # the family whose weights it shares
    v4: dict = field(default_factory=dict)  # what transformers 4 wrote in place of `rope_parameters`
    widths: tuple = ()  # of each layer's MLP, where they differ: transformers opens no such file, so GGUF only


def llama_like(d_model=40, ffn=56, layers=2, heads=4, kv=2, d_head=8, **more):
    return dict(
        hidden_size=d_model,
        intermediate_size=ffn,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv,
        head_dim=d_head,
        max_position_embeddings=64,
        rms_norm_eps=3e-4,
        tie_word_embeddings=False,
    ) | more


def rope(theta, kind="default", **more):
    return dict(rope_parameters=dict(rope_type=kind, rope_theta=theta) | more)


LLAMA3_SCALING = dict(
    factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=512
)
# The prompt is longer than the original context, so the long factors serve; its first 8 tokens are not.
LONGROPE = dict(short_factor=[1.0, 1.3, 1.9, 2.6], long_factor=[1.2, 2.5, 5.5, 9.0])
GEMMA2_SETTINGS = llama_like(
    d_head=12,
    hidden_activation="gelu_pytorch_tanh",
    sliding_window=5,
    attn_logit_softcapping=2.0,
    final_logit_softcapping=1.5,
    query_pre_attn_scalar=12,
    tie_word_embeddings=True,
)
GPT2_SETTINGS = dict(
    n_embd=36, n_layer=2, n_head=3, n_positions=32, layer_norm_epsilon=3e-4, tie_word_embeddings=True
)
NEOX_SETTINGS = dict(
    hidden_size=40,
    intermediate_size=88,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=64,
    layer_norm_eps=3e-4,
    tie_word_embeddings=False,
)

ALL = [
    Family(
        "gpt2", "GPT2", GPT2, GPT2_SETTINGS, "gpt2",
        v4=dict(n_ctx=32),
    ),
    Family(
        "gpt_neox", "GPTNeoX", NEOX,
        NEOX_SETTINGS | rope(10000.0, partial_rotary_factor=0.4),
        "gptneox",
        v4=dict(rotary_pct=0.4, rotary_emb_base=10000),
    ),
    # llama.cpp has neither a converter nor a loader for it: no GGUF to be like.
    Family(
        "gptj", "GPTJ", GPTJ,
        dict(n_embd=40, n_layer=2, n_head=4, n_positions=32, rotary_dim=4, n_inner=88)
        | dict(layer_norm_epsilon=3e-4, tie_word_embeddings=False),
        None,
    ),
    Family("llama2", "Llama", LLAMA, llama_like(heads=5, kv=5, d_head=6) | rope(10000.0), "llama"),
    Family(
        "llama3", "Llama", LLAMA,
        llama_like(max_position_embeddings=4096) | rope(2000.0, "llama3", **LLAMA3_SCALING),
        "llama",
        v4=dict(rope_theta=2000.0, rope_scaling=dict(rope_type="llama3") | LLAMA3_SCALING),
    ),
    Family(
        "llama-uneven", "Llama", LLAMA, llama_like(layers=3) | rope(10000.0), "llama", widths=(24, 104, 56)
    ),
    Family(
        "mistral", "Mistral", LLAMA,
        llama_like(heads=3, kv=1, d_head=12, sliding_window=5) | rope(30000.0),
        "llama",
    ),
    Family(
        "qwen2", "Qwen2", LLAMA,
        {k: v for k, v in llama_like(d_head=10, tie_word_embeddings=True).items() if k != "head_dim"}
        | rope(70000.0),
        "qwen2",
    ),
    Family("qwen3", "Qwen3", LLAMA, llama_like(d_head=14) | rope(90000.0), "qwen3"),
    Family(
        "gemma", "Gemma", LLAMA,
        llama_like(heads=3, kv=1, d_head=14, hidden_act="gelu_pytorch_tanh", tie_word_embeddings=True)
        | dict(hidden_activation="gelu_pytorch_tanh")
        | rope(10000.0),
        "gemma",
    ),
    Family("gemma2", "Gemma2", GEMMA2, GEMMA2_SETTINGS | rope(10000.0), "gemma2"),
    # As the 27B is: scores are divided by √(d_model / heads). GGUF has no key for it.
    Family(
        "gemma2-27b", "Gemma2", GEMMA2,
        GEMMA2_SETTINGS | dict(query_pre_attn_scalar=10) | rope(10000.0),
        None,
        weights_of="gemma2",
    ),
    # Every sixth layer is global, and GGUF does not say so: seven layers.
    Family(
        "gemma3", "Gemma3Text", GEMMA2,
        llama_like(d_model=24, ffn=36, layers=7, heads=2, kv=1, d_head=10, tie_word_embeddings=True)
        | dict(hidden_activation="gelu_pytorch_tanh", sliding_window=4, query_pre_attn_scalar=10)
        | dict(
            rope_parameters=dict(
                full_attention=dict(rope_type="default", rope_theta=1000000.0),
                sliding_attention=dict(rope_type="default", rope_theta=5000.0),
            )
        ),
        "gemma3",
        v4=dict(rope_theta=1000000.0, rope_local_base_freq=5000.0, sliding_window_pattern=6),
    ),
    Family(
        "phi3", "Phi3", PHI3,
        {k: v for k, v in llama_like(sliding_window=6).items() if k != "head_dim"}
        | dict(original_max_position_embeddings=64, pad_token_id=0)
        | rope(20000.0),
        "phi3",
    ),
    Family(
        "phi3-longrope", "Phi3", PHI3,
        {k: v for k, v in llama_like().items() if k != "head_dim"}
        | dict(max_position_embeddings=128, original_max_position_embeddings=8, pad_token_id=0)
        | rope(
            20000.0, "longrope",
            partial_rotary_factor=0.8, original_max_position_embeddings=8, **LONGROPE,
        ),
        "phi3",
        v4=dict(
            rope_theta=20000.0,
            partial_rotary_factor=0.8,
            rope_scaling=dict(type="longrope") | LONGROPE,
        ),
    ),
]


# Models


def build(family):
    """The model in float64, with its weights."""
    settings = dict(vocab_size=VOCAB, bos_token_id=0, eos_token_id=0) | family.settings
    config = getattr(transformers, family.kind + "Config")(**settings)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float64, attn_implementation="eager")
    for layer, width in zip(model.get_submodule(family.layout.layers), family.widths):
        own = getattr(transformers, family.kind + "Config")(**settings | dict(intermediate_size=width))
        layer.mlp = type(layer.mlp)(own).to(torch.float64)
    tied = model.config.tie_word_embeddings
    state = {}
    for name, x in model.state_dict().items():
        if not (tied and name == family.layout.unembed + ".weight"):
            state[name] = draw(family, name, tuple(x.shape), tied)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {family.layout.unembed + ".weight"}, (missing, unexpected)
    model.tie_weights()
    if family.kind == "GPTNeoX":  # the files' name for it
        state["embed_out.weight"] = state.pop("lm_head.weight")
    return model.eval(), state


def draw(family, name, shape, tied):
    """A tensor by its name: attention far from uniform, pre-activations in the tails, logits of order 1."""
    seed = zlib.crc32((family.weights_of or family.name).encode()), zlib.crc32(name.encode())
    x = np.random.default_rng(seed).standard_normal(shape)
    layout, module = family.layout, name.rpartition(".")[0]
    offset = 0.0 if family.kind.startswith("Gemma") else 1.0  # Gemma's norms multiply by 1 + w
    if name.endswith(".bias"):
        x = 0.3 * x
    elif module.endswith(("q_norm", "k_norm")):
        x = offset + 0.5 + 0.3 * x
    elif len(shape) == 1:
        x = offset + 0.3 * x
    elif module == layout.embed:
        x = x * (0.3 if tied else 0.6)
    elif module == layout.position:
        x = 0.3 * x
    elif module == layout.unembed:
        x = x / np.sqrt(shape[1])
    else:
        inputs = shape[0] if family.kind == "GPT2" else shape[1]  # GPT-2's are [in, out]
        x = x * gain(layout, module) / np.sqrt(inputs)
    return exact(torch.from_numpy(x))


def gain(layout, module):
    if module.endswith(layout.mlp_in):
        return 2.0
    if module.endswith((layout.output, layout.mlp_out)):
        return 0.9
    return 1.4 if module.endswith(layout.qkv[:2]) else 1.0


def exact(x):
    """The nearest bf16 numbers, without those too small for f16 to have them too."""
    x = x.to(torch.bfloat16).to(torch.float64)
    return torch.where(x.abs() < 2**-16, torch.zeros_like(x), x)


# Files


def write_config(family, model, folder, v4=None):
    config = model.config
    config.architectures = [type(model).__name__]
    config.dtype = "bfloat16"
    config.save_pretrained(folder)
    if v4 is None:
        return
    path = folder / "config.json"
    found = json.loads(path.read_text())
    for key in ("rope_parameters", "layer_types", "dtype", "_sliding_window_pattern"):
        found.pop(key, None)
    found |= {"torch_dtype": "bfloat16", "transformers_version": "4.40.0"} | v4
    path.write_text(json.dumps(found, indent=2) + "\n")


def write_weights(path, state, more=None):
    tensors = {k: ("BF16", bf16_bits(v.numpy().astype("<f4"))) for k, v in state.items()}
    write_safetensors(path, tensors | (more or {}), {"format": "pt"})


def write_v4(family, model, state):
    """The folder as transformers 4 wrote it; for the oldest two, with the weights' old names and extras."""
    folder = FAMILIES / (family.name + "-v4")
    folder.mkdir()
    write_config(family, model, folder, family.v4)
    shutil.copy(FAMILIES / family.name / "tokenizer.json", folder)
    causal = np.tril(np.ones((1, 1, 32, 32), np.uint8))
    layers = range(model.config.num_hidden_layers)
    if family.name == "gpt2":
        bare = {k.removeprefix("transformer."): v for k, v in state.items()}
        masks = {f"h.{n}.attn.bias": ("U8", causal) for n in layers}
        write_weights(folder / "model.safetensors", bare, masks)
    elif family.name == "gpt_neox":
        masks = {f"gpt_neox.layers.{n}.attention.bias": ("BOOL", causal) for n in layers}
        masks |= {
            f"gpt_neox.layers.{n}.attention.masked_bias": ("F32", np.array(-1e9, "<f4")) for n in layers
        }
        inverse = (10000.0 ** -(np.arange(0, 4, 2) / 4)).astype("<f4")
        masks |= {
            f"gpt_neox.layers.{n}.attention.rotary_emb.inv_freq": ("F32", inverse) for n in layers
        }
        write_weights(folder / "model.safetensors", state, masks)
    else:
        (folder / "model.safetensors").symlink_to(f"../{family.name}/model.safetensors")


def write_with_vision(family, state):
    """The text model within one that reads images too, whose parts for that are random; its configuration
    states what differs from the defaults and nothing else, as the published ones do."""
    folder = FAMILIES / (family.name + "-vision")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    vision = dict(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    config = transformers.Gemma3Config(
        text_config=dict(vocab_size=VOCAB) | family.settings,
        vision_config=vision | dict(image_size=28, patch_size=14),
        mm_tokens_per_image=4,
        boi_token_index=1, eoi_token_index=2, image_token_index=4,
    )
    whole = transformers.Gemma3ForConditionalGeneration(config)
    config.architectures = [type(whole).__name__]
    config.save_pretrained(folder)
    path = folder / "config.json"
    found = json.loads(path.read_text())
    usual = transformers.Gemma3TextConfig().to_dict()
    stated = {k: v for k, v in found["text_config"].items() if k == "model_type" or usual.get(k) != v}
    found["text_config"] = stated
    path.write_text(json.dumps(found, indent=2) + "\n")
    tensors = {"language_model." + k: v for k, v in state.items()}
    for name, x in whole.state_dict().items():
        name = name.removeprefix("model.")
        if name.startswith(("vision_tower.", "multi_modal_projector.")):
            tensors[name] = draw(family, name, tuple(x.shape), False)
    write_weights(folder / "model.safetensors", tensors)
    shutil.copy(FAMILIES / family.name / "tokenizer.json", folder)
    return folder


def write_tokenizer(path):
    """One token per printable ASCII character but `~`, after <|endoftext|>, and one merge: 96 in all."""
    byte_level(vocabulary(), [MERGE]).save(str(path), pretty=False)


def vocabulary():
    return ["<|endoftext|>", *map(chr, range(0x21, 0x7E)), "Ġ", "".join(MERGE)]


def make(family):
    from families.goldens import goldens
    from families.gguf_files import write_gguf

    for folder in (FAMILIES / family.name, FAMILIES / (family.name + "-v4")):
        shutil.rmtree(folder, ignore_errors=True)
    folder = FAMILIES / family.name
    folder.mkdir(parents=True)
    with Float64(), torch.no_grad():
        model, state = build(family)
        gaps = goldens(family, model, folder / "golden.safetensors")
        if not family.widths:
            write_weights(folder / "model.safetensors", state)
            write_tokenizer(folder / "tokenizer.json")
            write_config(family, model, folder)
        if family.gguf:
            write_gguf(family, model.config, state, folder / "model.gguf")
        if family.v4:
            write_v4(family, model, state)
    if family.widths:
        return print(family.name, ", ".join(f"{k} {v:.1e}" for k, v in gaps.items()))
    folders = [folder] + ([FAMILIES / (family.name + "-v4")] if family.v4 else [])
    if family.kind == "Gemma3Text":
        folders.append(write_with_vision(family, state))
    print(family.name, ", ".join(f"{k} {v:.1e}" for k, v in gaps.items()), reread(folders))


def reread(folders):
    """The largest gap of logits between the goldens and the files as transformers opens them, in f32."""
    found = []
    for folder in folders:
        wanted = load_file(folders[0] / "golden.safetensors")["logits"]
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager"
        ).eval()
        with torch.no_grad():
            logits = model(torch.tensor([TOKENS]), use_cache=False).logits[0].numpy()
        found.append(f"reread {folder.name} {np.abs(logits - wanted).max():.1e}")
        assert np.abs(logits - wanted).max() < 3e-5, found
    return ", ".join(found)


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for family in ALL:
        if not names or family.name in names:
            make(family)


if __name__ == "__main__":
    main(sys.argv[1:])
