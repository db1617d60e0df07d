"""Programs that daemons run around jobs (wire/programs.py), real ones."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import pytest

from mgpu_slurm.wire import programs
from tests.kit.waiting import until


def program(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def run(tmp_path: Path, *patterns: object, seconds: float = 0.0, **environment: str) -> programs.Ended:
    note = tmp_path / "notes" / "prolog.1.1"
    ended = asyncio.run(programs.run([str(pattern) for pattern in patterns], environment, seconds, str(note)))
    assert not note.exists()
    return ended


def test_they_run_in_order_until_one_fails(tmp_path: Path) -> None:
    for name, status in (("a", 0), ("b", 4), ("c", 0)):
        program(tmp_path / f"{name}.sh", f"echo {name} >> {tmp_path}/ran; echo said; exit {status}")
    ended = run(tmp_path, tmp_path / "*.sh")
    assert (tmp_path / "ran").read_text().split() == ["c", "b"]
    assert (ended.status, ended.path, ended.said) == (4 << 8, str(tmp_path / "b.sh"), "said")
    assert ended.told("prolog") == f"prolog failed status=4:0: {tmp_path}/b.sh: said"


def test_they_see_their_own_environment_alone_and_read_nothing(tmp_path: Path) -> None:
    look = "tr '\\0' '\\n' </proc/$$/environ; pwd; cat"
    program(tmp_path / "look", f"{{ {look}; }} > {tmp_path}/seen")
    assert run(tmp_path, tmp_path / "look", ONE="1", SLURM_JOB_ID="7").status == 0
    assert (tmp_path / "seen").read_text().split() == ["ONE=1", "SLURM_JOB_ID=7", "/"]


@pytest.mark.parametrize(("mode", "text"), [(None, "No such file or directory"), (0o644, "Permission denied")])
def test_one_that_cannot_be_run_fails(tmp_path: Path, mode: int | None, text: str) -> None:
    path = tmp_path / "it"
    if mode is not None:
        path.write_text("#!/bin/sh\n")
        path.chmod(mode)
    ended = run(tmp_path, path)
    assert (ended.status, ended.said, ended.told("epilog")) == (-1, text, f"epilog: {path}: {text}")


def test_they_get_the_arguments_they_are_given(tmp_path: Path) -> None:
    path = program(tmp_path / "it", f'printf "%s|" "$@" > {tmp_path}/seen')
    assert asyncio.run(programs.run([str(path)], {}, 0.0, str(tmp_path / "n" / "a.0.1"), ["two words", "$x"])).status == 0
    assert (tmp_path / "seen").read_text() == "two words|$x|"


def test_one_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    path = program(tmp_path / "slow", f"sleep 1000 & echo $! > {tmp_path}/child; wait")
    ended = run(tmp_path, path, seconds=0.3)
    assert (ended.status, ended.timed_out) == (signal.SIGTERM, True)
    child = int((tmp_path / "child").read_text())
    until(lambda: not os.path.exists(f"/proc/{child}/exe"), "its child is gone")


def test_what_an_earlier_daemon_has_left_is_killed_and_nothing_else(tmp_path: Path) -> None:
    left, other = (
        subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={"SLURM_JOB_ID": job}) for job in ("1", "4")
    )
    (tmp_path / "n").mkdir()
    try:
        (tmp_path / "n" / "prolog.1.1").write_text(f"{left.pid}\n")
        (tmp_path / "n" / "epilog.2.1").write_text(f"{other.pid}\n")  # a number that was given out anew
        (tmp_path / "n" / "epilog.3.1").write_text("")
        assert programs.end_left(str(tmp_path / "n")) == ["prolog.1.1"]
        assert left.wait(10) == -signal.SIGKILL
        assert other.poll() is None
        assert not list((tmp_path / "n").iterdir())
    finally:
        for one in (left, other):
            one.kill()
            one.wait()
    assert programs.end_left(str(tmp_path / "nowhere")) == []
