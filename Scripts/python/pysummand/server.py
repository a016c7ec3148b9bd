"""The program `summand serve` as a process: requests go in, events come out."""

import collections
import itertools
import json
import os
import queue
import shutil
import subprocess
import sys
import sysconfig
import threading
import warnings
import weakref

PROTOCOL = 1

INTERRUPTED = 130


class SummandError(Exception):
    """What went wrong, as the prompt shows it: the message, its line with the place marked, and help.

    `message` and `help` are its parts; `start` and `end` count the characters of the code before and up to the end
    of the place, where there is one. `status` is the exit status that the same error has in a script.
    """

    def __init__(self, text, status=1, event=None):
        super().__init__(text)
        event = event or {}
        self.status = status
        self.message = event.get("message", text)
        self.help = event.get("help")
        self.source = event.get("source")
        self.start = event.get("start")
        self.end = event.get("end")
        self.line = event.get("line")
        self.column = event.get("column")

    def _render_traceback_(self):
        """For IPython: the error alone. What Python did on the way says nothing about it."""
        return str(self).splitlines()


class SummandWarning(UserWarning):
    """What was left out or looks wrong, while the work went on."""


# Shown each time, unless somebody has asked otherwise.
warnings.simplefilter("always", SummandWarning, append=True)


def find_executable(executable=None):
    """The program: as given, as $SUMMAND names it, the one installed with this package, else the one on the PATH."""
    if executable or os.environ.get("SUMMAND"):
        return os.fspath(executable or os.environ["SUMMAND"])
    installed = os.path.join(sysconfig.get_path("scripts"), "summand")
    found = installed if os.access(installed, os.X_OK) else shutil.which("summand")
    if not found:
        raise SummandError("the program summand is not installed: put it on the PATH, or name it in $SUMMAND")
    return found


class Server:
    """One process, one conversation. Requests are answered one after the other."""

    def __init__(self, arguments=(), executable=None, cwd=None, env=None):
        command = [find_executable(executable), "serve", *arguments]
        try:
            # A session of its own: Ctrl-C reaches this process, which passes it on as a request.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                start_new_session=True,
            )
        except OSError as error:
            raise SummandError(f"cannot start {command[0]}: {error.strerror}") from error
        self._events = queue.SimpleQueue()
        self._messages = collections.deque(maxlen=50)
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self._readers = [
            threading.Thread(target=_read_events, args=(self._process.stdout, self._events), daemon=True),
            threading.Thread(target=_pass_on, args=(self._process.stderr, self._messages), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        self._finalizer = weakref.finalize(self, _end, self._process)

    def greet(self, handle):
        """Waits until the server is ready. `handle` is called with what it says before, as it loads a model."""
        errors = []
        while True:
            try:
                event = self._next()
            except KeyboardInterrupt:
                self._process.kill()
                raise
            if event is None:
                raise self._ended(errors)
            if event["type"] == "hello":
                break
            if event["type"] == "message" and event["severity"] == "error":
                errors.append(event)
            handle(event)
        if event["protocol"] != PROTOCOL:
            self.close()
            raise SummandError(
                f"summand {event['version']} speaks protocol {event['protocol']}, this package {PROTOCOL}: "
                "install the two of one version"
            )
        self.version = event["version"]

    def request(self, handle, op, **fields):
        """Sends a request, calls `handle` with each event of the answer but the last, and returns the last.

        Ctrl-C stops the request, and is raised once it has stopped; a second one ends the server.
        """
        with self._turn:
            number = next(self._numbers)
            is_stopped = False
            self._send({"id": number, "op": op, **fields})
            while True:
                try:
                    event = self._next()
                    if event is None:
                        raise self._ended([])
                    # Others are of a request whose answer nobody waited for.
                    if event["id"] != number:
                        continue
                    if event["type"] == "done":
                        break
                    handle(event)
                except KeyboardInterrupt:
                    if is_stopped:
                        self._process.kill()
                        raise
                    is_stopped = True
                    self._send({"op": "interrupt", "target": number})
            if is_stopped:
                raise KeyboardInterrupt
            return event

    def _next(self):
        """The next event; None at the end."""
        while True:
            try:
                # Asked again and again: after `import polars`, whose handler has system calls go on, Ctrl-C ends no wait.
                return self._events.get(timeout=0.1)
            except queue.Empty:
                pass

    def _send(self, request):
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            raise self._ended([]) from None

    def _ended(self, errors):
        status = self.close()
        if errors:
            return SummandError(errors[-1]["text"], status, errors[-1])
        said = "".join(self._messages).strip()
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        return SummandError(f"summand serve {how}" + (f": {said}" if said else ""), status)

    def close(self):
        """Ends the server. Returns its exit status."""
        self._finalizer()
        for reader in self._readers:
            reader.join(timeout=1)
        return self._process.returncode


def _end(process):
    try:
        process.stdin.close()
    except OSError:
        pass
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read_events(stream, events):
    with stream:
        for line in stream:
            try:
                events.put(json.loads(line))
            except ValueError:
                # Cut off: the process has ended in the middle of a line.
                break
    events.put(None)


def _pass_on(stream, messages):
    """Standard error is that of commands after `!`, and of a server that fails."""
    with stream:
        for line in stream:
            text = line.decode(errors="replace")
            messages.append(text)
            sys.stderr.write(text)
            sys.stderr.flush()
