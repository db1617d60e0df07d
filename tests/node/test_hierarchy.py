"""Where groups with limits are made, and through whom controllers reach them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgpu_slurm.node.supervisor import hierarchy

ALL = "cpuset cpu io memory hugetlb pids\n"


def group(path: Path, controllers: str = ALL, handed: str = "") -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.controllers").write_text(controllers)
    (path / "cgroup.subtree_control").write_text(handed)
    return path


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of files as systemd makes it, where the kernel's would be."""
    monkeypatch.setattr(hierarchy, "UNIFIED", (str(tmp_path / "elsewhere"), str(tmp_path / "root")))
    group(tmp_path / "root", handed="cpu io memory pids\n")
    group(tmp_path / "root" / "system.slice", "cpu io memory pids\n", "memory pids\n")
    return tmp_path / "root"


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ("system.slice/mgpu-node.service", "system.slice/mgpu-steps"),
        ("user.slice/user-0.slice/session-1.scope", "user.slice/user-0.slice/mgpu-steps"),
        ("", "mgpu-steps"),  # the whole machine, or what a container takes for it
    ],
)
def test_beside_the_daemons_own_group(root: Path, monkeypatch: pytest.MonkeyPatch, own: str, place: str) -> None:
    monkeypatch.setattr(hierarchy, "own", lambda controller="": str(root / own).rstrip("/"))
    assert hierarchy.place_of_steps() == str(root / place)


def test_no_version_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hierarchy, "own", lambda controller="": None)
    assert hierarchy.place_of_steps() is None


def test_a_controller_is_handed_down_from_the_root(root: Path) -> None:
    """cpuset stops at the root, where no unit of systemd's asks for it."""
    place = f"{root}/system.slice/{hierarchy.STEPS}"
    assert hierarchy.offers(place, "cpuset")
    assert not hierarchy.offers(place, "rdma")
    for name in ("", "/job"):  # which the kernel would fill
        group(Path(place + name))
    made = hierarchy.make_unified(place, "job", "step", ["memory", "cpuset"])
    assert made == f"{place}/job/step"
    asked = {str(path.relative_to(root)): (path / "cgroup.subtree_control").read_text() for path in (root, root / "system.slice")}
    assert asked == {".": "+cpuset", "system.slice": "+cpuset"}
    assert Path(place, "cgroup.subtree_control").read_text() == "+cpuset +memory"
    assert Path(place, "job", "cgroup.subtree_control").read_text() == "+cpuset +memory"


def test_nothing_is_handed_down_unasked(root: Path) -> None:
    place = f"{root}/system.slice/{hierarchy.STEPS}"
    for name in ("", "/job"):
        group(Path(place + name))
    hierarchy.make_unified(place, "job", "step", [])
    assert (root / "cgroup.subtree_control").read_text() == "cpu io memory pids\n"
