"""scontrol update of jobs: which jobs are meant, and what of the words the controller is asked to change."""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands.scontrol_job_values import READERS, SIGNED, Left, Word, Wrong
from mgpu_slurm.commands.scontrol_update import meant, row_of, send, unsupported
from mgpu_slurm.facts.queries.scontrol_keys import JOB_KEYS, LATER_JOB_KEYS, SUBJECTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from mgpu_slurm.commands.scontrol import Desk

    Changes = list[tuple[str, str]]

def update(desk: Desk, words: Sequence[str], by_name: str | None) -> None:
    """`by_name`: JobName= is the selector, of UserId= where given."""
    job, pairs = _parted(words)
    if pairs is None:
        desk.complain(f"Invalid input: {job}")
        desk.complain("Request aborted")
        return
    if by_name is not None:
        user = next((text for key, _, text, _ in pairs if meant(key, _USER)), "")
        selector = next(pair for pair in pairs if meant(pair[0], SUBJECTS) == "jobname")
        pairs = [pair for pair in pairs if pair is not selector and not meant(pair[0], _USER)]
        job = _named(desk, by_name, user)
        if not job:
            return
    changes = read(desk, job, pairs)
    if changes is None:
        return
    resizes = any(key in ("numnodes", "reqnodelist") for key, _ in changes)
    if resizes and job.isdecimal() and _is_several(desk, job):
        desk.complain("scontrol: error: Job resizing not supported for job arrays")
        return
    send(desk, "job", job, changes)
    if resizes and not desk.status and "SLURM_JOBID" in desk.environ:  # for the shells of a job
        from mgpu_slurm.commands import resizescripts

        resizescripts.write(desk, job)


def _is_several(desk: Desk, job: str) -> bool:
    """Whether an array of which tasks have records of their own."""
    from mgpu_slurm.commands.query_options import query

    try:
        return query(desk.session(), "jobs", ["array_task_id"], {"ids": [job]})[1] > 1
    except SlurmError:
        return False  # the change itself is refused, in its own words


_USER = (("UserId", 3, "user"),)


def _parted(words: Sequence[str]) -> tuple[str, list[tuple[str, str, str, str]] | None]:
    """The job named last, and (key, sign, value, as typed) of the rest; the word that cannot be and None."""
    job, pairs = "", []
    parts = iter(words)
    for word in parts:
        key, equals, text = word.partition("=")
        if meant(key, SUBJECTS) == "job":
            if not equals:
                following = next(parts, None)
                if following is None:
                    return word, None
                text = following
            job = text
            continue
        if not equals and key.lower() not in _BARE:
            return word, None
        sign = key[-1] if key[-1:] in ("+", "-") else ""
        pairs.append((key.removesuffix(sign) if sign else key, sign, text if equals else _BARE[key.lower()], word))
    return job, pairs


_BARE = {"nice": "100", **{"ResetAccrueTime"[:size].lower(): "" for size in range(6, 16)}}
"""Keys that may stand without a value, and the value that they then have."""


def _named(desk: Desk, name: str, user: str) -> str:
    """The ids of all jobs of a name; "" after a complaint."""
    from mgpu_slurm.commands.query_options import query, uid_of

    filters = {"names": [name], "states": ["live"]}
    whose = ""
    if user:
        uid = uid_of(user)
        if uid is None:
            desk.complain(f"Invalid UserID: {user}")
            desk.complain("Request aborted")
            return ""
        filters["users"] = [user]
        whose = f"user ID {uid} and "
    columns, count, _ = query(desk.session(), "jobs", ["job_id"], filters)
    if not count:
        desk.complain(f"scontrol: error: No jobs with {whose}name '{name}'")
    return ",".join(str(one) for one in columns["job_id"])


def read(desk: Desk, job: str, pairs: Sequence[tuple[str, str, str, str]]) -> Changes | None:
    """The changes under the controller's names; None after a complaint, or where nothing is left to change."""
    sent, counted = [], 0
    for key, sign, text, typed in pairs:
        row = row_of(key, JOB_KEYS)
        name = "" if row is None else row[2] or row[0].lower()
        if row is None or (row[3] == "bare" and "=" in typed) or desk.session().compat < LATER_JOB_KEYS.get(name, (0, 0)):
            unsupported(desk, typed)
            return None
        word = Word(desk, job, typed, sign, text, name, row[0])
        try:
            value = READERS[row[3]](word)
            if sign and row[3] not in SIGNED:
                raise Wrong(f"scontrol: error: Option {typed} does not accept [+|-]= syntax")
        except Wrong as problem:
            for line in problem.lines:
                desk.complain(line)
            return None
        except Left as left:
            if left.line:
                desk.streams.err.write(left.line + "\n")
            counted += left.counts
        else:
            sent.append((name, value))
    if not sent and not counted:
        desk.complain("No changes specified")
        if any(row_of(key, JOB_KEYS) == _GRES and text == "help" for key, _, text, _ in pairs):
            desk.say("Valid gres options are:\ngpu[[:type]:count]\n")
    return sent or None


_GRES = row_of("gres", JOB_KEYS)
