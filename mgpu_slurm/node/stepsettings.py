"""What the configuration says about every step of a node, apart from what its request says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mgpu_slurm.intake import sampling
from mgpu_slurm.intake.conf import Config
from mgpu_slurm.node import constraints
from mgpu_slurm.node.constraints import Constraints
from mgpu_slurm.node.supervisor.usage import PSS, RSS, UNSHARED

DEFAULT = 30
"""Seconds between two looks, where the cluster's configuration does not say."""


class StepSettings(msgspec.Struct, kw_only=True, frozen=True):
    """`bind_cpus`: tasks are bound to the CPUs that the step holds; `constraints`: what it cannot go beyond. `sampling`: seconds
    between two looks at what tasks use, 0 for their end alone, None for never; `memory`: how theirs is counted (usage.RSS, ...);
    `gpus`: whether GPUs are looked at as well."""

    task_prolog: str = ""
    task_epilog: str = ""
    bind_cpus: bool = False
    constraints: Constraints = Constraints()
    sampling: int | None = DEFAULT
    memory: str = RSS
    gpus: bool = True

    def as_order(self) -> dict[str, Any]:
        """The part of a launch order that comes from here; CPUs are the daemon's to add."""
        return {"task_prolog": self.task_prolog, "task_epilog": self.task_epilog}

    def sampling_of(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """The part that --acctg-freq of the step or of its job may change."""
        if self.sampling is None:
            return {}
        spec = order.get("spec") or {}
        facts = spec.get("job") or order.get("facts") or {}
        for asker in (spec, facts):
            other = (asker.get("request") or {}).get("other") or {}
            seconds = sampling.of_tasks(str(other.get("acctg-freq") or ""))
            if seconds is not None and seconds >= 0:
                return {"sampling": seconds, "memory": self.memory}
        return {"sampling": self.sampling, "memory": self.memory}


def of(config: Config) -> StepSettings:
    """TaskPlugin=affinity or cgroup binds CPUs; with cgroup holds what cgroup.conf says."""
    gather = {word.strip() for word in str(config.get("JobAcctGatherParams") or "").lower().split(",")}
    told = sampling.of_cluster(config)
    seconds = DEFAULT if told == sampling.NOT_SET else told
    plugins = {word.strip().removeprefix("task/") for word in str(config.get("TaskPlugin") or "").lower().split(",")}
    return StepSettings(
        task_prolog=str(config.get("TaskProlog") or ""),
        task_epilog=str(config.get("TaskEpilog") or ""),
        bind_cpus=bool(plugins & {"affinity", "cgroup"}),
        constraints=constraints.of(config.cgroup) if "cgroup" in plugins else Constraints(),
        sampling=None if str(config.get("JobAcctGatherType") or "").endswith("none") else seconds,
        memory=PSS if "usepss" in gather else UNSHARED if "noshared" in gather else RSS,
        gpus="disablegpuacct" not in gather,
    )
