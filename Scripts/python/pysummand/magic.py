"""IPython's magics `%summand` and `%%summand`."""

import sys

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from .session import Session


@magics_class
class SummandMagics(Magics):
    """One session for the whole notebook."""

    session = None

    @magic_arguments()
    @argument("-m", "--model", help="begin with this model, in a new session")
    @argument("-i", "--input", action="append", default=[], help="Python variables to hand over first: -i x,y")
    @argument("-o", "--output", action="append", default=[], help="variables of Summand to hand back: -o x,y")
    @argument("code", nargs="*", help="a line of Summand, for %%summand")
    @line_cell_magic
    def summand(self, line, cell=None):
        """Runs Summand: `%summand CODE` a line, `%%summand [-m MODEL] [-i NAMES] [-o NAMES]` a cell.

        Each value is displayed; the last one is the value of the cell.
        """
        if cell is None:
            # All of the line is code: options would be a part of it.
            inputs, outputs, model, code = [], [], None, line
            if not line.strip():
                raise UsageError("usage: %summand CODE, or %%summand above a cell")
        else:
            options = parse_argstring(self.summand, line)
            if options.code:
                raise UsageError("the code stands below %%summand, or after %summand")
            inputs, outputs, model, code = options.input, options.output, options.model, cell
        session = self._session(model)
        for name in _names(inputs):
            if name not in self.shell.user_ns:
                raise UsageError(f"there is no Python variable {name}")
            session[name] = self.shell.user_ns[name]
        last = self._run(session, code)
        for name in _names(outputs):
            self.shell.user_ns[name] = session[name]
        return last

    def _session(self, model):
        if model and SummandMagics.session:
            SummandMagics.session.close()
            SummandMagics.session = None
        if SummandMagics.session is None:
            SummandMagics.session = Session(model=model)
        return SummandMagics.session

    @staticmethod
    def _run(session, code):
        waiting = []

        def take(event):
            # A value is displayed once another follows: the last one is the cell's.
            if waiting:
                display(waiting.pop())
            if event["type"] == "text":
                sys.stdout.write(event["text"])
            else:
                waiting.append(session.value(event))

        def tell(event):
            if waiting and event["severity"] == "warning":
                display(waiting.pop())
            print(event["text"], file=sys.stderr)

        session.events(code, take, on_message=tell)
        return waiting.pop() if waiting else None


def _names(lists):
    return [name for text in lists for name in text.split(",") if name]
