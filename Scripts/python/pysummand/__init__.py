"""Summand from Python: `Session().run("…")` returns data frames, arrays and plots.

    from pysummand import Session

    s = Session(model="smollm2")
    s.run('let fact = prompt "The {subject:Colosseum} is in" -> " Rome"')
    heads = s.run("fact | dla by head | top 5")     # a pandas or polars frame

docs/python.md describes the package, docs/serve.md the protocol beneath it.
"""

from .frames import Plot, Rows
from .server import SummandError, SummandWarning
from .session import Session

__version__ = "0.2.0"
__all__ = ["Plot", "Rows", "Session", "SummandError", "SummandWarning"]


def load_ipython_extension(shell):
    """`%load_ext pysummand`: the magics `%summand` and `%%summand`."""
    from .magic import SummandMagics

    shell.register_magics(SummandMagics)
