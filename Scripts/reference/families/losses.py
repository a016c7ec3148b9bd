"""The loss of each token of 200 lines, as `transformers` computes it in float64.

    python -m families.losses MODEL.gguf     the default model; into Tests/RuntimeTests/Fixtures/texts

Written are `lines.txt`, drawn here with a seed, and `losses.safetensors`: for every token but the first of each
line −log p, the entropy of the prediction and the token's rank; and for each line how many tokens count and its
perplexity. The losses of windows over the whole text, `windows.safetensors`, are those of one window at a time:
of later ones the tokens that no earlier one counts.
"""

import random
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from gguf import GGUFReader

from families.float64 import Float64
from families.real import MODELS, build, logits
from oracle.folders import COMMAND_FIXTURES
from tiny.goldens import save

FOLDER = COMMAND_FIXTURES / "texts"
SEED, LINES = 15, 200
WINDOW, STRIDE, WINDOWED = 24, 9, 12  # of the first lines

PARTS = dict(
    who="The old baker|A tall woman|My neighbour's dog|Nobody|Professor Lindqvist|The committee|Ana|He".split("|"),
    did="walked to|had never seen|wrote a long letter about|forgot|painted|sold|was afraid of|bought".split("|"),
    what="the harbour|a red bicycle|Mount Fuji|the National Museum|two boxes of oranges|a map of Peru|it".split("|"),
    when="in 1923|last Tuesday|before the war|every morning|at 7:45 a.m.|when it rained|on 12 May 2004".split("|"),
    end=".|!|?| ...|; then she left.|, which surprised everybody.|, of course.".split("|"),
    city="Rome|Oslo|Kyoto|Buenos Aires|Timbuktu|New York City|Zürich|Düsseldorf".split("|"),
    code="for i in range({n}):|x = {n} * (y + 1)|print('{city}')|SELECT * FROM t WHERE id = {n};|</div>".split("|"),
    other="Die Straße nach {city} ist lang.|Où est {city} ? Très loin…|東京は日本の首都です。|¡Hola, {city}!|👍 {n} × 2".split("|"),
)
FORMS = [
    "{who} {did} {what} {when}{end}", "{who} {did} {what}{end}", "The capital of the region is {city}{end}",
    "Fact: {what} is in {city}.", "{code}", "{other}", "{n} + {n} = {n}", '"{who} {did} {what}," said {who}.',
    "  {city}, {city} and {city}: {n} km  ",
]  # fmt: skip


def drawn():
    """Lines of text, code and numbers; none of a single token."""
    chance = random.Random(SEED)

    def filled(text):
        while "{" in text:
            start = text.index("{")
            end = text.index("}", start)
            name = text[start + 1 : end]
            value = str(chance.randrange(1, 3000)) if name == "n" else chance.choice(PARTS[name])
            text = text[:start] + value + text[end + 1 :]
        return text

    return [filled(chance.choice(FORMS)) for _ in range(LINES)]


def measured(model, ids):
    """Of every token but the first: loss, entropy, rank."""
    found = torch.log_softmax(torch.from_numpy(logits(model, ids)), dim=-1)[:-1]
    of = found.gather(1, torch.tensor(ids[1:])[:, None])
    entropy = -(found.exp() * found).sum(-1)
    return np.stack([-of[:, 0].numpy(), entropy.numpy(), 1 + (found > of).sum(-1).numpy()])


def windows(model, ids):
    """As the documentation of transformers has windows with a stride, but for each token by itself."""
    losses, counted = [], 0
    for start in range(0, len(ids), STRIDE):
        end = min(start + WINDOW, len(ids))
        found = measured(model, ids[start:end])[0]
        losses.append(found[max(1, counted - start) - 1 :])
        counted = end
        if end == len(ids):
            return losses


def main(path):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    reader = GGUFReader(path)
    config, restored, tokenizer, before = MODELS["smollm2"](reader, path)
    lines = drawn()
    encode = lambda text: before + tokenizer.encode(text, add_special_tokens=False).ids
    with torch.no_grad(), Float64():
        model = build(reader, config, restored, torch.float64)
        of_lines = [measured(model, encode(line)) for line in lines]
        of_windows = windows(model, encode("\n".join(lines[:WINDOWED]) + "\n"))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "lines.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "windowed.txt").write_text("\n".join(lines[:WINDOWED]) + "\n")
    loss, entropy, rank = np.concatenate(of_lines, axis=1)
    counts = [x.shape[1] for x in of_lines]
    perplexity = np.exp([x[0].mean() for x in of_lines])
    save(
        FOLDER / "losses.safetensors",
        dict(loss=loss, entropy=entropy, rank=rank, tokens=counts, perplexity=perplexity),
        {},
    )
    save(
        FOLDER / "windows.safetensors",
        dict(loss=np.concatenate(of_windows), tokens=[len(x) for x in of_windows]),
        {},
    )
    print(f"{LINES} lines, {len(loss)} tokens, perplexity {np.exp(loss.mean()):.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
