"""The manual pages are what the tables say, and readable."""

import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = sorted((ROOT / "man").glob("*.1"))


def test_pages_are_not_stale() -> None:
    done = subprocess.run([sys.executable, ROOT / "man" / "build", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_main_commands_have_pages() -> None:
    names = {page.stem for page in PAGES}
    assert {"mgpu_srun", "mgpu_sbatch", "mgpu_squeue", "mgpu_scancel"} <= names


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_formats_without_warnings(page: pathlib.Path) -> None:
    done = subprocess.run(["groff", "-t", "-man", "-Tutf8", "-ww", page], capture_output=True, text=True)
    assert done.returncode == 0
    assert not done.stderr
