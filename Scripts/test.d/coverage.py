"""The share of lines that tests ran, by folder of Sources, and the files with most lines that none ran.

    python3 coverage.py FILE      the JSON that `swift test --show-codecov-path` names
"""

import json
import sys
from pathlib import Path

WORST = 15


def main(path):
    sources = Path(__file__).resolve().parents[2] / "Sources"
    folders, files = {}, []
    for file in json.loads(Path(path).read_text())["data"][0]["files"]:
        name = Path(file["filename"])
        if not name.is_relative_to(sources):
            continue
        name, lines = name.relative_to(sources), file["summary"]["lines"]
        total = folders.setdefault(name.parts[0], [0, 0])
        total[0] += lines["covered"]
        total[1] += lines["count"]
        files.append((lines["count"] - lines["covered"], lines["percent"], str(name)))
    print("Lines that tests ran:")
    for folder, (covered, count) in sorted(folders.items()):
        print(f"  {folder:10} {covered / count:6.1%} of {count:,}")
    print("Files with most lines that no test ran:")
    for missed, percent, name in sorted(files, reverse=True)[:WORST]:
        print(f"  {missed:5} lines ({percent:5.1f}% run)  {name}")


main(sys.argv[1])
