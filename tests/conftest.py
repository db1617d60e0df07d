"""Fixtures that several rooms share: clusters, users, an embedded cluster.

Options of our own: --against-slurm=CONF runs the scenarios of `cluster` on the Slurm of this machine instead, to see
whether they expect what Slurm does. MGPU_SLOW=1 in the environment runs what takes over a minute.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import users
from tests.kit.cluster import Cluster, RealSlurm, Suite
from tests.kit.embedded import Embedded
from tests.kit.users import User


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--against-slurm", metavar="CONF", default="", help="run scenarios on the Slurm that CONF describes")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes over a minute; skipped unless MGPU_SLOW=1 is set")
    config.addinivalue_line("markers", "gpu: needs a real NVIDIA driver, skips without one")
    config.addinivalue_line("markers", "ours: not for --against-slurm, where Slurm differs on purpose or cannot do it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    real = config.getoption("--against-slurm")
    for item in items:
        if item.get_closest_marker("slow") and os.environ.get("MGPU_SLOW") != "1":
            item.add_marker(pytest.mark.skip(reason="takes over a minute; MGPU_SLOW=1 runs it"))
        if real and item.get_closest_marker("ours"):
            item.add_marker(pytest.mark.skip(reason="not what Slurm does"))


PARTITIONS = """\
PartitionName=small Nodes=n[0-1] MaxNodes=1 MaxTime=10 DefaultTime=5 State=UP
PartitionName=closed Nodes=ALL State=DOWN
PartitionName=drained Nodes=ALL State=DRAIN
PartitionName=never Nodes=ALL State=INACTIVE"""


@pytest.fixture(scope="session")
def shared_cluster(request: pytest.FixtureRequest) -> Iterator[Suite]:
    """Four nodes of 8 CPUs and 4 GPUs; use `cluster`, which looks after what a test leaves."""
    real = request.config.getoption("--against-slurm")
    suite = RealSlurm(real) if real else Cluster.up(4, 4, partitions=PARTITIONS)
    try:
        yield suite
    finally:
        suite.down()


@pytest.fixture
def cluster(shared_cluster: Suite) -> Iterator[Suite]:
    """The shared cluster. Jobs that a test leaves are cancelled; a traceback of a daemon fails the test."""
    yield shared_cluster
    if isinstance(shared_cluster, Cluster):
        left = shared_cluster.ask("squeue", "-h", "-o", "%A").split()
        if left:
            shared_cluster.run("scancel", *sorted(set(left)))
            shared_cluster.until(lambda: not shared_cluster.ask("squeue", "-h", "-o", "%A").split(), f"cancelled jobs {left} end")
        problems = shared_cluster.tracebacks()
        assert not problems, "\n".join(problems)
        for name, daemon in shared_cluster.daemons.items():
            assert daemon.poll() is None, f"{name} has died: {shared_cluster.told()}"


@pytest.fixture
def here(shared_cluster: Suite) -> Path:
    """A directory of this test's own that every user may write to and reach."""
    path = Path(tempfile.mkdtemp(dir=shared_cluster.directory / "work"))
    path.chmod(0o777)
    return path


def _user() -> Iterator[User]:
    reason = users.why_not()
    if reason:
        pytest.skip(reason)
    with users.temporary_user() as user:
        yield user


@pytest.fixture(scope="session")
def alice() -> Iterator[User]:
    """A temporary user; needs root."""
    yield from _user()


@pytest.fixture(scope="session")
def bob() -> Iterator[User]:
    """Another one."""
    yield from _user()


@pytest.fixture
def embedded() -> Iterator[Embedded]:
    """A cluster that the first command starts, of a temporary user; needs root to make the user."""
    for user in _user():
        suite = Embedded(user)
        try:
            yield suite
        except BaseException:
            suite.down(strict=False)
            raise
        suite.down()
