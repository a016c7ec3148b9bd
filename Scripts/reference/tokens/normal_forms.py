"""What the normalizer NFC of the package `tokenizers` makes of every character and of random runs of
letters and marks.

    pip install tokenizers==0.23.3
    python -m tokens.normal_forms

Written is normal-forms.txt. A line is a text and its normal form, both as code points, with a tab
between. Every single character that changes has a line; the random runs follow.
"""

import random
import unicodedata

from tokenizers import normalizers

from oracle.folders import FIXTURES

RUNS = 2500
TIBETAN = "\u0f71\u0f72\u0f73\u0f74\u0f75\u0f76\u0f77\u0f78\u0f79\u0f80\u0f81\u0f82\u0f39"


def code_points(text):
    return " ".join(f"{ord(character):X}" for character in text)


def main():
    form = normalizers.NFC().normalize_str
    scalars = [chr(value) for value in range(0x110000) if not 0xD800 <= value < 0xE000]
    lines = [(scalar, form(scalar)) for scalar in scalars if form(scalar) != scalar]
    rng = random.Random(20261128)
    marks = [scalar for scalar in scalars if unicodedata.category(scalar)[0] == "M" or unicodedata.combining(scalar)]
    changing = [scalar for scalar, _ in lines]
    bases = [*"aeiouAEIOUnszqy\u0f40\u0f42\u0915\u09a1\u1100\u1161\u11a8\u304b\uac00", *changing]
    common = [mark for mark in marks if ord(mark) < 0x370]
    while len(lines) < len(changing) + RUNS:
        pools = [bases, marks, common, list(TIBETAN), changing]
        text = "".join(rng.choice(rng.choices(pools, [4, 5, 5, 4, 2])[0]) for _ in range(rng.randrange(2, 8)))
        lines.append((text, form(text)))
    differ = [text for text, normal in lines if unicodedata.normalize("NFC", text) != normal]
    later = [text for text in differ if any(unicodedata.ucd_3_2_0.category(c) == "Cn" for c in text)]
    print(f"{len(lines)} texts; Python's Unicode {unicodedata.unidata_version} has another form of {len(differ)}, {len(differ) - len(later)} of them of characters of Unicode 3.2 alone")
    text = "".join(f"{code_points(text)}\t{code_points(normal)}\n" for text, normal in lines)
    (FIXTURES / "normal-forms.txt").write_text(text)


if __name__ == "__main__":
    main()
