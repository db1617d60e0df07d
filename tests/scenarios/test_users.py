"""Two users on one cluster: jobs run as whom they belong to, and nobody else can touch them."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster, Suite, readable
from tests.kit.users import User


@pytest.fixture
def running(cluster: Suite, here: Path, alice: User) -> Iterator[int]:
    """A job of alice's that runs."""
    body = f"touch {here}/up; while [ ! -e {here}/go ]; do sleep 0.05; done"
    job = cluster.submit("-n2", "--wrap", body, user=alice, cwd=here)
    cluster.until((here / "up").exists, "it runs")
    yield job
    (here / "go").touch()
    cluster.wait_state(job, "COMPLETED")


def test_a_job_is_its_submitter(cluster: Suite, here: Path, alice: User) -> None:
    body = 'id -u; id -g; id -G | tr " " "\\n" | sort -n | tr "\\n" " "; echo; echo $USER $HOME; umask'
    cluster.submit("--wait", "-o", "o", "--wrap", body, user=alice, cwd=here)
    groups = " ".join(map(str, sorted(alice.groups)))
    whole = [str(alice.uid), str(alice.gid), f"{groups} ", f"{alice.name} {alice.home}", "0022"]
    assert readable(here / "o").splitlines() == whole
    made = (here / "o").stat()
    assert (made.st_uid, made.st_gid) == (alice.uid, alice.gid)


def test_a_step_is_its_submitter(cluster: Suite, here: Path, alice: User) -> None:
    done = cluster.run("srun", "-N2", "-n2", "sh", "-c", "id -u; id -G", user=alice, cwd=here).ok()
    assert sorted(set(done.lines)) == sorted({str(alice.uid), " ".join(map(str, alice.groups))})


def test_no_capability_and_no_descriptor_is_left_over(cluster: Suite, here: Path, alice: User) -> None:
    body = "grep -E '^Cap(Eff|Prm|Inh|Amb)' /proc/self/status; ls /proc/self/fd"
    cluster.submit("--wait", "-o", "o", "--wrap", body, user=alice, cwd=here)
    lines = readable(here / "o").splitlines()
    assert [int(line.split()[1], 16) for line in lines[:4]] == [0, 0, 0, 0]
    assert lines[4:] == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


@pytest.mark.parametrize(
    "words",
    [
        ["scancel", "{job}"], ["scancel", "-s", "USR1", "{job}"], ["scontrol", "hold", "{job}"], ["scontrol", "requeue", "{job}"],
        ["scontrol", "update", "jobid={job}", "TimeLimit=1"], ["scontrol", "suspend", "{job}"],
        ["srun", "--jobid={job}", "--overlap", "id"],
    ],
)  # fmt: skip
def test_others_cannot_touch_it(cluster: Suite, running: int, bob: User, words: list[str]) -> None:
    done = cluster.run(words[0], *(word.format(job=running) for word in words[1:]), user=bob)
    assert done.status != 0, done
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "denied" in done.err or "permi" in done.err or "Invalid user" in done.err, done
    assert cluster.state(running) == "RUNNING"
    assert cluster.job(running)["TimeLimit"] == "UNLIMITED"


def test_others_cannot_read_its_script(cluster: Suite, running: int, here: Path, bob: User) -> None:
    done = cluster.run("scontrol", "write", "batch_script", str(running), f"{here}/copy", user=bob)
    assert done.err == "job script retrieval failed: Access/permission denied\n"
    assert not (here / "copy").exists()


def test_owner_and_root_can(cluster: Suite, alice: User) -> None:
    first, second = (cluster.submit("-H", "--wrap", "true", user=alice) for _ in range(2))
    cluster.run("scancel", str(first), user=alice).ok()
    cluster.run("scancel", str(second)).ok()
    assert [cluster.state(first), cluster.state(second)] == ["CANCELLED", "CANCELLED"]


def test_a_hold_of_root_is_not_released_by_the_owner(cluster: Suite, alice: User) -> None:
    job = cluster.submit("-H", "--wrap", "true", user=alice)
    cluster.run("scontrol", "release", str(job)).ok()
    job = cluster.submit("--begin=now+1hour", "--wrap", "true", user=alice)
    cluster.run("scontrol", "hold", str(job)).ok()
    assert cluster.reason(job) == "JobHeldAdmin"
    assert cluster.run("scontrol", "release", str(job), user=alice).status != 0
    cluster.run("scancel", str(job), user=alice).ok()


