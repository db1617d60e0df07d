"""scontrol show for what the controller knows: jobs, steps, nodes, partitions, configuration."""

from __future__ import annotations

import os

from mgpu_slurm.base import hostlist, ids
from mgpu_slurm.base.errors import ESLURM_INVALID_JOB_ID, SlurmError, strerror
from mgpu_slurm.commands.query_options import query
from mgpu_slurm.facts.fields.field import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.scontrol import Desk

    Record = dict[str, Any]

CALLS = {
    "config": "slurm_load_ctl_conf error",
    "jobs": "slurm_load_jobs error",
    "nodes": "slurm_load_node error",
    "partitions": "slurm_load_partitions error",
    "reservations": "slurm_load_reservations error",
    "steps": "slurm_get_job_steps error",
}
"""What Slurm puts before the controller's refusal."""


def show(desk: Desk, what: str, which: str | None, words: Sequence[str] = ()) -> None:
    """Print an entity. Raises SlurmError where the controller refuses."""
    if what == "assoc_mgr":
        assoc_mgr(desk, words)
    else:
        _SHOWN[what](desk, which)


def told_records(desk: Desk, count: int, now: float) -> None:
    """What --verbose says above records."""
    if desk.verbose and not desk.quiet:
        desk.say(f"last_update_time={view_of(desk, now).time(now, 'Unknown')}, records={count}\n")


def view_of(desk: Desk, now: float) -> View:
    length = desk.environ.get("SLURM_BITSTR_LEN", "")
    config = desk.session().config
    view = View(
        now,
        desk.environ.get("SLURM_TIME_FORMAT", ""),
        desk.session().compat,
        list_length=int(length) if length.isdecimal() else None,
        cluster=desk.session().cluster_name,
        wckeys=bool(config is not None and config.get("TrackWCKey")),
    )
    view.warn = lambda text: desk.streams.err.write(f"scontrol: error: {text}\n")
    return view


def records(
    desk: Desk, table: str, columns: Sequence[str], filters: Mapping[str, Sequence[str]] | None = None
) -> tuple[list[Record], View]:
    found, count, now = query(desk.session(), table, columns, filters)
    rows = [{name: values[row] for name, values in found.items()} for row in range(count)]
    return rows, view_of(desk, now)


# --- jobs and steps -------------------------------------------------------------------------------------------------


def jobs(desk: Desk, which: str | None) -> None:
    from mgpu_slurm.facts.fields import job_text

    which = which or None
    if which is not None:
        try:
            meant = ids.parse_job(which)
            if (isinstance(meant.tasks, list) and "[" in which) or meant.step is not None:
                raise ValueError(which)
        except ValueError:
            desk.refused("scontrol_print_job error: " + strerror(ESLURM_INVALID_JOB_ID))
            return
    filters = {"ids": [which]} if which is not None else {}
    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.jobs(desk.session(), filters, desk.yaml, desk.streams)
        return
    columns = [*job_text.COLUMNS, *(job_text.DETAIL_COLUMNS if desk.details else ())]
    try:
        rows, view = records(desk, "jobs", columns, filters)
    except SlurmError as error:
        if error.code != ESLURM_INVALID_JOB_ID or which is None or "+" not in which:
            raise
        rows, view = [], view_of(desk, 0.0)  # a job that has no such component
    told_records(desk, len(rows), 0.0 if which is not None else view.now)
    if not rows and which is not None:
        desk.say(f"Job {which} not found\n")
        desk.status = 1
    elif not rows and not desk.quiet:
        desk.say("No jobs in the system\n")
    if which is None:
        from mgpu_slurm.commands.array_order import in_list_order

        rows = in_list_order(rows)
    for row in rows:
        desk.say(job_text.job_text(row, view, desk.details, desk.one_line))


def steps(desk: Desk, which: str | None) -> None:
    from mgpu_slurm.facts.fields import record_texts

    if which is not None:
        job = which.partition(".")[0]
        # an unknown job is an error, a known one without such a step is not
        query(desk.session(), "jobs", ["job_id"], {"ids": [job]})
    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.steps(desk.session(), which, desk.yaml, desk.streams)
        return
    rows, view = records(desk, "steps", record_texts.STEP_COLUMNS, {"ids": [which]} if which is not None else {})
    told_records(desk, len(rows), view.now)
    if not rows:
        if which is not None:
            desk.say(f"Job step {which}{'' if '.' in which else '.'} not found\n")
            desk.status = 1
        elif not desk.quiet:
            later = desk.session().compat >= (23, 2)
            desk.say("No job steps found\n" if later else "No job steps in the system\n")
    for row in sorted(rows, key=_batch_first):
        desk.say(record_texts.step_text(row, view, desk.one_line))


