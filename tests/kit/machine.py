"""A cluster of one node that is this machine as it is: its CPUs, its memory, its GPUs, and steps kept to what they have."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

from mgpu_slurm.node import constraints
from tests.kit.cluster import Cluster
from tests.kit.commands import boot_line, clean_environment

CGROUP = "ConstrainCores=yes\nConstrainDevices=yes\nConstrainRAMSpace=yes\nConstrainSwapSpace=yes\n"


def why_not() -> str:
    """Why steps cannot be kept to their CPUs, memory and devices here, "" when they can."""
    wanted = constraints.Constraints(ram=True, swap=True, devices=True, cores=True)
    try:
        constraints.prove(wanted, "test-0.0", {"0": [[195, 250]]})
    except OSError as error:
        return f"steps cannot be kept to what they have here: {error.strerror}"
    return ""


class Machine(Cluster):
    """`settings` as a Cluster's. GPUs are those that NVML finds."""

    def __init__(self, **more: Any) -> None:
        super().__init__(1, 0, cgroup=CGROUP, **more)
        words, environ = boot_line("mgpu_node", "-C"), clean_environment()
        told = subprocess.run(words, capture_output=True, text=True, check=True, env=environ).stdout
        hardware = told.splitlines()[0].partition(" ")[2]
        (self.directory / "gres.conf").write_text("AutoDetect=nvml\n")
        text, count = re.subn(r" CPUs=8 .*? State=", f" {hardware} State=", self.conf.read_text())
        assert count == 1, text
        self.conf.write_text(text)
        self.cpus = int(re.findall(r"\bCPUs=(\d+)", hardware)[0])

    def python(self, *words: str, **options: Any) -> Any:
        """srun of a Python program: options of srun, then the program's text."""
        *asked, program = words
        return self.run("srun", *asked, sys.executable, "-ISc", program, **options)
