"""A share of an allocation for a step: asking the controller for it, and waiting where other steps hold it."""

from __future__ import annotations

import os
import select

from mgpu_slurm.base.errors import ESLURM_ALREADY_DONE, SlurmError, strerror
from mgpu_slurm.commands import surroundings
from mgpu_slurm.commands.allocating import STOPPING
from mgpu_slurm.commands.session import new_request_id
from mgpu_slurm.wire import client

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from mgpu_slurm.commands.allocating import Owner
    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session
    from mgpu_slurm.commands.stepsignals import SignalPipe


class NoStep(Exception):
    """There is no step; the user has been told why."""


def existing(session: Session, text: str, notes: Notes) -> dict[str, Any]:
    """The allocation that --jobid or SLURM_JOB_ID names (AllocationState with facts). NoStep."""
    try:
        state = session.call({"kind": "get_job_setup", "job_id": job_number(session, text)})
    except SlurmError as error:
        if error.code == ESLURM_ALREADY_DONE:
            notes.error(f"Slurm job {text} has expired")
        else:
            notes.error(f"Unable to confirm allocation for job {text}: {error.text}")
        notes.info(f"Check SLURM_JOB_ID environment variable. Expired or invalid job {text}")
        raise NoStep from None
    if not state.get("facts"):
        notes.error(f"Unable to confirm allocation for job {text}: job is {state.get('state')}")
        raise NoStep
    return state


def job_number(session: Session, text: str) -> int:
    """The job of an id; an array's element ("5_3") is looked up. SlurmError."""
    number = text.partition(".")[0]
    if number.isdecimal():
        return int(number)
    table = session.call({"kind": "query", "table": "jobs", "columns": ["job_id"], "filters": {"ids": [number]}})
    rows = table["columns"][0]
    return int(rows[0]) if rows else 0


def create(
    session: Session, requests: list[dict[str, Any]], notes: Notes, signals: SignalPipe, owner: Owner | None
) -> dict[str, Any]:
    """Ask for a step of one or several parts and wait for it (StepCreated). NoStep: refused, or given up."""
    job_id = requests[0]["job_id"]
    message = {
        "kind": "create_step", "request": requests[0], "others": requests[1:], "request_id": new_request_id(),
        "src_host": surroundings.host(), "src_pid": os.getpid(),
    }  # fmt: skip
    told = False
    while True:
        try:
            connection, answer = session.reach(message)
            with connection:
                while answer.get("kind") == "step_pending":
                    if not told:
                        why = str(answer.get("text") or "")
                        job_id = int(answer.get("job_id") or job_id)
                        notes.info(f"Job {job_id} step creation temporarily disabled, retrying ({why})")
                        told = True
                    answer = _next(connection, job_id, notes, signals, owner)
            break
        except client.ControllerUnreachable as error:
            if not told:  # nobody was there in the first place
                _refused(notes, job_id, error)
        except SlurmError as error:
            _refused(notes, job_id, error)
    if told:
        what = f"job {job_id}" if session.compat < (23, 2) else f"StepId={job_id}.{answer['step_id']}"
        notes.info(f"Step created for {what}")
    return answer


def _refused(notes: Notes, job_id: int, error: SlurmError) -> None:
    for line in getattr(error, "detail", "").splitlines() if isinstance(error, client.RequestRefused) else ():
        notes.error(line)
    notes.error(f"Unable to create step for job {job_id}: {error.text}")
    raise NoStep


def _next(
    connection: client.Connection, job_id: int, notes: Notes, signals: SignalPipe, owner: Owner | None
) -> dict[str, Any]:
    """The next answer about a step that waits."""
    poll = select.poll()
    poll.register(signals.fileno(), select.POLLIN)
    poll.register(connection.fileno(), select.POLLIN)
    if owner is not None and owner.fileno() is not None:
        poll.register(owner.fileno() or 0, select.POLLIN)
    while not connection.ready():
        seen = dict(poll.poll(1000))
        number = next((number for number in signals.take() if number in STOPPING), 0)
        if number:
            if notes.compat >= (23, 2):
                notes.info(f"Cancelled pending step for job {job_id}")
            else:
                notes.info(f"Cancelled pending job step with signal {number}")
                notes.error(f"Unable to create step for job {job_id}: {strerror(ESLURM_ALREADY_DONE, notes.compat)}")
            raise NoStep
        if owner is not None:
            owner.events(owner.fileno() in seen)
            if owner.ended:
                notes.error(f"Unable to create step for job {job_id}: Job/step already completing or completed")
                raise NoStep
        if connection.fileno() in seen:
            break
    answer = connection.receive(client.REQUEST_TIMEOUT)
    return answer if isinstance(answer, dict) else {}


def done(session: Session, job_id: int, step_id: str, status: int, failed: bool, notes: Notes) -> None:
    """Tell the controller that all tasks have ended, so that the next step can have what they held."""
    message = {"kind": "step_done", "job_id": job_id, "step_id": step_id, "exit_code": status, "failed": failed}
    try:
        session.call(message)
    except SlurmError as error:
        # The nodes report it, too; only the next step may have to wait longer.
        notes.detail(f"error: could not report the end of StepId={job_id}.{step_id}: {error.text}")
