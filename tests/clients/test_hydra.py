"""Hydra's submitit launcher: a multirun becomes one array, each element with its own override."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import Suite, readable

pytestmark = pytest.mark.clients

APP = """\
import json, os
import hydra

@hydra.main(version_base="1.3", config_path=None)
def main(config):
    seen = {name: os.environ.get(name) for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "CUDA_VISIBLE_DEVICES")}
    with open(f"told-{config.x}", "w") as file:
        json.dump([config.x * 2, seen], file)

main()
"""

SETTINGS = ["timeout_min=3", "partition=gpu", "gpus_per_node=1", "mem_gb=1", "array_parallelism=2", "qos=any"]


def test_multirun(cluster: Suite, light: Path, here: Path) -> None:
    world = World(cluster, light, here)
    words = ["-m", "+x=3,4,5", "hydra/launcher=submitit_slurm", f"hydra.sweep.dir={here}/sweep"]
    world.environ["HYDRA_FULL_ERROR"] = "1"
    world.run(APP, *words, *[f"hydra.launcher.{setting}" for setting in SETTINGS])
    told = [json.loads(readable(found)) for found in sorted((here / "sweep").glob("**/told-*")) or sorted(here.glob("told-*"))]
    assert [result for result, _ in told] == [6, 8, 10]
    assert [seen["SLURM_ARRAY_TASK_ID"] for _, seen in told] == ["0", "1", "2"]
    assert len({seen["SLURM_ARRAY_JOB_ID"] for _, seen in told}) == 1
    assert all(len(seen["CUDA_VISIBLE_DEVICES"]) == 1 for _, seen in told)
