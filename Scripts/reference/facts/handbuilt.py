"""Writes Tests/RuntimeTests/Fixtures/handbuilt: a model whose weights are set, so that it is known what does what.

    python -m facts.handbuilt

Three layers of four heads in the shape of a Llama. A stream has a coordinate for each thing that may be said
in it: that a token is a name, or a word of a relation; whose name, which relation; and each attribute, which
the unembedding reads. Three heads have the same kind of OV matrix (a name to the attributes of its bearer, a
relation to all attributes of it) and differ in where they look:

    L1H2    from the end at names                   the subject head
    L1H0    at the words of the relation            the relation head
    L1H1    at both                                 the mixed head
    L2.mlp  reads the relation in the last token, and lifts all of its attributes alike

All other weights are small noise, but for L0H3, which looks at the relation and says something unrelated. Each
relation has an attribute that is nobody's answer and is favoured a little, and each subject one that nobody
asks for: so no mechanism finds an answer by itself, and all of them together do. That this is so is asserted
here, in float64, before anything is written.
"""

import itertools
import json

import numpy as np

from oracle import reference
from tiny import models as tiny
from facts.experiments import facts_as_read, save, subset_tables
from facts.parts import by_component, by_head_and_span, classified, columns, grouped, read_facts
from facts.parts import subsets, take_llama, write_rows
from oracle.folders import COMMAND_FIXTURES
from oracle.reference import Edit

FIXTURES = COMMAND_FIXTURES / "handbuilt"

SUBJECTS = ["Ada", "Ben", "Cleo", "Dan"]
ANSWERS = {"lives": ["Rome", "Oslo", "Lima", "Bonn"], "plays": ["golf", "polo", "chess", "judo"]}
DECOY = {"lives": "Nice", "plays": "darts"}
EXTRA = ["lute", "oboe", "harp", "drum"]  # what a subject brings to mind first, and nobody asks for
RELATION_WORDS = {"lives": ["lives", "in"], "plays": ["plays", "mostly"]}
OTHER_WORDS = ["then", "hence"]

LAYERS, HEADS, D_HEAD, WIDTH, FFN = 3, 4, 8, 32, 8
EPS = 1e-5
NOISE = 0.001

# Coordinates of the stream.
ONE, IS_NAME, IS_RELATION, FILL = range(4)
NAME = {name: 4 + i for i, name in enumerate(SUBJECTS)}
RELATION = {name: 8 + i for i, name in enumerate(ANSWERS)}
SAID = [w for r in ANSWERS for w in ANSWERS[r] + [DECOY[r]]] + EXTRA + OTHER_WORDS
ATTRIBUTE = {word: 10 + i for i, word in enumerate(SAID)}
assert 10 + len(SAID) <= WIDTH

# How much each mechanism says of what, before the final norm.
SUBJECT_HEAD = dict(own=2.0, extra=2.5)
RELATION_HEAD = dict(all=2.0, decoy=2.3)
MIXED_HEAD = dict(own=1.0, extra=1.0, all=0.8, decoy=2.0)
MLP = dict(all=1.0, decoy=1.1)
UNRELATED = 1.5


def tokenizer():
    """Words are tokens, by merges that lengthen them letter by letter."""
    words = SUBJECTS + [w for several in RELATION_WORDS.values() for w in several] + SAID
    letters = sorted(set("".join(words)) | set("Fact:"))
    tokens = ["<|endoftext|>", "Ġ", *letters]
    return tiny.byte_level(tokens, tiny.lengthen(tokens, words))


