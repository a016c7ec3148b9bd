"""The cases of `families/config_walk.py`: which keys, which values, at which places."""

from dataclasses import dataclass, field
import dataclasses

import transformers


@dataclass
class Base:
    folder: str
    kind: str  # the configuration class, without "Config"
    change: dict = field(default_factory=dict)  # of the folder's own config.json
    inner: str = ""  # where the text model's keys are


ROPELESS = dict(drop=["rope_parameters"])
BASES = {
    "gpt2": Base("gpt2", "GPT2"),
    "gpt_neox": Base("gpt_neox", "GPTNeoX"),
    "gptj": Base("gptj", "GPTJ"),
    "llama2": Base("llama2", "Llama"),
    "llama3": Base("llama3", "Llama"),
    "mistral": Base("mistral", "Mistral"),
    "qwen2": Base("qwen2", "Qwen2"),
    "qwen3": Base("qwen3", "Qwen3"),
    "gemma": Base("gemma", "Gemma"),
    "gemma2": Base("gemma2", "Gemma2"),
    "gemma3": Base("gemma3", "Gemma3Text"),
    "gemma3-vision": Base("gemma3-vision", "Gemma3", inner="text_config/"),
    "phi3": Base("phi3", "Phi3"),
    "phi3-longrope": Base("phi3-longrope", "Phi3"),
}

ACTIVATIONS = [
    "silu", "swish", "gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python", "gelu_python_tanh",
    "gelu_accurate", "gelu_10", "quick_gelu", "relu", "tanh", "no_such",
]  # fmt: skip
OTHER = {
    "hidden_act": ACTIVATIONS,
    "hidden_activation": ACTIVATIONS,
    "activation_function": ACTIVATIONS,
    "layer_norm_eps": [1e-2, 1, 0.0, -1e-3],
    "layer_norm_epsilon": [1e-2, 1, 0.0, -1e-3],
    "rms_norm_eps": [1e-2, 1, 0.0, -1e-3],
    "num_key_value_heads": [1, 2, 3, 0],
    "head_dim": [2, 16, 0, -1],
    "sliding_window": [1, 2, 3, 8, 4096, 0, -1],
    "max_window_layers": [0, 1, 2, 28],
    "max_position_embeddings": [8, 16, 1 << 20, 0],
    "n_positions": [8, 64, 0],
    "original_max_position_embeddings": [6, 9, 16, 4096, 1, 0],
    "query_pre_attn_scalar": [4, 16, 64.5, 0, -4],
    "attn_logit_softcapping": [0.5, 20.0, 3, 0.0],
    "final_logit_softcapping": [0.5, 20.0, 3, 0.0],
    "rotary_dim": [2, 6, 10, 3, 0, 64],
    "n_inner": [4, 88, 144],
    "layer_types": [
        ["full_attention"], ["no_such"], [], "full_attention", "ALL_FULL", "ALL_SLIDING", "ALTERNATE", "LEGACY",
    ],  # fmt: skip
    "sliding_window_pattern": [1, 2, 3, 6, 0, "2"],
    "dtype": ["float32", "bfloat16"],
    "torch_dtype": ["float16"],
    "problem_type": ["regression"],
    "architectures": [["Other"]],
    "transformers_version": ["4.0.0"],
    "id2label": [{"0": "a"}],
    "label2id": [{"a": 0}],
    "pad_token_id": [3, 96, -1],
    "eos_token_id": [3, [3, 5], "x"],
    "bos_token_id": [3, "x"],
    "summary_type": ["last"],
    "summary_activation": ["tanh"],
    "chunk_size_feed_forward": [2],
    "text_config": [],
    "vision_config": [],
    "rope_parameters": [],
    "boi_token_index": [3],
    "eoi_token_index": [3],
    "image_token_index": [3, 262144],
    "mm_tokens_per_image": [16],
    "initializer_range": [0.5],
    "pretraining_tp": [2],
}
# Keys that no class declares and that transformers reads, or that other versions wrote.
EXTRA = {
    "is_causal": [False, True],
    "is_decoder": [True],
    "use_bidirectional_attention": [True, False],
    "attention_chunk_size": [4],
    "per_layer_config": [{"0": {"intermediate_size": 8}}, {}],
    "head_dim": [8, 16],
    "attention_bias": [True, False],
    "mlp_bias": [True],
    "n_ctx": [8, 64],
    "sliding_window": [3],
    "sliding_window_pattern": [2],
    "_sliding_window_pattern": [2],
    "cache_implementation": ["hybrid"],
    "attn_logit_softcapping": [0.5],
    "final_logit_softcapping": [0.5],
    "query_pre_attn_scalar": [16],
    "layer_types": ["ALL_FULL", "ALL_SLIDING"],
    "output_attentions": [True],
    "attn_implementation": ["eager"],
    "hidden_activation": ["relu"],
    "hidden_act": ["relu"],
    "temperature": [0.7],
    "gradient_checkpointing": [True],
    "no_such_key": [1],
    "rope_local_base_freq": [77.0],
    "rotary_pct": [1.0, 0.5, 0.25, 0.3],
    "rotary_emb_base": [50.0, 50],
    "original_max_position_embeddings": [6, 64],
    "multiplier": [2.0],
    "embedding_multiplier": [2.0],
    "scale_embedding": [True],
}
# What transformers needs for images, and no prompt of text reads.
OF_IMAGES = ("vision_config", "mm_tokens_per_image", "image_token_index", "image_token_id")
LINEAR = dict(rope_type="linear", factor=4.0)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64
)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)


