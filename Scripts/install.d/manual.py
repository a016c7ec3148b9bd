"""From what `summand --experimental-dump-help` prints, on standard input, and what `summand --help` prints, as the
argument, to a manual page in roff."""

import json
import sys


def roff(text: str) -> str:
    """`text` as it is, whatever of it roff would take for its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\n".join("\\&" + line if line.startswith(".") else line for line in text.split("\n"))


def paragraphs(text: str) -> str:
    return "\n.PP\n".join(roff(part) for part in text.strip().split("\n\n"))


def spelled(name: dict) -> str:
    return ("-" if name["kind"] == "short" else "--") + name["name"]


def option(argument: dict) -> str:
    names = ", ".join(f"\\fB{roff(spelled(name))}\\fR" for name in argument.get("names", []))
    value = argument.get("valueName", "")
    if argument["kind"] == "positional":
        head = f"\\fI{roff(value)}\\fR"
    elif argument["kind"] == "option":
        head = f"{names} \\fI{roff(value)}\\fR"
    else:
        head = names
    return f".TP\n{head}\n{roff(argument.get('abstract', ''))}"


def page(tool: dict) -> str:
    command = tool["command"]
    usage = sys.argv[1].split("USAGE: ")[1].split("\n\n")[0].replace("\n       ", "\n")
    parts = [
        '.TH SUMMAND 1 "" "" "User Commands"',
        f".SH NAME\nsummand \\- {roff(command['abstract'])}",
        ".SH SYNOPSIS\n.nf\n" + roff(usage) + "\n.fi",
        ".SH DESCRIPTION\n" + paragraphs(command["discussion"]),
        ".SH OPTIONS",
        *(option(argument) for argument in command["arguments"] if argument.get("shouldDisplay", True)),
    ]
    for tool in command.get("subcommands", []):
        if tool["commandName"] == "help":
            continue
        parts += [
            f".SH SUMMAND {tool['commandName'].upper()}\n{paragraphs(tool['abstract'])}",
            ".PP\n" + paragraphs(tool.get("discussion", "")),
            *(option(argument) for argument in tool["arguments"] if argument.get("shouldDisplay", True)),
        ]
    parts.append(".SH SEE ALSO\nAt the prompt, \\fBhelp\\fR lists the commands of the language.")
    return "\n".join(parts) + "\n"


sys.stdout.write(page(json.load(sys.stdin)))
