"""Which cluster a command finds, what it says when nobody answers, and how the embedded one is started."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mgpu_slurm.base.errors import ConfigError, SlurmError
from mgpu_slurm.commands import embedded, session
from mgpu_slurm.wire import client
from tests.kit.commands import BIN, clean_environment, finish, popen
from tests.kit.fake_controller import FakeDaemon, says

CONF = "ClusterName=c1\nSlurmctldHost=here(127.0.0.1)\nSlurmctldPort={port}\nMgpuCompat=22.05\nMgpuRunDir={run}\n"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a short path, for sockets."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mgpu-s-") as path:
        yield Path(path)


def configured(place: Path, port: int = 1) -> str:
    (place / "mgpu.conf").write_text(CONF.format(port=port, run=place))
    return str(place / "mgpu.conf")


def test_configuration(place: Path) -> None:
    for environ, cluster in (({"MGPU_CONF": configured(place)}, "-"), ({"MGPU_CONF": "/nosuch"}, configured(place))):
        found = session.open_session(environ, cluster)
        assert (found.cluster_name, found.compat, found.embedded_dir) == ("c1", (22, 5), "")
        assert [(each.path, each.host, each.port) for each in found.endpoints] == [("", "127.0.0.1", 1)]
    assert session.find_session({"MGPU_COMPAT": "23.11"}, configured(place)).compat == (23, 11)


def test_sockets_of_this_host_come_first_and_sign(place: Path) -> None:
    for name in ("controller.sock", "node.b.sock", "node.a.sock", "other"):
        (place / name).touch()
    found = session.find_session({}, configured(place))
    assert found.endpoints[0].path == str(place / "controller.sock")
    assert found.signers == [str(place / name) for name in ("controller.sock", "node.a.sock", "node.b.sock")]
    assert found.endpoints[1].signers == tuple(found.signers)


def test_missing_configuration() -> None:
    with pytest.raises(ConfigError):
        session.find_session({"MGPU_CONF": "/nosuch/mgpu.conf"})


def test_call(place: Path) -> None:
    daemon = FakeDaemon(place / "controller.sock")
    daemon["ping"] = says({"kind": "pong", "cluster": "x"})
    found = session.open_session({}, f"embedded:{place}")
    assert found.call({"kind": "ping"})["cluster"] == "x"
    with pytest.raises(client.RequestRefused):
        found.call({"kind": "query"})
    daemon.close()


@pytest.mark.parametrize(
    ("words", "text", "status"),
    [
        (["sbatch", "--wrap", "true"], "sbatch: error: Batch job submission failed: {}", 1),
        (["sbatch", "--test-only", "--wrap", "true"], "allocation failure: {}", 1),
        (["srun", "true"], "srun: error: Unable to allocate resources: {}", 1),
        (["salloc", "true"], "salloc: error: Job submit/allocate failed: {}", 1),
        (["srun", "--jobid=5", "true"],
         "srun: error: Unable to confirm allocation for job 5: {}\n"
         "srun: Check SLURM_JOB_ID environment variable. Expired or invalid job 5", 1),
    ],
)  # fmt: skip
def test_nobody_answers(place: Path, words: list[str], text: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slurm's words. The rounds of tries are cut short: the commands run in this process."""
    from mgpu_slurm import __main__ as rim

    monkeypatch.setattr(session, "RETRIES", 0)
    errors: list[str] = []

    class Streams:
        stdin_fd = 0

        class out:
            write = staticmethod(errors.append)

        err = out

    __import__(rim.PROGRAMS[words[0]][0])
    run = sys.modules[rim.PROGRAMS[words[0]][0]].run
    assert run(words[1:], {"MGPU_CONF": configured(place), "PATH": "/bin"}, str(place), Streams()) == status
    assert "".join(errors) == text.format("Unable to contact slurm controller (connect failure)") + "\n"


# --- the embedded cluster --------------------------------------------------------------------------------------------


def test_directory_is_private(place: Path) -> None:
    made = Path(embedded.directory(str(place)))
    host = os.uname().nodename.partition(".")[0]
    assert made == place / ".local/state/mgpu" / host
    for path in (made, made.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    made.chmod(0o755)
    embedded.directory(str(place))
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_link_in_place_of_the_directory(place: Path) -> None:
    (place / "elsewhere").mkdir()
    (place / "link").symlink_to(place / "elsewhere")
    with pytest.raises(OSError, match="not a directory"):
        embedded.check(str(place / "link"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user's directory")
def test_foreign_directory(place: Path) -> None:
    (place / "mine").mkdir()
    os.chown(place / "mine", 12345, 12345)
    with pytest.raises(OSError, match="belongs to user 12345"):
        embedded.check(str(place / "mine"))


def test_daemon_that_does_not_come_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mgpu_slurm import boot

    command = [sys.executable, "-c", "import sys; print('no luck', sys.argv); sys.exit(3)"]
    monkeypatch.setattr(boot, "python_command", lambda *_: command)
    with pytest.raises(embedded.StartFailed) as failed:
        session.open_session({"PATH": "/bin"}, f"embedded:{place}/state")
    assert "ended at once" in failed.value.text
    assert "no luck ['-c', '--embedded'" in failed.value.text
    assert isinstance(failed.value, SlurmError)


SERVER = """
import os, socket, sys, time
place = sys.argv[2]
with open(place + "/starts", "a") as file:
    print(os.getppid(), os.getsid(0), os.getcwd(), sorted(name for name in os.environ if "SLURM" in name), file=file)
server = socket.socket(socket.AF_UNIX)
server.bind(place + "/controller.sock")
server.listen(20)
server.settimeout(10)
while not os.path.exists(place + "/stop"):
    server.accept()
"""


def test_two_first_commands_start_one_cluster(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mgpu_slurm import boot

    state = place / "state"
    monkeypatch.setattr(boot, "python_command", lambda *_: [sys.executable, "-c", SERVER])
    problems: list[Exception] = []

    def first() -> None:
        try:
            session.open_session({"PATH": "/bin", "SLURM_JOB_ID": "7"}, f"embedded:{state}")
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=first) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (starts,) = (state / "starts").read_text().splitlines()
    (state / "stop").touch()
    embedded.answers(client.Endpoint(path=str(state / "controller.sock")))
    assert problems == []
    assert starts.endswith(f"{state} []")  # in its directory, without the job's variables
    assert stat.S_IMODE((state / "log/controller.out").stat().st_mode) == 0o600


def test_information_needs_no_cluster(place: Path) -> None:
    environ = clean_environment(MGPU_CONF=f"embedded:{place}/state")
    for program in ("sbatch", "srun", "salloc"):
        done = finish(popen([str(BIN / f"mgpu_{program}"), "--version"], environ, place))
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith("slurm ")
    assert not (place / "state").exists()


def test_light_imports() -> None:
    """What a command imports decides how fast it starts."""
    code = "import sys; sys.path.insert(0, {!r}); import mgpu_slurm.commands.{}; print(' '.join(sys.modules))"
    heavy = {"asyncio", "msgspec", "typing", "dataclasses", "pathlib", "subprocess", "inspect", "logging", "argparse",
             "socket", "json", "enum", "re", "numpy", "sqlalchemy"}  # fmt: skip
    for name in ("sbatch", "srun", "salloc", "first"):
        command = [sys.executable, "-I", "-S", "-c", code.format(str(BIN.parent), name)]
        loaded: Any = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert not heavy & set(loaded), name
