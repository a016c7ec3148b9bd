"""Makes the fixtures again, and says what has changed by it.

    python make.py                     all of them, in the order in which they build on each other
    python make.py tiny tokens/auto    those of a folder, or of one program
    python make.py --check [TARGET]…   in a copy, which is held against what is committed; writes nothing
    python make.py --list

A target whose package or model is not on this machine is left out, and named. The status is 1 where a file has
changed or a target was left out. Models are taken from the cache that `Scripts/fetch-model` fills, or from
`--model smollm2=PATH`.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from oracle.folders import COMMAND_FIXTURES, FIXTURES, RECORDED, ROOT

HERE = Path(__file__).resolve().parent
MODELS = {"smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf", "gemma3-270m": "gemma-3-270m-q4_k_m.gguf"}


@dataclass
class Target:
    name: str  # its program, from this folder
    arguments: tuple = ()
    packages: tuple = ()
    model: str = ""  # whose path is the last argument

    @property
    def title(self):
        return " ".join(dict.fromkeys([self.name, *self.arguments, self.model])).strip()

    def is_meant_by(self, word):
        return word in (self.name, self.name.split("/")[0])


TORCH = ("torch", "transformers")
# In this order: what comes later reads what earlier ones write.
TARGETS = [
    Target("tiny/models"),
    Target("tiny/goldens", ("tiny",)),
    Target("tiny/edits", ("tiny",)),
    Target("tiny/goldens", ("smollm2",), model="smollm2"),
    Target("tiny/edits", ("smollm2",), model="smollm2"),
    Target("tiny/recorded", model="smollm2"),
    Target("tokens/lines", model="smollm2"),
    Target("tokens/families", packages=("sentencepiece",)),
    Target("tokens/auto", packages=("transformers",)),
    Target("tokens/llamacpp", packages=("llama_cpp",)),
    Target("tokens/normal_forms"),
    Target("chat/templates", packages=("transformers", "jinja2"), model="smollm2"),
    Target("generation/sampling", packages=TORCH),
    Target("formats/quants"),
    Target("formats/slices"),
    Target("formats/float8", packages=("torch",)),
    Target("formats/arrays"),
    Target("formats/histograms"),
    Target("formats/parquet", packages=("pyarrow",)),
    Target("families/models", packages=TORCH),
    Target("families/gradients", packages=TORCH),
    Target("families/config_walk", packages=TORCH),
    Target("families/quantized", packages=TORCH),
    Target("families/real", ("smollm2",), TORCH, "smollm2"),
    Target("families/real", ("gemma3-270m",), TORCH, "gemma3-270m"),
    Target("families/derivatives", packages=TORCH, model="smollm2"),
    Target("families/edges", packages=TORCH),
    Target("families/circuits", packages=TORCH),
    Target("families/real_edges", packages=TORCH, model="smollm2"),
    Target("families/lens_edges", packages=(*TORCH, "transformer_lens")),
    Target("families/attribution", packages=TORCH),
    Target("families/lenses", packages=TORCH),
    Target("families/relations", packages=TORCH),
    Target("families/losses", packages=TORCH, model="smollm2"),
    Target("vectors/directions", packages=TORCH + ("sklearn",)),
    Target("vectors/control"),
    Target("vectors/heads", packages=TORCH),
    Target("dictionaries/kinds", packages=TORCH + ("sae_lens", "sparsify", "circuit_tracer")),
    Target("dictionaries/features", packages=TORCH + ("sae_lens", "sparsify")),
    Target("dictionaries/graphs", packages=TORCH),
    Target("dictionaries/crosslayer", packages=(*TORCH, "circuit_tracer")),
    Target("vectors/examples", packages=(*TORCH, "sentencepiece", "sae_lens", "sparsify"), model="smollm2"),
    Target("facts/experiments"),
    Target("facts/answers", (), TORCH, "smollm2"),
    Target("facts/handbuilt"),
    Target("paper/findings"),
]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("targets", nargs="*", metavar="TARGET")
    options.add_argument("--check", action="store_true")
    options.add_argument("--list", action="store_true")
    options.add_argument("--model", action="append", default=[], metavar="NAME=PATH")
    given = options.parse_args()
    for word in given.targets:
        if not any(t.is_meant_by(word) for t in TARGETS):
            options.error(f"there is no target {word}: --list names them")
    if given.list:
        return print("\n".join(dict.fromkeys(t.name for t in TARGETS)))
    chosen = [t for t in TARGETS if not given.targets or any(map(t.is_meant_by, given.targets))]
    models = dict(pair.split("=", 1) for pair in given.model)
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy)
        copied(copy)
        made, kept = (copy, ROOT) if given.check else (ROOT, copy)
        left_out = [t for t in chosen if not run(t, made, models)]
        changes = list(differences(kept, made))
    for line in changes:
        print(line)
    for target in left_out:
        print(f"left out: {target.title}: {lacking(target, models)}")
    if not changes:
        print("no file has changed")
    sys.exit(1 if changes or left_out else 0)


def copied(root):
    """Everything that a target writes or reads, below another root."""
    for folder in (FIXTURES, COMMAND_FIXTURES):
        shutil.copytree(folder, root / folder.relative_to(ROOT))
    target = root / RECORDED.relative_to(ROOT)
    target.parent.mkdir(parents=True)
    shutil.copy2(RECORDED, target)


def model_path(target, models):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(models.get(target.model) or cache / "summand/models" / MODELS[target.model])


def lacking(target, models):
    """What the target needs that is not here; empty where all is."""
    packages = [name for name in target.packages if importlib.util.find_spec(name) is None]
    if packages:
        return f"needs the package {', '.join(packages)}"
    if target.model and not model_path(target, models).is_file():
        return f"needs {model_path(target, models)}: Scripts/fetch-model {target.model}, or --model {target.model}=PATH"
    return ""


def run(target, root, models):
    if lacking(target, models):
        return False
    print(f"== {target.title}", flush=True)
    words = [sys.executable, "-m", target.name.replace("/", "."), *target.arguments]
    words += [str(model_path(target, models).resolve())] if target.model else []
    environment = os.environ | {"SUMMAND_REFERENCE_ROOT": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(words, cwd=HERE, env=environment, check=True)
    return True


# What has changed


def differences(kept, made):
    """A line for each file that is not the same under both roots."""
    for folder in (FIXTURES, COMMAND_FIXTURES, RECORDED):
        old, new = (files(root / folder.relative_to(ROOT)) for root in (kept, made))
        for name in sorted(old | new):
            path = folder.relative_to(ROOT) / name
            if name not in new or name not in old:
                yield f"{'gone' if name in old else 'new'}: {path}"
            elif (kept / path).read_bytes() != (made / path).read_bytes():
                yield f"changed: {path}: {extent(kept / path, made / path)}"


def files(path):
    if path.is_file():
        return {""}
    return {str(p.relative_to(path)) for p in path.rglob("*") if p.is_file()}


def extent(old, new):
    """How much: the largest gap between numbers where the rest is the same, else the lines or bytes."""
    try:
        gap = numbers_apart(old, new)
        return f"numbers are up to {gap:.1e} apart, all else is the same"
    except (ValueError, KeyError):
        pass
    a, b = old.read_bytes(), new.read_bytes()
    if old.suffix in (".json", ".ndjson", ".txt", ".tsv", ".ids"):
        a, b = Counter(a.split(b"\n")), Counter(b.split(b"\n"))
        return f"of {a.total()} lines {(a - b).total()} gone and {(b - a).total()} new"
    return f"{len(a)} bytes before, {len(b)} now"


def numbers_apart(old, new):
    """The largest gap; ValueError or KeyError where more than numbers differs."""
    if old.suffix == ".safetensors":
        from safetensors.numpy import load_file

        a, b = load_file(old), load_file(new)
        if a.keys() != b.keys() or any(a[k].shape != b[k].shape for k in a):
            raise ValueError
        return max((float(abs(a[k].astype(float) - b[k].astype(float)).max(initial=0)) for k in a), default=0)
    if old.suffix == ".json":
        return gap(*(json.loads(path.read_text()) for path in (old, new)))
    raise ValueError


def gap(a, b):
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((gap(a[k], b[k]) for k in a), default=0)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max(map(gap, a, b), default=0)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b)
    if a != b:
        raise ValueError
    return 0


if __name__ == "__main__":
    main()
