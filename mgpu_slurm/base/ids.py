"""Ids of jobs, array tasks, components of heterogeneous jobs and steps, as users write them.

    123            job                      123.0          step
    123_4          task of an array         123.batch      batch script (.extern, .interactive likewise)
    123_[1-3,7]    several tasks            123_4.0        step of a task
    123_*          all tasks (scancel)      123+1          component; 123.0+1 component of a step
"""

from __future__ import annotations

from mgpu_slurm.base import idset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

BATCH_STEP = -5
EXTERN_STEP = -4
INTERACTIVE_STEP = -6
EXTERN = EXTERN_STEP
INTERACTIVE = INTERACTIVE_STEP

ALL_TASKS = "*"
NO_VALUE = 0xFFFFFFFE
"""What Slurm puts where a number is not set: %a of a job that is no array, for one."""

MAX_JOB_ID = 0xFFFFFFFD

STEP_NUMBERS = {"batch": BATCH_STEP, "extern": EXTERN_STEP, "interactive": INTERACTIVE_STEP}
STEP_WORDS = {number: word for word, number in STEP_NUMBERS.items()}


class JobRef:
    """What a user's id text means.

    `tasks` is None (no array part), a sorted list of task ids, or "*"; `het` the component's offset or None;
    `step` None, a step number, or one of the words batch, extern, interactive.
    """

    __slots__ = ("het", "job", "step", "tasks")

    def __init__(
        self, job: int, tasks: list[int] | str | None = None, het: int | None = None, step: int | str | None = None
    ) -> None:
        self.job = job
        self.tasks = tasks
        self.het = het
        self.step = step

    @property
    def task(self) -> int | None:
        """The array task where exactly one is named."""
        return self.tasks[0] if isinstance(self.tasks, list) and len(self.tasks) == 1 else None

    @property
    def step_number(self) -> int | None:
        """The step as a number, the special steps as their constants."""
        return STEP_NUMBERS[self.step] if isinstance(self.step, str) else self.step

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JobRef):
            return NotImplemented
        return (self.job, self.tasks, self.het, self.step) == (other.job, other.tasks, other.het, other.step)

    def __hash__(self) -> int:
        return hash((self.job, str(self.tasks), self.het, self.step))

    def __str__(self) -> str:
        return format_ref(self)

    def __repr__(self) -> str:
        return f"JobRef({format_ref(self)})"


def _number(word: str, whole: str) -> int:
    if not (word.isascii() and word.isdecimal()) or len(word) > 10 or int(word) > MAX_JOB_ID:
        raise ValueError(f"not a job id: {whole}")
    return int(word)


def parse_job(text: str) -> JobRef:
    """Read one id. Raises ValueError, also for job 0."""
    head, dot, step_text = text.partition(".")
    het: int | None = None
    tasks: list[int] | str | None = None
    step: int | str | None = None
    head, underscore, task_text = head.partition("_")
    if underscore:
        if task_text == ALL_TASKS or task_text == "[*]":
            tasks = ALL_TASKS
        elif task_text.startswith("[") and task_text.endswith("]"):
            tasks = idset.parse(task_text)
            if not tasks:
                raise ValueError(f"not a job id: {text}")
        else:
            tasks = [_number(task_text, text)]
    elif "+" in head:
        head, _, offset = head.partition("+")
        het = _number(offset, text)
    if dot:
        step_text, plus, offset = step_text.partition("+")
        if plus:
            if het is not None:
                raise ValueError(f"not a job id: {text}")
            het = _number(offset, text)
        step = step_text.lower() if step_text.lower() in STEP_NUMBERS else _number(step_text, text)
    job = _number(head, text)
    if job == 0:
        raise ValueError(f"not a job id: {text}")
    return JobRef(job, tasks, het, step)


def listed(text: str) -> list[str]:
    """Ids between commas; a comma in brackets belongs to its id."""
    found = [""]
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if char == "," and depth <= 0:
            found.append("")
        else:
            found[-1] += char
    return [word for word in found if word]


def format_job(job: int, task: int | None = None, het: int | None = None) -> str:
    """123, 123_4, 123+1."""
    if task is not None:
        return f"{job}_{task}"
    return str(job) if het is None else f"{job}+{het}"


def format_tasks(tasks: Iterable[int]) -> str:
    """The part after the underscore for tasks that wait: [1-3,7]."""
    return f"[{idset.fold_steps(tasks)}]"


def is_numbered(step: str) -> bool:
    """Whether a step's id is a number, of a part a number with the part's ("0+1"), and no word such as batch."""
    return step[:1].isdecimal()


def format_step(step: int | str) -> str:
    """0, batch, extern, interactive, from a number (special ones by their constants) or a word."""
    return step if isinstance(step, str) else STEP_WORDS.get(step, str(step))


def format_job_step(job: int, step: int | str, task: int | None = None, het: int | None = None) -> str:
    """123.0, 123.batch, 123_4.0, 123+1.0."""
    return f"{format_job(job, task, het)}.{format_step(step)}"


def format_ref(ref: JobRef) -> str:
    """The text `parse_job` reads back."""
    text = str(ref.job)
    if ref.tasks == ALL_TASKS:
        text += "_*"
    elif isinstance(ref.tasks, list):
        text += f"_{ref.tasks[0]}" if len(ref.tasks) == 1 else f"_[{idset.fold(ref.tasks)}]"
    elif ref.het is not None and ref.step is None:
        text += f"+{ref.het}"
    if ref.step is not None:
        text += f".{format_step(ref.step)}"
        if ref.het is not None:
            text += f"+{ref.het}"
    elif ref.het is not None and ref.tasks is not None:
        raise ValueError("an array task has no component")
    return text
