"""Steps that try to take more than they have, on this machine as it is. Memory and CPUs need root and the kernel's cgroups;
GPUs a real NVIDIA driver as well:

.venv/bin/python -m pytest tests/scenarios/test_fenced.py -rs
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from glob import glob
from pathlib import Path

import pytest

from mgpu_slurm.node.gpus import survey
from tests.kit.cluster import readable
from tests.kit.commands import finish
from tests.kit.machine import CGROUP, Machine, why_not

EAT = "x = bytearray({} << 20); print('ate')"
LEAVE = "import os; os.sched_setaffinity(0, range(os.cpu_count())); print(*os.sched_getaffinity(0))"

CUDA = """
import ctypes, sys, time
cuda = ctypes.CDLL("libcuda.so.1")
count, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
print("init", cuda.cuInit(0), flush=True)
cuda.cuDeviceGetCount(ctypes.byref(count))
print("devices", count.value, flush=True)
if len(sys.argv) > 1:
    assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, 0) == 0
    assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(int(sys.argv[1]) << 20)) == 0
    print("has it", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    reason = why_not()
    if reason:
        pytest.skip(reason)
    cluster = Machine(settings="AccountingStorageTRES=gres/gpu", compat="")  # uses of GPUs are newer than 22.05
    try:
        cluster.boot()
    except BaseException:
        cluster.down(strict=False)
        raise
    with cluster:
        yield cluster


@pytest.fixture
def here(machine: Machine) -> Path:
    return machine.directory / "work"


def groups(job: int) -> list[str]:
    """Directories of cgroups that a job's steps have."""
    return [path for depth in range(6) for path in glob(f"/sys/fs/cgroup/{'*/' * depth}mgpu-steps/*-{job}.1/*/")]


def test_memory_of_a_step(machine: Machine) -> None:
    assert machine.python("--mem=100", EAT.format(40)).ok().out == "ate\n"
    done = machine.python("--mem=60", EAT.format(120))
    assert (done.status, done.out) == (1, "")
    assert "srun: error: n0: task 0: Out Of Memory" in done.err
    assert "Detected 1 oom_kill event in StepId=" in done.err


def test_memory_of_all_steps_of_a_job_together(machine: Machine, here: Path) -> None:
    """Each step may have the job's whole memory, but not two at a time."""
    wait = f"{EAT.format(80)}; open('{here}/%d', 'w'); import os, time\nwhile not os.path.exists('{here}/go'): time.sleep(0.05)"
    script = f"""#!/bin/bash
srun --overlap -n1 {sys.executable} -ISc "{wait % 1}" & first=$!
while [ ! -e {here}/1 ]; do sleep 0.05; done
srun --overlap -n1 {sys.executable} -ISc "{EAT.format(80)}"; echo second $?
touch {here}/go
wait $first; echo first $?
"""
    job = machine.submit("--mem=120", "-o", f"{here}/o", script=script)
    machine.wait_ended(job)
    said = readable(here / "o")
    # the kernel chooses whom it ends
    assert ("first 0" in said) != ("second 0" in said), said
    assert not groups(job)


def test_memory_of_a_batch_script(machine: Machine, here: Path) -> None:
    job = machine.submit("--mem=60", "-o", f"{here}/batch", "--wrap", f"{sys.executable} -ISc '{EAT.format(120)}'; echo after $?")
    machine.wait_state(job, "OUT_OF_MEMORY")
    assert "after 137" in readable(here / "batch")
    assert f"Detected 1 oom_kill event in StepId={job}.batch." in readable(here / "batch")
    assert machine.job(job)["ExitCode"] == "0:125"
    assert machine.ask("sacct", "-nX", "-j", str(job), "-o", "State%20").strip() == "OUT_OF_MEMORY"


def test_cpus(machine: Machine) -> None:
    if machine.cpus < 2:
        pytest.skip("this machine has one CPU")
    for count in (1, 2):
        assert len(machine.python("-n1", f"-c{count}", LEAVE).ok().out.split()) == count


def test_a_change_of_the_file_is_taken_over(machine: Machine) -> None:
    file = machine.directory / "cgroup.conf"
    for text, status in ((f"{CGROUP}AllowedRAMSpace=300\n", 0), (CGROUP, 1)):
        file.write_text(text)
        machine.send("n0", signal.SIGHUP)
        machine.until(lambda status=status: machine.python("--mem=60", EAT.format(120)).status == status, f"status {status}")


def test_a_supervisor_that_is_killed_leaves_nothing(machine: Machine, here: Path) -> None:
    job = machine.submit("--no-requeue", "--mem=100", "--wrap", f"touch {here}/up; sleep 600")
    machine.until((here / "up").exists, "it runs")
    assert groups(job)
    for pid in machine.supervisors(job):
        os.kill(pid, signal.SIGKILL)
    machine.wait_ended(job)
    machine.until(lambda: not groups(job), f"{groups(job)} go")


# --- GPUs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def gpus(machine: Machine) -> list[str]:
    """UUIDs of this machine's GPUs."""
    found = survey()
    if not found.gpus:
        pytest.skip(f"no NVIDIA GPU here: {found.error}")
    if shutil.which("nvidia-smi") is None:
        pytest.skip("no nvidia-smi here")
    return [gpu.uuid for gpu in found.gpus]


@pytest.mark.gpu
def test_a_job_sees_its_gpu_and_no_other(machine: Machine, gpus: list[str]) -> None:
    done = machine.run("srun", "--gres=gpu:1", "sh", "-c", "nvidia-smi -L; echo $CUDA_VISIBLE_DEVICES").ok()
    assert [uuid in done.out for uuid in gpus].count(True) == 1
    assert done.lines[-1] == "0"
    assert "GPU-" not in machine.run("srun", "sh", "-c", "nvidia-smi -L 2>&1").out
    many = machine.run("srun", f"--gres=gpu:{len(gpus)}", "nvidia-smi", "-L").ok()
    assert all(uuid in many.out for uuid in gpus)
    too_many = machine.run("srun", f"--gres=gpu:{len(gpus) + 1}", "true")
    assert too_many.err == "srun: error: Unable to allocate resources: Requested node configuration is not available\n"


@pytest.mark.gpu
def test_cuda_sees_the_same(machine: Machine, gpus: list[str]) -> None:
    assert machine.python("--gpus=1", CUDA).ok().out == "init 0\ndevices 1\n"
    assert "devices 0\n" in machine.python(CUDA).ok().out


@pytest.mark.gpu
def test_a_gpu_is_one_jobs_alone(machine: Machine, gpus: list[str], here: Path) -> None:
    first = machine.submit(f"--gpus={len(gpus)}", "--wrap", f"touch {here}/has; while [ ! -e {here}/done ]; do sleep 0.05; done")
    machine.until((here / "has").exists, "it runs")
    second = machine.submit("--gpus=1", "-o", f"{here}/second", "--wrap", "nvidia-smi -L")
    machine.until(lambda: machine.reason(second) == "Resources", "it waits")
    (here / "done").touch()
    machine.wait_state(second, "COMPLETED")
    machine.wait_state(first, "COMPLETED")
    assert readable(here / "second").startswith("GPU 0: ")


@pytest.mark.gpu
def test_use_of_a_gpu_is_known(machine: Machine, gpus: list[str], here: Path) -> None:
    (here / "cuda.py").write_text(CUDA)
    words = ("--gpus=1", "--mem=8000", "--acctg-freq=1", "-J", "holds", sys.executable, "-IS", f"{here}/cuda.py", "1024")
    step = machine.start("srun", *words, stdin=-1)
    job = int(machine.until(lambda: machine.ask("squeue", "-h", "-n", "holds", "-t", "R", "-o", "%A").strip(), "it runs"))

    def used() -> int:
        text = machine.ask("sstat", "-nP", "-j", str(job), "-o", "TRESUsageInMax")
        found = re.search(r"gres/gpumem=(\d+)M", text)
        return int(found[1]) if found else 0

    machine.until(lambda: used() >= 1024, "sstat tells of 1 GiB", 40)
    finish(step, stdin="").ok()
    row = machine.ask("sacct", "-nP", "-j", f"{job}.0", "-o", "TRESUsageInMax,AllocTRES")
    assert "gres/gpumem=1" in row
    assert "gres/gpu=1" in row
