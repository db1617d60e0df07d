"""What `scontrol show config` prints: rows, their order and form, and where each value comes from.

Observed on Slurm 22.05.8. The values are asked for by key, so that whoever has a configuration can pass its `get`;
what no file says (the time, the next job id, the controllers) comes in Facts.
"""

from __future__ import annotations

import time

from mgpu_slurm.base.units import UNLIMITED, format_elapsed
from mgpu_slurm.facts import cgroupkeys
from mgpu_slurm.facts.confkeys import BY_NAME, prolog_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    Get = Callable[[str], Any]

WIDTH = 23
NOTHING = "(null)"

# A row is a key, or "label=form" for one that has no key or is not shown by its kind. Forms are the methods of _Forms,
# or a text that is always shown.
ROWS: tuple[str, ...] = (
    "AccountingStorageBackupHost", "AccountingStorageEnforce=none_list", "AccountingStorageHost",
    "AccountingStorageExternalHost", "AccountingStorageParameters", "AccountingStoragePort",
    "AccountingStorageTRES=tres", "AccountingStorageType", "AccountingStorageUser", "AccountingStoreFlags",
    "AcctGatherEnergyType", "AcctGatherFilesystemType", "AcctGatherInterconnectType", "AcctGatherNodeFreq",
    "AcctGatherProfileType", "AllowSpecResourcesUsage", "AuthAltTypes", "AuthAltParameters", "AuthInfo", "AuthType",
    "BatchStartTimeout", "BcastExclude", "BcastParameters", "BOOT_TIME=boot_time", "BurstBufferType",
    "CliFilterPlugins", "ClusterName", "CommunicationParameters", "CompleteWait", "CoreSpecPlugin", "CpuFreqDef",
    "CpuFreqGovernors", "CredType", "DebugFlags", "DefMemPerNode=def_mem", "DependencyParameters", "DisableRootJobs",
    "EioTimeout=bare", "EnforcePartLimits=enforce", "Epilog", "EpilogMsgTime", "EpilogSlurmctld", "ExtSensorsType",
    "ExtSensorsFreq", "FairShareDampeningFactor", "FederationParameters", "FirstJobId", "GetEnvTimeout", "GresTypes",
    "GpuFreqDef", "GroupUpdateForce", "GroupUpdateTime", "HASH_VAL='Match", "HealthCheckInterval",
    "HealthCheckNodeState=health_states", "HealthCheckProgram", "InactiveLimit", "InteractiveStepOptions",
    "JobAcctGatherFrequency", "JobAcctGatherType", "JobAcctGatherParams", "JobCompHost", "JobCompLoc", "JobCompPort",
    "JobCompType", "JobCompUser", "JobContainerType", "JobCredentialPrivateKey", "JobCredentialPublicCertificate",
    "JobDefaults=job_defaults", "JobFileAppend", "JobRequeue", "JobSubmitPlugins", "KillOnBadExit", "KillWait",
    "LaunchParameters", "LaunchType", "Licenses", "LogTimeFormat", "MailDomain", "MailProg", "MaxArraySize",
    "MaxDBDMsgs", "MaxJobCount", "MaxJobId", "MaxMemPerNode=max_mem", "MaxNodeCount=node_count", "MaxStepCount",
    "MaxTasksPerNode", "MCSPlugin", "MCSParameters", "MessageTimeout", "MinJobAge", "MpiDefault", "MpiParams",
    "MULTIPLE_SLURMD=multiple", "NEXT_JOB_ID=next_job_id", "NodeFeaturesPlugins", "OverTimeLimit", "PluginDir",
    "PlugStackConfig", "PowerParameters", "PowerPlugin=blank", "PreemptMode=preempt_mode", "PreemptType",
    "PreemptExemptTime", "PrEpParameters", "PrEpPlugins", "PriorityParameters", "PrioritySiteFactorParameters",
    "PrioritySiteFactorPlugin", "PriorityDecayHalfLife", "PriorityCalcPeriod", "PriorityFavorSmall",
    "PriorityFlags=priority_flags", "PriorityMaxAge", "PriorityUsageResetPeriod", "PriorityType", "PriorityWeightAge",
    "PriorityWeightAssoc", "PriorityWeightFairShare", "PriorityWeightJobSize", "PriorityWeightPartition",
    "PriorityWeightQOS", "PriorityWeightTRES", "PrivateData=none_list", "ProctrackType", "Prolog",
    "PrologEpilogTimeout=bare", "PrologSlurmctld", "PrologFlags=prolog_flags", "PropagatePrioProcess",
    "PropagateResourceLimits=propagated", "PropagateResourceLimitsExcept", "RebootProgram", "ReconfigFlags",
    "RequeueExit", "RequeueExitHold", "ResumeFailProgram", "ResumeProgram", "ResumeRate=rate", "ResumeTimeout",
    "ResvEpilog", "ResvOverRun", "ResvProlog", "ReturnToService", "RoutePlugin", "SchedulerParameters",
    "SchedulerTimeSlice", "SchedulerType", "ScronParameters", "SelectType", "SelectTypeParameters=select_parameters",
    "SlurmUser=user", "SlurmctldAddr", "SlurmctldDebug", "SlurmctldHost=controllers", "SlurmctldLogFile",
    "SlurmctldPort", "SlurmctldSyslogDebug", "SlurmctldPrimaryOffProg", "SlurmctldPrimaryOnProg", "SlurmctldTimeout",
    "SlurmctldParameters", "SlurmdDebug", "SlurmdLogFile", "SlurmdParameters", "SlurmdPidFile", "SlurmdPort",
    "SlurmdSpoolDir", "SlurmdSyslogDebug", "SlurmdTimeout", "SlurmdUser=user", "SlurmSchedLogFile",
    "SlurmSchedLogLevel", "SlurmctldPidFile", "SlurmctldPlugstack", "SLURM_CONF=conf", "SLURM_VERSION=version",
    "SrunEpilog", "SrunPortRange=port_range", "SrunProlog", "StateSaveLocation", "SuspendExcNodes", "SuspendExcParts",
    "SuspendProgram", "SuspendRate=rate", "SuspendTime=suspend_time", "SuspendTimeout", "SwitchParameters",
    "SwitchType", "TaskEpilog", "TaskPlugin", "TaskPluginParam=task_parameters", "TaskProlog", "TCPTimeout",
    "TmpFS", "TopologyParam", "TopologyPlugin", "TrackWCKey", "TreeWidth", "UsePam", "UnkillableStepProgram",
    "UnkillableStepTimeout", "VSizeFactor=percent", "WaitTime", "X11Parameters",
)  # fmt: skip

