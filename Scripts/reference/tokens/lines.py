"""Writes the records that the tokenizer tests compare with, made by the package `tokenizers`.

    pip install gguf==0.19.0 tokenizers==0.23.3
    python -m tokens.lines MODEL.gguf

MODEL.gguf is the default model, SmolLM2-135M-Instruct.Q4_1.gguf. Written are

    tokenizer-smollm2.ndjson        lines of mixed text and the ids of the model's tokenizer
    tokenizer-characters.txt        what the patterns of `tokenizers` take each character for
    tokenizer-small/                small tokenizers, trained here, as tokenizer.json
    tokenizer-small/*.ndjson        lines and their ids

A line is {"text", "ids"}, or to keep the files small {"text", "count", "hash"}: the hash is FNV-1a
of 64 bits over the ids as little-endian u32. The first line of a file says how it was made.
"""

import json
import random
import sys
from pathlib import Path

import gguf
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from oracle.folders import FIXTURES

SEED = 20250607
LINES = 6000
LINES_SMALL = 600
# Every N lines the ids are written in full.
FULL_EVERY = 30

SENTENCES = r"""
Fact: The Colosseum is in the country of Italy.
The quick brown fox jumps over the lazy dog; it's what they'd've done, isn't it? I'LL say WE'RE so.
Die Straße nach Köln führt über Übergänge, größtenteils südwärts.
Où est l'œuvre d'art ? Ça va, naïve fiancée à Noël…
El niño comió jalapeños en el año 1999; ¿verdad? ¡Sí!
Zażółć gęślą jaźń. Příliš žluťoučký kůň úpěl ďábelské ódy.
Быстрая коричневая лиса прыгает через ленивую собаку.
Η γρήγορη καφέ αλεπού πηδάει πάνω από τον τεμπέλη σκύλο.
הַשּׁוּעָל הַמָּהִיר קוֹפֵץ מֵעַל הַכֶּלֶב
الثعلب البني السريع يقفز فوق الكلب الكسول ١٢٣٤٥٦٧٨٩٠ ۱۲۳
तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है १२३
দ্রুত বাদামী শিয়াল অলস কুকুরের উপর লাফ দেয়
สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ ๑๒๓
敏捷的棕色狐狸跳过懒狗。一二三四五,价格是1234元。
素早い茶色の狐がのろまな犬を飛び越える。カタカナ、ひらがな、漢字!
빠른 갈색 여우가 게으른 개를 뛰어넘는다 안녕하세요
Tiếng Việt có nhiều dấu: phở, bún chả, đường phố Hà Nội.
ქართული ენა, Հայերեն լեզու, አማርኛ, ᏣᎳᎩ, ភាសាខ្មែរ, བོད་སྐད།
x² + y³ = ½·z₁ ± ¾ − √16 ≠ ∞ ⅷ ⅫⅠ ① ⑳ 〇 ㊿ ㉑ 𝟘𝟙𝟚 𝔸𝕓 ᶠᵒᵒ
def f(x: int) -> dict[str, float]:\n    return {"a": x ** 2, 'b': -1.5e-10}  # comment
for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }\t// dot product\r\n
<div class="x" id='y'>&nbsp;&lt;tag/&gt;</div> <!-- note -->
SELECT * FROM t WHERE id IN (1, 22, 333, 4444) AND name LIKE '%o''brien%';
https://example.org/path?q=1&r=%20#frag user@example.com C:\Windows\System32 /usr/local/lib
0x7fff 1_000_000 3.14159e+00 1,234,567.89 2024-02-29T23:59:59Z +1 (555) 010-9999 10% $5 €7 £9 ¥11
""".strip().split("\n")
SENTENCES = [text.replace(r"\n", "\n").replace(r"\t", "\t").replace(r"\r", "\r") for text in SENTENCES]

