"""A conversation with Summand: code goes in, frames, arrays and plots come out."""

import logging
import re
import sys
import threading
import warnings

from . import frames as convert
from .server import Server, SummandError, SummandWarning

log = logging.getLogger("pysummand")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Session:
    """One session of Summand, in a process of its own.

    model       loaded first: a file, a folder, or a name, as `load` takes it
    threads     how many compute; default: as many as the machine has
    memory      for runs and tables: "2GB"
    store       a folder that keeps the results of runs
    safe        refuse `!`, and writing outside of the working directory
    frames      "pandas", "polars" or "rows"; default: the first that is installed
    progress    called with (label, done, total), and with (None, 0, 0) at the end; False for none. Default: a line on
                standard error, where somebody watches it
    executable  the program; default: $SUMMAND, the one installed with this package, the one on the PATH
    cwd         the working directory of the session
    """

    def __init__(
        self,
        model=None,
        *,
        threads=None,
        memory=None,
        store=None,
        safe=False,
        frames=None,
        progress=None,
        executable=None,
        cwd=None,
    ):
        self._kind = convert.choose_frames(frames)
        self._progress = ProgressLine() if progress is None else (progress or (lambda *_: None))
        #: What the last `run` remarked: the gap of `dla`, times of `time`.
        self.notes = []
        arguments = []
        for name, value in (("--model", model), ("--threads", threads), ("--memory", memory), ("--store", store)):
            if value is not None:
                arguments += [name, str(value)]
        if safe:
            arguments.append("--safe")
        self._server = Server(arguments, executable=executable, cwd=cwd)
        try:
            self._server.greet(self._note)
        finally:
            self._progress(None, 0, 0)
        #: The program's version.
        self.version = self._server.version

    def run(self, code, **variables):
        """Runs code, and returns the value of its last line that prints one; None if there is none.

        Keyword arguments become variables first: `run("heads | take n", n=3)`.

        Raises SummandError, with the line and the place marked, and KeyboardInterrupt for Ctrl-C. Warnings come as
        SummandWarning. What is printed as text goes to standard output.
        """
        results = self.run_all(code, **variables)
        return results[-1] if results else None

    def run_all(self, code, **variables):
        """The same, with the value of every line that prints one, as a list."""
        for name, value in variables.items():
            self[name] = value
        results = []
        self.events(code, lambda event: self._take(event, results))
        return results

    def _take(self, event, results):
        type_ = event["type"]
        if type_ == "text":
            sys.stdout.write(event["text"])
        elif type_ in ("table", "array", "value", "plot"):
            results.append(self.value(event))

    def value(self, event):
        """What an event of the protocol holds, as a value of Python."""
        if event["type"] == "table":
            return convert.table(event, self._kind)
        if event["type"] == "array":
            return convert.array(event, self._kind)
        if event["type"] == "plot":
            numbers = convert.table(event["table"], self._kind)
            return convert.Plot(event.get("svg"), numbers, event["kind"], event.get("title"))
        return convert.value(event)

    def events(self, code, handle, on_message=None, **rendering):
        """Runs code, and calls `handle` with each event that is not progress or a message, as docs/serve.md has them.

        on_message  called with each warning and note. Default: warnings are warned of, notes kept
        """
        self.notes = []
        errors = []

        def take(event):
            if event["type"] == "progress":
                self._progress(event["label"], event["done"], event["total"])
                return
            self._progress(None, 0, 0)
            if event["type"] != "message":
                handle(event)
            elif event["severity"] == "error":
                errors.append(event)
            else:
                (on_message or self._note)(event)

        try:
            done = self._server.request(take, "run", code=code, **rendering)
        finally:
            self._progress(None, 0, 0)
        self._check(done, errors)

    @staticmethod
    def _check(done, errors):
        if done["status"] == 130:
            raise KeyboardInterrupt
        if done["status"] != 0:
            text = "\n".join(error["text"] for error in errors) or f"Summand: status {done['status']}"
            raise SummandError(text, done["status"], errors[-1] if errors else None)

    def _note(self, event):
        if event["type"] == "progress":
            self._progress(event["label"], event["done"], event["total"])
        elif event["severity"] == "warning":
            help_ = f" ({event['help']})" if event.get("help") else ""
            warnings.warn(event["message"] + help_, SummandWarning, stacklevel=_level())
        elif event["severity"] == "note":
            self.notes.append(event["message"])
            log.info("%s", event["message"])

    def __getitem__(self, name):
        """The value of a variable of the session."""
        results, errors = [], []

        def take(event):
            if event["type"] == "message":
                errors.append(event)
            else:
                self._take(event, results)

        self._check(self._server.request(take, "get", name=name), errors)
        return results[0] if results else None

    def __setitem__(self, name, value):
        """Gives a variable a value: a number, a text, a list, a frame, or a NumPy array."""
        errors = []
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be a variable's name")
        self._check(self._server.request(errors.append, "set", name=name, value=convert.served(value)), errors)

    def complete(self, code, cursor=None):
        """What Tab offers at a place in code: (start, end, [(text, summary), …])."""
        found = []
        fields = {} if cursor is None else {"cursor": cursor}
        self._server.request(found.append, "complete", code=code, **fields)
        event = next(event for event in found if event["type"] == "completions")
        return event["start"], event["end"], [(c["text"], c["summary"]) for c in event["candidates"]]

    def completeness(self, code):
        """("complete", 0), ("incomplete", the next line's indentation) or ("invalid", 0)."""
        found = []
        self._server.request(found.append, "is_complete", code=code)
        return found[0]["state"], found[0].get("indentation", 0)

    def inspect(self, code, cursor=None):
        """The help of the command at a place in code; None where there is none."""
        found = []
        fields = {} if cursor is None else {"cursor": cursor}
        self._server.request(found.append, "inspect", code=code, **fields)
        return found[0]["text"] if found else None

    def close(self):
        """Ends the session. It ends with Python too, or when nothing refers to it any more."""
        self._server.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _level():
    """How many frames lie between `warnings.warn` and the caller of this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("pysummand"):
        frame, level = frame.f_back, level + 1
    return level


class ProgressLine:
    """How far long work has come: a line on standard error that leaves nothing behind."""

    def __init__(self, stream=None):
        self._stream = stream
        self._is_drawn = False
        self._lock = threading.Lock()

    def __call__(self, label, done, total):
        stream = self._stream or sys.stderr
        with self._lock:
            if label is None:
                if self._is_drawn:
                    stream.write("\r\x1b[2K")
                    stream.flush()
                self._is_drawn = False
            elif self._stream or _is_watched(stream):
                count = f"{done}/{total}" if total else str(done)
                stream.write(f"\r\x1b[2K{label} {count}")
                stream.flush()
                self._is_drawn = True


def _is_watched(stream):
    # Notebooks draw over a line as terminals do.
    return stream.isatty() or type(stream).__module__.startswith("ipykernel")
