"""The file that tells supervisors how long jobs may live without the controller."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgpu_slurm.node.supervisor import lease


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    now = {"now": 1000.0}
    monkeypatch.setattr(lease, "clock", lambda: now["now"])
    return now


def test_it_runs_out_by_the_clock(tmp_path: Path, at: dict[str, float]) -> None:
    lease.write(str(tmp_path), 1000.0, 60.0)
    watch = lease.Watch(str(tmp_path / "lease"), (0.0, 60.0))
    at["now"] = 1060.0
    assert not watch.is_over()
    lease.write(str(tmp_path), 1050.0, 60.0)
    at["now"] = 1110.0
    assert not watch.is_over()
    at["now"] = 1110.1
    assert watch.is_over()
    assert watch.problem == ""


def test_a_file_that_is_lost_makes_nobody_live_longer(tmp_path: Path, at: dict[str, float]) -> None:
    lease.write(str(tmp_path), 1000.0, 60.0)
    watch = lease.Watch(str(tmp_path / "lease"), (900.0, 60.0))
    assert not watch.is_over()
    (tmp_path / "lease").unlink()
    assert not watch.is_over()
    assert "cannot read" in watch.problem
    at["now"] = 1061.0
    assert watch.is_over()


def test_a_file_that_never_was(tmp_path: Path, at: dict[str, float]) -> None:
    watch = lease.Watch(str(tmp_path / "lease"), (990.0, 60.0))
    assert not watch.is_over()
    at["now"] = 1051.0
    assert watch.is_over()


def test_a_full_disk_is_written_over(tmp_path: Path, at: dict[str, float]) -> None:
    lease.write(str(tmp_path), 900.0, 60.0)
    (tmp_path / ".lease").mkdir()  # no draft can be made, as on a full disk
    lease.write(str(tmp_path), 999.5, 300.0)
    assert lease.read(str(tmp_path / "lease")) == (999.5, 300.0)


def test_a_lease_that_cannot_be_noted_at_all(tmp_path: Path) -> None:
    (tmp_path / ".lease").mkdir()
    with pytest.raises(IsADirectoryError):
        lease.write(str(tmp_path), 1.0, 60.0)
