"""Workers that take turns: each is a process that does a work when asked and says how long it took."""

import csv
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

SUMMAND = ".build/release/summand"
# What `time` says on standard error.
TOOK = re.compile(r"took ([\d.e-]+) (m?s)")
# What `time` says besides of what was computed.
COMPUTED = re.compile(r"computed runs (\d+), rows (\d+), batches (\d+), bytes (\d+)")
# Seconds after which one turn is enough.
PATIENCE = 20
# A worker's threads may spin for a while after their work, and must not do so in another's turn.
REST = 0.25


class Failed(Exception):
    """A worker ended, or computed something else."""


class Worker:
    """A process with a pipe to it and one from it; what it complains of is kept in a file."""

    def __init__(self, command, **environment):
        self.name = command[-1] if len(command) == 1 else " ".join(map(str, command[:2]))
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=os.environ | environment,
        )

    def say(self, line):
        answer = ""
        try:
            print(line, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            pass
        if not answer:
            raise Failed(f"{self.name}: {self.complaint()}")
        return answer

    def complaint(self):
        self.errors.seek(0)
        said = self.errors.read()[-2000:].strip() or "without a word"
        # A negative status is that of a signal: −9 where there was no memory left.
        return f"ended with {self.process.wait(timeout=10)}: {said}"

    def close(self):
        end(self.process)


class Peer(Worker):
    """One of the Python programs here: see peer.py."""

    def ask(self, work, at_least=0.0):
        request = {"work": work, "check": False, "seconds": at_least}
        return json.loads(self.say(json.dumps(request)))["seconds"]

    def check(self, work):
        return json.loads(self.say(json.dumps({"work": work, "check": True})))["result"]


class Summand:
    """A script that does one line of the language each time that a line comes down a named pipe.

    `time` takes the time, so that the process, its start and its printing are not in it. What the line
    gives is saved once, before, for the check.
    """

    def __init__(self, folder, setup, line, check=None, binary=SUMMAND):
        self.folder, self.go = folder, folder / "go"
        self.go.unlink(missing_ok=True)
        os.mkfifo(self.go)
        script = [*setup, f"{check or line} | save '{folder}/check.tsv'"]
        script += ["for turn in 1..100000 {", f"  !read go < '{self.go}'", f"  time {line}", "}"]
        (folder / "work.summand").write_text("\n".join(script) + "\n")
        self.process = subprocess.Popen(
            [binary, "--threads", threads(), "--format", "tsv", folder / "work.summand"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self):
        self.wake()
        said = []
        for line in self.process.stderr:
            if found := TOOK.fullmatch(line.strip()):
                return seconds_of(found)
            said.append(line)
        raise Failed("".join(said).strip())

    def wake(self):
        """Waits until the script reads its pipe, and notices when it never will."""
        while self.process.poll() is None:
            try:
                with os.fdopen(os.open(self.go, os.O_WRONLY | os.O_NONBLOCK), "w") as pipe:
                    print("go", file=pipe)
                return
            except OSError:
                time.sleep(0.001)

    def checked(self, column):
        return [float(x) for x in read_table(self.folder / "check.tsv")[column]]

    def close(self):
        end(self.process)


def end(process):
    if process.poll() is None:
        process.terminate()
    process.wait()


def seconds_of(took):
    return float(took[1]) * {"s": 1, "ms": 1e-3}[took[2]]


def threads():
    return os.environ["BENCH_THREADS"]


def run_summand(*lines, said=False):
    """Runs lines to their end; gives what they print, what their `time` takes, and if asked all that is
    said on standard error."""
    done = subprocess.run(
        [SUMMAND, "--threads", threads(), "-c", "\n".join(lines)], capture_output=True, text=True
    )
    if done.returncode:
        raise Failed(done.stderr.strip())
    times = [seconds_of(took) for took in TOOK.finditer(done.stderr)]
    return (done.stdout, times, done.stderr) if said else (done.stdout, times)


def read_table(path):
    """A TSV's columns by name, as text."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))
    return dict(zip(rows[0], zip(*rows[1:])))


def run_process(command):
    """A whole process: wall seconds, peak resident bytes, what it printed, what it said on standard error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        said = errors.read().decode()
        if child.returncode:
            raise Failed(f"{command[0]}: {said[-2000:]}")
        unit = 1 if sys.platform == "darwin" else 1024
        return wall, usage.ru_maxrss * unit, out.read().decode(), said


def alternate(turns, rounds):
    """Asks each of `turns` in turn, `rounds` times over; gives all times. All did their work once before.
    Who took minutes is not asked again."""
    times = [[] for _ in turns]
    for _ in range(rounds):
        for turn, found in zip(turns, times):
            if not found or found[-1] < PATIENCE:
                time.sleep(REST)
                found.append(turn())
    return times


def median(values):
    return statistics.median(values)


def gap(found, wanted):
    """The largest difference; infinite if there are not as many, or one is not a number."""
    if len(found) != len(wanted):
        return float("inf")
    gaps = [abs(a - b) for a, b in zip(found, wanted)]
    return max(gaps) if all(g == g for g in gaps) else float("inf")
