"""Jobs that wait for jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable


@pytest.mark.parametrize(
    ("kind", "status", "starts"),
    [
        ("afterok", 0, True),
        ("afterok", 3, False),
        ("afternotok", 3, True),
        ("afternotok", 0, False),
        ("afterany", 3, True),
        ("afterany", 0, True),
    ],
)
def test_kinds_after_an_end(cluster: Suite, kind: str, status: int, starts: bool) -> None:
    first = cluster.submit("-H", "--wrap", f"exit {status}")
    second = cluster.submit("-d", f"{kind}:{first}", "--wrap", "true")
    row = cluster.run("squeue", "-h", "-j", str(second), "-o", "%T %r %E").out
    assert row == f"PENDING Dependency {kind}:{first}(unfulfilled)\n"
    cluster.run("scontrol", "release", str(first)).ok()
    cluster.wait_ended(first)
    if starts:
        cluster.wait_state(second, "COMPLETED")
    else:
        cluster.until(lambda: cluster.reason(second) == "DependencyNeverSatisfied", "it is known never to start")
        cluster.run("scancel", str(second)).ok()
        cluster.wait_state(second, "CANCELLED")


def test_kill_on_invalid_dependency(cluster: Suite) -> None:
    first = cluster.submit("-H", "--wrap", "exit 1")
    second = cluster.submit("-d", f"afterok:{first}", "--kill-on-invalid-dep=yes", "--wrap", "true")
    cluster.run("scontrol", "release", str(first)).ok()
    cluster.wait_state(second, "CANCELLED", seconds=40)


def test_after_waits_for_the_start(cluster: Suite, here: Path) -> None:
    first = cluster.submit("-H", "--wrap", f"while [ ! -e {here}/go ]; do sleep 0.05; done")
    second = cluster.submit("-d", f"after:{first}", "--wrap", "true")
    assert cluster.state(second) == "PENDING"
    cluster.run("scontrol", "release", str(first)).ok()
    cluster.wait_state(second, "COMPLETED")
    assert cluster.state(first) == "RUNNING"
    (here / "go").touch()
    cluster.wait_state(first, "COMPLETED")


def test_any_and_all(cluster: Suite) -> None:
    good = cluster.submit("--wait", "--wrap", "true")
    held = cluster.submit("-H", "--wrap", "true")
    either = cluster.submit("-d", f"afterok:{held}?afterok:{good}", "--wrap", "true")
    both = cluster.submit("-d", f"afterok:{held},afterok:{good}", "--wrap", "true")
    cluster.wait_state(either, "COMPLETED")
    assert cluster.state(both) == "PENDING"
    cluster.run("scontrol", "release", str(held)).ok()
    cluster.wait_state(both, "COMPLETED")


def test_corresponding_elements(cluster: Suite, here: Path) -> None:
    first = cluster.submit("--array=1-3", "--wrap", f"while [ ! -e {here}/go.$SLURM_ARRAY_TASK_ID ]; do sleep 0.05; done; "
                           "[ $SLURM_ARRAY_TASK_ID != 3 ]")  # fmt: skip
    second = cluster.submit("--array=1-3", "-d", f"aftercorr:{first}", "--wrap", "true")
    (here / "go.2").touch()
    cluster.until(lambda: cluster.states(second)[f"{second}_2"] == "COMPLETED", "element 2 follows", seconds=40)
    assert cluster.states(second)[f"{second}_1"] == "PENDING"
    (here / "go.1").touch()
    (here / "go.3").touch()
    cluster.until(lambda: cluster.states(second)[f"{second}_1"] == "COMPLETED", "element 1 follows", seconds=40)
    assert cluster.states(second)[f"{second}_3"] == "PENDING"
    cluster.run("scancel", str(second)).ok()


def test_an_array_is_over_when_all_elements_are(cluster: Suite, here: Path) -> None:
    first = cluster.submit("--array=1-2", "--wrap", f"while [ ! -e {here}/go.$SLURM_ARRAY_TASK_ID ]; do sleep 0.05; done")
    second = cluster.submit("-d", f"afterok:{first}", "--wrap", "true")
    (here / "go.1").touch()
    cluster.until(lambda: cluster.states(first)[f"{first}_1"] == "COMPLETED", "element 1 ends")
    assert cluster.state(second) == "PENDING"
    (here / "go.2").touch()
    cluster.wait_state(second, "COMPLETED", seconds=40)


def test_singleton(cluster: Suite, here: Path) -> None:
    body = f"while [ ! -e {here}/go ]; do sleep 0.05; done"
    first = cluster.submit("-J", "alone", "--wrap", body)
    second = cluster.submit("-J", "alone", "-d", "singleton", "--wrap", "true")
    other = cluster.submit("-J", "another", "-d", "singleton", "--wrap", "true")
    cluster.wait_state(other, "COMPLETED")
    cluster.wait_state(first, "RUNNING")
    assert cluster.state(second) == "PENDING"
    (here / "go").touch()
    cluster.wait_state(second, "COMPLETED", seconds=40)


def test_order_of_a_chain(cluster: Suite, here: Path) -> None:
    last = cluster.submit("-H", "--wrap", f"echo 0 >> {here}/order")
    first = last
    for number in range(1, 5):
        last = cluster.submit("-d", f"afterok:{last}", "--wrap", f"echo {number} >> {here}/order")
    cluster.run("scontrol", "release", str(first)).ok()
    cluster.wait_state(last, "COMPLETED", seconds=60)
    assert readable(here / "order").split() == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("text", ["afterok", "nonsense:1", "afterok:x"])
def test_refused(cluster: Suite, text: str) -> None:
    done = cluster.run("sbatch", "-d", text, "-o", "/dev/null", "--wrap", "true")
    assert (done.status, done.err) == (1, "sbatch: error: Batch job submission failed: Job dependency problem\n")


def test_a_job_that_is_long_forgotten_holds_nobody(cluster: Suite) -> None:
    job = cluster.submit("-d", "afterok:99999999", "--wrap", "true")
    cluster.wait_state(job, "COMPLETED")


def test_update_of_a_dependency(cluster: Suite) -> None:
    first = cluster.submit("-H", "--wrap", "true")
    second = cluster.submit("-d", f"afterok:{first}", "--wrap", "true")
    cluster.run("scontrol", "update", f"jobid={second}", "dependency=").ok()
    cluster.wait_state(second, "COMPLETED")
    cluster.run("scancel", str(first)).ok()
