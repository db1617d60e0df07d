"""scancel: end or signal jobs and steps.

Exit statuses, as of Slurm 22.05.8: 0 also for ids that are unknown or over, as long as no signal is named and no filter
is set; 1 for wrong arguments and for an id that is not there where filters, signals or steps are asked for; otherwise the
controller's error number modulo 256.
"""

from __future__ import annotations

import os

from mgpu_slurm.base import hostlist, ids
from mgpu_slurm.base import signals as signal_names
from mgpu_slurm.base.errors import ESLURM_ALREADY_DONE, ESLURM_INVALID_JOB_ID, UsageError
from mgpu_slurm.commands.query_options import compat_without_cluster, known_user, look_at_clusters, query, read, told
from mgpu_slurm.facts.queries import scancel as table
from mgpu_slurm.facts.states import JOB_FLAGS, JOB_STATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Asks, Given

STATES: dict[str, str] = {word: str(row[0]) for row in (*JOB_STATES, JOB_FLAGS[0]) for word in map(str, row[:2])}
"""All are taken, though nothing can be done to jobs in most of them."""

FILTERS = ("account", "name", "nodelist", "partition", "qos", "reservation", "state", "user", "wckey")
"""In the order in which Slurm lists them."""

COLUMNS = (
    "job_id array_job_id array_task_id array_tasks array_limit het_job_id het_offset name partition state account qos reservation"
    " wckey uid nodes"
)

_NUMBERS = {"HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "TERM": 15}


class Order:
    """What is to be done to which jobs."""

    __slots__ = ("batch", "filters", "full", "hurry", "ids", "interactive", "quiet", "signal", "user", "verbose")

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.filters: dict[str, str] = {}
        self.signal: int | None = None
        self.batch = self.full = self.hurry = self.interactive = self.quiet = False
        self.verbose = 0
        self.user = ""  # as typed


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    checks = {
        "state": lambda text, _given: _state(text), "signal": lambda text, _given: _signal(text),
        "clusters": look_at_clusters(environ, cluster, "scancel", streams),
    }  # fmt: skip
    given = read(table.ROWS, argv, environ, "scancel", checks=checks)
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "scancel", version, streams):
        return 0
    _truths(given, environ, streams)
    wanted = order(given)
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    if "clusters" in given.from_environment:
        from mgpu_slurm.commands import clusters

        clusters.check(given.text("clusters"), session.cluster_name, "scancel", streams)
    looked_at = wanted.interactive or wanted.batch or wanted.signal is not None or any("." in text for text in wanted.ids)
    if wanted.filters or looked_at:
        return filtered(session, wanted, streams)
    return named(session, wanted, streams)


TRUTHS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}
"""Words of the variables that are flags; Slurm takes no numbers for them."""


def _truths(given: Given, environ: Mapping[str, str], streams: Streams) -> None:
    """Take out the flags that the environment does not set. What is no word for it is told and counts as unset."""
    for row in table.ROWS:
        if row.sets in ("batch", "full", "interactive", "verbose") and row.sets in given.from_environment:
            text = environ.get(str(row.env), "")
            truth = TRUTHS.get(text.lower())
            if truth is None:
                streams.err.write(f"scancel: error: Unrecognized {row.env} value: {text}\n")
            if not truth:
                del given.counts[row.sets]


def order(given: Given) -> Order:
    """The options, checked. Raises UsageError."""
    wanted = Order()
    wanted.batch, wanted.full, wanted.hurry = given.has("batch"), given.has("full"), given.has("hurry")
    wanted.interactive, wanted.quiet = given.has("interactive"), given.has("quiet")
    wanted.verbose = given.count("verbose")
    if given.has("signal"):
        wanted.signal = _signal(given.text("signal"))
    for key in FILTERS:
        if given.has(key):
            wanted.filters[key] = given.text(key)
    if given.has("me"):
        wanted.filters["user"] = str(os.geteuid())
    if "state" in wanted.filters:
        wanted.filters["state"] = _state(wanted.filters["state"], "state" in given.from_environment)
    if "nodelist" in wanted.filters and "/" in wanted.filters["nodelist"]:
        with open(wanted.filters["nodelist"], encoding="utf-8", errors="surrogateescape") as file:
            wanted.filters["nodelist"] = ",".join(file.read().split())
    for operand in given.operands:
        wanted.ids += _ids(operand)
    if "user" in wanted.filters:
        uid = known_user(wanted.filters["user"])
        if uid is None:
            raise UsageError(f"Invalid user name: {wanted.filters['user']}", 1)
        wanted.user = wanted.filters["user"]
        wanted.filters["user"] = str(uid)
    if not wanted.ids and not wanted.filters:
        raise UsageError("No job identification provided", 1)
    return wanted


