"""Simulated scale: 10,000 shards merged, a store with 1,000,000 runs."""

import hashlib, json, os, re, subprocess, time

from cluster import Folder, check

PROMPTS = 10_000
SHARDS = 10_000


def measured(folder, command):
    """Runs a command; its seconds, and its memory at its peak in MB."""
    start = time.monotonic()
    process = subprocess.Popen(["bash", "-c", "exec " + command], cwd=folder.path, env=folder.environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, messages = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    check(process.returncode == 0, f"`{command}` ended with {process.returncode}: {messages.decode()}")
    return time.monotonic() - start, usage.ru_maxrss / 1024, output


def text(value):
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def split(document, count):
    """The files of the shards of a saved table with one row a prompt, as `save` writes them."""
    head, rows = document.split('  "data": [\n', 1)
    rows = [row.rstrip(",") for row in rows.split("\n  ]\n")[0].split("\n")]
    line = re.search(r'^    "prompts": (.*),$', head, re.M)
    prompts = [text(prompt) for prompt in json.loads(line[1])]
    check("[" + ", ".join(prompts) + "]" == line[1], "prompts are not written as Python writes them")
    digest = hashlib.sha256("".join(prompt + "\n" for prompt in prompts).encode()).hexdigest()
    edits = re.search(r'^    "edits": .*$', head, re.M)[0]
    for number in range(1, count + 1):
        own = range(number - 1, len(prompts), count)
        record = {"number": number, "of": count, "divides": "prompts", "stages": ["rank"], "measure": "rank",
                  "rows": [[len(own), 1]], "prompts": len(prompts), "prompts_sha256": digest, "places": list(own)}
        listed = "[" + ", ".join(prompts[place] for place in own) + "]"
        yield (head.replace(line[0], f'    "prompts": {listed},').replace(edits, f'{edits},\n    "shard": {text(record)}')
               + '  "data": [\n' + ",\n".join(rows[place] for place in own) + "\n  ]\n}\n")


def scale():
    with Folder() as folder:
        folder.write("facts.tsv", "subject\tanswer\n" + "".join(f"s{i}\tb\n" for i in range(PROMPTS)))
        facts = 'facts "facts.tsv" "the {subject} is a" exact'
        folder.write("scale.summand", f'let set = {facts}\nset | rank | save "whole.json"\n'
                     f'set | shard 7 of {SHARDS} | rank | save "seventh.json"\n')
        folder.run("summand scale.summand")
        os.mkdir(folder.file("out"))
        for number, content in enumerate(split(folder.read("whole.json").decode(), SHARDS), 1):
            folder.write(f"out/{number}.json", content)
        check(folder.read("out/7.json") == folder.read("seventh.json"), "the simulated files are not those of `save`")
        seconds, megabytes, _ = measured(folder, "summand -c 'merge \"out/*\" | save \"merged.json\"'")
        print(f"  {SHARDS:,} shards merged: {seconds:.1f} s, {megabytes:.0f} MB", flush=True)
        check(seconds < 60 and megabytes < 500, "merging takes too much")
        check(folder.read("merged.json") == folder.read("whole.json"), "merged shards differ from the whole")

        parts = 20
        folder.write("runs.summand", f'let set = {facts}\nfor n in 1..{parts} {{\n'
                     f'  set | shard $n of {parts} | ablate each heads@* | effect | save "part-\\(n).json"\n}}\n')
        first, megabytes, _ = measured(folder, "summand runs.summand")
        print(f"  without a store: {first:.1f} s, {megabytes:.0f} MB", flush=True)
        expected = folder.read("part-3.json")
        kept, megabytes, _ = measured(folder, "summand --store runs runs.summand")
        print(f"  with a new store: {kept:.1f} s, {megabytes:.0f} MB, {len(folder.chunks())} files", flush=True)
        again, megabytes, _ = measured(folder, "summand --store runs runs.summand")
        print(f"  finished, again: {again:.1f} s, {megabytes:.0f} MB", flush=True)
        check(folder.read("part-3.json") == expected, "a finished run differs")
        seconds, megabytes, output = measured(folder, "summand -c 'store \"runs\"'")
        rows = sum(int(line.split("\t")[2]) for line in output.decode().splitlines()[1:])
        print(f"  {rows:,} runs listed: {seconds:.1f} s, {megabytes:.0f} MB", flush=True)
        check(rows >= 1_000_000 and seconds < 10, "listing takes too long")
