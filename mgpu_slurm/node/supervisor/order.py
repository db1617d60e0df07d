"""What a supervisor is told to do: plain data from the daemon, by way of the launcher."""

from __future__ import annotations

import os

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.base.sluid import sluid
from mgpu_slurm.facts import environ_shares
from mgpu_slurm.facts.environ_devices import ALL_VARIABLES, Devices
from mgpu_slurm.facts.environ_job import compat_of
from mgpu_slurm.node.supervisor import binding
from mgpu_slurm.node.supervisor.fence import Fence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BATCH = "batch"
TASKS = "tasks"


class Order:
    """A launch order with its parts at hand. `raw` holds (absent = empty):

    kind, node, log_name ("slurmstepd"), directory, tag, uid, gid, plain_names, ordinals, variables, near, start,
    machine (rows of binding.cpus_of; absent: CPUs are not bound), task_prolog and task_epilog of the configuration,
    fence (what the step is kept to, supervisor/fence.py; absent: nothing); sampling (seconds between two looks at the
    tasks' use; absent: never, 0: at their end), memory (how it is counted);
    batch: facts, script (its path), argv, environment, deadline, kill_wait; tasks: spec, launch.
    """

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.sampling: int | None = raw.get("sampling")
        self.memory: str = raw.get("memory") or "rss"
        self.kind: str = raw["kind"]
        self.node: str = raw["node"]
        self.log_name: str = raw.get("log_name") or "slurmstepd"
        self.directory: str = raw["directory"]
        self.tag: str = raw["tag"]
        self.uid: int = raw["uid"]
        self.gid: int = raw["gid"]
        self.plain_names: str = raw.get("plain_names") or ""
        ordinals = {int(index): str(name) for index, name in (raw.get("ordinals") or {}).items()}
        near = {int(index): list(cpus) for index, cpus in (raw.get("near") or {}).items()}
        self.fence = Fence(raw["fence"]) if raw.get("fence") else None
        hidden = self.fence is not None and bool(self.fence.devices)
        self.devices = Devices(ordinals, raw.get("variables") or ALL_VARIABLES, near, hidden, raw.get("gpus") or 0)
        self.machine = binding.cpus_of(raw.get("machine") or ())
        self.spec: dict[str, Any] = raw.get("spec") or {}
        self.launch: dict[str, Any] = raw.get("launch") or {}
        self.facts: dict[str, Any] = self.spec["job"] if self.kind == TASKS else raw["facts"]
        self.compat = compat_of(self.facts)
        self.job_id: int = self.facts["job_id"]
        self.attempt: int = self.facts.get("attempt", 1)
        self.request: dict[str, Any] = self.facts.get("request") or {}
        if self.kind == BATCH:
            self.step_id = "batch"
            self.deadline: float = raw.get("deadline") or 0.0
            self.kill_wait: int = raw.get("kill_wait", 30)
            self.ranks = [0]
            self.node_index = 0
            self.work_dir: str = self.request.get("work_dir") or "/"
            self.umask: int = self.request.get("umask", 0o022)
            self.rlimits: dict[str, int] = self.request.get("rlimits") or {}
            self.environment: dict[str, str] = raw.get("environment") or {}
            self.argv: list[str] = [raw["script"], *(raw.get("argv") or [])[1:]]
            self.open_mode: str = self.request.get("open_mode") or "t"
        else:
            self.step_id = str(self.spec["step_id"])
            self.deadline = self.spec.get("time_limit_end") or 0.0
            self.kill_wait = self.spec.get("kill_wait", 30)
            parts = self.spec["layout"]["nodes"]
            self.node_index = next(index for index, part in enumerate(parts) if part["node"] == self.node)
            self.ranks = list(parts[self.node_index].get("tasks") or ())
            self.work_dir = self.launch.get("work_dir") or "/"
            self.umask = self.launch.get("umask", 0o022)
            self.rlimits = self.launch.get("rlimits") or {}
            self.environment = self.launch.get("environment") or {}
            self.argv = list(self.launch.get("argv") or ())
            self.open_mode = self.launch.get("open_mode") or "t"

    @property
    def share(self) -> Mapping[str, Any]:
        """What the step has of this node."""
        if self.kind == BATCH:
            return environ_shares.of_node(environ_shares.shares(self.facts), self.node)
        return self.spec["layout"]["nodes"][self.node_index].get("share") or {}

    @property
    def world(self) -> list[tuple[str, list[int]]]:
        """The nodes of the step, of all its parts where there are several, with the ranks on each."""
        whole = self.spec.get("whole")
        if whole:
            return list(zip(whole["nodes"], whole["ranks"], strict=True))
        return [(part["node"], list(part.get("tasks") or ())) for part in self.spec["layout"]["nodes"]]

    @property
    def place(self) -> int:
        """The index of this node in `world`."""
        return int((self.spec.get("whole") or {}).get("before") or 0) + self.node_index

    @property
    def program(self) -> str:
        """A name that all parts of the step have in common."""
        return f"{self.facts.get('het_job_id') or self.job_id}.{self.step_id.partition('+')[0]}"

    @property
    def tasks_before(self) -> int:
        """Tasks of the parts of the step before this one."""
        before = int((self.spec.get("whole") or {}).get("before") or 0)
        return sum(len(ranks) for _, ranks in self.world[:before])

    @property
    def title(self) -> str:
        """As banners name it."""
        return f"JOB {self.job_id}" if self.kind == BATCH else f"STEP {self.job_id}.{self.step_id}"

    def pattern_values(self, rank: int) -> dict[str, int | str]:
        """Values of the letters in output file names, for one task."""
        unset = 0xFFFFFFFE  # what Slurm shows for the index of a job that is no array
        batch = self.kind == BATCH
        task_id = self.facts.get("array_task_id")
        step_name = "" if batch else (self.spec.get("request") or {}).get("name")
        values: dict[str, int | str] = {
            "A": self.facts.get("array_job_id") or self.job_id,
            "a": unset if task_id is None else task_id,
            "J": str(self.job_id) if batch else f"{self.job_id}.{self.step_id}",
            "j": self.job_id,
            "N": os.uname().nodename.partition(".")[0],  # the host, not the node: one host may have several
            "n": self.node_index,
            "s": int(self.step_id.partition("+")[0]) if is_numbered(self.step_id) else self.step_id,
            "t": rank,
            "u": str(self.facts.get("user_name") or ""),
            "x": str(step_name or self.facts.get("name") or ""),
        }
        if self.compat >= (24, 11):
            values["b"] = values["a"] % 10 if isinstance(values["a"], int) else 0
        if self.compat >= (25, 11):
            values["r"] = restarts = int(self.facts.get("restart_count") or 0)
            values["S"] = sluid(self.facts.get("submit_time") or 0, self.job_id, restarts)
        return values
