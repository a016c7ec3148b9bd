"""The wheel, the tarball and the Debian package of Scripts/wheel, with a stand-in for the program that is linked statically."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import venv
import zipfile

from support import root


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(cls.folder.name)
        program = path / "summand"
        program.write_text(f"#!/bin/sh\nexec '{os.environ['SUMMAND']}' \"$@\"\n", encoding="utf-8")
        program.chmod(0o755)
        subprocess.run([root / "Scripts/install.d/extras", program, path / "share"], check=True)
        cls.made = []
        for name in ("one", "two"):
            (path / name).mkdir()
            subprocess.run(
                [sys.executable, root / "Scripts/wheel.d/pack.py", program, path / "share", path / name],
                check=True,
                capture_output=True,
            )
            cls.made.append({file.suffix: file for file in (path / name).iterdir()})

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_same_bytes(self):
        one, two = self.made
        self.assertEqual(sorted(one), [".deb", ".gz", ".whl"])
        for suffix, file in one.items():
            self.assertEqual(file.read_bytes(), two[suffix].read_bytes(), suffix)

    def test_tarball(self):
        with tarfile.open(self.made[0][".gz"]) as tar:
            names = tar.getnames()
            self.assertTrue(all(name.startswith("summand-") for name in names))
            modes = {entry.name.split("/", 1)[1]: entry.mode for entry in tar}
        self.assertEqual((modes["bin/summand"], modes["share/man/man1/summand.1"]), (0o755, 0o644))

    @unittest.skipUnless(shutil.which("dpkg"), "there is no dpkg")
    def test_package(self):
        """dpkg installs it into a root of its own, and finds it whole."""
        root = pathlib.Path(self.folder.name) / "root"
        for name in ("info", "updates"):
            (root / "var/lib/dpkg" / name).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()
        dpkg = ["dpkg", f"--root={root}", "--force-not-root", "--force-bad-path", "--log=/dev/null"]
        subprocess.run([*dpkg, "-i", self.made[0][".deb"]], check=True, capture_output=True)
        self.assertEqual(subprocess.run([*dpkg, "--verify", "summand"], capture_output=True).stdout, b"")
        ran = subprocess.run([root / "usr/bin/summand", "-c", "1 + 1"], capture_output=True, text=True)
        self.assertEqual(ran.stdout, "2\n", ran.stderr)
        for path in ("man/man1/summand.1.gz", "bash-completion/completions/summand", "vim/vimfiles/syntax/summand.vim"):
            self.assertTrue((root / "usr/share" / path).exists(), path)
        listed = subprocess.run(["dpkg-deb", "--contents", self.made[0][".deb"]], capture_output=True, text=True).stdout
        self.assertIn("-rwxr-xr-x root/root", listed)
        self.assertNotIn("Depends", subprocess.run(["dpkg-deb", "--field", self.made[0][".deb"]], capture_output=True,
                                                   text=True).stdout)

    def test_wheel(self):
        """Into an environment that has nothing else: the program, the package, and the kernel's description."""
        home = pathlib.Path(self.folder.name) / "venv"
        venv.create(home, with_pip=True)
        python = home / "bin/python"
        pip = [python, "-m", "pip", "install", "-q", "--no-index", "--disable-pip-version-check"]
        subprocess.run([*pip, self.made[0][".whl"]], check=True)
        environment = {"PATH": "/usr/bin:/bin"}
        ran = subprocess.run([home / "bin/summand", "-c", "1 + 1"], env=environment, capture_output=True, text=True)
        self.assertEqual(ran.stdout, "2\n", ran.stderr)
        code = "from pysummand import Session; print(Session().run('[1, 2, 3]'), Session().run('vars'))"
        ran = subprocess.run([python, "-c", code], env=environment, capture_output=True, text=True)
        self.assertEqual(ran.stdout, "[1, 2, 3] []\n", ran.stderr)
        spec = json.loads((home / "share/jupyter/kernels/summand/kernel.json").read_text(encoding="utf-8"))
        self.assertEqual(spec["argv"][1:3], ["-m", "pysummand.kernel"])
        self.assertTrue((home / "share/man/man1/summand.1").exists())

    def test_metadata(self):
        with zipfile.ZipFile(self.made[0][".whl"]) as file:
            metadata = next(name for name in file.namelist() if name.endswith("METADATA"))
            text = file.read(metadata).decode()
        version = subprocess.run([os.environ["SUMMAND"], "--version"], capture_output=True, text=True).stdout
        number = version.split()[1].split("+")[0]
        self.assertIn(f"Name: pysummand\nVersion: {number}\n", text)


if __name__ == "__main__":
    unittest.main()
