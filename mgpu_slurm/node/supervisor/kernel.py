"""Calls of the kernel that Python does not wrap. Loaded before the first fork, so that a supervisor pays nothing for it."""

from __future__ import annotations

import ctypes
import errno
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

PTRACE_TRACEME = 0
PTRACE_CONT = 7
PTRACE_DETACH = 17

SYS_CLONE3 = 435  # the same on every architecture
CLONE_INTO_CGROUP = 0x200000000

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


_ptrace = _libc.ptrace
_ptrace.restype = ctypes.c_long
_ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


def stop_when_loaded() -> None:
    """This process stops when it next executes a program, before that program's first instruction; its parent must hand it
    over by `leave_stopped`. Where nobody may trace, it stops here and now."""
    if _ptrace(PTRACE_TRACEME, 0, None, None) != 0:
        os.kill(os.getpid(), signal.SIGSTOP)


def leave_stopped(pid: int, number: int) -> None:
    """A child that has stopped as traced, by the signal `number`: with its program loaded it stays stopped, traced by nobody
    any more; any other signal is let through to it."""
    if number == signal.SIGTRAP:
        _ptrace(PTRACE_DETACH, pid, None, signal.SIGSTOP)
    else:
        _ptrace(PTRACE_CONT, pid, None, number)


class _CloneArgs(ctypes.Structure):
    """struct clone_args of <linux/sched.h>, in its third version (Linux 5.7)."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size", "tls", "set_tid", "set_tid_size",
            "cgroup",
        )
    ]  # fmt: skip


# It keeps the interpreter's lock: the child must come back as the only thread, and hold it.
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_syscall.argtypes = [ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t]


def fork_into(cgroup: int) -> int:
    """Fork a child that begins its life in the cgroup of this descriptor; returns as os.fork does.

    For a process of one thread whose child soon executes another program: what Python and the C library do in a child for
    threads is left out. Moving a living process into a cgroup instead makes it wait for a grace period of the kernel's RCU,
    some 10 ms. OSError: this kernel, or a filter on its calls, does not know how (Linux before 5.7, some containers).
    """
    args = _CloneArgs(flags=CLONE_INTO_CGROUP, exit_signal=signal.SIGCHLD, cgroup=cgroup)
    pid = int(_syscall(SYS_CLONE3, ctypes.addressof(args), ctypes.sizeof(args)))
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid


_SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361}
_bpf = ctypes.CDLL(None, use_errno=True).syscall
_bpf.restype = ctypes.c_long
_bpf.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]


def address_of(data: bytes) -> ctypes.c_void_p:
    """Where the bytes of an object lie, as long as it lives."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)


def bpf(command: int, attributes: bytes) -> int:
    """One call of bpf(2); a descriptor or 0. OSError."""
    number = _SYS_BPF.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    answer = int(_bpf(number, command, attributes, len(attributes)))
    if answer < 0:
        failed = ctypes.get_errno()
        raise OSError(failed, f"bpf: {os.strerror(failed)}")
    return answer


def _call(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
