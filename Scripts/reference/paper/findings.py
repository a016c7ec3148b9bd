"""Writes Tests/RuntimeTests/Fixtures/paper: what the scripts of Examples/paper must find on two small models.

    python -m paper.findings

One has random weights (tiny-gqa's, with a tokenizer and facts of its own: `paper/model.py`), the other is that of
`facts/handbuilt.py`, whose parts are known. Everything is computed in float64 and from the prompts on:
which facts are known and drawn, which heads have a class, what becomes of the answer without them.
"""

from tokenizers import Tokenizer

from facts import handbuilt
from paper import model as paper_model
from oracle import reference
from facts.experiments import save
from paper.experiments import Experiments, Settings


def write(name, model, folder, tokens, settings):
    found = Experiments(model, folder, tokens, settings).all()
    for claim, value, holds in zip(*(found["findings"][c] for c in ("claim", "value", "holds"))):
        print(f"{value:9.5f} {holds!s:5} {claim}")
    save(paper_model.FOLDER / name, found)


def main():
    folder, model, facts = paper_model.write()
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json"))
    # The 46th is somebody, and the third draw of controls is another than the first.
    settings = Settings(top=46, heads=7, threshold=2, each=4, few=3, draws=3, lots=2, seed=1)
    write("tiny.json", model, facts, tokens, settings)

    folder = handbuilt.FIXTURES
    tokens = Tokenizer.from_file(str(folder / "model/tokenizer.json"))
    settings = Settings(top=3, heads=3, threshold=10, each=2, few=2, draws=2, lots=2, seed=0)
    write("handbuilt.json", reference.load(folder / "model"), folder / "facts", tokens, settings)


if __name__ == "__main__":
    main()
