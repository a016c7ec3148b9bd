"""Values of the protocol as values of Python, and back."""

import base64
import importlib.util
import io
import math
import struct

KINDS = ("pandas", "polars", "rows")


def choose_frames(kind=None):
    """The kind of frame: as asked for, else of the first library that is installed."""
    if kind is not None:
        if kind not in KINDS:
            raise ValueError(f"frames must be one of {', '.join(KINDS)}, got {kind!r}")
        return kind
    return next((kind for kind in KINDS[:2] if importlib.util.find_spec(kind)), "rows")


class Rows(list):
    """A table where neither pandas nor polars is installed: a list of dicts, one per row.

    `columns` are the names, `types` the types, `measure` the column that `top` ranks by.
    """

    def __init__(self, rows, columns, types, measure):
        super().__init__(rows)
        self.columns = columns
        self.types = types
        self.measure = measure


class Plot:
    """A drawing as SVG, and the numbers in it as a table."""

    def __init__(self, svg, table, kind, title=None):
        self.svg = svg
        self.table = table
        self.kind = kind
        self.title = title

    def save(self, path):
        """Writes the drawing to an .svg file."""
        if self.svg is None:
            raise ValueError("there are no rows to plot")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.svg)

    def _repr_svg_(self):
        return self.svg

    def __repr__(self):
        return f"<Plot {self.kind}{': ' + self.title if self.title else ''}>"


def _numbers(values):
    """NaN for what is missing; infinities are texts in JSON."""
    return [math.nan if value is None else float(value) for value in values]


def table(event, kind):
    """The table of an event as a frame."""
    names = [column["name"] for column in event["columns"]]
    types = [column["type"] for column in event["columns"]]
    values = [_numbers(column) if type_ in ("f32", "f64") else column for column, type_ in zip(event["values"], types)]
    if kind == "rows":
        rows = [dict(zip(names, row)) for row in zip(*values)]
        return Rows(rows, names, dict(zip(names, types)), event["measure"])
    if kind == "polars":
        import polars

        dtypes = {
            "integer": polars.Int64,
            "f32": polars.Float32,
            "f64": polars.Float64,
            "boolean": polars.Boolean,
            "text": polars.String,
        }
        # NaN means missing here, as in the program's own Parquet files.
        columns = [
            polars.Series(name, column, dtype=dtypes[type_]).fill_nan(None)
            if type_ in ("f32", "f64")
            else polars.Series(name, column, dtype=dtypes[type_])
            for name, column, type_ in zip(names, values, types)
        ]
        return polars.DataFrame(columns)
    import pandas

    frame = pandas.DataFrame(
        {name: _pandas_column(pandas, column, type_) for name, column, type_ in zip(names, values, types)},
        columns=names,
    )
    frame.attrs["measure"] = event["measure"]
    return frame


def _pandas_column(pandas, values, type_):
    if type_ in ("f32", "f64"):
        return pandas.Series(values, dtype="float32" if type_ == "f32" else "float64")
    has_missing = any(value is None for value in values)
    if type_ == "integer":
        return pandas.Series(values, dtype="Int64" if has_missing else "int64")
    if type_ == "boolean":
        return pandas.Series(values, dtype="boolean" if has_missing else "bool")
    return pandas.Series(values, dtype=object if not values or all(v is None for v in values) else None)


def array(event, kind):
    """The numbers of an event as a NumPy array, with `index`: the frame that says what each row is."""
    index = table({**event["index"]}, kind)
    data = base64.b64decode(event["data"])
    if importlib.util.find_spec("numpy"):
        return _array_class()(data, event, index)
    shape = event["shape"]
    letter = "d" if event["dtype"] == "<f8" else "f"
    numbers = struct.unpack(f"<{math.prod(shape)}{letter}", data)
    width = math.prod(shape[1:])
    return [list(numbers[start : start + width]) for start in range(0, len(numbers), width)]


_Array = None


def _array_class():
    global _Array
    if _Array is None:
        import numpy

        class Array(numpy.ndarray):
            """An array with `index`: a frame with a row for each row of the array."""

            def __new__(cls, data, event, index):
                numbers = numpy.frombuffer(data, dtype=event["dtype"]).reshape(event["shape"])
                # A copy that may be written to.
                made = numbers.astype(numbers.dtype.newbyteorder("=")).view(cls)
                made.index = index
                return made

            def __array_finalize__(self, origin):
                # What is cut out of an array, or computed from it, has other rows.
                self.index = None

        _Array = Array
    return _Array


