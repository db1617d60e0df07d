"""scontrol update of nodes: what can be said against the words before the controller sees them."""

from __future__ import annotations

from mgpu_slurm.commands.scontrol_update import row_of, send, unsupported
from mgpu_slurm.facts.queries.scontrol_keys import (
    BINDINGS,
    LATER_NODE_KEYS,
    NODE_KEYS,
    NODE_STATES,
    NODE_STATES_TEXT,
    STATE_LETTERS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgpu_slurm.commands.scontrol import Desk

    Changes = list[tuple[str, str]]

MOST_WEIGHT = 4294967280


def update(desk: Desk, rest: Sequence[str]) -> None:
    found = read(desk, rest)
    if found is not None:
        send(desk, "node", *found)


def read(desk: Desk, words: Sequence[str]) -> tuple[str, Changes] | None:
    """The nodes and the changes under the controller's names; None after a complaint."""
    name, sent = "", []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            desk.complain(f"scontrol: error: Invalid input: {word}  Request aborted")
            desk.complain("slurm_update error: No error")
            return None
        row = row_of(key, NODE_KEYS)
        if row is None or desk.session().compat < LATER_NODE_KEYS.get(row[0].lower(), (0, 0)):
            unsupported(desk, word)
            return None
        known, kind = row[0].lower(), row[2]
        if kind == "name":
            name = text
        elif kind == "weight":
            weight = _weight(desk, text)
            if weight is None:
                break  # what stands behind it is not looked at, as in Slurm; what stands before it is done
            sent.append((known, weight))
        elif kind == "binding":
            bound = BINDINGS.get(text.lower())
            if bound is None and text:
                desk.complain(f"scontrol: error: Invalid input {word}")
                desk.complain("slurm_update error: No error")
                return None
            sent.append((known, bound or ""))
        elif kind == "seconds":
            never = text.upper() in ("-1", "INFINITE", "UNLIMITED")
            if not never and not (text.isascii() and text.isdecimal()):
                desk.complain(f"scontrol: error: Invalid input {word}")
                desk.complain("slurm_update error: No error")
                return None
            sent.append((known, "-1" if never else text))
        elif kind == "state":
            state = _state(text)
            if not state:
                for line in (f"Invalid input: {word}", "Request aborted", *NODE_STATES_TEXT):
                    desk.complain(line)
                return None
            sent.append((known, state))
        else:
            # of a reason a quote at each end goes away, whether or not there is another one at the other end
            sent.append((known, text.removeprefix('"').removesuffix('"') if known == "reason" else text))
    return (name, sent) if _is_whole(desk, dict(sent)) else None


def _is_whole(desk: Desk, given: dict[str, str]) -> bool:
    if not given:
        desk.complain("No changes specified")
        return False
    if given.get("state") in ("DOWN", "DRAIN", "FAIL") and not given.get("reason"):
        desk.complain("You must specify a reason when DOWNING or DRAINING a node. Request denied")
        return False
    return True


def _state(text: str) -> str:
    """The full word; "" where it is none, or may be several of POWER_..."""
    word = text.upper()
    if len(word) < STATE_LETTERS or "POWER_".startswith(word):
        return ""
    return word if word in NODE_STATES else next((one for one in NODE_STATES if one.startswith(word)), "")


def _weight(desk: Desk, text: str) -> str | None:
    """As digits; one that cannot be is said, and left out of the changes."""
    from mgpu_slurm.intake.gres import count

    number = count(text.removeprefix("-") or "0")
    if number is None:
        problem = "is not a valid number"
    elif text.startswith("-"):
        problem = "is less than zero"
    elif number > MOST_WEIGHT:
        problem = f"is greater than {MOST_WEIGHT}"
    else:
        return str(number)
    desk.complain(f"scontrol: error: Weight value ({text}) {problem}")
    return None
