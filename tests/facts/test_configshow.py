"""`scontrol show config`, compared with what Slurm 22.05.8 printed for the same file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mgpu_slurm.facts import configshow
from mgpu_slurm.facts.confkeys import BY_NAME, KEYS, default, reloadable
from mgpu_slurm.facts.conflines import GRES_KEYS, NODE_KEYS, PARTITION_KEYS
from mgpu_slurm.intake import conf, conf_values

DATA = Path(__file__).parent.parent / "data"
# What a file does not say and where this suite is another program.
OWN = {
    "BOOT_TIME", "CredType", "JobAcctGatherType", "JobCompLoc", "PluginDir", "SlurmdPidFile", "SlurmdSpoolDir",
    "SLURM_CONF",
}  # fmt: skip


def _facts(config: conf.Config) -> configshow.Facts:
    return configshow.Facts(
        now=0, boot_time=0, next_job_id=1, node_count=len(config.nodes), conf_path=config.path, version="22.05.8",
        controllers=config.controllers, multiple=True,
    )  # fmt: skip


def test_listing_is_slurms() -> None:
    real = (DATA / "showconfig-22.05.txt").read_text()
    config = conf.load(str(DATA / "showconfig-22.05.conf"))
    ours = configshow.text(config.get, _facts(config), [True], {})
    label = re.compile(r"\S*")

    def rows(text: str) -> list[str]:
        made = []
        for line in text.splitlines()[1:]:
            name = label.match(line)
            assert name is not None
            made.append(name[0] if name[0] in OWN else line)
        return made

    assert rows(ours) == rows(real)


@pytest.mark.parametrize(
    ("lines", "row"),
    [
        ("DefMemPerCPU=100", ("DefMemPerCPU", "100")),
        ("DefMemPerNode=100", ("DefMemPerNode", "100")),
        ("KillWait=1", ("DefMemPerNode", "UNLIMITED")),
        ("MaxMemPerNode=UNLIMITED", ("MaxMemPerNode", "UNLIMITED")),
        ("DefMemPerGPU=50", ("JobDefaults", "DefMemPerGPU=50")),
        ("SlurmctldHost=bk(127.0.0.2)", ("SlurmctldHost[1]", "bk(127.0.0.2)")),
        ("EnforcePartLimits=yes", ("EnforcePartLimits", "ALL")),
        ("SuspendTime=-1", ("SuspendTime", "INFINITE")),
        ("OverTimeLimit=UNLIMITED", ("OverTimeLimit", "UNLIMITED")),
        ("AccountingStorageTRES=gres/gpu", (
            "AccountingStorageTRES", "cpu,mem,energy,node,billing,fs/disk,vmem,pages,gres/gpu")),
        ("KillWait=2", ("SelectTypeParameters", "NONE")),
        ("SlurmUser=nobody", ("SlurmUser", "nobody(0)")),
        ("TaskPluginParam=Verbose,Threads", ("TaskPluginParam", "verbose,threads")),
    ],
)  # fmt: skip
def test_rows(tmp_path: Path, lines: str, row: tuple[str, str]) -> None:
    path = tmp_path / "mgpu.conf"
    path.write_text(f"SlurmctldHost=vm(127.0.0.1)\n{lines}\n")
    config = conf.load(str(path))
    assert row in configshow.rows(config.get, _facts(config))


def test_controller_lines() -> None:
    assert configshow.controller_line(0, 1, "vm", True) == "Slurmctld(primary) at vm is UP"
    assert configshow.controller_line(1, 2, "bk", False) == "Slurmctld(backup) at bk is DOWN"


def test_every_row_of_the_key_table_can_be_read() -> None:
    for key, kind, _, _, choices in KEYS:
        sample = {"version": "22.05", "level": "info", "share": "NO", "range": "1-2"}.get(kind, "1")
        if kind in ("enum", "flags"):
            sample = choices[-1]
        conf_values.read(key, kind, choices, sample)


def test_defaults_and_names() -> None:
    assert len(BY_NAME) == len(KEYS)
    assert default("minjobage") == 300
    assert default("nosuchkey") is None
    assert "KillWait" in reloadable()
    assert "ClusterName" not in reloadable()
    for table in (NODE_KEYS, PARTITION_KEYS, GRES_KEYS):
        assert len({row[0].lower() for row in table}) == len(table)
