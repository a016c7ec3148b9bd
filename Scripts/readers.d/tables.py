"""What pandas, polars, DuckDB and R make of Summand's TSV when they are given the separator alone."""

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas
import polars

summand, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
QUESTION = 'prompt "Fact: The Colosseum is in the country of" -> " Italy" | logits'


def run(source, *options):
    done = subprocess.run([summand, *options, "-c", source], stdout=subprocess.PIPE, check=True)
    return done.stdout


def read_pandas(path, **options):
    frame = pandas.read_csv(path, sep="\t", **options)
    # A missing value is None everywhere here.
    return [tuple(None if x is pandas.NA or x != x else x for x in row) for row in frame.itertuples(index=False)]


def read_polars(path):
    return polars.read_csv(path, separator="\t").rows()


def read_duckdb(path):
    return duckdb.sql(f"select * from read_csv('{path}', delim='\t')").fetchall()


def read_r(path):
    """R's own, written as NDJSON of texts by a program of a few lines, bytes and all."""
    script = folder / "read.R"
    script.write_text(
        f'd <- read.delim("{path}")\n'
        'text <- function(x) if (is.double(x)) sprintf("%.17g", x) else as.character(x)\n'
        'hex <- function(x) ifelse(is.na(x), "", paste0("x", vapply(text(x),'
        ' function(s) paste(charToRaw(s), collapse = ""), "")))\n'
        f'writeLines(do.call(paste, c(lapply(d, hex), sep = " ")), "{folder}/r.txt")\n'
    )
    subprocess.run(
        ["Rscript", "--vanilla", script], check=True, stderr=subprocess.DEVNULL,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    texts = lambda field: bytes.fromhex(field[1:]).decode() if field else None
    return [tuple(map(texts, line.split(" "))) for line in open(f"{folder}/r.txt")]


def check(holds, what):
    if not holds:
        sys.exit(f"check-readers: {what}")


def check_vocabulary():
    """Every row and id of a whole vocabulary, every token but those that a reader takes for missing."""
    path = folder / "logits.tsv"
    path.write_bytes(run(QUESTION, "--model", "smollm2"))
    truth = [json.loads(line) for line in run(QUESTION + " | show as ndjson", "--model", "smollm2").splitlines()]
    check(len(truth) == 49152, f"the vocabulary has {len(truth)} tokens")
    names = list(truth[0])
    truth = [tuple(row.values()) for row in truth]
    token = names.index("token")
    header = path.open(newline="").readline()
    check(header == "\t".join(f'"{name}"' for name in names) + "\n", f"the header is {header}")

    def differing(rows, reader):
        check(len(rows) == len(truth), f"{reader} finds {len(rows)} rows of {len(truth)}")
        for found, wanted in zip(rows, truth):
            for column, (one, other) in enumerate(zip(found, wanted)):
                if column != token:
                    # R rounds the last bit of some numbers when it reads them.
                    room = 1e-15 * abs(other) if reader == "R" and isinstance(other, float) else 0
                    check(abs(float(one) - other) <= room, f"{reader}: {names[column]} is {one}, not {other}")
        return {wanted[token] for found, wanted in zip(rows, truth) if found[token] != wanted[token]}

    for name, reader in [("polars", read_polars), ("DuckDB", read_duckdb)]:
        check(differing(reader(path), name) == set(), f"{name} reads other tokens")
    lost = differing(read_pandas(path), "pandas")
    check(lost == {"NA", "None", "nan", "null", "NULL"}, f"pandas reads other tokens: {lost}")
    for options in [{"keep_default_na": False}, {"keep_default_na": False, "na_values": [""]}]:
        kept = differing(read_pandas(path, **options), "pandas")
        check(kept == set(), f"pandas with {options} reads other tokens: {kept}")
    if shutil.which("Rscript"):
        lost = differing(read_r(path), "R")
        check(all(t == "NA" or "\0" in t or "\r" in t for t in lost), f"R reads other tokens: {lost}")
        check("NA" in lost, "R reads NA")
        print("R: all rows and ids, all tokens but NA and those with a carriage return")
    else:
        print("R is not installed: not asked")
    print("pandas, polars, DuckDB: all 49,152 rows, ids and tokens")

    again = run(f'read "{path}"')
    check(again == path.read_bytes(), "read and print give another file")


def check_types():
    """Types, and what is missing, of a small table of everything."""
    table = folder / "types.json"
    nothing = {"i": None, "f": None, "b": None, "t": None}
    rows = [
        {"i": 2**63 - 1, "f": 1.0, "b": True, "t": 'a "b"\tc\nd\re\\'},
        nothing,
        {"i": -(2**53) - 1, "f": 1e300, "b": False, "t": "é日"},
        {"i": 0, "f": -0.5, "b": True, "t": "x"},
    ]
    table.write_text(json.dumps(rows))
    path = folder / "types.tsv"
    path.write_bytes(run(f'read "{table}"'))
    wanted = [tuple(row.values()) for row in rows]
    check(read_polars(path) == wanted, f"polars reads {read_polars(path)}")
    check(read_duckdb(path) == wanted, f"DuckDB reads {read_duckdb(path)}")
    frame = pandas.read_csv(path, sep="\t", dtype_backend="numpy_nullable")
    found = [tuple(None if x is pandas.NA else x for x in row) for row in frame.itertuples(index=False)]
    check(found == wanted, f"pandas reads {found}")

    numbers = folder / "infinite.ndjson"
    numbers.write_text('{"n":1,"x":0.5}\n{"n":2,"x":"Infinity"}\n{"n":3,"x":"-Infinity"}\n')
    path = folder / "infinite.tsv"
    path.write_bytes(run(f'read "{numbers}"'))
    wanted = [(1, 0.5), (2, math.inf), (3, -math.inf)]
    for name, reader in [("pandas", read_pandas), ("polars", read_polars), ("DuckDB", read_duckdb)]:
        check(reader(path) == wanted, f"{name} reads {reader(path)}")


check_vocabulary()
check_types()
