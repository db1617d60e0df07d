"""mgpu_doctor on real clusters: well, with a node lost, with the controller down, with a wrong file, and without any."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from mgpu_slurm import __version__
from tests.deploy.conftest import newer_tree
from tests.kit.cluster import Cluster, Suite, free_ports
from tests.kit.commands import ROOT, boot_line
from tests.kit.embedded import Embedded
from tests.kit.users import User

pytestmark = pytest.mark.ours


def verdicts(suite: Suite, *more: str, **options: object) -> dict[str, tuple[str, str]]:
    """Check -> verdict and text."""
    done = suite.run("doctor", "--json", *more, timeout=60, **options)
    assert done.err == "", done
    checks = json.loads(done.out)["checks"]
    found = {check["name"]: (check["verdict"], check["text"]) for check in checks}
    assert done.status == (1 if any(level == "FAIL" for level, _ in found.values()) else 0)
    return found


def test_a_cluster_that_is_well(cluster: Suite) -> None:
    found = verdicts(cluster)
    known = {"gpus", "devices", "disk", "path", "programs", "cgroups"}  # depend on the machine that runs this
    assert {name: level for name, (level, _) in found.items() if level != "PASS" and name not in known} == {}
    assert set(found) >= {"controller", "nodes", "versions", "key", "ports", "clocks", "names", "users", "directories"}
    assert found["nodes"][1].startswith("4,")
    assert found["ports"][1].startswith("5 of")
    assert "offer 16" in found["gpus"][1] or found["gpus"][0] != "PASS"


def test_another_user_may_ask(cluster: Suite, alice: User) -> None:
    found = verdicts(cluster, user=alice)
    assert found["users"][0] == "PASS"
    assert found["directories"][0] == "PASS"
    assert found["key"][0] == "PASS"


def test_what_fails_is_said_with_its_mend() -> None:
    with Cluster.up(2, 0) as cluster:
        cluster.stop("n1")
        cluster.until(lambda: "n1" in verdicts(cluster)["nodes"][1], "the lost node is noticed")
        assert verdicts(cluster)["nodes"][0] == "WARN"
        key = cluster.directory / "mgpu.key"
        key.chmod(0o644)
        assert verdicts(cluster)["key"] == ("FAIL", f"{key} is open to others (mode 0644)")
        key.chmod(0o600)
        cluster.kill9("controller")
        found = verdicts(cluster)
        assert found["controller"][0] == "FAIL"
        assert "Connection refused" in found["controller"][1]
        assert found["ports"][0] == "FAIL"
        assert found["sockets"][0] == "WARN"
        assert "controller.sock" in found["sockets"][1]
        assert not {"clocks", "users", "nodes", "versions"} & set(found)
        done = cluster.run("doctor", "-q")
        assert done.status == 1
        assert f"mgpu_master -f {cluster.conf}" in " ".join(done.out.split())
        cluster.restart("controller")
        cluster.restart("n1")


STRANGE = """
mount --make-rprivate /
cp -a /etc "$2/etc" && sed -i "s/^$1:x:[0-9]*/$1:x:54321/" "$2/etc/passwd" && mount --bind "$2/etc" /etc
mount -t tmpfs none ~root
mkdir -p "$2/spool/n1" && mount -t tmpfs -o size=200m none "$2/spool/n1"
mount -t tmpfs none /sys/fs/cgroup
shift 2
exec "$@"
"""


def test_machines_that_differ(alice: User, tmp_path: Path) -> None:
    """One has other users, another home, little room, no cgroups and a later version; one has another key."""
    if subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, check=False).returncode:
        pytest.skip("may not mount here")
    tree = newer_tree(tmp_path)
    cluster = Cluster(3, 0)
    try:
        cluster.launch("controller")
        cluster.launch("n0")
        line = boot_line("mgpu_node", "-f", str(cluster.conf), "-N", "n1")
        line = [word.replace(str(ROOT / "mgpu_slurm"), str(tree / "mgpu_slurm")) for word in line]
        line[0] = str(tree / ".venv/bin/python")
        cluster.launch_words("n1", ["unshare", "-m", "sh", "-ec", STRANGE, "sh", alice.name, str(cluster.directory), *line])
        other = written(cluster, "other", f"MgpuKeyFile={cluster.directory}/other.key")
        (cluster.directory / "other.key").write_text("0123456789abcdef" * 4 + "\n")
        (cluster.directory / "other.key").chmod(0o600)
        cluster.launch_words("n2", boot_line("mgpu_node", "-f", str(other), "-N", "n2"))
        cluster.wait_nodes("idle", 2)
        found = verdicts(cluster, "--users", alice.name)
        assert found["users"] == ("FAIL", f"on n1 {alice.name} is 54321 and not {alice.uid}")
        assert found["directories"] == ("WARN", "your home directory is another one on n1")
        assert found["disk"][0] == "WARN"
        assert re.fullmatch(rf"little is free: n1:{cluster.directory}/spool/n1 \((19\d|200) MiB\)", found["disk"][1])
        assert found["versions"] == ("WARN", f"{__version__}: the commands, the controller, n0; 99.0: n1")
        assert found["cgroups"][0] == "WARN"
        assert "n1: there is no cgroup hierarchy" in found["cgroups"][1]
        assert found["nodes"] == ("WARN", "no word from n2")
        unasked = verdicts(cluster)["users"]
        assert unasked[0] == "FAIL", "root is told of all users of this machine"
        assert alice.name in unasked[1]
    finally:
        cluster.down(strict=False)


def written(cluster: Cluster, name: str, *lines: str) -> Path:
    """A copy of the cluster's configuration with other lines for the keys of `lines`, or one node more."""
    keys = tuple(f"{line.partition('=')[0]}=" for line in lines if not line.startswith("NodeName="))
    kept = [line for line in cluster.conf.read_text().splitlines() if not line.startswith(keys)]
    file = cluster.directory / f"{name}.conf"
    file.write_text("\n".join([*kept, *lines]) + "\n")
    return file