def _batch_first(step: Record) -> tuple[int, int, int]:
    """Slurm lists the special steps of a job before the numbered ones."""
    number = step["step_id"]
    return (step["job_id"], 1, int(number)) if number.isdecimal() else (step["job_id"], 0, 0)


# --- nodes and partitions -------------------------------------------------------------------------------------------


def _names(which: str | None) -> list[str] | None:
    """A node list's names; one that cannot be read is the name of nothing."""
    try:
        return None if which is None else hostlist.expand(which)
    except hostlist.HostlistError:
        return []


def nodes(desk: Desk, which: str | None) -> None:
    from mgpu_slurm.facts.fields import record_texts

    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.nodes(desk.session(), _names(which), desk.yaml, desk.streams)
        return
    rows, view = records(desk, "nodes", record_texts.NODE_COLUMNS)
    wanted: list[str] | None = None
    if which is not None:
        try:
            wanted = hostlist.expand(which)
        except hostlist.HostlistError as error:
            desk.complain(str(error))
            return
    shown = [row for row in rows if desk.future or row["state"] != "FUTURE"]
    told_records(desk, len(shown), view.now)
    show_named(desk, "Node", shown, wanted, lambda row: record_texts.node_text(row, view, desk.details, desk.one_line))


def partitions(desk: Desk, which: str | None) -> None:
    from mgpu_slurm.facts.fields import record_texts

    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.partitions(desk.session(), None if which is None else [which], desk.yaml, desk.streams)
        return
    rows, view = records(desk, "partitions", record_texts.PARTITION_COLUMNS)
    shown = [row for row in rows if desk.all or not row["hidden"] or which is not None or os.geteuid() == 0]
    told_records(desk, len(shown), view.now)
    wanted = [which] if which is not None else None
    show_named(desk, "Partition", shown, wanted, lambda row: record_texts.partition_text(row, view, desk.one_line))


def show_named(
    desk: Desk, kind: str, rows: Sequence[Record], wanted: Sequence[str] | None, text: Callable[[Record], str]
) -> None:
    """Those that were named, each with a complaint where there is none; or all."""
    if wanted is None:
        for row in rows:
            desk.say(text(row))
        if not rows and not desk.quiet:
            desk.say(f"No {kind.lower()}s in the system\n")
        return
    by_name = {row["name"]: row for row in rows}
    for name in wanted:
        if name in by_name:
            desk.say(text(by_name[name]))
        else:
            desk.status = 1
            if not desk.quiet:
                desk.say(f"{kind} {name} not found\n")


# --- the cluster ----------------------------------------------------------------------------------------------------


def config(desk: Desk, which: str | None) -> None:
    """The configuration as this host has it, with what only the running controller knows."""
    from mgpu_slurm.facts import configshow
    from mgpu_slurm.intake import conf_cgroup

    session = desk.session()
    pong = session.call({"kind": "ping"})
    table, _, now = query(session, "nodes", ["name", "hostname"])
    known = session.config
    if known is None:
        from mgpu_slurm.intake import conf_made

        known = conf_made.embedded(session.embedded_dir, os.uname().nodename.partition(".")[0], os.getuid())
    host = str(pong.get("hostname") or "localhost")
    numbers, _, _ = query(session, "config", ["next_job_id"])
    facts = configshow.Facts(
        next_job_id=numbers["next_job_id"][0],
        now=now,
        boot_time=_number(pong.get("started")),
        version=_version(session.compat),
        conf_path=known.path,
        node_count=len(table["name"]),
        multiple=len(set(table["hostname"])) < len(table["hostname"]),
        controllers=list(known.controllers) or [(host, host)],
        uids=_uids(known),
    )
    cgroup = conf_cgroup.beside(known.path, []) if session.config is not None else {}
    text = configshow.text(known.get, facts, [True], cgroup)
    desk.say(text)  # whole even where a key is named, as in Slurm


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _version(compat: tuple[int, int]) -> str:
    from mgpu_slurm.intake import manual

    return manual.version(compat).split()[-1]


