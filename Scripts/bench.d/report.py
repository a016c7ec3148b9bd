"""The table of ratios, for a terminal and for docs/performance.md."""

from pathlib import Path

import planned

DOCUMENT = Path("docs/performance.md")
# What is measured stands between marks. What takes longest has places of its own, for it can be measured alone.
ALL, LARGE = "Scripts/bench --write", "Scripts/bench --only large --write"
SCALE = "Scripts/bench --only scale --write"
CIRCUITS, UNITS = "Scripts/bench --only circuits --write", "Scripts/bench --only units --write"


def quantity(value, unit):
    if value is None:
        return ""
    if unit == "B":
        return f"{value / 1e6:.0f} MB"
    if value < 1e-3:
        return f"{value * 1e6:.0f} µs"
    return f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def ratio(value, unit):
    if value is None:
        return ""
    return f"{value:.0%}" if unit == "%" else f"{value:.3g}×"


def verdict(row):
    return {None: "", True: "yes", False: "no"}[row.reached]


HEAD = ("work", "Summand", "against", "takes", "ratio", "wanted", "reached", "same within")


def cells(row):
    if row.skipped:
        return (row.work, "skipped", row.skipped, "", "", "", "", "")
    return (
        row.work,
        quantity(row.ours, row.unit),
        row.peer,
        quantity(row.theirs, row.unit),
        ratio(row.ratio, row.unit),
        ratio(row.target, row.unit),
        verdict(row),
        "" if row.gap is None else f"{row.gap:.0e}",
    )


def without_repeats(rows):
    """A work's name and Summand's time stand once, over all its peers."""
    before = None
    for row in map(cells, rows):
        yield row if row[:2] != before else ("", "", *row[2:])
        before = row[:2]


def markdown(rows):
    lines = [HEAD, ["---"] * 2 + ["---"] + ["--:"] * 3 + ["---", "--:"], *without_repeats(rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(rows):
    table = [HEAD, *without_repeats(rows)]
    widths = [max(len(line[n]) for line in table) for n in range(len(HEAD))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip() for line in table
    )


def limits_text(limits):
    if not limits.fma:
        return "not measured: there is no C compiler"
    return (
        f"{limits.fma / 1e9:.0f} GFLOP/s in fused multiply-adds of f32, "
        f"{limits.bandwidth / 1e9:.1f} GB/s read from memory"
    )


def circumstances(machine, limits, rounds):
    turns = "one turn" if rounds == 1 else f"{rounds} turns"
    facts = machine | {"its best": limits_text(limits), "medians of": turns}
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {k} | {v} |" for k, v in facts.items())


def section(circumstances, rows, scaling, plans):
    """All that is measured but the large models, as it stands in the document."""
    parts = [circumstances, markdown(rows)]
    if scaling:
        parts.append("## How cost grows")
    for series in scaling:
        head = " | ".join(c.replace("_", " ") for c in series.columns)
        lines = [f"| {head} |", "|" + " --: |" * len(series.columns)]
        lines += [
            "| " + " | ".join([first(r[0]), *(f"{x:.3g}" for x in r[1:])]) + " |"
            for r in series.rows
        ]
        title = series.title[0].upper() + series.title[1:]
        plot = f"```text\n{series.plot}\n```\n\n" if series.plot else ""
        parts.append(f"### {title}\n\n{plot}" + "\n".join(lines))
    if plans:
        parts.append(f"## Planned against measured\n\n```text\n{planned.plain(plans)}\n```")
    return "\n\n".join(parts)


def first(x):
    return f"`{x}`" if isinstance(x, str) else f"{x:.0f}"


def around(command):
    """What stands before and after what a command measured, the marks with it."""
    begin, end = f"<!-- measured: {command} -->", f"<!-- /measured: {command} -->"
    document = DOCUMENT.read_text()
    if document.count(begin) != 1 or document.count(end) != 1:
        raise SystemExit(f"Scripts/bench: {DOCUMENT} has no place between {begin} and {end}")
    before, rest = document.split(begin)
    return before + begin, end + rest.split(end)[1]


def check_places():
    """Before anything is measured for an hour: it can be written."""
    for command in (ALL, LARGE, SCALE, CIRCUITS, UNITS):
        around(command)


def write(command, text):
    """Puts what a command measured in its place in the document, and leaves the rest as it is."""
    before, after = around(command)
    DOCUMENT.write_text(f"{before}\n\n{text}\n\n{after}")
