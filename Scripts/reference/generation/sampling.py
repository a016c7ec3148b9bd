"""What transformers' logits processors, in its own order, make of scores: the distributions that `generate` draws from.

    python -m generation.sampling       writes sampling.json

A case has the scores of a small vocabulary, the tokens so far, the settings, and the probabilities; tokens that are
left out have 0. Scores with ties are among them. Without a draw only the penalty counts, and the case has the scores.
"""

import json
import random

import torch
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel

from oracle.folders import FIXTURES

MODEL = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=8, n_embd=8, n_layer=1, n_head=1))
RNG = random.Random(20261128)


def processors(settings, draws):
    config = GenerationConfig(do_sample=draws, **{"top_k": None, **settings})
    return MODEL._get_logits_processor(config, input_ids_seq_length=1, device="cpu")


def case(scores, tokens, settings, draws=True):
    scores = torch.tensor([scores], dtype=torch.float32)
    found = processors(settings, draws)(torch.tensor([tokens]), scores.clone())
    return {"scores": scores[0].tolist(), "tokens": tokens, "settings": settings, "draws": draws,
            "result": (torch.softmax(found.double(), -1) if draws else found)[0].tolist()}


def logs(*probabilities):
    return torch.tensor(probabilities, dtype=torch.float64).log().tolist()


def main():
    ties = logs(0.5, 0.2, 0.2, 0.1)
    cases = [
        case(ties, [3], {"top_k": 2}),
        case(ties, [3], {"top_k": 1}),
        case(ties, [3], {"top_k": 9}),
        case(ties, [3], {"top_p": 0.6}),
        case(ties, [3], {"top_p": 0.0}),
        case(ties, [3], {"top_p": 1.0}),
        case(ties, [3], {"top_p": 0.71, "top_k": 3}),
        case(ties, [3], {"min_p": 0.3}),
        case(ties, [3], {"min_p": 1.0}),
        case(ties, [3], {"min_p": 0.0}),
        case(logs(0.25, 0.25, 0.25, 0.25), [0], {"top_p": 0.5 + 1e-3}),
        case(logs(0.25, 0.25, 0.25, 0.25), [0], {"top_k": 1}),
        case(logs(0.25, 0.25, 0.25, 0.25), [0], {"min_p": 1.0}),
        case([2.0, -1.0, 0.0, 2.0], [0, 0, 1], {"repetition_penalty": 1.5}, draws=False),
        case([2.0, -1.0, 0.0, 2.0], [0, 1, 2], {"repetition_penalty": 0.5}, draws=False),
        case([2.0, -1.0, 0.0, 2.0], [0, 1], {"repetition_penalty": 1.5, "temperature": 0.5, "top_k": 2}),
    ]
    for count in [5, 17, 64] * 12:
        # Some scores are equal.
        scores = [round(RNG.gauss(0, 3), RNG.choice([0, 1, 6])) for _ in range(count)]
        tokens = [RNG.randrange(count) for _ in range(RNG.randrange(1, 12))]
        settings = {
            "repetition_penalty": RNG.choice([0.7, 1.1, 1.3, 2.0]), "temperature": RNG.choice([0.3, 0.7, 1.0, 1.7]),
            "top_k": RNG.choice([1, 2, 5, 40, 100]), "top_p": round(RNG.random(), 3), "min_p": round(RNG.random() / 4, 3),
        }
        chosen = RNG.sample(list(settings), RNG.randrange(1, 6))
        cases.append(case(scores, tokens, {name: settings[name] for name in settings if name in chosen}))
    lines = ",\n".join(json.dumps(item) for item in cases)
    (FIXTURES / "sampling.json").write_text(f'{{"cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} cases")


if __name__ == "__main__":
    main()
