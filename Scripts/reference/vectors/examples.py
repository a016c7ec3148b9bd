"""Where neurons, heads, features and elements of streams are largest in texts, how often they fire, and their quantiles.

    python -m vectors.examples MODEL.gguf      into Tests/RuntimeTests/Fixtures/examples.json

`models`: tiny models of four families on texts of random tokens; `real`: some units of the default model on lines of
`texts/lines.txt`; `features`: those of some dictionaries of `dictionaries/kinds.py` on `tiny-gqa`, encoded by SAELens and
sparsify. All by transformers in float64; means, deviations and quantiles are numpy's. Units with two numbers so close
that single precision may swap them are left out. `sketches`: quantiles of numbers that are drawn by a formula,
over many octaves and on both sides of 0.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader

from dictionaries.features import Dictionary
from dictionaries.features import Run as FeatureRun
from families import models as tiny
from families.float64 import Float64
from families.goldens import Run, Weights, activations
from families.real import MODELS, build
from oracle.folders import COMMAND_FIXTURES, FIXTURES
from tiny.edits import vector
from tiny.goldens import save_json

FAMILIES = ["llama3", "gemma2", "gpt2", "qwen3"]
LENGTHS = [9, 12, 5, 11, 7, 12, 8, 10]
TOP, ABOVE, STEP = 3, 0.05, 5
SHARES = [1, 10, 50, 90, 99]
LINES, LAYER, NEURONS = 12, 10, range(0, 1536, 96)
CLOSE = 1e-5
# The folder, the site, and what a transcoder reads.
DICTIONARIES = [
    ("standard", "resid_post", "site"),
    ("topk-rescaled", "resid_post", "site"),
    ("jumprelu", "mlp_out", "site"),
    ("sparsify-transcoder", "mlp_out", "norm"),
]
FEATURE_STEP = 3


def described(component, texts, element=None):
    """`texts`: the unit's numbers, an array for each text. Nothing where an order or a rate is not clear."""
    numbers = np.concatenate(texts)
    close = CLOSE * np.abs(numbers).max()
    largest, lowest = (ranked(list(enumerate(texts)), sign, close) for sign in (1, -1))
    if not largest or not lowest or any(np.abs(numbers - bound).min() < close for bound in (0, ABOVE)):
        return []
    return [dict(component=component, element=element, largest=largest, lowest=lowest, **summary(numbers))]


def described_feature(component, texts):
    """The same of a feature: it is 0 where it does not fire, and only texts in which it fires are examples."""
    numbers = np.concatenate(texts)
    active = numbers[numbers > 0]
    close = CLOSE * numbers.max()
    largest = ranked([(n, x) for n, x in enumerate(texts) if x.max() > 0], 1, close) if len(active) else []
    if largest is False or any((np.abs(active - bound) < close).any() for bound in (0, ABOVE)):
        return []
    return [dict(component=component, element=None, largest=largest, lowest=[], **summary(numbers))]


def summary(numbers):
    return dict(
        rate=float((numbers > 0).mean()),
        above=float((numbers > ABOVE).mean()),
        mean=float(numbers.mean()),
        std=float(numbers.std(ddof=1)),
        least=float(numbers.min()),
        most=float(numbers.max()),
        quantiles=np.percentile(numbers, SHARES).tolist(),
    )


def ranked(texts, sign, close):
    """The best of numbered texts, each with its value, number and position."""
    found = sorted(((sign * x).max(), -n, int((sign * x).argmax())) for n, x in texts)[::-1]
    gaps = [a[0] - b[0] for a, b in zip(found[:TOP], found[1:])]
    for _, x in texts:
        gaps.append(np.diff(np.sort(sign * x)[-2:])[0])
    return min(gaps) > close and [[float(sign * value), -n, place] for value, n, place in found[:TOP]]


