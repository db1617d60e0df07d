"""What a node daemon's core asks its shell to do (node/core.py)."""

from __future__ import annotations

from typing import Any

import msgspec

from mgpu_slurm.wire.messages import FromNode, JobFacts, LaunchBatch, TerminateJob

Key = tuple[int, str, int]
"""Job, step, attempt."""


class StartBatch(msgspec.Struct, kw_only=True):
    key: Key
    message: LaunchBatch


class StartProlog(msgspec.Struct, kw_only=True):
    """Run the job's Prolog, where it has not run yet, then say `prolog_done`."""

    job: JobFacts


class EndJob(msgspec.Struct, kw_only=True):
    """Nothing of the job lives here any more: run its Epilog, where one is asked for, then say `job_over`."""

    message: TerminateJob


class Tell(msgspec.Struct, kw_only=True):
    """A word for the step's supervisor."""

    key: Key
    word: dict[str, Any]


class Report(msgspec.Struct, kw_only=True):
    """A message for the controller, until it is handled; with `key` until `Unreport`, also after the controller's restart."""

    message: FromNode
    key: str = ""


class Unreport(msgspec.Struct, kw_only=True):
    key: str


class Forget(msgspec.Struct, kw_only=True):
    """The spool entry may go."""

    key: Key


class CleanUp(msgspec.Struct, kw_only=True):
    """The supervisor died: kill what it left behind, then say `cleaned`."""

    key: Key


class StopDaemon(msgspec.Struct, kw_only=True):
    pass


class Note(msgspec.Struct, kw_only=True):
    """A line for the log."""

    text: str


Effect = StartBatch | StartProlog | EndJob | Tell | Report | Unreport | Forget | CleanUp | StopDaemon | Note