_UNITS = {"sec": " sec", "min": " min", "usec": " usec"}
_TRES = "cpu,mem,energy,node,billing,fs/disk,vmem,pages"
_HEALTH_ORDER = ("CYCLE", "START_ONLY", "ANY", "IDLE", "ALLOC", "MIXED", "NONDRAINED_IDLE")
_PREEMPT_ORDER = ("GANG", "WITHIN", "PRIORITY", "OFF", "SUSPEND", "REQUEUE", "CANCEL")
_PRIORITY_ORDER = (
    "ACCRUE_ALWAYS", "SMALL_RELATIVE_TO_TIME", "CALCULATE_RUNNING", "DEPTH_OBLIVIOUS", "MAX_TRES", "MAX_TRES_GRES",
    "FAIR_TREE", "NO_FAIR_TREE", "INCR_ONLY", "NO_NORMAL_ALL", "NO_NORMAL_ASSOC", "NO_NORMAL_PART", "NO_NORMAL_QOS",
    "NO_NORMAL_TRES",
)  # fmt: skip
_TASK_ORDER = ("verbose", "slurmdoffspec", "none", "sockets", "cores", "threads")


class Facts:
    """What the rows need and no file says. Times are UTC seconds; `controllers` are (name, address), the primary first.

    `uids` maps the names of SlurmUser and SlurmdUser to their ids.
    """

    __slots__ = ("boot_time", "conf_path", "controllers", "multiple", "next_job_id", "node_count", "now", "uids", "version")

    def __init__(
        self,
        now: float,
        boot_time: float,
        next_job_id: int,
        node_count: int,
        conf_path: str,
        version: str,
        controllers: Iterable[tuple[str, str]] = (),
        multiple: bool = False,
        uids: dict[str, int] | None = None,
    ) -> None:
        self.now = now
        self.boot_time = boot_time
        self.next_job_id = next_job_id
        self.node_count = node_count
        self.conf_path = conf_path
        self.version = version
        self.controllers = tuple(controllers)
        self.multiple = multiple  # several nodes on one host
        self.uids = uids or {"root": 0}


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))


def _ordered(words: Iterable[str], order: tuple[str, ...]) -> str:
    known = {word: at for at, word in enumerate(order)}
    return ",".join(sorted(words, key=lambda word: known.get(word, len(order))))


def show(kind: str, value: Any) -> str:
    """A value in the form of its kind (facts/confkeys.py)."""
    if value is None or value == () or value == "":
        return NOTHING
    if kind == "bool":
        return "Yes" if value else "No"
    if kind == "span":
        return "UNLIMITED" if value == UNLIMITED else format_elapsed(value)
    if kind == "range":
        return f"{value[0]}-{value[1]}"
    if isinstance(value, tuple):
        return ",".join(value)
    if value == UNLIMITED:
        return "UNLIMITED"
    return f"{value}{_UNITS.get(kind, '')}"


