"""A folder of facts for `paper/findings.py`, of words that one of the tiny models is given.

The weights are tiny-gqa's, which are random: whatever it says to a prompt is made the answer, now and then what it
says second or third, and sometimes what it hardly says, so that there is something to be known, and not.
"""

from pathlib import Path

from tokenizers import Tokenizer

from oracle import reference
from facts.parts import filled, write_rows
from oracle.folders import COMMAND_FIXTURES
from oracle.folders import FIXTURES as MODELS
from tiny.models import byte_level, lengthen

FOLDER = COMMAND_FIXTURES / "paper"
VOCABULARY = 320

# relation, kind, template, template_2, reversed
RELATIONS = [
    (
        "first",
        "factual",
        "Fact: {subject} {relation:bar den gil}",
        "{subject} {relation:fot kas}",
        "Fact: {answer} {relation:lin bos}",
    ),
    (
        "second",
        "factual",
        "Fact: {subject} {relation:des fan}",
        "Fact: {subject} {relation:gos lir ken}",
        "{answer} {relation:kit}",
    ),
    (
        "around",
        "factual",
        "Fact: {relation:lan bit} {subject} {relation:ger kor}",
        "{relation:dan} {subject} {relation:fis}",
        "{relation:far} {answer} {relation:les}",
    ),
    (
        "before",
        "factual",
        "{relation:gan kes bos} {subject} {relation:dit}",
        "{relation:lor} {subject} {relation:bin}",
        "{answer} {relation:get fan}",
    ),
    (
        "plural",
        "linguistic",
        "Fact: {subject} {relation:kir}",
        "{subject} {relation:dos}",
        "{answer} {relation:lat}",
    ),
]
SUBJECTS = ["Mar", "The Nos", "Pet", "Rin Tas", "Sor", "Van", "Ten Mis", "Pir", "Nat", "Ros"]
# The places of the answers among the words that are said, and facts whose answer is not a token.
PLACES = [1, 1, 2, 1, 60, 1, 3, 1, 1, 2, 1, 1, 90]
SEVERAL = {("first", "Pet"): "bar Mon", ("before", "Van"): "The Nos"}


def tokenizer():
    """Words of three letters, merged letter by letter: half of them with a capital."""
    tokens = ["<|endoftext|>", "Ġ", ":", *map(chr, range(ord("a"), ord("z") + 1)), *"FMNPRSTV"]
    words = [c + v + end for c in "bdfgklMNPRSTV" for v in "aeio" for end in "nrst"]
    merges = lengthen(tokens, words)
    tokens += "0123456789"[: VOCABULARY - len(tokens)]
    assert len(tokens) == VOCABULARY, len(tokens)
    return byte_level(tokens, merges), words


def write_model():
    folder = FOLDER / "model"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../../../../ModelTests/Fixtures/tiny-gqa") / name)
    found, words = tokenizer()
    found.save(str(folder / "tokenizer.json"), pretty=False)
    return folder, words


def write_facts(model, words):
    folder = FOLDER / "facts"
    folder.mkdir(parents=True, exist_ok=True)
    tokens = Tokenizer.from_file(str(FOLDER / "model/tokenizer.json"))
    ids = {word: tokens.token_to_id("Ġ" + word) for word in words}
    names = ["relation", "kind", "template", "template_2", "reversed"]
    write_rows(folder / "relations.tsv", names, RELATIONS)
    said = {}  # of each relation and subject, the words by their logits
    for relation, _, template, *_ in RELATIONS:
        for subject in SUBJECTS:
            text, _ = filled(template, dict(subject=subject))
            logits = reference.forward(model, tokens.encode(text, add_special_tokens=False).ids)[-1]
            said[relation, subject] = sorted(words, key=lambda w: -logits[ids[w]])
    facts, places = [], 0
    for (relation, subject), best in said.items():
        answer = SEVERAL.get((relation, subject), best[PLACES[places % len(PLACES)] - 1])
        places += 1
        facts.append((relation, subject, answer, best[4] if places % 6 == 0 else ""))
    write_rows(folder / "facts.tsv", ["relation", "subject", "answer", "also"], facts)
    # To what is right, words that are not, each twice among the relations or subjects.
    attributes, own = [], []
    for number, (relation, *_) in enumerate(RELATIONS):
        right = [f[2] for f in facts if f[0] == relation] + [f[3] for f in facts if f[0] == relation and f[3]]
        attributes += [(relation, w) for w in dict.fromkeys(right + words[7 * number + 3 :: 61])]
    for number, subject in enumerate(SUBJECTS):
        right = [f[2] for f in facts if f[1] == subject]
        own += [(subject, w) for w in dict.fromkeys(right + words[5 * number + 1 :: 97])]
    write_rows(folder / "attributes.tsv", ["relation", "attribute"], attributes)
    # One of whom nothing is known beyond what is asked.
    write_rows(folder / "subjects.tsv", ["subject", "attribute"], [x for x in own if x[0] != "Sor"])
    return folder


def write():
    folder, words = write_model()
    model = reference.load(MODELS / "tiny-gqa")
    return folder, model, write_facts(model, words)
