"""Components of heterogeneous jobs: on the command line, in the header, and what one hands on to the next."""

from __future__ import annotations

from typing import Any

import pytest

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake import submit


def parsed(command: str, *argv: str, environ: dict[str, str] | None = None, script: str = "") -> submit.Submission:
    return submit.parse(command, argv, environ or {}, "/w", lambda name: ("/w/job", script.encode()), compat=(22, 5), now=0.0)


def requests(command: str, *argv: str, script: str = "") -> list[dict[str, Any]]:
    return parsed(command, *argv, script=script).requests


def test_header_and_command_line_make_the_same_components() -> None:
    script = "#!/bin/sh\n#SBATCH -n1 -c2\n#SBATCH hetjob\n#SBATCH -N2 --gres=gpu:1\n"
    found = requests("sbatch", "job", script=script)
    assert [one.get("ntasks") for one in found] == [1, None]
    assert [one.get("cpus_per_task") for one in found] == [2, None]
    assert (found[1]["min_nodes"], found[1]["gres"]) == (2, "gpu:1")
    assert [one["name"] for one in found] == ["job", "job"]
    assert [one.get("script") for one in found] == [script, None]
    again = requests("sbatch", "-n1", "-c2", ":", "-N2", "--gres=gpu:1", "job", script="#!/bin/sh\n")
    for one in (*found, *again):
        del one["submit_line"]
    assert [{**one, "script": ""} for one in found] == [{**one, "script": ""} for one in again]


@pytest.mark.parametrize(("line", "parts"), [
    ("hetjob", 2), ("HetJob -n", 2), ("packjob # x", 2), ("hetjob : x", 2), ("-c2 hetjob -c4", 1), ("-c2 PACKJOB", 1),
    ("-J 'a hetjob b'", 1), ("# hetjob", 1),
])  # fmt: skip
def test_separators_of_a_header(line: str, parts: int) -> None:
    assert len(requests("sbatch", "job", script=f"#!/bin/sh\n#SBATCH {line}\n")) == parts


@pytest.mark.parametrize("line", ["hetjob# x", '"hetjob"', "hetjob,", "-c2 xhetjob"])
def test_what_is_no_separator_is_no_option_either(line: str) -> None:
    with pytest.raises(UsageError, match=r"Invalid directive found in batch script: x?hetjob"):
        requests("sbatch", "job", script=f"#!/bin/sh\n#SBATCH {line}\n")


@pytest.mark.parametrize(("option", "field"), [
    ("--account=a", "account"), ("--time=3", "time_limit"), ("--mem=50", "mem_per_node"), ("--hint=compute_bound", "hint"),
    ("--job-name=x", "name"), ("--exclude=n3", "exclude"), ("--comment=c", "comment"), ("--nice=5", "nice"),
    ("--hold", "hold"), ("--time-min=2", "time_min"), ("--qos=q", "qos"), ("--wckey=w", "wckey"),
])  # fmt: skip
def test_options_that_hold_on(option: str, field: str) -> None:
    first, second = requests("sbatch", "-n1", option, ":", "-n1", "--wrap=true")
    assert first[field] == second[field]


@pytest.mark.parametrize(("option", "field"), [
    ("--cpus-per-task=2", "cpus_per_task"), ("--gres=gpu:1", "gres"), ("--nodes=2", "min_nodes"), ("--partition=p", "partition"),
    ("--exclusive", "exclusive"), ("--mem-per-cpu=50", "mem_per_cpu"), ("--nodelist=n1", "nodelist"), ("--tmp=5", "tmp_disk"),
    ("--distribution=cyclic", "distribution"), ("--gpus=1", "gpus"), ("--ntasks-per-node=2", "ntasks_per_node"),
    ("--switches=1", "switches"), ("--mail-type=END", "mail_type"), ("--threads-per-core=1", "threads_per_core"),
])  # fmt: skip
def test_options_of_one_component(option: str, field: str) -> None:
    first, second = requests("sbatch", "-n1", option, ":", "-n1", "--wrap=true")
    assert field in first
    assert field not in second


def test_a_part_of_srun_for_several_components_is_one_for_each() -> None:
    environ = {"SLURM_HET_SIZE": "3", "SLURM_JOB_ID": "7", "SLURM_NTASKS_HET_GROUP_2": "4", "SLURM_NTASKS": "1"}
    found = parsed("srun", "--het-group=0-1", "a", ":", "--het-group=2", "-l", "b", environ=environ)
    assert [one.group for one in found.components] == [0, 1, 2]
    assert [one.operands for one in found.components] == [["a"], ["a"], ["b"]]
    assert [one.request["ntasks"] for one in found.components] == [1, 1, 4]
    assert [bool(one.client.get("label")) for one in found.components] == [False, False, True]


def test_parts_of_srun_count_up() -> None:
    found = parsed("srun", "-n1", "a", ":", "-n2", "b", ":", "-n3", "c")
    assert [(one.group, one.request["ntasks"]) for one in found.components] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(("argv", "line"), [
    (("--het-group=0", "a", ":", "--het-group=0", "b"), "Duplicate het groups in single srun not supported"),
    (("-n1", "a", ":"), "No command given to execute."),
    (("--het-group=x", "a"), "_parse_single_range: Invalid range: `x'"),
])  # fmt: skip
def test_refusals(argv: tuple[str, ...], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        parsed("srun", *argv)
    assert line in str(caught.value.lines)