def _uids(known: Any) -> dict[str, int]:
    from mgpu_slurm.commands.query_options import uid_of

    names = {str(known.get("SlurmUser")), str(known.get("SlurmdUser"))}
    return {name: uid for name in names if (uid := uid_of(name)) is not None}


def daemons(desk: Desk, which: str | None) -> None:
    """The daemons that belong on this host."""
    own = os.uname().nodename.partition(".")[0]
    session = desk.session()
    found = []
    controllers = [name for name, _ in session.config.controllers] if session.config is not None else [own]
    if own in controllers:
        found.append("slurmctld")
    table, _, _ = query(session, "nodes", ["name", "hostname"])
    if own in table["name"] or own in table["hostname"]:
        found.append("slurmd")
    if found:
        desk.say(" ".join(found) + "\n")


def aliases(desk: Desk, which: str | None) -> None:
    """Node names of this host, or of the host named."""
    host = which or os.uname().nodename.partition(".")[0]
    table, count, _ = query(desk.session(), "nodes", ["name", "hostname"])
    found = [table["name"][row] for row in range(count) if host == table["hostname"][row]]
    if found:
        desk.say(" ".join(found) + "\n")
    elif which is None:
        desk.complain(f"No aliases found for {host}")


def reservations(desk: Desk, which: str | None) -> None:
    from mgpu_slurm.facts.fields import record_texts

    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.reservations(desk.session(), None if which is None else [which], desk.yaml, desk.streams)
        return
    rows, view = records(desk, "reservations", record_texts.RESERVATION_COLUMNS)
    told_records(desk, len(rows), view.now)
    wanted = [which] if which is not None else None
    show_named(desk, "Reservation", rows, wanted, lambda row: record_texts.reservation_text(row, view, desk.one_line))


def licenses(desk: Desk, which: str | None) -> None:
    """One by name, or all; a name that is not there is nothing to speak of, as in Slurm."""
    rows, _ = records(desk, "licenses", ["name", "total", "used", "reserved"])
    if desk.json or desk.yaml:
        from mgpu_slurm.commands import records_json

        records_json.licenses(desk.session(), [row for row in rows if which in (None, row["name"])], desk.yaml, desk.streams)
        return
    if not rows and not desk.quiet:
        desk.say("No licenses configured in Slurm.\n")
    for row in rows:
        if which in (None, row["name"]):
            free = row["total"] - row["used"]
            counts = f"Total={row['total']} Used={row['used']} Free={free} Reserved={row['reserved']} Remote=no"
            desk.say(f"LicenseName={row['name']}{' ' if desk.one_line else chr(10) + '    '}{counts}\n")


def topology(desk: Desk, which: str | None) -> None:
    if which is None:
        desk.streams.err.write("scontrol: error: No topology information available\n")
    else:
        desk.streams.err.write(f"scontrol: error: Topology information contains no switch or node named {which}\n")


def slurmd(desk: Desk, which: str | None) -> None:
    """What Slurm's node daemon says of itself on this host: ours answers only its controller."""
    desk.complain("scontrol: error: slurm_slurmd_info: Connection refused")
    desk.complain("slurm_load_slurmd_status: Connection refused")


def assoc_mgr(desk: Desk, words: Sequence[str]) -> None:
    """What Slurm's controller keeps of its database of accounts, which this suite has not. `flags=` names what of it."""
    flags = [word.partition("=")[2].lower() for word in words if word.lower().startswith("flags=")]
    wanted = [what for what in _CACHED if not flags or what.lower()[:5] in [flag[:5] for flag in flags[-1].split(",")]]
    cached = "\n\n\n".join(f"No {what} currently cached in Slurm." for what in wanted)
    desk.say(f"Current Association Manager state\n\n{cached}\n\n")


_CACHED = ("users", "associations", "QOS")


def frontends(desk: Desk, which: str | None) -> None:
    if not desk.quiet:
        desk.say("No nodes in the system\n")


def nothing(desk: Desk, which: str | None) -> None:
    """Of burst buffers and federations there are none."""


_SHOWN: dict[str, Callable[[Desk, str | None], None]] = {
    "aliases": aliases,
    "bbstat": nothing,
    "burstbuffer": nothing,
    "config": config,
    "daemons": daemons,
    "dwstat": nothing,
    "federation": nothing,
    "frontend": frontends,
    "jobs": jobs,
    "licenses": licenses,
    "nodes": nodes,
    "partitions": partitions,
    "reservations": reservations,
    "slurmd": slurmd,
    "steps": steps,
    "topology": topology,
}
