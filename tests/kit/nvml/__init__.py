"""A machine with GPUs that is not there: the stand-in libnvidia-ml.so.1 and descriptions for it.

    def test_something(nvml):                     # from tests.kit.nvml import nvml
        machine = Machine().gpu("NVIDIA A100-SXM4-80GB", count=4)
        report = nvml.survey(machine)             # real pynvml calls, in a process of its own
        environ = nvml.environ(machine)           # for a daemon started by a test

The fixture skips where there is no C compiler.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mgpu_slurm.node import gpus as node_gpus
from mgpu_slurm.records.gpu import GpuReport

SOURCE = Path(__file__).with_name("nvml_stub.c")
GIB = 1 << 30


class Machine:
    """A description in the stand-in's language, built up line by line. Methods return the machine."""

    def __init__(self, driver: str = "550.54.15") -> None:
        self.lines = [f"driver {driver}"]
        self.gpus = 0

    def line(self, *lines: str) -> Machine:
        """Facts of the machine or, after `gpu`, of the last GPU."""
        self.lines += lines
        return self

    def gpu(self, name: str, *facts: str, count: int = 1, memory: int | None = 80 * GIB) -> Machine:
        """`count` GPUs that answer what a healthy one answers; `facts` follow and may override."""
        for _ in range(count):
            i = self.gpus
            self.gpus += 1
            self.line("gpu", f"name {name}", f"uuid {self.uuid(i)}", f"minor {i}", f"bus {self.bus(i)}")
            if memory is not None:
                self.line(f"memory {memory}")
            self.line(*facts)
        return self

    def pairs(self, level: int, among: range) -> Machine:
        """The same PCIe common ancestor for all pairs of these GPUs."""
        return self.line(*(f"pair {i} {j} {level}" for i, j in itertools.combinations(among, 2)))

    @staticmethod
    def uuid(i: int) -> str:
        return f"GPU-00000000-0000-0000-0000-{i:012x}"

    @staticmethod
    def bus(i: int) -> str:
        return f"00000000:{0x10 + i:02X}:00.0"


class Nvml:
    """The compiled stand-in; each description goes to a file of its own in `directory`."""

    def __init__(self, library: Path, directory: Path) -> None:
        self.library = library
        self.directory = directory
        self.count = 0

    def environ(self, machine: Machine) -> dict[str, str]:
        """This process's environment with the stand-in first for the dynamic linker."""
        self.count += 1
        description = self.directory / f"machine{self.count}"
        description.write_text("\n".join(machine.lines) + "\n")
        linker = f"{self.library.parent}:{os.environ.get('LD_LIBRARY_PATH', '')}".rstrip(":")
        return {**os.environ, "LD_LIBRARY_PATH": linker, "MGPU_NVML_STUB": str(description)}

    def survey(self, machine: Machine, timeout: float = 30.0) -> GpuReport:
        """What node.gpus.survey makes of the machine."""
        return node_gpus.survey(self.environ(machine), timeout)


def compiler() -> str | None:
    """A C compiler of this machine."""
    return next((path for name in ("cc", "gcc", "clang", "tcc") if (path := shutil.which(name))), None)


def build(directory: Path) -> Path:
    """Compiles the stand-in to directory/libnvidia-ml.so.1. Needs `compiler()`."""
    library = directory / "libnvidia-ml.so.1"
    command = [str(compiler()), "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-stringop-truncation"]
    subprocess.run([*command, "-Wl,-soname,libnvidia-ml.so.1", "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled stand-in, made once a run."""
    if compiler() is None:
        pytest.skip("no C compiler (cc, gcc, clang, tcc) to build the stand-in libnvidia-ml.so.1 with")
    return build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def nvml(nvml_library: Path, tmp_path: Path) -> Nvml:
    """The stand-in, ready to be given machines."""
    return Nvml(nvml_library, tmp_path)