def cases(name, base, config):
    found = []
    seen = set()

    def add(**case):
        key = repr(case)
        if key not in seen:
            seen.add(key)
            found.append(case)

    inner = config[base.inner[:-1]] if base.inner else config
    add()
    for at, kind, there in places(base, config, inner):
        walk(at, kind, there, inner, add)
    ropes(name, base, inner, add)
    ties(name, base, config, inner, add)
    biases(name, base, inner, add)
    return found


def places(base, config, inner):
    yield "", getattr(transformers, base.kind + "Config"), config
    if base.inner:
        yield base.inner, transformers.Gemma3TextConfig, inner


def layer_types(value, inner):
    layers = inner.get("num_hidden_layers", inner.get("n_layer", 2))
    kinds = ["full_attention", "sliding_attention"]
    return {
        "ALL_FULL": kinds[:1] * layers,
        "ALL_SLIDING": kinds[1:] * layers,
        "ALTERNATE": [kinds[i % 2] for i in range(layers)],
        "LEGACY": ["attention"] * layers,
    }.get(value, value) if isinstance(value, str) else value


def walk(at, kind, there, inner, add):
    """Every field left out, null, and other; then the keys that are none of its fields."""
    declared = [f.name for f in dataclasses.fields(kind)]
    names = declared + [k for k in kind.attribute_map] + [k for k in EXTRA if k not in declared]
    for name in names:
        path = at + name
        if name not in OF_IMAGES:
            if name in there:
                add(drop=[path])
            add(set={path: None})
        others = OTHER.get(name, EXTRA.get(name))
        if others is None:
            others = simple(there.get(name, getattr(kind, name, None)))
        if name in kind.attribute_map:
            now = there.get(kind.attribute_map[name])
            others = [now, 7]
            add(drop=[at + kind.attribute_map[name]], set={path: now})
        for value in others:
            add(set={path: layer_types(value, inner) if name == "layer_types" else value})
    for name in ("num_hidden_layers", "n_layer", "vocab_size", "hidden_size", "n_embd", "intermediate_size"):
        if name in there:
            add(set={at + name: str(there[name])})
            add(set={at + name: float(there[name])})
    windows(at, kind, inner, add)


