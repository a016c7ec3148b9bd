"""What numpy, safetensors, pyarrow, pandas, polars and DuckDB make of the arrays and the Parquet that Summand saves."""

import json
import math
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy
import pandas
import polars
import pyarrow.parquet
from safetensors import safe_open

summand, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
FACTS = 'facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}"'
SITE = "L9.resid_pre"


def run(source):
    done = subprocess.run([summand, "--model", "smollm2", "-c", source], stdout=subprocess.PIPE, check=True)
    return done.stdout


def check(holds, what):
    if not holds:
        sys.exit(f"check-readers: {what}")


def rows(source):
    return [json.loads(line) for line in run(source + " | show as ndjson").splitlines()]


def check_activations(where, prompts):
    """One array in three formats, against the table that is printed."""
    measure = f"{FACTS} | take {prompts} | activations {SITE}{where}"
    truth = rows(measure)
    width = 1 + max(row["element"] for row in truth)
    wanted = numpy.array([row["value"] for row in truth], "<f4").reshape(-1, width)
    firsts = truth[::width]
    # One process, which makes the digest of the model once.
    run("; ".join(f'{measure} | save "{folder}/x.{ending}"' for ending in ["npz", "npy", "safetensors"]))
    archive = numpy.load(folder / "x.npz", allow_pickle=False)
    check(archive.files == ["values", "index"] and archive.zip.testzip() is None, f"members {archive.files}")
    index = archive["index"]
    for name in ["prompt", "component", "layer", "position"]:
        check(index[name].tolist() == [row[name] for row in firsts], f"the index has another {name}")
    tokens = {(row["prompt"], row["position"]): row for row in rows(f"{FACTS} | take {prompts} | tokens")}
    of = [tokens[row["prompt"], row["position"]] for row in firsts]
    check(index["token_id"].tolist() == [row["token_id"] for row in of], "the index has other token ids")
    check(index["token"].tolist() == [row["token"] for row in of], "the index has other tokens")
    check(index["span"].tolist() == [row["span"] or "" for row in of], "the index has other spans")
    check(json.loads(archive.zip.comment)["model"]["sha256"], "the archive's comment has no digest")
    array = numpy.load(folder / "x.npy", allow_pickle=False)
    sidecar = json.loads((folder / "x.npy.json").read_text())
    check([row["position"] for row in sidecar["data"]] == index["position"].tolist(), "x.npy.json has another index")
    check(pandas.read_json(folder / "x.npy.json", orient="table").shape[0] == len(index), "pandas reads x.npy.json")
    with safe_open(folder / "x.safetensors", "numpy") as file:
        check(list(file.keys()) == ["values"], "safetensors has other tensors")
        tensor, metadata = file.get_tensor("values"), file.metadata()
    check(json.loads(metadata["index"])["token"] == index["token"].tolist(), "safetensors has another index")
    check(len(json.loads(metadata["provenance"])["prompts"]) == prompts, "safetensors has other prompts")
    for name, found in [("npz", archive["values"]), ("npy", array), ("safetensors", tensor)]:
        check(found.dtype == wanted.dtype and found.shape == wanted.shape, f"{name}: {found.dtype} {found.shape}")
        check((found == wanted).all(), f"{name}: other numbers")
    return (folder / "x.npz").stat().st_size / array.nbytes


def check_sources():
    """Attention and attributions, a number a row."""
    for measure, column in [("attention L29H1@*, L23H4@*", "weight"), ("dla by source", "dla")]:
        line = f"{FACTS} | take 3 | {measure}"
        truth = rows(line)
        run(f'{line} | save "{folder}/x.npz"')
        archive = numpy.load(folder / "x.npz", allow_pickle=False)
        wanted = numpy.array([row[column] for row in truth], "<f4")
        check((archive["values"] == wanted).all(), f"{measure}: other numbers")
        for name in ["prompt", "component", "layer", "head", "source"]:
            check(archive["index"][name].tolist() == [row[name] for row in truth], f"{measure}: another {name}")


def check_parquet():
    """Types, what is missing, texts of every kind, and a whole vocabulary of tokens."""
    path = folder / "x.parquet"
    table = [
        {"i": 2**63 - 1, "f": 0.1, "b": True, "t": 'a "b"\tc\nd\\'}, {"i": None, "f": None, "b": None, "t": None},
        {"i": -5, "f": "-Infinity", "b": False, "t": "é日"}, {"i": 0, "f": 1e300, "b": True, "t": ""},
    ]  # fmt: skip
    (folder / "t.json").write_text(json.dumps(table * 30_000))
    run(f'read "{folder}/t.json" | save "{path}"')
    wanted = [tuple(-math.inf if x == "-Infinity" else x for x in row.values()) for row in table] * 30_000
    compare(path, wanted, "every type")
    measure = 'prompt "Fact: The Colosseum is in the country of" -> " Italy" | logits'
    run(f'{measure} | save "{path}"')
    compare(path, [tuple(row.values()) for row in rows(measure)], "a vocabulary", singles={3})
    metadata = pyarrow.parquet.read_schema(path).metadata
    check(json.loads(metadata[b"summand"])["model"]["sha256"], "the Parquet metadata has no digest")


def compare(path, wanted, what, singles=()):
    """`singles`: columns of single precision, whose shortest digits are printed."""

    def plain(x):
        return None if x is None or x is pandas.NA or x != x else x.item() if hasattr(x, "item") else x

    frame = pandas.read_parquet(path, dtype_backend="numpy_nullable")
    found = {
        "pyarrow": [tuple(row.values()) for row in pyarrow.parquet.read_table(path).to_pylist()],
        "polars": polars.read_parquet(path).rows(),
        "DuckDB": duckdb.sql(f"select * from '{path}'").fetchall(),
        "pandas": [tuple(map(plain, row)) for row in frame.itertuples(index=False)],
    }
    for reader, rows in found.items():
        check(len(rows) == len(wanted), f"{reader} finds {len(rows)} rows of {what}, of {len(wanted)}")
        for one, other in zip(rows, wanted):
            same = all(
                numpy.float32(x) == numpy.float32(y) if place in singles else x == y
                for place, (x, y) in enumerate(zip(one, other))
            )
            check(same, f"{reader} reads {one} in {what}, not {other}")


share = check_activations("@last", 12)
check_activations("", 5)
check_sources()
check_parquet()
print(f"numpy, safetensors: arrays and their indices; the file is {share:.3f} of its numbers")
print("pyarrow, pandas, polars, DuckDB: Parquet, all types and a vocabulary")
