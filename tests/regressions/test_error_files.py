"""srun -o NAME-BY-TASK -e ONE-FILE wrote the errors into the output files, since only srun knew of the other file."""

from __future__ import annotations

from pathlib import Path

from tests.kit.cluster import Suite, readable


def test_errors_have_the_file_that_was_asked_for(cluster: Suite, here: Path) -> None:
    cluster.run("srun", "-n2", "-o", "o.%t", "-e", "errors", "sh", "-c", "echo out; echo err >&2", cwd=here).ok()
    assert [readable(here / name) for name in ("o.0", "o.1", "errors")] == ["out\n", "out\n", "err\nerr\n"]
