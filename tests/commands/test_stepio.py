"""The pure parts of srun: labels and lines, Ctrl-C, states of tasks, multi-prog files, and where streams go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.base.waitstatus import OUT_OF_MEMORY
from mgpu_slurm.commands import report, stepfiles
from mgpu_slurm.commands.stepsignals import FORCE, FORWARD, SHOW, Interrupts
from mgpu_slurm.intake import multiprog
from mgpu_slurm.wire.frames import STDERR, STDOUT
from mgpu_slurm.wire.sink import Sink, label_width

PIECES = st.lists(st.tuples(st.integers(0, 3), st.text("ab\n", max_size=6).map(str.encode)), max_size=30)


def written(width: int, by_line: bool, pieces: list[tuple[int, bytes]]) -> bytes:
    """What comes out of a pipe for these pieces, written whenever something waits."""
    read, write = os.pipe()
    sink = Sink(write, width, by_line)
    for task, data in pieces:
        sink.put(STDOUT, task, data)
        while sink.waiting:
            sink.write()
    sink.finish()
    while sink.waiting:
        sink.write()
    sink.close()
    os.close(write)
    out = b""
    while data := os.read(read, 65536):
        out += data
    os.close(read)
    return out


@given(PIECES)
def test_labelled_lines_are_whole_and_in_order(pieces: list[tuple[int, bytes]]) -> None:
    out = written(2, True, pieces)
    for task in range(4):
        mine = b"".join(data for who, data in pieces if who == task)
        label = b"%2d: " % task
        lines = [line[len(label) :] for line in out.split(b"\n")[:-1] if line.startswith(label)]
        assert lines == mine.split(b"\n")[: -1 if mine.endswith(b"\n") or not mine else None]
    assert out == b"" or out.endswith(b"\n")


@given(PIECES)
def test_lines_do_not_mix_and_nothing_is_added(pieces: list[tuple[int, bytes]]) -> None:
    out = written(0, True, pieces)
    assert sorted(out) == sorted(b"".join(data for _, data in pieces))
    raw = written(0, False, pieces)
    assert raw == b"".join(data for _, data in pieces)


def test_streams_of_one_task_have_lines_of_their_own() -> None:
    read, write = os.pipe()
    sink = Sink(write, 1)
    sink.put(STDOUT, 0, b"out")
    sink.put(STDERR, 0, b"err\n")
    sink.put(STDOUT, 0, b"put\n")
    while sink.waiting:
        sink.write()
    assert os.read(read, 100) == b"0: err\n0: output\n"
    os.close(read)
    os.close(write)


def test_a_reader_that_is_gone() -> None:
    read, write = os.pipe()
    os.close(read)
    sink = Sink(write)
    sink.put(STDOUT, 0, b"x")
    sink.write()
    assert sink.broken
    assert not sink.waiting
    assert sink.failure == ""
    os.close(write)
    full = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(full)
    sink.put(STDOUT, 0, b"x")
    sink.write()
    assert sink.failure == "No space left on device"
    os.close(full)


@pytest.mark.parametrize(("ntasks", "width"), [(1, 1), (10, 1), (11, 2), (100, 2), (101, 3)])
def test_label_width(ntasks: int, width: int) -> None:
    assert label_width(ntasks) == width


def test_interrupts() -> None:
    presses = Interrupts()
    assert [presses.press(at) for at in (10.0, 11.5, 12.0)] == [(SHOW,), (SHOW,), (FORWARD, FORCE)]
    silent = Interrupts(disable_status=True)
    assert [silent.press(at) for at in (10.0, 11.5, 12.0)] == [(FORWARD,), (FORWARD,), (FORWARD, FORCE)]
    assert Interrupts(quit_on_interrupt=True).press(0.0) == (FORWARD, FORCE)


def test_states_of_tasks() -> None:
    states = report.TaskStates(8)
    states.started.update(range(6))
    states.ended([0, 1, 3], 0)
    states.ended([2], 9)
    states.failed.add(6)
    assert states.lines("5.0") == [
        "StepId=5.0 tasks 4-5: running", "StepId=5.0 task 2: exited abnormally", "StepId=5.0 tasks 0-1,3: exited",
        "StepId=5.0 task 6: failed to start", "StepId=5.0 task 7: unknown",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [(0, "", 0), (3 << 8, "Exited with exit code 3", 3), (9, "Killed", 137), (6 | 0x80, "Aborted (core dumped)", 134)],
)
def test_task_end(status: int, text: str, code: int) -> None:
    assert report.task_end("n0", [1], status) == (f"n0: task 1: {text}" if text else "")
    assert report.exit_status(status) == code


def test_a_task_short_of_memory() -> None:
    assert report.task_end("n0", [0, 2], 9, oom=True) == "n0: tasks 0,2: Out Of Memory"
    assert report.exit_status(OUT_OF_MEMORY) == 1


@pytest.mark.parametrize(
    ("text", "ntasks", "problem"),
    [
        ("* echo", 5, ""),
        ("0-2 a\n3,4 b", 5, ""),
        ("0 a\\\n b\n1\tc  d", 2, ""),
        ("0-2 a", 5, "Configuration file f invalid, no record for task id 3"),
        ("", 1, "Configuration file f invalid, no record for task id 0"),
        ("# c\n0-2", 3, "Line 2 of configuration file f invalid"),
        ("x a", 1, "Invalid task range specification (x)|Line 1 of configuration file f invalid"),
        ("0-x a", 1, "Invalid task range specification|Line 1 of configuration file f invalid"),
        ("1-0 a", 2, "Invalid task range, 1-0|Line 1 of configuration file f invalid"),
        ("0-99999999999 a", 2, "Invalid task id, 99999999999 >= ntasks|Line 1 of configuration file f invalid"),
        ("0 a\n0 b", 1, "Duplicate record for task 0|Line 2 of configuration file f invalid"),
        ("* a\n0 b", 1, "Task range specification with asterisk must be last|Line 2 of configuration file f invalid"),
    ],
)
def test_multi_prog_check(text: str, ntasks: int, problem: str) -> None:
    if not problem:
        assert multiprog.records(text, "f", ntasks)
        return
    with pytest.raises(UsageError) as refused:
        multiprog.records(text, "f", ntasks)
    assert refused.value.lines == problem.split("|")


def test_what_may_be_passed(tmp_path: Path) -> None:
    read, write = os.pipe()
    ours, theirs = os.openpty()
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(tmp_path / "f", os.O_CREAT | os.O_RDWR)
    try:
        assert all(stepfiles.can_pass(fd) for fd in (read, write, null, file))
        assert not any(stepfiles.can_pass(fd) for fd in (theirs, -1, 9999))
        os.set_blocking(read, False)
        assert not stepfiles.can_pass(read)
        assert stepfiles.is_null(null)
        assert not stepfiles.is_null(file)
    finally:
        for fd in (read, write, ours, theirs, null, file):
            os.close(fd)


def test_streams(tmp_path: Path) -> None:
    known = stepfiles.values({"job_id": 5, "user_name": "me"}, "0", "name", (22, 5))
    out, err = stepfiles.outputs({"output": "o-%j-%u"}, known, 2, str(tmp_path), (22, 5))
    assert out is err
    assert (tmp_path / "o-5-me").exists()
    out, err = stepfiles.outputs({"error": "%n.err"}, known, 2, str(tmp_path), (22, 5))
    assert (out.fd, out.remote, err.remote) == (1, "", "%n.err")
    out, err = stepfiles.outputs({"output": "7"}, known, 2, str(tmp_path), (22, 5))
    assert (tmp_path / "7").exists()  # no such task: a file's name
    assert stepfiles.source("1", known, 2, str(tmp_path), 0).only == 1
    assert stepfiles.source("none", known, 2, str(tmp_path), 0).remote == "none"
    with pytest.raises(stepfiles.CannotOpen):
        stepfiles.outputs({"output": "no/such/dir"}, known, 2, str(tmp_path), (22, 5))
    stepfiles.outputs({"output": "new/dir/file"}, known, 2, str(tmp_path), (26, 5))
    assert (tmp_path / "new/dir/file").exists()
