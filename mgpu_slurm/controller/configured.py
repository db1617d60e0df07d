"""From a configuration (intake.conf) to the core's settings and its records of nodes and partitions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from mgpu_slurm.base import idset
from mgpu_slurm.controller import licenses, priorities
from mgpu_slurm.controller.settings import Programs, Settings
from mgpu_slurm.facts import trackable
from mgpu_slurm.facts.confkeys import prolog_flags
from mgpu_slurm.facts.queries.scontrol_keys import BINDINGS
from mgpu_slurm.intake import sampling
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.wire import programs

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.intake.conf_nodes import NodeDef, PartitionDef

_FIELDS = frozenset(field.name for field in msgspec.structs.fields(Partition))
# What an administrator may change while the cluster runs and a restart must keep, by record.
_KEPT_OF_NODE = (
    "flags", "reason", "reason_uid", "reason_time", "resume_at", "boot_id", "boot_time", "last_busy", "comment", "extra", "gpus",
    "hostname", "address", "port", "unix_socket", "version", "arch", "os", "last_contact",
)  # fmt: skip


def settings(config: Any) -> Settings:
    """The core's settings. `config` answers `get(key)` like intake.conf.Config."""
    enforce = str(config.get("EnforcePartLimits", "NO")).upper()
    return Settings(
        cluster_name=config.cluster_name,
        compat=config.compat,
        conf_path=config.path,
        slurm_uid=config.slurm_uid(),
        kill_wait=config.get("KillWait", 30),
        min_job_age=config.get("MinJobAge", 300),
        slurmd_timeout=config.get("SlurmdTimeout", 300) or 300,
        over_time_limit=config.get("OverTimeLimit", 0),
        resv_overrun=config.get("ResvOverRun", 0),
        max_job_count=config.get("MaxJobCount", 10000),
        max_array_size=config.get("MaxArraySize", 1001),
        first_job_id=max(1, config.get("FirstJobId", 1)),
        max_job_id=config.get("MaxJobId", 0x03FF0000),
        job_requeue=bool(config.get("JobRequeue", 1)),
        requeue_exit=frozenset(idset.parse(str(config.get("RequeueExit") or ""))),
        requeue_exit_hold=frozenset(idset.parse(str(config.get("RequeueExitHold") or ""))),
        kill_invalid_depend=any("kill_invalid_depend" in word for word in _words(config.get("DependencyParameters"))),
        enforce_part_limits=enforce not in ("NO", "FALSE"),
        config_overrides="config_overrides" in _words(config.get("SlurmdParameters")),
        return_to_service=config.get("ReturnToService", 0),
        fifo_priority=str(config.get("PriorityType")) == "priority/basic",
        weights=priorities.configured(config),
        priority_period=config.get("PriorityCalcPeriod", 300) or 300,
        gres_types=frozenset(_words(config.get("GresTypes"))) | {"gpu"},
        task_sampling=sampling.of_cluster(config),
        licenses=licenses.totals(_words(config.get("Licenses"))),
        contain="Contain" in prolog_flags(_words(config.get("PrologFlags"))),
        programs=_programs(config),
        resv_prolog=str(config.get("ResvProlog") or ""),
        resv_epilog=str(config.get("ResvEpilog") or ""),
        health_interval=config.get("HealthCheckInterval", 0) if config.get("HealthCheckProgram") else 0,
        health_states=frozenset(_words(config.get("HealthCheckNodeState"))),
        requeue_delay=0 if config.embedded_dir or not config.nodes else config.get("MgpuRequeueDelay"),
        backfill=str(config.get("SchedulerType")) != "sched/builtin",
        job_expansion=config.parameter("SchedulerParameters", "permit_job_expansion") is not None,
        embedded=bool(config.embedded_dir),
        without_file=not config.nodes,
    )


def _usable(config: Any, key: str) -> tuple[str, ...]:
    """The programs on this machine that can be run; the others are left out, as in Slurm."""
    return tuple(pattern for pattern in config.programs_of(key) if pattern not in unusable(config, key))


def unusable(config: Any, key: str) -> list[str]:
    """Those that cannot."""
    patterns = config.programs_of(key)
    return [pattern for pattern in patterns if not all(os.access(path, os.X_OK) for path in programs.found([pattern]))]


