"""Steps under the real launcher: streams, exits, ends, identity, without a daemon."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from mgpu_slurm.wire import frames
from tests.kit.steps import Place, Step, alive, facts, finish, until

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")


def run(place: Place, *argv: str, **more: object) -> Step:
    return finish(place.tasks(*argv, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "status"),
    [("true", 0), ("exit 42", 42 << 8), ("kill -9 $$", 9), ("kill -TERM $$", 15), ("exit 255", 255 << 8)],
)
def test_wait_status_of_a_task(place: Place, script: str, status: int) -> None:
    step = run(place, "bash", "-c", script)
    assert step.srun is not None
    assert step.srun.statuses() == {0: status}
    assert step.result()["exit_code"] == status


def test_the_worst_status_of_several_tasks_counts(place: Place) -> None:
    step = run(place, "bash", "-c", "[ $SLURM_PROCID = 1 ] && kill -9 $$; exit 200", count=3)
    assert step.result()["exit_code"] == 9


@pytest.mark.parametrize(
    ("name", "content", "mode", "status", "text"),
    [
        ("no-such-program", None, 0, 2, "execve(): no-such-program: No such file or directory"),
        ("./closed", "#!/bin/sh\n", 0o644, 13, "execve(): {dir}/./closed: Permission denied"),
        ("./garbage", "garbage", 0o755, 8, "execve(): {dir}/./garbage: Exec format error"),
        ("./orphan", "#!/no/such/sh\n", 0o755, 2, "execve(): bad interpreter(/no/such/sh): No such file or directory"),
    ],
)
def test_a_program_that_cannot_start(place: Place, name: str, content: str | None, mode: int, status: int, text: str) -> None:
    if content is not None:
        (place.root / name).write_text(content)
        (place.root / name).chmod(mode)
    step = run(place, name, work_dir=str(place.root), order={"log_name": "slurmstepd-n0"})
    assert step.srun is not None
    assert step.srun.statuses() == {0: status << 8}
    assert step.srun.err().decode() == f"slurmstepd-n0: error: {text.format(dir=place.root)}\n"


def test_a_missing_directory_is_replaced_by_tmp(place: Place) -> None:
    step = run(place, "pwd", work_dir="/no/such/place")
    assert step.srun is not None
    assert step.srun.out() == b"/tmp\n"
    line = "slurmstepd: error: couldn't chdir to `/no/such/place': No such file or directory: going to /tmp instead\n"
    assert step.srun.err().decode() == line * 2


def test_output_keeps_every_byte(place: Place) -> None:
    data = bytes(range(256)) * 4096
    (place.root / "data").write_bytes(data)
    step = run(place, "sh", "-c", "cat data; cat data >&2", work_dir=str(place.root), count=2)
    assert step.srun is not None
    for task in (0, 1):
        assert step.srun.out(task) == data
        assert step.srun.err(task) == data


def test_input_reaches_all_tasks_or_one(place: Place) -> None:
    step = place.tasks("cat", count=2)
    assert step.srun is not None
    step.srun.feed(b"all ")
    step.srun.feed(b"one", task=1)
    step.srun.say({"kind": "end_input"})
    finish(step)
    assert (step.srun.out(0), step.srun.out(1)) == (b"all ", b"all one")


def test_only_the_named_task_reads_input(place: Place) -> None:
    step = place.tasks("cat", count=2, stdin_task=1)
    assert step.srun is not None
    step.srun.feed(b"mine")
    step.srun.say({"kind": "end_input"})
    finish(step)
    assert (step.srun.out(0), step.srun.out(1)) == (b"", b"mine")


def test_no_input(place: Place) -> None:
    step = run(place, "readlink", "/proc/self/fd/0", std_in="none")
    assert step.srun is not None
    assert step.srun.out() == b"/dev/null\n"


def test_files_by_pattern(place: Place) -> None:
    (place.root / "in0").write_text("zero")
    (place.root / "in1").write_text("one")
    step = run(place, "cat", count=2, work_dir=str(place.root), std_out="o-%j-%s-%2t-%n-%N-%x", std_in="in%t")
    assert step.srun is not None
    assert step.srun.output == {}
    host = os.uname().nodename.partition(".")[0]
    assert (place.root / f"o-42-0-00-0-{host}-stepname").read_text() == "zero"
    assert (place.root / f"o-42-0-01-0-{host}-stepname").read_text() == "one"


def test_tasks_share_a_file_of_one_name_and_append(place: Place) -> None:
    (place.root / "both").write_text("old\n")
    run(place, "echo", "line", count=3, work_dir=str(place.root), std_out="both", open_mode="a")
    assert (place.root / "both").read_text() == "old\n" + "line\n" * 3


def test_a_slow_reader_costs_no_memory(place: Place) -> None:
    size = 64 << 20
    step = place.tasks("head", "-c", str(size), "/dev/zero")
    srun = step.srun
    assert srun is not None
    srun.until("tasks_started")

    def resident() -> int:
        return int((Path("/proc") / str(step.pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    before = resident()
    pid = srun.messages[0]["pids"][0]
    # The task is stuck in its pipe as soon as the supervisor has stopped reading.
    until(lambda: "pipe" in Path(f"/proc/{pid}/wchan").read_text() or _sleeps(pid), "the task waits")
    assert resident() - before < 16 << 20
    got = 0
    while got < size:
        assert srun.read()
        got += len(srun.output.pop((frames.STDOUT, 0), b""))
    srun.until("step_ended")
    assert got == size


def _sleeps(pid: int) -> bool:
    """Whether the process has not run for a while."""

    def switches() -> str:
        return Path(f"/proc/{pid}/schedstat").read_text()

    first = switches()
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        if switches() != first:
            return False
    return True


def test_a_terminal(place: Place) -> None:
    step = place.tasks("bash", "-c", "tty; stty size; read line; echo got $line", count=2, pty=True, pty_rows=33, pty_cols=77)
    srun = step.srun
    assert srun is not None
    until(lambda: srun.read() and b"33 77" in srun.out())
    assert srun.out().startswith(b"/dev/pts/")
    srun.feed(b"typed\n")
    finish(step)
    assert srun.out().endswith(b"got typed\r\n")
    assert srun.statuses() == {0: 0, 1: 0}
    assert srun.out(1) == b""  # the other tasks have /dev/null


def test_multi_prog(place: Place) -> None:
    text = "# a comment\n0 echo zero %t %o\n1-2 echo 'the rest' %t %o\n"
    step = run(place, "multi", count=3, multi_prog=text)
    assert step.srun is not None
    assert [step.srun.out(task) for task in range(3)] == [b"zero 0 0\n", b"the rest 1 0\n", b"the rest 2 1\n"]


def test_a_task_prolog_changes_the_environment(place: Place) -> None:
    prolog = place.root / "prolog"
    prolog.write_text("#!/bin/sh\necho export MADE=by prolog\necho unset HOME\necho print hello\n")
    prolog.chmod(0o755)
    step = run(place, "sh", "-c", 'echo "$MADE-$HOME"', task_prolog=str(prolog))
    assert step.srun is not None
    assert step.srun.out() == b"hello\nby prolog-\n"


def test_each_task_leads_a_process_group_and_gets_clean_signals_and_descriptors(place: Place) -> None:
    script = "echo $$ $(ps -o pgid= -p $$); grep -E 'Sig(Blk|Ign)' /proc/self/status; exec ls /proc/self/fd"
    step = run(place, "sh", "-c", script)
    assert step.srun is not None
    first, blocked, ignored, *descriptors = step.srun.out().decode().splitlines()
    assert len(set(first.split())) == 1
    assert int(blocked.split()[1], 16) == int(ignored.split()[1], 16) == 0
    assert descriptors == ["0", "1", "2", "3"]  # the last is the directory being listed


def test_limits_and_umask(place: Place) -> None:
    step = run(place, "bash", "-c", "umask; ulimit -n; ulimit -c", umask=0o027, rlimits={"NOFILE": 123, "CORE": 0, "AS": 1 << 20})
    assert step.srun is not None
    assert step.srun.out() == b"0027\n123\n0\n"


def test_two_steps_at_once(place: Place) -> None:
    steps = [place.tasks("bash", "-c", "read x; echo got $x") for _ in range(2)]
    for number, step in enumerate(steps):
        assert step.srun is not None
        step.srun.feed(b"%d\n" % number)
    assert [finish(step).srun.out() for step in steps] == [b"got 0\n", b"got 1\n"]  # type: ignore[union-attr]


def batch_job(place: Place, **request: object) -> dict[str, object]:
    return facts(request={"work_dir": str(place.root), **request})


def test_batch_output_goes_to_the_default_file(place: Place) -> None:
    step = place.batch("echo out; echo err >&2; readlink /proc/$$/fd/0", batch_job(place))
    assert step.result()["exit_code"] == 0
    assert (place.root / "slurm-42.out").read_text() == "out\nerr\n/dev/null\n"


def test_an_array_element_has_its_own_default_file(place: Place) -> None:
    step = place.batch("echo $SLURM_ARRAY_TASK_ID", {**batch_job(place), "array_job_id": 40, "array_task_id": 3})
    step.result()
    assert (place.root / "slurm-40_3.out").read_text() == "3\n"


def test_batch_files_as_named(place: Place) -> None:
    (place.root / "in").write_text("input")
    named = batch_job(place, std_in="in", std_out="%x-%J.out", std_err="%u.err", open_mode="a")
    (place.root / "work-42.out").write_text("before ")
    step = place.batch("cat; echo oops >&2", named)
    step.result()
    assert (place.root / "work-42.out").read_text() == "before input"
    assert (place.root / "me.err").read_text() == "oops\n"


def test_batch_output_that_cannot_be_opened(place: Place) -> None:
    step = place.batch("true", batch_job(place, std_out="/etc/passwd/out"))
    result = step.result()
    assert result["exit_code"] == 53
    assert result["text"] == "Could not open stdout file /etc/passwd/out: Not a directory"


def test_a_client_may_make_the_directory_of_the_output_when_it_knows_the_jobs_id(place: Place) -> None:
    step = place.batch("echo hi", batch_job(place, std_out="42/out"))
    until((step.directory / "pid").exists, "the supervisor runs")
    (place.root / "42").mkdir()
    assert step.result()["exit_code"] == 0
    assert (place.root / "42/out").read_text() == "hi\n"


def test_later_versions_make_the_directory_of_an_output_file(place: Place) -> None:
    step = place.batch("echo hi", {**batch_job(place, std_out="new/dir/out"), "compat": [26, 5]})
    assert step.result()["exit_code"] == 0
    assert (place.root / "new/dir/out").read_text() == "hi\n"


def test_a_cancelled_batch_job_says_so_in_its_output(place: Place) -> None:
    out = place.root / "slurm-42.out"
    step = place.batch("trap 'echo cont' CONT; echo ready; while :; do sleep 0.02; done", batch_job(place))
    until(lambda: out.exists() and out.read_text())
    step.tell(kind="terminate", ending="CANCELLED", kill_wait=5, hurry=False)
    assert step.result()["exit_code"] == signal.SIGTERM
    assert "slurmstepd: error: *** JOB 42 ON n0 CANCELLED AT " in out.read_text()


def test_killing_the_launcher_leaves_steps_alone(place: Place) -> None:
    step = place.tasks("bash", "-c", "read x; exit 4")
    assert step.srun is not None
    step.srun.until("tasks_started")
    place.launcher.close()
    until(lambda: not alive(place.launcher.pid), "the launcher ends")
    step.srun.say({"kind": "end_input"})
    finish(step)
    assert step.result()["exit_code"] == 4 << 8


@as_root
def test_a_task_is_its_user_in_every_respect(place: Place) -> None:
    job = facts(uid=NOBODY, gid=NOBODY)
    step = run(place, "sh", "-c", "grep -E '^(Uid|Gid|Groups|CapEff):' /proc/self/status", job=job)
    assert step.srun is not None
    lines = dict(line.split(":", 1) for line in step.srun.out().decode().splitlines())
    assert lines["Uid"].split() == lines["Gid"].split() == [str(NOBODY)] * 4
    assert lines["Groups"].split() == [str(NOBODY)]
    assert int(lines["CapEff"], 16) == 0


@as_root
def test_files_are_opened_as_the_user(place: Place) -> None:
    (place.root / "theirs").mkdir()
    os.chown(place.root / "theirs", NOBODY, NOBODY)
    (place.root / "secret").write_text("root's")
    (place.root / "secret").chmod(0o600)
    job = facts(uid=NOBODY, gid=NOBODY, request={"work_dir": str(place.root / "theirs")})
    step = place.batch("id -u", job)
    assert step.result()["exit_code"] == 0
    assert (place.root / "theirs" / "slurm-42.out").stat().st_uid == NOBODY
    job["request"]["std_out"] = str(place.root / "secret")
    step = place.batch("echo overwritten", job)
    assert step.result()["text"].endswith("secret: Permission denied")
    assert (place.root / "secret").read_text() == "root's"
    # A link of the user's to a file of root's gets the user no further.
    os.symlink(place.root / "secret", place.root / "theirs" / "link")
    job["request"]["std_out"] = "link"
    step = place.batch("echo overwritten", job)
    assert step.result()["text"].endswith("link: Permission denied")
    assert (place.root / "secret").read_text() == "root's"


@as_root
def test_a_terminal_belongs_to_its_user(place: Place) -> None:
    step = run(place, "sh", "-c", "stat -c %u $(tty)", job=facts(uid=NOBODY, gid=NOBODY), pty=True)
    assert step.srun is not None
    assert step.srun.out() == b"65534\r\n"


@as_root
def test_the_steps_own_directory_is_closed_to_the_user(place: Place) -> None:
    job = facts(uid=NOBODY, gid=NOBODY)
    step = place.tasks("sh", "-c", f"ls {place.root}/step1", job=job)
    finish(step)
    assert step.result()["exit_code"] == 2 << 8
