"""Calls of the kernel that Python does not wrap. Loaded before the first fork, so that a supervisor pays nothing for it."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)
_prctl = _libc.prctl
_prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]


def become_subreaper() -> None:
    """Orphaned descendants become this process's children instead of init's. OSError."""
    _call(PR_SET_CHILD_SUBREAPER, 1)


def set_name(name: str) -> None:
    """The name that ps and top show (15 bytes)."""
    text = ctypes.create_string_buffer(name.encode()[:15])
    _call(PR_SET_NAME, ctypes.addressof(text))


def _call(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
