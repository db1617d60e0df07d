"""Variables of scripts, tasks and shells, against what Slurm 22.05.8 was seen to set (tests/data/environ_22_05.json).

The recording is of a cluster of four nodes with 8 CPUs and 4 GPUs; job ids, host, directory and configuration were renamed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.facts import environ, environ_job, environ_requests
from mgpu_slurm.facts.environ_devices import NVIDIA_VARIABLES, Devices

RECORDED = {
    entry["command"]: entry["environment"]
    for entry in json.loads((Path(__file__).parents[1] / "data" / "environ_22_05.json").read_text())
}

PLAIN = {"PATH": "/bin"}


def facts(*shares: tuple[int, list[int]], tasks: list[int] | None = None, **more: Any) -> dict[str, Any]:
    """A job on n0, n1, ...: (CPUs, GPUs) of each node."""
    made: dict[str, Any] = {
        "job_id": 900,
        "uid": 0,
        "gid": 0,
        "user_name": "root",
        "name": "wrap",
        "partition": "gpu",
        "cluster": "oracle",
        "conf_path": "/etc/cluster.conf",
        "compat": [22, 5],
        "allocation": {
            "shares": [
                {"node": f"n{index}", "cpus": list(range(cpus)), "gres": {"gpu": gpus} if gpus else {}}
                for index, (cpus, gpus) in enumerate(shares)
            ]
        },
        "tasks_per_node": tasks or [cpus for cpus, _ in shares],
    }
    request = {"submit_dir": "/home/me/work", "submit_host": "login", **more.pop("request", {})}
    return {**made, **more, "request": request}


def wanted(command: str) -> dict[str, str]:
    assert command in RECORDED
    return dict(RECORDED[command])


BATCH = [
    ("sbatch", facts((1, []), request={"mem_per_cpu": 100})),
    ("sbatch -N2", facts((1, []), (1, []), request={"mem_per_cpu": 100})),
    ("sbatch -n3 --mem=200", facts((3, []), request={"ntasks": 3, "mem_per_node": 200})),
    (
        "sbatch -n2 --ntasks-per-node=1 --mem-per-cpu=50 -m cyclic --open-mode=a --hint=nomultithread",
        facts(
            (1, []),
            (1, []),
            request={
                "ntasks": 2,
                "ntasks_per_node": 1,
                "mem_per_cpu": 50,
                "distribution": "cyclic",
                "open_mode": "a",
                "hint": "nomultithread",
                "threads_per_core": 1,
            },
        ),
    ),
    (
        "sbatch --gpus=2 --gpus-per-node=2 --ntasks-per-gpu=1 --cpus-per-gpu=2 --mem-per-gpu=100",
        facts(
            (4, [0, 1]),
            tasks=[2],
            request={"gpus": "2", "gpus_per_node": "2", "ntasks_per_gpu": 1, "cpus_per_gpu": 2, "mem_per_gpu": 100},
        ),
    ),
    (
        "sbatch -n2 --gpus-per-task=1 --gpu-bind=closest --export=NONE",
        facts(
            (2, [0, 1]), request={"ntasks": 2, "gpus_per_task": "1", "gpu_bind": "closest", "export": "NONE", "mem_per_cpu": 100}
        ),
    ),
    (
        "sbatch --gres=gpu:a100:1 --exclusive -A foo --qos=normal --comment=x -t 5 --export=ALL,A=1",
        facts((8, [0, 1, 2, 3]), account="foo", request={"export": "ALL,A=1", "mem_per_cpu": 100, "gres": "gpu:a100:1"}),
    ),
    (
        "sbatch -a 3,7-9%2 -J arr",
        facts(
            (1, []),
            name="arr",
            array_job_id=900,
            array_task_id=9,
            array_count=4,
            array_min=3,
            array_max=9,
            request={"mem_per_cpu": 100},
        ),
    ),
    (
        "sbatch -n2 -c2 -s -O --threads-per-core=1 --ntasks-per-core=1 --ntasks-per-socket=2 --cpu-freq=high --acctg-freq=10"
        " --profile=none",
        facts(
            (2, []),
            request={
                "ntasks": 2,
                "cpus_per_task": 2,
                "overcommit": True,
                "threads_per_core": 1,
                "ntasks_per_core": 1,
                "ntasks_per_socket": 2,
                "mem_per_cpu": 100,
                "other": {"cpu-freq": "high", "acctg-freq": "10", "profile": "none"},
            },
        ),
    ),
]


def shown(environment: dict[str, str]) -> dict[str, str]:
    """Without what is no fact of the job."""
    return {name: value for name, value in environment.items() if name != "PATH"}


@pytest.mark.parametrize(("command", "job"), BATCH, ids=[command for command, _ in BATCH])
def test_batch_script(command: str, job: dict[str, Any]) -> None:
    told = {**PLAIN, "SLURM_JOB_NAME": job["name"]}  # by sbatch
    made = environ.finish(environ.apply(told, environ.batch_environment(job, "n0")), "/plain")
    assert shown(made) == wanted(command)


def step(
    job: dict[str, Any], tasks: list[list[int]], *, task_gpus: list[list[int]] | None = None, **request: Any
) -> dict[str, Any]:
    """A step over all nodes of a job."""
    nodes = [
        {"node": share["node"], "tasks": ranks, "share": share}
        for share, ranks in zip(job["allocation"]["shares"], tasks, strict=True)
    ]
    if task_gpus:
        nodes[0]["task_gpus"] = task_gpus
    layout = {"nodes": nodes, "ntasks": sum(len(ranks) for ranks in tasks)}
    return {"job": job, "step_id": "0", "layout": layout, "request": {"job_id": 900, **request}}


def bash(*shares: tuple[int, list[int]], **more: Any) -> dict[str, Any]:
    return facts(*shares, **{"name": "bash", **more})


SRUN = [
    ("srun", step(bash((1, [])), [[0]]), {}),
    ("srun -n2 -c2", step(bash((4, [])), [[0, 1]], cpus_per_task=2), {}),
    ("srun -N2 -n3 --gres=gpu:1 -l", step(bash((2, [0]), (1, [0])), [[0, 1], [2]]), {"label": True}),
    ("srun -n2 --mem=200 -m block --gpus=1", step(bash((2, [0])), [[0, 1]], distribution="block", mem_per_node=200), {}),
    ("srun -n1 --mem-per-cpu=70 --ntasks-per-node=1", step(bash((1, [])), [[0]], ntasks_per_node=1, mem_per_cpu=70), {}),
    (
        "srun -n2 --gpus-per-task=1 --cpu-bind=none --gpu-bind=single:1",
        step(bash((2, [0, 1])), [[0, 1]], task_gpus=[[0], [1]], cpu_bind="none", gpu_bind="single:1", gpus_per_task="1"),
        {},
    ),
    ("srun -n2 -u -J nm -t 5 --threads-per-core=1", step(bash((2, []), name="nm"), [[0, 1]], threads_per_core=1), {}),
]


@pytest.mark.parametrize(("command", "spec", "launch"), SRUN, ids=[command for command, _, _ in SRUN])
def test_first_task_of_srun(command: str, spec: dict[str, Any], launch: dict[str, Any]) -> None:
    launch = {"umask": 0o022, "src_address": "127.0.0.1", **launch}
    sent = {**PLAIN, "SRUN_DEBUG": "3"}  # by srun itself
    made = environ.apply(sent, environ.step_environment(spec, launch, "n0", sent))
    made = environ.finish(environ.apply(made, environ.task_environment(spec, "n0", 0)), "/plain")
    assert shown(made) == wanted(command)


SALLOC = [
    ("salloc", facts((1, []), name="interactive", request={"mem_per_cpu": 100}), {}),
    ("salloc -N2 --gres=gpu:1", facts((1, [0]), (1, [0]), name="interactive", request={"mem_per_cpu": 100}), {}),
    (
        "salloc -n2 -c2 --mem=200 -t 3",
        facts((4, []), tasks=[2], name="interactive"),
        {"ntasks": 2, "cpus_per_task": 2, "mem_per_node": 200},
    ),
    (
        "salloc -n2 --gpus=2 --gpus-per-task=1 --mem-per-cpu=60 -J jj",
        facts((2, [0, 1]), name="jj"),
        {"ntasks": 2, "gpus": "2", "gpus_per_task": "1", "mem_per_cpu": 60},
    ),
]


@pytest.mark.parametrize(("command", "job", "asked"), SALLOC, ids=[command for command, _, _ in SALLOC])
def test_shell_of_salloc(command: str, job: dict[str, Any], asked: dict[str, Any]) -> None:
    assert environ.apply({}, environ.salloc_environment(job, [asked])) == wanted(command)


def test_each_task_sees_its_own_gpus_when_bound() -> None:
    spec = step(bash((2, [1, 3])), [[0, 1]], task_gpus=[[1], [3]])
    for rank, gpu in ((0, "1"), (1, "3")):
        made = environ.task_environment(spec, "n0", rank)
        assert (made["CUDA_VISIBLE_DEVICES"], made["SLURM_STEP_GPUS"]) == (gpu, gpu)
        assert environ.step_environment(spec, {}, "n0", {})["SLURM_GPUS_ON_NODE"] == "2"


def test_without_gpus_the_users_own_choice_goes() -> None:
    submitted = {"CUDA_VISIBLE_DEVICES": "7", "SLURM_JOB_GPUS": "7"}
    made = environ.apply(submitted, environ.batch_environment(facts((1, [])), "n0"))
    assert "CUDA_VISIBLE_DEVICES" not in made
    assert "SLURM_JOB_GPUS" not in made


def test_gpus_that_nvml_found_are_called_as_the_driver_does() -> None:
    devices = Devices({1: "2", 2: "MIG-1234"}, NVIDIA_VARIABLES)
    made = environ.batch_environment(facts((1, [0, 1, 2])), "n0", devices)
    assert made["CUDA_VISIBLE_DEVICES"] == "0,2,MIG-1234"
    assert made["SLURM_JOB_GPUS"] == "0,1,2"
    assert made.get("ROCR_VISIBLE_DEVICES") is None


def test_what_a_job_around_it_has_left() -> None:
    left = {"SLURM_CPUS_PER_TASK": "4", "SLURM_EXPORT_ENV": "NONE"}
    made = environ.batch_environment(facts((1, []), request={"export": "A=1"}), "n0", submitted=left)
    assert (made["SLURM_CPUS_PER_TASK"], made["SLURM_EXPORT_ENV"]) == ("1", "NONE")
    made = environ.batch_environment(facts((2, []), request={"cpus_per_task": 2}), "n0", submitted=left)
    assert made["SLURM_CPUS_PER_TASK"] == "2"


def test_a_nested_step_keeps_what_its_script_was_told() -> None:
    job = facts((4, [0, 1]), (4, [0, 1]), tasks=[2, 2], request={"ntasks": 4})
    script = environ.apply({"SLURM_JOB_NAME": "wrap"}, environ.batch_environment(job, "n0"))
    spec = step(job, [[0], []], name="inner", mem_per_cpu=100)
    spec["layout"]["nodes"] = spec["layout"]["nodes"][:1]
    made = environ.apply(script, environ.step_environment(spec, {}, "n0", script))
    assert made["SLURM_JOB_NAME"] == "wrap"
    assert (made["SLURM_JOB_NODELIST"], made["SLURM_STEP_NODELIST"]) == ("n[0-1]", "n0")
    assert (made["SLURM_NNODES"], made["SLURM_JOB_NUM_NODES"]) == ("1", "2")
    assert (made["SLURM_NTASKS"], made["SLURM_TASKS_PER_NODE"]) == ("1", "1")
    assert (made["SLURM_DISTRIBUTION"], made["SLURM_JOB_GPUS"]) == ("cyclic", "0,1")


def test_later_versions_tell_more() -> None:
    job = facts(
        (1, []),
        compat=[26, 5],
        start_time=1000.5,
        group_name="users",
        request={
            "gpus_per_task": "a100:2", "cpus_per_task": 3, "licenses": "matlab", "gpu_bind": "single:1",
            "other": {"segment": "2"},
        },
    )
    made = environ.batch_environment(job, "n0")
    assert made["SLURM_RESTART_COUNT"] == "0"
    assert (made["SLURM_JOB_START_TIME"], made["SLURM_JOB_END_TIME"]) == ("1000", str(environ_job.UNLIMITED_END))
    assert made["SLURM_TRES_PER_TASK"] == "cpu=3,gres/gpu:a100=2"
    assert made["SLURM_JOB_GROUP"] == "users"
    assert "SLURM_GPUS_PER_TASK" not in made
    assert "SLURM_GPU_BIND" not in made
    assert (made["SLURM_TRES_BIND"], made["SLURM_JOB_SEGMENT_SIZE"]) == ("gres/gpu:single:1", "2")
    assert made["OMPI_MCA_plm_slurm_args"] == made["HYDRA_LAUNCHER_EXTRA_ARGS"] == "--external-launcher"
    assert "HYDRA_BOOTSTRAP" not in environ.batch_environment(job, "n0", submitted={"HYDRA_BOOTSTRAP": "ssh"})
    assert made.get("SLURM_NODE_ALIASES") is None


def test_the_plain_names_come_first_once() -> None:
    twice = environ.finish(environ.finish({"PATH": "/usr/bin:/bin"}, "/spool/bin"), "/spool/bin")
    assert twice["PATH"] == "/spool/bin:/usr/bin:/bin"
    assert environ.finish({"SLURM_RLIMIT_CORE": "0"}, "/spool/bin").keys() == {"PATH", "TMPDIR", "SLURM_PRIO_PROCESS"}


@pytest.mark.parametrize(
    ("text", "job", "step"),
    [
        # as Slurm 22.05.8 tells a batch script, and a task: VERBOSE, PREFER, SORT, the rest
        ("local", ("local", "quiet", None, None), ("quiet,local", "local", "")),
        ("v,local", ("verbose,local", "verbose", None, None), ("verbose,local", "local", "")),
        ("map_mem:0,1", ("map_mem:0,1", "quiet", None, None), ("quiet,map_mem:0,1", "map_mem:", "0,1")),
        ("quiet,rank", ("rank", "quiet", None, None), ("quiet,rank", "rank", "")),
        ("prefer,local", ("prefer,local", "quiet", "prefer", None), ("quiet,prefer,local", "local", "")),
        ("sort", ("sort", "quiet", None, "sort"), ("quiet", "", "")),
    ],
)
def test_memory_binding(text: str, job: tuple[str, str, str | None, str | None], step: tuple[str, str, str]) -> None:
    told = environ_requests.requested({"other": {"mem-bind": text}}, (22, 5))
    assert (told["SLURM_MEM_BIND"], told["SLURM_MEM_BIND_VERBOSE"], told.get("SLURM_MEM_BIND_SORT")) == (job[0], job[1], job[3])
    inside = environ_requests.requested({"mem_bind": text}, (22, 5), step=True)
    assert (inside["SLURM_MEM_BIND"], inside["SLURM_MEM_BIND_TYPE"], inside["SLURM_MEM_BIND_LIST"]) == step
    assert (inside["SLURM_MEM_BIND_VERBOSE"], inside.get("SLURM_MEM_BIND_PREFER")) == job[1:3]
