"""The magics in IPython, and the kernel through nbclient and jupyter_client."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

from support import ASKED, TINY, root

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

python_path = str(root / "Scripts/python")


def outputs(cell):
    return [output.output_type for output in cell.outputs]


class Magics(unittest.TestCase):
    def ipython(self, code):
        """What IPython prints."""
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run(
                [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner", "-c", code],
                env={**os.environ, "PYTHONPATH": python_path, "IPYTHONDIR": folder},
                capture_output=True,
                text=True,
                check=False,
            )
        return run.stdout, run.stderr

    def test_cell_and_line(self):
        ran = self.ipython(
            f"""
%load_ext pysummand
n = 2
get_ipython().run_cell_magic("summand", "-m {TINY} -i n -o best", '''{ASKED}
let best = asked | dla by head | take n
asked | tokens | take 1
best''')
print(type(best).__name__, best.shape, _.shape if hasattr(_, "shape") else None)
%summand 3 + 4
"""
        )
        self.assertIn("DataFrame (2, 4)", ran[0], ran)

    def test_error(self):
        out, err = self.ipython("%load_ext pysummand\n%summand 1 + nonsense")
        self.assertIn("^^^^^^^^", out + err)
        self.assertNotIn("Traceback", out + err)


class Notebook(unittest.TestCase):
    """A notebook of Python with %%summand."""

    def test_python_notebook(self):
        cells = [
            "%load_ext pysummand",
            f"%%summand -m {TINY} -o best\n{ASKED}\nlet best = asked | dla by head | top 3\nbest\n"
            "best | plot bar",
            "best.shape",
            '%%summand\n"done"',
        ]
        notebook = run(cells, "python3")
        second = notebook.cells[1].outputs
        data = [output.data for output in second if "data" in output]
        self.assertEqual(len(data), 2)
        self.assertIn("text/html", data[0])
        self.assertIn("image/svg+xml", data[1])
        notes = [output.text for output in second if output.output_type == "stream"]
        self.assertIn("the gap is", notes[0])
        self.assertEqual(notebook.cells[2].outputs[0].data["text/plain"], "(3, 4)")
        self.assertEqual(notebook.cells[3].outputs[0].data["text/plain"], "'done'")


def run(cells, kernel):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    os.environ["PYTHONPATH"] = python_path
    NotebookClient(notebook, timeout=60, kernel_name=kernel).execute()
    nbformat.validate(notebook)
    return notebook


class Kernel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = tempfile.TemporaryDirectory()
        # Installed as a person does it, but into a folder that nobody else sees.
        os.environ["PYTHONPATH"] = python_path
        os.environ["JUPYTER_PATH"] = cls.prefix.name + "/share/jupyter"
        subprocess.run(
            [sys.executable, "-m", "pysummand.kernel", "install", "--prefix", cls.prefix.name],
            check=True,
            capture_output=True,
        )

    @classmethod
    def tearDownClass(cls):
        cls.prefix.cleanup()

    def test_notebook(self):
        cells = [
            f'load "{TINY}"',
            ASKED + "\nasked | dla by head | top 3",
            "asked | dla by head | plot bar\n1 + 1",
            '"a" | !cat',
        ]
        notebook = run(cells, "summand")
        table = notebook.cells[1].outputs[-1].data
        self.assertIn("<table>", table["text/html"])
        self.assertIn("component", table["text/plain"])
        plot, two = notebook.cells[2].outputs[-2:]
        self.assertIn("<svg", plot.data["image/svg+xml"])
        self.assertEqual(two.data["text/plain"], "2")
        self.assertEqual(notebook.cells[3].outputs[0].text, "a\n")
        self.assertEqual(notebook.metadata.language_info.name, "summand")

    def test_error(self):
        with self.assertRaises(CellExecutionError) as caught:
            run(["let x = 1\nx | ablate L1H1"], "summand")
        self.assertIn(" --> cell 1:2:", str(caught.exception))

    def test_protocol(self):
        """Completion, help, whether a cell is whole, and Ctrl-C, as a front end asks for them."""
        manager = KernelManager(kernel_name="summand")
        manager.start_kernel(env={**os.environ})
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            reply = client.complete("[1] | wh", 8, reply=True, timeout=30)["content"]
            self.assertEqual((reply["matches"], reply["cursor_start"], reply["cursor_end"]), (["where "], 6, 8))
            client.is_complete("if true {")
            reply = client.get_shell_msg(timeout=30)["content"]
            self.assertEqual((reply["status"], reply["indent"]), ("incomplete", "  "))
            reply = client.inspect("[1] | where", 8, reply=True, timeout=30)["content"]
            self.assertTrue(reply["found"])
            # Ctrl-C, once the cell is at work.
            number = client.execute("for i in 1..1000000000000 { let x = i }")
            while client.get_iopub_msg(timeout=30)["msg_type"] != "execute_input":
                pass
            time.sleep(0.3)
            manager.interrupt_kernel()
            while (reply := client.get_shell_msg(timeout=30))["parent_header"].get("msg_id") != number:
                pass
            self.assertEqual(reply["content"]["ename"], "KeyboardInterrupt")
            reply = client.execute("2", reply=True, timeout=30)["content"]
            self.assertEqual(reply["status"], "ok")
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=False)

    def test_kernelspec(self):
        spec = pathlib.Path(self.prefix.name) / "share/jupyter/kernels/summand/kernel.json"
        self.assertIn('"Summand"', spec.read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
