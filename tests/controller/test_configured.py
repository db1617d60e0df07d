"""From a configuration file to settings, nodes and partitions, and what a restart keeps of an administrator's changes."""

from __future__ import annotations

from pathlib import Path

from mgpu_slurm.controller.core import Core
from mgpu_slurm.controller.state import State
from mgpu_slurm.intake import conf
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition

TEXT = """
ClusterName=test
SlurmctldHost=here(127.0.0.1)
SlurmUser=0
GresTypes=gpu
MaxArraySize=100
KillWait=5
SlurmdTimeout=77
ReturnToService=2
SlurmdParameters=config_overrides
MgpuCompat=22.05
NodeName=n[0-1] CPUs=8 CoresPerSocket=8 RealMemory=16000 Gres=gpu:a100:4 Feature=fast,new
NodeName=n2 CPUs=2 State=DRAIN Reason=old
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE
PartitionName=debug Nodes=n0 MaxTime=01:00:00 DefaultTime=5
"""


def test_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "mgpu.conf"
    path.write_text(TEXT)
    core = Core(conf.load(str(path)), State())
    stored = Node(name="n1", flags=["DRAIN"], reason="fan", state="DOWN", cpus=1)
    core.restore([], [stored, Node(name="x", dynamic=True)], [Partition(name="debug", state="DOWN", max_time=3)], 41, {}, 1000.0)
    state, settings = core.state, core.settings
    assert (settings.cluster_name, settings.compat, settings.kill_wait, settings.slurm_uid) == ("test", (22, 5), 5, 0)
    assert (settings.slurmd_timeout, settings.max_array_size, settings.config_overrides) == (77, 100, True)
    assert list(state.nodes) == ["n0", "n1", "n2", "x"]
    n0, n1, n2 = (state.nodes[name] for name in ("n0", "n1", "n2"))
    assert (n0.cpus, n0.real_memory, n0.gres_text, n0.features) == (8, 16000, "gpu:a100:4", ["fast", "new"])
    assert (n1.state, n1.flags[0], n1.reason, n1.cpus) == ("DOWN", "DRAIN", "fan", 8)
    assert ("DRAIN" in n2.flags, n2.reason) == (True, "old")
    assert (state.partitions["gpu"].nodes, state.partitions["gpu"].max_time) == (["n0", "n1", "n2", "x"], -1)
    debug = state.partitions["debug"]
    assert (debug.nodes, debug.max_time, debug.default_time, debug.state) == (["n0"], 60, 5, "DOWN")
    assert state.next_job_id == 41
    assert core.next_timer() == 1077.0
    path.write_text(TEXT.replace("NodeName=n2 CPUs=2 State=DRAIN Reason=old\n", "").replace("KillWait=5", "KillWait=6"))
    core.reconfigure(conf.load(str(path)), 1001.0)
    assert list(state.nodes) == ["n0", "n1", "x"]
    assert core.settings.kill_wait == 6
    state.check()
