"""torture.py SUMMAND FAULTS [NAME]... [--short]: what `Scripts/torture` runs."""

import fcntl, hashlib, os, pty, resource, select, shutil, signal, stat, subprocess, sys, tempfile, termios, time

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(REPOSITORY, "Tests", "ModelTests", "Fixtures")
HUB = os.path.join(REPOSITORY, "Tests", "RuntimeTests", "Fixtures", "Hub", "server.py")
TINY = os.path.join(FIXTURES, "tiny-gqa.F32.gguf")
FACTS = os.path.join(REPOSITORY, "Examples", "facts", "country.tsv")

SUMMAND, FAULTS = map(os.path.abspath, sys.argv[1:3])
SHORT = "--short" in sys.argv
NAMES = [word for word in sys.argv[3:] if word != "--short"]
# What README and docs/running.md list: nothing else may come out of a run that was not killed.
STATUSES = {0, 1, 2, 3, 4, 5, 130, 141, 143}
ENOSPC = 28

problems = []


def check(truth, text):
    if not truth:
        problems.append(text)
        print(f"  WRONG: {text}", file=sys.stderr)
    return truth


class Run:
    """The program's end: its status (negative: killed by that signal) and what it wrote."""

    def __init__(self, arguments, environment=(), at=None, errno=None, root=None, count=None, limits=(), close=(),
                 timeout=60):
        # A report states the minute it was made in: those of two runs are compared, and a minute may end between them.
        variables = dict(
            os.environ, SUMMAND_HISTORY="", HF_HUB_OFFLINE="", SWIFT_BACKTRACE="enable=no", SOURCE_DATE_EPOCH="0",
        ) | dict(environment)
        if root:
            variables.update(LD_PRELOAD=FAULTS, TORTURE_ROOT=root, TORTURE_AT=str(at or 0))
            if errno:
                variables["TORTURE_ERRNO"] = str(errno)
            if count:
                variables["TORTURE_COUNT"] = count

        def prepare():
            for limit, value in limits:
                resource.setrlimit(limit, (value, value))
            for descriptor in close:
                os.close(descriptor)

        process = subprocess.Popen(
            [SUMMAND, *arguments], env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=prepare, start_new_session=True)
        try:
            self.output, self.messages = (text.decode(errors="replace") for text in process.communicate(timeout=timeout))
            self.status = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            self.output, self.messages, self.status = "", f"still running after {timeout} s", 999
            process.communicate()


def steps_of(arguments, folder, environment=()):
    """How many file operations below the folder a whole run makes."""
    count = tempfile.mktemp()
    ended = Run(arguments, environment, root=folder, count=count)
    check(ended.status == 0, f"{arguments} ended with {ended.status}: {ended.messages}")
    with open(count) as file:
        steps = int(file.read())
    os.unlink(count)
    return steps


def chosen(steps, most):
    """All steps, or in the short form that many of them, the first and the last among them."""
    if not SHORT or steps <= most:
        return list(range(1, steps + 1))
    return sorted({1 + round(index * (steps - 1) / (most - 1)) for index in range(most)})


def contents(folder):
    """Every file below it, by its path; links as what they say."""
    found = {}
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            link = os.path.islink(path)
            found[os.path.relpath(path, folder)] = os.readlink(path).encode() if link else open(path, "rb").read()
    return found


class Folder:
    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="torture-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


# Files that are replaced


# Numbers that are written while they are computed, more than one write takes.
STREAM = f'load "{TINY}"; [(prompt {list(range(5, 255))}), (prompt [8, 9])] | activations L*.resid_pre'


def writers(folder):
    """Name, files that it writes, arguments, and at how many steps it is treated badly in the short form."""
    table = f'read "{FACTS}" | take 5 | derive n = 1'
    yield "save", ["x.csv"], ["-c", f'{table} | save "{folder}/x.csv"'], 12
    yield "plot", ["x.svg"], ["-c", f'{table} | plot bar subject, n to "{folder}/x.svg"'], 12
    yield "report", ["x.html", "x.md"], ["-c", f'report "{folder}/x.html" {{ {table} }}'], 12
    for ending in ("npz", "npy", "safetensors", "parquet"):
        files = [f"x.{ending}"] + ([f"x.{ending}.json"] if ending == "npy" else [])
        yield ending, files, ["-c", f'{STREAM} | save "{folder}/{files[0]}"'], 5


