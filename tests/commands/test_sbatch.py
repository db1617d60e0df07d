"""sbatch against a scripted controller: what it asks, prints and returns. Texts are those of Slurm 22.05.8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mgpu_slurm.base.errors import ESLURM_INVALID_PARTITION_NAME, ESLURM_MAX_JOB_COUNT, SlurmError
from mgpu_slurm.commands import sbatch
from mgpu_slurm.commands.report import Notes
from tests.kit.fake_controller import FakeCluster, Talk, refuses, says

SUBMITTED = {"kind": "job_submitted", "job_id": 42, "cluster": "fake"}


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        made.controller["submit_job"] = says(SUBMITTED)
        yield made


@pytest.mark.parametrize(
    ("options", "out"),
    [
        ([], "Submitted batch job 42\n"),
        (["--parsable"], "42\n"),
        (["-Q"], ""),
        (["-M", "mgpu", "--parsable"], "42;fake\n"),
        (["-M", "mgpu"], "Submitted batch job 42 on cluster fake\n"),
    ],
)
def test_announcement(cluster: FakeCluster, options: list[str], out: str) -> None:
    done = cluster.run("sbatch", *options, "--wrap", "true")
    assert (done.status, done.out, done.err) == (0, out, "")


def test_request(cluster: FakeCluster) -> None:
    cluster.run("sbatch", "-J", "name", "-n3", "--wrap", "echo hi", env={"FOO": "1"}).ok()
    (message,) = cluster.asked("submit_job")
    (request,) = message["requests"]
    assert len(message["request_id"]) >= 16
    assert request["script"].startswith("#!/bin/sh\n")
    assert "echo hi" in request["script"]
    assert (request["kind"], request["name"], request["ntasks"]) == ("batch", "name", 3)
    assert request["work_dir"] == request["submit_dir"] == str(cluster.directory)
    assert request["environment"]["FOO"] == "1"
    assert request["submit_host"]
    assert request["rlimits"]["NOFILE"] > 0
    assert isinstance(request["umask"], int)


def test_script_from_input_and_file(cluster: FakeCluster) -> None:
    cluster.run("sbatch", stdin="#!/bin/sh\n#SBATCH -J piped\ntrue\n").ok()
    (cluster.directory / "job.sh").write_text("#!/bin/sh\n#SBATCH -n2\ntrue\n")
    cluster.run("sbatch", "job.sh", "a", "b c").ok()
    first, second = (message["requests"][0] for message in cluster.asked("submit_job"))
    assert first["name"] == "piped"
    assert (second["ntasks"], second["argv"]) == (2, [str(cluster.directory / "job.sh"), "a", "b c"])


@pytest.mark.parametrize(("export", "seen", "login"), [("NONE", None, True), ("FOO,X=2", "1", True), ("ALL", "1", None)])
def test_export(cluster: FakeCluster, export: str, seen: str | None, login: bool | None) -> None:
    cluster.run("sbatch", f"--export={export}", "--wrap", "true", env={"FOO": "1", "SLURM_KEPT": "k"}).ok()
    request = cluster.asked("submit_job")[0]["requests"][0]
    assert request["environment"].get("FOO") == seen
    assert request["environment"]["SLURM_KEPT"] == "k"
    assert request.get("get_user_env") == login


def test_propagate(cluster: FakeCluster) -> None:
    cluster.run("sbatch", "--propagate=NONE", "--wrap", "true").ok()
    cluster.run("sbatch", "--propagate=NOFILE,CORE", "--wrap", "true").ok()
    first, second = (message["requests"][0]["rlimits"] for message in cluster.asked("submit_job"))
    assert first == {}
    assert set(second) == {"NOFILE", "CORE"}


def test_refusal(cluster: FakeCluster) -> None:
    detail = "invalid partition specified: nope"
    cluster.controller["submit_job"] = refuses(ESLURM_INVALID_PARTITION_NAME, "Invalid partition name specified", detail)
    done = cluster.run("sbatch", "-p", "nope", "--wrap", "true")
    lines = [f"sbatch: error: {detail}", "sbatch: error: Batch job submission failed: Invalid partition name specified"]
    assert (done.status, done.out, done.err.splitlines()) == (1, "", lines)
    done = cluster.run("sbatch", "--test-only", "-p", "nope", "--wrap", "true")
    lines[1] = "allocation failure: Invalid partition name specified"
    assert (done.status, done.err.splitlines()) == (1, lines)
    assert cluster.run("sbatch", "--wrap", "true", env={"SLURM_EXIT_ERROR": "9"}).status == 9


def test_test_only(cluster: FakeCluster) -> None:
    answer = {"kind": "job_test", "job_id": 7, "start_time": 0.0, "cpus": 2, "nodes": "n0", "partition": "gpu"}
    cluster.controller["submit_job"] = says(answer)
    done = cluster.run("sbatch", "--test-only", "--wrap", "true")
    text = "sbatch: Job 7 to start at 1970-01-01T00:00:00 using 2 processors on nodes n0 in partition gpu\n"
    assert (done.status, done.out, done.err) == (0, "", text)
    assert cluster.asked("submit_job")[0]["test_only"] is True
    done = cluster.run("sbatch", "--test-only", "--wrap", "true", env={"MGPU_COMPAT": "26.05"})
    assert "00:00:00 a using 2" in done.err


@pytest.mark.parametrize(("wait_status", "status"), [(0, 0), (3 << 8, 3), (9, 1), (15, 1)])
def test_wait(cluster: FakeCluster, wait_status: int, status: int) -> None:
    cluster.controller["wait_job"] = says({"kind": "job_ended", "job_id": 42, "state": "X", "exit_code": wait_status})
    done = cluster.run("sbatch", "--wait", "--wrap", "true")
    assert (done.status, done.out) == (status, "Submitted batch job 42\n")


def test_wait_outlives_a_lost_connection(cluster: FakeCluster) -> None:
    lost: list[int] = []

    def handler(message: dict[str, Any], talk: Talk) -> None:
        if not lost:
            lost.append(1)  # and the connection closes without an answer
        else:
            talk.send({"kind": "job_ended", "job_id": 42, "state": "COMPLETED", "exit_code": 2 << 8})

    cluster.controller["wait_job"] = handler
    assert cluster.run("sbatch", "--wait", "--wrap", "true").status == 2


def test_lost_answer_is_asked_again_under_the_same_id(cluster: FakeCluster) -> None:
    tries: list[str] = []

    def handler(message: dict[str, Any], talk: Talk) -> None:
        tries.append(message["request_id"])
        if len(tries) > 1:
            talk.send(SUBMITTED)

    cluster.controller["submit_job"] = handler
    assert cluster.run("sbatch", "--wrap", "true").ok().out == "Submitted batch job 42\n"
    assert len(tries) == 2
    assert tries[0] == tries[1]


class _Streams:
    def __init__(self) -> None:
        self.err = self
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


class _Full:
    """A session whose queue is full so many times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def call(self, message: dict[str, Any]) -> dict[str, Any]:
        self.times -= 1
        if self.times >= 0:
            raise SlurmError(ESLURM_MAX_JOB_COUNT)
        return SUBMITTED


def test_full_queue_is_asked_again_with_growing_waits() -> None:
    streams, waits = _Streams(), list[float]()
    notes = Notes("sbatch", streams, {}, (22, 5))
    assert sbatch.send(_Full(3), {}, notes, waits.append) == SUBMITTED  # type: ignore[arg-type]
    assert waits == [1.0, 2.0, 3.0]
    assert streams.text == "sbatch: error: Slurm job queue full, sleeping and retrying\n"
    with pytest.raises(SlurmError):
        sbatch.send(_Full(99), {}, notes, waits.append)  # type: ignore[arg-type]


def test_options_are_checked_before_anybody_is_asked(cluster: FakeCluster) -> None:
    done = cluster.run("sbatch", "--no-such-option")
    assert done.status == 255
    assert done.err.startswith("sbatch: unrecognized option '--no-such-option'\n")
    assert cluster.run("sbatch", "nosuchfile").err == "sbatch: error: Unable to open file nosuchfile\n"
    assert cluster.controller.log == []
