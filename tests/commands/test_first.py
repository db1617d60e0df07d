"""The first generation's commands against a scripted controller."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mgpu_slurm.commands.first import is_first_master
from tests.kit.fake_controller import FakeCluster, says


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    with FakeCluster() as made:
        made.controller["submit_job"] = says({"kind": "job_submitted", "job_id": 42})
        made.controller["cancel_jobs"] = says({"kind": "results", "rows": [["42", 0, ""]]})
        yield made


def test_submit(cluster: FakeCluster) -> None:
    done = cluster.run("client", "submit", "--gpus", "1", "nvidia-smi | head")
    assert (done.status, done.out, done.err) == (0, "Submitted batch job 42\n", "")
    (request,) = cluster.asked("submit_job")[0]["requests"]
    assert request["gpus"] == "1"
    assert "\nnvidia-smi | head\n" in request["script"]


def test_submit_several_words(cluster: FakeCluster) -> None:
    cluster.run("client", "submit", "-J", "name", "python", "train.py", "--rate", "a b").ok()
    (request,) = cluster.asked("submit_job")[0]["requests"]
    assert request["name"] == "name"
    assert "\npython train.py --rate 'a b'\n" in request["script"]


def test_submit_nothing(cluster: FakeCluster) -> None:
    done = cluster.run("client", "submit", "--gpus", "1")
    assert (done.status, done.err) == (1, "mgpu_client: error: No command given to execute.\n")


def test_cancel(cluster: FakeCluster) -> None:
    assert cluster.run("cancel", "42").ok().out == "Cancelled job 42\n"
    assert cluster.run("client", "cancel", "42").ok().out == "Cancelled job 42\n"
    assert cluster.asked("cancel_jobs")[0]["ids"] == ["42"]
    cluster.controller["cancel_jobs"] = says({"kind": "results", "rows": [["7", 2017, "Invalid job id specified"]]})
    done = cluster.run("cancel", "7")
    assert (done.status, done.err) == (1, "mgpu_cancel: error: Kill job error on job id 7: Invalid job id specified\n")
    assert cluster.run("cancel", "x").err == "mgpu_cancel: error: Invalid job id x\n"


@pytest.mark.parametrize("words", [("client", "queue"), ("queue",)])
def test_queue(cluster: FakeCluster, words: tuple[str, ...]) -> None:
    def table(message: dict[str, list[str]], talk: object) -> None:
        talk.send({"kind": "table", "columns": [[] for _ in message["columns"]], "now": 1.0})  # type: ignore[attr-defined]

    cluster.controller["query"] = table
    done = cluster.run(*words)
    assert done.status == 0
    assert done.out.split()[:3] == ["JOBID", "NAME", "USER"]
    assert cluster.asked("query")[0]["table"] == "jobs"


@pytest.mark.parametrize("program", ["client", "queue", "cancel"])
def test_help(cluster: FakeCluster, program: str) -> None:
    for option in ("-h", "--help"):
        done = cluster.run(program, option)
        assert done.status == 0
        assert done.out.startswith(f"Usage: mgpu_{program}")


def test_master(cluster: FakeCluster) -> None:
    done = cluster.run("cancel", "--master", "nonsense:port", "1")
    assert (done.status, done.err) == (1, "mgpu_cancel: error: not a master's address: nonsense:port\n")
    assert cluster.run("client").status == 1


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("dist/mgpu_master", True),
        ("mgpu_simple_master --host 0.0.0.0 --port 8081", True),
        ("python3 -ISXutf8 /opt/tree/bin/mgpu_master", True),
        ("/opt/tree/.venv/bin/python -I -X utf8 /opt/tree/mgpu_slurm/boot.py mgpu_master - --port 8081", True),
        ("mgpu_master -f /etc/mgpu/mgpu.conf", False),
        ("mgpu_master -f/etc/mgpu/mgpu.conf", False),
        ("/opt/mgpu/mgpu --run master - --embedded /home/ada/.local/state/mgpu/host", False),
        ("mgpu_node --node-id test", False),
        ("", False),
    ],
)
def test_a_first_generation_master_is_told_by_its_words(line: str, first: bool) -> None:
    assert is_first_master([word.encode() for word in line.split()]) is first
