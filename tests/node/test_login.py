"""The environment of a login, for jobs that start without their submitter's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mgpu_slurm.node.supervisor import login
from mgpu_slurm.node.supervisor.identity import Identity


def user(home: Path, profile: str, shell: str = "/bin/bash") -> Identity:
    (home / ".bash_profile").write_text(profile)
    return Identity(os.getuid(), os.getgid(), "ann", [os.getgid()], str(home), shell)


def test_what_the_files_of_a_login_set(tmp_path: Path) -> None:
    found = login.environment(user(tmp_path, 'echo hello; echo >&2 mgpu; export FOO="two\nlines" USER=other; cd /usr\n'))
    assert (found["FOO"], found["USER"], found["HOME"], found["LOGNAME"]) == ("two\nlines", "other", str(tmp_path), "ann")
    assert found["SHELL"] == "/bin/bash"
    assert found["PATH"]
    assert not {"PWD", "OLDPWD", "_"} & set(found)


def test_what_they_leave_running_is_not_waited_for(tmp_path: Path) -> None:
    found = login.environment(user(tmp_path, f"sleep 600 & echo $! > {tmp_path}/pid; export FOO=1\n"))
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert found["FOO"] == "1"


@pytest.mark.parametrize(
    ("profile", "shell", "why"),
    [
        ("exit 0\n", "/bin/bash", "does not tell"),
        ("sleep 600\n", "/bin/bash", "too long"),
        ("while :; do echo 0123456789012345678901234567890123456789; done\n", "/bin/bash", "too much"),
        ("", "/nonexistent/shell", "No such file"),
        ("", "/bin/false", "does not tell"),
    ],
)
def test_a_login_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, shell: str, why: str) -> None:
    monkeypatch.setattr(login, "LONGEST", 1 << 16)
    with pytest.raises(login.LoginFailed, match=why):
        login.environment(user(tmp_path, profile, shell), seconds=0.5 if "600" in profile else 60)