def _signal(text: str) -> int:
    try:
        return signal_names.parse(text)
    except ValueError:
        raise UsageError([("", f"Unknown job signal: {text}")], 1) from None


def _state(text: str, by_variable: bool = False) -> str:
    if text.upper() not in STATES:
        what = "Unrecognized SCANCEL_STATE value" if by_variable else "Invalid job state specified"
        raise UsageError([("", f"{what}: {text}"), ("", "Valid job states are PENDING, RUNNING, and SUSPENDED")], 1)
    return STATES[text.upper()]


def _ids(operand: str) -> list[str]:
    """One word of the command line: ids with commas between. Raises UsageError."""
    found = [""]
    depth = 0
    for char in operand:
        depth += (char == "[") - (char == "]")
        if char == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += char
    for word in found:
        try:
            ref = ids.parse_job(word)
        except ValueError:
            raise UsageError(f"Invalid job id {operand}", 1) from None
        if isinstance(ref.step, str):
            raise UsageError(f"Invalid job id {operand}", 1)
    return found


# --- by id ----------------------------------------------------------------------------------------------------------


def named(session: Asks, wanted: Order, streams: Streams) -> int:
    """Without filters: the controller knows what each id means."""
    for text in wanted.ids:
        tell(wanted, text, streams)
    return finish(send(session, wanted, wanted.ids), wanted, streams)


def send(session: Asks, wanted: Order, texts: Sequence[str]) -> list[tuple[str, int, str]]:
    message: dict[str, object] = {"kind": "cancel_jobs", "ids": list(texts)}
    if wanted.signal is not None:
        message["signal"] = wanted.signal
    for name in ("batch", "full", "hurry"):
        if getattr(wanted, name):
            message[name] = True
    answer = session.call(message)
    rows: Any = answer.get("rows") or []
    return [(str(text), int(code), str(why)) for text, code, why in rows]


def tell(wanted: Order, text: str, streams: Streams) -> None:
    """The line of --verbose."""
    if not wanted.verbose:
        return
    what = "step" if "." in text else "job"
    part = "full " if wanted.full else "batch " if wanted.batch and what == "job" else ""
    if wanted.signal is None or wanted.signal == _NUMBERS["KILL"]:
        streams.err.write(f"scancel: Terminating {part}{what} {text}\n")
        return
    streams.err.write(f"scancel: Signal {wanted.signal} to {part}{what} {text}\n")


def finish(rows: Sequence[tuple[str, int, str]], wanted: Order, streams: Streams) -> int:
    """Complain where Slurm does; the exit status is the last failure's."""
    status = 0
    for text, code, why in rows:
        if not code:
            continue
        over = code in (ESLURM_ALREADY_DONE, ESLURM_INVALID_JOB_ID)
        plain_end = wanted.signal is None and "." not in text
        what = "job step" if "." in text else "job"
        if "." in text:
            if code == ESLURM_INVALID_JOB_ID and wanted.signal is not None:
                continue  # Slurm has nothing to say of a signal for a step that is not there
            text = text.partition(".")[0]
        if not (over and (wanted.quiet or (plain_end and not wanted.verbose))):
            streams.err.write(f"scancel: error: Kill job error on {what} id {text}: {why}\n")
        if over and plain_end:
            continue
        status = code % 256
    return status


# --- by filter ------------------------------------------------------------------------------------------------------


