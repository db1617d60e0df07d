"""From a file on PATH to the program: which interpreter, which environment, which cluster.

Four ways lead here:

- `bin/mgpu_NAME` and `bin/slurm/NAME`, all of one text, whose first line is `#!/usr/bin/env -S PATH=... python3 -ISXutf8`.
  It finds an interpreter of the system before whatever comes first on the user's PATH, takes nothing of that one's own
  settings (-I) or packages (-S), and hands the environment on as it is: a shell in between would drop what it cannot
  name, such as the functions a login shell exports, which a job must receive. `from_bin` undoes what the line added.
- `PYTHON -I -S -X utf8 <root>/mgpu_slurm/boot.py PROGRAM CLUSTER ARGS...`, `python_command` makes such a line.
- The plain names that a cluster writes for its jobs: `plain_name_text` makes them, with the cluster's name inside.
- The binary that packaging/build makes, one program with links for all names: `from_binary`. It has its interpreter and
  packages inside, so it starts itself where the others look for a Python, and a plain name's first line names it.

CLUSTER is "-" (look in the default places), the path of a configuration, or "embedded:DIR".

Daemons and mgpu_cluster need packages, so they run in the virtual environment of the tree, <root>/.venv, made when first
needed; the other commands need the standard library only. This file must be readable by older Pythons than the rest, down
to 3.6, since it is what looks for another one.
"""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
"""The directory that holds the package; `bin/` and `.venv/` lie beside it in a checkout, not in an installation."""

SYSTEM_PATH = "/usr/bin/./:/usr/local/bin/./:"
"""What the first line of the launchers puts in front of PATH, spelled as nobody else would."""

NEEDED = (3, 11)
NEWEST = 19
FLAGS = ["-I", "-S", "-X", "utf8"]
DAEMONS = ("master", "node")
PACKAGED = DAEMONS + ("cluster",)
"""Programs that need packages."""

FROZEN = bool(getattr(sys, "frozen", False))
"""Whether this is the binary; sys.executable is then the program itself."""

RUN = "--run"
"""`mgpu --run PROGRAM CLUSTER ARGS...`: the binary's form of what boot.py takes."""

PLAIN = "--plain"
"""The first line of a binary's plain name: `#!/path/to/mgpu --plain`; the second line is what --run takes."""

SURVEY = "--ask-nvml"
"""`mgpu --ask-nvml`: the binary as the process that asks NVML (node/gpus.py)."""

LOADER_VARIABLES = ("_PYI_ARCHIVE_FILE", "_PYI_APPLICATION_HOME_DIR", "_PYI_PARENT_PROCESS_LEVEL", "_PYI_LINUX_PROCESS_NAME")
"""What PyInstaller's loader puts into the environment; a job must not receive it."""


def from_bin(script):
    # type: (str) -> None
    """Run the program that the launcher `script` is named after."""
    path = os.environ.get("PATH", "")
    if path.startswith(SYSTEM_PATH):
        path = path[len(SYSTEM_PATH) :]
        if path:
            os.environ["PATH"] = path
        else:
            del os.environ["PATH"]
    start(os.path.basename(script), "-", sys.argv[1:])


def from_binary():
    # type: () -> None
    """Run what the binary was called for: by a link's name, by a plain name of a cluster, by ourselves or by hand."""
    drop_loader_variables()
    called, args = os.path.basename(sys.argv[0]), sys.argv[1:]
    if called != os.path.basename(sys.executable):
        start(called, "-", args)
    first = args[0] if args else ""
    if first == RUN and len(args) > 2:
        start(args[1], args[2], args[3:])
    elif first == PLAIN and len(args) > 1:
        with open(args[1], "rb") as text:
            program, _, cluster = os.fsdecode(text.read().split(b"\n")[1]).partition(" ")
        start(program, cluster, args[2:])
    elif first == SURVEY:
        from mgpu_slurm.node.gpus import main

        main()
        raise SystemExit(0)
    start(first, "-", args[1:])


def drop_loader_variables():
    # type: () -> None
    """Give the environment back as the user had it before the binary's loader started the interpreter.

    The loader puts the binary's own libraries in front of LD_LIBRARY_PATH, which would spoil every program of a job.
    """
    for name in LOADER_VARIABLES:
        os.environ.pop(name, None)
    first, colon, rest = os.environ.get("LD_LIBRARY_PATH", "").partition(":")
    if first != os.path.join(os.path.dirname(sys.executable), "_internal"):
        return
    if colon:
        os.environ["LD_LIBRARY_PATH"] = rest
        os.environ.pop("LD_LIBRARY_PATH_ORIG", None)  # the loader's note of the same
    else:
        del os.environ["LD_LIBRARY_PATH"]


def start(program, cluster, args):
    # type: (str, str, list[str]) -> None
    """Run `program` ("srun" or "mgpu_srun") and end this process with its status."""
    drop_coerced_locale()
    if FROZEN:
        pass
    elif real_name(program) in PACKAGED:
        python = daemon_python(ROOT)
        if python != sys.executable:
            run_by(python, ["-I", "-X", "utf8"], program, cluster, args)
    elif sys.version_info < NEEDED:
        run_by(command_python(ROOT), FLAGS, program, cluster, args)
    from mgpu_slurm.__main__ import end_with, run

    end_with(run(program, args, cluster), program)


def real_name(program):
    # type: (str) -> str
    """"node" from "mgpu_node" and from "mgpu_simple_node", as the first releases called it."""
    for prefix in ("mgpu_", "simple_"):
        program = program[len(prefix) :] if program.startswith(prefix) else program
    return program


