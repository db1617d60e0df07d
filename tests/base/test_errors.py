"""Error kinds and the texts of Slurm's numbers."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import mgpu_slurm
from mgpu_slurm.base import errors


def test_texts() -> None:
    assert errors.strerror(2017) == "Invalid job id specified"
    assert errors.strerror(errors.ESLURM_ACCESS_DENIED) == "Access/permission denied"
    assert errors.strerror(errno.ENOENT) == "No such file or directory"


def test_versions() -> None:
    assert errors.strerror(2114, (22, 5)).endswith("--constraints")
    assert errors.strerror(2114).endswith("--constraint")
    assert errors.strerror(2189, (22, 5)) == "Unknown error 2189"
    assert errors.strerror(2189) == "Invalid configuration for external job"


def test_kinds() -> None:
    refusal = errors.SlurmError(errors.ESLURM_INVALID_PARTITION_NAME)
    assert (refusal.code, refusal.text, str(refusal)) == (2000, "Invalid partition name specified", refusal.text)
    assert str(errors.SlurmError(2000, "other")) == "other"
    usage = errors.UsageError(["one", ("fatal", "two")], 1)
    assert usage.lines == ["one", ("fatal", "two")]
    assert usage.status == 1
    assert str(usage) == "one\ntwo"
    assert errors.UsageError("one").lines == ["one"]
    assert str(errors.ConfigError("/etc/mgpu.conf", 3, "bad")) == "/etc/mgpu.conf:3: bad"


def test_the_light_wing_stays_light() -> None:
    """None of the modules that make a command slow to start may come in with these."""
    root = os.path.dirname(os.path.dirname(mgpu_slurm.__file__))
    code = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "import mgpu_slurm.base.errors, mgpu_slurm.base.hostlist, mgpu_slurm.base.units, mgpu_slurm.base.ids\n"
        "import mgpu_slurm.base.patterns, mgpu_slurm.base.counts, mgpu_slurm.facts.states, mgpu_slurm.facts.reasons\n"
        "heavy = {'typing', 'dataclasses', 'pathlib', 'logging', 'asyncio', 'inspect', 'argparse', 'subprocess', 're'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
