"""--mpi=pmix where OpenPMIx cannot be had: the step does not start and says how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.node.supervisor import pmix_library
from tests.kit.steps import Place


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A launcher that knows the library by a name that nothing has."""
    monkeypatch.setattr(pmix_library, "NAME", "libpmix-not-there.so.2")
    place = Place(tmp_path)
    yield place
    place.launcher.close()


def test_no_library_no_step(bare: Place) -> None:
    before = set(Path("/tmp").glob("mgpu-pmix-*"))
    step = bare.tasks("true", mpi="pmix")
    assert step.srun is not None
    step.srun.until("step_ended")
    assert "mpi/pmix: can not load PMIx library: libpmix-not-there.so.2" in step.srun.texts()
    assert pmix_library.HOW_TO_GET in step.srun.texts()
    assert step.result()["exit_code"]
    assert set(Path("/tmp").glob("mgpu-pmix-*")) <= before
