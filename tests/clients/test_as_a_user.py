"""The simple clients once more, run by an ordinary user of a cluster that root keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.conftest import World
from tests.clients.test_dask import COMPUTE
from tests.clients.test_hydra import APP, SETTINGS
from tests.clients.test_launching import PSIJ, SIMPLE
from tests.clients.test_submitit import RESULTS, START
from tests.kit.cluster import Suite, readable
from tests.kit.users import User

pytestmark = [pytest.mark.clients, pytest.mark.ours]


@pytest.fixture
def world(cluster: Suite, light: Path, here: Path, alice: User) -> World:
    made = World(cluster, light, here)
    made.environ.update(HOME=str(alice.home), USER=alice.name, LOGNAME=alice.name)
    return made


def owners(world: World, *jobs: object) -> set[str]:
    listed = ",".join(str(job) for job in jobs)
    return set(world.suite.ask("sacct", "-a", "-n", "-X", "-P", "-o", "user", "-j", listed).split())


def test_submitit(world: World, alice: User) -> None:
    told = json.loads(world.run(START + RESULTS, user=alice).lines[-1])
    job, ranks = told["one"]
    assert [rank[:5] for rank in ranks] == [[49, job, n, n % 2, 4] for n in range(4)]
    assert [results[0][0] for _, results in told["many"]] == [1, 4, 9]
    assert told["states"] == ["COMPLETED"] * 4
    assert owners(world, job) == {alice.name}


def test_simple_slurm(world: World, alice: User) -> None:
    array, after, status, held, seen = json.loads(world.run(SIMPLE, user=alice).lines[-1])
    assert readable(world.directory / "after") == "".join(f"before\ntask {n} of {array}\n" for n in (1, 2, 3))
    assert status == 3
    assert str(held) in json.dumps(seen)
    assert owners(world, array, after, held) == {alice.name}


def test_psij(world: World, alice: User) -> None:
    told = json.loads(world.run(PSIJ, user=alice, timeout=90).lines[-1])
    assert told["good"][0] == "COMPLETED"
    assert told["bad"][:2] == ["FAILED", 3]
    assert told["long"][0] == "CANCELED"


def test_dask(world: World, alice: User) -> None:
    total, workers = json.loads(world.run(COMPUTE, user=alice).lines[-1])
    assert total == 2470
    assert owners(world, *[job for job, _ in workers]) == {alice.name}


def test_hydra(world: World, alice: User) -> None:
    words = ["-m", "+x=3,4", "hydra/launcher=submitit_slurm", f"hydra.sweep.dir={world.directory}/sweep"]
    world.run(APP, *words, *[f"hydra.launcher.{setting}" for setting in SETTINGS], user=alice)
    told = [json.loads(readable(found)) for found in sorted(world.directory.glob("**/told-*"))]
    assert [result for result, _ in told] == [6, 8]
    assert owners(world, told[0][1]["SLURM_ARRAY_JOB_ID"]) == {alice.name}