EMOJI = [
    "😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇮🇹", "🇺🇳", "👨🏿‍🚀", "❤️", "☕", "🧑‍🤝‍🧑", "1️⃣", "#️⃣", "🫠", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
]
SPACES = [
    " ", "  ", "   ", "        ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1d",
    "\x1e", "\x1f", "\x85", "\xa0", "\u1680", "\u180e", "\u2000", "\u2003", "\u2009", "\u200a", "\u200b",
    "\u2028", "\u2029", "\u202f", "\u205f", "\u2060", "\u3000", "\ufeff", " \n", "\n ", " \t ", "  \u00a0 ",
]
MARKS = ["\u0301", "\u0308", "\u0323", "\u20dd", "\u064b", "\u093f", "\u0e34", "\ufe0f", "\u200d", "\u200c"]
DIGITS = ["7", "42", "007", "½", "²", "٣", "۴", "४", "Ⅳ", "①", "㊿", "𝟗", "፲", "一", "〇", "५", "௧", "৪", "\U0001f101"]
QUOTES = ["'s", "'S", "'t", "'re", "'ve", "'m", "'ll", "'d", "'", "''", "’s", "'x", "'r", "'l", "`", '"', "'\u017f"]
PIECES = ["a", "Z", "the", "ing", "_", "-", "--", "...", "…", "@", "#", "\\", "/", "|", "~", "^", "€", "ß", "ﬁ", "Ǆ", "ʰ", "ª", "º", "٪"]


def special_pieces(specials):
    """Special tokens whole, cut, in other case, and run together."""
    pieces = []
    for token in specials:
        pieces += [token, token + token, " " + token + " ", token[:-1], token[1:], token.upper(), token[:1] + " " + token[1:]]
    return pieces


def scalar(rng):
    """Any character there is, more often one of the lower planes."""
    while True:
        value = rng.choice([rng.randrange(0x80), rng.randrange(0x800), rng.randrange(0x10000), rng.randrange(0x32000), rng.randrange(0x110000)])
        if not 0xD800 <= value < 0xE000:
            return chr(value)


def line(rng, specials):
    kind = rng.randrange(20)
    if kind < 5:
        words = rng.choice(SENTENCES).split(" ")
        start = rng.randrange(len(words))
        return " ".join(words[start : start + 1 + rng.randrange(12)])
    if kind < 8:
        return "".join(rng.choice(rng.choice(SENTENCES)) for _ in range(rng.randrange(1, 24)))
    if kind == 8:
        return "".join(scalar(rng) for _ in range(rng.randrange(1, 16)))
    if kind == 9:
        return rng.choice(SPACES + DIGITS + PIECES + EMOJI) * rng.choice([2, 3, 4, 7, 15, 16, 17, 33, 64, 100])
    if kind == 10:
        return "".join(chr(rng.choice([rng.randrange(32), 127, rng.randrange(128, 160), 97])) for _ in range(rng.randrange(1, 12)))
    pools = [SPACES, DIGITS, QUOTES, PIECES, EMOJI, special_pieces(specials), MARKS, None]
    weights = [4, 3, 3, 5, 1, 1, 1, 4]
    parts = []
    for _ in range(rng.randrange(1, 14)):
        pool = rng.choices(pools, weights)[0]
        parts.append(rng.choice(pool) if pool else rng.choice(rng.choice(SENTENCES).split(" ")))
    return "".join(parts)


def lines(count, specials, seed):
    rng = random.Random(seed)
    unique = dict.fromkeys(["", " ", "The capital of France is", "Hello world! 123", "  multiple   spaces", "Café déjà vu."])
    unique |= dict.fromkeys(SENTENCES)
    unique |= dict.fromkeys(["a" * 2000, " " * 1999, " " * 1500 + "x", "ab" * 800, "1" * 700, "é" * 600, "!?" * 500, "\n" * 300 + "."])
    while len(unique) < count:
        unique[line(rng, specials)] = None
    return list(unique)


def fnv(ids):
    state = 0xCBF29CE484222325
    for token in ids:
        for byte in token.to_bytes(4, "little"):
            state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def record(path, tokenizer, texts, source):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        about = {"source": source, "tokenizers": tokenizers.__version__, "lines": len(texts)}
        print(json.dumps(about, ensure_ascii=False), file=file)
        for index, text in enumerate(texts):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            entry = {"text": text}
            if index % FULL_EVERY == 0:
                entry["ids"] = ids
                entry["decoded"] = tokenizer.decode(ids, skip_special_tokens=False)
            else:
                entry |= {"count": len(ids), "hash": fnv(ids)}
            print(json.dumps(entry, ensure_ascii=False, separators=(",", ":")), file=file)