def simple(now):
    if isinstance(now, bool):
        return [not now]
    if isinstance(now, int):
        return [now + 1, max(1, now // 2)]
    if isinstance(now, float):
        return [now * 2 + 0.125]
    if isinstance(now, str):
        return [now + "x"]
    return [1]


def windows(at, kind, inner, add):
    names = {f.name for f in dataclasses.fields(kind)}
    layers = inner.get("num_hidden_layers", 2)
    if "use_sliding_window" in names:
        on = {at + "use_sliding_window": True, at + "sliding_window": 3}
        for first in (0, 1, 2, None):
            case = dict(on) | ({} if first is None else {at + "max_window_layers": first})
            dropped = [at + "layer_types"] + ([at + "max_window_layers"] if first is None else [])
            add(drop=dropped, set=case)
        add(set=on)
        for types in ("ALL_FULL", "ALL_SLIDING", "ALTERNATE"):
            add(set=on | {at + "layer_types": layer_types(types, inner)})
            add(set={at + "layer_types": layer_types(types, inner), at + "sliding_window": 3})
        add(drop=[at + "sliding_window"], set={at + "use_sliding_window": True, at + "layer_types": ["sliding_attention"] * layers})
        add(set={at + "use_sliding_window": True, at + "sliding_window": None, at + "layer_types": ["sliding_attention"] * layers})
    if "layer_types" in names and "use_sliding_window" not in names:
        for types in ("ALL_FULL", "ALL_SLIDING", "ALTERNATE"):
            add(set={at + "layer_types": layer_types(types, inner), at + "sliding_window": None})
        for key in ("sliding_window_pattern", "_sliding_window_pattern"):
            for value in (1, 2, 3):
                add(drop=[at + "layer_types"], set={at + key: value})
        add(drop=[at + "layer_types"])
        add(drop=[at + "layer_types", at + "_sliding_window_pattern"])
        add(set={at + "layer_types": None})


def ropes(name, base, inner, add):
    """RoPE at its old place, its new one, at both, and within."""
    at = base.inner
    if name in ("gpt2", "gptj"):
        add(set={"rope_theta": 77.0})
        add(set={"rope_parameters": dict(rope_type="default", rope_theta=77.0)})
        add(set={"rope_scaling": LINEAR})
        add(set={"partial_rotary_factor": 0.5})
        return
    now = inner.get("rope_parameters")
    d_head = inner.get("head_dim") or inner["hidden_size"] // inner["num_attention_heads"]
    share = 1.0
    if name == "gpt_neox":
        share = 0.4
    if name == "phi3-longrope":
        share = 0.8
    pairs = int(d_head * share) // 2
    longrope = dict(
        rope_type="longrope",
        short_factor=[1.0 + 0.3 * i for i in range(pairs)],
        long_factor=[1.2 + 1.7 * i for i in range(pairs)],
    )
    within = dict(partial_rotary_factor=share) if share != 1 else {}
    place, old = at + "rope_parameters", at + "rope_scaling"
    theta = at + "rope_theta"
    kinds = [
        dict(rope_type="default"),
        dict(type="default"),
        LINEAR,
        dict(type="linear", factor=4.0),
        LINEAR | dict(type="llama3"),
        LINEAR | dict(factor=4),
        LINEAR | dict(factor=None),
        dict(rope_type="linear"),
        LINEAR | dict(factor=0.5),
        LINEAR | dict(attention_factor=3.0),
        dict(factor=4.0),
        LLAMA3,
        {k: v for k, v in LLAMA3.items() if k != "original_max_position_embeddings"},
        {k: v for k, v in LLAMA3.items() if k != "low_freq_factor"},
        LLAMA3 | dict(low_freq_factor=4.0),
        LLAMA3 | dict(low_freq_factor=8.0),
        LLAMA3 | dict(factor=None),
        LLAMA3 | dict(attention_factor=3.0),
        longrope,
        longrope | dict(original_max_position_embeddings=8),
        longrope | dict(original_max_position_embeddings=8, factor=2.5),
        longrope | dict(original_max_position_embeddings=8, factor=None),
        longrope | dict(original_max_position_embeddings=8, factor=0.5),
        longrope | dict(original_max_position_embeddings=8, factor=2.5, attention_factor=1.7),
        longrope | dict(original_max_position_embeddings=8, attention_factor=0.6),
        longrope | dict(original_max_position_embeddings=8, attention_factor=None),
        longrope | dict(original_max_position_embeddings=1),
        longrope | dict(original_max_position_embeddings=8, short_factor=[1.0]),
        longrope | dict(original_max_position_embeddings=8, long_factor=[1.0] * (pairs + 1)),
        longrope | dict(original_max_position_embeddings=8, long_factor=None),
        {k: v for k, v in (longrope | dict(original_max_position_embeddings=8)).items() if k != "long_factor"},
        longrope | dict(original_max_position_embeddings=8, mscale=2.0),
        longrope | dict(rope_type="su", original_max_position_embeddings=8),
        {k: v for k, v in longrope.items() if k != "rope_type"} | dict(type="su"),
        longrope | dict(rope_type="yarn", factor=2.5, original_max_position_embeddings=8),
        YARN,
        {k: v for k, v in YARN.items() if k != "factor"},
        dict(rope_type="dynamic", factor=4.0),
        dict(rope_type="proportional", factor=4.0),
        dict(rope_type="mrope"),
        dict(rope_type=None),
        dict(rope_type="no_such"),
        {},
    ]
    for kind in kinds:
        kind = kind | (within if kind else {})
        if name.startswith("gemma3"):
            gemma3_ropes(at, kind, add)
            continue
        add(set={place: kind | dict(rope_theta=500.0)})
        add(set={place: kind})
        add(set={place: kind, theta: 700.0})
        add(drop=[place], set={old: kind, theta: 700.0} | ({at + "partial_rotary_factor": share} if share != 1 else {}))
        add(set={old: kind})
        for value in (6, 64):
            add(set={place: kind | dict(rope_theta=500.0), at + "original_max_position_embeddings": value})
    flat = not name.startswith("gemma3")
    add(drop=[place])
    add(set={place: None})
    add(set={place: "x"})
    add(set={place: None, theta: 700.0})
    add(drop=[place], set={theta: 700.0})
    add(drop=[place], set={theta: 700})
    add(drop=[place], set={theta: None})
    add(drop=[place], set={theta: 0.0})
    add(drop=[place], set={old: None, theta: 700.0})
    add(set={theta: 700.0})
    add(set={at + "rope_local_base_freq": 77.0})
    add(drop=[place], set={at + "rope_local_base_freq": 77.0})
    add(drop=[place], set={at + "rotary_pct": 0.5})
    add(drop=[place], set={at + "rotary_emb_base": 77.0})
    add(drop=[place], set={at + "rotary_emb_base": 77.0, theta: 33.0})
    for value in (None, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0, 1, 0.0, 2.0):
        add(set={at + "partial_rotary_factor": value})
        add(drop=[place], set={at + "partial_rotary_factor": value, theta: 700.0})
        if flat:
            add(set={place + "/partial_rotary_factor": value})
            add(set={place: LINEAR | dict(rope_theta=500.0, partial_rotary_factor=value)})
            add(set={place: LINEAR | dict(rope_theta=500.0), at + "partial_rotary_factor": value})
    if flat:
        for key in sorted(now or {}):
            add(drop=[f"{place}/{key}"])
            add(set={f"{place}/{key}": None})
        add(set={f"{place}/rope_theta": 5})
        add(set={f"{place}/rope_theta": "10000"})
        add(set={f"{place}/rope_theta": 1.0})
        add(set={f"{place}/no_such_key": 3})
        kinds = dict(full_attention=dict(rope_type="default", rope_theta=77.0))
        add(set={place: kinds})
        add(set={place: kinds | dict(sliding_attention=dict(rope_type="default", rope_theta=55.0))})
        add(set={place: kinds, theta: 700.0})
        add(set={place: LINEAR | dict(rope_theta=500.0), old: LLAMA3})
        add(set={place: LINEAR | dict(rope_theta=500.0), old: LLAMA3, theta: 300.0})
        add(set={place: LINEAR | dict(rope_theta=500.0), old: {}})
        add(set={place: LINEAR | dict(rope_theta=500.0), old: None})


def gemma3_ropes(at, kind, add):
    place, old = at + "rope_parameters", at + "rope_scaling"
    local = dict(rope_type="default", rope_theta=50.0)
    add(set={place: dict(full_attention=kind | dict(rope_theta=500.0), sliding_attention=local)})
    add(set={place: dict(full_attention=kind, sliding_attention=local)})
    add(set={place: dict(full_attention=kind)})
    add(set={place: dict(sliding_attention=kind)})
    add(set={place: dict(sliding_attention=kind, full_attention=None)})
    add(set={place: kind})
    add(set={old: kind})
    add(drop=[place], set={old: kind})
    add(drop=[place], set={old: kind, at + "rope_theta": 700.0, at + "rope_local_base_freq": 70.0})
    add(set={old: kind, at + "rope_theta": 700.0, at + "rope_local_base_freq": 70.0})
    for value in (6, 64):
        add(
            set={
                place: dict(full_attention=kind | dict(rope_theta=500.0), sliding_attention=local),
                at + "original_max_position_embeddings": value,
            }
        )


def ties(name, base, config, inner, add):
    """Heads: of the file's own, of a wrong shape, absent; tied and not."""
    head = "embed_out.weight" if name == "gpt_neox" else "lm_head.weight"
    width = inner.get("hidden_size", inner.get("n_embd"))
    rows = inner["vocab_size"]
    for tied in (True, False, None):
        change = {"drop": ["tie_word_embeddings"]} if tied is None else {"set": {"tie_word_embeddings": tied}}
        add(**change)
        add(**change, **{"without": [head]})
        add(**change, **{"with": {head: [rows, width]}})
        add(**change, **{"with": {head: [rows + 1, width]}})
        add(**change, **{"without": ["embed_tokens.weight", "wte.weight", "embed_in.weight"], "with": {head: [rows, width]}})
        if base.inner:
            for outer in (True, False):
                both = {"tie_word_embeddings": outer, base.inner + "tie_word_embeddings": tied}
                add(**{"set": both})
                add(**{"set": both, "with": {head: [rows, width]}})


def biases(name, base, inner, add):
    """Biases that the configuration asks for or does not, there or not."""
    at = base.inner
    layers = range(inner.get("num_hidden_layers", inner.get("n_layer", 2)))
    if name == "gpt_neox":
        ends = ["attention.query_key_value.bias", "attention.dense.bias"]
        for asked in (True, False):
            add(**{"set": {"attention_bias": asked}, "without": ends})
            add(**{"set": {"attention_bias": asked}, "without": ends[1:]})
        return
    if name in ("gpt2", "gptj") or name.startswith("phi3"):
        return
    d_head = inner.get("head_dim") or inner["hidden_size"] // inner["num_attention_heads"]
    heads, kv = inner["num_attention_heads"], inner.get("num_key_value_heads", inner["num_attention_heads"])
    width, neurons = inner["hidden_size"], inner["intermediate_size"]
    stem = "language_model.model.layers" if base.inner else "model.layers"
    qkv = {"q_proj": heads * d_head, "k_proj": kv * d_head, "v_proj": kv * d_head}
    attention = {f"{stem}.{i}.self_attn.{k}.bias": [n] for i in layers for k, n in (qkv | {"o_proj": width}).items()}
    output = {k: v for k, v in attention.items() if "o_proj" in k}
    mlp = {
        f"{stem}.{i}.mlp.{k}.bias": [n]
        for i in layers
        for k, n in {"gate_proj": neurons, "up_proj": neurons, "down_proj": width}.items()
    }
    for asked in (True, False):
        add(**{"set": {at + "attention_bias": asked}, "with": attention})
        add(**{"set": {at + "attention_bias": asked}, "with": {k: v for k, v in attention.items() if k not in output}})
        add(**{"set": {at + "mlp_bias": asked}, "with": mlp})
        add(**{"set": {at + "attention_bias": asked, at + "mlp_bias": asked}, "with": attention | mlp})


# What Summand refuses although transformers computes it


def doubt(whole, unexpected):
    """Why Summand does not support a model that transformers computes, from its configuration as transformers reads
    it; None where it supports it."""
    config = whole.get_text_config()
    reads_images = config is not whole
    get = lambda name, other=None: getattr(config, name, other)
    if unexpected:
        return f"tensors that are not used: {sorted(unexpected)[0]}"
    looks_ahead = config.model_type.startswith("gemma") and get("use_bidirectional_attention")
    if looks_ahead or get("is_causal", True) is not True or getattr(whole, "is_causal", True) is not True:
        return "attention that looks ahead"
    act = get("hidden_activation") if config.model_type in GEMMAS else get("hidden_act")
    if config.model_type in ("gpt2", "gptj"):
        act = config.activation_function
    if act in ("gelu_10", "quick_gelu", "relu", "tanh"):
        return f"the activation {act}"
    for name in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "query_pre_attn_scalar"):
        if get(name) is not None and get(name) <= 0 and (name != "query_pre_attn_scalar" or config.model_type in GEMMAS):
            return f"{name} {get(name)}"
    if get("max_position_embeddings") < 1:
        return "a context of no tokens"
    if get("scale_attn_by_inverse_layer_idx"):
        return "scores that are scaled layer by layer"
    caps = dict(gemma2=("final_logit_softcapping", "attn_logit_softcapping"), gemma3_text=("final_logit_softcapping",))
    if not reads_images and any(get(name) == 0 for name in caps.get(config.model_type, ())):
        return "a cap of 0"
    if reads_images and get("sliding_window") is None:
        return "no window"
    return windows_doubt(config, get) or rope_doubt(config, get)


GEMMAS = ("gemma2", "gemma3_text")


def windows_doubt(config, get):
    windowed = config.model_type in ("mistral", "ministral", "phi3") + GEMMAS
    if config.model_type.startswith("qwen"):
        windowed = "sliding_attention" in config.layer_types
    window = get("sliding_window")
    if windowed and window is not None and window < 1:
        return f"a window of {window}"


def rope_doubt(config, get):
    rope = get("rope_parameters")
    if config.model_type in ("gpt2", "gptj"):
        return None
    head = config.hidden_size // config.num_attention_heads
    if config.model_type == "gpt_neox" and get("head_dim") not in (None, 0, head):
        return "a head_dim of its own"
    head = get("head_dim", head) or head
    used = set(config.layer_types) if config.model_type == "gemma3_text" else [None]
    for kind in used:
        found = rope[kind] if kind else rope
        name = found["rope_type"]
        if name not in ("default", "linear", "llama3", "longrope"):
            return f"RoPE scaling {name}"
        partial = config.model_type in ("gpt_neox", "phi3")
        if partial or name != "default":
            share = found.get("partial_rotary_factor", 1.0)
            width = int(head * share)
            if width < 2 or width % 2 or (not partial and width != head):
                return f"RoPE on {share} of each head"
            if name == "longrope" and {len(found["short_factor"]), len(found["long_factor"])} != {width // 2}:
                return "one factor for all pairs"