def fill(folder, files):
    for name in files:
        with open(os.path.join(folder, name), "wb") as file:
            file.write(b"old " + name.encode() + b"\n" * 5000)
        os.chmod(os.path.join(folder, name), 0o640)


def replaced_files(errno=None):
    with Folder() as folder:
        for name, files, arguments, most in writers(folder):
            fill(folder, files)
            old = contents(folder)
            steps = steps_of(arguments, folder)
            new = contents(folder)
            check(set(new) == set(files) and new != old, f"{name}: wrote {sorted(new)}")
            for step in chosen(steps, most if errno is None else min(most, 4)):
                for before in [old, {}]:
                    for path in contents(folder):
                        os.unlink(os.path.join(folder, path))
                    if before:
                        fill(folder, files)
                    ended = Run(arguments, root=folder, at=step, errno=errno)
                    what = f"{name}, step {step} of {steps}, {'over old files' if before else 'new files'}"
                    now = contents(folder)
                    for file in files:
                        whole = now.get(file) in (before.get(file), new[file])
                        check(whole, f"{what}: {file} is neither whole")
                        if before and file in now:
                            mode = stat.S_IMODE(os.stat(os.path.join(folder, file)).st_mode)
                            check(mode == 0o640, f"{what}: {file} has mode {mode:o}")
                    if errno is None:
                        # Without an old file there are fewer steps.
                        check(ended.status == -signal.SIGKILL or not before, f"{what}: status {ended.status}")
                    else:
                        check(ended.status in (0, 1), f"{what}: status {ended.status}: {ended.messages}")
                        if ended.status:
                            check(os.strerror(errno) in ended.messages, f"{what}: says {ended.messages!r}")
                        check(set(now) <= set(files), f"{what}: left {sorted(set(now) - set(files))}")
                    ended = Run(arguments)
                    check(ended.status == 0, f"{what}: the next run ends with {ended.status}: {ended.messages}")
                    now = contents(folder)
                    check(set(now) == set(files), f"{what}: the next run leaves {sorted(set(now) - set(files))}")
            for path in contents(folder):
                os.unlink(os.path.join(folder, path))


def save():
    """kill -9 at every step of save (text, arrays, Parquet), plot and report: old file whole or new file whole, nothing else is left."""
    replaced_files()


def disk():
    """A full disk at every step of save, plot, report, history and download; and a disk that is really full."""
    replaced_files(ENOSPC)
    history_steps(ENOSPC)
    download_steps(ENOSPC)
    real_disk()


def real_disk():
    with Folder() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
            return print("  no small disk can be mounted here", file=sys.stderr)
        try:
            fill(folder, ["x.csv"])
            old = contents(folder)
            for command in [f'save "{folder}/x.csv"', f'save "{folder}/y.csv"']:
                ended = Run(["--model", TINY, "-c", f"prompt [5, 6, 7] | lens top 300 | {command}"])
                check(ended.status == 1, f"full disk: status {ended.status}")
                check("No space left on device" in ended.messages, f"full disk: says {ended.messages!r}")
                check(contents(folder) == old, f"full disk: left {sorted(contents(folder))}")
            for name in ["x.npz", "x.npy", "x.safetensors", "x.parquet"]:
                ended = Run(["-c", f'{STREAM} | save "{folder}/{name}"'])
                check(ended.status == 1, f"full disk, {name}: status {ended.status}")
                check("No space left on device" in ended.messages, f"full disk, {name}: says {ended.messages!r}")
                check(contents(folder) == old, f"full disk, {name}: left {sorted(contents(folder))}")
            line = f'{SUMMAND} --model {TINY} -c "prompt [5, 6, 7] | lens top 300" > {folder}/out'
            ended = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
            check(ended.returncode == 1, f"full standard output: status {ended.returncode}")
            check("No space left on device" in ended.stderr, f"full standard output: says {ended.stderr!r}")
        finally:
            subprocess.run(["umount", folder], check=True)


# History


