"""`#PBS` and `#BSUB` lines of a script -> the words of sbatch's own options that mean the same. Pure.

They are found anywhere until a hundred lines that are no comments have been seen. What has no counterpart here is read
over; a letter that PBS or LSF does not know ends sbatch, as in Slurm.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts.option import Option
from mgpu_slurm.intake import argv

# Letter (name) -> our option; "" where the word is read over, a name in capitals where more is to be done.
_PBS_VALUED = {
    "a": "begin", "A": "account", "c": "", "C": "", "d": "chdir", "e": "error", "j": "", "J": "array", "k": "", "l": "RESOURCES",
    "m": "MAIL", "M": "mail-user", "N": "job-name", "o": "output", "p": "nice", "q": "partition", "r": "", "S": "", "t": "array",
    "u": "", "v": "export", "w": "chdir", "W": "MORE",
}  # fmt: skip
_PBS_BARE = {"h": "hold", "I": "", "V": "", "z": "", "f": "", "x": "", "X": ""}
_LSF_VALUED = {
    "c": "", "cwd": "chdir", "e": "error", "J": "job-name", "m": "HOSTS", "M": "KILOBYTES", "n": "SLOTS", "o": "output",
    "q": "partition", "W": "time", "P": "account", "R": "", "G": "", "g": "", "u": "mail-user", "w": "",
}  # fmt: skip
_LSF_BARE = {"x": "exclusive", "B": "", "N": "", "H": "hold", "I": "", "r": ""}

_LINES = 100
_RESOURCES = {
    "walltime": "time", "cput": "time", "pcput": "time", "mem": "mem", "file": "tmp", "nice": "nice", "proc": "constraint",
    "procs": "ntasks", "mppwidth": "ntasks", "mppnppn": "ntasks-per-node", "mppdepth": "cpus-per-task",
    "naccelerators": "GPUS", "nodes": "NODES", "select": "NODES",
}  # fmt: skip


def _rows(valued: dict[str, str], bare: dict[str, str]) -> tuple[Option, ...]:
    rows = []
    for table, kind in ((valued, "text"), (bare, "flag")):
        for name, sets in table.items():
            letter = name if len(name) == 1 else ""
            rows.append(Option(name, letter, "", kind, sets, "", ""))
    return tuple(rows)


def translate(script: str, prog: str) -> list[str]:
    """The words. Raises UsageError (exit 1) for an unknown letter or a missing argument."""
    if "#PBS" not in script and "#BSUB" not in script:
        return []
    words: list[str] = []
    commands = 0
    for line in script.split("\n"):
        if line.startswith("#PBS"):
            words += _line(line[4:].split("#")[0].split(), _rows(_PBS_VALUED, _PBS_BARE), prog)
        elif line.startswith("#BSUB"):
            given = [f"-{word}" if word == "-cwd" else word for word in line[5:].split("#")[0].split()]
            words += _line(given, _rows(_LSF_VALUED, _LSF_BARE), prog)
        elif not line.lstrip().startswith("#"):
            commands += 1
            if commands > _LINES:
                break
    return words


def _line(given: list[str], rows: tuple[Option, ...], prog: str) -> list[str]:
    try:
        parsed = argv.parse(rows, given, False, prog)
    except UsageError as problem:
        raise UsageError([problem.lines[0], "Unrecognized command line parameter ?"], 1) from None
    words: list[str] = []
    for row, text in parsed.options:
        words += _option(row.sets, (text or "").strip("\"'"), text is None)
    return words


def _option(sets: str, text: str, bare: bool) -> list[str]:
    if not sets:
        return []
    if bare:
        return [f"--{sets}"]
    if sets == "RESOURCES":
        return [word for item in text.split(",") for word in _resource(item)]
    if sets == "MAIL":
        kinds = {"a": "FAIL", "b": "BEGIN", "e": "END"}
        chosen = ["NONE"] if "n" in text else [kinds[letter] for letter in text if letter in kinds]
        return [f"--mail-type={','.join(chosen)}"] if chosen else []
    if sets == "MORE":
        name, _, value = text.partition("=")
        return [f"--dependency={value}"] if name == "depend" else []
    if sets == "HOSTS":
        return [f"--nodelist={','.join(text.split())}"]
    if sets == "KILOBYTES":
        return [f"--mem-per-cpu={text}K"]
    if sets == "SLOTS":
        return [f"--ntasks={text.rpartition(',')[2]}"]
    return [f"--{sets}={text}"]


def _resource(item: str) -> list[str]:
    name, _, value = item.partition("=")
    option = _RESOURCES.get(name, "")
    if option == "NODES":
        return _nodes(value)
    if option == "GPUS":
        return [f"--gres=gpu:{value}"]
    return [f"--{option}={value}"] if option else []


def _nodes(value: str) -> list[str]:
    """2:ppn=4:gpus=1 or 2:ncpus=4:mpiprocs=2; names joined by + are a node list."""
    first, *parts = value.split(":")
    words = [f"--nodes={first}"] if first.isdigit() else [f"--nodelist={first.replace('+', ',')}"]
    for part in parts:
        name, _, number = part.partition("=")
        if not number.isdigit():
            continue
        if name == "ppn" and first.isdigit():
            words.append(f"--ntasks={int(first) * int(number)}")
        elif name in ("gpus", "ngpus"):
            words.append(f"--gpus-per-node={number}")
        elif name == "ncpus":
            words.append(f"--mincpus={number}")
        elif name == "mpiprocs":
            words.append(f"--ntasks-per-node={number}")
    return words
