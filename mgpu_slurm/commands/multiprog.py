"""The file of `srun --multi-prog`: which task runs what. Read and checked by srun, carried out where the tasks run."""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError


def read(path: str, cwd: str) -> str:
    """The file's records, one a line, without comments and with continued lines joined. UsageError."""
    try:
        with open(path if path.startswith("/") else f"{cwd}/{path}", encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        raise UsageError(f"Could not open multi_prog config file {path}", 1) from None
    lines = []
    for line in text.replace("\\\n", "").splitlines():
        record = line.strip()
        if record and not record.startswith("#"):
            ranks, _, program = record.replace("\t", " ", 1).partition(" ")
            lines.append(f"{ranks} {program.strip()}")
    return "\n".join(lines)


def check(text: str, path: str, ntasks: int) -> None:
    """Every task must have a record. UsageError names the first that has none, or the record that means nothing."""
    named: set[int] = set()
    for line in text.splitlines():
        ranks, _, program = line.partition(" ")
        if not program:
            raise UsageError(f"Configuration file {path} invalid, no program in record: {line}", 1)
        if ranks == "*":
            return
        for part in ranks.split(","):
            first, dash, last = part.partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()):
                raise UsageError(f"Configuration file {path} invalid, bad task ids: {ranks}", 1)
            named.update(range(int(first), min(int(last or first), ntasks) + 1))
    for task in range(ntasks):
        if task not in named:
            raise UsageError(f"Configuration file {path} invalid, no record for task id {task}", 1)
