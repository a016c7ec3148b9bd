"""What `transformers` computes in float64 of answers of several tokens, and of sets of answers.

    python -m facts.answers MODEL.gguf     MODEL is SmolLM2-135M-Instruct; into Tests/RuntimeTests/Fixtures/answers.json

`whole`: a hundred facts of Examples/facts whose answers are two tokens or more, teacher-forced: the sums of the
answer's logits and log-probabilities, and the worst rank. `edited`: of the first twenty of them the
log-probability of a run whose MLP of layer 3 gives zeros at every position, the answer's among them, and of one
where it does so at the answer's tokens alone.

`sets`: prompts with several answers and foils of one token, and each metric with and without that MLP; `js`, `tv`,
`kl` and `overlap` (of the ten likeliest) compare the two.
"""

import csv
import sys

import numpy as np
import torch
import transformers
from gguf import GGUFReader

from families.float64 import Float64
from families.real import MODELS, build
from oracle.folders import COMMAND_FIXTURES, FACTS
from tiny.goldens import save_json

COUNT = 100
EDITED = 20
LAYER = 3
YEARS = [f"{year:02}" for year in range(2, 99)]
SETS = [
    ("Fact: The Colosseum is in the country of", [" Italy", " Rome"], [" Spain", " France", " Greece"]),
    ("Fact: The Eiffel Tower is in the country of", [" France"], [" Italy", " Spain"]),
    ("When Mary and John went to the store, John gave a drink to", [" Mary"], [" John"]),
    ("The capital of France is", [" Paris", " located", " the"], []),
]


class Runs:
    """Logits of SmolLM2, with or without an MLP."""

    def __init__(self, path):
        reader = GGUFReader(path)
        config, restored, self.tokenizer, before = MODELS["smollm2"](reader, path)
        assert not before
        self.model = build(reader, config, restored, torch.float64)
        self.zeroed = None  # positions
        self.model.model.layers[LAYER].mlp.register_forward_hook(self.zero)

    def zero(self, module, inputs, output):
        if self.zeroed is None:
            return output
        output = output.clone()
        output[:, self.zeroed] = 0
        return output

    def ids(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def logits(self, ids, zeroed=None):
        self.zeroed = zeroed
        with torch.no_grad(), Float64():
            return self.model(torch.tensor([ids]), use_cache=False).logits[0].double().numpy()


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def rows(name):
    with open(FACTS / name, newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def whole(runs):
    templates = {row["relation"]: row["template"] for row in rows("relations.tsv")}
    found = []
    for fact in rows("facts.tsv"):
        template = templates[fact["relation"]]
        answer = runs.ids(" " + fact["answer"])
        if len(answer) < 2 or not fact["answer"][0].isalnum():
            continue
        # Without the labels of spans.
        text = plain(template, fact)
        found.append((text, fact["answer"], answer))
    chosen = found[:: max(1, len(found) // COUNT)][:COUNT]
    return [scored(runs, *one) for one in chosen], [edited(runs, *one) for one in chosen[:EDITED]]


def plain(template, fact):
    """`{name:text}` without its label, `{name}` with the column in its place."""
    text, rest = "", template
    depth = 0
    while rest:
        if rest[0] == "{":
            name, _, after = rest[1:].partition("}")
            if ":" in name:
                rest, depth = rest[1 + rest[1:].index(":") + 1 :], depth + 1
            else:
                text, rest = text + fact[name], after
        elif rest[0] == "}" and depth:
            rest, depth = rest[1:], depth - 1
        else:
            text, rest = text + rest[0], rest[1:]
    return text


def fed_after(prompt, answer):
    """What is fed, and the positions that predict the answer's tokens."""
    fed = prompt + answer[:-1]
    return fed, np.arange(len(prompt) - 1, len(fed))


def logprob(logits, answer):
    return float(log_softmax(logits)[np.arange(len(answer)), answer].sum())


def scored(runs, text, written, answer):
    prompt = runs.ids(text)
    fed, at = fed_after(prompt, answer)
    logits = runs.logits(fed)[at]
    own = logits[np.arange(len(answer)), answer]
    return dict(
        text=text,
        answer=" " + written,
        tokens=prompt,
        answer_tokens=answer,
        logit=float(own.sum()),
        logprob=logprob(logits, answer),
        rank=int(1 + (logits > own[:, None]).sum(1).max()),
    )


def edited(runs, text, written, answer):
    prompt = runs.ids(text)
    fed, at = fed_after(prompt, answer)
    return dict(
        everywhere=logprob(runs.logits(fed, list(range(len(fed))))[at], answer),
        completion=logprob(runs.logits(fed, list(range(len(prompt), len(fed))))[at], answer),
    )


def metrics(logits, answers, foils):
    p = np.exp(log_softmax(logits))
    best = logits[answers].max()
    found = dict(
        logit=logits[answers].mean(),
        prob=p[answers].sum(),
        logprob=np.log(p[answers].sum()),
        rank=1 + (logits > best).sum(),
        accuracy=float(best > logits[foils].max() if foils else (logits > best).sum() == 0),
    )
    if foils:
        found |= dict(
            logit_diff=logits[answers].mean() - logits[foils].mean(),
            prob_diff=p[answers].sum() - p[foils].sum(),
            above_best_foil=logits[answers].mean() - logits[foils].max(),
        )
    return {name: float(value) for name, value in found.items()}


def compared(base, edited):
    p, q = np.exp(log_softmax(base)), np.exp(log_softmax(edited))
    m = (p + q) / 2
    kl = lambda a, b: float((a * (np.log(a) - np.log(b))).sum())
    top = lambda x: set(np.argsort(-x, kind="stable")[:10])
    return dict(
        kl=kl(p, q), js=(kl(p, m) + kl(q, m)) / 2, tv=float(abs(p - q).sum() / 2), overlap=len(top(p) & top(q)) / 10
    )


def sets(runs):
    found = []
    for text, answers, foils in SETS:
        prompt = runs.ids(text)
        one = lambda texts: [token for t in texts for (token,) in [runs.ids(t)]]
        right, wrong = one(answers), one(foils)
        base, edited = runs.logits(prompt)[-1], runs.logits(prompt, list(range(len(prompt))))[-1]
        found.append(
            dict(
                text=text,
                answers=answers,
                foils=foils,
                base=metrics(base, right, wrong),
                edited=metrics(edited, right, wrong),
                compared=compared(base, edited),
            )
        )
    return found


def main(path):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    runs = Runs(path)
    scores, edits = whole(runs)
    save_json(COMMAND_FIXTURES / "answers.json", dict(whole=scores, edited=edits, sets=sets(runs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
