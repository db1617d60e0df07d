"""--send-libs of sbcast and srun: the shared libraries of a program go along with it, into a directory beside it."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands import filesending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.session import Session

EXCLUDED = "/lib,/usr/lib,/lib64,/usr/lib64"
"""Where libraries are that every node has, unless told otherwise."""


def excluded(session: Session, text: str) -> str:
    """The directories whose libraries stay, as a list: the option's, else the configuration's (BcastExclude); "none": nothing."""
    configured = str(session.config.get("BcastExclude") or "") if session.config is not None else ""
    return text or configured or EXCLUDED


def needed(program: str) -> list[str] | None:
    """The paths of what the program is linked with, as ldd tells; None where it cannot."""
    import subprocess

    try:
        told = subprocess.run(["ldd", program], capture_output=True, text=True, errors="surrogateescape", check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    words = (line.partition("=>")[2] or line for line in told.stdout.splitlines())
    return [word.split()[0] for word in words if word.strip().startswith("/")]


def kept(paths: Sequence[str], exclude: str) -> list[str]:
    """Those that lie in no excluded directory."""
    directories = [] if exclude.lower() == "none" else [part.rstrip("/") + "/" for part in exclude.split(",") if part]
    return [path for path in paths if not path.startswith(tuple(directories))]


def directory(program: str) -> str:
    """Where the libraries of a program lie on a node, by its path there."""
    return f"{program}_libs"


def accompany(
    session: Session, program: str, shown: str, exclude: str, shipment: filesending.Shipment, ask: Mapping[str, object],
    addresses: Mapping[str, Any], error: Callable[[str], None], skipped: Callable[[str], None] | None = None,
) -> dict[str, SlurmError]:  # fmt: skip
    """Send what the program is linked with after its shipment: node -> what went wrong first.

    `shown`: the program's name for `error`, which is told where nobody knows its libraries; `exclude`: the option's text;
    `ask`: the request for leave to send a file, which is given for one at a time; `skipped` hears of what stays here.
    SlurmError: there is no leave.
    """
    paths = needed(program)
    if paths is None:
        error(f"Cannot autodetect libraries for '{shown}' with ldd command; still sending the file but ignoring send_libs")
        return {}
    going = kept(paths, excluded(session, exclude))
    if skipped is not None:
        for path in paths:
            if path not in going:
                skipped(path)
    return _send(session, going, shipment, ask, addresses)


def _send(
    session: Session, paths: Sequence[str], shipment: filesending.Shipment, ask: Mapping[str, object],
    addresses: Mapping[str, Any],
) -> dict[str, SlurmError]:  # fmt: skip
    """Send files after the program of the shipment: node -> what went wrong first."""
    failed: dict[str, SlurmError] = {}
    for path in paths:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            return dict.fromkeys(shipment.paths, SlurmError(error.errno or 5, f"{path}: {error.strerror}"))
        try:
            places = {node: f"{directory(place)}/{os.path.basename(path)}" for node, place in shipment.paths.items()}
            library = filesending.Shipment(fd, places, session.call(ask))
            library.force, library.compress, library.make_directory = True, shipment.compress, True
            failed = {**filesending.send(library, addresses, session.signers), **failed}
        finally:
            os.close(fd)
    return failed
