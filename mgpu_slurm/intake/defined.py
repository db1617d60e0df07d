"""What -v begins with: the options that were given, in header, environment or on the command line, and their values.

One table for each component, in Slurm's order and form; measured on 22.05.8. Read only where somebody asked for it.
"""

from __future__ import annotations

from mgpu_slurm.base import units
from mgpu_slurm.base.bindwords import MemBind, bare, sub_options
from mgpu_slurm.facts import environ_requests, options
from mgpu_slurm.intake import bindings, merge, values, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mgpu_slurm.facts.option import Option
    from mgpu_slurm.intake.values import Reading

_RULE = "-------------------- --------------------"
_NAMELESS = "(null)"
"""What only a variable says has no name in Slurm's list."""

_OTHER_NAMES = {"tasks-per-node": "ntasks-per-node", "cpu_bind": "cpu-bind"}


def table(choices: merge.Choices, reading: Reading, group: int | None, later: bool) -> list[str]:
    """The lines, without the program's name. `group`: the component of a heterogeneous job that srun's is for; `later`: it is
    not the first one on its command line."""
    found = [f"{name:<20}: {text}" for name, text in _nameless(choices, reading, group)]
    for row in options.of(reading.command):
        if row.kind == "group_list":
            continue
        text = _value(row, choices, reading)
        if row.name == "mpi" and text is None and later:
            text = "none"
        if text is not None:
            found.append(f"{_OTHER_NAMES.get(row.name, row.name):<20}: {text}")
        if row.name == "mail-user" and choices.has(".debugger_test"):
            found.append(f"{'threads':<20}: 1")  # it sets these as well
        if row.name == "mpi" and choices.has(".debugger_test"):
            found.append(f"{'msg-timeout':<20}: 1")
    return ["defined options", _RULE, *found, _RULE, "end of defined options"]


def _nameless(choices: merge.Choices, reading: Reading, group: int | None) -> list[tuple[str, str]]:
    found = []
    nodes = reading.environ.get("SLURM_JOB_NODELIST")
    if group is not None:
        nodes = reading.environ.get(f"SLURM_JOB_NODELIST_HET_GROUP_{group}", nodes)
    if reading.command == "srun" and nodes is not None:
        found.append((_NAMELESS, nodes))
    number, seconds = choices.fields.get("switches"), choices.fields.get("switches_wait")
    if number is not None and number.source == merge.ENVIRONMENT:
        found.append((_NAMELESS, str(number.value)))
    if seconds is not None and seconds.source == merge.ENVIRONMENT and isinstance(seconds.value, int):
        found.append((_NAMELESS, units.format_elapsed(seconds.value)))
    return found


def _value(row: Option, choices: merge.Choices, reading: Reading) -> str | None:
    """An option's value as it is shown, None where it was not given."""
    fields = [f"other:{row.name}"] if row.sets == "other" else row.sets.split(",")
    given = [choices.fields.get(field) for field in fields]
    if all(choice is None or choice.name != row.name for choice in given):
        return None
    if row.kind == "switches" and all(choice is None or choice.source == merge.ENVIRONMENT for choice in given):
        return None
    own = [choice.value if choice is not None and choice.name == row.name else None for choice in given]
    text = next(choice.text for choice in given if choice is not None and choice.name == row.name) or ""
    shown = _BY_NAME.get(row.name) or _BY_KIND.get(row.kind)
    return text if shown is None else shown(own, text, reading)


def _memory(own: list[object], text: str, reading: Reading) -> str:
    size = own[0]
    return units.format_mem(size).removesuffix("M") if isinstance(size, int) and size else "0?"


def _number(own: list[object], text: str, reading: Reading) -> str:
    return str(own[0] or 0)


def _as_read(own: list[object], text: str, reading: Reading) -> str:
    return str(own[0])


def _limit(own: list[object], text: str, reading: Reading) -> str:
    return units.format_time_limit(own[0]) if isinstance(own[0], int) else text


def _delay(own: list[object], text: str, reading: Reading) -> str:
    seconds = values.seconds_of(text, 60)
    return "UNLIMITED" if seconds in (None, values.UNLIMITED) else units.format_elapsed(seconds or 0)


def _instant(own: list[object], text: str, reading: Reading) -> str:
    return units.format_time(own[0]) if isinstance(own[0], (int, float)) else text


def _stream(own: list[object], text: str, reading: Reading) -> str:
    if text.lower() == "none":
        return "/dev/null"
    return text if reading.command == "srun" or text.startswith("/") else f"{reading.cwd}/{text}"


