"""Small random dictionaries of every kind and format, and what the code that they come from makes of some rows.

    python -m dictionaries.kinds       into Tests/ModelTests/Fixtures/dictionaries

SAELens' own classes in float64 (Gemma Scope's files too, which it loads as JumpReLU), sparsify's `SparseCoder` and
circuit-tracer's `SingleLayerTranscoder`. Weights are F32, or BF16 where that is said; rows are F32. `expected.json` has,
of each dictionary, the rows, the activations and the reconstruction.
"""

import json
import shutil
import warnings

import numpy as np
import torch
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.single_layer_transcoder import SingleLayerTranscoder
from sae_lens.registry import get_sae_class
from safetensors.torch import save_file
from sparsify.config import SparseCoderConfig
from sparsify.sparse_coder import SparseCoder

from oracle.folders import FIXTURES
from tiny.goldens import save_json

WIDTH, OUT, FEATURES, ROWS = 32, 32, 40, 3
HEADS, HEAD_WIDTH = 4, 24
FOLDER = FIXTURES / "dictionaries"


def generator(name):
    return torch.Generator().manual_seed(sum(name.encode()))


def fill(module, name):
    """Random parameters; thresholds are positive, and the scales of a gate small."""
    random = generator(name)
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            values = torch.randn(parameter.shape, generator=random)
            if "threshold" in key:
                values = values.abs() * 0.8
            elif key.startswith(("b_", "r_mag", "encoder.bias")):
                values = values * 0.3
            else:
                values = values / parameter.shape[-1] ** 0.5
            parameter.copy_(values)
    return module


def rows(name, width):
    return torch.randn((ROWS, width), generator=generator(name + " rows")) * 1.5


def expected(x, activations, output):
    return dict(rows=x.tolist(), activations=activations.tolist(), output=output.tolist())


# SAELens

LENS = {
    "standard": dict(architecture="standard"),
    "standard-no-bias": dict(architecture="standard", apply_b_dec_to_input=False),
    "standard-layer-norm": dict(architecture="standard", normalize_activations="layer_norm"),
    "standard-constant-norm": dict(architecture="standard", normalize_activations="constant_norm_rescale"),
    "standard-z": dict(architecture="standard", reshape_activations="hook_z", d_in=HEADS * HEAD_WIDTH),
    "gated": dict(architecture="gated"),
    "topk": dict(architecture="topk", k=5),
    "topk-rescaled": dict(architecture="topk", k=5, rescale_acts_by_decoder_norm=True),
    "topk-constant-norm": dict(architecture="topk", k=5, normalize_activations="constant_norm_rescale"),
    "jumprelu": dict(architecture="jumprelu"),
    "transcoder": dict(architecture="transcoder", d_out=OUT, apply_b_dec_to_input=False),
    "skip-transcoder": dict(architecture="skip_transcoder", d_out=OUT, apply_b_dec_to_input=False),
    "jumprelu-transcoder": dict(architecture="jumprelu_transcoder", d_out=OUT, apply_b_dec_to_input=False),
    "jumprelu-skip-transcoder": dict(architecture="jumprelu_skip_transcoder", d_out=OUT, apply_b_dec_to_input=False),
}


def lens(name, settings):
    kind, config_class = get_sae_class(settings["architecture"])
    config = config_class.from_dict(dict(d_in=WIDTH, d_sae=FEATURES) | settings)
    is_transcoder = "transcoder" in settings["architecture"]
    places = {"standard-z": "attn.hook_z", "gated": "hook_attn_out", "jumprelu": "hook_mlp_out"}
    where = places.get(name, "hook_mlp_in" if is_transcoder else "hook_resid_post")
    config.metadata.hook_name = f"blocks.1.{where}"
    if is_transcoder:
        config.metadata.hook_name_out = "blocks.1.hook_mlp_out"
    config.metadata.model_name = "tiny-gqa"
    config.metadata.prepend_bos = True
    config.metadata.sae_lens_version = "6.54.12"
    sae = fill(kind(config), name)
    sae.save_model(FOLDER / name)
    (FOLDER / name / "sparsity.safetensors").unlink(missing_ok=True)
    x = rows(name, config.d_in)
    sae = sae.to(torch.float64)
    given = x.double()
    if name == "standard-z":
        given = given.reshape(ROWS, HEADS, HEAD_WIDTH)
    with torch.no_grad():
        activations = sae.encode(given)
        output = sae(given)
    return expected(x, activations, output.reshape(ROWS, -1))


def old_lens():
    """As version 5 wrote it: flat, `topk` in the name of the activation function, a bool for the norm."""
    name, folder = "topk-v5", FOLDER / "topk-v5"
    kind, config_class = get_sae_class("topk")
    sae = fill(kind(config_class(d_in=WIDTH, d_sae=FEATURES, k=4)), name)
    folder.mkdir()
    save_file({k: v.detach().clone() for k, v in sae.state_dict().items()}, folder / "sae_weights.safetensors")
    config = dict(
        architecture="standard", d_in=WIDTH, d_sae=FEATURES, activation_fn_str="topk", activation_fn_kwargs=dict(k=4),
        dtype="float32", hook_name="blocks.1.hook_resid_post", hook_layer=1, hook_head_index=None, model_name="tiny-gqa",
        normalize_activations=False, finetuning_scaling_factor=False, prepend_bos=True, l1_coefficient=5.0)
    (folder / "cfg.json").write_text(json.dumps(config))
    x = rows(name, WIDTH)
    sae = sae.to(torch.float64)
    with torch.no_grad():
        return expected(x, sae.encode(x.double()), sae(x.double()))


