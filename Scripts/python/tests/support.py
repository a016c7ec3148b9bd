"""What the tests share: a tiny model, the program, and Python without some of its packages."""

import importlib.util
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(root / "Scripts/python"))

TINY = str(root / "Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf")
ASKED = 'let asked = prompt "{subject:a b} c" -> "d" vs "e"'


class hidden:
    """Inside of it, these packages are not installed."""

    def __init__(self, *names):
        self.names = names

    def __enter__(self):
        self.find = importlib.util.find_spec
        importlib.util.find_spec = lambda name, *rest: None if name in self.names else self.find(name, *rest)

    def __exit__(self, *_):
        importlib.util.find_spec = self.find