def _cpu_bind(own: list[object], text: str, reading: Reading) -> str:
    last = sub_options(text.lower())[-1:]
    kind, colon, numbers = last[0].partition(":") if last else ("", "", "")
    if not colon:
        return _NAMELESS
    return bare(numbers) if kind.startswith("mask_") else numbers


def _mem_bind(own: list[object], text: str, reading: Reading) -> str:
    return MemBind(text).text() or "unset"


def _geometry(own: list[object], text: str, reading: Reading) -> str:
    if own == [None, None, None]:
        return "unset"
    first, *rest = own
    return ("" if first is None else str(first)) + "".join(f":{number}" for number in rest if number is not None)


def _nodes(own: list[object], text: str, reading: Reading) -> str:
    least, most = own
    return str(least) if most in (None, least) else f"{least}-{most}"


def _gres(own: list[object], text: str, reading: Reading) -> str:
    if text.lower() == "none":
        return text
    return ",".join(word if word.startswith("gres:") else f"gres:{word}" for word in text.split(","))


def _signal_name(number: object) -> str:
    return next((name for name, known in words.SIGNALS.items() if known == number), str(number))


def _signal(own: list[object], text: str, reading: Reading) -> str:
    number, seconds, flags = own
    letters = "".join(letter for letter in "RB" if letter in str(flags or ""))
    shown = _signal_name(number) + (f"@{seconds}" if seconds != 60 else "")
    return f"{letters}:{shown}" if letters else shown


def _switches(own: list[object], text: str, reading: Reading) -> str:
    number, seconds = own
    return f"{number}@{units.format_elapsed(seconds)}" if isinstance(seconds, int) else str(number)


def _fixed(word: str) -> Callable[[list[object], str, Reading], str]:
    return lambda own, text, reading: word


_BY_KIND: dict[str, Callable[[list[object], str, Reading], str]] = {
    "accel_bind": lambda own, text, reading: "".join(letter for letter in "vgn" if letter in text),
    "bad_exit": _number,
    "compress": _as_read,
    "count": _number,
    "cpu_bind": _cpu_bind,
    "cpu_freq": lambda own, text, reading: environ_requests.frequency(text),
    "delay": _delay,
    "dir": _as_read,
    "exclusive": _as_read,
    "flag": _fixed("set"),
    "gres": _gres,
    "gid": _number,
    "immediate": _number,
    "instant": _instant,
    "kill_signal": lambda own, text, reading: _signal_name(own[0]),
    "log_level": lambda own, text, reading: words.LOG_LEVELS[own[0]] if isinstance(own[0], int) else text,
    "mail_type": _as_read,
    "mem_bind": _mem_bind,
    "memory": _memory,
    "minutes": _limit,
    "natural": _number,
    "nice": _number,
    "no_kill": lambda own, text, reading: "set" if own[0] else "unset",
    "nodes": _nodes,
    "mpi": lambda own, text, reading: bindings.mpi_type(text),
    "open_mode": _as_read,
    "positive": _number,
    # printed as a number with a sign
    "priority": lambda own, text, reading: str((int(str(own[0])) + (1 << 31)) % (1 << 32) - (1 << 31)),
    "power": lambda own, text, reading: str(own[0]).upper() or "unset",
    "profile": lambda own, text, reading: environ_requests.profile(text),
    "propagate": _as_read,
    "resv_ports": lambda own, text, reading: text or "0",
    "sct": _geometry,
    "send_libs": lambda own, text, reading: "set" if own[0] else _NAMELESS,
    "signal": _signal,
    "stream": _stream,
    "switches": _switches,
    "threads": _number,
    "uid": _number,
    "user_env": lambda own, text, reading: text or "0",
    "x11": lambda own, text, reading: "unset" if own[0] == "none" else str(own[0]),
    "yes_no": lambda own, text, reading: text.lower(),
    "zero_one": _number,
}
"""What is shown for a kind of value, from the fields that were set, as typed and as read; else the text as it was typed."""

_BY_NAME: dict[str, Callable[[list[object], str, Reading], str]] = {
    "bcast": lambda own, text, reading: text or "set",
    "external-launcher": _fixed("set"),
    "bell": _fixed("bell-always"),
    "no-bell": _fixed("bell-never"),
    "no-requeue": _fixed("no-requeue"),
    "overlap": _fixed("set"),
    "oversubscribe": _fixed("oversubscribe"),
    "pty": _fixed("set"),
    "requeue": _fixed("requeue"),
}
"""Options whose value is told otherwise than their kind's."""