def at_prompt(lines, environment, timeout=60):
    """Types lines at a prompt, and Ctrl-D."""
    ours, theirs = pty.openpty()

    def prepare():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    variables = os.environ | dict(TERM="xterm", LANG="C.UTF-8", EDITRC="/nonexistent") | environment
    process = subprocess.Popen([SUMMAND], stdin=theirs, stdout=theirs, stderr=theirs, env=variables, preexec_fn=prepare)
    os.close(theirs)
    waiting = [line + "\r" for line in lines] + ["\x04"]
    shown, end = b"", time.monotonic() + timeout
    while time.monotonic() < end:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                more = os.read(ours, 1 << 16)
            except OSError:
                break
            if not more:
                break
            shown += more
        # The prompt is there: what is typed before might be lost.
        if waiting and b"> " in shown.rsplit(b"\n", 1)[-1]:
            os.write(ours, waiting.pop(0).encode())
            shown += b"\n"
    os.close(ours)
    try:
        return process.wait(timeout=5), shown.decode(errors="replace")
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait() or 999, shown.decode(errors="replace")


def faults(folder, at, errno=None):
    variables = dict(LD_PRELOAD=FAULTS, TORTURE_ROOT=folder, TORTURE_AT=str(at))
    return variables | ({"TORTURE_ERRNO": str(errno)} if errno else {})


def texts(path):
    """The entries of a history file."""
    with open(path, "rb") as file:
        lines = file.read().decode().split("\n")
    check(lines[-1] == "", f"{path} ends in the middle of a line")
    return [line[11:] if line[:10].isdigit() and line[10:11] == " " else line for line in lines[:-1]]


def history_steps(errno=None):
    with Folder() as folder:
        path = os.path.join(folder, "history")
        # A file that is added to, and one so long that it is cut down first.
        for name, old in [("history", [f"{index} + 0" for index in range(20)]),
                          ("long history", [f"{index} + {index % 100}" for index in range(13000)])]:
            last = 0
            for step in range(1, 60):
                if SHORT and step % 3 and (errno or name == "long history"):
                    continue
                with open(path, "w") as file:
                    file.writelines(line + "\n" for line in old)
                os.chmod(path, 0o640)
                status, shown = at_prompt(["1 + 1"], faults(folder, step, errno) | {"SUMMAND_HISTORY": path})
                what = f"{name}, step {step}"
                if errno is None:
                    check(status in (-signal.SIGKILL, 0), f"{what}: status {status}")
                else:
                    check(status == 0, f"{what}: status {status}: {shown}")
                    check(os.listdir(folder) == ["history"], f"{what}: left {os.listdir(folder)}")
                    now = texts(path)
                    full = os.strerror(errno) in shown
                    check(now[-1] == "1 + 1" or full, f"{what}: the entry is lost without a word: {shown!r}")
                at_prompt(["2 + 2"], {"SUMMAND_HISTORY": path})
                now = texts(path)
                kept = old if name == "history" else old[-9990:]
                missing = set(kept) - set(now)
                check(not missing, f"{what}: lost {len(missing)} entries, {sorted(missing)[:3]}")
                # A line that was cut off by the kill stays as far as it came.
                extra = [text for text in set(now) - set(old) - {"2 + 2"}
                         if text not in "1 + 1" and not text.isdigit()]
                check(not extra, f"{what}: has {extra[:3]}")
                check(now[-1] == "2 + 2", f"{what}: the next entry is {now[-1]!r}")
                check(os.listdir(folder) == ["history"], f"{what}: the next run leaves {os.listdir(folder)}")
                mode = stat.S_IMODE(os.stat(path).st_mode)
                check(mode == 0o640, f"{what}: mode {mode:o}")
                if status == 0 and errno is None:
                    break
                if errno is not None:
                    last = last + 1 if os.strerror(errno) not in shown else 0
                    if last > 4:
                        break


def history():
    """kill -9 at every step of a session that writes its history: no older entry is lost, no half one is left."""
    history_steps()