def test_users_see_all_and_change_nothing_of_the_cluster(cluster: Suite, running: int, bob: User) -> None:
    assert str(running) in cluster.run("squeue", "-h", "-o", "%i", user=bob).ok().lines
    drain, down = ["update", "NodeName=n0", "State=DRAIN", "Reason=x"], ["update", "PartitionName=gpu", "State=DOWN"]
    for words in (drain, down, ["shutdown"], ["reconfigure"]):
        done = cluster.run("scontrol", *words, user=bob)
        assert done.status != 0, done
    assert "DRAIN" not in cluster.node("n0")["State"]
    assert cluster.run("sinfo", user=bob).status == 0


def test_only_root_submits_for_others(cluster: Suite, here: Path, alice: User, bob: User) -> None:
    done = cluster.run("sbatch", f"--uid={alice.uid}", "--wrap", "id", user=bob)
    assert done.status != 0
    cluster.submit("--wait", f"--uid={alice.uid}", f"--gid={alice.gid}", "-o", "o", "--wrap", "id -u", cwd=here)
    assert readable(here / "o") == f"{alice.uid}\n"


@pytest.mark.ours
def test_secrets_lie_where_others_cannot_read(cluster: Suite, running: int, alice: User) -> None:
    assert isinstance(cluster, Cluster)
    for path in cluster.directory.rglob("*"):
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_uid != 0:
            continue
        text = path.read_bytes()
        secret = path.name == "mgpu.key" or path.name in ("spec.json", "slurm_script", "state.db") or b"SUPERSECRET" in text
        if secret:
            reachable = all(parent.stat().st_mode & 0o001 for parent in path.parents)
            assert not (status.st_mode & 0o004 and reachable), path


def test_output_into_anothers_directory_is_refused(cluster: Suite, alice: User, bob: User) -> None:
    alice.home.chmod(0o700)
    job = cluster.submit("-o", f"{alice.home}/o", "--wrap", "id", user=bob, cwd="/tmp")
    assert set(cluster.wait_ended(job).values()) == {"FAILED"}
    assert not (alice.home / "o").exists()


@pytest.mark.ours
def test_the_port_answers_no_stranger(cluster: Suite) -> None:
    """Every local user can connect to a loopback port; without a credential nothing is answered or done."""
    assert isinstance(cluster, Cluster)
    lines = [b"GET / HTTP/1.0\r\n\r\n", b'\0\0\0\x12{"kind":"ping"}   ', os.urandom(64), b"\xff\xff\xff\xff" + b"x" * 100]
    for text in lines:
        with socket.create_connection(("127.0.0.1", cluster.port), 5) as stranger:
            stranger.settimeout(10)
            stranger.sendall(text)
            stranger.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while block := stranger.recv(65536):
                    answer += block
            except ConnectionResetError:
                pass
            assert b"pong" not in answer
    assert cluster.responds()


@pytest.mark.ours
def test_over_tcp_the_credential_is_enough(cluster: Suite, here: Path, alice: User) -> None:
    """Where the controller's Unix socket is out of reach a node's signs for the port."""
    assert isinstance(cluster, Cluster)
    hidden = cluster.directory / "run" / "hidden.sock"
    real = cluster.directory / "run" / "controller.sock"
    real.rename(hidden)
    try:
        job = cluster.submit("--wait", "-o", "o", "--wrap", "id -u", user=alice, cwd=here)
    finally:
        hidden.rename(real)
    assert cluster.state(job) == "COMPLETED"
    assert readable(here / "o") == f"{alice.uid}\n"


def test_root_may_name_another_user(cluster: Suite, here: Path, alice: User) -> None:
    wanted = f"{alice.uid} {alice.gid}"
    show = ("sh", "-c", "echo $(id -u) $(id -g)")
    assert cluster.run("srun", f"--uid={alice.name}", *show, cwd=here).ok().out.strip() == wanted
    assert cluster.run("salloc", f"--uid={alice.name}", *show, cwd=here).ok().out.strip() == wanted
    job = cluster.submit(f"--uid={alice.uid}", "-o", "by-uid", "--wrap", "id -u", cwd=here)
    cluster.wait_state(job, "COMPLETED")
    assert readable(here / "by-uid") == f"{alice.uid}\n"
    assert cluster.run("srun", "--gid=daemon", "id", "-gn", cwd=here).ok().out == "daemon\n"


@pytest.mark.parametrize("option", ["--uid=root", "--gid=root", "--uid=nosuch"])
@pytest.mark.parametrize("program", ["srun", "sbatch", "salloc"])
def test_only_root_may_name_another_user(cluster: Suite, here: Path, alice: User, program: str, option: str) -> None:
    words = ["--wrap", "true"] if program == "sbatch" else ["true"]
    done = cluster.run(program, option, *words, user=alice, cwd=here)
    assert (done.status, done.err) == (255, f"{program}: error: {option.partition('=')[0]} only permitted by root user\n")
