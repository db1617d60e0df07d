"""States of jobs and nodes: names, codes, numbers, flags, how they are shown, and the table of a job's life.

Everywhere in the program a state is a base (a plain string, "RUNNING") and a set of flags (plain strings,
"COMPLETING"). What a user sees is made from both by the functions here; the order of precedence is Slurm's.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# name, code, number, has ended
JOB_STATES: tuple[tuple[str, str, int, bool], ...] = (
    ("PENDING", "PD", 0, False),
    ("RUNNING", "R", 1, False),
    ("SUSPENDED", "S", 2, False),
    ("COMPLETED", "CD", 3, True),
    ("CANCELLED", "CA", 4, True),
    ("FAILED", "F", 5, True),
    ("TIMEOUT", "TO", 6, True),
    ("NODE_FAIL", "NF", 7, True),
    ("PREEMPTED", "PR", 8, True),
    ("BOOT_FAIL", "BF", 9, True),
    ("DEADLINE", "DL", 10, True),
    ("OUT_OF_MEMORY", "OOM", 11, True),
)

# name, code, in order of precedence; the first flag of a job that is in this list is shown instead of its base
JOB_FLAGS: tuple[tuple[str, str], ...] = (
    ("COMPLETING", "CG"),
    ("STAGE_OUT", "SO"),
    ("CONFIGURING", "CF"),
    ("EXPEDITING", ""),
    ("RESIZING", "RS"),
    ("REQUEUED", "RQ"),
    ("REQUEUE_FED", "RF"),
    ("REQUEUE_HOLD", "RH"),
    ("SPECIAL_EXIT", "SE"),
    ("STOPPED", "ST"),
    ("REVOKED", "RV"),
    ("RESV_DEL_HOLD", "RD"),
    ("SIGNALING", "SI"),
)

HIDDEN_JOB_FLAGS: tuple[str, ...] = ("LAUNCH_FAILED", "POWER_UP_NODE", "RECONFIG_FAIL", "UPDATE_DB", "GETENV_FAILED")
"""Flags a job may carry that no short view shows."""

JOB_NUMBER: dict[str, int] = {name: number for name, _, number, _ in JOB_STATES}
JOB_CODE: dict[str, str] = {name: code for name, code, _, _ in JOB_STATES}
JOB_NAME: dict[int, str] = {number: name for name, _, number, _ in JOB_STATES}
FLAG_CODE: dict[str, str] = dict(JOB_FLAGS)
TERMINAL: frozenset[str] = frozenset(name for name, _, _, ended in JOB_STATES if ended)
ACTIVE: frozenset[str] = frozenset(name for name, _, _, ended in JOB_STATES if not ended)
COMPLETING = "COMPLETING"
"""The flag of a job whose processes are still ending; its base is the final state already."""
CONFIGURING = "CONFIGURING"
"""The flag of a job that has its nodes while the controller's own prolog runs for it."""
RESV_DEL_HOLD = "RESV_DEL_HOLD"
"""The flag of a job that is held since its reservation is no more."""
SPECIAL_EXIT = "SPECIAL_EXIT"
"""The flag of a held job that its own exit code, or its owner, has put back into the queue."""


def display_name(base: str, flags: Collection[str] = ()) -> str:
    """The long word squeue and sacct show: COMPLETING, RUNNING, ..."""
    if flags:
        for name, _ in JOB_FLAGS:
            if name in flags:
                return name
    return base


def display_code(base: str, flags: Collection[str] = ()) -> str:
    """The short word: CG, R, ...; a flag without a code leaves the base's."""
    if flags:
        for name, code in JOB_FLAGS:
            if name in flags:
                return code or JOB_CODE[base]
    return JOB_CODE[base]


_STATE_WORDS: dict[str, str] = {}
for _name, _code, _, _ in JOB_STATES:
    _STATE_WORDS[_name] = _STATE_WORDS[_code] = _name
for _name, _code in JOB_FLAGS:
    _STATE_WORDS[_name] = _name
    if _code:
        _STATE_WORDS[_code] = _name


def parse_state(text: str) -> str:
    """A base or flag name from its long or compact form in any case. Raises ValueError."""
    try:
        return _STATE_WORDS[text.strip().upper()]
    except KeyError:
        raise ValueError(f"Invalid job state specified: {text}") from None


ACCOUNTED = frozenset([name for name, _, _, _ in JOB_STATES] + ["REQUEUED", "RESIZING", "REVOKED"])
"""States that accounting may be asked for."""

