"""What is too large in Sources: files over 350 lines, functions over 60, parameter lists over 6.

Memberwise initialisers, which the compiler makes, are not declared and may be longer.
"""

import re
import subprocess
import sys
from pathlib import Path

FILE, FUNCTION, PARAMETERS = 350, 60, 6

STRING = r'(#*)"""(?:.|\n)*?"""\1|(#+)"(?:.|\n)*?"\2|"(?:\\.|[^"\\\n])*"'
SKIPPED = re.compile(STRING + r"|//[^\n]*|/\*(?:.|\n)*?\*/")
DECLARATION = re.compile(r"(?<![.\w])(?:func\s+([^\s(<]+)|(init)[?!]?|(deinit)|(subscript))\s*(?=[<({])")
PAIRS = {"(": ")", "{": "}", "[": "]", "<": ">"}


def blanked(match: re.Match) -> str:
    return re.sub(r"[^\n]", " ", match.group())


def end(text: str, start: int) -> int:
    """The index behind the bracket that closes the one at `start`."""
    depth = 0
    opening, closing = text[start], PAIRS[text[start]]
    for index in range(start, len(text)):
        depth += (text[index] == opening) - (text[index] == closing and text[index - 1] != "-")
        if depth == 0:
            return index + 1
    return len(text)


def parameters(text: str) -> int:
    """How many parameters the list `text`, without its parentheses, has."""
    depth, commas = 0, 0
    for before, sign in zip(" " + text, text):
        depth += (sign in "([{<") - (sign in ")]}" or sign == ">" and before != "-")
        commas += sign == "," and depth == 0
    return commas + 1 if text.strip() else 0


def findings(path: Path):
    text = path.read_text()
    lines = text.count("\n")
    if lines > FILE:
        yield 1, f"the file has {lines} lines, and at most {FILE} are allowed"
    code = SKIPPED.sub(blanked, text)
    for match in DECLARATION.finditer(code):
        name = next(filter(None, match.groups()))
        line = code.count("\n", 0, match.start()) + 1
        index = match.end()
        if code[index] == "<":
            index = end(code, index)
        if code[index] == "(":
            close = end(code, index)
            count = parameters(code[index + 1 : close - 1])
            if count > PARAMETERS:
                yield line, f"`{name}` has {count} parameters, and at most {PARAMETERS} are allowed"
            index = close
        # The body, unless the next declaration or the end of a protocol comes first.
        signature = re.compile(r"[^{}]*?\{").match(code, index)
        if not signature or re.search(r"\n\s*\n|\b(func|init|var|let|case)\b", signature.group()):
            continue
        close = end(code, signature.end() - 1)
        length = code.count("\n", match.start(), close) + 1
        if length > FUNCTION:
            yield line, f"`{name}` has {length} lines, and at most {FUNCTION} are allowed"


files = subprocess.run(
    ["git", "ls-files", "Sources/*.swift", "Plugins/*.swift"], capture_output=True, text=True, check=True
).stdout.split("\n")
found = [
    f"{name}:{line}: {what}"
    for name in files
    if name and not Path(name).is_symlink()
    for line, what in findings(Path(name))
]
print(*found, sep="\n", end="\n" if found else "")
sys.exit(bool(found))
