"""Children in a cgroup of version 2, where this machine lets us make one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from mgpu_slurm.node.supervisor import kernel
from mgpu_slurm.node.supervisor.cgroup import Cgroup
from mgpu_slurm.node.supervisor.fence import Fence


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


NULL, ZERO = (1, 3), (1, 5)


@pytest.fixture
def fenced() -> Iterator[Cgroup]:
    """A group whose processes may not open /dev/zero and have 40 MiB."""
    raw = {"group": f"test-{os.getpid()}", "job": [80 << 20, -1], "step": [40 << 20, -1], "cores": False,
           "devices": {"0": [NULL], "1": [ZERO]}}  # fmt: skip
    try:
        made = Cgroup.make(f"test-{os.getpid()}", Fence(raw), held=[0])
    except OSError as error:
        pytest.skip(f"no cgroup with limits can be made here: {error}")
    assert made is not None
    yield made
    made.remove()


def status_inside(group: Cgroup, act: Callable[[], object]) -> int:
    """The wait status of a child in the group that does something; 7 where that is an OSError."""
    pid, inside = group.fork()
    if pid == 0:
        status = 1
        try:
            if not inside:
                group.join()
            act()
            status = 0
        except OSError:
            status = 7
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def test_what_it_may_open(fenced: Cgroup) -> None:
    assert status_inside(fenced, lambda: open("/dev/null")) == 0
    assert status_inside(fenced, lambda: open("/dev/zero")) == 7 << 8


def test_a_task_of_fewer_devices(fenced: Cgroup) -> None:
    def act() -> None:
        fenced.part(3, [])
        with pytest.raises(PermissionError):
            open("/dev/null")

    assert status_inside(fenced, act) == 0
    assert os.path.isdir(f"{fenced.path}/task_3")


def test_what_it_may_eat(fenced: Cgroup) -> None:
    assert status_inside(fenced, lambda: bytearray(1 << 20)) == 0
    assert fenced.oom_kills() == 0
    assert status_inside(fenced, lambda: bytearray(b"x") * (60 << 20)) == 9
    assert fenced.oom_kills() == 1


def test_it_is_found_again_and_goes_with_its_job(fenced: Cgroup) -> None:
    again = Cgroup.found(f"test-{os.getpid()}")
    assert again is not None
    assert (again.path, again.others) == (fenced.path, fenced.others)
    again.remove()
    for path in (fenced.path, *fenced.others):
        assert not os.path.exists(os.path.dirname(path))
    assert Cgroup.found(f"test-{os.getpid()}") is None
