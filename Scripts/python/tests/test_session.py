"""Sessions: values in and out, errors, warnings, Ctrl-C."""

import contextlib
import io
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

from support import ASKED, TINY, hidden, root

import numpy
import pandas
import polars
from pysummand import Plot, Session, SummandError, SummandWarning


class Values(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.session = Session(model=TINY)
        cls.session.run(ASKED)

    @classmethod
    def tearDownClass(cls):
        cls.session.close()

    def test_pandas(self):
        frame = self.session.run("asked | dla by head")
        self.assertIsInstance(frame, pandas.DataFrame)
        self.assertEqual(
            {name: str(type_) for name, type_ in frame.dtypes.items()},
            {"component": "str", "layer": "int64", "head": "int64", "dla": "float32"},
        )
        self.assertEqual(frame.attrs["measure"], "dla")
        # What the program prints by itself.
        printed = subprocess.run(
            [os.environ["SUMMAND"], "--model", TINY, "--format", "csv", "-c", ASKED + "; asked | dla by head"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        expected = pandas.read_csv(io.StringIO(printed), dtype={"dla": "float32"})
        pandas.testing.assert_frame_equal(frame, expected)
        self.assertIn("the gap is", self.session.notes[0])

    def test_missing_values(self):
        self.session["t"] = [
            {"n": 1, "x": 0.5, "s": "a", "b": True},
            {"n": None, "x": None, "s": None, "b": None},
            {"n": 2**62, "x": math.inf, "s": "nan", "b": False},
        ]
        frame = self.session["t"]
        self.assertEqual([str(t) for t in frame.dtypes], ["Int64", "float64", "str", "boolean"])
        self.assertEqual(frame.n.tolist()[0::2], [1, 2**62])
        self.assertIs(frame.n[1], pandas.NA)
        self.assertTrue(math.isnan(frame.x[1]) and frame.x[2] == math.inf)
        self.assertEqual(frame.s[2], "nan")

    def test_numpy(self):
        found = self.session.run("asked | activations L0.resid_pre, L1.resid_pre")
        self.assertIsInstance(found, numpy.ndarray)
        self.assertEqual(found.dtype, numpy.float32)
        tokens = len(self.session.run("asked | tokens"))
        self.assertEqual(found.shape[0], 2 * tokens)
        self.assertEqual(found.index.component.tolist(), ["L0.resid_pre"] * tokens + ["L1.resid_pre"] * tokens)
        # The same numbers as the rows of the table.
        with tempfile.TemporaryDirectory() as folder:
            self.session.run(f'asked | activations L0.resid_pre, L1.resid_pre | save "{folder}/a.npz"')
            numpy.testing.assert_array_equal(found, numpy.load(f"{folder}/a.npz")["values"])
        self.assertIsNone(found[0].index)
        found[0, 0] = 1

    def test_scalars(self):
        for code, value in (
            ("3 + 4", 7),
            ("0.5", 0.5),
            ('"Infinity"', "Infinity"),
            ("0 - log(0)", math.inf),
            ("missing", None),
            ("true", True),
            ('[1, "a", [2]]', [1, "a", [2]]),
            ("L2H1", "L2H1"),
            ("let q = 1", None),
        ):
            self.assertEqual(self.session.run(code), value, code)
        self.assertEqual(self.session.run_all("1; 2"), [1, 2])

    def test_plot(self):
        plot = self.session.run('asked | dla by head | plot bar title "Heads"')
        self.assertIsInstance(plot, Plot)
        self.assertIn("<svg", plot._repr_svg_())
        self.assertEqual(plot.table.columns.tolist(), ["component", "layer", "head", "dla"])
        with tempfile.TemporaryDirectory() as folder:
            plot.save(f"{folder}/plot.svg")
            with open(f"{folder}/plot.svg", encoding="utf-8") as file:
                self.assertTrue(file.read().endswith("</svg>\n"))

    def test_text(self):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            self.assertIsNone(self.session.run('"a" | !cat\n[1] | show as csv'))
        self.assertEqual(output.getvalue(), "a\nvalue\n1\n")

    def test_variables_in(self):
        frame = pandas.DataFrame({"layer": [0, 1], "x": numpy.array([0.25, numpy.nan], "float32"), "s": ["a", None]})
        self.session["frame"] = frame
        pandas.testing.assert_frame_equal(self.session["frame"], frame)
        self.assertEqual(self.session.run("frame | where layer == n | take 1", n=0).x[0], 0.25)
        self.session["grouped"] = pandas.DataFrame({"k": ["a", "a", "b"], "v": [1, 2, 4]}).groupby("k").sum()
        self.assertEqual(self.session["grouped"].to_dict("list"), {"k": ["a", "b"], "v": [3, 4]})
        self.session["p"] = polars.DataFrame({"a": [1, None], "b": [True, False], "c": [1.5, math.inf]})
        self.assertEqual(self.session["p"].c.tolist(), [1.5, math.inf])
        array = numpy.arange(6, dtype="float32").reshape(2, 3)
        self.session["a"] = array
        self.assertEqual(self.session["a"].value.tolist(), array.ravel().tolist())
        self.assertEqual(self.session["a"].axis_1.tolist(), [0, 1, 2, 0, 1, 2])
        self.session["n"] = numpy.float64(1.5)
        self.session["l"] = pandas.Series([1, 2])
        self.assertEqual((self.session["n"], self.session["l"]), (1.5, [1, 2]))
        for value, error in ((object(), TypeError), (math.inf, TypeError), ({"a": [1], "b": []}, ValueError)):
            with self.assertRaises(error):
                self.session["bad"] = value
        with self.assertRaisesRegex(SummandError, "is a command"):
            self.session["dla"] = 1
        with self.assertRaisesRegex(ValueError, "cannot be a variable's name"):
            self.session["a b"] = 1
        with self.assertRaisesRegex(SummandError, "there is no variable"):
            self.session["unheard_of"]

    def test_errors(self):
        with self.assertRaises(SummandError) as caught:
            self.session.run("asked | ablate L1H1@subjekt | rank")
        error = caught.exception
        self.assertEqual(error.message, "there is no span 'subjekt' in 'a b c'")
        self.assertEqual(error.help, "did you mean @subject?")
        self.assertEqual((error.start, error.end, error.line, error.column, error.status), (15, 27, 1, 16, 1))
        self.assertIn("1 | asked | ablate L1H1@subjekt | rank\n  |                ^^^^^^^^^^^^", str(error))
        with self.assertRaises(SummandError) as caught:
            self.session.run("1 +")
        self.assertEqual(caught.exception.status, 3)
        # What went before stands.
        self.assertEqual(self.session.run("2"), 2)

    def test_warnings(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.session.run("sqrt(-1)")
        self.assertTrue(caught and caught[0].category is SummandWarning)
        self.assertEqual(caught[0].filename, __file__)

    def test_completion(self):
        start, end, found = self.session.complete("asked | abl")
        self.assertEqual((start, end, [text for text, _ in found]), (8, 11, ["ablate "]))
        self.assertEqual(self.session.completeness("asked |"), ("incomplete", 2))
        self.assertTrue(self.session.inspect("asked | dla", 9).startswith("dla "))
        self.assertIsNone(self.session.inspect("1"))


class Libraries(unittest.TestCase):
    def test_polars(self):
        with Session(model=TINY, frames="polars") as session:
            frame = session.run(ASKED + "; asked | dla by head")
            self.assertIsInstance(frame, polars.DataFrame)
            self.assertEqual(frame.schema["dla"], polars.Float32)
            session["t"] = [{"n": 1, "x": None}, {"n": None, "x": 1.5}]
            self.assertEqual(session["t"].rows(), [(1, None), (None, 1.5)])

    def test_without_any(self):
        with hidden("pandas", "polars", "numpy"), Session(model=TINY) as session:
            rows = session.run(ASKED + "; asked | dla by head | take 1 | select component, layer")
            self.assertEqual(rows, [{"component": "L0H0", "layer": 0}])
            self.assertEqual((rows.columns, rows.types["layer"]), (["component", "layer"], "integer"))
            lists = session.run("asked | activations L0.resid_pre@0..1")
            self.assertEqual((len(lists), type(lists[0][0])), (2, float))

    def test_chosen(self):
        with hidden("pandas"):
            self.assertEqual(Session().run("vars").shape, (0, 4))
        with self.assertRaisesRegex(ValueError, "frames must be one of"):
            Session(frames="arrow")


class Processes(unittest.TestCase):
    LONG = "for i in 1..1000000000000 { let x = i }"

    def test_ctrl_c(self):
        with Session() as session:
            session.run("let kept = 1")
            timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
            timer.start()
            start = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                session.run(self.LONG)
            self.assertLess(time.monotonic() - start, 3)
            self.assertEqual(session.run("kept + 1"), 2)

    def test_ctrl_c_reaches_a_command(self):
        with Session() as session:
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
            with self.assertRaises(KeyboardInterrupt):
                session.run("1 | !sleep 60")
            self.assertEqual(session.run("1"), 1)

    def test_progress(self):
        seen = []
        with Session(model=TINY, progress=lambda *step: seen.append(step)) as session:
            texts = ", ".join(f'"{"a b c d " * 100}{n}"' for n in range(40))
            session.run(f"let many = prompts [{texts}]")
            with warnings.catch_warnings(record=True):
                session.run("many | loss")
        self.assertTrue(seen)
        steps = [step for step in seen if step[0] is not None]
        self.assertTrue(steps, seen)
        self.assertTrue(all(0 <= done <= total for _, done, total in steps))
        self.assertEqual(seen[-1], (None, 0, 0))

    def test_end(self):
        session = Session()
        process = session._server._process
        process.kill()
        with self.assertRaisesRegex(SummandError, "was killed by signal 9"):
            session.run("1")
        session = Session()
        process = session._server._process
        session.close()
        self.assertEqual(process.returncode, 0)
        with self.assertRaises(SummandError):
            session.run("1")

    def test_no_program(self):
        with self.assertRaisesRegex(SummandError, "cannot start /nonexistent"):
            Session(executable="/nonexistent")

    def test_model_that_does_not_load(self):
        with self.assertRaisesRegex(SummandError, "nonexistent.gguf") as caught:
            Session(model="/nonexistent.gguf")
        self.assertEqual(caught.exception.status, 4)

    def test_safe(self):
        with Session(safe=True) as session, self.assertRaisesRegex(SummandError, "--safe forbids"):
            session.run("1 | !cat")

    def test_ends_with_python(self):
        script = "from pysummand import Session; s = Session(); print(s._server._process.pid)"
        path = str(root / "Scripts/python")
        run = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
        with self.assertRaises(ProcessLookupError):
            os.kill(int(run.stdout), 0)


if __name__ == "__main__":
    unittest.main()