def weights(tokens):
    random = np.random.default_rng(12)
    size = tokens.get_vocab_size()
    noise = lambda *shape: NOISE * random.standard_normal(shape)
    token = lambda word: tokens.token_to_id("Ġ" + word)

    # Every row of the embedding has the same norm, so that a normed stream has the same scale everywhere.
    embed = np.zeros((size, WIDTH))
    embed[:, ONE] = 1
    embed[:, FILL] = np.sqrt(2)
    unembed = noise(size, WIDTH)
    for name in SUBJECTS:
        embed[token(name), [IS_NAME, NAME[name], FILL]] = 1, 1, 0
    for relation, several in RELATION_WORDS.items():
        for word in several:
            embed[token(word), [IS_RELATION, RELATION[relation], FILL]] = 1, 1, 0
    for word in SAID:
        unembed[token(word), ATTRIBUTE[word]] = 3

    layers = [
        dict(
            norm1=np.ones(WIDTH),
            norm2=np.ones(WIDTH),
            **{x: noise(HEADS * D_HEAD, WIDTH) for x in "qkv"},
            o=noise(WIDTH, HEADS * D_HEAD),
            gate=noise(FFN, WIDTH),
            up=noise(FFN, WIDTH),
            down=noise(WIDTH, FFN),
        )
        for _ in range(LAYERS)
    ]

    # What a coordinate of 1 is after a norm: in the embedding; after L0H3, which writes everywhere; and of
    # the last token, once the heads of layer 1 have said what they say.
    normed = lambda square: 1 / np.sqrt(square / WIDTH + EPS)
    units = [normed(3), normed(3 + UNRELATED**2), normed(3 + UNRELATED**2 + said_by_heads())]

    def look(layer, head, at):
        """Scores of 12 for tokens with this coordinate, or these. Of RoPE's pairs the last hardly turns."""
        w, row, unit = layers[layer], head * D_HEAD + D_HEAD - 1, units[layer]
        for x in "qk":
            w[x][head * D_HEAD : row + 1] = 0
        w["q"][row, ONE] = 12 / unit
        for coordinate in at:
            w["k"][row, coordinate] = np.sqrt(D_HEAD) / unit

    def say(layer, head, own=0.0, extra=0.0, all=0.0, decoy=0.0):
        w, start, unit = layers[layer], head * D_HEAD, units[layer]
        for i, name in enumerate(SUBJECTS):
            w["v"][start + i, NAME[name]] = 1 / unit
            for relation in ANSWERS:
                w["o"][ATTRIBUTE[ANSWERS[relation][i]], start + i] = own
            w["o"][ATTRIBUTE[EXTRA[i]], start + i] = extra
        for i, relation in enumerate(ANSWERS):
            column = start + len(SUBJECTS) + i
            w["v"][column, RELATION[relation]] = 1 / unit
            for word in ANSWERS[relation]:
                w["o"][ATTRIBUTE[word], column] = all
            w["o"][ATTRIBUTE[DECOY[relation]], column] = decoy

    look(1, 2, [IS_NAME])
    say(1, 2, **SUBJECT_HEAD, all=0.5, decoy=0.5)  # if it looked there
    look(1, 0, [IS_RELATION])
    say(1, 0, **RELATION_HEAD, own=0.5, extra=0.5)
    look(1, 1, [IS_NAME, IS_RELATION])
    # Of three tokens that it looks at, one is the name.
    say(1, 1, own=3 * MIXED_HEAD["own"], extra=3 * MIXED_HEAD["extra"],
        all=1.5 * MIXED_HEAD["all"], decoy=1.5 * MIXED_HEAD["decoy"])  # fmt: skip
    look(0, 3, [IS_RELATION])
    layers[0]["v"][3 * D_HEAD, ONE] = 1 / units[0]
    layers[0]["o"][ATTRIBUTE[OTHER_WORDS[0]], 3 * D_HEAD] = UNRELATED

    for i, relation in enumerate(ANSWERS):
        w = layers[2]
        w["gate"][i] = w["up"][i] = 0
        w["gate"][i, RELATION[relation]] = 8 / units[2]
        w["up"][i, ONE] = (1 + np.exp(-8)) / 8 / units[2]
        for word in ANSWERS[relation]:
            w["down"][ATTRIBUTE[word], i] = MLP["all"]
        w["down"][ATTRIBUTE[DECOY[relation]], i] = MLP["decoy"]
    return embed, unembed, layers


def said_by_heads():
    """The squared norm of what the three heads add at the end, the same whatever is asked."""
    own = SUBJECT_HEAD["own"] + MIXED_HEAD["own"]
    extra = SUBJECT_HEAD["extra"] + MIXED_HEAD["extra"]
    all = RELATION_HEAD["all"] + MIXED_HEAD["all"]
    decoy = RELATION_HEAD["decoy"] + MIXED_HEAD["decoy"]
    others = len(SUBJECTS) - 1
    return (own + all) ** 2 + own**2 + extra**2 + others * all**2 + decoy**2


def named(embed, unembed, layers):
    """Under Hugging Face's names."""
    found = {"model.embed_tokens.weight": embed, "model.norm.weight": np.ones(WIDTH), "lm_head.weight": unembed}
    names = dict(norm1="input_layernorm", norm2="post_attention_layernorm")
    names |= {x: f"self_attn.{x}_proj" for x in "qkvo"} | {x: f"mlp.{x}_proj" for x in ("gate", "up", "down")}
    for n, layer in enumerate(layers):
        found |= {f"model.layers.{n}.{names[k]}.weight": x for k, x in layer.items()}
    return {name: x.astype(np.float32) for name, x in found.items()}


def write_model(tokens):
    folder = FIXTURES / "model"
    folder.mkdir(parents=True, exist_ok=True)
    shape = dict(layers=LAYERS, heads=HEADS, kv=HEADS, d_head=D_HEAD, d_model=WIDTH, ffn=FFN, tied=False)
    # With so large a base the last pair of elements turns by 1e-9 a position.
    own = dict(rope_theta=1e12, rms_norm_eps=EPS, vocab_size=tokens.get_vocab_size())
    config = tiny.config(shape, "bfloat16", own | dict(bos_token_id=0, eos_token_id=0))
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokens.save(str(folder / "tokenizer.json"), pretty=False)
    found = {name: ("BF16", tiny.bf16_bits(x).astype("<u2")) for name, x in named(*weights(tokens)).items()}
    tiny.write_safetensors(folder / "model.safetensors", found)
    return folder


