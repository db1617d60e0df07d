"""The submitter's soft limits, carried to the task."""

from __future__ import annotations

import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

IGNORED = frozenset({"AS"})
"""A limit of address space kills CUDA when it creates its context."""


_files = resource.getrlimit(resource.RLIMIT_NOFILE)


def take_files() -> None:
    """Let this process open as many files as it may at all: a supervisor holds several for each of its tasks."""
    global _files
    _files = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_files[1], _files[1]))
    except (OSError, ValueError):
        pass  # an unlimited number is more than some kernels allow; the usual number does for the usual step


def give_back_files() -> None:
    """In a child that becomes a user's program: the limit as it was."""
    resource.setrlimit(resource.RLIMIT_NOFILE, _files)


def apply(limits: Mapping[str, int]) -> list[str]:
    """Set soft limits by name ("NOFILE"; -1 = unlimited), no higher than the hard limit.
    Returns a line for each that could not be set."""
    failed = []
    for name, value in limits.items():
        number = getattr(resource, "RLIMIT_" + name, None)
        if number is None or name in IGNORED:
            continue
        soft = resource.RLIM_INFINITY if value < 0 else value
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
            soft = hard
        try:
            resource.setrlimit(number, (soft, hard))
        except (OSError, ValueError):
            failed.append(f"Can't propagate RLIMIT_{name} of {value} from submit host")
    return failed
