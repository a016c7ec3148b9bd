"""What jinja2 makes of chat templates with transformers' settings: the templates of `cases.py`, which use every
construct that published ones have been seen to use, and those of GGUF files that are given.

    python -m chat.templates [MODEL.gguf]       writes chat-templates.json
    python -m chat.templates --folder FOLDER    holds Summand against jinja2 on templates of a folder

A case of the file is a template, a conversation and what comes of them: a `text`, the `refusal` of `raise_exception`,
or `"text": null` for any other error. `apply_chat_template` hands over `tools`, `documents` and `add_generation_prompt`.

With `--folder`, every file below it is a template (`.jinja`, `.txt`), or has one (`tokenizer_config.json`, `.gguf`).
Each is put into a copy of a tiny model, and Summand is asked for the text of the same conversations. SUMMAND is the
program, `.build/debug/summand` by default.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import jinja2
from transformers.utils.chat_template_utils import _compile_jinja_template

from chat.cases import CASES, CONVERSATIONS, DATE
from oracle.folders import FIXTURES, ROOT

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def rendered(template, messages, tokens=TOKENS, **more):
    """`render_jinja_template`, without what it does to tools, on the day `DATE`."""
    try:
        compiled = _compile_jinja_template(template)
        compiled.environment.globals["strftime_now"] = DATE.strftime
        values = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": True}
        return {"text": compiled.render(**{**values, **tokens, **more})}
    except jinja2.exceptions.TemplateError as error:
        if type(error) is jinja2.exceptions.TemplateError:
            return {"refusal": str(error)}
        return {"text": None}
    except Exception:
        return {"text": None}


def metadata(path, keys=("tokenizer.chat_template",)):
    """Texts of a GGUF file's metadata."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    return {name: bytes(f.parts[f.data[0]]).decode() for name, f in fields.items() if name.startswith(keys)}


def write(models):
    cases = []
    for name, template, conversation in CASES:
        cases.append({"name": name, "template": template, "conversation": conversation}
                     | rendered(template, CONVERSATIONS[conversation]))
    for path in models:
        template = metadata(path)["tokenizer.chat_template"]
        tokens = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
        for name, messages in CONVERSATIONS.items():
            cases.append({"name": f"smollm2: {name}", "template": template, "conversation": name, "tokens": tokens}
                         | rendered(template, messages, tokens))
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    head = {"date": str(DATE.date()), "tokens": TOKENS, "conversations": CONVERSATIONS}
    head = json.dumps(head, ensure_ascii=False)[:-1]
    (FIXTURES / "chat-templates.json").write_text(f'{head}, "cases": [\n{lines}\n]}}\n')
    counts = [sum(key in case and case[key] is not None for case in cases) for key in ("text", "refusal")]
    print(f"{len(cases)} cases: {counts[0]} texts, {counts[1]} refusals, {len(cases) - sum(counts)} errors")


# Published templates


def published(folder):
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix in (".jinja", ".txt"):
            yield path, path.read_text(encoding="utf-8")
        elif path.name == "tokenizer_config.json":
            template = json.loads(path.read_text()).get("chat_template")
            if isinstance(template, list):
                template = {item["name"]: item["template"] for item in template}.get("default")
            if template:
                yield path, template
        elif path.suffix == ".gguf":
            template = metadata(path).get("tokenizer.chat_template")
            if template:
                yield path, template


def check(folder):
    program = os.environ.get("SUMMAND", ROOT / ".build/debug/summand")
    agree, differ = 0, []
    with tempfile.TemporaryDirectory() as scratch:
        for path, template in published(folder):
            wrong = disagreements(program, Path(scratch), template)
            agree += not wrong
            if wrong:
                differ.append(f"{path.name}: {', '.join(wrong)}")
    print("\n".join(differ))
    print(f"{agree} of {agree + len(differ)} templates agree on {len(CONVERSATIONS)} conversations")
    sys.exit(1 if differ else 0)


def disagreements(program, scratch, template):
    """The conversations that the tiny model with this template reads as another text than jinja2 makes, or refuses
    where jinja2 does not, or the reverse."""
    model = with_template(FIXTURES / "tiny-gqa.F32.gguf", scratch / "model.gguf", template)
    tokens = tokens_of(model)
    wanted = {name: rendered(template, messages, tokens).get("text") for name, messages in CONVERSATIONS.items()}

    def run(names):
        lines = [f'{line(CONVERSATIONS[name])} | save "{scratch}/{name}.json"' for name in names]
        return subprocess.run([program, "--model", model, "-c", "\n".join(lines)], capture_output=True, text=True,
                              env=os.environ | {"SOURCE_DATE_EPOCH": str(int(DATE.timestamp()))})

    fine = [name for name in wanted if wanted[name]]
    found = {}
    # All at once; one by one to see which fails.
    first = run(fine)
    for names in [fine] if first.returncode == 0 else [[name] for name in fine]:
        result = first if first.returncode == 0 else run(names)
        for name in names if result.returncode == 0 else []:
            found[name] = json.loads((scratch / f"{name}.json").read_text())["provenance"]["prompts"][0]["text"]
        if result.returncode != 0:
            print(result.stderr.split("\n")[0], file=sys.stderr)
    refused = [name for name in wanted if not wanted[name] and run([name]).returncode != 0]
    return [name for name in wanted if (found.get(name) != wanted[name] if wanted[name] else name not in refused)]


def line(messages):
    """The line that makes a prompt of a conversation."""
    def text(content):
        return json.dumps(content, ensure_ascii=False).replace("{", "{{").replace("}", "}}")

    system = [f"system {text(m['content'])} " for m in messages if m["role"] == "system"]
    return f"chat {''.join(system)}[{', '.join(text(m['content']) for m in messages if m['role'] != 'system')}]"


def with_template(source, target, template):
    """A copy of a GGUF file with one more key, which is the first."""
    data = source.read_bytes()
    magic, version, tensors, keys = struct.unpack_from("<IIQQ", data)
    key, text = b"tokenizer.chat_template", template.encode()
    entry = struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(text)) + text
    # What follows the header must stay aligned: a key of nothing fills up.
    padding = -(len(entry) + 8 + 7 + 12) % 32
    entry += struct.pack("<Q", 7) + b"padding" + struct.pack("<IQ", 8, padding) + b" " * padding
    target.write_bytes(struct.pack("<IIQQ", magic, version, tensors, keys + 2) + entry + data[24:])
    return target


def tokens_of(path):
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    names = {"bos": "bos", "eos": "eos", "unknown": "unk", "padding": "pad"}
    tokens = fields["tokenizer.ggml.tokens"]
    return {f"{short}_token": bytes(tokens.parts[tokens.data[int(fields[key].parts[-1][0])]]).decode()
            for name, short in names.items() if (key := f"tokenizer.ggml.{name}_token_id") in fields}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--folder"]:
        check(sys.argv[2])
    else:
        write(sys.argv[1:])
