"""What pandas makes of `save "x.json"`, and Summand of that."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pandas

summand, folder = Path(sys.argv[1]).absolute(), Path(sys.argv[2])
TINY = "Tests/ModelTests/Fixtures/tiny-gqa.F32.gguf"


def run(source, *options):
    subprocess.run([summand, *options, "-c", source], stdout=subprocess.DEVNULL, check=True)


def check(holds, what):
    if not holds:
        sys.exit(f"check-readers: {what}")


def read(path):
    return pandas.read_json(path, orient="table", precise_float=True)


def same(found, wanted):
    if wanted is None:
        return found is pandas.NA or found is None or found != found
    return type(wanted)(found) == wanted and (not isinstance(wanted, float) or found == wanted)


def check_everything():
    """Missing values, infinities, booleans, integers beyond 2^53, texts that look like others."""
    columns = {
        "i": [1, 2**63 - 1, -(2**63)],
        "some": [None, 2**53 + 1, -(2**63)],
        "few": [None, 1, 2],
        "f": [0.1, math.inf, -math.inf],
        "hole": [None, 0.6793342, 1e-300],
        "b": [True, False, True],
        "maybe": [None, True, False],
        "date": ["2020-01-01", "2020-01-01T00:00:00Z", "1"],
        "modified_at": ["NaN", "null", "True"],
        "text": [None, "", 'a"\\\n\t\0\u2028'],
        "index": ["a", "b", "c"],
    }
    kinds = {
        "i": "int64", "some": "Int64", "few": "Int64", "f": "float64", "hole": "float64", "b": "bool",
        "maybe": "boolean",
    }
    fields = lambda name: {math.inf: "Infinity", -math.inf: "-Infinity"}
    rows = [{name: fields(name).get(values[row], values[row]) for name, values in columns.items()} for row in range(3)]
    (folder / "all.json").write_text(json.dumps(rows))
    for count in (3, 1, 0):
        path = folder / f"saved{count}.json"
        run(f'read "{folder}/all.json" | take {count} | save "{path}"')
        frame = read(path)
        check(list(frame.columns) == list(columns), f"pandas finds the columns {list(frame.columns)}")
        check(len(frame) == count, f"pandas finds {len(frame)} rows of {count}")
        for name, values in columns.items():
            for found, wanted in zip(frame[name], values):
                check(same(found, wanted), f"pandas reads {found!r} in {name}, not {wanted!r}")
            if count == 3 and name in kinds:
                check(str(frame[name].dtype) == kinds[name], f"{name} is {frame[name].dtype}")
        run(f'read "{path}" | save "{folder}/again.json"')
        one, other = (json.loads(Path(p).read_text()) for p in (path, folder / "again.json"))
        check(one["schema"] == other["schema"] and one["data"] == other["data"], f"{path} changes when read and saved")
        # What pandas writes of it is read too.
        frame.to_json(folder / "pandas.json", orient="table", index=False)
        run(f'assert length((read "{folder}/pandas.json")) == {count}')


def check_measured():
    """What a model was asked, with where it comes from."""
    path = folder / "dla.json"
    run(f'prompt "abc" -> "d" | dla by head | save "{path}"', "--model", TINY)
    document = json.loads(path.read_text())
    provenance = document["provenance"]
    check(len(provenance["model"]["sha256"]) == 64, "the digest of the model is not there")
    check([p["text"] for p in provenance["prompts"]] == ["abc"], "the prompt is not there")
    frame = read(path)
    check(len(frame) == len(document["data"]) > 1, f"pandas finds {len(frame)} rows")
    check([str(frame[n].dtype) for n in ("head", "dla")] == ["int64", "float32"], f"{frame.dtypes}")


check_everything()
check_measured()
print("pandas: documents of save, with types, missing values and infinities")