# Gemma Scope


def gemma_scope(name, transcoder, skip):
    """The weights of a JumpReLU dictionary of SAELens, in Google's files."""
    architecture = "jumprelu" + ("_skip" if skip else "") + ("_transcoder" if transcoder else "")
    kind, config_class = get_sae_class(architecture)
    settings = dict(d_in=WIDTH, d_sae=FEATURES, apply_b_dec_to_input=False)
    sae = fill(kind(config_class(**settings, **(dict(d_out=OUT) if transcoder else {}))), name)
    weights = {key: value.detach() for key, value in sae.state_dict().items()}
    folder = FOLDER / name
    folder.mkdir()
    if not name.startswith("gemma-scope-2"):
        np.savez(folder / "params.npz", **{key: value.numpy() for key, value in weights.items()})
    else:
        skips = {"affine_skip_connection": weights.pop("W_skip").T.contiguous()} if skip else {}
        tensors = {("w" + key[1:] if key.startswith("W") else key): value.clone() for key, value in weights.items()}
        save_file(tensors | skips, folder / "params.safetensors")
        point = "model.layers.1.pre_feedforward_layernorm.output" if transcoder else "model.layers.1.output"
        out = "model.layers.1.post_feedforward_layernorm.output" if transcoder else point
        config = dict(
            hf_hook_point_in=point, hf_hook_point_out=out, width=FEATURES, model_name="tiny", l0=10,
            architecture="jump_relu", affine_connection=skip, type="transcoder" if transcoder else "sae")
        (folder / "config.json").write_text(json.dumps(config))
    x = rows(name, WIDTH)
    sae = sae.to(torch.float64)
    with torch.no_grad():
        return expected(x, sae.encode(x.double()), sae(x.double()))


# sparsify


def sparsify(name, dtype=torch.float32, **settings):
    config = SparseCoderConfig(num_latents=FEATURES, k=5, **settings)
    coder = fill(SparseCoder(WIDTH, config), name).to(dtype)
    coder.save_to_disk(FOLDER / name)
    coder = coder.to(torch.float64)
    x = rows(name, WIDTH)
    with torch.no_grad():
        found = coder.encode(x.double())
        activations = torch.zeros(ROWS, FEATURES, dtype=torch.float64).scatter(-1, found.top_indices, found.top_acts)
        # `decode` by itself needs triton; `forward` says the rest.
        output = activations @ coder.W_dec + coder.b_dec
        if coder.W_skip is not None:
            output += x.double() @ coder.W_skip.mT
    return expected(x, activations, output)


# circuit-tracer


def circuit_tracer(name, jump, skip):
    function = JumpReLU(torch.zeros(FEATURES)) if jump else torch.nn.functional.relu
    coder = SingleLayerTranscoder(
        WIDTH, FEATURES, function, 1, skip_connection=skip, device=torch.device("cpu"), dtype=torch.float32)
    fill(coder, name)
    folder = FOLDER / name
    folder.mkdir()
    coder.to_safetensors(str(folder / "layer_1.safetensors"))
    (folder / "config.yaml").write_text(
        "# a set of one layer\n"
        'model_name: "tiny-gqa"\nmodel_kind: transcoder_set\n'
        'feature_input_hook: "hook_resid_mid"   # before the norm\nfeature_output_hook: hook_mlp_out\n'
        "scan: none\ntranscoders:\n  - layer_1.safetensors\n")
    coder = coder.to(torch.float64)
    x = rows(name, WIDTH)
    with torch.no_grad():
        return expected(x, coder.encode(x.double()), coder(x.double()))


def main():
    warnings.simplefilter("ignore")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    found = {name: lens(name, settings) for name, settings in LENS.items()}
    found["topk-v5"] = old_lens()
    found["gemma-scope"] = gemma_scope("gemma-scope", transcoder=False, skip=False)
    found["gemma-scope-2"] = gemma_scope("gemma-scope-2", transcoder=False, skip=False)
    found["gemma-scope-2-transcoder"] = gemma_scope("gemma-scope-2-transcoder", transcoder=True, skip=True)
    found["sparsify"] = sparsify("sparsify")
    found["sparsify-bf16"] = sparsify("sparsify-bf16", dtype=torch.bfloat16)
    found["sparsify-groupmax"] = sparsify("sparsify-groupmax", activation="groupmax")
    found["sparsify-transcoder"] = sparsify("sparsify-transcoder", transcode=True, skip_connection=True)
    found["circuit-tracer"] = circuit_tracer("circuit-tracer", jump=False, skip=False)
    found["circuit-tracer-jump"] = circuit_tracer("circuit-tracer-jump", jump=True, skip=True)
    save_json(FOLDER / "expected.json", found)


if __name__ == "__main__":
    main()
