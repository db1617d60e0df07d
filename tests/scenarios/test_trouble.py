"""What goes wrong around a cluster: nobody answers, the disk is full, the configuration is wrong."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster, free_ports, readable
from tests.kit.commands import BIN, Done, boot_line, clean_environment, finish, popen

pytestmark = pytest.mark.ours

CONF = """ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
StateSaveLocation={place}/state
MgpuRunDir={place}/run
MgpuKeyFile={place}/key
MessageTimeout=2
MgpuCompat=22.05
NodeName=n0 CPUs=2
PartitionName=main Nodes=n0 Default=YES
"""


DOWN = "Unable to contact slurm controller (connect failure)"


def conf_at(place: Path, text: str = CONF) -> Path:
    conf = place / "mgpu.conf"
    conf.write_text(text.format(place=place, port=free_ports(1)[0]))
    return conf


NOBODY = (
    (["squeue"], f"slurm_load_jobs error: {DOWN}\n"),
    (["sbatch", "--wrap", "true"], f"sbatch: error: Batch job submission failed: {DOWN}\n"),
    (["srun", "true"], f"srun: error: Unable to allocate resources: {DOWN}\n"),
    (["sinfo"], f"slurm_load_partitions: {DOWN}\n"),
    (["scontrol", "show", "job", "1"], f"slurm_load_jobs error: {DOWN}\n"),
)


def test_nobody_answers(tmp_path: Path) -> None:
    """Commands try for a while, so all do it at the same time here."""
    environ = clean_environment(MGPU_CONF=str(conf_at(tmp_path)))
    ping = popen([str(BIN / "mgpu_scontrol"), "ping"], environ, tmp_path)
    started = [popen([str(BIN / f"mgpu_{words[0]}"), *words[1:]], environ, tmp_path) for words, _ in NOBODY]
    for process, (_, text) in zip(started, NOBODY, strict=True):
        done = finish(process, 90)
        assert (done.status, done.err) == (1, text)
    done = finish(ping, 90)
    assert (done.status, done.lines[0]) == (1, "Slurmctld(primary) at localhost is DOWN")


def test_a_configuration_that_is_not_there(tmp_path: Path) -> None:
    environ = clean_environment(MGPU_CONF=str(tmp_path / "none.conf"))
    done = finish(popen([str(BIN / "mgpu_squeue")], environ, tmp_path))
    assert done.status == 1
    assert str(tmp_path / "none.conf") in done.err
    assert "Traceback" not in done.err


def daemon(program: str, *words: str) -> Done:
    return finish(popen(boot_line(program, *words), clean_environment(), "/"))


@pytest.mark.parametrize("program", ["mgpu_master", "mgpu_node"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("SlurmctldTimeout=soon", "SlurmctldTimeout"),
        ("NodeName=n[1-2 CPUs=1", "n[1-2"),
        ("PartitionName=p Nodes=nosuch", "nosuch"),
        ("KillWait=-5", "KillWait"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, program: str, line: str, said: str) -> None:
    conf = conf_at(tmp_path, CONF + line + "\n")
    done = daemon(program, "-f", str(conf), *(["-N", "n0"] if program == "mgpu_node" else []))
    assert done.status == 1
    assert f"{conf}" in done.err
    assert re.search(r"line 11\b|:11\b", done.err), done
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_node_that_is_not_listed(tmp_path: Path) -> None:
    done = daemon("mgpu_node", "-f", str(conf_at(tmp_path)), "-N", "n9")
    assert done.status == 1
    assert "n9" in done.err
    assert "Traceback" not in done.err


def test_two_controllers_on_one_state(tmp_path: Path) -> None:
    with Cluster.up(1, 0) as cluster:
        done = daemon("mgpu_master", "-f", str(cluster.conf))
        assert done.status == 1
        assert "another controller uses" in done.err
        assert cluster.submit("--wait", "--wrap", "true")


def test_a_damaged_store_is_never_replaced() -> None:
    with Cluster.up(1, 0) as cluster:
        cluster.submit("-H", "--wrap", "true")
        cluster.stop("controller")
        database = cluster.state_directory / "state.db"
        damaged = bytearray(database.read_bytes())
        damaged[0:64] = b"\0" * 64
        database.write_bytes(damaged)
        done = daemon("mgpu_master", "-f", str(cluster.conf))
        assert done.status == 1
        assert "state.db" in done.err
        assert done.err.count("\n") <= 4
        assert database.read_bytes() == bytes(damaged)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 4 MiB; needs root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    place = Path(tempfile.mkdtemp(prefix="mgpu-disk-"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False)
    if done.returncode:
        place.rmdir()
        pytest.skip(f"cannot mount: {done.stderr.decode()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)
        place.rmdir()


def test_full_disk(small_disk: Path) -> None:
    with Cluster.up(1, 0, state=small_disk / "state", settings="MessageTimeout=2") as cluster:
        place = cluster.directory / "work"
        kept = cluster.submit("--wrap", f"touch {place}/up; while [ ! -e {place}/go ]; do sleep 0.05; done; touch {place}/over")
        cluster.until((place / "up").exists, "it runs")
        with open(small_disk / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        refused, accepted = None, []
        for _ in range(40):  # what the store has already reserved may take a few more
            done = cluster.run("sbatch", "--parsable", "-H", "-o", "/dev/null", "--wrap", f"echo {'x' * 20000}", timeout=60)
            if done.status:
                refused = done
                break
            accepted.append(int(done.out))
        assert refused is not None
        assert refused.out == ""
        assert refused.err.startswith("sbatch: error: Batch job submission failed: "), refused
        assert cluster.run("squeue").status == 0
        (place / "go").touch()
        cluster.until((place / "over").exists, "what ran goes on")
        (small_disk / "filler").unlink()
        cluster.until(lambda: cluster.run("sbatch", "--wait", "-o", "/dev/null", "--wrap", "true").status == 0, "room again", 30)
        cluster.wait_state(kept, "COMPLETED")
        waiting = sorted(map(int, cluster.ask("squeue", "-h", "-o", "%i").split()))
        assert waiting == accepted, "what was refused is there all the same"


def test_sighup_and_reconfigure_take_changes_over() -> None:
    with Cluster.up(1, 0) as cluster:
        text = cluster.conf.read_text().replace("MaxTime=01:00:00", "MaxTime=02:00:00")
        cluster.conf.write_text(text)
        cluster.run("scontrol", "reconfigure").ok()
        cluster.until(lambda: "2:00:00" in cluster.ask("sinfo", "-h", "-p", "debug", "-o", "%l"), "the limit is changed")
        cluster.conf.write_text(text.replace("MaxTime=02:00:00", "MaxTime=03:00:00"))
        cluster.send("controller", signal.SIGHUP)
        cluster.until(lambda: "3:00:00" in cluster.ask("sinfo", "-h", "-p", "debug", "-o", "%l"), "the limit is changed")
        cluster.conf.write_text(text.replace("MaxTime=02:00:00", "MaxTime=soon"))
        done = cluster.run("scontrol", "reconfigure")
        assert done.status == 1
        assert "MaxTime" in done.err
        assert str(cluster.conf) in done.err
        assert cluster.responds()


def test_shutdown_stops_the_controller_and_keeps_jobs() -> None:
    with Cluster.up(1, 0) as cluster:
        job = cluster.submit("-H", "--wrap", "true")
        cluster.run("scontrol", "shutdown").ok()
        assert cluster.daemons["controller"].wait(15) == 0
        for name in ("controller", "n0"):
            if cluster.daemons[name].poll() is not None:
                cluster.restart(name)
        cluster.wait_nodes("idle", 1)
        cluster.run("scontrol", "release", str(job)).ok()
        cluster.wait_state(job, "COMPLETED")


def test_daemons_leave_on_sigterm_without_a_word_too_many() -> None:
    with Cluster.up(1, 0) as cluster:
        assert cluster.stop("n0") == 0
        assert cluster.stop("controller") == 0
        assert "Traceback" not in readable(cluster.directory / "log" / "controller.log")
