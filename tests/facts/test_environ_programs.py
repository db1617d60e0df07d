"""The variables of programs around jobs, as Slurm 22.05.8 was recorded to set them; tests/oracle/programs asks the real one."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.facts import environ_programs
from mgpu_slurm.facts.environ_devices import Devices

FACTS: dict[str, Any] = {
    "job_id": 12, "uid": 1008, "gid": 1011, "user_name": "ann", "group_name": "users", "name": "named", "partition": "gpu",
    "account": "", "cluster": "test", "compat": [22, 5], "attempt": 2, "restart_count": 1, "start_time": 5.0,
    "allocation": {
        "shares": [{"node": "n0", "cpus": [0, 1], "gres": {"gpu": [1, 3]}}, {"node": "n1", "cpus": [4, 5], "gres": {"gpu": [0]}}]
    },
    "request": {
        "kind": "batch", "work_dir": "/home/ann", "comment": "why", "std_err": "err.%j", "ntasks": 4, "licenses": "lic:2",
    },
}  # fmt: skip
COMMON = {
    "SLURM_CLUSTER_NAME": "test", "SLURM_JOBID": "12", "SLURM_JOB_ID": "12", "SLURM_JOB_COMMENT": "why",
    "SLURM_JOB_CPUS_PER_NODE": "2(x2)", "SLURM_JOB_GID": "1011", "SLURM_JOB_LICENSES": "lic:2", "SLURM_JOB_NUM_NODES": "2",
    "SLURM_JOB_PARTITION": "gpu", "SLURM_JOB_RESTART_COUNT": "1", "SLURM_JOB_STDERR": "/home/ann/err.%j",
    "SLURM_JOB_STDIN": "/dev/null", "SLURM_JOB_UID": "1008", "SLURM_JOB_USER": "ann", "SLURM_JOB_WORK_DIR": "/home/ann",
}  # fmt: skip
ENDED = {"SLURM_JOB_EXIT_CODE": "768", "SLURM_JOB_EXIT_CODE2": "3:0", "SLURM_JOB_DERIVED_EC": "256"}


def test_an_epilog_of_a_node() -> None:
    seen = environ_programs.of_node(
        FACTS, "n0", Devices({1: "0", 3: "2"}), "/etc/mgpu/mgpu.conf", environ_programs.NODE_EPILOG, (768, 256)
    )
    assert seen == {
        **COMMON, **ENDED, "SLURMD_NODENAME": "n0", "SLURM_CONF": "/etc/mgpu/mgpu.conf", "SLURM_JOB_GPUS": "1,3",
        "SLURM_JOB_NTASKS": "4", "SLURM_NODELIST": "n[0-1]", "SLURM_UID": "1008", "SLURM_SCRIPT_CONTEXT": "epilog_slurmd",
        "CUDA_VISIBLE_DEVICES": "0,2", "GPU_DEVICE_ORDINAL": "0,2", "ROCR_VISIBLE_DEVICES": "0,2", "ZE_AFFINITY_MASK": "0,2",
    }  # fmt: skip


def test_a_prolog_of_the_controller() -> None:
    seen = environ_programs.of_controller(FACTS, environ_programs.CONTROLLER_PROLOG)
    assert seen == {
        **COMMON, "SLURM_JOB_ACCOUNT": "(null)", "SLURM_JOB_GROUP": "users", "SLURM_JOB_NAME": "named",
        "SLURM_JOB_NODELIST": "n[0-1]", "SLURM_SCRIPT_CONTEXT": "prolog_slurmctld",
    }  # fmt: skip


def test_sruns_own() -> None:
    step = {"step_id": "3", "layout": {"ntasks": 3, "nodes": [{"node": "n0", "tasks": [0, 1]}, {"node": "n1", "tasks": [2]}]}}
    inside = {"SLURM_NPROCS": "3", "SLURM_NTASKS": "3", "SLURM_STEPID": "3", "SLURM_STEP_ID": "3"}
    assert environ_programs.of_srun(FACTS, step, False) == inside
    own = environ_programs.of_srun(FACTS, step, True)
    assert own.items() >= inside.items()
    assert (own["SLURM_JOB_ID"], own["SLURM_NODELIST"], own["SLURM_TASKS_PER_NODE"]) == ("12", "n[0-1]", "2,1")


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({"account": "acc"}, "SLURM_JOB_ACCOUNT", "acc"),
        ({"array_job_id": 11, "array_task_id": 3, "array_max": 7}, "SLURM_ARRAY_TASK_MAX", "7"),
        ({"het_job_id": 10, "het_offset": 2}, "SLURM_HET_JOB_OFFSET", "2"),
        ({"het_job_id": 10, "components": [FACTS, FACTS]}, "SLURM_HET_JOB_NODELIST", "n[0-1,0-1]"),
        ({"compat": [26, 5]}, "SLURM_JOB_STDOUT", "/home/ann/slurm-12.out"),
        ({"compat": [26, 5]}, "SLURM_JOB_START_TIME", "5"),
        ({"request": {"kind": "alloc", "constraint": "", "wckey": "wk"}}, "SLURM_JOB_CONSTRAINTS", ""),
        ({"request": {"kind": "alloc", "wckey": "wk"}}, "SLURM_WCKEY", "wk"),
        ({"request": {"kind": "alloc"}}, "SLURM_JOB_STDIN", None),
    ],
)
def test_what_else_the_controllers_are_told(more: dict[str, Any], name: str, value: str | None) -> None:
    assert environ_programs.of_controller({**FACTS, **more}, environ_programs.CONTROLLER_PROLOG).get(name) == value
