"""srun --bcast: the program goes to every node of the step first, and is started from where it was put."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands import filesending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session


class NotBrought(Exception):
    """Some node does not have the program; `lines` say why."""

    def __init__(self, program: str, lines: Sequence[str]) -> None:
        super().__init__(program)
        self.program = program
        self.lines = list(lines)


def bring(
    session: Session, word: str, client: Mapping[str, Any], step: str, parts: Sequence[Mapping[str, Any]],
    addresses: Mapping[str, Any], cwd: str, notes: Notes,
) -> dict[str, str]:  # fmt: skip
    """Copy the program that `word` names, and its libraries where --send-libs asks for them: node -> its path there. NotBrought.

    As in Slurm an absolute name is taken as it is, and everything else only names a directory: the file is called after
    step and node. What is there already is replaced, times and mode are kept.
    """
    program = found(word, cwd)
    wanted = client.get("bcast")
    wanted = wanted if isinstance(wanted, str) else ""
    paths = {str(part["node"]): target(wanted, step, str(part["node"]), cwd) for part in parts}
    try:
        fd = os.open(program, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NotBrought(program, [f"Can't open `{program}`: {error.strerror}"]) from error
    try:
        job, _, number = step.partition(".")
        ask = {"kind": "get_job_setup", "job_id": int(job), "step_id": number, "transfer": True}
        setup = session.call(ask)
        shipment = filesending.Shipment(fd, paths, setup)
        shipment.force = True
        shipment.compress = client.get("compress") not in (None, False, "none")
        shipment.keep_times()
        failed = filesending.send(shipment, addresses, session.signers)
        if not failed and client.get("send_libs"):
            from mgpu_slurm.commands import libraries

            exclude = str(client.get("bcast_exclude") or "")
            failed = libraries.accompany(session, program, program, exclude, shipment, ask, addresses, notes.error)
    except SlurmError as error:
        raise NotBrought(program, [f"Slurm job {step} lookup error: {error.text}"]) from error
    finally:
        os.close(fd)
    if failed:
        raise NotBrought(program, [f"REQUEST_FILE_BCAST({node}): {error.text}" for node, error in sorted(failed.items())])
    return paths


def target(wanted: str, step: str, node: str, cwd: str) -> str:
    """Where the program goes on a node."""
    if wanted.startswith("/") and not wanted.endswith("/"):
        return wanted
    directory = wanted.rstrip("/") if wanted.startswith("/") else cwd.rstrip("/")
    return f"{directory}/slurm_bcast_{step}_{node}"


def found(word: str, cwd: str) -> str:
    """The path of a program as the shell finds it; the word itself where there is none."""
    if "/" in word:
        return os.path.join(cwd, word)
    for directory in os.environ.get("PATH", "/usr/bin:/bin").split(":"):
        path = os.path.join(cwd, directory, word)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return word
