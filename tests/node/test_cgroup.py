"""Children in a cgroup of version 2, where this machine lets us make one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from mgpu_slurm.node.supervisor import kernel
from mgpu_slurm.node.supervisor.cgroup import Cgroup


@pytest.fixture
def group() -> Iterator[Cgroup]:
    made = Cgroup.make(f"test-{os.getpid()}")
    if made is None:
        pytest.skip("no cgroup can be made here: it needs root and a mounted version 2")
    yield made
    made.remove()


def child_sees(group: Cgroup) -> tuple[bool, bool]:
    """Whether a child was born inside, and whether it is inside when it speaks."""
    out, into = os.pipe()
    pid, inside = group.fork()
    if pid == 0:
        try:
            if not inside:
                group.join()
            own = next(line for line in open("/proc/self/cgroup").read().splitlines() if line.startswith("0::"))
            os.write(into, b"in" if own.endswith("/" + os.path.basename(group.path)) else b"out")
        finally:
            os._exit(0)
    os.close(into)
    with open(out, "rb") as file:
        said = file.read()
    assert os.waitpid(pid, 0) == (pid, 0)
    return inside, said == b"in"


def test_a_child_is_in_the_group_from_its_birth(group: Cgroup) -> None:
    inside, seen = child_sees(group)
    if not inside:
        pytest.skip("this kernel has no CLONE_INTO_CGROUP")
    assert seen
    assert group.pids() == []


def test_without_the_kernels_help_it_joins(group: Cgroup, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_cgroup: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(kernel, "fork_into", refuse)
    assert child_sees(group) == (False, True)
