"""A command starts in little more than the bare interpreter: what it imports is counted while it does real work."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.kit.cluster import Cluster, Suite
from tests.kit.commands import ROOT

HEAVY = (
    "asyncio", "msgspec", "numpy", "sqlalchemy", "alembic", "psutil", "pynvml", "dataclasses", "pathlib", "logging", "inspect",
    "argparse", "subprocess", "tempfile", "typing", "urllib", "http", "email", "threading", "concurrent", "ctypes", "decimal",
)  # fmt: skip

PROGRAM = """
import json, sys
before = set(sys.modules)
sys.path.insert(0, sys.argv[1])
from mgpu_slurm.__main__ import run
status = run(sys.argv[2], sys.argv[3:])
sys.stdout.flush()
print("\\n" + json.dumps([status, sorted(set(sys.modules) - before)]))
"""


def imported(suite: Suite, *words: str) -> list[str]:
    """Modules that a command has imported when it is done, beyond those of a bare interpreter."""
    line = [sys.executable, "-I", "-S", "-X", "utf8", "-c", PROGRAM, str(ROOT), *words]
    done = subprocess.run(line, env=suite.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == 0, done
    return list(modules)


@pytest.mark.ours
@pytest.mark.parametrize(
    ("words", "most"),
    [
        (["scontrol", "show", "hostnames", "n[1-3]"], 25),
        (["squeue"], 45),
        (["sinfo"], 45),
        (["sbatch", "-H", "-o", "/dev/null", "--wrap", "true"], 55),
        (["scancel", "-n", "nosuchname"], 45),
        (["srun", "true"], 75),
    ],
)
def test_what_a_command_imports(cluster: Suite, words: list[str], most: int) -> None:
    assert isinstance(cluster, Cluster)
    modules = imported(cluster, *words)
    heavy = [module for module in modules if module.partition(".")[0] in HEAVY]
    assert heavy == []
    assert len(modules) <= most, modules
