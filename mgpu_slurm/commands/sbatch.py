"""sbatch: a script becomes a job. The id that is printed is a promise of the controller; --wait stays until it is over."""

from __future__ import annotations

import time

from mgpu_slurm.base.errors import (
    ESLURM_INVALID_GRES,
    ESLURM_MAX_JOB_COUNT,
    ESLURM_NODES_BUSY,
    ESLURM_PORTS_BUSY,
    ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE,
    SlurmError,
)
from mgpu_slurm.commands import surroundings
from mgpu_slurm.commands.report import Notes, error_status, test_line
from mgpu_slurm.commands.session import Session, find_session, new_request_id
from mgpu_slurm.intake import exports, submit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

_AGAIN = 11  # EAGAIN

FULL_TRIES = 15
"""How often a full queue is asked again, with waits that grow by a second, as Slurm does."""


def run(argv: list[str], environ: Mapping[str, str], cwd: str, streams: Any, cluster: str = "-") -> int:
    """The command. Returns its exit status; UsageError and ConfigError are the rim's to print."""
    session = find_session(environ, cluster)
    try:
        asked = submit.parse("sbatch", argv, environ, cwd, compat=session.compat, governors=session.governors)
    except submit.Finished as done:
        streams.out.write(done.text)
        return done.status
    notes = Notes("sbatch", streams, asked.client, session.compat)
    for line in asked.warnings:
        notes.line(line)
    notes.defined(asked.components, environ)
    surroundings.without_reserved(asked.requests, session, notes)
    prepare(asked, environ, cwd, notes)
    session.ensure(environ)
    if "clusters" in asked.client:
        from mgpu_slurm.commands import clusters

        clusters.of_request(asked.client, session.cluster_name, "sbatch", streams)
        asked.client["clusters"] = session.cluster_name
    message: dict[str, Any] = {"kind": "submit_job", "requests": asked.requests, "request_id": new_request_id()}
    client = asked.client
    if client.get("test_only"):
        return test(session, {**message, "test_only": True}, notes, environ)
    try:
        answer = send(session, message, notes)
    except SlurmError as error:
        refused(notes, error, "Batch job submission failed: ")
        return error_status(environ)
    notes.from_controller(answer.get("warnings", []))
    announce(answer, client, streams)
    if client.get("wait"):
        flush(streams)
        return wait(session, answer["job_id"], notes)
    return 0


def prepare(asked: submit.Submission, environ: Mapping[str, str], cwd: str, notes: Notes) -> None:
    """Complete the requests with environment, limits, umask and host."""
    client = asked.client
    export = client.get("export")
    if "export_file" in client:
        environment = surroundings.from_file(client["export_file"], cwd)
        login = False  # the file is all that there is
    else:
        environment, problems = exports.apply(export, environ)
        for text in problems:
            notes.error(text)
        login = exports.loads_login(export, notes.compat)
    for index, request in enumerate(asked.requests):
        surroundings.complete(request, environ, client.get("propagate"))
        if index == 0:
            request["environment"] = environment
            first = asked.components[0]
            named = "name" in first.sources or asked.operands or "wrap" in client
            if named and "export_file" not in client:
                # a script from standard input has a name in the queue alone
                environment["SLURM_JOB_NAME"] = request["name"]
            if "dependency" in client and "export_file" not in client:
                environment["SLURM_JOB_DEPENDENCY"] = ""
            surroundings.tell_container(environment, request)
        if login:
            request["get_user_env"] = True


def send(
    session: Session, message: dict[str, Any], notes: Notes, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """Submit, and ask again while the queue is full or what is needed is busy. SlurmError for any other refusal."""
    tries = 0
    while True:
        try:
            return session.call(message)
        except SlurmError as error:
            text = _retry_text(error)
            if not text or tries >= FULL_TRIES:
                raise
            if tries == 0:
                (notes.info if text.startswith("Job creation") else notes.error)(text)
            tries += 1
            sleep(float(tries))


def _retry_text(error: SlurmError) -> str:
    if error.code == ESLURM_MAX_JOB_COUNT:
        return "Slurm job queue full, sleeping and retrying"
    if error.code == _AGAIN:
        return "Slurm temporarily unable to accept job, sleeping and retrying"
    if error.code in (ESLURM_NODES_BUSY, ESLURM_PORTS_BUSY):
        return "Job creation temporarily disabled, retrying"
    return ""


def refused(notes: Notes, error: SlurmError, what: str) -> None:
    """A refusal, after the controller's own words about it where it sent some."""
    for line in (getattr(error, "detail", "") or "").splitlines() if type(error).__name__ == "RequestRefused" else ():
        notes.error(line)
    if error.code == ESLURM_INVALID_GRES:
        what = ""  # Slurm's commands know the names of the cluster's resources and complain themselves
    notes.error(f"{what}{error.text}")


def test(session: Session, message: dict[str, Any], notes: Notes, environ: Mapping[str, str]) -> int:
    """--test-only: when and where it would start."""
    try:
        answer = session.call(message)
    except SlurmError as error:
        told = type(error).__name__ == "RequestRefused" and error.code != ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE
        for line in (getattr(error, "detail", "") or "").splitlines() if told else ():
            notes.error(line)
        if error.code == ESLURM_INVALID_GRES:
            notes.error(error.text)
        else:
            notes.line(f"allocation failure: {error.text}")
        return error_status(environ)
    parts = answer.get("components") if notes.prog == "srun" else None
    for part in parts or [answer]:
        notes.info(test_line(part, session.compat))
    return 0


def announce(answer: Mapping[str, Any], client: Mapping[str, Any], streams: Any) -> None:
    """The line on standard output that scripts read."""
    named = client.get("clusters")
    cluster = answer.get("cluster") or named
    if client.get("parsable"):
        streams.out.write(f"{answer['job_id']};{cluster}\n" if named else f"{answer['job_id']}\n")
    elif not client.get("quiet"):
        where = f" on cluster {cluster}" if named else ""
        streams.out.write(f"Submitted batch job {answer['job_id']}{where}\n")


def flush(streams: Any) -> None:
    """Let whoever waits for the line have it now."""
    method = getattr(streams.out, "flush", None)
    if method is not None:
        method()


def wait(session: Session, job_id: int, notes: Notes) -> int:
    """Stay until the job, or every element of the array, is over: its exit code, 1 where a signal ended it.

    A controller that goes away meanwhile is asked again when it is back, for as long as that takes.
    """
    turn = 0
    while True:
        try:
            answer = session.call({"kind": "wait_job", "job_id": job_id}, timeout=86400.0)
            break
        except SlurmError as error:
            if type(error).__name__ != "ControllerUnreachable":
                notes.error(f"Job {job_id} no longer found and exit code not found")
                return 1
            turn += 1
            time.sleep(min(0.5 * turn, 10.0))
    status = int(answer["exit_code"])
    if status & 0x7F:
        return 1
    return (status >> 8) & 0xFF
