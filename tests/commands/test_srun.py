"""srun against a scripted controller and supervisor: streams, labels, signals, reports. Texts are those of Slurm 22.05.8."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.base import errors
from mgpu_slurm.wire import frames
from tests.kit.commands import finish
from tests.kit.fake_controller import FakeCluster, Talk, hold, refuses, says
from tests.kit.waiting import until


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        yield made


def two(cluster: FakeCluster) -> FakeCluster:
    cluster.ntasks = 2
    return cluster


# --- course and requests ---------------------------------------------------------------------------------------------


def test_own_allocation(cluster: FakeCluster) -> None:
    done = cluster.run("srun", "-n1", "true", env={"FOO": "1"})
    assert (done.status, done.out, done.err) == (0, "", "")
    kinds = [message["kind"] for message in cluster.controller.log]
    assert kinds == ["allocate", "create_step", "release_job"]
    (launch,) = cluster.asked("launch_tasks")
    assert launch["argv"] == ["true"]
    assert launch["environment"]["FOO"] == "1"
    assert launch["mac"] == "mac"
    assert launch["work_dir"] == str(cluster.directory)
    assert launch["std_in"] == "none"
    assert cluster.asked("create_step")[0]["request"]["job_id"] == 5
    assert cluster.asked("release_job")[0]["exit_code"] == 0


def test_within_an_allocation(cluster: FakeCluster) -> None:
    cluster.tasks = lambda talk: cluster.exit(talk, [0], 3 << 8)
    done = cluster.run("srun", "true", env={"SLURM_JOB_ID": "5"})
    assert (done.status, done.err) == (3, "srun: error: n0: task 0: Exited with exit code 3\n")
    assert [message["kind"] for message in cluster.controller.log] == ["get_job_setup", "create_step", "step_done"]
    end = cluster.asked("step_done")[0]
    assert (end["job_id"], end["step_id"], end["exit_code"], end["failed"]) == (5, "0", 3 << 8, False)


def test_more_nodes_than_allocated(cluster: FakeCluster) -> None:
    done = cluster.run("srun", "-N2", "true", env={"SLURM_JOB_ID": "5"})
    assert (done.status, done.err) == (1, "srun: error: Only allocated 1 nodes asked for 2\n")


def test_unknown_allocation(cluster: FakeCluster) -> None:
    cluster.controller["get_job_setup"] = refuses(errors.ESLURM_INVALID_JOB_ID, "Invalid job id specified")
    done = cluster.run("srun", "--jobid=99", "true")
    assert done.status == 1
    assert done.err.splitlines() == [
        "srun: error: Unable to confirm allocation for job 99: Invalid job id specified",
        "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job 99",
    ]


def test_refused_allocation_and_step(cluster: FakeCluster) -> None:
    cluster.controller["create_step"] = refuses(errors.ESLURM_TOO_MANY_REQUESTED_CPUS, "More processors requested than permitted")
    done = cluster.run("srun", "-n99", "true", env={"SLURM_JOB_ID": "5"})
    text = "srun: error: Unable to create step for job 5: More processors requested than permitted\n"
    assert (done.status, done.err) == (1, text)
    detail = "invalid partition specified: nope"
    cluster.controller["allocate"] = refuses(errors.ESLURM_INVALID_PARTITION_NAME, "Invalid partition name specified", detail)
    done = cluster.run("srun", "-p", "nope", "true", env={"SLURM_EXIT_ERROR": "7"})
    assert done.status == 7
    assert done.err.splitlines() == [
        f"srun: error: {detail}", "srun: error: Unable to allocate resources: Invalid partition name specified",
    ]  # fmt: skip


def test_waiting_for_resources(cluster: FakeCluster) -> None:
    def handler(message: dict[str, Any], talk: Talk) -> None:
        talk.send(cluster.waiting())
        talk.send(cluster.started())
        hold(talk)

    cluster.controller["allocate"] = handler
    done = cluster.run("srun", "true")
    assert done.status == 0
    assert done.err.splitlines() == [
        "srun: job 5 queued and waiting for resources", "srun: job 5 has been allocated resources",
    ]  # fmt: skip


def test_a_moment_in_the_queue_is_not_worth_a_word(cluster: FakeCluster) -> None:
    def handler(message: dict[str, Any], talk: Talk) -> None:
        talk.send(cluster.waiting(reason="None"))
        talk.send(cluster.started())
        hold(talk)

    cluster.controller["allocate"] = handler
    assert cluster.run("srun", "true").ok().err == ""


@pytest.mark.parametrize(
    ("reason", "text"),
    [("JobHeldUser", "Job is in held state, pending scheduler release"), ("BeginTime", "")],
)
def test_cancelled_while_waiting(cluster: FakeCluster, reason: str, text: str) -> None:
    ended = {"kind": "job_event", "job_id": 5, "event": "ended", "state": "CANCELLED"}
    cluster.controller["allocate"] = says(cluster.waiting(reason), ended)
    done = cluster.run("srun", "true")
    expected = [f"srun: {text}"] if text else []
    expected += ["srun: job 5 queued and waiting for resources", "srun: Job has been cancelled"]
    expected.append("srun: error: Unable to allocate resources: Job/step already completing or completed")
    assert (done.status, done.err.splitlines()) == (1, expected)


def test_interrupted_while_waiting(cluster: FakeCluster) -> None:
    cluster.controller["allocate"] = lambda message, talk: (talk.send(cluster.waiting()), hold(talk))[1]
    process = cluster.start("srun", "true")
    assert process.stderr is not None
    assert process.stderr.readline() == "srun: job 5 queued and waiting for resources\n"
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert (done.status, done.err) == (1, "srun: Job allocation 5 has been revoked\nsrun: Force Terminated JobId=5\n")
    assert cluster.asked("release_job")


def test_controller_lost_while_waiting(cluster: FakeCluster) -> None:
    cluster.controller["allocate"] = says(cluster.waiting())  # and the connection closes
    cluster.controller["attach"] = cluster.allocated
    done = cluster.run("srun", "true")
    assert done.status == 0
    assert done.err.endswith("srun: job 5 has been allocated resources\n")


def test_immediate(cluster: FakeCluster) -> None:
    ended = {"kind": "job_event", "job_id": 5, "event": "ended", "state": "CANCELLED", "text": "Job can not start immediately"}
    cluster.controller["allocate"] = says(cluster.waiting(), ended)
    done = cluster.run("srun", "--immediate=1", "true", env={"SLURM_EXIT_IMMEDIATE": "4"})
    assert (done.status, done.err) == (4, "srun: error: Unable to allocate resources: Job can not start immediately\n")


def test_step_that_has_to_wait(cluster: FakeCluster) -> None:
    def handler(message: dict[str, Any], talk: Talk) -> None:
        talk.send({"kind": "step_pending", "code": errors.ESLURM_NODES_BUSY, "text": "Requested nodes are busy"})
        talk.send(cluster.step(message))

    cluster.controller["create_step"] = handler
    done = cluster.run("srun", "true", env={"SLURM_JOB_ID": "5"})
    pending = "srun: Job 5 step creation temporarily disabled, retrying (Requested nodes are busy)\n"
    assert (done.status, done.err) == (0, pending + "srun: Step created for job 5\n")
    done = cluster.run("srun", "true", env={"SLURM_JOB_ID": "5", "MGPU_COMPAT": "26.05"})
    assert done.err == pending + "srun: Step created for StepId=5.0\n"


# --- output ----------------------------------------------------------------------------------------------------------


def test_descriptors_are_passed(cluster: FakeCluster) -> None:
    def tasks(talk: Talk) -> None:
        out, err = talk.descriptors
        os.write(out, b"to output")
        os.write(err, b"to error")
        cluster.exit(talk, [0], 0)

    cluster.tasks = tasks
    done = cluster.run("srun", "true")
    assert (done.out, done.err) == ("to output", "to error")
    assert cluster.asked("launch_tasks")[0]["passed"] == ["stdout", "stderr"]


def test_input_is_passed_to_a_single_task(cluster: FakeCluster) -> None:
    seen: list[bytes] = []

    def tasks(talk: Talk) -> None:
        seen.append(os.read(talk.descriptors[2], 100))
        cluster.exit(talk, [0], 0)

    cluster.tasks = tasks
    (cluster.directory / "in").write_text("input\n")
    cluster.run("srun", "-i", "in", "cat").ok()
    assert seen == [b"input\n"]
    assert cluster.asked("launch_tasks")[0]["passed"] == ["stdout", "stderr", "stdin"]


def test_labels(cluster: FakeCluster) -> None:
    cluster.ntasks = 11

    def tasks(talk: Talk) -> None:
        talk.channel(frames.STDOUT, 3, b"one\ntw")
        talk.channel(frames.STDOUT, 10, b"ten\n\n")
        talk.channel(frames.STDOUT, 3, b"o\nend")
        talk.channel(frames.STDERR, 0, b"error\n")
        cluster.exit(talk, list(range(11)), 0)

    cluster.tasks = tasks
    done = cluster.run("srun", "-n11", "-l", "true")
    assert done.out.splitlines() == [" 3: one", "10: ten", "10: ", " 3: two", " 3: end"]
    assert done.err == " 0: error\n"
    assert cluster.asked("launch_tasks")[0]["passed"] == []


def test_one_task_of_several(cluster: FakeCluster) -> None:
    def tasks(talk: Talk) -> None:
        for task in (0, 1):
            talk.channel(frames.STDOUT, task, b"out %d\n" % task)
            talk.channel(frames.STDERR, task, b"err %d\n" % task)
        cluster.exit(talk, [0, 1], 0)

    two(cluster).tasks = tasks
    done = cluster.run("srun", "-n2", "-o", "1", "-e", "0", "true")
    assert (done.out, done.err) == ("out 1\n", "err 0\n")


def test_output_files(cluster: FakeCluster) -> None:
    def tasks(talk: Talk) -> None:
        for descriptor in talk.descriptors:
            os.write(descriptor, b"line\n")
        cluster.exit(talk, [0], 0)

    cluster.tasks = tasks
    assert cluster.run("srun", "-J", "x", "-o", "%x-%j-%s-%J-%%.txt", "true").ok().out == ""
    # without a place of its own standard error goes to the same file, at the same position
    assert (cluster.directory / "x-5-0-5.0-%.txt").read_text() == "line\nline\n"
    cluster.run("srun", "-J", "x", "--open-mode=append", "-o", "%x-%j-%s-%J-%%.txt", "true").ok()
    assert (cluster.directory / "x-5-0-5.0-%.txt").read_text() == "line\n" * 4
    cluster.tasks = lambda talk: cluster.exit(talk, [0], 0)
    cluster.run("srun", "-o", "%t.txt", "-e", "none", "true").ok()
    last = cluster.asked("launch_tasks")[-1]
    assert (last["std_out"], last["std_err"], last["passed"]) == ("%t.txt", "none", [])


@pytest.mark.parametrize(
    ("option", "text"),
    [("-o", "Could not open stdout file: "), ("-e", "Could not open stderr file: "), ("-i", "Could not open stdin file: ")],
)
def test_file_that_cannot_be_opened(cluster: FakeCluster, option: str, text: str) -> None:
    done = cluster.run("srun", option, "/nonexistent/x", "true")
    assert (done.status, done.err) == (1, f"srun: error: {text}No such file or directory\n")
    assert cluster.asked("step_done")[0]["failed"] is True


def test_reader_that_leaves(cluster: FakeCluster) -> None:
    """`srun -l yes | head -1` ends, although the tasks would go on for ever."""
    heard: list[int] = []

    def tasks(talk: Talk) -> None:
        def listen() -> None:
            while (message := talk.message()) is not None:
                heard.append(message["signal"])
                cluster.exit(talk, [0], signal.SIGPIPE)
                return

        thread = threading.Thread(target=listen)
        thread.start()
        while thread.is_alive():
            talk.channel(frames.STDOUT, 0, b"y\n" * 1000)
        thread.join()

    cluster.tasks = tasks
    read, write = os.pipe()
    process = cluster.start("srun", "-l", "yes", stdout=write)
    os.close(write)
    assert os.read(read, 5) == b"0: y\n"
    os.close(read)
    done = finish(process)
    assert (heard, done.err) == ([signal.SIGPIPE], "")


# --- input -----------------------------------------------------------------------------------------------------------


def collect(cluster: FakeCluster, seen: list[tuple[int, bytes]]) -> None:
    """Tasks that read all input, until its end."""

    def tasks(talk: Talk) -> None:
        while (frame := talk.next()) is not None:
            if frame.tag == frames.STDIN:
                seen.append((frame.task, frame.data))
            elif frame.message()["kind"] == "end_input":
                break
        cluster.exit(talk, list(range(cluster.ntasks)), 0)

    cluster.tasks = tasks


def test_input_for_all_tasks(cluster: FakeCluster) -> None:
    seen: list[tuple[int, bytes]] = []
    collect(two(cluster), seen)
    text = "line\n" * 100_000
    cluster.run("srun", "-n2", "cat", stdin=text).ok()
    assert {task for task, _ in seen} == {frames.ALL_TASKS}
    assert b"".join(data for _, data in seen).decode() == text


def test_input_for_one_task(cluster: FakeCluster) -> None:
    """A pipe is handed over to the task; a terminal's input travels as frames for that task."""
    seen: list[bytes] = []

    def tasks(talk: Talk) -> None:
        (descriptor,) = talk.descriptors
        seen.append(os.read(descriptor, 100))
        cluster.exit(talk, [0, 1], 0)

    two(cluster).tasks = tasks
    cluster.run("srun", "-n2", "-l", "-i", "1", "cat", stdin="x").ok()
    launch = cluster.asked("launch_tasks")[0]
    assert (launch["stdin_task"], launch["passed"], seen) == (1, ["stdin"], [b"x"])
    frames_seen: list[tuple[int, bytes]] = []
    collect(cluster, frames_seen)
    ours, theirs = os.openpty()
    process = cluster.start("srun", "-n2", "-i", "1", "cat", stdin=theirs)
    os.write(ours, b"typed\n\x04")
    finish(process).ok()
    assert frames_seen == [(1, b"typed\n")]
    os.close(ours)
    os.close(theirs)


