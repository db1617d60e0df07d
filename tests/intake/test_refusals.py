"""Command lines and script heads of which real Slurm 22.05.8 was asked: same status, same lines on stderr.

Recorded with `--test-only` against a real cluster; the line about the expected start is left out of the records.
"""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake import submit

DATA = Path(__file__).parent.parent / "data"


def table(name: str) -> list[list[str]]:
    with open(DATA / name, encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]


def missing(path: str) -> bytes:
    raise FileNotFoundError(2, "No such file or directory", path)


def answer(command: str, argv: list[str], environ: dict[str, str], data: bytes) -> tuple[int, str]:
    def script(name: str | None) -> tuple[str, bytes]:
        if name is None or name == "/tmp":
            return "", b""
        if name not in ("ok.sh", "t.sh"):
            raise FileNotFoundError(2, "No such file or directory", name)
        return f"/home/u/{name}", data

    try:
        found = submit.parse(command, argv, environ, "/home/u", script, (22, 5), now=1.79e9, read_file=missing)
    except UsageError as refusal:
        pairs = [("error", line) if isinstance(line, str) else line for line in refusal.lines]
        return refusal.status, "".join(f"{command}: {level}: {text}\n" if level else f"{text}\n" for level, text in pairs)
    except submit.Finished as end:
        return end.status, ""
    return 0, "".join(f"{line}\n" for line in found.warnings)


@pytest.mark.parametrize(("line", "status", "stderr"), table("submit-verdicts-22.05.tsv"))
@pytest.mark.usefixtures("as_root")
def test_command_line(line: str, status: str, stderr: str) -> None:
    words = shlex.split(line)
    environ = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environ[name] = value
    assert answer(words[0], words[1:], environ, b"#!/bin/sh\ntrue\n") == (int(status), json.loads(stderr))


@pytest.mark.parametrize(("script", "status", "stderr"), table("header-verdicts-22.05.tsv"))
def test_header(script: str, status: str, stderr: str) -> None:
    data = json.loads(script).encode()
    assert answer("sbatch", ["--test-only", "t.sh"], {}, data) == (int(status), json.loads(stderr))


NEWER = {
    "sbatch --gres=gpu:1 --gpus-per-node=1 x": "--gpus-per-node and --gres=gpu are mutually exclusive.",
    "sbatch --exclusive --oversubscribe x": "--exclusive and --oversubscribe options are mutually exclusive",
    "srun -c1 --cpus-per-gpu=1 x": "--cpus-per-task, --tres-per-task=cpu:#, and --cpus-per-gpu are mutually exclusive",
    "srun --gpus-per-task=1 --ntasks-per-gpu=1 x": (
        "--gpus-per-task is mutually exclusive with --ntasks-per-gpu and SLURM_NTASKS_PER_GPU"
    ),
}


@pytest.mark.parametrize("line", NEWER)
def test_newer_versions_refuse_more(line: str) -> None:
    command, *argv = line.split()
    with pytest.raises(UsageError) as refusal:
        submit.parse(command, argv, {}, "/", lambda name: ("/x", b"#!/bin/sh\n"))
    assert (refusal.value.lines, refusal.value.status) == ([("fatal", NEWER[line])], 1)


def test_fewer_tasks_than_nodes() -> None:
    found = submit.parse("sbatch", ["-N4", "-n2", "x"], {}, "/", lambda name: ("/x", b"#!/bin/sh\n"))
    assert found.warnings == ["sbatch: warning: can't run 2 processes on 4 nodes, setting nnodes to 2"]
    assert found.requests[0]["min_nodes"] == found.requests[0]["max_nodes"] == 2
