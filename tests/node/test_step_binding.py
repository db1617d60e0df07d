"""CPUs and GPUs of real tasks, and the programs around them."""

from __future__ import annotations

import os

import pytest

from tests.kit.steps import Place, Srun, facts

CPUS = sorted(os.sched_getaffinity(0))[:2]
MACHINE = [[cpu, 0, at, 0, 0] for at, cpu in enumerate(CPUS)]
AFFINITY = "import os; print(*sorted(os.sched_getaffinity(0)))"
two_cpus = pytest.mark.skipif(len(CPUS) < 2, reason="needs two CPUs")


def run(place: Place, *argv: str, **more: object) -> Srun:
    step = place.tasks(*argv, **more)  # type: ignore[arg-type]
    assert step.srun is not None
    step.srun.until("step_ended")
    return step.srun


def program(place: Place, name: str, text: str) -> str:
    path = place.root / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return str(path)


@two_cpus
def test_each_task_runs_on_its_own_cpu(place: Place) -> None:
    srun = run(place, "/usr/bin/python3", "-I", "-S", "-c", AFFINITY, count=2, order={"machine": MACHINE})
    assert [srun.out(task) for task in (0, 1)] == [b"%d\n" % cpu for cpu in CPUS]
    srun = run(place, "sh", "-c", "echo $SLURM_CPU_BIND_TYPE", count=2, order={"machine": MACHINE})
    assert srun.out() == b"mask_cpu:\n"


@two_cpus
def test_a_node_that_is_not_what_it_is_said_to_be_binds_nothing(place: Place) -> None:
    srun = run(place, "/usr/bin/python3", "-I", "-S", "-c", AFFINITY, count=2)
    assert len(srun.out().split()) == len(os.sched_getaffinity(0))


@two_cpus
def test_the_report_of_cpu_bind(place: Place) -> None:
    request = {"cpu_bind": f"verbose,map_cpu:{CPUS[1]},{CPUS[0]}"}
    srun = run(place, "sh", "-c", "echo $$", count=2, order={"machine": MACHINE}, request=request)
    for task, cpu in ((0, CPUS[1]), (1, CPUS[0])):
        pid = int(srun.out(task))
        line = f"cpu-bind=MAP  - n0, task {task:2d} {task:2d} [{pid}]: mask 0x{1 << cpu:x} set\n"
        assert srun.err(task).decode() == line


def test_a_map_beyond_the_step_is_refused(place: Place) -> None:
    srun = run(place, "true", order={"machine": MACHINE}, request={"cpu_bind": "map_cpu:63"})
    assert "CPU binding outside of job step allocation" in srun.texts()
    assert srun.until("error")["text"] == "Unable to satisfy cpu bind request"


@two_cpus
def test_a_batch_script_stays_on_its_jobs_cpus(place: Place) -> None:
    job = facts(allocation={"shares": [{"node": "n0", "cpus": [1], "mem": 100}]}, request={"work_dir": str(place.root)})
    place.batch(f"/usr/bin/python3 -I -S -c '{AFFINITY}'", job, machine=MACHINE).result()
    assert (place.root / "slurm-42.out").read_text() == f"{CPUS[1]}\n"


def test_each_task_sees_its_own_gpu(place: Place) -> None:
    share = {"node": "n0", "cpus": [0, 1], "mem": 100, "gres": {"gpu": [2, 3]}}
    layout = {"ntasks": 2, "nodes": [{"node": "n0", "tasks": [0, 1], "share": share}]}
    script = "echo $CUDA_VISIBLE_DEVICES $SLURM_STEP_GPUS $SLURM_GPUS_ON_NODE $SLURMD_TRES_BIND"
    srun = run(place, "sh", "-c", script, count=2, layout=layout, request={"gpu_bind": "verbose,map:2,7"})
    assert srun.out(0) == srun.out(1) == b"2 2 2 gpu:verbose,map_gpu:2,7\n"
    assert srun.err(0) == b"gpu-bind: usable_gres=0x4; bit_alloc=0xC; local_inx=0; global_list=2; local_list=2\n"
    assert srun.err(1).startswith(b"slurmstepd: error: Invalid --gpu-bind= value specified.\nslurmstepd: error: Bind request")


def test_a_task_prolog_of_the_cluster_comes_first(place: Place) -> None:
    theirs = program(place, "theirs", "echo export A=cluster; echo export B=cluster; echo hidden >&2; cat")
    ours = program(place, "ours", "echo export A=user; echo print seen; echo noise; echo exportC=1")
    srun = run(place, "sh", "-c", 'echo "$A $B $C $SLURM_SCRIPT_CONTEXT"', task_prolog=ours, order={"task_prolog": theirs})
    assert srun.out() == b"seen\nuser cluster  prolog_task\n"
    assert srun.err() == b""


@pytest.mark.parametrize(
    ("text", "status", "lines"),
    [
        ("exit 5\n", 5, ["--task-prolog failed status=5"]),
        ("kill -9 $$\n", 1, ["user task_prolog did not exit normally. reason: ", "--task-prolog failed status=1"]),
        (
            None,
            1,
            [
                "run_command: user task_prolog can not be executed ({path}) No such file or directory",
                "user task_prolog did not exit normally. reason: Run command failed - configuration error",
                "--task-prolog failed status=1",
            ],
        ),
    ],
)
def test_a_task_prolog_that_fails(place: Place, text: str | None, status: int, lines: list[str]) -> None:
    path = program(place, "prolog", text) if text else "/no/such/prolog"
    srun = run(place, "echo", "ran", task_prolog=path)
    assert srun.out() == b""
    assert srun.statuses() == {0: status << 8}
    assert srun.err().decode().splitlines() == [f"slurmstepd: error: {line.format(path=path)}" for line in lines]


def test_task_epilogs(place: Place) -> None:
    ours = program(place, "ours", "echo lost; echo $SLURM_PROCID $SLURM_SCRIPT_CONTEXT >&2; exit 3")
    theirs = program(place, "theirs", "echo cluster >&2")
    srun = run(place, "sh", "-c", "exit 4", count=2, task_epilog=ours, order={"task_epilog": theirs})
    for task in (0, 1):
        assert srun.out(task) == b""
        said = f"{task} epilog_task\nslurmstepd: error: TaskEpilog failed status=768\ncluster\n"
        assert srun.err(task).decode() == said
    assert srun.statuses() == {0: 4 << 8, 1: 4 << 8}


def test_a_task_epilog_that_cannot_run(place: Place) -> None:
    srun = run(place, "true", task_epilog="/no/such/epilog")
    assert srun.err().decode() == (
        "slurmstepd: error: Could not run user task_epilog [/no/such/epilog]: access denied\n"
        "slurmstepd: error: TaskEpilog failed status=-1\n"
    )
    assert srun.statuses() == {0: 0}


def test_no_epilog_holds_up_a_kill(place: Place) -> None:
    slow = program(place, "slow", "sleep 600")
    step = place.tasks("sleep", "600", task_epilog=slow)
    assert step.srun is not None
    step.srun.until("tasks_started")
    step.tell(kind="terminate", ending="CANCELLED", kill_wait=0.1, hurry=False)
    step.srun.until("step_ended")
    assert step.result()["ending"] == "CANCELLED"
