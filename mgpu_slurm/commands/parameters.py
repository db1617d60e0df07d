"""What squeue, sinfo and sprio print under --verbose before anything else: the settings they have understood."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.facts.fields.field import Field

RULE = "-" * 29 + "\n"


def _text(given: Given, name: str, missing: str = "(null)") -> str:
    return given.text(name) if given.has(name) else missing


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _rows(rows: Sequence[tuple[str, str]], width: int) -> str:
    return "".join(f"{name:<{width}} = {value}\n" for name, value in rows)


def squeue(given: Given) -> str:
    """The block of squeue; given twice, --verbose names the members of its lists as well."""
    level = given.count("verbose")
    rows = [
        ("all", _flag(given.has("all") or given.has("partitions"))),
        ("array", _flag(given.has("array"))),
        ("federation", _flag(given.has("federation"))),
        ("format", _text(given, "format")),
        ("iterate", _text(given, "iterate", "0")),
        ("job_flag", str(int(given.has("jobs")))),
        ("jobs", _text(given, "jobs")),
        ("licenses", _text(given, "licenses")),
        ("local", _flag(given.has("local"))),
        ("names", _text(given, "names")),
        ("nodes", _text(given, "nodes", "")),
        ("partitions", _text(given, "partitions")),
        ("priority", _flag(given.has("priority"))),
        ("reservation", _text(given, "reservation")),
        ("sibling ", _flag(given.has("sibling"))),
        ("sort", _text(given, "sort")),
        ("start_flag", str(int(given.has("start")))),
        ("states", _text(given, "states")),
        ("step_flag", str(int(given.has("steps")))),
        ("steps", given.text("steps") or "(null)"),
        ("users", _text(given, "users")),
        ("verbose", str(level)),
    ]
    text = RULE + _rows(rows, 11).replace("sibling     =", "sibling      =")
    if level > 1:
        text += "".join(f"job_list[{at}] = {word}\n" for at, word in enumerate(_members(given, "jobs")))
        text += "".join(f"name_list[{at}] = {word}\n" for at, word in enumerate(_members(given, "names")))
        text += "".join(f"part_list[{at}] = {word}\n" for at, word in enumerate(_members(given, "partitions")))
        text += "state_list = all\n" if given.text("states").lower() == "all" else ""
        text += "".join(f"user_list[{at}] = {_uid(word)}\n" for at, word in enumerate(_members(given, "users")))
    return text + RULE + "\n\n"


def _members(given: Given, name: str) -> list[str]:
    return [word for word in given.text(name).split(",") if word]


def _uid(word: str) -> str:
    from mgpu_slurm.commands.query_options import uid_of

    return str(uid_of(word)) if uid_of(word) is not None else word


def sprio(given: Given) -> str:
    rows = [
        ("format", _text(given, "format")),
        ("job_flag", str(int(given.has("jobs")))),
        ("jobs", _text(given, "jobs")),
        ("partition", _text(given, "partitions")),
        ("users", _text(given, "users")),
        ("verbose", str(given.count("verbose"))),
    ]
    return RULE + _rows(rows, 10) + RULE + "\n\n"


SHOWN = (
    ("all_flag        =", ""), ("alloc_mem_flag  =", "AllocMem"), ("avail_flag      =", "Available"),
    ("comment_flag    =", "Comment"), ("cpus_flag       =", "CPUs"), ("default_time_flag =", "DefaultTime"),
    ("disk_flag       =", "Disk"), ("extra_flag      =", "Extra"), ("features_flag   =", "Features"),
    ("features_flag_act =", "features_act"), ("groups_flag     =", "Groups"), ("gres_flag       =", "Gres"),
    ("gres_used_flag  =", "GresUsed"), ("job_size_flag   =", "Size"), ("max_time_flag   =", "Time"),
    ("memory_flag     =", "Memory"), ("partition_flag  =", "Partition PartitionName"), ("port_flag       =", "Port"),
    ("priority_job_factor_flag   =", "PriorityJobFactor"), ("priority_tier_flag   =", "PriorityTier"),
    ("reason_flag     =", "Reason"), ("reason_timestamp_flag =", "TimeStamp"), ("reason_user_flag =", "User UserLong"),
    ("reservation_flag =", "Reservation"), ("root_flag       =", "Root"), ("oversubscribe_flag      =", "OverSubscribe"),
    ("state_flag      =", "StateCompact StateLong"), ("statecomplete_flag =", "StateComplete"), ("weight_flag     =", "Weight"),
)  # fmt: skip
"""Line of sinfo's second block -> the fields by which it is true."""


def sinfo(given: Given, text: str, fields: Sequence[Field]) -> str:
    """Both blocks of sinfo: what was given, and what its columns will need. `text`: the format in use."""
    names = {name for field in fields for name in field.names}
    plain_nodes = given.has("by_node") and not given.has("long") and not given.has("format")
    rows = [
        ("dead", _flag(given.has("dead"))),
        ("exact", str(int(given.has("exact")))),
        ("filtering", _flag(any(given.has(name) for name in ("nodes", "partition", "states", "dead", "responding", "reasons")))),
        ("format", text),
        ("iterate", _text(given, "iterate", "0")),
        ("long", _flag(given.has("long"))),
        ("no_header", _flag(given.has("noheader"))),
        ("node_field", _flag(given.has("by_node"))),
        ("node_format", _flag(given.has("by_node"))),
        ("nodes", _text(given, "nodes", "n/a")),
        ("part_field", _flag("Partition" in names and not plain_nodes and not given.has("names_format"))),
        ("partition", _text(given, "partition", "n/a")),
        ("responding", _flag(given.has("responding"))),
        ("states", "down" if given.has("reasons") and not given.has("states") else _text(given, "states")),
        ("sort", _text(given, "sort")),
        ("summarize", _flag(given.has("summarize"))),
        ("verbose", str(given.count("verbose"))),
    ]
    every = given.has("all") or given.has("partition")
    needed = "".join(
        f"{line}{'' if line.startswith('default') else ' '}{_flag(bool(names & set(words.split())) if words else every)}\n"
        for line, words in SHOWN
    )
    return RULE + _rows(rows, 11) + RULE + needed + RULE + "\n"
