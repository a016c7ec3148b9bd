"""A Jupyter kernel of Summand's language.

    python -m pysummand.kernel install [--user | --sys-prefix | --prefix DIR]
"""

import argparse
import json
import os
import sys
import tempfile

from ipykernel.kernelbase import Kernel

from . import __version__
from .server import SummandError
from .session import Session

SPEC = {
    "argv": [sys.executable, "-m", "pysummand.kernel", "-f", "{connection_file}"],
    "display_name": "Summand",
    "language": "summand",
    "interrupt_mode": "signal",
}


class SummandKernel(Kernel):
    """Cells run in one session of `summand serve`."""

    implementation = "summand"
    implementation_version = __version__
    language_info = {
        "name": "summand",
        "mimetype": "text/x-summand",
        "file_extension": ".summand",
        "pygments_lexer": "text",
    }
    banner = "Summand: which parts of a language model produced its output"

    _session = None

    @property
    def session_of_summand(self):
        if self._session is None:
            self._session = Session(frames="rows", progress=self._show_progress)
        return self._session

    def do_execute(self, code, silent, store_history=True, user_expressions=None, allow_stdin=False, **_):
        if not code.strip():
            return self._answer("ok", payload=[], user_expressions={})
        try:
            self.session_of_summand.events(
                code,
                lambda event: silent or self._show(event),
                on_message=lambda event: silent or self._stream("stderr", event["text"] + "\n"),
                name=f"cell {self.execution_count}",
                render=["text", "html", "svg"],
                width=120,
            )
        except KeyboardInterrupt:
            return self._fail("KeyboardInterrupt", "interrupted", silent)
        except SummandError as error:
            if error.status < 0 or "summand serve" in str(error):
                # The process is gone: the next cell begins a new one.
                self._session = None
            return self._fail("SummandError", str(error), silent)
        return self._answer("ok", payload=[], user_expressions={})

    def _answer(self, status, **more):
        return {"status": status, "execution_count": self.execution_count, **more}

    def _fail(self, name, text, silent):
        content = {"ename": name, "evalue": text, "traceback": text.splitlines()}
        if not silent:
            self.send_response(self.iopub_socket, "error", content)
        return self._answer("error", **content)

    def _stream(self, name, text):
        self.send_response(self.iopub_socket, "stream", {"name": name, "text": text})

    def _show(self, event):
        type_ = event["type"]
        if type_ == "text":
            return self._stream("stdout", event["text"])
        data = {"text/plain": event.get("text", "")}
        if event.get("html"):
            data["text/html"] = event["html"]
        if event.get("svg"):
            data["image/svg+xml"] = event["svg"]
        self.send_response(self.iopub_socket, "display_data", {"data": data, "metadata": {}})

    _is_progress_shown = False

    def _show_progress(self, label, done, total):
        if label is None:
            if self._is_progress_shown:
                self._stream("stderr", "\r\x1b[2K")
            self._is_progress_shown = False
        else:
            self._stream("stderr", f"\r\x1b[2K{label} {done}/{total}" if total else f"\r\x1b[2K{label} {done}")
            self._is_progress_shown = True

    def do_complete(self, code, cursor_pos):
        try:
            start, end, candidates = self.session_of_summand.complete(code, cursor_pos)
        except SummandError:
            start, end, candidates = cursor_pos, cursor_pos, []
        types = [{"text": text, "type": summary, "start": start, "end": end} for text, summary in candidates]
        return {
            "status": "ok",
            "matches": [text for text, _ in candidates],
            "cursor_start": start,
            "cursor_end": end,
            "metadata": {"_jupyter_types_experimental": types},
        }

    def do_is_complete(self, code):
        try:
            state, indentation = self.session_of_summand.completeness(code)
        except SummandError:
            state, indentation = "unknown", 0
        return {"status": state, "indent": " " * indentation}

    def do_inspect(self, code, cursor_pos, detail_level=0, omit_sections=()):
        try:
            text = self.session_of_summand.inspect(code, cursor_pos)
        except SummandError:
            text = None
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    def do_shutdown(self, restart):
        if self._session is not None:
            self._session.close()
            self._session = None
        return {"status": "ok", "restart": restart}


def install(arguments):
    """Tells Jupyter of the kernel."""
    from jupyter_client.kernelspec import KernelSpecManager

    parser = argparse.ArgumentParser(prog="python -m pysummand.kernel install", description=install.__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="for you alone (the default)")
    where.add_argument("--sys-prefix", action="store_true", help="for this Python or environment")
    where.add_argument("--prefix", help="below another folder")
    options = parser.parse_args(arguments)
    prefix = sys.prefix if options.sys_prefix else options.prefix
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "kernel.json"), "w", encoding="utf-8") as file:
            json.dump(SPEC, file, indent=2)
        place = KernelSpecManager().install_kernel_spec(folder, "summand", user=prefix is None, prefix=prefix)
    print(f"installed in {place}")


def main():
    if sys.argv[1:2] == ["install"]:
        install(sys.argv[2:])
        return
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(kernel_class=SummandKernel)


if __name__ == "__main__":
    main()
