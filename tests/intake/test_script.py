"""sbatch's script: where it is found, and what its lines add up to."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake import script, submit


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("j.sh", ".hid.sh", "own.sh", "sub/j.sh", "sub/deep/j.sh", "way/j.sh", "way/found.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "way" / "own.sh").mkdir()
    return tmp_path


@pytest.mark.parametrize(("directory", "name", "path", "text"), [
    ("", "j.sh", "HERE/j.sh", "j.sh"),
    ("", "./j.sh", "./j.sh", "j.sh"),
    ("", ".hid.sh", ".hid.sh", ".hid.sh"),
    ("", "sub//j.sh", "HERE/sub//j.sh", "sub/j.sh"),
    ("", "HERE/j.sh", "HERE/j.sh", "j.sh"),
    ("", "found.sh", "HERE/way/found.sh", "way/found.sh"),
    ("/sub", "j.sh", "HERE/sub/j.sh", "sub/j.sh"),
    ("/sub", "./j.sh", "./j.sh", "j.sh"),
    ("/sub/deep/", "../j.sh", "../j.sh", None),
    ("/sub", "deep/j.sh", "HERE/sub/deep/j.sh", "sub/deep/j.sh"),
    ("/way/own.sh", "sub/j.sh", "sub/j.sh", "sub/j.sh"),
    ("/nosuch", "j.sh", "HERE/way/j.sh", "way/j.sh"),
    ("/nosuch", "own.sh", "own.sh", "own.sh"),
])  # fmt: skip
def test_where_it_is_found(here: Path, directory: str, name: str, path: str, text: str | None) -> None:
    files = script.Files(str(here), f"{here}{directory}", {"PATH": f":/nosuch:{here}/way"})
    if text is None:
        with pytest.raises(FileNotFoundError):
            files(name)
    else:
        assert files(name.replace("HERE", str(here))) == (path.replace("HERE", str(here)), text.encode())


def requests(head: str, *argv: str) -> list[dict[str, object]]:
    data = f"#!/bin/sh\n{head}\n".encode()
    return submit.parse("sbatch", [*argv, "j.sh"], {}, "/w", lambda name: (f"/w/{name}", data), compat=(22, 5)).requests


@pytest.mark.parametrize(("head", "argv", "mail"), [
    ("#SBATCH --mail-type=END", ["--mail-type=BEGIN"], "BEGIN,END"),
    ("#SBATCH --mail-type=END\n#SBATCH --mail-type=FAIL,BEGIN", [], "BEGIN,END,FAIL"),
    ("#SBATCH --mail-type=END", ["--mail-type=NONE"], "END"),
    ("#SBATCH --mail-type=NONE", ["--mail-type=END"], "END"),
    ("", ["--mail-type=NONE", "--mail-type=END,NONE"], "NONE"),
])  # fmt: skip
def test_events_of_mail_add_up(head: str, argv: list[str], mail: str) -> None:
    assert requests(head, *argv)[0]["mail_type"] == mail


def test_mail_is_written_about_the_whole_job() -> None:
    assert [one.get("mail_type") for one in requests("", "--mail-type=END", ":", "--mail-type=FAIL")] == ["END", None]


def test_lines_of_other_systems_are_read_after_all_others_and_for_every_part() -> None:
    found = requests("#BSUB -n 3\n#SBATCH -n 2\n#SBATCH hetjob\n#SBATCH -n 4")
    assert [one["ntasks"] for one in found] == [3, 3]
    with pytest.raises(UsageError, match="option requires an argument -- 'G'"):
        requests("#SBATCH -G\n#BSUB -n 3")
    with pytest.raises(UsageError, match="option requires an argument -- 'n'"):
        requests("#SBATCH -n\n#PBS -N")


def test_the_last_directory_of_the_command_line_is_that_of_components_without() -> None:
    assert [one["work_dir"] for one in requests("", "-n1", ":", "-D", "sub")] == ["/w/sub", "/w/sub"]