def value(event):
    found = event["value"]
    if event["kind"] == "a number" and isinstance(found, str):
        return float(found)
    return found


# The other way


def served(value):
    """A value of Python as the protocol has it."""
    module = type(value).__module__.split(".")[0]
    if module == "pandas":
        return _from_pandas(value)
    if module == "polars":
        return _from_polars(value)
    if module == "numpy" or hasattr(value, "__array_interface__"):
        return _from_numpy(value)
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        raise TypeError("an infinite number can only be sent in a table or an array")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return _table_of({name: list(column) for name, column in value.items()})
    if isinstance(value, (list, tuple, range)):
        rows = list(value)
        if rows and all(isinstance(row, dict) for row in rows):
            names = list(dict.fromkeys(name for row in rows for name in row))
            return _table_of({name: [row.get(name) for row in rows] for name in names})
        return [served(element) for element in rows]
    raise TypeError(f"a value of type {type(value).__name__} cannot be sent to Summand")


def _table(columns, measure=None):
    """`columns`: (name, type, values)."""
    return {
        "type": "table",
        "measure": measure,
        "columns": [{"name": str(name), "type": type_} for name, type_, _ in columns],
        "values": [[_cell(value, type_, name) for value in values] for name, type_, values in columns],
    }


def _cell(value, type_, name):
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if type_ in ("f32", "f64"):
        number = float(value)
        if math.isinf(number):
            return "Infinity" if number > 0 else "-Infinity"
        return None if math.isnan(number) else number
    if type_ == "integer":
        return int(value)
    if type_ == "boolean":
        return bool(value)
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    raise TypeError(f"the column {name!r} has a value of type {type(value).__name__}: make it numbers or texts")


def _table_of(columns):
    """Plain lists: the type is that of the values."""
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("the columns have different lengths")
    made = []
    for name, values in columns.items():
        types = {type(value) for value in values if value is not None}
        if types <= {bool}:
            type_ = "boolean" if types else "text"
        elif types <= {int}:
            type_ = "integer"
        elif types <= {int, float}:
            type_ = "f64"
        else:
            type_ = "text"
        made.append((name, type_, values))
    return _table(made)


def _from_pandas(value):
    import pandas
    from pandas.api import types

    if isinstance(value, pandas.Series):
        return [served(element) for element in value.tolist()]
    if not isinstance(value, pandas.DataFrame):
        if value is pandas.NA or value is pandas.NaT:
            return None
        raise TypeError(f"a pandas {type(value).__name__} cannot be sent to Summand")
    frame = value if all(name is None for name in value.index.names) else value.reset_index()
    columns = []
    for position, name in enumerate(frame.columns):
        column = frame.iloc[:, position]
        if types.is_bool_dtype(column.dtype):
            type_ = "boolean"
        elif types.is_integer_dtype(column.dtype):
            type_ = "integer"
        elif types.is_float_dtype(column.dtype):
            type_ = "f32" if str(column.dtype).lower() == "float32" else "f64"
        else:
            type_ = "text"
        columns.append((name, type_, column.tolist()))
    measure = value.attrs.get("measure")
    return _table(columns, measure if measure in [name for name, _, _ in columns] else None)


def _from_polars(value):
    import polars

    if isinstance(value, polars.Series):
        return [served(element) for element in value.to_list()]
    if not isinstance(value, polars.DataFrame):
        raise TypeError(f"a polars {type(value).__name__} cannot be sent to Summand: collect it first")
    columns = []
    for column in value.get_columns():
        if column.dtype == polars.Boolean:
            type_ = "boolean"
        elif column.dtype.is_integer():
            type_ = "integer"
        elif column.dtype.is_float():
            type_ = "f32" if column.dtype == polars.Float32 else "f64"
        else:
            type_ = "text"
        columns.append((column.name, type_, column.to_list()))
    return _table(columns)


def _from_numpy(value):
    import numpy

    if isinstance(value, numpy.generic):
        return served(value.item())
    found = numpy.asarray(value)
    if found.dtype.kind not in "fiub":
        return served(found.tolist())
    file = io.BytesIO()
    numpy.save(file, found, allow_pickle=False)
    return {"type": "array", "npy": base64.b64encode(file.getvalue()).decode()}
