"""Holds what `plan` foresees against what `time` finds: rows, memory, time. What is off is to be explained."""

from dataclasses import dataclass

from compare import say
from harness import COMPUTED, median, read_table, run_summand

PIPELINES = [
    "colosseum | rank",
    "batch | rank",
    "shots | rank",
    "long | rank",
    "colosseum | ablate each heads@last | effect",
    "colosseum | patch each L*.resid_pre@* from other | effect",
    "batch | dla by source",
]
NAMES = {"rows": "rows", "bytes": "memory", "seconds": "time"}
# By how many times a plan may be wrong, up or down. Of small runs much of the memory is the threads' own.
ALLOWED = {"rows": 1.01, "bytes": 2, "seconds": 1.3}


@dataclass
class Planned:
    """One quantity of one pipeline."""

    pipeline: str
    quantity: str
    planned: float
    measured: float

    @property
    def ratio(self):
        return self.planned / self.measured if self.measured else float("inf")

    @property
    def holds(self):
        allowed = ALLOWED[self.quantity]
        return 1 / allowed <= self.ratio <= allowed


def measure_plans(folder, setup, rounds):
    found = []
    for line in PIPELINES:
        say(f"planned and measured: {line}")
        path = folder / "plan.tsv"
        path.write_text(run_summand(*setup, f"plan {line}")[0])
        # The first, which touches all weights, is not counted.
        _, times, said = run_summand(*setup, *[f"time {line}"] * (rounds + 1), said=True)
        plan = {name: float(column[-1]) for name, column in read_table(path).items() if name in NAMES}
        computed = COMPUTED.findall(said)[1:]
        measured = {
            "rows": median(int(rows) for _, rows, _, _ in computed),
            "bytes": median(int(bytes) for *_, bytes in computed),
            "seconds": median(times[1:]),
        }
        found += [Planned(line, name, plan[name], measured[name]) for name in NAMES]
    return found


def quantity(value, name):
    match name:
        case "rows":
            return f"{value:.0f}"
        case "bytes":
            return f"{value / 1e6:.3g} MB"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def plain(found):
    table = [("pipeline", "", "planned", "measured", "ratio", "")]
    before = None
    for row in found:
        table.append(
            (
                row.pipeline if row.pipeline != before else "",
                NAMES[row.quantity],
                quantity(row.planned, row.quantity),
                quantity(row.measured, row.quantity),
                f"{row.ratio:.2f}×",
                "" if row.holds else "off",
            )
        )
        before = row.pipeline
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in table)
