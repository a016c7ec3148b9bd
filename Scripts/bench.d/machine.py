"""What this machine is, and the best that it can do: its multiply-adds and its memory."""

import os
import platform
import shutil
import subprocess
from datetime import date
from pathlib import Path

import harness
from harness import Worker

HERE = Path(__file__).parent


class Limits:
    """limits.c, compiled here. Both rates are the best of what was measured: they are limits."""

    def __init__(self, folder):
        compiler = next(filter(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang")), None)
        self.worker, self.fma, self.bandwidth = None, 0.0, 0.0
        if compiler:
            program = folder / "limits"
            flags = ["-O3", "-march=native", "-ffp-contract=fast", "-pthread"]
            subprocess.run([compiler, *flags, HERE / "limits.c", "-o", program], check=True)
            self.worker = Worker([program, harness.threads()])

    def measure(self):
        """Done again before each work, so that the limits are of the same minutes."""
        if self.worker:
            self.fma = max(self.fma, float(self.worker.say("fma")))
            self.bandwidth = max(self.bandwidth, float(self.worker.say("bandwidth")))

    def close(self):
        if self.worker:
            self.worker.close()


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(l.split(":", 1)[1].strip() for l in lines if l.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe(versions):
    """What a reader needs to know of a run, by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = {
        "date": date.today().isoformat(),
        "processor": f"{processor()}, {os.cpu_count()} cores, {harness.threads()} threads used",
        "memory": f"{memory / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
    }
    if versions:
        found["peers"] = ", ".join(f"{name} {version}" for name, version in versions.items())
    return found
