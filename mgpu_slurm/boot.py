"""From a file on PATH to the program: which interpreter, which environment, which cluster.

Three ways lead here:

- `bin/mgpu_NAME` and `bin/slurm/NAME`, all of one text, whose first line is `#!/usr/bin/env -S PATH=... python3 -ISXutf8`.
  It finds an interpreter of the system before whatever comes first on the user's PATH, takes nothing of that one's own
  settings (-I) or packages (-S), and hands the environment on as it is: a shell in between would drop what it cannot
  name, such as the functions a login shell exports, which a job must receive. `from_bin` undoes what the line added.
- `PYTHON -I -S -X utf8 <root>/mgpu_slurm/boot.py PROGRAM CLUSTER ARGS...`, `python_command` makes such a line.
- The plain names that a cluster writes for its jobs: `plain_name_text` makes them, with the cluster's name inside.

CLUSTER is "-" (look in the default places), the path of a configuration, or "embedded:DIR".

Daemons need packages, so they run in the virtual environment of the tree, <root>/.venv, made when first needed; commands
need the standard library only. This file must be readable by older Pythons than the rest, down to 3.6, since it is what
looks for another one.
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


def start(program, cluster, args):
    # type: (str, str, list[str]) -> None
    """Run `program` ("srun" or "mgpu_srun") and end this process with its status."""
    drop_coerced_locale()
    name = program[5:] if program.startswith("mgpu_") else program
    if name in DAEMONS:
        python = daemon_python(ROOT)
        if python != sys.executable:
            run_by(python, ["-I", "-X", "utf8"], program, cluster, args)
    elif sys.version_info < NEEDED:
        run_by(command_python(ROOT), FLAGS, program, cluster, args)
    from mgpu_slurm.__main__ import end_with, run

    end_with(run(program, args, cluster), program)


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
    name = program[5:] if program.startswith("mgpu_") else program
    python, flags = (daemon_python(ROOT), ["-I", "-X", "utf8"]) if name in DAEMONS else (command_python(ROOT), FLAGS)
    if name in DAEMONS and not python.startswith(ROOT):
        flags = ["-P", "-X", "utf8"]  # packages may lie in the user's own site directory, which -I hides
    return [python] + flags + [os.path.join(ROOT, "mgpu_slurm", "boot.py"), program, cluster]


def plain_name_text(program, cluster):
    # type: (str, str) -> bytes
    """The text of an executable file that runs `program` on `cluster`, for the directory of plain names of a cluster.

    It keeps the caller's environment whole. Where the interpreter's path cannot stand in a first line (a blank in it, or
    longer than old kernels read) a shell starts it.
    """
    python = os.fsencode(command_python(ROOT))
    if b" " in python or len(python) > 100:
        words = [b"'" + os.fsencode(word).replace(b"'", b"'\\''") + b"'" for word in python_command(program, cluster)]
        return b"#!/bin/sh\nexec " + b" ".join(words) + b' "$@"\n'
    # the ASCII form of surrogateescape'd paths reads back as the same text
    lines = ["import sys", f"sys.path.insert(0, {ROOT!a})", "from mgpu_slurm.boot import start"]
    lines.append(f"start({program!a}, {cluster!a}, sys.argv[1:])")
    return b"#!" + python + b" -ISXutf8\n" + "\n".join(lines).encode("ascii") + b"\n"


if __name__ == "__main__":
    sys.path.insert(0, ROOT)
    start(sys.argv[1], sys.argv[2], sys.argv[3:])
