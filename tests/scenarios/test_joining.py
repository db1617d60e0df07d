"""Nodes that no file lists, and the first generation's commands."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import processes, users
from tests.kit.cluster import free_ports, readable
from tests.kit.commands import BIN, Done, boot_line, clean_environment, finish, popen
from tests.kit.users import User
from tests.kit.waiting import until

pytestmark = pytest.mark.ours


class FirstGeneration:
    """mgpu_master --host --port of a temporary user, and nodes that join it."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.port = free_ports(1)[0]
        self.started: dict[str, subprocess.Popen[str]] = {}

    def launch(self, name: str, *words: str) -> subprocess.Popen[str]:
        environ = clean_environment(self.user)
        with open(self.user.home / f"{name}.out", "a") as output:
            self.started[name] = popen(boot_line(*words), environ, self.user.home, self.user, stdout=output, stderr=output)
        return self.started[name]

    def master(self) -> None:
        self.launch("master", "mgpu_master", "--host", "127.0.0.1", "--port", str(self.port))

    def node(self, name: str, gpus: int) -> None:
        self.launch(name, "mgpu_node", "--node-id", name, "--master-host", "127.0.0.1", "--master-port", str(self.port),
                    "--gpu-count", str(gpus))  # fmt: skip

    def run(self, *words: str, timeout: float = 30.0) -> Done:
        environ = clean_environment(self.user, MGPU_MASTER=f"127.0.0.1:{self.port}")
        return finish(popen([str(BIN / words[0]), *words[1:]], environ, self.user.home, self.user), timeout)

    def told(self) -> str:
        return "\n".join(f"--- {file.name} ---\n{file.read_text()[-3000:]}" for file in self.user.home.glob("*.out"))

    def wait_output(self, name: str, text: str) -> None:
        file = self.user.home / name
        until(lambda: readable(file) == text, lambda: f"{name}: {readable(file)!r}\n{self.told()}", 20)

    def down(self) -> None:
        for process in self.started.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.started.values():
            process.wait(15)
        left = processes.of_user(self.user.uid)
        processes.kill(left)
        assert not left, f"processes are left: {left}\n{self.told()}"


@pytest.fixture
def first() -> Iterator[FirstGeneration]:
    reason = users.why_not()
    if reason:
        pytest.skip(reason)
    with users.temporary_user() as user:
        generation = FirstGeneration(user)
        try:
            yield generation
        finally:
            generation.down()


def test_submit_queue_cancel(first: FirstGeneration) -> None:
    first.node("node001", 2)  # before the master: it waits for the key and for somebody to answer
    first.master()
    until(lambda: first.run("mgpu_queue").status == 0, first.told, 20)
    done = first.run("mgpu_client", "submit", "--gpus", "1", "echo $CUDA_VISIBLE_DEVICES; hostname > /dev/null").ok()
    assert done.out.startswith("Submitted batch job ")
    first.wait_output(f"slurm-{done.out.split()[-1]}.out", "0\n")
    long = first.run("mgpu_client", "submit", "--gpus", "2", "sleep 100").ok().out.split()[-1]
    waits = first.run("mgpu_client", "submit", "--gpus", "1", "true").ok().out.split()[-1]
    until(lambda: "RUNNING" in first.run("mgpu_client", "queue").out, first.told)
    queue = first.run("mgpu_queue").ok().out
    assert long in queue
    assert "PENDING" in queue
    first.run("mgpu_cancel", long).ok()
    until(lambda: not first.run("mgpu_queue").lines[1:], first.told, 20)
    assert first.run("mgpu_client", "cancel", "999999").status in (0, 1)
    assert waits


def test_a_lost_master_is_found_again(first: FirstGeneration) -> None:
    first.master()
    first.node("node001", 1)
    until(lambda: first.run("mgpu_queue").status == 0, first.told, 20)
    body = f"while [ ! -e {first.user.home}/go ]; do sleep 0.05; done; echo over"
    job = first.run("mgpu_client", "submit", "--gpus", "1", body).ok().out.split()[-1]
    until(lambda: "RUNNING" in first.run("mgpu_queue").out, first.told, 20)
    first.started["master"].kill()
    first.started["master"].wait()
    first.master()
    until(lambda: "RUNNING" in first.run("mgpu_queue").out, first.told, 20)
    (first.user.home / "go").touch()
    first.wait_output(f"slurm-{job}.out", "over\n")
    until(lambda: not first.run("mgpu_queue").lines[1:], first.told, 20)


@pytest.mark.parametrize("program", ["mgpu_master", "mgpu_node", "mgpu_client", "mgpu_queue", "mgpu_cancel"])
def test_help(program: str) -> None:
    done = finish(popen([str(BIN / program), "--help"], clean_environment(), "/"))
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("Usage: ")


def test_a_queue_without_a_master(tmp_path: Path) -> None:
    environ = clean_environment(MGPU_MASTER=f"127.0.0.1:{free_ports(1)[0]}")
    done = finish(popen([str(BIN / "mgpu_queue")], environ, tmp_path), 60)
    assert done.status == 1
    assert "Unable to contact slurm controller" in done.err
