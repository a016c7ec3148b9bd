#!/usr/bin/env python3
"""server.py ROOT: a hub and an index of Python packages on loopback, for tests.

ROOT/models/ORG/NAME/FILE are the hub's repositories, ROOT/packages/NAME/FILE what the wheel of version
1.0 of a package holds. Large files are served by a second port, to which the hub redirects, as the real
one does. Words in a repository's name say how it misbehaves:

  gated      files only for the token "hf_secret"
  cut        the second port closes the connection in the middle, as often as it is asked for less than
             the last quarter
  slow       the second port sends half and then nothing more, unless it is asked for a later part
  norange    the second port sends the whole whatever part is asked for; cut or not
  wrong      the SHA-256 that the hub gives is of something else
  garbled    small files come with their last byte changed
  plain      no file is large
  longer     the second port sends more than there is
  moved      the hub redirects to the repository without that word
  away       the hub redirects questions about the repository to the second port

Prints the two ports on one line, writes every request to ROOT/requests, one JSON object a line, and ends
by itself when ROOT is gone, and after four minutes anyway.
"""

import base64, hashlib, http.server, io, json, os, sys, threading, time, zipfile
from urllib.parse import unquote, urlsplit

ROOT = os.path.abspath(sys.argv[1])
LARGE = 2048
TOKEN = "Bearer hf_secret"
log_lock = threading.Lock()


def git_digest(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def is_large(name, data):
    return len(data) >= LARGE and "plain" not in name


def repository_files(name):
    folder = os.path.join(ROOT, "models", name)
    if not os.path.isdir(folder):
        return None
    files = {}
    for base, _, names in os.walk(folder):
        for file in names:
            path = os.path.join(base, file)
            with open(path, "rb") as source:
                files[os.path.relpath(path, folder)] = source.read()
    return files


def commit(name):
    return hashlib.sha1(name.encode()).hexdigest()


def sha256(name, data):
    return hashlib.sha256(data + (b"!" if "wrong" in name else b"")).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def note(self):
        entry = {
            "port": self.server.name, "method": self.command, "path": self.path,
            "range": self.headers.get("Range"), "authorization": self.headers.get("Authorization"),
        }
        with log_lock, open(os.path.join(ROOT, "requests"), "a") as log:
            log.write(json.dumps(entry) + "\n")

    def answer(self, status, body=b"", headers=(), length=None):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code):
        self.answer(status, b'{"error":"no"}', [("X-Error-Code", code)])

    def do_HEAD(self):
        self.do_GET()


class Hub(Handler):
    def do_GET(self):
        self.note()
        path = unquote(urlsplit(self.path).path).strip("/").split("/")
        if path[:2] == ["api", "models"] and len(path) >= 6 and path[4] == "revision":
            self.listing("/".join(path[2:4]), "/".join(path[5:]))
        elif len(path) >= 5 and path[2] == "resolve":
            self.file("/".join(path[:2]), path[3], "/".join(path[4:]))
        elif path[0] == "simple" and len(path) == 2:
            self.package_index(path[1])
        elif path[0] == "wheels":
            self.answer(200, wheel(path[1]))
        else:
            self.refuse(404, "RepoNotFound")

    def redirect_elsewhere(self, name):
        if "moved" in name:
            self.answer(307, headers=[("Location", self.path.replace("moved", ""))])
        elif "away" in name:
            self.answer(302, headers=[("Location", f"http://127.0.0.1:{self.server.other}{self.path}")])
        else:
            return False
        return True

    def listing(self, name, revision):
        if self.redirect_elsewhere(name):
            return
        files = repository_files(name)
        if files is None:
            return self.refuse(401, "RepoNotFound")
        if revision not in ("main", "refs/pr/1", commit(name)):
            return self.refuse(404, "RevisionNotFound")
        siblings = []
        for file, data in sorted(files.items()):
            entry = {"rfilename": file, "size": len(data), "blobId": git_digest(data)}
            if is_large(name, data):
                entry["lfs"] = {"sha256": sha256(name, data), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
        body = json.dumps({"id": name, "sha": commit(name), "siblings": siblings}).encode()
        self.answer(200, body, [("Content-Type", "application/json")])

    def file(self, name, revision, file):
        if self.redirect_elsewhere(name):
            return
        files = repository_files(name)
        if files is None:
            return self.refuse(401, "RepoNotFound")
        if "gated" in name and self.headers.get("Authorization") != TOKEN:
            return self.refuse(401, "GatedRepo")
        if file not in files:
            return self.refuse(404, "EntryNotFound")
        data = files[file]
        if not is_large(name, data):
            headers = [("ETag", f'"{git_digest(data)}"'), ("X-Repo-Commit", commit(name))]
            if "garbled" in name:
                data = data[:-1] + bytes([data[-1] ^ 1])
            return self.answer(200, data, headers)
        self.answer(302, headers=[
            ("Location", f"http://127.0.0.1:{self.server.other}/{name}/{file}"),
            ("X-Linked-Etag", f'"{sha256(name, data)}"'), ("X-Linked-Size", str(len(data))),
            ("X-Repo-Commit", commit(name))])

    def package_index(self, name):
        if not os.path.isdir(os.path.join(ROOT, "packages", name)):
            return self.refuse(404, "")
        file = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
        body = f'<a href="/wheels/{name}/{file}">{file}</a>'.encode()
        self.answer(200, body, [("Content-Type", "text/html")])


def wheel(name):
    """A wheel of the files of a package: what pip checks, and no more."""
    folder, module = os.path.join(ROOT, "packages", name), name.replace("-", "_")
    files = {f"{module}/{file}": open(os.path.join(folder, file), "rb").read()
             for file in sorted(os.listdir(folder))}
    info = f"{module}-1.0.dist-info"
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = "".join(
        "{},sha256={},{}\n".format(
            path, base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(),
            len(data))
        for path, data in files.items())
    files[f"{info}/RECORD"] = (record + f"{info}/RECORD,,\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    return out.getvalue()


class Store(Handler):
    """Where the hub redirects to for large files: another origin, which no token may reach."""

    def do_GET(self):
        self.note()
        org, name, file = unquote(self.path).strip("/").split("/", 2)
        data = (repository_files(f"{org}/{name}") or {}).get(file)
        if data is None:
            return self.answer(404)
        start, status, headers = 0, 200, []
        if self.headers.get("Range") and "norange" not in name:
            start = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            status = 206
            headers = [("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")]
        rest = data[start:]
        if "longer" in name:
            rest += b"more"
        if "cut" in name and start < len(data) * 3 // 4 and self.is_to_be_cut(start):
            self.answer(status, rest[: len(data) // 3], headers, length=len(rest))
            self.wfile.flush()
            self.close_connection = True
        elif "slow" in name and start == 0:
            self.answer(status, rest[: len(data) // 2], headers, length=len(rest))
            self.wfile.flush()
            time.sleep(60)
            self.close_connection = True
        else:
            self.answer(status, rest, headers)

    def is_to_be_cut(self, start):
        """A server that knows no ranges would never come to an end: it is cut once."""
        if "norange" not in self.path:
            return True
        first = not getattr(self.server, "has_cut", False)
        self.server.has_cut = True
        return first


def start(kind, name):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    server.daemon_threads, server.name = True, name
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


hub, store = start(Hub, "hub"), start(Store, "store")
hub.other, store.other = store.server_port, hub.server_port
print(hub.server_port, store.server_port, flush=True)
end = time.monotonic() + 240
while os.path.isdir(ROOT) and time.monotonic() < end:
    time.sleep(0.1)
os._exit(0)
