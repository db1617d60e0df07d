"""Libraries that write job scripts: simple_slurm and PSI/J."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import Suite, readable

pytestmark = pytest.mark.clients

SIMPLE = """\
import json
import subprocess
from simple_slurm import Slurm

slurm = Slurm("--comment", "seven", array=range(1, 4), cpus_per_task=2, job_name="nm", output="out-%A_%a", time="0:02:00",
              gres=["gpu:1"], partition="gpu")
slurm.add_cmd("echo before")
array = slurm.sbatch("echo task $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_JOB_ID", verbose=False)
after = Slurm(dependency=dict(afterok=array), wait=True, output="after", job_name="nm2").sbatch("cat out-*", verbose=False)
try:
    status = Slurm("-n", 2, output="stepped").srun("sh -c 'echo rank $SLURM_PROCID; exit 3'")
except subprocess.CalledProcessError as error:
    status = error.returncode
held = Slurm(hold=True, job_name="held", output="/dev/null").sbatch("true", verbose=False)
slurm.squeue.update_squeue()
seen = slurm.squeue.jobs
slurm.scancel.cancel_job(held)
print(json.dumps([array, after, status, held, seen], default=str))
"""


def test_simple_slurm(cluster: Suite, light: Path, here: Path) -> None:
    world = World(cluster, light, here)
    array, after, status, held, seen = json.loads(world.run(SIMPLE).lines[-1])
    wanted = [f"before\ntask {n} of {array}\n" for n in (1, 2, 3)]
    assert [readable(here / f"out-{array}_{n}") for n in (1, 2, 3)] == wanted
    assert readable(here / "after") == "".join(wanted)
    assert cluster.job(after)["JobState"] == "COMPLETED"
    assert sorted(readable(here / "stepped").splitlines()) == ["rank 0", "rank 1"]
    assert status == 3
    assert str(held) in json.dumps(seen)
    cluster.wait_state(held, "CANCELLED")


PSIJ = """\
import datetime, json, sys
from pathlib import Path
import psij
from psij.executors.batch.slurm import SlurmExecutorConfig

executor = psij.JobExecutor.get_instance(
    "slurm",
    config=SlurmExecutorConfig(queue_polling_interval=1, initial_queue_polling_delay=0, work_directory=Path("w").absolute()),
)
minute = datetime.timedelta(minutes=1)

def spec(*words, **more):
    size = psij.ResourceSpecV1(node_count=1, processes_per_node=2, cpu_cores_per_process=1)
    attributes = psij.JobAttributes(duration=minute * 2, queue_name="gpu", custom_attributes={"slurm.comment": "psij"})
    return psij.Job(psij.JobSpec(executable=words[0], arguments=list(words[1:]), resources=size, attributes=attributes, **more))

jobs = {
    "good": spec("/bin/sh", "-c", "echo rank $SLURM_PROCID", launcher="srun", stdout_path=Path("good").absolute()),
    "bare": spec("/bin/sh", "-c", "echo PATH is $PATH; srun -n1 /bin/echo stepped", launcher="single", inherit_environment=False,
                 stdout_path=Path("bare").absolute(), stderr_path=Path("bare.err").absolute()),
    "bad": spec("/bin/sh", "-c", "exit 3", launcher="single"),
    "long": spec("/bin/sleep", "600", launcher="single"),
}
for job in jobs.values():
    executor.submit(job)
jobs["long"].wait(target_states=[psij.JobState.ACTIVE], timeout=minute / 2)
jobs["long"].cancel()
status = {name: job.wait(timeout=minute / 2) for name, job in jobs.items()}
print(json.dumps({name: [one.state.name, one.exit_code, jobs[name].native_id] for name, one in status.items()}))
"""


def test_psij(cluster: Suite, light: Path, here: Path) -> None:
    told = json.loads(World(cluster, light, here).run(PSIJ).lines[-1])
    assert told["good"][:2] == ["COMPLETED", 0]
    assert sorted(readable(here / "good").splitlines()) == ["rank 0", "rank 1"]
    assert told["bare"][:2] == ["COMPLETED", 0]
    assert "stepped" in readable(here / "bare").splitlines(), "--export=NONE leaves the commands findable"
    assert told["bad"][:2] == ["FAILED", 3]
    assert told["long"][0] == "CANCELED"
    cluster.wait_state(told["long"][2], "CANCELLED")