def test_each_thing_that_is_broken_here_is_found(cluster: Suite, alice: User) -> None:
    """On one cluster that is well, seen through configurations and files that are not."""
    assert isinstance(cluster, Cluster)
    place = cluster.directory / "work" / "doctor"
    place.mkdir()

    def seen(name: str, *lines: str) -> tuple[str, str]:
        return verdicts(cluster, env={"MGPU_CONF": str(written(cluster, "broken", *lines))})[name]

    key = place / "key"
    assert seen("key", f"MgpuKeyFile={key}") == ("FAIL", f"{key} is missing")
    key.symlink_to(cluster.directory / "mgpu.key")
    assert seen("key", f"MgpuKeyFile={key}") == ("FAIL", f"{key} is not a regular file")
    key.unlink()
    key.write_text("short")
    key.chmod(0o600)
    assert seen("key", f"MgpuKeyFile={key}") == ("FAIL", f"{key} holds 5 bytes, too few for a key")
    os.chown(key, alice.uid, 0)
    assert seen("key", f"MgpuKeyFile={key}") == ("FAIL", f"{key} belongs to user {alice.uid}")

    state = place / "state"
    state.mkdir(0o755)
    assert seen("permissions", f"StateSaveLocation={state}") == ("WARN", f"others may look into {state}")
    state.chmod(0o777)
    assert seen("permissions", f"StateSaveLocation={state}") == ("FAIL", f"everybody may write to {state} (mode 0777)")
    os.chown(state, alice.uid, 0)
    assert seen("permissions", f"StateSaveLocation={state}") == ("FAIL", f"belongs to somebody else: {state} (user {alice.uid})")
    file = written(cluster, "broken")
    file.chmod(0o666)
    assert "everybody may write to" in verdicts(cluster, env={"MGPU_CONF": str(file)})["permissions"][1]
    file.unlink()

    for options, text in (("size=50m", "(50 MiB)"), ("size=9g,nr_inodes=50", "(nothing: "), ("size=9g,ro", "(nothing: ")):
        if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", state], capture_output=True, check=False).returncode:
            break  # may not mount here
        try:
            level, told = seen("disk", f"StateSaveLocation={state}")
        finally:
            subprocess.run(["umount", state], check=True)
        assert level == "FAIL"
        assert f"{state} {text}" in told

    lost = "NodeName=lost NodeAddr=no-such-host.invalid CPUs=1"
    level, told = seen("names", lost)
    assert level == "FAIL"
    for who in ("this machine", "the controller's machine", "n0"):
        assert f"{who} knows no address for no-such-host.invalid" in told
    assert seen("configuration", "StateSaveLocation=state")[0] == "FAIL"
    assert seen("configuration", "NodeNmae=x")[0] == "WARN"
    (closed,) = free_ports(1)
    assert f"127.0.0.1:{closed} (Connection refused)" in seen("ports", f"SlurmctldPort={closed}")[1]
    stranger = seen("controller", f"MgpuRunDir={place}/run")
    assert stranger[0] == "FAIL"
    assert stranger[1].startswith("answers, but does not know this machine: Protocol authentication error")


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
def test_a_clock_that_is_ahead() -> None:
    cluster = Cluster(2, 0)
    try:
        cluster.launch("controller")
        cluster.launch("n0")
        cluster.launch_words("n1", ["faketime", "-f", "+10s", *boot_line("mgpu_node", "-f", str(cluster.conf), "-N", "n1")])
        cluster.wait_nodes("idle", 2)
        level, text = verdicts(cluster)["clocks"]
        assert level == "WARN"
        found = re.fullmatch(r"n1 is (\d+\.\d) s ahead of the controller", text)
        assert found is not None, text
        assert 8 < float(found[1]) < 12
    finally:
        cluster.down(strict=False)