# --- programs --------------------------------------------------------------------------------------------------------


def test_multi_prog(cluster: FakeCluster) -> None:
    (cluster.directory / "p.conf").write_text("# comment\n0 echo \\\n a\n1-1\techo %t\n")
    two(cluster).run("srun", "-n2", "--multi-prog", "p.conf").ok()
    assert cluster.asked("launch_tasks")[0]["multi_prog"] == "0 echo  a\n1-1 echo %t"
    (cluster.directory / "q.conf").write_text("0 echo a\n")
    done = cluster.run("srun", "-n2", "--multi-prog", "q.conf")
    assert (done.status, done.err) == (1, "srun: error: Configuration file q.conf invalid, no record for task id 1\n")
    done = cluster.run("srun", "-n2", "--multi-prog", "nosuch")
    assert (done.status, done.err) == (1, "srun: error: Could not open multi_prog config file nosuch\n")


def test_prolog_and_epilog(cluster: FakeCluster) -> None:
    assert cluster.run("srun", "--epilog=/bin/echo", "true", "x").ok().out == "true x\n"
    done = cluster.run("srun", "--prolog=/bin/false", "true")
    assert done.status == 0
    assert done.err.splitlines() == [
        "srun: error: srun prolog failed rc = 1. Aborting step.",
        "srun: launch/slurm: launch_p_step_launch: StepId=5.0 aborted before step completely launched.",
    ]
    done = cluster.run("srun", "--epilog=/bin/false", "true")
    assert (done.status, done.err) == (0, "srun: error: srun epilog failed status=1\n")


