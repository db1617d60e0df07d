"""torch.distributed over two nodes: the usual job script with srun, and torchrun. The model is trained, not only built.

The nodes of a test cluster share one host and have names that nobody can look up, so the address of the first one is
asked of scontrol; where nodes are hosts, the name alone does.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.kit.cluster import Suite, readable
from tests.kit.commands import finish, popen

pytestmark = pytest.mark.clients

TRAIN = """\
import json, os, sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

if "RANK" not in os.environ:  # torchrun says it, srun calls it otherwise
    os.environ.update(RANK=os.environ["SLURM_PROCID"], WORLD_SIZE=os.environ["SLURM_NTASKS"],
                      LOCAL_RANK=os.environ["SLURM_LOCALID"])
dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(rank)
model = DistributedDataParallel(torch.nn.Linear(1, 1))
steps = torch.optim.SGD(model.parameters(), lr=0.3)
losses = []
for _ in range(60):
    x = torch.rand(32, 1)
    loss = torch.nn.functional.mse_loss(model(x), 3 * x + 1)
    steps.zero_grad()
    loss.backward()
    steps.step()
    dist.all_reduce(loss.detach())
    losses.append(loss.item())
weight, bias = (round(value.item(), 5) for value in model.parameters())
told = [rank, size, os.environ["SLURMD_NODENAME"], weight, bias, losses[0] > 20 * losses[-1]]
sys.stdout.write(json.dumps(told) + "\\n")
sys.stdout.flush()
del model, steps  # a group that ends before what uses it makes PyTorch abort now and then, with any launcher
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # its threads are not always gone when the interpreter ends, of which PyTorch makes an abort, too
"""

ADDRESS = """\
#!/bin/bash
#SBATCH --nodes=2 --mem=3G --output=out
export GLOO_SOCKET_IFNAME=lo OMP_NUM_THREADS=1
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR=$(scontrol show node -o "$first" | grep -o 'NodeAddr=[^ ]*' | cut -d= -f2)
export MASTER_PORT=$(python -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
"""


def trained(world: World, cluster: Suite, here: Path, job: str, ranks: int) -> None:
    """Run it and see that all ranks have the one model that fits."""
    (here / "train.py").write_text(TRAIN)
    (here / "job.sh").write_text(ADDRESS + job)
    done = finish(popen(["sbatch", "--parsable", "--wait", "job.sh"], world.environ, here), 180)
    assert done.status == 0, f"{done}\n{readable(here / 'out')}"
    rows = sorted(json.loads(line) for line in readable(here / "out").splitlines() if line.startswith("["))
    assert [row[:2] for row in rows] == [[rank, ranks] for rank in range(ranks)], readable(here / "out")
    names = world.call("scontrol", "show", "hostnames", cluster.job(done.out.strip())["NodeList"]).lines
    assert [row[2] for row in rows] == [name for name in names for _ in range(ranks // 2)]
    assert len({tuple(row[3:5]) for row in rows}) == 1, "the ranks' models differ"
    weight, bias, better = rows[0][3:]
    assert better
    assert abs(weight - 3) < 0.5
    assert abs(bias - 1) < 0.3


def test_training_with_srun(cluster: Suite, torch_at_hand: Path, here: Path) -> None:
    world = World(cluster, torch_at_hand, here)
    trained(world, cluster, here, "#SBATCH --ntasks-per-node=1\nsrun --ntasks-per-node=1 python train.py\n", 2)


@pytest.mark.slow
def test_training_with_torchrun(cluster: Suite, torch: Path, here: Path) -> None:
    job = """srun --ntasks-per-node=1 --ntasks=2 torchrun --nnodes=2 --nproc-per-node=2 --rdzv-id=$SLURM_JOB_ID \
--rdzv-backend=c10d --rdzv-endpoint=$MASTER_ADDR:$MASTER_PORT train.py
"""
    trained(World(cluster, torch, here), cluster, here, job, 4)