def test_a_wrong_configuration(cluster: Suite, tmp_path: Path) -> None:
    wrong = tmp_path / "mgpu.conf"
    wrong.write_text("SlurmctldHost=here\nKillWait=soon\n")
    found = verdicts(cluster, env={"MGPU_CONF": str(wrong)})
    assert found["configuration"][0] == "FAIL"
    assert f"{wrong}:2:" in found["configuration"][1]
    assert not {"controller", "names", "sockets", "key", "ports"} & set(found), "what is not known is not called well"
    missing = verdicts(cluster, env={"MGPU_CONF": str(tmp_path / "none.conf")})
    assert "No such file" in missing["configuration"][1]


def test_without_a_configuration(embedded: Embedded) -> None:
    before = verdicts(embedded)
    assert before["controller"] == ("PASS", "not running; the next command that needs it starts it")
    assert not embedded.processes(), "the doctor starts nothing"
    embedded.run("srun", "true").ok()
    after = verdicts(embedded)
    assert after["controller"][0] == "PASS"
    assert after["nodes"][1].startswith("1,")
    assert {after[name][0] for name in ("clocks", "users", "directories", "versions")} == {"PASS"}


def test_nvml_that_does_not_load_is_told(cluster: Suite, tmp_path: Path) -> None:
    broken = tmp_path / "libnvidia-ml.so.1"
    broken.write_bytes(b"no library at all")
    level, text = verdicts(cluster, env={"MGPU_NVML_LIBRARY": str(broken)})["gpus"]
    assert level in ("WARN", "FAIL")
    assert text.startswith("NVML: ")
    assert "libnvidia-ml.so.1" in text


def test_options(cluster: Suite) -> None:
    assert cluster.run("doctor", "--help").ok().out.startswith("Usage: mgpu_doctor")
    assert cluster.run("doctor", "--usage").ok().lines[0].startswith("Usage: ")
    assert cluster.run("doctor", "-V").ok().out.startswith("mgpu_slurm ")
    assert cluster.run("doctor", "all").status == 1
    assert verdicts(cluster, "--users", "daemon,root")["users"][1].startswith(("2 ", "3 "))
