#!/usr/bin/env python3
"""Every block of the documentation that is marked `summand`, as a seed each: blocks.py FOLDER

The prompts of the blocks are of another model: what they speak of is put in the place of it."""

import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[2]
names = {"colosseum": "asked", "country": "several"}

number = 0
for page in sorted([root / "README.md", *root.glob("docs/*.md")]):
    for block in re.findall(r"^```summand\n(.*?)^```", page.read_text(), re.S | re.M):
        for name, ours in names.items():
            block = re.sub(rf"\b{name}\b", ours, block)
        # Whole, and each line by itself: what one line may not do ends the block.
        for text in [block, *block.splitlines(keepends=True)]:
            if text.strip() and len(text) < 2000:
                (pathlib.Path(sys.argv[1]) / f"docs-{number:04}").write_text(text)
                number += 1
