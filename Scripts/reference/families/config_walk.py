"""Every key of every family's configuration class, and what `transformers` makes of it.

    python -m families.config_walk [FAMILY …]       all of them, or some; into Tests/ModelTests/Fixtures/config-walk

Each case changes the `config.json` of a model of `families/models.py` (leaves a key out, sets it to null or to another
value, writes it at its old or its new place), and sometimes its weights, and records the logits that
`transformers` computes in float64 (`families/float64.py`), or why it cannot. The record says what Summand must do:
give the same logits ("equal") or refuse the model ("refused"): whatever `transformers` cannot open or would open
with random weights, and what `doubt` lists as not supported.

One file per family: the fields of the configuration class with their types and defaults, and the cases, one a
line. `Tests/ModelTests/ConfigWalkTests.swift` runs them.
"""

import contextlib
import copy
import dataclasses
import json
import logging
import math
import re
import shutil
import struct
import sys
import tempfile
import types
import typing
import zlib
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import AutoModelForCausalLM

from families.config_walk_cases import BASES, cases, doubt
from families.float64 import Float64
from families.models import FAMILIES, TOKENS
from oracle.folders import FIXTURES

OUT = FIXTURES / "config-walk"
# The longest prompt of `families/models.py`, and one that is shorter than a longrope's original context.
PROMPTS = [TOKENS, TOKENS[:7]]
# Which logits of a prompt's last position are recorded.
KEPT = [0, 17, 34, 51, 68, 85]


# What a class takes


def fields(kind):
    """The fields of a configuration class: name, whether null is a value, kind of value, default."""
    found = []
    hints = typing.get_type_hints(kind, localns={"torch": torch})
    for field in dataclasses.fields(kind):
        options = set(alternatives(hints[field.name]))
        found.append([field.name, type(None) in options, name_of(options - {type(None)}), plain(field.default)])
    return sorted(found)


def plain(default):
    return None if default is dataclasses.MISSING else default


def alternatives(hint):
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [option for part in typing.get_args(hint) for option in alternatives(part)]
    if typing.get_origin(hint) is typing.Literal:
        return [str]
    if typing.get_origin(hint) is typing.Annotated:
        return alternatives(typing.get_args(hint)[0])
    return [typing.get_origin(hint) or hint]


def name_of(options):
    names = {option.__name__ for option in options}
    for name, those in {
        "bool": {"bool"}, "int": {"int"}, "float": {"float"}, "string": {"str"}, "list": {"list"},
        "tokens": {"int", "list"}, "number": {"int", "float"},
    }.items():  # fmt: skip
        if names == those:
            return name
    return "any"


# Changes


def changed(config, case):
    found = copy.deepcopy(config)
    for path in case.get("drop", []):
        *parents, last = path.split("/")
        holder(found, parents).pop(last, None)
    for path, value in case.get("set", {}).items():
        *parents, last = path.split("/")
        holder(found, parents)[last] = copy.deepcopy(value)
    return found


def holder(config, parents):
    for name in parents:
        config = config.setdefault(name, {})
    return config


def read_tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = data[8 + length :]
    return {k: (v["dtype"], v["shape"], body[slice(*v["data_offsets"])]) for k, v in header.items()}


def write_tensors(path, tensors):
    header, body = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(tensors):
        dtype, shape, data = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def weights(tensors, case):
    """The tensors of a case: `without` those whose names end so, `with` others of a shape, drawn by name."""
    ends = tuple(case.get("without", []))
    found = {k: v for k, v in tensors.items() if not (ends and k.endswith(ends))}
    for name, shape in case.get("with", {}).items():
        found[name] = ("F32", shape, draw(name, shape).tobytes())
    return found


def draw(name, shape):
    """Numbers that Swift draws too: multiples of 1/256 between −1/2 and 1/2, by a 32-bit generator."""
    state, found = zlib.crc32(name.encode()), []
    for _ in range(math.prod(shape)):
        state = (state * 1664525 + 1013904223) % 2**32
        found.append((state >> 24) / 256 - 0.5)
    return np.array(found, "<f4")


# What transformers makes of it


def logits(folder, upcasts=False):
    """The kept logits of every prompt, and why Summand may refuse the model all the same, if it may.

    Raises where transformers does, or where it would fill in random weights. A model that demands f32 for its
    attention (`reorder_and_upcast_attn`) is computed in f32.
    """
    with contextlib.nullcontext() if upcasts else Float64(), torch.no_grad():
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32 if upcasts else torch.float64, attn_implementation="eager",
            output_loading_info=True,
        )  # fmt: skip
        if info["missing_keys"]:
            raise RuntimeError(f"random weights: {sorted(info['missing_keys'])[0]}")
        model.eval().config.return_dict = True  # else its parts fail on each other's results
        found = []
        for prompt in PROMPTS:
            row = model(torch.tensor([prompt]), use_cache=False, return_dict=True).logits[0, -1].numpy()
            if not np.isfinite(row).all():
                raise RuntimeError("logits that are not finite")
            found += [float(row[i]) for i in KEPT]
    return found, doubt(model.config, info["unexpected_keys"])


def sorted_sets(message):
    """The message with the sets that Python prints in it in the order of the alphabet: theirs changes from run to run."""
    return re.sub(r"\{('[^{}:]*')\}", lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", message)


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def make(name, base):
    source = FAMILIES / base.folder
    config = changed(json.loads((source / "config.json").read_text()), dataclasses.asdict(base)["change"])
    tensors = read_tensors(source / "model.safetensors")
    kind = getattr(transformers, base.kind + "Config")
    lines, distinct, counts = [], {}, {"equal": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for case in cases(name, base, config):
            for old in folder.iterdir():
                old.unlink()
            found = changed(config, case)
            (folder / "config.json").write_text(json.dumps(found))
            write_tensors(folder / "model.safetensors", weights(tensors, case))
            try:
                numbers, reason = logits(folder, found.get("reorder_and_upcast_attn") is True)
            except Exception as error:  # whatever transformers raises is a refusal
                numbers, reason = None, f"{type(error).__name__}: {error}".replace(scratch, "FOLDER")
            verdict = "refused" if reason else "equal"
            counts[verdict] += 1
            line = {"must": verdict} | case
            if not reason:
                rounded = tuple(float(f"{x:.7g}") for x in numbers)
                line["logits"] = distinct.setdefault(rounded, len(distinct))
            else:
                line["because"] = sorted_sets(" ".join(reason.split()))[:120]
            lines.append(compact(line))
    head = {
        "folder": base.folder, "change": dataclasses.asdict(base)["change"], "prompts": PROMPTS, "kept": KEPT,
        "class": base.kind, "fields": fields(kind),
    }  # fmt: skip
    parts = [compact(head)[:-1], '"logits":[\n' + ",\n".join(map(compact, distinct)) + "]"]
    text = ",\n".join(parts + ['"cases":[\n' + ",\n".join(lines) + "]}\n"])
    (OUT / f"{name}.json").write_text(text)
    print(f"{name}: {len(lines)} cases, {counts['equal']} equal, {counts['refused']} refused", flush=True)


def main(names):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity(logging.CRITICAL)
    transformers.logging.disable_progress_bar()
    OUT.mkdir(exist_ok=True)
    for name, base in BASES.items():
        if not names or name in names:
            make(name, base)


if __name__ == "__main__":
    main(sys.argv[1:])