def test_pty_needs_a_terminal(cluster: FakeCluster) -> None:
    done = cluster.run("srun", "--pty", "bash")
    assert done.err.splitlines() == [
        "srun: error: ioctl(TIOCGWINSZ): Inappropriate ioctl for device",
        "srun: error: Not using a pseudo-terminal, disregarding --pty option",
    ]
    assert cluster.asked("launch_tasks")[0]["pty"] is False


def test_pty(cluster: FakeCluster) -> None:
    """On a terminal it is raw while the task runs, and as before afterwards."""
    import termios

    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    raw: list[bool] = []
    seen: list[bytes] = []

    def tasks(talk: Talk) -> None:
        until(lambda: not termios.tcgetattr(theirs)[3] & termios.ICANON, "the terminal is raw")
        raw.append(True)
        os.write(ours, b"\x03")
        while (frame := talk.next()) is not None:
            if frame.tag == frames.STDIN:
                seen.append(frame.data)
                break
        talk.channel(frames.STDOUT, 0, b"screen")
        cluster.exit(talk, [0], 0)

    cluster.tasks = tasks
    process = cluster.start("srun", "--pty", "bash", stdin=theirs, stdout=theirs)
    done = finish(process)
    assert done.status == 0
    assert raw == [True]
    assert seen == [b"\x03"]
    assert os.read(ours, 100).endswith(b"screen")
    assert termios.tcgetattr(theirs)[3] == before[3]
    assert cluster.asked("launch_tasks")[0]["pty"] is True
    os.close(ours)
    os.close(theirs)


def test_test_only(cluster: FakeCluster, tmp_path: Path) -> None:
    answer = {"kind": "job_test", "job_id": 7, "start_time": 0.0, "cpus": 2, "nodes": "n0", "partition": "gpu"}
    cluster.controller["allocate"] = says(answer)
    done = cluster.run("srun", "--test-only", "-n2", "true")
    text = "srun: Job 7 to start at 1970-01-01T00:00:00 using 2 processors on nodes n0 in partition gpu\n"
    assert (done.status, done.err) == (0, text)
