"""What a job finds on its node: the plain names, its own cluster whatever the environment says, its script."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable

pytestmark = pytest.mark.ours


def test_plain_names_reach_this_cluster(cluster: Suite, here: Path) -> None:
    script = """#!/bin/bash
#SBATCH -N2 -o o
for name in srun sbatch salloc squeue scancel sinfo scontrol; do command -v $name; done
squeue -h -j $SLURM_JOB_ID -o %T
scontrol show hostnames
env -u MGPU_CONF -u SLURM_CONF squeue -h -j $SLURM_JOB_ID -o %T
env -i PATH=$PATH srun --jobid=$SLURM_JOB_ID -n1 -N1 echo stepped
HOME=/nonexistent srun -n1 -N1 sh -c 'squeue -h -j $SLURM_JOB_ID -o %i'
"""
    job = cluster.submit("--wait", script=script, cwd=here)
    lines = readable(here / "o").splitlines()
    places = {line.rpartition("/")[0] for line in lines[:7]}
    assert len(places) == 1
    assert places.pop().startswith(str(cluster.directory))
    assert lines[7:] == ["RUNNING", "n0", "n1", "RUNNING", "stepped", str(job)], lines


def test_a_job_submits_the_next(cluster: Suite, here: Path) -> None:
    body = f"sbatch --parsable --wait -o {here}/o2 --wrap 'echo nested $SLURM_JOB_ID'"
    first = cluster.submit("--wait", "-o", "o", "--wrap", body, cwd=here)
    second = int(readable(here / "o"))
    assert second != first
    assert readable(here / "o2") == f"nested {second}\n"


def test_a_python_of_another_kind_first_on_path_does_not_matter(cluster: Suite, here: Path) -> None:
    (here / "bin").mkdir()
    (here / "bin/python3").write_text("#!/bin/sh\necho wrong python >&2; exit 9\n")
    (here / "bin/python3").chmod(0o755)
    wrong = f"PATH={here}/bin:$PATH PYTHONHOME=/nonexistent PYTHONPATH={here}"
    body = f"export {wrong}; squeue -h -j $SLURM_JOB_ID -o %T; srun -n1 echo ran"
    cluster.submit("--wait", "-o", "o", "--wrap", body, cwd=here)
    assert readable(here / "o") == "RUNNING\nran\n"
