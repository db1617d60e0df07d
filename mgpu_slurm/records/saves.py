"""What is written to the store: one record per thing that changed, as it was at that moment."""

from __future__ import annotations

import msgspec


class SaveJob(msgspec.Struct, kw_only=True):
    """The job's present record; `gone` removes it from the live set (history keeps it)."""

    job_id: int
    record: bytes  # msgspec JSON of records.job.Job at this moment
    state: str
    uid: int
    gone: bool = False


class SaveAttempt(msgspec.Struct, kw_only=True):
    """A run of a job that has gone back into the queue, as it was when the run was over, or the part of a run before its nodes
    changed: history alone looks at it."""

    job_id: int
    restart: int  # 0 for the first run; of a part of a run the moment of its end: milliseconds, negative
    record: bytes
    uid: int


class SaveStep(msgspec.Struct, kw_only=True):
    """A step of a job whose record no longer holds it."""

    job_id: int
    attempt: int  # of the job's starts the one it belongs to
    step_id: str
    record: bytes


class SaveScript(msgspec.Struct, kw_only=True):
    job_id: int  # array elements share their master's
    script: str
    environment: dict[str, str]


class SaveNode(msgspec.Struct, kw_only=True):
    """State that must survive a restart: drained, down by hand, reason, dynamic membership. An empty record: it is no more."""

    name: str
    record: bytes


class SavePartition(msgspec.Struct, kw_only=True):
    name: str
    record: bytes


class SaveReservation(msgspec.Struct, kw_only=True):
    """An empty record: it is no more."""

    name: str
    record: bytes = b""


class SaveCounter(msgspec.Struct, kw_only=True):
    """The next job id to give out."""

    next_job_id: int


class SaveRequest(msgspec.Struct, kw_only=True):
    """The answer to a request id, so that a retry is answered alike."""

    uid: int
    request_id: str
    answer: bytes
    time: float


Save = SaveJob | SaveAttempt | SaveStep | SaveScript | SaveNode | SavePartition | SaveReservation | SaveCounter | SaveRequest
