"""scontrol create, update and delete of partitions: what can be said against the words before the controller sees them."""

from __future__ import annotations

from mgpu_slurm.base import units
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.facts.queries.scontrol_keys import BINDINGS, PARTITION_KEYS, PARTITION_STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mgpu_slurm.commands.scontrol import Desk

Changes = list[tuple[str, str]]
UNBOUND = ("infinite", "unlimited")
SHORT = 65534


class _Wrong(Exception):
    """A word that cannot be; its text is the complaint."""


def create(desk: Desk, rest: Sequence[str]) -> None:
    try:
        name, changes = read(desk, rest)
    except _Wrong as problem:
        desk.complain(f"{problem}")
        return
    try:
        send(desk, "create", name, changes)
    except SlurmError as error:
        desk.complain(f"Error creating the partition: {error.text}")


def update(desk: Desk, rest: Sequence[str]) -> None:
    try:
        name, changes = read(desk, rest)
    except _Wrong as problem:
        desk.complain(f"{problem}")
        desk.complain("slurm_update error: No error")
        return
    if not changes:
        if not desk.status:
            desk.complain("scontrol: error: No changes specified")
        return
    try:
        send(desk, "update", name, changes)
    except SlurmError as error:
        desk.complain(f"slurm_update error: {error.text}")


def send(desk: Desk, action: str, name: str, changes: Changes) -> None:
    """Raises SlurmError."""
    sent = [list(change) for change in changes]
    desk.session().call({"kind": "update", "what": "partition", "name": name, "changes": sent, "action": action})


def read(desk: Desk, words: Sequence[str]) -> tuple[str, Changes]:
    """The name and the changes under the controller's names. Raises _Wrong with the text of the complaint."""
    name, changes = "", []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            raise _Wrong(f"scontrol: error: Invalid input: {word}  Request aborted")
        found = _meant(key)
        if found is None:
            text = f"scontrol: error: Update of this parameter is not supported: {word}"
            raise _Wrong(f"{text}\n\nscontrol: error: Request aborted")
        shown, kind = found
        if kind == "name":
            name = text
            continue
        value = _READERS[kind](shown, word, text)
        if value is None:
            # a count that cannot be is said and left out; the rest is still sent
            if kind == "nodes_least":
                desk.streams.err.write(f'scontrol: error: "{text}" is not a valid node count\n')
            else:
                desk.complain(f'scontrol: error: Invalid numeric value "{text}" for {shown}.')
            continue
        changes.append((shown.lower(), value))
    return name, changes


def _meant(key: str) -> tuple[str, str] | None:
    """The key's full name and the kind of its value."""
    lowered = key.lower()
    for name, least, kind in PARTITION_KEYS:
        if len(lowered) >= least and name.lower().startswith(lowered):
            return name, kind
    return None


def _text(name: str, word: str, text: str) -> str:
    return text


def _yes(name: str, word: str, text: str) -> str:
    found = next((one for one in ("yes", "no") if text and one.startswith(text.lower())), None)
    if found is None:
        raise _Wrong(f"scontrol: error: Invalid input: {word}\nscontrol: error: Acceptable {name} values are YES and NO")
    return found


def _state(name: str, word: str, text: str) -> str:
    found = next((one for one in PARTITION_STATES if text and one.startswith(text.upper())), None)
    if found is None:
        raise _Wrong(
            f"scontrol: error: Invalid input: {word}\n"
            "scontrol: error: Acceptable State values are UP, DOWN, DRAIN and INACTIVE"
        )
    return found


def _sharing(name: str, word: str, text: str) -> str:
    kind, colon, count = text.partition(":")
    found = next((one for one in ("no", "exclusive", "yes", "force") if kind and one.startswith(kind.lower())), None)
    if found is None or (colon and (found in ("no", "exclusive") or not count.isdecimal())):
        raise _Wrong(
            f"scontrol: error: Invalid input: {word}\n"
            "scontrol: error: Acceptable OverSubscribe values are NO, EXCLUSIVE, YES:#, and FORCE:#"
        )
    return found + colon + count


def _duration(name: str, word: str, text: str) -> str:
    try:
        if text.lower() not in (*UNBOUND, "-1"):
            units.parse_minutes(text)
    except ValueError:
        raise _Wrong(f"scontrol: error: Invalid input {word}") from None
    return text


def _over_time(name: str, word: str, text: str) -> str:
    if text.lower() not in UNBOUND and not text.isdecimal():
        raise _Wrong(f"scontrol: error: Invalid {name} value: {text}")
    return text


def _number(name: str, word: str, text: str) -> str:
    if not text.isdecimal():
        raise _Wrong(f"scontrol: error: Invalid {name} value: {text}")
    return text


def _short(name: str, word: str, text: str) -> str:
    """A number of 16 bits, of which the two largest mean something else."""
    if not text.isdecimal() or int(text) >= SHORT:
        raise _Wrong(f"scontrol: error: Invalid {name} value: {text}")
    return text


def _binding(name: str, word: str, text: str) -> str:
    found = BINDINGS.get(text.lower())
    if found is None and text:
        raise _Wrong(f"scontrol: error: Invalid input {word}")
    return found or ""


def _most(name: str, word: str, text: str) -> str:
    return text if text.lower() in UNBOUND else _number(name, word, text)


def _nodes(name: str, word: str, text: str) -> str | None:
    return text if text.isdecimal() or text.lower() in UNBOUND else None


def _preemption(name: str, word: str, text: str) -> str:
    if not set(text.lower().split(",")) <= {"off", "cancel", "gang", "requeue", "suspend", "within"}:
        raise _Wrong(f"scontrol: error: Invalid input: {word}")
    return text


_READERS: dict[str, Callable[[str, str, str], str | None]] = {
    "text": _text,
    "yes": _yes,
    "state": _state,
    "sharing": _sharing,
    "duration": _duration,
    "over_time": _over_time,
    "number": _number,
    "short": _short,
    "binding": _binding,
    "most": _most,
    "nodes_most": _nodes,
    "nodes_least": _nodes,
    "preemption": _preemption,
}