def of_model(family):
    with Float64():
        model, _ = tiny.build(family)
    weights = Weights(family, model)
    random = np.random.default_rng(8)
    texts = [random.integers(1, tiny.VOCAB, count).tolist() for count in LENGTHS]
    seen = [activations(weights, Run(family, model, tokens)) for tokens in texts]
    n = weights.layers - 1
    units = []
    for name, site in (("", "mlp_post"), (".mlp_pre", "mlp_pre")):
        for neuron in range(0, seen[0][site, n].shape[1], STEP):
            units += described(f"L{n}N{neuron}{name}", [s[site, n][:, neuron] for s in seen])
    for name, site in (("", "z"), (".result", "result")):
        for h in range(weights.heads):
            units += described(f"L{n}H{h}{name}", [np.linalg.norm(s[site, n][h], axis=-1) for s in seen])
    for h in range(weights.kv_heads):
        units += described(f"L{n}KV{h}.k", [np.linalg.norm(s["k", n][h], axis=-1) for s in seen])
    for element in range(0, seen[0]["resid_post", n].shape[1], STEP):
        name = f"L{n}.resid_post"
        units += described(name, [s["resid_post", n][:, element] for s in seen], element)
    return dict(name=family.name, texts=texts, units=units)


def of_default(path):
    reader = GGUFReader(path)
    config, restored, tokenizer, before = MODELS["smollm2"](reader, path)
    lines = (COMMAND_FIXTURES / "texts/lines.txt").read_text().splitlines()[:LINES]
    texts = [before + tokenizer.encode(line, add_special_tokens=False).ids for line in lines]
    kept = {"mlp": [], "attention": []}

    def keep(name):
        return lambda module, given: kept[name].append(given[0][0].double().numpy().copy())

    with torch.no_grad(), Float64():
        model = build(reader, config, restored, torch.float64)
        layer = model.model.layers[LAYER]
        layer.mlp.down_proj.register_forward_pre_hook(keep("mlp"))
        layer.self_attn.o_proj.register_forward_pre_hook(keep("attention"))
        for ids in texts:
            model(torch.tensor([ids]), use_cache=False)
    units = []
    for n in NEURONS:
        units += described(f"L{LAYER}N{n}", [x[:, n] for x in kept["mlp"]])
    heads = [x.reshape(len(x), config.num_attention_heads, -1) for x in kept["attention"]]
    for h in range(config.num_attention_heads):
        units += described(f"L{LAYER}H{h}", [np.linalg.norm(x[:, h], axis=-1) for x in heads])
    return dict(name="smollm2", texts=texts, units=units)


def of_dictionary(model, name, site, reads):
    dictionary = Dictionary(name)
    random = np.random.default_rng(9)
    texts = [random.integers(1, model.config.vocab_size, count).tolist() for count in LENGTHS]
    seen = [dictionary.encode(FeatureRun(model, tokens, site, reads).input).numpy() for tokens in texts]
    units = []
    for j in range(0, seen[0].shape[1], FEATURE_STEP):
        units += described_feature(f"L1F{j}", [x[:, j] for x in seen])
    return dict(folder=name, site=site, reads=reads, model=dict(name=name, texts=texts, units=units))


def sketch(count):
    x = vector(11, count) - 0.4
    numbers = np.float32(x**5 * 3e3).astype(float)
    return dict(count=count, quantiles=np.percentile(numbers, SHARES).tolist())


def main(path):
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    with Float64():
        gqa = transformers.AutoModelForCausalLM.from_pretrained(FIXTURES / "tiny-gqa", dtype=torch.float64).eval()
    models = [of_model(family) for family in tiny.ALL if family.name in FAMILIES]
    save_json(
        COMMAND_FIXTURES / "examples.json",
        dict(
            top=TOP,
            above=ABOVE,
            models=models,
            real=of_default(path),
            features=[of_dictionary(gqa, *row) for row in DICTIONARIES],
            sketches=[sketch(count) for count in (1, 7, 1024, 1025, 20_000)],
        ),
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
