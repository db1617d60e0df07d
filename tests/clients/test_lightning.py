"""PyTorch Lightning's Slurm environment in a real step of two nodes, alone and under a process group that sums over it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import Suite, readable

pytestmark = [pytest.mark.clients, pytest.mark.slow]

RANKS = """\
import json, os
from lightning.fabric.plugins.environments import SLURMEnvironment

assert SLURMEnvironment.detect()
here = SLURMEnvironment()
here.validate_settings(num_devices=2, num_nodes=2)
told = [here.global_rank(), here.local_rank(), here.node_rank(), here.world_size(), here.main_address, here.main_port,
        here.job_id(), here.job_name(), here.creates_processes_externally, os.environ["CUDA_VISIBLE_DEVICES"]]
print(json.dumps(told), flush=True)
"""

SUM = """\
import torch
import torch.distributed as dist
from lightning.fabric.plugins.environments import SLURMEnvironment

here = SLURMEnvironment()
where = f"tcp://127.0.0.1:{here.main_port}"
dist.init_process_group("gloo", init_method=where, rank=here.global_rank(), world_size=here.world_size())
number = torch.tensor([float(10 ** here.global_rank())])
dist.all_reduce(number)
print(f"{number.item():.0f}\\n", end="", flush=True)
dist.destroy_process_group()
"""


def test_ranks_and_addresses(cluster: Suite, torch: Path, here: Path) -> None:
    world = World(cluster, torch, here)
    (here / "ranks.py").write_text(RANKS)
    script = "#!/bin/bash\n#SBATCH -N2 --ntasks-per-node=2 --gpus-per-node=2 -J fit -o out\nsrun python ranks.py\n"
    (here / "job.sh").write_text(script)
    job = int(world.call("sbatch", "--parsable", "--wait", "job.sh", timeout=120).out)
    told = sorted(json.loads(line) for line in readable(here / "out").splitlines() if line.startswith("["))
    first = world.call("scontrol", "show", "hostnames", cluster.job(job)["NodeList"]).lines[0]
    assert [row[:9] for row in told] == [
        [rank, rank % 2, rank // 2, 4, first, 15000 + job % 10000, job, "fit", True] for rank in range(4)
    ]  # fmt: skip
    assert {len(row[9].split(",")) for row in told} == {2}


def test_ranks_meet(cluster: Suite, torch: Path, here: Path) -> None:
    world = World(cluster, torch, here)
    (here / "sum.py").write_text(SUM)
    done = world.call("srun", "-N2", "--ntasks-per-node=2", "--mem=2G", "python", "sum.py", timeout=120)
    assert [line for line in done.lines if line] == ["1111"] * 4
