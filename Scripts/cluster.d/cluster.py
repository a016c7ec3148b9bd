"""cluster.py SUMMAND [NAME]...: what `Scripts/cluster-test` runs."""

import os, re, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
SUMMAND = os.path.abspath(sys.argv[1])

problems = []


def check(truth, text):
    if not truth:
        problems.append(text)
        print(f"  WRONG: {text}", file=sys.stderr, flush=True)
    return truth


TINY = os.path.join(REPOSITORY, "Tests", "ModelTests", "Fixtures", "tiny-gqa.F32.gguf")


def tiny(text):
    """The same with a tiny model, which starts at once. Its tokens are letters: answers are their first tokens."""
    return text.replace("smollm2", TINY).replace('country of}"', 'country of}" first')


def blocks():
    """The blocks of docs/clusters.md that have a name in the comment before them."""
    with open(os.path.join(REPOSITORY, "docs", "clusters.md")) as file:
        text = file.read()
    found = re.findall(r"<!-- ((?:run: )?[\w.]+) -->\n\n```\w+\n(.*?)```", text, re.S)
    return {name: tiny(block) for name, block in found}


BLOCKS = blocks()


class Folder:
    """A folder of its own with the files of the page, and Summand on the PATH."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="summand-cluster-")
        os.mkdir(self.file("bin"))
        os.symlink(SUMMAND, self.file("bin/summand"))
        os.symlink(os.path.join(REPOSITORY, "Examples"), self.file("Examples"))
        for name, text in BLOCKS.items():
            if not name.startswith("run: "):
                self.write(name, text)
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("SLURM_", "SUMMAND_", "JOB_COMPLETION"))}
        self.environment = dict(kept, PATH=self.file("bin") + ":" + os.environ["PATH"], SUMMAND_MODEL=TINY,
                                SUMMAND_HISTORY="", HF_HUB_OFFLINE="1")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name):
        return os.path.join(self.path, name)

    def write(self, name, text):
        with open(self.file(name), "w") as file:
            file.write(text)

    def read(self, name):
        try:
            with open(self.file(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def run(self, command, status=0, timeout=300, **environment):
        """Runs a text of sh, which must end with a status."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command], cwd=self.path, env=self.environment | environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
        check(ended.returncode == status, f"`{command}` ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
        return ended

    def start(self, command, **environment):
        return subprocess.Popen(
            ["bash", "-c", "exec " + command], cwd=self.path, env=self.environment | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # A shell has its background jobs ignore Ctrl-C, and whatever they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def chunks(self):
        """The files of the store `runs`."""
        return [name for _, _, names in os.walk(self.file("runs")) for name in names if name.endswith(".chunks")]


def whole(folder, name="whole.json"):
    folder.run(f"summand heads.summand shards=1 out={name}")
    return folder.read(name)


def wait_for(truth, what, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if truth():
            return True
        time.sleep(0.2)
    return check(False, f"{what}: not within {seconds} s")


# The parts

def parallel():
    """Under GNU parallel, as the page says it; in every format."""
    with Folder() as folder:
        expected = whole(folder)
        folder.run(BLOCKS["run: parallel"])
        check(folder.read("merged.json") == expected, "shards of GNU parallel differ from the whole")
        for ending in ["tsv", "ndjson", "parquet"]:
            folder.run(f"summand heads.summand shards=1 out=whole.{ending}")
            folder.run(f"summand -c 'merge \"out/*\" | save \"merged.{ending}\"'")
            check(folder.read(f"merged.{ending}") == folder.read(f"whole.{ending}"), f"{ending} differs")
        # Other numbers of shards, and the runs of the sweep divided.
        script = folder.read("heads.summand").decode()
        variants = re.sub(r"( \| shard of args\.shards)( \| ablate .*?)( \| effect)", r"\2\1\3", script)
        check(variants != script, "the script of the page has no shard before its sweep")
        folder.write("heads.summand", variants)
        for count in [3, 8]:
            shutil.rmtree(folder.file("out"))
            folder.run(f"mkdir out; seq {count} | parallel -j 2 SUMMAND_SHARD={{}}/{count} summand --threads 1 "
                       f"heads.summand shards={count} out=out/{{}}.parquet")
            folder.run("summand -c 'merge \"out/*\" | save \"merged.parquet\"'")
            check(folder.read("merged.parquet") == folder.read("whole.parquet"), f"{count} shards of runs differ")


LONG = tiny("""let country = facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}"
country | ablate each heads@* | effect | save "long.json"
""")


def killed():
    """A run with a store that TERM, INT or KILL ends goes on where it was."""
    with Folder() as folder:
        folder.write("long.summand", LONG)
        folder.run("summand long.summand")
        expected = folder.read("long.json")
        for number, status in [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)]:
            shutil.rmtree(folder.file("runs"), ignore_errors=True)
            os.unlink(folder.file("long.json"))
            process = folder.start("summand --store runs long.summand")
            wait_for(folder.chunks, "the first chunks of a store")
            process.send_signal(number)
            process.communicate(timeout=30)
            check(process.returncode == status, f"after {number.name} the status is {process.returncode}")
            # What was finished may be saved as a part.
            rows = folder.run("summand -c 'store \"runs\" | select rows' 2>/dev/null").stdout.split()[1:]
            done = sum(map(int, rows))
            check(done > 0, f"{number.name}: nothing is kept")
            ended = folder.run("summand --store runs long.summand")
            check(folder.read("long.json") == expected, f"{number.name}: the result differs")
            check("damaged" not in ended.stderr, f"{number.name}: {ended.stderr}")
        # Finished: only reading.
        start = time.monotonic()
        folder.run("summand --store runs long.summand")
        print(f"  a finished run again: {time.monotonic() - start:.1f} s", flush=True)
        check(folder.read("long.json") == expected, "the finished run differs")
        # Two at once.
        shutil.rmtree(folder.file("runs"))
        both = [folder.start("summand --store runs long.summand") for _ in range(2)]
        for process in both:
            process.communicate(timeout=300)
            check(process.returncode == 0, "one of two that share a store failed")
        check(folder.read("long.json") == expected, "two that share a store differ")
        # A full disk: what was kept stays.
        ended = folder.run("ulimit -f 8; exec summand --store full long.summand", status=4)
        check("cannot be written" in ended.stderr, f"a full disk says: {ended.stderr}")


def store():
    """All shards and the whole use one store."""
    with Folder() as folder:
        expected = whole(folder)
        folder.run(BLOCKS["run: store"])
        check(folder.read("merged.json") == expected, "the run after shards that share a store differs")


def kubernetes():
    """The manifest, and its command with the environment that each pod has."""
    import yaml

    with Folder() as folder:
        expected = whole(folder)
        job = yaml.safe_load(BLOCKS["heads.yaml"])
        spec = job["spec"]
        check((job["apiVersion"], job["kind"], spec["completionMode"]) == ("batch/v1", "Job", "Indexed"), "no indexed job")
        container = spec["template"]["spec"]["containers"][0]
        variables = {pair["name"]: pair["value"] for pair in container["env"]}
        for index in range(spec["completions"]):
            ended = subprocess.run(
                container["command"] + container["args"], cwd=folder.path, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, env=folder.environment | variables | {"JOB_COMPLETION_INDEX": str(index)})
            check(ended.returncode == 0, f"pod {index} ended with {ended.returncode}: {ended.stderr}")
        folder.run("summand -c 'merge \"out/*\" | save \"merged.json\"'")
        check(folder.read("merged.json") == expected, "shards of Kubernetes differ from the whole")
        # A pod too many, and none at all.
        folder.run("summand heads.summand out=none.json", status=1, JOB_COMPLETION_INDEX=str(spec["completions"]))
        folder.run("summand heads.summand out=none.json", status=1)


PARTS = {"parallel": parallel, "killed": killed, "store": store, "kubernetes": kubernetes}


def main():
    from slurm import slurm
    from scale import scale

    parts = PARTS | {"slurm": slurm, "scale": scale}
    names = sys.argv[2:] or [name for name in parts if name != "scale"]
    for name in names:
        if name not in parts:
            sys.exit(f"cluster-test: there is no part '{name}': " + ", ".join(parts))
        start = time.monotonic()
        print(f"{name} …", flush=True)
        parts[name]()
        print(f"  {time.monotonic() - start:.0f} s", flush=True)
    if problems:
        sys.exit(f"cluster-test: {len(problems)} checks failed")


if __name__ == "__main__":
    # The parts in other files take this module, not a second one of it.
    sys.modules["cluster"] = sys.modules["__main__"]
    main()
