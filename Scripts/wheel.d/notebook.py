"""Executes notebooks with the package, the program and the kernel of the wheel: notebook.py MODEL."""

import pathlib
import sys

import nbformat
import pysummand
from nbclient import NotebookClient

ASKED = 'let asked = prompt "{subject:a b} c" -> "d" vs "e"'
# The package is the wheel's, not the repository's.
assert "site-packages" in pysummand.__file__, pysummand.__file__
model = str(pathlib.Path(sys.argv[1]).resolve())


def executed(kernel, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    NotebookClient(notebook, timeout=120, kernel_name=kernel).execute()
    return [[dict(output.get("data", {})) for output in cell.outputs if "data" in output] for cell in notebook.cells]


found = executed(
    "python3",
    "%load_ext pysummand",
    f"%%summand -m {model} -o best\n{ASKED}\nlet best = asked | dla by head | top 3\nbest\nbest | plot bar",
    "best.shape",
)
assert [sorted(data) for data in found[1]] == [["text/html", "text/plain"], ["image/svg+xml", "text/plain"]], found[1]
assert found[2][0]["text/plain"] == "(3, 4)", found[2]
found = executed("summand", f'load "{model}"', ASKED, "asked | dla by head | top 2", "asked | attention heads@* | plot attention")
assert "text/html" in found[2][0], found[2]
assert "image/svg+xml" in found[3][0], found[3]
print("wheel: notebooks of Python and of Summand run, with no program on the PATH")
