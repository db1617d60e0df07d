"""The one program behind every name: looks the name up, imports its room, runs it, and shows what went wrong once.

This is the rim. Whatever a command raises ends here, as one line in Slurm's form and an exit status; no traceback
reaches a user unless MGPU_DEBUG is set in the environment.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, TextIO

PROGRAMS = {
    "srun": ("mgpu_slurm.commands.srun", "run"),
    "sbatch": ("mgpu_slurm.commands.sbatch", "run"),
    "salloc": ("mgpu_slurm.commands.salloc", "run"),
    "squeue": ("mgpu_slurm.commands.squeue", "run"),
    "scancel": ("mgpu_slurm.commands.scancel", "run"),
    "sinfo": ("mgpu_slurm.commands.sinfo", "run"),
    "scontrol": ("mgpu_slurm.commands.scontrol", "run"),
    "sacct": ("mgpu_slurm.commands.sacct", "run"),
    "sstat": ("mgpu_slurm.commands.sstat", "run"),
    "sprio": ("mgpu_slurm.commands.sprio", "run"),
    "sdiag": ("mgpu_slurm.commands.sdiag", "run"),
    "sacctmgr": ("mgpu_slurm.commands.sacctmgr", "run"),
    "sshare": ("mgpu_slurm.commands.sshare", "run"),
    "sreport": ("mgpu_slurm.commands.sreport", "run"),
    "sattach": ("mgpu_slurm.commands.sattach", "run"),
    "sbcast": ("mgpu_slurm.commands.sbcast", "run"),
    "client": ("mgpu_slurm.commands.first", "client"),
    "queue": ("mgpu_slurm.commands.first", "queue"),
    "cancel": ("mgpu_slurm.commands.first", "cancel"),
    "doctor": ("mgpu_slurm.commands.doctor", "doctor"),
    "cluster": ("mgpu_slurm.deploy.command", "cluster"),
    "master": ("mgpu_slurm.controller.main", "run"),
    "node": ("mgpu_slurm.node.main", "run"),
}
"""Program -> module and function (argv without the name, environ, cwd, streams, cluster="-") -> exit status."""

DAEMONS = ("master", "node")
SUBMITTING = ("srun", "sbatch", "salloc")


class Streams:
    """What a program reads and writes: a descriptor for input, texts out.

    Text is buffered (standard error by the line) and flushed at the end; who writes bytes to descriptors 1 or 2 itself
    flushes first. A text from bytes that are not UTF-8 (surrogateescape) leaves as the same bytes.
    """

    __slots__ = ("err", "out", "stdin_fd")

    def __init__(self, out: TextIO, err: TextIO, stdin_fd: int = 0) -> None:
        self.out = out
        self.err = err
        self.stdin_fd = stdin_fd


def plain_name(program: str) -> str:
    """"srun" from "/usr/local/bin/mgpu_srun"; "node" also from "mgpu_simple_node", as the first releases called it."""
    return program.rpartition("/")[2].removeprefix("mgpu_").removeprefix("simple_")


def shown_name(program: str) -> str:
    """The name a message begins with: Slurm's where Slurm has the program, ours otherwise."""
    name = plain_name(program)
    return name if PROGRAMS.get(name, ("", ""))[1] == "run" and name not in DAEMONS else f"mgpu_{name}"


def run(program: str, args: list[str], cluster: str = "-") -> int:
    """Run a program of the suite with this process's environment and streams; returns its exit status."""
    streams = standard_streams()
    name = plain_name(program)
    if name not in PROGRAMS:
        streams.err.write(f"mgpu: error: no such program: {name} (there are: {' '.join(PROGRAMS)})\n")
        return 1
    try:
        cwd = os.getcwd()
    except OSError as gone:
        if name in SUBMITTING:
            streams.err.write(f"{name}: error: getcwd failed: {gone.strerror}\n")
            return 255
        cwd = "/"
    module, function = PROGRAMS[name]
    try:
        return int(getattr(import_module(module), function)(args, dict(os.environ), cwd, streams, cluster))
    except KeyboardInterrupt:
        return -2
    except BrokenPipeError:
        return -13
    except SystemExit as done:
        return exit_status(done, shown_name(name), streams)
    except Exception as error:  # the rim: everything that is left becomes one line
        return show(error, shown_name(name), streams)


def import_module(module: str) -> object:
    """importlib's function of the same name, without what importing importlib costs."""
    __import__(module)
    return sys.modules[module]


def standard_streams() -> Streams:
    """This process's streams, opened on /dev/null where the caller closed them, in UTF-8 with foreign bytes kept."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    pair = []
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        if stream is None:
            stream = open(number, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
        elif stream.encoding.lower() != "utf-8" or stream.errors != "surrogateescape":
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        pair.append(stream)
    sys.stdout, sys.stderr = pair
    return Streams(sys.stdout, sys.stderr)


def show(error: Exception, name: str, streams: Streams) -> int:
    """Print an error as the program `name` does and give the exit status that goes with it."""
    from mgpu_slurm.base.errors import ConfigError, ProtocolError, SlurmError, UsageError

    if "MGPU_DEBUG" in os.environ:
        import traceback

        traceback.print_exception(error, file=streams.err)
    if isinstance(error, UsageError):
        for line in error.lines:
            level, text = ("error", line) if isinstance(line, str) else line
            streams.err.write(f"{name}: {level}: {text}\n" if level else f"{text}\n")
        return error.status
    if isinstance(error, ConfigError):
        streams.err.write(f"{name}: fatal: {error}\n")
    elif isinstance(error, (SlurmError, ProtocolError)):
        streams.err.write(f"{name}: error: {error}\n")
    elif isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        streams.err.write(f"{name}: error: {where}{error.strerror}\n")
    else:
        advice = "" if "MGPU_DEBUG" in os.environ else " (MGPU_DEBUG=1 shows where)"
        streams.err.write(f"{name}: error: internal error: {type(error).__name__}: {error}{advice}\n")
    return 1


def exit_status(done: SystemExit, name: str, streams: Streams) -> int:
    """The status of a SystemExit as the interpreter reads it: none, a number, or a text to print."""
    if done.code is None or isinstance(done.code, int):
        return done.code or 0
    streams.err.write(f"{name}: error: {done.code}\n")
    return 1


def end_with(status: int, program: str) -> NoReturn:
    """End this process: with an exit status, or for -N by signal N, so that a calling shell sees what happened.

    A command leaves without taking the interpreter apart, which would take as long as many a command does.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            status = -13
        except OSError as full:
            if stream is sys.stdout:
                os.write(2, f"{shown_name(program)}: error: write error: {full.strerror}\n".encode())
            status = status or 1
    if status < 0:
        import signal

        # Python ignores SIGPIPE and turns SIGINT into an exception; a C program dies of them
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
        status = 128 - status
    if plain_name(program) in DAEMONS:
        sys.exit(status)
    os._exit(status & 255)


def main() -> NoReturn:
    """Entry of pip's console scripts, named after the program, and of `python -m mgpu_slurm PROGRAM`."""
    program, args = sys.argv[0], sys.argv[1:]
    if plain_name(program) == "__main__.py":
        program, args = (args[0], args[1:]) if args else ("", [])
    end_with(run(program, args), program)


if __name__ == "__main__":
    main()