def writers_of_history():
    """Fifty processes add to one history, which is cut down meanwhile: nothing is lost."""
    with Folder() as folder:
        path = os.path.join(folder, "history")
        with open(path, "w") as file:
            file.writelines(f"{index} + {index % 7}\n" for index in range(12480))
        children = set()

        def begin(writer):
            child = os.fork()
            if child == 0:
                status, _ = at_prompt([f"{writer} * 2", f"{writer} * 3"], {"SUMMAND_HISTORY": path}, timeout=100)
                os._exit(0 if status == 0 else 1)
            children.add(child)

        def end_one():
            child, status = os.wait()
            children.remove(child)
            check(os.waitstatus_to_exitcode(status) == 0, "a writer of the history failed")

        for writer in range(25):
            begin(writer)
        # Eleven have made it too long, so who comes now cuts it down, while others may still write.
        for _ in range(11):
            end_one()
        for writer in range(25, 50):
            begin(writer)
        while children:
            end_one()
        now = texts(path)
        for writer in range(50):
            for factor in (2, 3):
                check(f"{writer} * {factor}" in now, f"the entry {writer} * {factor} is lost")
        check(len(now) <= 12500, f"the history has {len(now)} lines")
        check(os.listdir(folder) == ["history"], f"the writers left {os.listdir(folder)}")


# Downloads


class Hub:
    def __init__(self, *repositories):
        self.repositories = repositories

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="torture-hub-")
        for name in self.repositories:
            shutil.copytree(os.path.join(FIXTURES, "tiny-gqa"), os.path.join(self.folder, "models", name))
        self.process = subprocess.Popen([sys.executable, HUB, self.folder], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.endpoint = f"http://127.0.0.1:{self.process.stdout.readline().split()[0]}"
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)
        self.process.wait()

    def environment(self, home):
        return {"HOME": home, "XDG_CACHE_HOME": "", "HF_ENDPOINT": self.endpoint}


def check_cache(home, what, clean):
    """Every blob is what its name says; after a clean run nothing else is left."""
    for path, data in contents(home).items():
        name = os.path.basename(path)
        if "/blobs/" in path and not name.endswith(".incomplete"):
            digest = hashlib.sha256(data) if len(name) == 64 else hashlib.sha1(b"blob %d\0" % len(data) + data)
            check(digest.hexdigest() == name, f"{what}: the blob {name} is not whole")
        if clean:
            check(not name.startswith(".") and not name.endswith((".incomplete", ".part", ".tmp")),
                  f"{what}: {path} is left")


def download_steps(errno=None):
    look = ["-c", 'load test/tiny; model | where property == "d_model" | select value']
    with Hub("test/tiny") as hub:
        with Folder() as home:
            steps = steps_of(look, home, hub.environment(home))
        for step in chosen(steps, 8):
            with Folder() as home:
                environment = hub.environment(home)
                ended = Run(look, environment, root=home, at=step, errno=errno)
                what = f"download, step {step} of {steps}"
                if errno is None:
                    check(ended.status in (-signal.SIGKILL, 0), f"{what}: status {ended.status}")
                else:
                    check(ended.status in (0, 4), f"{what}: status {ended.status}: {ended.messages}")
                check_cache(home, what, clean=False)
                offline = Run(look, environment | {"HF_HUB_OFFLINE": "1"})
                check(offline.status == 4 or "32" in offline.output, f"{what}: without a network {offline.messages}")
                ended = Run(look, environment, timeout=20)
                check(ended.status == 0 and "32" in ended.output,
                      f"{what}: the next run ends with {ended.status}: {ended.messages}")
                check_cache(home, what, clean=True)


def download():
    """kill -9 at every step of a download, and while nothing comes: the next run goes on, no blob is half of one."""
    download_steps()
    with Hub("test/slow") as hub, Folder() as home:
        # The tokenizer stalls first. It goes on at once in the next run, in which the weights stall.
        for most in (1000, 100_000):
            kill_when_stalled(hub.environment(home), home, most)
        start = time.monotonic()
        ended = Run(["-c", "load test/slow"], hub.environment(home), timeout=20)
        check(ended.status == 0, f"a stalled download: the next run ends with {ended.status}: {ended.messages}")
        check(time.monotonic() - start < 20, "a stalled download: its lock was kept")
        check_cache(home, "a stalled download", clean=True)


def kill_when_stalled(environment, home, bytes):
    """kill -9 for a download as soon as more than that many bytes of a file are there."""
    with tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen([SUMMAND, "-c", "load test/slow"], env=os.environ | environment, stderr=messages)
        end = time.monotonic() + 50
        while not any(path.endswith(".incomplete") and len(data) > bytes for path, data in contents(home).items()):
            if process.poll() is not None or time.monotonic() > end:
                messages.seek(0)
                return check(False, f"a download that stalls: {process.poll()}, {messages.read()!r}")
            time.sleep(0.05)
        process.kill()
        process.wait()


# Limits