def run_by(python, flags, program, cluster, args):
    # type: (str, list[str], str, str, list[str]) -> None
    os.execv(python, [python] + flags + [os.path.join(ROOT, "mgpu_slurm", "boot.py"), program, cluster] + args)


def drop_coerced_locale():
    # type: () -> None
    """Python sets LC_CTYPE=C.UTF-8 for itself where the locale is "C"; jobs get the user's environment, not that."""
    if os.environ.get("LC_CTYPE") != "C.UTF-8" or "LC_ALL" in os.environ:
        return
    try:
        with open("/proc/self/environ", "rb") as given:
            if b"\0LC_CTYPE=" not in b"\0" + given.read():
                del os.environ["LC_CTYPE"]
    except OSError:
        pass  # no /proc: the variable stays


def command_python(root):
    # type: (str) -> str
    """The interpreter of the commands: the system's, else the virtual environment's, else one on PATH; 3.11 or later.

    Versions are told by file names, since asking an interpreter costs as much as a whole command.
    Raises SystemExit with a sentence for the user when there is none.
    """
    if sys.version_info >= NEEDED and os.path.dirname(os.path.realpath(sys.executable)) in ("/usr/bin", "/usr/local/bin"):
        return os.path.realpath(sys.executable)
    names = [f"python3.{minor}" for minor in range(NEEDED[1], NEWEST + 1)]
    found = [f"{place}/{name}" for place in ("/usr/bin", "/usr/local/bin") for name in names]
    found.append(os.path.join(root, ".venv", "bin", "python"))
    found += [os.path.join(place, name) for place in os.environ.get("PATH", "").split(":") if place for name in names]
    for python in found:
        if os.access(python, os.X_OK):
            return python
    if sys.version_info >= NEEDED and sys.executable:
        return sys.executable
    raise SystemExit("mgpu: error: Python 3.11 or later is needed, and none was found")


def daemon_python(root):
    # type: (str) -> str
    """The interpreter of the daemons, with their packages; makes the virtual environment of a checkout where it must.

    Takes as long as installing packages does when it has to, and says so on standard error.
    Raises SystemExit with a sentence for the user when it cannot be made.
    """
    venv = os.path.join(root, ".venv")
    python = os.path.join(venv, "bin", "python")
    make = os.path.join(root, "bin", ".venv-make")
    if sys.prefix == venv and stamped(root):
        return sys.executable
    if sys.version_info >= NEEDED and not sys.flags.no_site:
        from importlib.util import find_spec

        if find_spec("msgspec") and find_spec("sqlalchemy") and find_spec("numpy"):
            return sys.executable  # installed by pip: the packages came along
    if stamped(root):
        return python
    if not os.path.exists(make):
        raise SystemExit(f"mgpu: error: the packages of the daemons are missing beside {root}; install mgpu-slurm with pip")
    if os.spawnv(os.P_WAIT, make, [make]) != 0:
        raise SystemExit("mgpu: error: the virtual environment of the daemons could not be made, see above")
    return python


def stamped(root):
    # type: (str) -> bool
    """Whether .venv is there and was completed after setup.cfg last changed."""
    try:
        made = os.stat(os.path.join(root, ".venv", ".complete")).st_mtime
        return made >= os.stat(os.path.join(root, "setup.cfg")).st_mtime and os.access(
            os.path.join(root, ".venv", "bin", "python"), os.X_OK
        )
    except OSError:
        return False


def python_command(program, cluster="-"):
    # type: (str, str) -> list[str]
    """The words that start `program`, to which its arguments are added; a daemon's packages are made ready first."""
    if FROZEN:
        return [sys.executable, RUN, program, cluster]
    name = real_name(program)
    python, flags = (daemon_python(ROOT), ["-I", "-X", "utf8"]) if name in PACKAGED else (command_python(ROOT), FLAGS)
    if name in PACKAGED and not python.startswith(ROOT):
        flags = ["-P", "-X", "utf8"]  # packages may lie in the user's own site directory, which -I hides
    return [python] + flags + [os.path.join(ROOT, "mgpu_slurm", "boot.py"), program, cluster]


def plain_name_text(program, cluster):
    # type: (str, str) -> bytes
    """The text of an executable file that runs `program` on `cluster`, for the directory of plain names of a cluster.

    It keeps the caller's environment whole. Where the interpreter's path cannot stand in a first line (a blank in it, or
    longer than old kernels read) a shell starts it.
    """
    python = os.fsencode(sys.executable if FROZEN else command_python(ROOT))
    if b" " in python or len(python) > 100 or (FROZEN and "\n" in cluster):
        words = [b"'" + os.fsencode(word).replace(b"'", b"'\\''") + b"'" for word in python_command(program, cluster)]
        return b"#!/bin/sh\nexec " + b" ".join(words) + b' "$@"\n'
    if FROZEN:
        return b"#!" + python + b" " + PLAIN.encode() + b"\n" + os.fsencode(program + " " + cluster) + b"\n"
    # the ASCII form of surrogateescape'd paths reads back as the same text
    lines = ["import sys", f"sys.path.insert(0, {ROOT!a})", "from mgpu_slurm.boot import start"]
    lines.append(f"start({program!a}, {cluster!a}, sys.argv[1:])")
    return b"#!" + python + b" -ISXutf8\n" + "\n".join(lines).encode("ascii") + b"\n"


if __name__ == "__main__":
    sys.path.insert(0, ROOT)
    start(sys.argv[1], sys.argv[2], sys.argv[3:])