def pre_tokenizer(digits):
    """GPT-2's words; before that digits "individually" or "apart" from the rest, or None."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if digits is None:
        return byte_level
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(digits == "individually"), byte_level])


def from_gguf(path):
    """The tokenizer of a GGUF file, with the digits cut one by one as SmolLM's own tokenizer does."""
    fields = gguf.GGUFReader(path).fields
    value = lambda key: fields["tokenizer.ggml." + key].contents()
    assert (value("model"), value("pre")) == ("gpt2", "smollm")
    tokens, types = value("tokens"), value("token_type")
    merges = [tuple(merge.split(" ")) for merge in value("merges")]
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizer("individually")
    tokenizer.decoder = decoders.ByteLevel()
    specials = [token for token, type in zip(tokens, types) if type == 3]
    tokenizer.add_special_tokens(specials)
    assert tokenizer.get_vocab_size() == len(tokens)
    return tokenizer, specials


def train(digits, alphabet, unknown=None):
    tokenizer = Tokenizer(models.BPE(unk_token=unknown, fuse_unk=unknown is not None))
    tokenizer.pre_tokenizer = pre_tokenizer(None)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=([unknown] if unknown else []) + specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 3, trainer)
    # Only now, so that there are tokens of several digits, and of a space and a digit, to be avoided.
    tokenizer.pre_tokenizer = pre_tokenizer(digits)
    tokenizer.add_tokens(["    ", "Colo", "Colosseum", "Colos", AddedToken("brown fox", normalized=False), AddedToken("fox jumps"), AddedToken("quick brown")])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True), AddedToken("<|right|>", rstrip=True), AddedToken("<|é|>")])
    return tokenizer, specials + ["<mask>", "<|right|>", "<|é|>", "Colosseum", "Colo", "brown fox", "fox jumps", "brown fox jumps"]


def characters(path):
    """Writes where each run of characters begins that are all the same to ByteLevel, to Digits and to case."""
    byte_level, digits = pre_tokenizer(None), pre_tokenizers.Digits(True)
    cases = [("upper", r"[\p{Lu}\p{Lt}]"), ("lower", r"\p{Ll}"), ("both", r"[\p{Lm}\p{Lo}\p{M}]")]
    cases = [(name, pre_tokenizers.Split(Regex(pattern), "isolated")) for name, pattern in cases]
    together = lambda splitter, text: len(splitter.pre_tokenize_str(text)) == 1
    before = None
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for value in range(0x110000):
            if 0xD800 <= value < 0xE000:
                continue
            character = chr(value)
            neighbours = [("letter", "a"), ("number", "7"), ("space", "\n"), ("other", "!")]
            kind = next(name for name, neighbour in neighbours if together(byte_level, neighbour + character))
            kind += " " + ("text" if together(digits, "a" + character) else "digit")
            kind += " " + next((name for name, split in cases if not together(split, "!" + character)), "none")
            if kind != before:
                print(f"{value:X} {kind}", file=file)
            before = kind


def main(model):
    characters(FIXTURES / "tokenizer-characters.txt")
    tokenizer, specials = from_gguf(model)
    texts = lines(LINES, specials, SEED)
    record(FIXTURES / "tokenizer-smollm2.ndjson", tokenizer, texts, Path(model).name)

    folder = FIXTURES / "tokenizer-small"
    folder.mkdir(exist_ok=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    ascii_only = [letter for letter in alphabet if letter.isascii()] + ["Ġ"]
    # Digits cut in both ways and not at all; bytes all known, left out, and made the unknown token.
    kinds = [
        ("individually", ("individually", alphabet)),
        ("apart", ("apart", alphabet)),
        ("plain", (None, ascii_only)),
        ("unknown", (None, ascii_only, "<unk>")),
    ]
    for name, arguments in kinds:
        tokenizer, specials = train(*arguments)
        content = json.loads(tokenizer.to_str())
        if name == "plain":
            # As files were written before merges became pairs.
            content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
        tokenizer = Tokenizer.from_file(str(folder / f"{name}.json"))
        record(folder / f"{name}.ndjson", tokenizer, lines(LINES_SMALL, specials, SEED + 1), f"{name}.json")
    config = {"add_bos_token": False, "bos_token": "<|im_start|>", "eos_token": {"content": "<|im_end|>", "lstrip": False}, "tokenizer_class": "GPT2Tokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
