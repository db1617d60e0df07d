"""Jobs that wait: held, for a time of day, for a partition; and jobs that go back to waiting."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable


def test_hold_and_release(cluster: Suite) -> None:
    job = cluster.submit("-H", "--wrap", "true")
    assert (cluster.state(job), cluster.reason(job), cluster.job(job)["Priority"]) == ("PENDING", "JobHeldUser", "0")
    cluster.run("scontrol", "release", str(job)).ok()
    cluster.wait_state(job, "COMPLETED")
    job = cluster.submit("--begin=now+1hour", "--wrap", "true")
    cluster.run("scontrol", "hold", str(job)).ok()
    assert cluster.reason(job) == "JobHeldAdmin"
    cluster.run("scontrol", "update", f"jobid={job}", "StartTime=now").ok()
    cluster.run("scontrol", "release", str(job)).ok()
    cluster.wait_state(job, "COMPLETED", seconds=40)


def test_begin(cluster: Suite, here: Path) -> None:
    begun = time.time()
    job = cluster.submit("--begin=now+3", "--wrap", f"date +%s > {here}/when")
    assert (cluster.state(job), cluster.reason(job)) == ("PENDING", "BeginTime")
    cluster.wait_state(job, "COMPLETED", seconds=60)
    assert int(readable(here / "when")) >= int(begun) + 2


def test_requeue_counts_restarts(cluster: Suite, here: Path) -> None:
    body = f"echo $SLURM_JOB_ID ${{SLURM_RESTART_COUNT:-none}} >> {here}/runs; while [ ! -e {here}/go ]; do sleep 0.05; done"
    job = cluster.submit("--requeue", "--wrap", body)
    cluster.until(lambda: readable(here / "runs"), "it runs")
    cluster.run("scontrol", "requeue", str(job)).ok()
    cluster.until(lambda: cluster.job(job)["Restarts"] == "1", "it is counted")
    # a requeued job becomes eligible again after a while: Slurm waits two minutes, unless its begin time is changed
    cluster.until(lambda: cluster.state(job) in ("PENDING", "RUNNING"), "it waits or runs again", 40)
    if cluster.state(job) == "PENDING":
        cluster.run("scontrol", "update", f"jobid={job}", "StartTime=now")  # refused where it has started meanwhile
    cluster.until(lambda: len(readable(here / "runs").splitlines()) == 2, "it runs again", 40)
    (here / "go").touch()
    cluster.wait_state(job, "COMPLETED")
    assert readable(here / "runs").splitlines() == [f"{job} none", f"{job} 1"]


def test_requeuehold(cluster: Suite) -> None:
    job = cluster.submit("--requeue", "--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    cluster.run("scontrol", "requeuehold", str(job)).ok()
    cluster.until(lambda: cluster.state(job) == "PENDING" and "eld" in cluster.reason(job), "it is held", 40)
    cluster.run("scancel", str(job)).ok()
    cluster.wait_state(job, "CANCELLED")


def test_no_requeue(cluster: Suite) -> None:
    job = cluster.submit("--no-requeue", "--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    done = cluster.run("scontrol", "requeue", str(job))
    assert done.status == 1
    assert "presently disabled for job" in done.err
    cluster.run("scancel", str(job)).ok()


@pytest.mark.ours
@pytest.mark.parametrize(("partition", "reason"), [("closed", "PartitionDown"), ("never", "PartitionInactive"), ("drained", "")])
def test_partition_states(cluster: Suite, partition: str, reason: str) -> None:
    done = cluster.run("sbatch", "--parsable", "-p", partition, "-o", "/dev/null", "--wrap", "true")
    if not reason:
        assert (done.status, done.err) == (
            1, "sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)\n"
        )  # fmt: skip
        return
    if partition == "never":
        assert done.status == 1
        return
    job = int(done.out)
    cluster.until(lambda: cluster.reason(job) == reason, "the reason is shown")
    cluster.run("scontrol", "update", f"PartitionName={partition}", "State=UP").ok()
    cluster.wait_state(job, "COMPLETED")
    cluster.run("scontrol", "update", f"PartitionName={partition}", "State=DOWN").ok()


@pytest.mark.ours
def test_partition_limits(cluster: Suite) -> None:
    job = cluster.submit("-p", "small", "--wrap", "sleep 100")
    assert cluster.job(job)["TimeLimit"] == "00:05:00"
    over = cluster.submit("-p", "small", "-t", "60", "--wrap", "true")
    cluster.until(lambda: cluster.reason(over) == "PartitionTimeLimit", "the reason is shown")
    wide = cluster.submit("-p", "small", "-N2", "--wrap", "true")
    cluster.until(lambda: cluster.reason(wide) == "PartitionNodeLimit", "the reason is shown")
    cluster.run("scancel", str(job), str(over), str(wide)).ok()


def test_several_partitions(cluster: Suite) -> None:
    job = cluster.submit("-p", "debug,gpu", "--wait", "--wrap", "true")
    assert cluster.job(job)["Partition"] in ("debug", "gpu")


def test_update_of_a_waiting_job(cluster: Suite) -> None:
    job = cluster.submit("-H", "--wrap", "true")
    changes = ["timelimit=5", "name=renamed", "comment=words", "numnodes=2", "partition=debug", "nice=7"]
    cluster.run("scontrol", "update", f"jobid={job}", *changes[:3], changes[5]).ok()
    shown = cluster.job(job)
    assert (shown["TimeLimit"], shown["JobName"], shown["Comment"], shown["Nice"]) == ("00:05:00", "renamed", "words", "7")
    cluster.run("scontrol", "update", f"jobid={job}", "partition=debug").ok()
    assert cluster.job(job)["Partition"] == "debug"
    cluster.run("scontrol", "release", str(job)).ok()
    cluster.wait_state(job, "COMPLETED")
    done = cluster.run("scontrol", "update", f"jobid={job}", "timelimit=7")
    assert done.status == 1
    assert "Job has already finished" in done.err


def test_a_drained_node_takes_nothing(cluster: Suite) -> None:
    cluster.run("scontrol", "update", "NodeName=n1", "State=DRAIN", "Reason=a look inside").ok()
    try:
        assert "DRAIN" in cluster.node("n1")["State"]
        job = cluster.submit("-w", "n1", "--wrap", "true")
        cluster.until(lambda: "unavailable" in cluster.reason(job).lower() or "ReqNode" in cluster.reason(job), "it says why")
        assert cluster.state(job) == "PENDING"
    finally:
        cluster.run("scontrol", "update", "NodeName=n1", "State=RESUME").ok()
    cluster.wait_state(job, "COMPLETED", seconds=60)
