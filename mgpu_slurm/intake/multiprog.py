"""The file of `srun --multi-prog`: which task runs what. Read and checked by srun, carried out where the tasks run."""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError


def read(path: str, cwd: str) -> str:
    """The file's text. UsageError: it cannot be opened."""
    try:
        with open(path if path.startswith("/") else f"{cwd}/{path}", encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        raise UsageError(f"Could not open multi_prog config file {path}", 1) from None


def count(text: str) -> int:
    """Tasks up to the highest that a record names, at least one; records that mean nothing are complained about later."""
    highest = 0
    for _, record in _lines(text):
        for part in record.replace("\t", " ").partition(" ")[0].split(","):
            last = part.rpartition("-")[2]
            highest = max(highest, int(last)) if last.isdecimal() else highest
    return highest + 1


def records(text: str, path: str, ntasks: int) -> str:
    """The records, one a line, without comments and with continued lines joined. Each task must have one.

    UsageError: of a line that means nothing, with its number; of the first task that has no record.
    """
    found: list[str] = []
    named: set[int] = set()
    rest = False
    for number, record in _lines(text):
        ranks, _, program = record.replace("\t", " ").partition(" ")
        program = record[len(ranks) :].strip()
        try:
            if not program:
                raise ValueError("")
            if rest:
                raise ValueError("Task range specification with asterisk must be last")
            rest = ranks == "*"
            for task in () if rest else _tasks(ranks, ntasks):
                if task in named:
                    raise ValueError(f"Duplicate record for task {task}")
                named.add(task)
        except ValueError as problem:
            lines = [str(problem)] if str(problem) else []
            raise UsageError([*lines, f"Line {number} of configuration file {path} invalid"], 1) from None
        found.append(f"{ranks} {program}")
    missing = next((task for task in range(ntasks) if task not in named), None)
    if missing is not None and not rest:
        raise UsageError(f"Configuration file {path} invalid, no record for task id {missing}", 1)
    return "\n".join(found)


def _lines(text: str) -> list[tuple[int, str]]:
    """Records with the numbers of the lines on which they end."""
    found: list[tuple[int, str]] = []
    begun = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.endswith("\\"):
            begun += line[:-1]
            continue
        record, begun = (begun + line).strip(), ""
        if record and not record.startswith("#"):
            found.append((number, record))
    return found


def _tasks(ranks: str, ntasks: int) -> list[int]:
    """Raises ValueError with Slurm's complaint."""
    found: list[int] = []
    for part in ranks.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal():
            raise ValueError(f"Invalid task range specification ({part})")
        if dash and not last.isdecimal():
            raise ValueError("Invalid task range specification")
        low, high = int(first), int(last or first)
        if low > high:
            raise ValueError(f"Invalid task range, {low}-{high}")
        if high >= ntasks:
            raise ValueError(f"Invalid task id, {high} >= ntasks")
        found += range(low, high + 1)
    return found