def filtered(session: Asks, wanted: Order, streams: Streams) -> int:
    """With filters, questions, signals or steps: look at the jobs first."""
    columns, count, _ = query(session, "jobs", COLUMNS.split(), {"states": ["live"]})
    jobs = [{name: values[row] for name, values in columns.items()} for row in range(count)]
    status = 0
    texts: list[str] = []
    matched = False
    if wanted.ids:
        for text in wanted.ids:
            ref = ids.parse_job(text)
            meant = [job for job in jobs if is_meant(job, ref)]
            if not meant:
                if not wanted.quiet:
                    what = "job step" if ref.step is not None else "job"
                    streams.err.write(f"scancel: error: Kill job error on {what} id {text}: Invalid job id specified\n")
                status = 1
            elif any(passes(job, wanted.filters) for job in meant):
                matched = True
                if confirmed(wanted, text, meant[0], streams):
                    texts.append(text)
    else:
        for job in jobs:
            if passes(job, wanted.filters):
                matched = True
                if confirmed(wanted, shown_id(job, limit=True), job, streams):
                    texts.append(shown_id(job))
    if wanted.filters and not matched and wanted.verbose:
        streams.err.write(f"scancel: error: No active jobs match ALL job filters, including: {described(wanted)}\n")
    if not texts:
        return status
    for text in texts:
        tell(wanted, text, streams)
    return finish(send(session, wanted, texts), wanted, streams) or status


def is_meant(job: Mapping[str, Any], ref: ids.JobRef) -> bool:
    if isinstance(ref.tasks, list):
        if job["array_job_id"] != ref.job:
            return False
        if job["array_task_id"] is not None:
            return job["array_task_id"] in ref.tasks
        from mgpu_slurm.base import idset

        return not set(ref.tasks).isdisjoint(idset.parse(job["array_tasks"]))
    return ref.job in (job["job_id"], job["array_job_id"], job["het_job_id"])


def passes(job: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    """Whether a job is one that all filters mean."""
    for key, text in filters.items():
        if key == "user":
            same = str(job["uid"]) == text
        elif key == "nodelist":
            same = not set(hostlist.expand(job["nodes"])).isdisjoint(_hosts(text))
        elif key == "partition":
            same = text in job["partition"].split(",")
        elif key in ("account", "qos"):
            same = (job[key] or "").lower() == text.lower()
        else:
            same = (job[key] or "") == text
        if not same:
            return False
    return True


def _hosts(text: str) -> list[str]:
    """One that cannot be read names no node."""
    try:
        return hostlist.expand(text)
    except hostlist.HostlistError:
        return []


def shown_id(job: Mapping[str, Any], limit: bool = False) -> str:
    """The id as users know it. `limit`: with the array's, which no command takes back."""
    if job["array_job_id"]:
        if job["array_task_id"] is not None:
            return f"{job['array_job_id']}_{job['array_task_id']}"
        throttle = f"%{job['array_limit']}" if limit and job["array_limit"] else ""
        return f"{job['array_job_id']}_[{job['array_tasks']}{throttle}]" if job["array_tasks"] else str(job["array_job_id"])
    if job["het_job_id"]:
        return f"{job['het_job_id']}+{job['het_offset']}"
    return str(job["job_id"])


def confirmed(wanted: Order, text: str, job: Mapping[str, Any], streams: Streams) -> bool:
    """Ask where --interactive says so; the end of the input is a no."""
    if not wanted.interactive:
        return True
    what = "step_id" if "." in text else "job_id"
    question = f"Cancel {what}={text} name={job['name']} partition={job['partition']} [y/n]? "
    while True:
        streams.out.write(question)
        streams.out.flush()
        answer = read_line(streams.stdin_fd)
        if answer is None or answer[:1] in ("n", "N"):
            return False
        if answer[:1] in ("y", "Y"):
            return True


def read_line(descriptor: int) -> str | None:
    """One line of a descriptor, byte by byte so that nothing of what follows is lost; None at its end."""
    line = b""
    while True:
        byte = os.read(descriptor, 1)
        if byte == b"\n":
            return line.decode(errors="surrogateescape")
        if not byte:
            return line.decode(errors="surrogateescape") if line else None
        line += byte


def described(wanted: Order) -> str:
    """The filters as Slurm lists them when nothing matches."""
    labels = {"name": "job_name", "user": "user_name"}
    shown = {**wanted.filters, **({"user": wanted.user} if wanted.user else {})}
    words_of = [f"{labels.get(key, key)}={shown[key]}" for key in FILTERS if key in shown]
    return "".join(f"{word} " for word in words_of)
