"""Texts made from the options tables: --help, --usage, --version, man pages, shell completion. Pure."""

from __future__ import annotations

from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import NONE, OPTIONAL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from mgpu_slurm.facts.option import Option

_COLUMN = 32
_WIDTH = 79

# What the placeholder after an option is called, by kind of value.
_PLACES = {
    "positive": "N", "natural": "N", "nodes": "N[-M]", "memory": "SIZE", "minutes": "TIME", "instant": "WHEN", "dir": "PATH",
    "file": "FILE", "nodefile": "FILE", "hosts": "HOSTS", "gres": "LIST", "gpus": "[TYPE:]N", "signal": "SPEC", "uid": "USER",
    "gid": "GROUP", "jobid": "JOBID", "distribution": "WAY", "immediate": "SECONDS", "nice": "N", "group_list": "LIST",
    "mail_type": "LIST", "sct": "S[:C[:T]]", "switches": "N[@TIME]", "delay": "MINUTES", "kill_signal": "SIGNAL",
    "priority": "N", "zero_one": "0|1", "bad_exit": "0|1", "yes_no": "yes|no", "send_libs": "yes|no",
}  # fmt: skip

_WHAT = {
    "sbatch": ("submit a batch job", "[options] [script [argument...]]"),
    "srun": ("run a program in parallel, in an allocation of its own or in the job around it", "[options] program [argument...]"),
    "salloc": ("get an allocation and run a command in it", "[options] [command [argument...]]"),
}


def version(compat: tuple[int, int]) -> str:
    """The line of --version: the Slurm whose texts and rules are followed."""
    return f"slurm {compat[0]}.{compat[1]:02d}.{8 if compat == (22, 5) else 0}\n"


def matching(rows: Iterable[Option], text: str) -> str:
    """The options whose name contains `text`, one a line (--autocomplete)."""
    return "".join(f"--{row.name}\n" for row in rows if row.group != "hidden" and text.removeprefix("--") in row.name)


def spelling(row: Option) -> str:
    """`-t, --time=TIME`."""
    place = _PLACES.get(row.kind, "TEXT")
    argument = "" if row.arg == NONE else f"[={place}]" if row.arg == OPTIONAL else f"={place}"
    return (f"-{row.letter}, " if row.letter else "    ") + f"--{row.name}{argument}"


def usage(command: str) -> str:
    """The shortest description of a command."""
    return f"Usage: {command} {_WHAT[command][1]}\nTry \"{command} --help\" for the options.\n"


def help_text(command: str) -> str:
    """All options of a command by group."""
    what, form = _WHAT[command]
    return listing(f"Usage: {command} {form}\n\n{what[0].upper()}{what[1:]}.\n", options.of(command), options.GROUPS)


def listing(head: str, rows: Iterable[Option], groups: Iterable[tuple[str, str]]) -> str:
    """A help text: `head`, then a paragraph for each group that has rows."""
    rows = tuple(rows)
    paragraphs = [head]
    for group, title in groups:
        lines = [line for row in rows if row.group == group for line in _entry(row)]
        if lines:
            paragraphs.append(title + "\n" + "".join(f"{line}\n" for line in lines))
    return "\n".join(paragraphs)


def _entry(row: Option) -> list[str]:
    left = f"  {spelling(row)}"
    words = row.help.split()
    lines: list[str] = []
    line = f"{left:{_COLUMN}}" if len(left) < _COLUMN else ""
    if not line:
        lines.append(left)
        line = " " * _COLUMN
    for word in words:
        if len(line) + len(word) > _WIDTH:
            lines.append(line.rstrip())
            line = " " * _COLUMN
        line += word + " "
    lines.append(line.rstrip())
    return lines


def man_page(command: str) -> str:
    """The options section and the environment section of a manual page, in troff."""
    letter = options.LETTER[command]
    rows = [row for row in options.of(command) if row.group != "hidden"]
    lines = [f'.TH MGPU_{command.upper()} 1', ".SH NAME", f"mgpu_{command} \\- {_WHAT[command][0]}", ".SH SYNOPSIS"]
    lines += [f"mgpu_{command} {_WHAT[command][1]}", ".SH OPTIONS"]
    for group, title in options.GROUPS:
        lines.append(f".SS {title.rstrip(':')}")
        for row in rows:
            if row.group == group:
                lines += [".TP", ".B " + spelling(row).strip().replace("-", "\\-"), _sentence(row.help)]
    lines.append(".SH ENVIRONMENT")
    for row in rows:
        for variable in row.variables(letter):
            lines += [".TP", f".B {variable}", f"Stands in for \\-\\-{row.name}."]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:].replace("-", "\\-") + "."


def completion(command: str) -> str:
    """A bash completion for the long options of a command."""
    names = " ".join(f"--{row.name}" for row in options.of(command) if row.group != "hidden")
    return (
        f'_mgpu_{command}() {{ case "${{COMP_WORDS[COMP_CWORD]}}" in\n'
        f'  -*) COMPREPLY=($(compgen -W "{names}" -- "${{COMP_WORDS[COMP_CWORD]}}"));;\n'
        f'  *) COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}"));;\nesac; }}\n'
        f"complete -o default -F _mgpu_{command} {command} mgpu_{command}\n"
    )
