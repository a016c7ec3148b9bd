"""Writes small files of arrays as NumPy and safetensors write them, with the tables that `read` must make of them.

    pip install numpy==2.4.6 safetensors==0.8.0
    python -m formats.arrays

`arrays/expected.json` has for each file the columns, or a part of the error.
"""

import io
import json
import math
import zipfile

import numpy as np
from safetensors.numpy import save as save_tensors

from oracle.folders import COMMAND_FIXTURES

FOLDER = COMMAND_FIXTURES / "arrays"
NUMBERS = [0, 1, 2, 100, 3, 7]
INDEX = np.array(
    [(" Italy é", -3, True, 0.5), ("b\n'\"", 2**31, False, -np.inf)],
    dtype=[("naïve 'x'", "<U8"), ("n", "<i8"), ("ok", "?"), ("f", "<f4")],
)


def plain(value):
    """A value of NumPy as JSON has it; what is missing is null."""
    value = value.item()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def table(array):
    """A row for each element, and its place along each axis."""
    places = {f"axis_{axis}": [] for axis in range(array.ndim)}
    values = []
    for place in np.ndindex(array.shape):
        for axis, index in enumerate(place):
            places[f"axis_{axis}"].append(index)
        values.append(plain(array[place]))
    return places | {"value": values}


def records(array):
    return {name: [plain(x) for x in array[name]] for name in array.dtype.names}


def indexed(array, index):
    """A row for each element, with what the index has of its first axis."""
    rows, width = array.shape
    columns = {name: [x for x in values for _ in range(width)] for name, values in records(index).items()}
    return columns | {
        "element": list(range(width)) * rows, "value": [plain(x) for x in array.ravel()],
    }  # fmt: skip


def npy(array, **options):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def arrays():
    """Names, bytes, and what is read."""
    shaped = np.array(NUMBERS).reshape(2, 3)
    for kind in ["i1", "u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8", "?"]:
        array = shaped.astype(kind)
        yield f"{array.dtype.str.strip('<|').replace('>', 'big-')}.npy", npy(array), table(array)
    halves = np.array([0.1, -2, 6e-8, 65504, np.inf, -np.inf, np.nan, -0.0], "<f2")
    yield "halves.npy", npy(halves), table(halves)
    yield "columns-first.npy", npy(np.asfortranarray(shaped.astype("<f4"))), table(shaped.astype("<f4"))
    cube = np.asfortranarray(np.arange(24, dtype="<i4").reshape(2, 3, 4))
    yield "cube.npy", npy(cube), table(cube)
    yield "scalar.npy", npy(np.array(2.5)), table(np.array(2.5))
    yield "nothing.npy", npy(np.zeros((0, 3), "<f4")), table(np.zeros((0, 3), "<f4"))
    texts = np.array(["", " Italy", "é日😀", "a\0b"])
    yield "texts.npy", npy(texts), table(texts)
    yield "big-texts.npy", npy(texts.astype(">U6")), table(texts)
    # What NumPy calls S is bytes.
    short = np.array(["Rome", "é".encode(), b""], "S")
    yield "bytes.npy", npy(short), table(short)
    yield "records.npy", npy(INDEX), records(INDEX)
    yield "version-2.npy", npy(shaped.astype("<f4"), version=(2, 0)), table(shaped.astype("<f4"))
    yield "objects.npy", npy(np.array([{"a": 1}], object)), "pickles"
    yield "complex.npy", npy(np.array([1j])), "the type '<c16'"
    yield "dates.npy", npy(np.array(["2020-01-01"], "M8[D]")), "the type '<M8[D]'"

    def npz(write, **members):
        out = io.BytesIO()
        write(out, **members)
        return out.getvalue()

    values = np.array([[0.5, np.nan, 3], [1e9, -1, 2]], "<f4")
    index = INDEX[["n", "ok", "f"]].astype([("n", "<i8"), ("ok", "?"), ("f", "<f4")])
    for name, write in [("stored", np.savez), ("deflated", np.savez_compressed)]:
        yield f"{name}.npz", npz(write, values=values, index=INDEX), indexed(values, INDEX)
    wide = np.arange(800, dtype="<i4").reshape(2, 400) * 7 % 251
    yield "dynamic.npz", npz(np.savez_compressed, x=wide), table(wide)
    yield "several.npz", npz(np.savez, a=values, b=values), "the arrays `a` and `b`, none of them `values`"
    yield "short-index.npz", npz(np.savez, values=values[:1], index=index), "an index of 2 rows"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("values.npy", npy(values))
    yield "bzip2.npz", out.getvalue(), "compressed by method 12"

    tensors = {
        "F64": values.astype("<f8"), "F32": values, "F16": (values % 512).astype("<f2"), "I64": shaped.astype("<i8"),
        "I32": shaped.astype("<i4"), "I16": shaped.astype("<i2"), "I8": shaped.astype("i1"),
        "U8": shaped.astype("u1"), "BOOL": shaped.astype("?"),
    }  # fmt: skip
    for name, tensor in tensors.items():
        yield f"{name}.safetensors", save_tensors({"w": tensor}), table(tensor)
    bits = values.view("<u4") >> 16
    text = json.dumps({"w": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}).encode()
    data = len(text).to_bytes(8, "little") + text + bits.astype("<u2").tobytes()
    yield "BF16.safetensors", data, table((bits << 16).view("<f4"))
    both = {"values": values, "other": values}
    yield "values.safetensors", save_tensors(both), table(values)
    yield "several.safetensors", save_tensors({"a": values, "b": values}), "the arrays `a` and `b`"


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, data, what in arrays():
        (FOLDER / name).write_bytes(data)
        expected[name] = what
    lines = [f"{json.dumps(name)}: {json.dumps(what, ensure_ascii=False)}" for name, what in expected.items()]
    (FOLDER / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
