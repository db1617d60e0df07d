"""sstat: what running steps use at this moment."""

from __future__ import annotations

from mgpu_slurm.base import ids
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import accounted
from mgpu_slurm.commands.query_options import Given, compat_without_cluster, query, read, told
from mgpu_slurm.facts.fields.accounted import AccountView, listed
from mgpu_slurm.facts.fields.sstat import COLUMNS
from mgpu_slurm.facts.queries import sstat as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.session import Session


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    try:
        given = read(table.ROWS, argv, environ, "sstat", lists=("jobs",), checks={"jobs": lambda text, _given: _refs(text)})
    except UsageError as error:
        raise accounted.without_hint(error) from None
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sstat", version, streams):
        return 0
    if given.has("helpformat"):
        streams.out.write(listed(COLUMNS, compat_without_cluster(environ, cluster)))
        return 0
    named = given.text("jobs") if given.has("jobs") else ",".join(given.operands[:1])
    refs = _refs(named)
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    asked = [words for name, words in (("pidformat", table.PIDS), ("format", given.text("format"))) if given.has(name)]
    words = ",".join(asked) if asked else table.DEFAULT_22_05 if session.compat < (23, 2) else table.DEFAULT
    made = accounted.parse(words, COLUMNS, session.compat, every=False)
    if not refs:
        raise UsageError("You didn't give me any jobs to stat.", 1)
    return show(session, given, refs, made, streams)


def _refs(text: str) -> list[ids.JobRef]:
    return list(dict.fromkeys(_ref(word) for word in text.split(",") if word))


def _ref(word: str) -> ids.JobRef:
    """What follows a second dot is nothing. Raises UsageError."""
    job, _, step = word.partition(".")
    step = step.partition(".")[0]
    if job.isascii() and job.isdecimal():
        # a number of 32 bits, as far as one of 64 can be read
        job = str(min(int(job), 2**63 - 1) & 0xFFFFFFFF)
        if int(job) in (0, 0xFFFFFFFF) and (not step or step.isdecimal()):
            return ids.JobRef(int(job), step=int(step) if step else None)
    try:
        return ids.parse_job(f"{job}.{step}" if step else job)
    except ValueError:
        whole = "Bad step specified" if step and job.isdecimal() else "Bad job/step specified"
        raise UsageError([("fatal", f"{whole}: {job if step and job.isdecimal() else word}")], 1) from None


_NONE: dict[str, list[Any]] = {"job_id": [], "step_id": []}


def show(session: Session, given: Given, refs: list[ids.JobRef], made: accounted.Layout, streams: Streams) -> int:
    """Each job on its own, so that what is said about one stands where it belongs."""
    forms = [name for name in given.order if name in ("parsable", "parsable2")]
    ended = forms[-1:] == ["parsable"]
    separator = "|" if forms else None
    view = AccountView(compat=session.compat, raw_units=given.has("noconvert"), cluster=session.cluster_name)
    if not given.has("noheader"):
        streams.out.write(accounted.header(made, separator, ended))
    names = list(dict.fromkeys([*made.needed(), "job_id", "step_id", "pids"]))
    for ref in refs:
        streams.out.flush()  # what is complained about stands behind it
        label = "" if session.compat < (23, 2) else "JobId="
        try:
            # no job has the id 0, and to Slurm it is not unknown
            columns, _, view.now = query(session, "sstat", names, {"ids": [str(ref)]}) if ref.job else (_NONE, 0, view.now)
        except SlurmError:
            streams.err.write(f"sstat: error: couldn't get steps for {label or 'job '}{str(ref).partition('.')[0]}\n")
            continue
        rows = chosen(columns["job_id"], columns["step_id"], ref, given.has("all_steps"))
        if not rows:
            if ref.step is None:
                streams.err.write(f"sstat: error: No steps running for {label or 'job '}{ref}\n")
            else:
                streams.err.write(f"sstat: error: StepId={ref if ref.job else 'Invalid'} not found running.\n")
            continue
        kept: dict[str, list[Any]] = {name: [values[row] for row in rows] for name, values in columns.items()}
        count = len(rows)
        if given.has("pidformat"):
            kept, count = by_node(kept), sum(len(parts) for parts in kept["pids"])
        streams.out.write(accounted.lines(made, kept, count, view, separator, ended))
    return 0


def by_node(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A row for each node of each step, with the processes there."""
    rows = [row for row, parts in enumerate(columns["pids"]) for _ in parts]
    made = {name: [values[row] for row in rows] for name, values in columns.items()}
    made["nodes"] = [node for parts in columns["pids"] for node, _ in parts]
    made["pids"] = [[part] for parts in columns["pids"] for part in parts]
    return made


def chosen(jobs: Sequence[int], steps: Sequence[str], ref: ids.JobRef, every: bool) -> list[int]:
    """Row numbers: the step that is named, all, or the first numbered one; of each job special steps before the others."""

    def place(row: int) -> tuple[int, bool, int]:
        step = steps[row]
        return jobs[row], step.isdecimal(), int(step) if step.isdecimal() else 0

    order = sorted(range(len(steps)), key=place)
    if ref.step is not None or every:
        return order
    return [row for row in order if steps[row].isdecimal()][:1]