class _Forms:
    """Rows that are not simply the value of their key: each method gives the text of one."""

    def __init__(self, get: Get, facts: Facts) -> None:
        self.get = get
        self.facts = facts

    def bare(self, key: str) -> str:
        return str(self.get(key))

    def none_list(self, key: str) -> str:
        return ",".join(self.get(key)) or "none"

    def blank(self, key: str) -> str:
        return str(self.get(key) or "")

    def tres(self, key: str) -> str:
        more = self.get(key)
        return f"{_TRES},{more}" if more else _TRES

    def boot_time(self, key: str) -> str:
        return _moment(self.facts.boot_time)

    def conf(self, key: str) -> str:
        return self.facts.conf_path

    def version(self, key: str) -> str:
        return self.facts.version

    def next_job_id(self, key: str) -> str:
        return str(self.facts.next_job_id)

    def node_count(self, key: str) -> str:
        return str(self.get(key) or self.facts.node_count)

    def multiple(self, key: str) -> str:
        return "Yes" if self.facts.multiple else "No"

    def enforce(self, key: str) -> str:
        value = str(self.get(key))
        return {"YES": "ALL", "TRUE": "ALL", "FALSE": "NO"}.get(value, value)

    def health_states(self, key: str) -> str:
        return _ordered(self.get(key), _HEALTH_ORDER)

    def preempt_mode(self, key: str) -> str:
        return _ordered(self.get(key), _PREEMPT_ORDER)

    def priority_flags(self, key: str) -> str:
        return _ordered(self.get(key), _PRIORITY_ORDER)

    def prolog_flags(self, key: str) -> str:
        return ",".join(prolog_flags(self.get(key))) or NOTHING

    def job_defaults(self, key: str) -> str:
        given = [f"{name}={self.get(name)}" for name in ("DefCpuPerGPU", "DefMemPerGPU") if self.get(name) is not None]
        return ",".join(given) or NOTHING

    def propagated(self, key: str) -> str:
        return NOTHING if self.get("PropagateResourceLimitsExcept") else show("flags", self.get(key))

    def rate(self, key: str) -> str:
        return f"{self.get(key)} nodes/min"

    def percent(self, key: str) -> str:
        return f"{self.get(key)} percent"

    def select_parameters(self, key: str) -> str:
        return ",".join(self.get(key)) or "NONE"

    def suspend_time(self, key: str) -> str:
        value = self.get(key)
        return "INFINITE" if value == UNLIMITED else f"{value} sec"

    def port_range(self, key: str) -> str:
        low, high = self.get(key) or (0, 0)
        return f"{low}-{high}"

    def task_parameters(self, key: str) -> str:
        words = [word.lower() for word in self.get(key)]
        return _ordered(words, _TASK_ORDER) or "(null type)"

    def user(self, key: str) -> str:
        name = self.get(key)
        return f"{name}({self.facts.uids.get(name, 0)})"


def _memory(get: Get, prefix: str) -> tuple[str, str]:
    """DefMemPerCPU or DefMemPerNode, MaxMemPerCPU or MaxMemPerNode: whichever is set; none of them is per node."""
    per_cpu = get(f"{prefix}PerCPU")
    if per_cpu:
        return f"{prefix}PerCPU", show("mib", per_cpu)
    return f"{prefix}PerNode", show("mib", get(f"{prefix}PerNode") or UNLIMITED)


def rows(get: Get, facts: Facts) -> list[tuple[str, str]]:
    """(label, value) of every row in Slurm's order. `get` is Config.get or alike: key -> typed value."""
    forms = _Forms(get, facts)
    made: list[tuple[str, str]] = []
    for entry in ROWS:
        label, _, form = entry.partition("=")
        if form[:1] == "'":
            made.append((label, form[1:]))
        elif form in ("def_mem", "max_mem"):
            made.append(_memory(get, "DefMem" if form == "def_mem" else "MaxMem"))
        elif form == "controllers":
            made += [(f"{label}[{at}]", f"{name}({address})") for at, (name, address) in enumerate(facts.controllers)]
        elif form:
            made.append((label, getattr(forms, form)(label)))
        else:
            made.append((label, show(BY_NAME[label.lower()][1], get(label))))
    return made


def controller_line(at: int, count: int, name: str, up: bool) -> str:
    """The line about one controller at the end of the listing, also `scontrol ping`'s."""
    role = "primary" if at == 0 else "backup" if count <= 2 else f"backup{at}"
    return f"Slurmctld({role}) at {name} is {'UP' if up else 'DOWN'}"


def written(given: str, now: str) -> str:
    """The text of a configuration's file under the head of one that `write config` has made."""
    title = f"#  Configuration file for Slurm - {now}  #"
    rule = "#" * len(title)
    return f"{rule}\n{title}\n{rule}\n{given}"


_CGROUP_USERS = ("ProctrackType", "TaskPlugin", "JobAcctGatherType")


def text(get: Get, facts: Facts, up: Iterable[bool], cgroup: Mapping[str, Any]) -> str:
    """The whole listing: head, rows, a blank line, a line a controller. `up` says which controllers answer; `cgroup` is what
    cgroup.conf says, shown as in Slurm where a plugin goes by it."""
    lines = [f"Configuration data as of {_moment(facts.now)}"]
    lines += [f"{label:<{WIDTH}} = {value}" for label, value in rows(get, facts)]
    lines.append("")
    if any("cgroup" in str(get(key)) for key in _CGROUP_USERS):
        lines.append("Cgroup Support Configuration:")
        lines += [f"{label:<{WIDTH}} = {value}" for label, value in cgroupkeys.rows(cgroup)]
        lines.append("")
    count = len(facts.controllers)
    answers = list(up)
    for at, (name, _) in enumerate(facts.controllers):
        lines.append(controller_line(at, count, name, at < len(answers) and answers[at]))
    return "\n".join(lines) + "\n"