def _programs(config: Any) -> Programs:
    return Programs(
        prolog=_usable(config, "PrologSlurmctld"),
        epilog=_usable(config, "EpilogSlurmctld"),
        prolog_seconds=config.program_seconds("PrologTimeout"),
        epilog_seconds=config.program_seconds("EpilogTimeout"),
        on_nodes=bool(config.programs_of("Prolog")),
        at_end=bool(config.programs_of("Epilog")),
        flags=frozenset(prolog_flags(_words(config.get("PrologFlags")))),
        no_hold="nohold_on_prolog_fail" in _words(config.get("SchedulerParameters")),
    )


def kept(config: Any) -> frozenset[str]:
    """What AccountingStoreFlags= wants kept of scripts when their jobs are history: job_script, job_env."""
    return frozenset(word.lower() for word in _words(config.get("AccountingStoreFlags"))) & {"job_script", "job_env"}


def _words(value: Any) -> list[str]:
    if not value:
        return []
    return [word.strip() for word in (value.split(",") if isinstance(value, str) else value)]


def _binding(text: str) -> str:
    return BINDINGS.get(text.lower(), text)


def node(wanted: NodeDef) -> Node:
    """A node's record before it has registered."""
    state = wanted.state.upper()
    flags = []
    if state in ("DRAIN", "FAIL"):
        flags.append(state)
    base = state if state in ("DOWN", "FUTURE") else "UNKNOWN"
    return Node(
        name=wanted.name,
        hostname=wanted.hostname,
        address=wanted.addr or wanted.hostname,
        port=wanted.port,
        state=base,
        flags=flags,
        reason=wanted.reason,
        cpus=wanted.cpus or 1,
        boards=wanted.boards,
        sockets=wanted.sockets or 1,
        cores_per_socket=wanted.cores_per_socket,
        threads_per_core=wanted.threads_per_core,
        real_memory=wanted.real_memory,
        tmp_disk=wanted.tmp_disk,
        features=list(wanted.features),
        active_features=list(wanted.features),
        gres_text=wanted.gres,
        weight=wanted.weight,
        cpu_bind=_binding(wanted.cpu_bind),
        core_spec=wanted.core_spec,
        mem_spec=wanted.mem_spec,
    )


def partition(wanted: PartitionDef) -> Partition:
    values = {name: getattr(wanted, name) for name in _FIELDS if hasattr(wanted, name)}
    for name, value in values.items():
        if isinstance(value, tuple):
            values[name] = list(value)
    values["nodes"] = list(wanted.nodes)
    values["min_nodes"] = wanted.min_nodes
    values["cpu_bind"] = _binding(wanted.cpu_bind)
    values["preempt_mode"] = wanted.preempt_mode or "OFF"
    return Partition(**values)


def apply(
    ctx: Context, now: float, stored_nodes: dict[str, Node] | None = None, stored_partitions: dict[str, Partition] | None = None
) -> None:
    """Make the state's nodes and partitions those of the configuration, with what is known of them from before.

    A node with jobs that is no longer configured stays until they have ended, but gets no more work.
    """
    state = ctx.state
    before = stored_nodes if stored_nodes is not None else state.nodes
    nodes: dict[str, Node] = {}
    for wanted in ctx.config.nodes:
        made = node(wanted)
        old = before.get(made.name)
        if old is not None:
            for name in _KEPT_OF_NODE:
                setattr(made, name, getattr(old, name))
            if made.state == "UNKNOWN" and old.state in ("DOWN", "IDLE"):
                made.state = old.state
            made.responding = old.responding
        nodes[made.name] = made
    for name, old in before.items():
        if name in nodes:
            continue
        busy = name in state.use and bool(state.use[name].jobs)
        if old.dynamic:
            nodes[name] = old
        elif busy:
            old.state = "DOWN"
            old.reason = old.reason or "not in the configuration"
            nodes[name] = old
    state.nodes = nodes
    state.partitions = {}
    for line in ctx.config.partitions:
        made_partition = partition(line)
        stored = (stored_partitions or {}).get(made_partition.name)
        if stored is not None:
            # as Slurm's controller without -R: what an administrator set with scontrol holds for the state only
            made_partition.state = stored.state
        if made_partition.all_nodes:
            made_partition.nodes = list(nodes)
        state.partitions[made_partition.name] = made_partition
    state.licenses = dict(ctx.settings.licenses)
    state.tracked = tuple(trackable.words(ctx.config.get("AccountingStorageTRES")))
    ctx.empty_nodes = None
    ctx.partition_totals.clear()
    ctx.possible.clear()
    ctx.cache.clear()
    ctx.needs.clear()
