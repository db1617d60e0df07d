"""submitit: functions as jobs and arrays, results, states, errors, cancelling, and being started again where they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import RealSlurm, Suite, readable

pytestmark = pytest.mark.clients

START = """\
import json, os, sys, time
import submitit
from submitit.core.core import Job

def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "too late"
        time.sleep(0.1)

def state(job):
    job.watcher.update()
    return job.state

executor = submitit.AutoExecutor(folder="logs/%j")
assert executor.cluster == "slurm", executor.cluster
"""

RESULTS = """
def work(x):
    here = submitit.JobEnvironment()
    print("working on", x)
    return [x * x, here.job_id, here.global_rank, here.local_rank, here.num_tasks, here.node, here.hostnames,
            os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ["SLURM_CPUS_PER_TASK"]]

executor.update_parameters(nodes=2, tasks_per_node=2, gpus_per_node=2, cpus_per_task=2, mem_gb=1, timeout_min=2, name="a b",
                           slurm_array_parallelism=2, slurm_partition="gpu", slurm_comment="it's", slurm_qos="any")
one = executor.submit(work, 7)
many = executor.map_array(work, [1, 2, 3])
told = {"one": [one.job_id, one.results()], "many": [[job.job_id, job.results()] for job in many]}
until(lambda: all(state(job) in ("COMPLETED", "UNKNOWN") for job in [one, *many]))
told["states"] = [job.state for job in [one, *many]]
told["stdout"] = many[2].stdout()
told["nodes"] = one.get_info()
print(json.dumps(told))
"""


@pytest.fixture
def world(cluster: Suite, light: Path, here: Path) -> World:
    return World(cluster, light, here)


def test_results_of_tasks_and_arrays(world: World) -> None:
    told = json.loads(world.run(START + RESULTS).lines[-1])
    job, ranks = told["one"]
    devices = {rank[7] for rank in ranks}
    assert [rank[0:6] for rank in ranks] == [[49, job, n, n % 2, 4, n // 2] for n in range(4)]
    assert all(rank[6] == ranks[0][6] and len(rank[6]) == 2 for rank in ranks)
    assert all(len(seen.split(",")) == 2 for seen in devices)
    assert {rank[8] for rank in ranks} == {"2"}
    base = told["many"][0][0].partition("_")[0]
    assert [(name, results[0][0]) for name, results in told["many"]] == [(f"{base}_{n}", (n + 1) ** 2) for n in range(3)]
    assert [results[0][1] for _, results in told["many"]] == [f"{base}_{n}" for n in range(3)]
    assert "working on 3" in told["stdout"]
    if not isinstance(world.suite, RealSlurm):
        assert told["states"] == ["COMPLETED"] * 4
        assert told["nodes"]["NodeList"] == "n[0-1]"


ENDS = """
def fails():
    raise ValueError("no such thing")

def sleeps():
    print("asleep", flush=True)
    time.sleep(600)

executor.update_parameters(timeout_min=2)
bad, long = executor.submit(fails), executor.submit(sleeps)
error = bad.exception()
until(lambda: "asleep" in (long.stdout() or ""))
running = state(long)
long.cancel()
until(lambda: state(long).startswith("CANCELLED") or long.state == "UNKNOWN")
until(lambda: state(bad) in ("FAILED", "UNKNOWN"))
print(json.dumps({"error": str(error), "kind": type(error).__name__, "running": running, "cancelled": long.state,
                  "bad": bad.state, "job": long.job_id}))
"""


def test_errors_and_cancelled_jobs_are_seen(world: World) -> None:
    told = json.loads(world.run(START + ENDS).lines[-1])
    assert told["kind"] == "FailedJobError", told["error"]
    assert "ValueError: no such thing" in told["error"]
    world.suite.wait_state(told["job"], "CANCELLED")
    if not isinstance(world.suite, RealSlurm):
        assert (told["running"], told["bad"]) == ("RUNNING", "FAILED")
        assert told["cancelled"].startswith("CANCELLED by ")


CHECKPOINT = """
class Counter(submitit.helpers.Checkpointable):
    \"\"\"Is interrupted once, and goes on with what it had counted.\"\"\"

    def __init__(self):
        self.starts = 0

    def __call__(self, path):
        self.starts += 1
        with open(path, "a") as file:
            print(self.starts, os.environ.get("SLURM_RESTART_COUNT"), os.environ["SLURM_JOB_ID"], file=file)
        if self.starts == 1:
            time.sleep(600)
        return [self.starts, submitit.JobEnvironment().job_id]
"""

INTERRUPT = (
    CHECKPOINT
    + """
executor.update_parameters(timeout_min=2)
job = executor.submit(Counter(), "starts")
until(lambda: os.path.exists("starts") and open("starts").read().endswith("\\n"))
job._interrupt()
print(json.dumps([job.job_id, job.result(), job.stdout(), job.stderr()]))
"""
)

ARRAY = (
    CHECKPOINT
    + """
executor.update_parameters(timeout_min=2)
jobs = executor.map_array(Counter(), ["starts0", "starts1"])
until(lambda: all(os.path.exists(f"starts{n}") and open(f"starts{n}").read() for n in (0, 1)))
jobs[1]._interrupt()
result = jobs[1].result()
jobs[0].cancel()
print(json.dumps([jobs[1].job_id, result]))
"""
)


def test_interrupted_job_goes_on_as_the_same_job(world: World) -> None:
    job, result, out, err = json.loads(world.run(START + INTERRUPT).lines[-1])
    assert result == [2, job]
    assert readable(world.directory / "starts").splitlines() == [f"1 None {job}", f"2 1 {job}"]
    assert "Caught signal SIGUSR2" in err, "the first run's output is still there"
    assert out.count("Starting with JobEnvironment") == 2
    assert world.suite.job(job)["Restarts"] == "1"


def test_interrupted_array_element_goes_on_as_the_same_element(world: World) -> None:
    job, result = json.loads(world.run(START + ARRAY).lines[-1])
    assert result == [2, job]
    lines = [line.split() for line in readable(world.directory / "starts1").splitlines()]
    assert [line[:2] for line in lines] == [["1", "None"], ["2", "1"]]
    assert lines[0][2] == lines[1][2]


TIMEOUT = (
    CHECKPOINT
    + """
executor.update_parameters(timeout_min=1, slurm_signal_delay_s=58)
job = executor.submit(Counter(), "starts")
print(json.dumps([job.job_id, job.result(), job.stderr()]))
"""
)


def test_warning_before_the_limit_saves_the_job(world: World) -> None:
    """58 seconds before a limit of one minute the tasks receive USR2: submitit saves and has the job requeued."""
    job, result, err = json.loads(world.run(START + TIMEOUT, timeout=90).lines[-1])
    assert result == [2, job]
    assert "Caught signal SIGUSR2" in err