VALID_STATES_TEXT = ",".join(
    [name for name, _, _, _ in JOB_STATES]
    + ["COMPLETING", "CONFIGURING", "RESIZING", "RESV_DEL_HOLD", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD"]
    + ["REVOKED", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED"]
)
"""What squeue lists after a wrong state, in its order."""


# --- nodes ---

# base, long, short
NODE_STATES: tuple[tuple[str, str], ...] = (
    ("UNKNOWN", "UNK"),
    ("DOWN", "DOWN"),
    ("IDLE", "IDLE"),
    ("ALLOCATED", "ALLOC"),
    ("ERROR", "ERROR"),
    ("MIXED", "MIX"),
    ("FUTURE", "FUTR"),
)

NODE_FLAGS: tuple[str, ...] = (
    "CLOUD",
    "COMPLETING",
    "DRAIN",
    "DYNAMIC_FUTURE",
    "DYNAMIC_NORM",
    "INVALID_REG",
    "FAIL",
    "MAINTENANCE",
    "POWER_DOWN",
    "POWER_UP",
    "POWERED_DOWN",
    "POWERING_DOWN",
    "POWERING_UP",
    "REBOOT_ISSUED",
    "REBOOT_REQUESTED",
    "RESERVED",
    "PLANNED",
    "BLOCKED",
    "EXTERNAL",
    "NOT_RESPONDING",
)
NODE_FLAG_RANKS: tuple[str, ...] = (
    "RESERVED", "CLOUD", "DRAIN", "COMPLETING", "NOT_RESPONDING", "POWERED_DOWN", "FAIL", "POWERING_UP", "MAINT",
    "REBOOT_REQUESTED", "POWERING_DOWN", "DYNAMIC_FUTURE", "REBOOT_ISSUED", "PLANNED", "INVALID_REG", "POWER_DOWN", "POWER_UP",
    "DYNAMIC_NORM", "BLOCKED", "EXTERNAL",
)  # fmt: skip
"""By which nodes are sorted before their base states, a later flag outweighs all earlier ones."""

NODE_SHORT: dict[str, str] = {
    **dict(NODE_STATES),
    "DRAINING": "DRNG",
    "DRAINED": "DRAIN",
    "FAILING": "FAILG",
    "FAIL": "FAIL",
    "MAINT": "MAINT",
    "REBOOT": "BOOT",
    "COMPLETING": "COMP",
    "RESERVED": "RESV",
    "PLANNED": "PLND",
    "BLOCKED": "BLOCK",
    "POWER_DOWN": "POW_DN",
    "POWERING_DOWN": "POWRING_DN",
    "POWERED_DOWN": "POWERED_DOWN",
    "POWERING_UP": "POWERING_UP",
    "POWER_UP": "POW_UP",
    "INVAL": "INVAL",
}

# the first flag of a node that is in this list gives the one suffix
NODE_SUFFIXES: tuple[tuple[str, str], ...] = (
    ("MAINT", "$"),
    ("REBOOT_ISSUED", "^"),
    ("REBOOT_REQUESTED", "@"),
    ("POWERING_UP", "#"),
    ("POWER_UP", "#"),
    ("POWERING_DOWN", "%"),
    ("POWERED_DOWN", "~"),
    ("POWER_DOWN", "!"),
    ("NOT_RESPONDING", "*"),
)

NODE_FLAG_NAMES: dict[str, str] = {"MAINT": "MAINTENANCE"}
"""Flags whose name in `scontrol show node` differs from ours."""


def _node_word(base: str, flags: Collection[str]) -> tuple[str, str]:
    """The word for a node and what is put behind it; one rule for the long and the short form."""
    busy = base in ("ALLOCATED", "MIXED")
    suffix = next((sign for flag, sign in NODE_SUFFIXES if flag in flags), "")
    if "INVALID_REG" in flags and "DRAIN" not in flags and not busy:
        return "INVAL", suffix
    if "MAINT" in flags and not busy and base != "DOWN" and "DRAIN" not in flags:
        return "MAINT", "" if suffix == "$" else suffix
    if not busy and "REBOOT_ISSUED" in flags:
        return "REBOOT", "^"
    if not busy and "REBOOT_REQUESTED" in flags and "DRAIN" not in flags:
        return "REBOOT", "" if suffix == "@" else suffix
    if "DRAIN" in flags:
        return ("DRAINING" if busy or "COMPLETING" in flags else "DRAINED"), suffix
    if "FAIL" in flags:
        # one of which a part is used does not read failing, and no sign but the one of silence is put behind it
        word = "FAILING" if base == "ALLOCATED" or "COMPLETING" in flags else "FAIL"
        return word, "*" if "NOT_RESPONDING" in flags else ""
    if busy and "COMPLETING" in flags:
        # a mixed node too reads allocated+ while one of its jobs is ending (sinfo of 22.05.8)
        return "ALLOCATED", suffix or "+"
    if base == "ALLOCATED":
        return base, suffix
    if base == "DOWN":
        return base, suffix
    if "COMPLETING" in flags:
        return "COMPLETING", suffix
    if base == "IDLE":
        for flag in ("BLOCKED", "RESERVED", "PLANNED"):
            if flag in flags:
                return flag, suffix
    if base == "MIXED" and "PLANNED" in flags:
        return base, suffix or "-"
    return base, suffix


def node_state_text(base: str, flags: Collection[str] = ()) -> str:
    """The long word with at most one suffix, upper case: IDLE, DRAINED*, MIXED-; sinfo's %T is its lower case."""
    word, suffix = _node_word(base, flags)
    return word + suffix


def node_state_short(base: str, flags: Collection[str] = ()) -> str:
    """The short word with its suffix, upper case: IDLE, DRAIN*, MIX-; sinfo's %t is its lower case."""
    word, suffix = _node_word(base, flags)
    return NODE_SHORT[word] + suffix


def node_state_full(base: str, flags: Iterable[str] = ()) -> str:
    """Base and every flag as `scontrol show node` prints State=: IDLE+DRAIN+NOT_RESPONDING."""
    return "+".join([base, *sorted(NODE_FLAG_NAMES.get(flag, flag) for flag in set(flags))])


def node_rank(base: str, flags: Collection[str]) -> int:
    """Where a node stands in an order by state."""
    weight = sum(1 << place for place, flag in enumerate(NODE_FLAG_RANKS) if flag in flags)
    return weight * len(NODE_STATES) + next((place for place, (name, _) in enumerate(NODE_STATES) if name == base), 0)


# --- a job's life ---

# (state, event) -> state, effects. Every event that is not in the table is refused for that state.
#
# Effects: SAVE the record; LAUNCH on its nodes; COMPLETING: set the flag, resources stay taken; KILL what lives of it on
# its nodes; FREE its resources and clear the flag; STOP and CONTINUE its processes; REPLAN; WAKE_DEPENDANTS; CLEAR the
# allocation of the last run. A job has ended for others (dependants, --wait) only at GONE, when no process of it lives.
_END = ("SAVE", "COMPLETING", "KILL")
_GONE = ("SAVE", "FREE", "WAKE_DEPENDANTS", "REPLAN")
_ENDINGS: tuple[tuple[str, str], ...] = (
    ("ENDED_OK", "COMPLETED"),
    ("ENDED_FAILED", "FAILED"),
    ("ENDED_SIGNAL", "FAILED"),
    ("LAUNCH_FAILED", "FAILED"),
    ("TIMED_OUT", "TIMEOUT"),
    ("CANCELLED", "CANCELLED"),
    ("NODE_LOST", "NODE_FAIL"),
    ("BOOT_FAILED", "BOOT_FAIL"),
    ("OUT_OF_MEMORY", "OUT_OF_MEMORY"),
    ("DEADLINE_PASSED", "DEADLINE"),
    ("PREEMPTED", "PREEMPTED"),
)
EVENTS: tuple[str, ...] = (
    "SUBMITTED",
    "STARTED",
    *(event for event, _ in _ENDINGS),
    "REQUEUED",
    "SUSPENDED",
    "RESUMED",
    "HELD",
    "RELEASED",
    "CHANGED",
    "GONE",
)

TRANSITIONS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("", "SUBMITTED"): ("PENDING", ("SAVE", "REPLAN")),
    ("PENDING", "STARTED"): ("RUNNING", ("SAVE", "LAUNCH", "WAKE_DEPENDANTS")),
    ("PENDING", "CANCELLED"): ("CANCELLED", ("SAVE", "WAKE_DEPENDANTS", "REPLAN")),
    ("PENDING", "DEADLINE_PASSED"): ("DEADLINE", ("SAVE", "WAKE_DEPENDANTS", "REPLAN")),
    ("PENDING", "LAUNCH_FAILED"): ("FAILED", ("SAVE", "WAKE_DEPENDANTS", "REPLAN")),
    ("PENDING", "HELD"): ("PENDING", ("SAVE", "REPLAN")),
    ("PENDING", "RELEASED"): ("PENDING", ("SAVE", "REPLAN")),
    ("PENDING", "CHANGED"): ("PENDING", ("SAVE", "REPLAN")),
    # the last run of a requeued job is gone: it may be started again
    ("PENDING", "GONE"): ("PENDING", ("SAVE", "FREE", "REPLAN")),
    **{("RUNNING", event): (state, _END) for event, state in _ENDINGS},
    **{("SUSPENDED", event): (state, _END) for event, state in _ENDINGS},
    # back in the queue at once, with COMPLETING until the old run is gone
    ("RUNNING", "REQUEUED"): ("PENDING", ("SAVE", "COMPLETING", "KILL", "CLEAR")),
    ("SUSPENDED", "REQUEUED"): ("PENDING", ("SAVE", "COMPLETING", "KILL", "CLEAR")),
    ("RUNNING", "SUSPENDED"): ("SUSPENDED", ("SAVE", "STOP", "REPLAN")),
    ("SUSPENDED", "RESUMED"): ("RUNNING", ("SAVE", "CONTINUE", "REPLAN")),
    ("RUNNING", "CHANGED"): ("RUNNING", ("SAVE", "REPLAN")),
    ("SUSPENDED", "CHANGED"): ("SUSPENDED", ("SAVE", "REPLAN")),
    **{(state, "GONE"): (state, _GONE) for state in JOB_NUMBER if state in TERMINAL},
    **{(state, "REQUEUED"): ("PENDING", ("SAVE", "CLEAR", "REPLAN")) for state in JOB_NUMBER if state in TERMINAL},
}


def transition(state: str, event: str) -> tuple[str, tuple[str, ...]] | None:
    """The state after an event and the effects, or None where the event is not possible in that state.

    `state` is the base; "" is a job that does not exist yet.
    """
    return TRANSITIONS.get((state, event))