def memory():
    """Little memory: a statement fails, the process does not."""
    work = [
        f'load "{TINY}"; prompt [5, 6, 7] | lens top 300 at @* | count; "more"',
        f'read "{FACTS}" | take 5; for i in 1..200 {{ let x = [i, i] }}; "more"',
        f'load "{TINY}"; prompt [5, 6, 7] | ablate each heads@* | effect | count; "more"',
        f'let t = read "{FACTS}"; ' + "let t = t | append t; " * 24 + '"more"',
    ]
    sizes = [60, 120, 200, 300, 500] if SHORT else [60, 80, 100, 140, 200, 300, 500, 800]
    for source in work if not SHORT else work[:1]:
        for size in sizes:
            ended = Run(["-c", source], limits=[(resource.RLIMIT_AS, size << 20)])
            # Below what the program's own libraries take, the system cannot start it.
            if ended.status == 127 or "cannot map" in ended.messages or "cannot allocate memory in static" in ended.messages:
                continue
            check(ended.status in STATUSES,
                  f"{size} MB of addresses, {source!r}: status {ended.status}: {ended.messages[-300:]}")
    for kilobytes in [0, 1, 10]:
        with Folder() as folder:
            fill(folder, ["x.csv"])
            old = contents(folder)
            ended = Run(["--model", TINY, "-c", f'prompt [5] | logits | save "{folder}/x.csv"'],
                        limits=[(resource.RLIMIT_FSIZE, kilobytes << 10)])
            check(ended.status == 1, f"files of {kilobytes} kB: status {ended.status}")
            check("File too large" in ended.messages, f"files of {kilobytes} kB: says {ended.messages!r}")
            check(contents(folder) == old, f"files of {kilobytes} kB: left {sorted(contents(folder))}")


def descriptors():
    """Closed descriptors, each combination: nothing is written to a file that was not named, no crash."""
    lines = ['"said"', "nope", "1 +", '!echo said', '1 | !cat', "help", f'load "{TINY}"; prompt [5, 6] | rank; lint']
    for mask in range(1, 8):
        closed = [number for number in range(3) if mask & 1 << number]
        for line in lines[:3] if SHORT else lines:
            with Folder() as folder:
                fill(folder, ["x.csv"])
                source = f'let t = read "{FACTS}"; t | save "{folder}/x.csv"; {line}'
                ended = Run(["-c", source], {"SUMMAND_HISTORY": f"{folder}/history"}, close=closed)
                what = f"closed {closed}, {line!r}"
                check(ended.status in STATUSES, f"{what}: status {ended.status}")
                if 1 in closed and line == '"said"':
                    check(ended.status == 1, f"{what}: status {ended.status}")
                syntax = line == "1 +"
                with open(os.path.join(folder, "x.csv")) as file:
                    text = file.read()
                check(text.startswith("old" if syntax else "subject,answer"), f"{what}: x.csv has {text[:80]!r}")
                check("said" not in text and "error" not in text, f"{what}: x.csv has what was printed")
                check(os.listdir(folder) == ["x.csv"], f"{what}: left {os.listdir(folder)}")
        if SHORT and mask not in (2, 7):
            continue
        with Hub("test/tiny") as hub, Folder() as home:
            ended = Run(["-c", "load test/tiny; nope"], hub.environment(home), close=closed)
            what = f"closed {closed}, a download"
            check(ended.status == 1, f"{what}: status {ended.status}: {ended.messages}")
            check_cache(home, what, clean=True)
            for path, data in contents(home).items():
                check(not data or "/.locks/" not in path, f"{what}: {path} has {data[:80]!r}")


PARTS = {
    "save": save, "history": history, "writers": writers_of_history, "download": download, "disk": disk,
    "memory": memory, "descriptors": descriptors,
}


def main():
    for name in NAMES:
        if name not in PARTS:
            sys.exit(f'torture: there is no part "{name}"\n  help: the parts are: {" ".join(PARTS)}')
    for name in NAMES or PARTS:
        start = time.monotonic()
        print(f"== {name}: {PARTS[name].__doc__}", file=sys.stderr)
        PARTS[name]()
        print(f"  {time.monotonic() - start:.1f} s", file=sys.stderr)
    if problems:
        sys.exit(f"torture: {len(problems)} things do not hold")
    print("What must hold holds.")


main()