def write_facts():
    folder = FIXTURES / "facts"
    folder.mkdir(parents=True, exist_ok=True)
    facts = [(r, s, a, "") for r in ANSWERS for s, a in zip(SUBJECTS, ANSWERS[r])]
    write_rows(folder / "facts.tsv", ["relation", "subject", "answer", "also"], facts)
    asked = {r: "{relation:%s}" % " ".join(w) for r, w in RELATION_WORDS.items()}
    # Nothing in the model knows whose an attribute is.
    ways = ["Fact: {subject} ", "{subject} ", "Fact: {answer} "]
    templates = [(r, "factual", *[way + words for way in ways]) for r, words in asked.items()]
    write_rows(folder / "relations.tsv", ["relation", "kind", "template", "template_2", "reversed"], templates)
    attributes = [(r, a) for r in ANSWERS for a in ANSWERS[r] + [DECOY[r]]]
    write_rows(folder / "attributes.tsv", ["relation", "attribute"], attributes)
    own = [(s, a) for i, s in enumerate(SUBJECTS) for a in [x[i] for x in ANSWERS.values()] + [EXTRA[i]]]
    write_rows(folder / "subjects.tsv", ["subject", "attribute"], own)
    return folder


CLASSES = {"subject": ["L1H2"], "relation": ["L1H0"], "mixed": ["L1H1"], "mlps": ["L0.mlp", "L1.mlp", "L2.mlp"]}
# Which subsets of the mechanisms find the answer.
RIGHT = [
    "mixed+subject", "relation+subject", "mixed+relation+subject", "mixed+mlps+subject", "mlps+relation+subject",
    "mlps+subject", "mixed+mlps+relation+subject", "everything",
]  # fmt: skip


def check(facts, runs, model, spans):
    """The truth by construction."""
    classes = {row["component"]: row["class"] for row in classified(spans, floor=0.3)}
    found = {kind: [c for c, k in classes.items() if k == kind] for kind in ("subject", "relation", "mixed")}
    assert found == {kind: CLASSES[kind] for kind in found}, found
    assert len(classes) == LAYERS * HEADS
    at = lambda head, fact, span: next(
        row for row in spans if row["component"] == head and row["prompt"] == fact.text and row["span"] == span
    )
    for relation in ANSWERS:
        own = [f for f in facts if f.relation == relation]
        said = np.array([at("L1H0", f, "relation")["dla"] for f in own])
        assert np.ptp(said) < 0.01 * said.mean(), said  # whoever is asked of
    for one, other in itertools.combinations(facts, 2):
        if one.subject == other.subject:  # the other's answer is among S
            pulled = [at("L1H2", f, "subject")["dla_S"] for f in (one, other)]
            assert abs(pulled[0] - pulled[1]) < 0.02 * pulled[0] > 0
    for fact, taken in zip(facts, runs):
        lifted = taken.parts["L2.mlp"]
        others = [lifted[t] for t in fact.R]
        assert lifted[fact.answer] > 1 and min(others) > 0.9 * lifted[fact.answer]
        assert max(others) > lifted[fact.answer]
        right = [row["subset"] for row in subsets(taken, CLASSES, fact.answer) if row["token"] == fact.answer]
        assert set(right) == set(RIGHT), right
        assert np.argmax(taken.logits) == fact.answer
        without = take_llama(model, fact.tokens, Edit("z", 1, heads=[2], positions=[-1]))
        assert np.argmax(without.logits) != fact.answer
        print(fact.text, {k: round(sum(float(taken.parts[c][fact.answer]) for c in v), 3) for k, v in CLASSES.items()})


def main():
    tokens = tokenizer()
    folder = write_facts()
    model = reference.load(write_model(tokens))
    facts = read_facts(folder, tokens)
    runs = [take_llama(model, fact.tokens) for fact in facts]
    rows_of = lambda by: [
        dict(prompt=f.text, relation=f.relation) | row for f, taken in zip(facts, runs) for row in by(f, taken)
    ]
    spans, parts = rows_of(by_head_and_span), rows_of(by_component)
    check(facts, runs, model, spans)
    cut = [take_llama(model, f.tokens, Edit("z", 1, heads=[2], positions=[len(f.tokens) - 1])) for f in facts]
    names = ["component", "subject", "relation", "total", "class"]
    dla = ["dla", "dla_R", "dla_S"]
    save(
        FIXTURES / "expected.json",
        dict(
            facts=facts_as_read(facts),
            components=list(runs[0].parts),
            by_head_span=columns(spans, dla),
            mlp=columns([row for row in parts if row["component"] == "L2.mlp"], dla),
            classes=columns(classified(spans, floor=0.3), names),
            subsets=subset_tables(facts, runs, CLASSES, seed=0, partitions=0),
            without_subject=[int(np.argmax(taken.logits)) for taken in cut],
        ),
    )


if __name__ == "__main__":
    main()
