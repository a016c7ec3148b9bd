#!/usr/bin/env python3
"""Packs the program and the Python package: pack.py PROGRAM SHARE OUT. Standard library alone.

The same input makes the same bytes: everything has one date.
"""

import base64
import gzip
import hashlib
import io
import json
import pathlib
import re
import sys
import tarfile
import zipfile

root = pathlib.Path(__file__).resolve().parents[2]
DATE = (2026, 1, 1, 0, 0, 0)
SECONDS = 1767225600
PLATFORMS = ("manylinux_2_17_x86_64", "manylinux2014_x86_64", "musllinux_1_1_x86_64")


def version():
    text = (root / "Sources/Runtime/Version.swift").read_text(encoding="utf-8")
    own = re.search(r'current = "([^"]+)"', text).group(1)
    package = (root / "Scripts/python/pysummand/__init__.py").read_text(encoding="utf-8")
    theirs = re.search(r'__version__ = "([^"]+)"', package).group(1)
    if own != theirs:
        sys.exit(f"the program is version {own}, the package {theirs}: change Scripts/python/pysummand/__init__.py")
    return own


class Wheel:
    """A wheel as PEP 427 has it, in memory."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.zip = zipfile.ZipFile(self.bytes, "w", zipfile.ZIP_DEFLATED)
        self.record = []

    def add(self, path, data, mode=0o644):
        info = zipfile.ZipInfo(path, DATE)
        info.external_attr = (0o100000 | mode) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(info, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{path},sha256={digest},{len(data)}")

    def finish(self, info):
        self.record.append(f"{info}/RECORD,,")
        self.zip.writestr(zipfile.ZipInfo(f"{info}/RECORD", DATE), "\n".join(self.record) + "\n")
        self.zip.close()
        return self.bytes.getvalue()


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def wheel(number, program, share, out):
    name = f"pysummand-{number}"
    info, data = f"{name}.dist-info", f"{name}.data"
    made = Wheel()
    for path in files(root / "Scripts/python/pysummand"):
        if path.suffix == ".py":
            made.add(f"pysummand/{path.name}", path.read_bytes())
    made.add(f"{data}/scripts/summand", program.read_bytes(), 0o755)
    for path in files(share):
        made.add(f"{data}/data/share/{path.relative_to(share)}", path.read_bytes())
    # As ipykernel's own: Jupyter puts its Python in the place of "python".
    kernel = {
        "argv": ["python", "-m", "pysummand.kernel", "-f", "{connection_file}"],
        "display_name": "Summand",
        "language": "summand",
    }
    made.add(f"{data}/data/share/jupyter/kernels/summand/kernel.json", json.dumps(kernel, indent=2).encode())
    made.add(f"{info}/licenses/LICENSE", (root / "LICENSE").read_bytes())
    made.add(
        f"{info}/METADATA",
        f"""Metadata-Version: 2.4
Name: pysummand
Version: {number}
Summary: Summand: attribution, ablation and patching of language models, a shell and a Python package
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.9
Provides-Extra: pandas
Requires-Dist: pandas; extra == "pandas"
Provides-Extra: polars
Requires-Dist: polars; extra == "polars"
Provides-Extra: notebook
Requires-Dist: ipykernel; extra == "notebook"
Description-Content-Type: text/markdown

{(root / "Scripts/python/README.md").read_text(encoding="utf-8")}""".encode(),
    )
    tags = "".join(f"Tag: py3-none-{platform}\n" for platform in PLATFORMS)
    made.add(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: Scripts/wheel\nRoot-Is-Purelib: false\n{tags}".encode())
    path = out / f"{name}-py3-none-{'.'.join(PLATFORMS)}.whl"
    path.write_bytes(made.finish(info))
    return path


def tarball(number, program, share, out):
    name = f"summand-{number}-linux-x86_64"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:

        def add(path, data, mode=0o644):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode, entry.mtime = len(data), mode, SECONDS
            tar.addfile(entry, io.BytesIO(data))

        add("bin/summand", program.read_bytes(), 0o755)
        for path in files(share):
            add(f"share/{path.relative_to(share)}", path.read_bytes())
        add("LICENSE", (root / "LICENSE").read_bytes())
    path = out / f"{name}.tar.gz"
    path.write_bytes(gzip.compress(packed.getvalue(), mtime=SECONDS))
    return path


def ar(members):
    """The archive that a .deb is, of names and bytes."""
    packed = b"!<arch>\n"
    for name, data in members:
        packed += f"{name:<16}{SECONDS:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data
        packed += b"\n" * (len(data) % 2)
    return packed


def package(number, program, share, out):
    """For Debian and its relatives: nothing but the kernel is needed, so that nothing is depended on."""
    contents = {"usr/bin/summand": (program.read_bytes(), 0o755)}
    for path in files(share):
        # Debian's zsh looks elsewhere for what packages have.
        name = str(path.relative_to(share)).replace("zsh/site-functions", "zsh/vendor-completions")
        contents[f"usr/share/{name}"] = (path.read_bytes(), 0o644)
    manual = "usr/share/man/man1/summand.1"
    contents[manual + ".gz"] = (gzip.compress(contents.pop(manual)[0], mtime=SECONDS), 0o644)
    contents["usr/share/doc/summand/copyright"] = ((root / "LICENSE").read_bytes(), 0o644)
    size = sum(len(data) for data, _ in contents.values())
    sums = "".join(f"{hashlib.md5(data).hexdigest()}  {path}\n" for path, (data, _) in sorted(contents.items()))
    control = f"""Package: summand
Version: {number}
Architecture: amd64
Maintainer: Summand <noreply@example.org>
Installed-Size: {size // 1024 + 1}
Suggests: librsvg2-bin, curl, less
Section: science
Priority: optional
Description: scripting shell for mechanistic interpretability
 Attribution, ablation, patching and statistics over many prompts, for
 language models on a CPU: one line at a time, or as scripts.
"""

    def packed(entries, folders=()):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name in folders:
                entry = tarfile.TarInfo(f"./{name}")
                entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, SECONDS
                entry.uname = entry.gname = "root"
                tar.addfile(entry)
            for name, (body, mode) in sorted(entries.items()):
                entry = tarfile.TarInfo(f"./{name}")
                entry.size, entry.mode, entry.mtime = len(body), mode, SECONDS
                entry.uname = entry.gname = "root"
                tar.addfile(entry, io.BytesIO(body))
        return gzip.compress(data.getvalue(), mtime=SECONDS)

    folders = sorted({str(parent) for path in contents for parent in pathlib.PurePosixPath(path).parents} - {"."})
    about = {"control": (control.encode(), 0o644), "md5sums": (sums.encode(), 0o644)}
    path = out / f"summand_{number}_amd64.deb"
    path.write_bytes(
        ar([
            ("debian-binary", b"2.0\n"), ("control.tar.gz", packed(about)),
            ("data.tar.gz", packed(contents, folders)),
        ])
    )
    return path


def main():
    program, share, out = (pathlib.Path(word) for word in sys.argv[1:])
    number = version()
    for make in (wheel, tarball, package):
        path = make(number, program, share, out)
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
