"""What goes along with a job or step from the place where it is submitted: environment, limits, umask, host."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.commands.report import Notes
    from mgpu_slurm.commands.session import Session

LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK")

def from_file(text: str, cwd: str) -> dict[str, str]:
    """--export-file: NUL-separated NAME=VALUE from a file, or from a descriptor by its number. UsageError."""
    if not text:
        raise UsageError("Could not open user environment file", 1)
    try:
        if text.isdecimal():
            pieces = []
            while piece := os.read(int(text), 1 << 20):
                pieces.append(piece)
            data = b"".join(pieces)
        else:
            with open(os.path.join(cwd, text), "rb") as file:
                data = file.read()
    except OSError:
        raise UsageError(f"Could not open user environment file {text}", 1) from None
    found: dict[str, str] = {}
    for entry in data.split(b"\0"):
        name, mark, value = os.fsdecode(entry).partition("=")
        if mark and name:
            found[name] = value
    return found


def limits(propagate: str | None) -> dict[str, int]:
    """The soft limits of this process that go along (--propagate; None: all), by name; -1 is unlimited."""
    names = list(LIMITS)
    if propagate == "NONE":
        return {}
    if propagate and propagate != "ALL":
        names = propagate.split(",")
    import resource

    found = {}
    for name in names:
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is not None:
            found[name] = resource.getrlimit(number)[0]
    return found


def tell_container(environment: dict[str, str], request: Mapping[str, Any]) -> None:
    """Name a job's or step's container to its processes, where nothing around it has done so."""
    other = request.get("other") or {}
    for name, option in (("SLURM_CONTAINER", "container"), ("SLURM_CONTAINER_ID", "container-id")):
        if option in other:
            environment.setdefault(name, other[option])


def umask(environ: Mapping[str, str]) -> int:
    """This process's umask, or SLURM_UMASK where an outer command has already noted one."""
    noted = environ.get("SLURM_UMASK", "")
    try:
        return int(noted, 8) & 0o777
    except ValueError:
        mask = os.umask(0o077)
        os.umask(mask)
        return mask


def host() -> str:
    """The short name of this host."""
    return os.uname().nodename.partition(".")[0]


def without_reserved(requests: Sequence[dict[str, Any]], session: Session, notes: Notes) -> None:
    """Cores and threads set apart are the configuration's to allow (AllowSpecResourcesUsage): where it does not, Slurm says
    so and goes on without."""
    if session.config is None or session.config.get("AllowSpecResourcesUsage"):
        return
    for field, option in (("core_spec", "-S"), ("thread_spec", "--thread-spec")):
        given = [request.pop(field, None) for request in requests]
        if given.count(None) < len(given):
            notes.error(f"Ignoring {option} since it's not allowed by configuration (AllowSpecResourcesUsage = No)")


def complete(request: dict[str, Any], environ: Mapping[str, str], propagate: str | None) -> None:
    """Add to a job's request what every submit command tells about itself."""
    request["submit_host"] = host()
    request.setdefault("other", {})["alloc-sid"] = str(os.getsid(0))
    request["umask"] = umask(environ)
    request["rlimits"] = limits(propagate)
