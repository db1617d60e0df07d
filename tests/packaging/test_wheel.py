"""pip install ., and nothing else: commands, data files, and a cluster that starts from them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kit import processes
from tests.kit.commands import ROOT, Done, clean_environment, finish, popen
from tests.kit.users import User
from tests.packaging import building

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.ours]


def test_every_program_is_a_command(installed: Path) -> None:
    for name in building.installed_programs():
        done = finish(popen([str(installed / name), "--help"], clean_environment(), "/"))
        assert done.status == 0, repr(done)
        assert done.out, repr(done)


def test_manual_pages_come_along(installed: Path) -> None:
    pages = {page.name for page in (ROOT / "man").glob("*.[1-8]")}
    assert pages == {page.name for page in (installed.parent / "share/man").glob("man[1-8]/*")}
    assert pages


def test_completions_come_along(installed: Path) -> None:
    made = {file.name for file in (ROOT / "packaging/completions").glob("*")}
    assert made == {file.name for file in (installed.parent / "share/mgpu/completions").glob("*")}


def test_the_tests_stay_behind(installed: Path) -> None:
    code = "import mgpu_slurm, importlib.util as u; print(mgpu_slurm.__file__, u.find_spec('tests'))"
    told = subprocess.run([installed / "python", "-I", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told[0].startswith(str(installed.parent))
    assert told[1] == "None"


def test_the_first_command_starts_a_cluster(installed: Path, alice: User) -> None:
    def run(name: str, *words: str) -> Done:
        environ = {**clean_environment(alice), "PATH": f"{installed}:/usr/bin:/bin"}
        return finish(popen([str(installed / name), *words], environ, alice.home, alice), 60)

    try:
        script = "echo on $(srun hostname) by $(command -v srun)"
        run("mgpu_sbatch", "--wait", "-o", "out", "--wrap", script).ok()
        told = (alice.home / "out").read_text().split()
        assert (told[0], told[2]) == ("on", "by")
        assert told[3].startswith(str(alice.home))
        assert run("mgpu_sacct", "-n", "-X", "-o", "state").ok().out.split() == ["COMPLETED"]
        run("mgpu_scontrol", "shutdown").ok()
    finally:
        processes.kill(processes.of_user(alice.uid))
