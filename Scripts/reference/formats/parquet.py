"""Writes small Parquet files as pyarrow writes them, with the tables that `read` must make of them.

    pip install pyarrow==26.0.1
    python -m formats.parquet

`parquet/expected.json` has for each file the columns, or a part of the error.
"""

import datetime
import decimal
import json
import math

import pyarrow as pa
import pyarrow.parquet as pq

from oracle.folders import COMMAND_FIXTURES

FOLDER = COMMAND_FIXTURES / "parquet"
PLAIN = {"compression": "NONE", "use_dictionary": False}
COLUMNS = {
    "i": pa.array([2**63 - 1, None, -(2**63), 0, 7] * 5, pa.int64()),
    "s": pa.array([2**31 - 1, None, -(2**31), 0, 7] * 5, pa.int32()),
    "f": pa.array([0.5, None, -1e-40, math.inf, 3] * 5, pa.float32()),
    "d": pa.array([5e-324, None, -math.inf, 0.1, 3] * 5, pa.float64()),
    "b": pa.array([True, None, False, True, True] * 5, pa.bool_()),
    "t": pa.array([" Italy", None, "", 'é日\n"', " Italy"] * 5, pa.string()),
    "none": pa.array([None] * 25, pa.string()),
}
TABLE = pa.table(COLUMNS)


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def columns(table):
    return {name: [plain(x) for x in table[name].to_pylist()] for name in table.column_names}


def one(values, kind=None):
    return pa.table({"x": pa.array(values, kind)})


def files():
    """Names, tables, how they are written, and what is read."""
    yield "plain", TABLE, PLAIN, columns(TABLE)
    yield "groups", TABLE, PLAIN | {"row_group_size": 4}, columns(TABLE)
    yield "pages", TABLE, PLAIN | {"data_page_size": 16, "write_batch_size": 3}, columns(TABLE)
    text = TABLE.select(["t", "none"])
    yield "dictionary", text, {"compression": "NONE", "use_dictionary": True}, columns(text)
    many = one([f"text {i * i % 300}" for i in range(2000)])
    yield "wide-dictionary", many, {"compression": "NONE", "use_dictionary": True}, columns(many)
    required = pa.table(
        [pa.array([1, 2, 3]), pa.array(["a", "b", "c"])],
        schema=pa.schema([pa.field("n", pa.int64(), nullable=False), pa.field("t", pa.string(), nullable=False)]),
    )
    yield "required", required, PLAIN, columns(required)
    yield "nothing", TABLE.slice(0, 0), PLAIN, columns(TABLE.slice(0, 0))
    for codec in ["SNAPPY", "GZIP", "ZSTD", "LZ4", "BROTLI"]:
        yield codec.lower(), one([1, 2]), PLAIN | {"compression": codec}, "is compressed with " + codec
    yield "version-2", one([1, 2]), PLAIN | {"data_page_version": "2.0"}, "pages of version 2"
    for encoding, values in [
        ("DELTA_BINARY_PACKED", one([1, 2])), ("BYTE_STREAM_SPLIT", one([0.5])), ("DELTA_BYTE_ARRAY", one(["a"])),
    ]:  # fmt: skip
        yield encoding.lower(), values, PLAIN | {"column_encoding": encoding}, f"in the encoding {encoding}"
    numbers = {"compression": "NONE", "use_dictionary": True}
    yield "number-dictionary", one([1, 1]), numbers, "`x` of numbers in a dictionary"
    yield "lists", one([[1], [2, 3]]), PLAIN, "nested columns"
    yield "structs", one([{"a": 1}]), PLAIN, "nested columns"
    yield "dates", one([datetime.date(2020, 1, 1)]), PLAIN, "of the type DATE"
    yield "times", one([datetime.datetime(2020, 1, 1)]), PLAIN, "of the type TIMESTAMP"
    yield "decimals", one([decimal.Decimal("1.50")]), PLAIN, "which is not read"
    yield "binary", one([b"\xff"]), PLAIN, "BYTE_ARRAY without UTF8"
    yield "unsigned", one([2**64 - 1], pa.uint64()), PLAIN, "of the type UINT_64"


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for name, table, options, what in files():
        pq.write_table(table, FOLDER / f"{name}.parquet", **options)
        expected[f"{name}.parquet"] = what
    lines = [f"{json.dumps(name)}: {json.dumps(what, ensure_ascii=False)}" for name, what in expected.items()]
    (FOLDER / "expected.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
