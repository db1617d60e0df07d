"""`--dependency`: which jobs must have done what. Pure; the client sends the text as it stands, the controller reads it.

    afterok:12:13_[1-3],singleton      all must hold
    afterok:12?afterany:13             one is enough; a single `?` makes every separator mean that

`12` alone is `afterany:12`; `after:12+5` holds five minutes after 12 has started; `13_*` is every element of an array. A
state in parentheses, as squeue prints it behind an entry, is read over.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.intake import arrays

ESLURM_DEPENDENCY = 2038

EXPAND = "expand"
WITH_JOBS = ("after", "afterany", "afterok", "afternotok", "aftercorr", "afterburstbuffer", EXPAND)
SINGLETON = "singleton"
ALL_TASKS = -1

# Lists of array elements are written out, and must not fill the controller's memory.
MAX_CONDITIONS = 100_000


class Dependency:
    """One condition. `job_id` is 0 for singleton; `task` is None, an array index or ALL_TASKS; `minutes` of delay."""

    __slots__ = ("job_id", "kind", "minutes", "task")

    def __init__(self, kind: str, job_id: int = 0, task: int | None = None, minutes: int = 0) -> None:
        self.kind = kind
        self.job_id = job_id
        self.task = task
        self.minutes = minutes

    @property
    def text(self) -> str:
        """As squeue shows it, without the state."""
        if self.kind == SINGLETON:
            return self.kind
        task = "" if self.task is None else "_*" if self.task == ALL_TASKS else f"_{self.task}"
        return f"{self.kind}:{self.job_id}{task}" + (f"+{self.minutes}" if self.minutes else "")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dependency) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Dependency({self.text})"


def parse(text: str) -> tuple[list[Dependency], bool]:
    """The conditions, and whether one of them is enough. Empty and "0" are no condition.

    Conditions named twice count once, the first one's delay stays. Raises SlurmError 2038.
    """
    if text in ("", "0"):
        return [], False
    any_of = "?" in text
    found: dict[tuple[str, int, int | None], Dependency] = {}
    for clause in text.replace("?", ",").split(","):
        for one in _clause(clause):
            found.setdefault((one.kind, one.job_id, one.task), one)
        if len(found) > MAX_CONDITIONS:
            raise SlurmError(ESLURM_DEPENDENCY)
    return list(found.values()), any_of


def render(wanted: list[Dependency], any_of: bool) -> str:
    """The text from which parse makes the same conditions."""
    return ("?" if any_of else ",").join(one.text for one in wanted)


def _clause(clause: str) -> list[Dependency]:
    kind, colon, jobs = clause.partition(":")
    if not colon:
        bare = kind.partition("(")[0]
        if bare.lower() == SINGLETON:
            return [Dependency(SINGLETON)]
        return _jobs("afterany", bare)
    kind = kind.lower()
    if kind not in WITH_JOBS:
        raise SlurmError(ESLURM_DEPENDENCY)
    found = [one for job in jobs.split(":") for one in _jobs(kind, job)]
    if kind == EXPAND and len(found) > 1:
        raise SlurmError(ESLURM_DEPENDENCY)  # one job gets what another is given
    return found


def expands(text: str) -> bool:
    """Whether a job asks to be given to another, however the rest reads."""
    return any(clause.lower().startswith(EXPAND + ":") for clause in text.replace("?", ",").split(","))


def _jobs(kind: str, text: str) -> list[Dependency]:
    text, parenthesis, state = text.partition("(")
    if parenthesis and not state.endswith(")"):
        raise SlurmError(ESLURM_DEPENDENCY)
    text, plus, delay = text.partition("+")
    minutes = _number(delay) if plus else 0
    job, under, tasks = text.partition("_")
    job_id = _number(job)
    if job_id == 0:
        raise SlurmError(ESLURM_DEPENDENCY)
    if not under:
        return [Dependency(kind, job_id, None, minutes)]
    if tasks == "*":
        return [Dependency(kind, job_id, ALL_TASKS, minutes)]
    if tasks.startswith("[") and tasks.endswith("]"):
        try:
            numbers = arrays.parse(tasks, MAX_CONDITIONS)[0]
        except SlurmError:
            raise SlurmError(ESLURM_DEPENDENCY) from None
        return [Dependency(kind, job_id, task, minutes) for task in numbers]
    return [Dependency(kind, job_id, _number(tasks), minutes)]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10:
        raise SlurmError(ESLURM_DEPENDENCY)
    return int(text)
