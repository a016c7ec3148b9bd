"""measure.py NAME RUNS MODEL_BYTES -- COMMAND...: medians of wall and CPU time, and peak memory."""

import os
import statistics
import subprocess
import sys
import tempfile
import time


def run(command):
    """Wall seconds, CPU seconds, peak resident bytes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=error)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode or not out.tell():
            error.seek(0)
            sys.exit(f"{command[0]} failed, or printed nothing: {error.read().decode()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit


def main():
    name, runs, model = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    command = sys.argv[sys.argv.index("--") + 1 :]
    run(command)  # fills the page cache
    wall, cpu, memory = zip(*(run(command) for _ in range(runs)))
    peak = max(memory)
    print(
        f"{name:10} wall {statistics.median(wall):7.3f} s ({min(wall):.3f} to {max(wall):.3f})"
        f"   CPU {statistics.median(cpu):7.3f} s"
        f"   peak memory {peak / 1e6:7.1f} MB = {peak / model:.2f} x the model file"
    )


main()
