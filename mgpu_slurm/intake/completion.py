"""What shells may complete, from the tables: options, their values, and what stands behind a program without one. Pure.

completion_bash.py, completion_zsh.py and completion_fish.py write it down; man/build puts that into packaging/completions/.
Ids of jobs, names of nodes and the like are asked of the cluster while one types, with MGPU_QUICK set, so that nobody waits
for a controller that is away and no cluster is started by a press of a key.
"""

from __future__ import annotations

from mgpu_slurm.facts import places, programs
from mgpu_slurm.facts.option import NONE, OPTIONAL
from mgpu_slurm.facts.queries import scontrol, scontrol_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.facts.option import Option


class Entry:
    """One option of a program. `names` as typed, longest first; `source` of its value as in facts/places.py."""

    __slots__ = ("argument", "help", "letter", "long", "optional", "place", "source", "words")

    def __init__(self, program: str, row: Option, long: list[str]) -> None:
        self.long = long
        self.letter = row.letter
        self.argument = row.arg != NONE
        # squeue and sprio take a list of these from the next word as well
        self.optional = row.arg == OPTIONAL and row.sets not in ("jobs", "steps")
        self.help = row.help
        self.place, self.source = places.place(row) if self.argument else ("", "")
        self.words = places.words(program, row) if self.argument else ()
        if self.source == "words" and not self.words:
            self.source = ""

    def spelled(self) -> list[str]:
        """-t and --time, as a shell sees them without their value."""
        return [*(f"--{name}" for name in self.long), *([f"-{self.letter}"] if self.letter else [])]


def entries(program: str) -> list[Entry]:
    """The options of a program that texts show, with all their names."""
    return [Entry(program, row, [name for name in [row.name, *others] if name]) for row, others in programs.visible(program)]


OPERANDS: dict[str, str] = {
    "sbatch": "files", "srun": "commands", "salloc": "commands", "scancel": "own", "cancel": "own", "sattach": "steps",
    "sbcast": "files", "sstat": "own", "scontrol": "scontrol", "client": "words", "cluster": "words",
}  # fmt: skip
"""Source of what stands behind a program without an option; "own" are jobs that the user may change."""


def verbs(program: str) -> list[str]:
    """The first words of a program with commands of its own."""
    if program == "scontrol":
        return [name for name, *_ in scontrol.KEYWORDS]
    return [left.split()[0] for left, _ in programs.verbs(program)]


JOB_VERBS = ("hold", "uhold", "release", "requeue", "requeuehold", "suspend", "resume", "top", "wait_job")
"""scontrol's keywords behind which ids of jobs stand."""

ENTITY_SOURCES = {
    "jobs": "jobs", "job": "jobs", "nodes": "nodes", "node": "nodes", "partitions": "partitions", "partition": "partitions",
    "reservations": "reservations", "reservation": "reservations", "steps": "steps", "step": "steps",
}  # fmt: skip
"""scontrol show ENTITY -> what may stand behind it."""


def entities() -> list[str]:
    """What scontrol shows, by the names in use: "job" for "jobs"."""
    singular = {"jobs": "job", "nodes": "node", "partitions": "partition", "reservations": "reservation", "steps": "step"}
    return [singular.get(name, name) for name, _ in scontrol.ENTITIES]


SUBJECTS = {
    "JobId": "own", "NodeName": "nodes", "PartitionName": "partitions", "ReservationName": "reservations", "StepId": "steps",
}  # fmt: skip
"""scontrol update SUBJECT=: what the value is."""

NODE_STATES = ("DOWN", "DRAIN", "FAIL", "NORESP", "RESUME", "UNDRAIN", "POWER_DOWN", "POWER_UP")


def update_keys() -> list[str]:
    """What may be changed of a job."""
    return [row[0] for row in scontrol_keys.JOB_KEYS]


def files() -> dict[str, str]:
    """Name below packaging/completions/ -> text."""
    from mgpu_slurm.intake import completion_bash, completion_fish, completion_zsh

    return {"mgpu.bash": completion_bash.text(), "_mgpu": completion_zsh.text(), "mgpu.fish": completion_fish.text()}
