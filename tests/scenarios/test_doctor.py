"""mgpu_doctor on real clusters: well, with a node lost, with the controller down, with a wrong file, and without any."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.kit.cluster import Cluster, Suite
from tests.kit.commands import boot_line
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
    assert "controller" not in found
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
