"""Says how editors read texts: a letter for each byte, as `GrammarTests` has the lexer say it.

    grammars.py textmate GRAMMAR TEXT…
    grammars.py vim SYNTAX TEXT…

c comment, k keyword, s text or path, e escape, n number, C component, v variable, l column, ! command of sh, o option,
p operator, d delimiter, w word. Prints a JSON list, one string for each text. `textmate` follows the rules of TextMate's
grammars that ours uses: match, begin and end, captures, includes; `vim` asks Vim itself.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

SCOPES = [
    ("comment", "c"), ("keyword.operator.summand", "p"), ("keyword", "k"), ("constant.character.escape", "e"),
    ("punctuation.section.interpolation", "e"), ("string.unquoted.shell", "!"), ("string", "s"),
    ("constant.numeric", "n"), ("constant.other.component", "C"), ("constant.other.option", "o"),
    ("variable.other.column", "l"), ("variable.other.readwrite", "w"), ("variable", "v"), ("support", "w"),
    ("punctuation", "d"),
]
GROUPS = {
    "Comment": "c", "Keyword": "k", "String": "s", "Raw": "s", "Path": "s", "Escape": "e", "Number": "n",
    "Component": "C", "Variable": "v", "Column": "l", "Shell": "!", "Option": "o", "Operator": "p", "Delimiter": "d",
    "Word": "w", "Command": "w",
}


def letter(scope):
    return next((sign for prefix, sign in SCOPES if scope.startswith(prefix)), " ")


class TextMate:
    def __init__(self, path):
        self.grammar = json.loads(path.read_text())
        self.compiled = {}

    def expression(self, pattern):
        if pattern not in self.compiled:
            self.compiled[pattern] = re.compile(pattern)
        return self.compiled[pattern]

    def rules(self, patterns):
        for pattern in patterns:
            if "include" in pattern:
                yield from self.rules([self.grammar["repository"][pattern["include"][1:]]])
            elif "match" in pattern or "begin" in pattern:
                yield pattern
            else:
                yield from self.rules(pattern["patterns"])

    def read(self, text):
        return "\n".join(self.lines(text))

    def lines(self, text):
        stack = []
        for line in text.split("\n"):
            signs = [" "] * len(line)
            place = 0
            while place <= len(line):
                inner = stack[-1] if stack else None
                best = None
                if inner:
                    found = self.expression(inner["end"]).search(line, place)
                    best = found and (found.start(), inner, found, True)
                for rule in self.rules(inner["patterns"] if inner else self.grammar["patterns"]):
                    found = self.expression(rule.get("match", rule.get("begin"))).search(line, place)
                    if found and (not best or found.start() < best[0]):
                        best = (found.start(), rule, found, False)
                start = best[0] if best else len(line)
                if inner:
                    self.paint(signs, place, start, letter(inner.get("name", "")))
                if not best:
                    break
                _, rule, found, ends = best
                name = rule.get("name", "")
                self.paint(signs, found.start(), found.end(), letter(name))
                kind = "endCaptures" if ends else "beginCaptures" if "begin" in rule else "captures"
                for number, capture in rule.get(kind, {}).items():
                    if found.start(int(number)) >= 0:
                        self.paint(signs, found.start(int(number)), found.end(int(number)), letter(capture["name"]))
                if ends:
                    stack.pop()
                elif "begin" in rule:
                    stack.append(rule)
                elif found.end() == found.start():
                    place += 1
                    continue
                place = found.end()
                if ends and found.end() == found.start() == len(line):
                    continue
            yield "".join(sign * len(character.encode()) for sign, character in zip(signs, line))

    @staticmethod
    def paint(signs, start, end, sign):
        if sign != " ":
            signs[start:end] = sign * (end - start)


def by_vim(syntax, texts):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        script = [
            "set nocompatible encoding=utf-8 nomodeline synmaxcol=0", "syntax on",
            f"let groups = {json.dumps(GROUPS)}", "let all = []"]
        for number, text in enumerate(texts):
            path = folder / f"{number}"
            path.write_bytes(text.encode())
            script += [
                f"edit {path}", "setlocal fileformat=unix", "syntax clear", "unlet! b:current_syntax",
                f"source {syntax}", "syntax sync fromstart", "let lines = []",
                "for row in range(1, line('$'))", "  let signs = ''", "  for column in range(1, col([row, '$']) - 1)",
                "    let name = synIDattr(synID(row, column, 0), 'name')",
                "    let signs .= get(groups, substitute(name, '^summand', '', ''), ' ')", "  endfor",
                "  call add(lines, signs)", "endfor", "call add(all, join(lines, \"\\n\"))"]
        script += [f"call writefile([json_encode(all)], '{folder}/found.json')", "qall!"]
        (folder / "read.vim").write_text("\n".join(script) + "\n")
        subprocess.run(
            ["vim", "-u", "NONE", "-i", "NONE", "-n", "-es", "-S", str(folder / "read.vim")], check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        return json.loads((folder / "found.json").read_text())


def main():
    kind, grammar = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    texts = [pathlib.Path(path).read_bytes().decode() for path in sys.argv[3:]]
    read = [TextMate(grammar).read(text) for text in texts] if kind == "textmate" else by_vim(grammar, texts)
    print(json.dumps(read))


main()
