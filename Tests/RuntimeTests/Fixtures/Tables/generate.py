#!/usr/bin/env python3
"""Writes what Python's own csv and json modules, decimal and wcwidth make of generated texts.

    pip install wcwidth
    ./generate.py

Deterministic: the same seeds give the same files.
"""
import csv, io, json, math, os, random, struct
from decimal import Decimal, ROUND_HALF_UP
from wcwidth import wcswidth

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, cases):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write("[\n")
        file.write(",\n".join(json.dumps(case, ensure_ascii=True) for case in cases))
        file.write("\n]\n")


def csv_cases():
    """Well-formed and broken texts; rows is null where a strict reader refuses them."""
    chance = random.Random(1)
    pieces = ["a", "b", " ", '"', '""', ",", ",", "\n", "\r\n", "\r", "é", "日本", "1", "\t", "\\"]
    for _ in range(300):
        if chance.random() < 0.5:
            rows = [
                ["".join(chance.choice(pieces) for _ in range(chance.randint(0, 4))) for _ in range(3)]
                for _ in range(chance.randint(1, 3))
            ]
            text = io.StringIO()
            csv.writer(
                text,
                quoting=chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
                lineterminator=chance.choice(["\n", "\r\n"]),
            ).writerows(rows)
            text = text.getvalue()
        else:
            text = "".join(chance.choice(pieces) for _ in range(chance.randint(1, 14)))
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error:
            rows = None
        yield {"text": text, "rows": rows}


def unique(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key comes twice")
    return result


def refuse(text):
    raise ValueError(text)


def json_cases():
    """Documents and broken ones; value is Python's own text of it, null where it refuses."""
    chance = random.Random(2)

    def value(depth):
        kind = chance.randint(0, 8 if depth < 3 else 5)
        if kind == 0:
            return chance.choice([None, True, False])
        if kind == 1:
            return chance.choice([0, -1, 42, 2**53, -(2**63), 2**63 - 1])
        if kind == 2:
            return chance.choice([0.1, -2.5e-8, 1e300, 5e-324, 123456.789, -0.0])
        if kind <= 5:
            return "".join(
                chance.choice(["a", "\n", '"', "\\", "/", "é", "日", "😀", "\u2028", "\x01", " "])
                for _ in range(chance.randint(0, 5))
            )
        if kind == 6:
            return [value(depth + 1) for _ in range(chance.randint(0, 3))]
        return {chance.choice("abcdefg") + str(i): value(depth + 1) for i in range(chance.randint(0, 3))}

    for _ in range(400):
        text = json.dumps(
            value(0), ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 1])
        )
        if chance.random() < 0.6:
            for _ in range(chance.randint(1, 2)):
                place = chance.randint(0, len(text))
                cut = place + chance.randint(0, 1)
                extra = chance.choice(list('{}[],:"\\0-.eE1ntu ') + ["\\u00e9", "01", "1.", "\t"])
                text = text[:place] + extra + text[cut:]
        try:
            parsed = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
            out = json.dumps(parsed, ensure_ascii=False)
            out.encode("utf-8")
            # Beyond 64 bits and beyond doubles, the reader here has rules of its own.
            if "Infinity" in out or any(len(n) > 18 for n in digits(out)):
                continue
        except (ValueError, UnicodeEncodeError):
            out = None
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            continue
        yield {"text": text, "value": out}


def digits(text):
    run = ""
    for character in text + " ":
        if character.isdigit():
            run += character
        elif run:
            yield run
            run = ""


def number_cases():
    """Doubles as bits, rounded half away from zero from the digits that reproduce them."""
    chance = random.Random(3)
    for index in range(300):
        if index < 100:
            number = round(chance.uniform(-20, 20), chance.randint(0, 6))
        elif index < 200:
            number = chance.uniform(-1, 1) * 10.0 ** chance.randint(-12, 15)
        else:
            number = struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))[0]
            if not math.isfinite(number):
                continue
        decimals = chance.randint(0, 8)
        exact = Decimal(repr(number))
        case = {"bits": format(struct.unpack("<Q", struct.pack("<d", number))[0], "x")}
        if abs(number) < 1e15:
            fixed = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
            case |= {"decimals": decimals, "fixed": format(fixed, "f")}
        if number:
            shown = exact.adjusted()
            mantissa = exact.scaleb(-shown).quantize(
                Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP
            )
            if abs(mantissa) >= 10:
                shown += 1
                mantissa = exact.scaleb(-shown).quantize(
                    Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP
                )
            case |= {"decimals": decimals, "scientific": f"{mantissa:f}e{shown}"}
        yield case


def width_cases():
    texts = (
        "abc|é|e\u0301|日本語|한국어|ｱｲｳ|ＡＢＣ|😀|👍🏽|👨‍👩‍👧|🇮🇹|❤️|❤|☂️|☂|⌚|⚡|✅|ไทย|שלום|العربية|नमस्ते|"
        "a\u200bb|Ⅳ|①|—|…|“x”|│|█|⠿|ᄒ|간|㎏|〜|「」|🏴‍☠️|ß|ñ|n\u0303|Ω|✓|●|○|▲|½|°|naïve café|𝒳|𠀋|\u00ad|\ufeff"
    ).split("|")
    for text in texts:
        yield {"text": text, "width": wcswidth(text)}


write("csv.json", csv_cases())
write("json.json", json_cases())
write("numbers.json", number_cases())
write("widths.json", width_cases())
