"""Manual pages in troff, from the tables and a hand-written part of each page. Pure; man/build writes the files.

A hand-written part holds sections beginning with `.SH`. OPTIONS and ENVIRONMENT are made here and stand behind DESCRIPTION
and whatever follows it, before EXIT STATUS.
"""

from __future__ import annotations

from mgpu_slurm import __version__
from mgpu_slurm.facts import cgroupkeys, confkeys, conflines, confmeaning, options, programs
from mgpu_slurm.intake.manual import spelling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence
    from typing import Any

    from mgpu_slurm.facts.option import Option

MARK = ".SH EXIT STATUS"
"""Before this line of a hand-written part stand the made sections."""


def escaped(text: str) -> str:
    """Text as troff prints it: a backslash and a minus stay what they are, no line begins with a control character."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def sentence(text: str) -> str:
    """A help text as a sentence."""
    return escaped(text[0].upper() + text[1:].rstrip(".")) + "."


def head(name: str, section: int, what: str) -> list[str]:
    """The lines that every page begins with."""
    title = name.upper().replace("-", "\\-")
    return [f'.TH {title} {section} "" "mgpu_slurm {__version__}"', ".SH NAME", f"{escaped(name)} \\- {escaped(what)}"]


def program_page(program: str, sections: str) -> str:
    """The page of a program; `sections` is its hand-written part."""
    what, form = programs.WHAT[program]
    before, _, after = sections.partition(MARK)
    lines = head(f"mgpu_{program}", 1, what)
    lines += [".SH SYNOPSIS", f".B mgpu_{program}", escaped(form), before.rstrip("\n")]
    verbs = programs.verbs(program)
    if verbs:
        lines.append(".SH COMMANDS")
        for left, right in verbs:
            lines += [".TP", f".B {escaped(left)}", sentence(right)]
    lines.append(".SH OPTIONS")
    found = programs.groups(program)
    for title, members in found:
        if len(found) > 1:
            lines.append(f".SS {escaped(title.rstrip(':'))}")
        for row, others in members:
            text = sentence(row.help)
            if others:
                text += f" Also as {' and '.join(escaped(f'--{name}') for name in others)}."
            lines += [".TP", f".B {escaped(spelling(row).strip())}", text]
    lines += environment(program)
    return finished([*lines, f"{MARK}{after.rstrip()}"])


def overview(sections: str) -> str:
    """mgpu(7), with all programs."""
    before, _, after = sections.partition(".SH WHICH CLUSTER")
    lines = [*head("mgpu", 7, "Slurm's commands for machines with GPUs"), before.rstrip("\n"), ".SH PROGRAMS"]
    for program, (what, _form) in programs.WHAT.items():
        lines += [".TP", f".BR mgpu_{program} (1)", sentence(what)]
    return finished([*lines, f".SH WHICH CLUSTER{after.rstrip()}"])


def environment(program: str) -> list[str]:
    """The section on variables that stand in for options; [] where none does."""
    named: dict[str, Option] = {}
    for row in programs.rows(program):
        if program in options.LETTER:
            found = row.variables(options.LETTER[program])
        else:
            found = [row.env] if isinstance(row.env, str) and row.env else []
        for variable in found:
            if row.group != "hidden":
                named.setdefault(variable, row)
    lines = [".SH ENVIRONMENT"] if named else []
    for variable, row in named.items():
        lines += [".TP", f".B {variable}", f"Stands in for {escaped(f'--{row.name}')}."]
    return lines


# --- mgpu.conf ------------------------------------------------------------------------------------------------------

KINDS: dict[str, str] = {
    "int": "number", "sec": "seconds", "usec": "microseconds", "most": "number", "min": "minutes", "mib": "MiB", "num": "number",
    "port": "port", "range": "port-port", "span": "time", "limit": "time", "bool": "YES|NO", "enum": "word", "flags": "list",
    "list": "list", "level": "level", "share": "word", "percent": "percent", "version": "year.month", "set": "numbers",
    "str": "text", "path": "path",
}  # fmt: skip
"""What a value of each kind of facts/confkeys.py is called."""


def conf_page(used: Container[str], sections: str) -> str:
    """mgpu.conf(5). `used` are the keys that something in the suite reads; the others are accepted and shown."""
    before, _, after = sections.partition(".SH FILES")
    lines = [*head("mgpu.conf", 5, "configuration of a cluster"), before.rstrip("\n"), ".SH KEYS"]
    for key, kind, default, reloadable, note in confkeys.KEYS:
        if key in used:
            more = "" if reloadable else "A change needs a restart."
            lines += _key(key, kind, default, note, confmeaning.KEYS.get(key, ""), more)
    for title, where, rows, meanings in (
        ("NODES", "On lines that begin with NodeName=:", conflines.NODE_KEYS, confmeaning.NODE_KEYS),
        ("PARTITIONS", "On lines that begin with PartitionName=:", conflines.PARTITION_KEYS, confmeaning.PARTITION_KEYS),
        ("GRES.CONF", "In the file gres.conf beside this one, a line for each kind of device:", conflines.GRES_KEYS,
         confmeaning.GRES_KEYS),
        ("CGROUP.CONF", "In the file cgroup.conf beside this one, where steps are to be kept to what they were given:",
         cgroupkeys.CGROUP_KEYS, cgroupkeys.MEANINGS),
    ):  # fmt: skip
        lines += [f".SH {title}", where]
        for key, _, kind, choices in rows:
            if key in meanings:
                lines += _key(key, kind, None, choices, meanings[key], "")
    silent = [key for key, *_ in confkeys.KEYS if key not in used]
    lines += [".SH KEYS WITHOUT EFFECT", "These of Slurm's keys are checked, shown by mgpu_scontrol show config, and do nothing:"]
    lines.append(escaped(", ".join(silent)) + ".")
    return finished([*lines, f".SH FILES{after.rstrip()}"])


def _key(key: str, kind: str, default: Any, note: Any, meaning: str, more: str) -> list[str]:
    text = [sentence(meaning)] if meaning else []
    if kind == "enum" and isinstance(note, tuple):
        text.append(f"One of {escaped(', '.join(note))}.")
    elif kind == "flags" and isinstance(note, tuple):
        text.append(f"Of {escaped(', '.join(note))}.")
    shown = default_text(default)
    if shown:
        text.append(f"Default: {escaped(shown)}.")
    if more:
        text.append(more)
    return [".TP", f'.BI {escaped(key)}= "{escaped(KINDS[kind])}"', " ".join(text)]


def default_text(default: Any) -> str:
    """A default as it would be written in the file; "" where there is none."""
    if default is None or default == () or default == "":
        return ""
    if isinstance(default, bool):
        return "YES" if default else "NO"
    if isinstance(default, tuple):
        return ",".join(map(str, default))
    if default in (-1, confkeys.HUGE):
        return "UNLIMITED"
    return str(default)


def finished(lines: Sequence[str]) -> str:
    """The page's text; one with tables says so in its first line."""
    text = "\n".join(lines) + "\n"
    return ("'\\\" t\n" if "\n.TS" in text else "") + text
