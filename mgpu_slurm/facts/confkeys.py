"""Keys of slurm.conf: kind of value, default, whether a reconfigure takes a change over, and our own keys.

A row of KEYS is (key, kind, default, reloadable, choices or note). Kinds and what the reader (intake/conf.py) makes of them:

    int    non-negative number; suffix k or m multiplies by 1024 or its square; HUGE for INFINITE, UNLIMITED
    sec    seconds, usec microseconds, as int, so that adding them to a time or comparing with them stays right
    most   as int, but UNLIMITED (-1) for INFINITE, UNLIMITED; so min (minutes), mib (MiB), and num, where -1 is too
    port   1-65535; of low-high, the low one, which is the one that is used; range: both, as two numbers
    span   a time text (5, 1:00:00, 7-0), as seconds; UNLIMITED for INFINITE, UNLIMITED
    limit  the same in minutes, rounded up
    bool   yes/no, true/false, up/down, 1/0
    enum   one of the choices, in the choices' spelling
    flags  a comma list of the choices, as a tuple in their spelling
    list   a comma list of words, as a tuple
    level  a log level: quiet, fatal, error, info, verbose, debug, debug2-debug5, or 0-9
    percent  a number, with or without fractions and sign
    share  NO, EXCLUSIVE, YES[:n], FORCE[:n]; n is 4 where it is not given
    version  year.month, as text
    set    numbers and ranges (3,10-12), as text
    str    text                             path   text that may hold %n (node) and %h (host)

For the kinds that are numbers, choices is (lowest, highest) where there are bounds; then INFINITE is refused.

Keys of its lines for nodes and partitions, and of gres.conf, are in conflines.py.

A default of None means that there is none. Defaults are those that `scontrol show config` of Slurm 22.05.8 shows for a
minimal file, except where this suite has only one way of doing a thing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    Row = tuple[str, str, Any, bool, Any]

HUGE = 2**31 - 1

LEVELS: tuple[str, ...] = (
    "quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5",
)  # fmt: skip
RLIMITS: tuple[str, ...] = (
    "ALL", "NONE", "AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK",
)  # fmt: skip
DEBUG_FLAGS: tuple[str, ...] = (
    "Accrue", "Agent", "AuditRPCs", "Auth", "Backfill", "BackfillMap", "BurstBuffer", "Cgroup", "ConMgr", "CPU_Bind",
    "CpuFrequency", "Data", "DBD_Agent", "DBD_Archive", "DBD_Assoc", "DBD_Event", "DBD_Job", "DBD_Query", "DBD_QOS",
    "DBD_Step", "DBD_TRES", "DBD_WCkey", "Dependency", "Elasticsearch", "Energy", "ExtSensors", "Federation", "FrontEnd",
    "GLOB_SILENCE", "Gang", "Gres", "Hetjob", "JobAccountGather", "JobComp", "JobContainer", "License", "Mem", "MPI",
    "Network", "NetworkRaw", "NO_CONF_HASH", "NodeFeatures", "Power", "Priority", "Profile", "Protocol", "Reservation",
    "Route", "Script", "SelectType", "Sackd", "Steps", "Switch", "Task", "TLS", "TraceJobs", "Triggers", "WorkQueue",
)  # fmt: skip
SELECT_PARAMETERS: tuple[str, ...] = (
    "CR_CPU", "CR_CPU_MEMORY", "CR_CORE", "CR_CORE_MEMORY", "CR_SOCKET", "CR_SOCKET_MEMORY", "CR_MEMORY", "CR_BOARD",
    "CR_BOARD_MEMORY", "CR_ONE_TASK_PER_CORE", "CR_CORE_DEFAULT_DIST_BLOCK", "CR_LLN", "CR_PACK_NODES",
    "OTHER_CONS_RES", "OTHER_CONS_TRES", "NHC_NO_STEPS", "NHC_NO", "NHC_ABSOLUTELY_NO", "LL_SHARED_GRES",
    "MULTIPLE_SHARING_GRES_PJ", "ENFORCE_BINDING_GRES", "ONE_TASK_PER_SHARING_GRES",
)  # fmt: skip
PROLOG_FLAGS: tuple[str, ...] = ("Alloc", "Contain", "DeferBatch", "NoHold", "ForceRequeueOnFail", "RunInJob", "Serial", "X11")
PROLOG_IMPLIES = {"Contain": ("Alloc",), "NoHold": ("Alloc",), "RunInJob": ("Alloc", "Contain"), "X11": ("Alloc", "Contain")}
"""What a word of PrologFlags= brings with it."""
PREEMPT_MODES: tuple[str, ...] = ("OFF", "CANCEL", "REQUEUE", "SUSPEND", "GANG", "WITHIN", "PRIORITY")

# Keys that open a line of several settings; the reader has a table for each below.
LINE_KEYS: tuple[str, ...] = ("NodeName", "PartitionName", "DownNodes", "NodeSet", "FrontendName")
# Keys that may be given more than once, every value counting.
REPEATED: tuple[str, ...] = ("SlurmctldHost",)
PROGRAMS: tuple[str, ...] = ("Prolog", "Epilog", "PrologSlurmctld", "EpilogSlurmctld")
"""Keys that name programs around jobs: newer versions run those of every line, older ones those of the last."""
SEVERAL = (23, 11)
"""The first version that does."""

KEYS: tuple[Row, ...] = (
    ("AccountingStorageBackupHost", "str", None, True, None),
    ("AccountingStorageEnforce", "list", (), False, None),
    ("AccountingStorageExternalHost", "str", None, True, None),
    ("AccountingStorageHost", "str", "localhost", False, None),
    ("AccountingStorageParameters", "str", None, True, None),
    ("AccountingStoragePass", "str", None, False, None),
    ("AccountingStoragePort", "int", 0, False, None),
    ("AccountingStorageTRES", "str", None, False, "added to cpu,mem,energy,node,billing,fs/disk,vmem,pages"),
    ("AccountingStorageType", "str", "accounting_storage/none", False, None),
    ("AccountingStorageUser", "str", "root", False, None),
    ("AccountingStoreFlags", "list", (), True, None),
    ("AcctGatherEnergyType", "str", "acct_gather_energy/none", False, None),
    ("AcctGatherFilesystemType", "str", "acct_gather_filesystem/none", False, None),
    ("AcctGatherInterconnectType", "str", "acct_gather_interconnect/none", False, None),
    ("AcctGatherNodeFreq", "sec", 0, True, None),
    ("AcctGatherProfileType", "str", "acct_gather_profile/none", False, None),
    ("AllowSpecResourcesUsage", "bool", False, True, None),
    ("AuthAltParameters", "str", None, False, None),
    ("AuthAltTypes", "str", None, False, None),
    ("AuthInfo", "str", None, False, None),
    ("AuthType", "str", "auth/mgpu", False, "credentials are always this suite's own"),
    ("BackupAddr", "str", None, False, "older form of SlurmctldHost"),
    ("BackupController", "str", None, False, "older form of SlurmctldHost"),
    ("BatchStartTimeout", "sec", 10, True, None),
    ("BcastExclude", "str", "/lib,/usr/lib,/lib64,/usr/lib64", True, None),
    ("BcastParameters", "str", None, True, None),
    ("BurstBufferType", "str", None, False, None),
    ("CertgenType", "str", None, False, None),
    ("CertmgrType", "str", None, False, None),
    ("CgroupPlugin", "str", None, False, None),
    ("CheckpointType", "str", None, False, None),
    ("CliFilterPlugins", "str", None, True, None),
    ("ClusterName", "str", "mgpu", False, "lower case"),
    ("CommunicationParameters", "str", None, False, None),
    ("CompleteWait", "sec", 0, True, None),
    ("ControlAddr", "str", None, False, "older form of SlurmctldHost"),
    ("ControlMachine", "str", None, False, "older form of SlurmctldHost"),
    ("CoreSpecPlugin", "str", "core_spec/none", False, None),
    ("CpuFreqDef", "str", "Unknown", True, None),
    ("CpuFreqGovernors", "str", "OnDemand,Performance,UserSpace", True, None),
    ("CredType", "str", "cred/mgpu", False, "credentials are always this suite's own"),
    ("CryptoType", "str", None, False, "older name of CredType"),
    ("DataParserParameters", "str", None, True, None),
    ("DebugFlags", "flags", (), True, DEBUG_FLAGS),
    ("DefCpuPerGPU", "int", None, True, None),
    ("DefMemPerCPU", "mib", None, True, None),
    ("DefMemPerGPU", "mib", None, True, None),
    ("DefMemPerNode", "mib", None, True, None),
    ("DependencyParameters", "str", None, True, None),
    ("DisableRootJobs", "bool", False, True, None),
    ("EioTimeout", "sec", 60, True, None),
    ("EnforcePartLimits", "enum", "NO", True, ("NO", "ANY", "ALL", "YES", "TRUE", "FALSE")),
    ("Epilog", "path", None, True, None),
    ("EpilogMsgTime", "usec", 2000, True, None),
    ("EpilogSlurmctld", "path", None, True, None),
    ("EpilogTimeout", "sec", None, True, None),
    ("ExtSensorsFreq", "sec", 0, True, None),
    ("ExtSensorsType", "str", "ext_sensors/none", False, None),
    ("FairShareDampeningFactor", "int", 1, True, None),
    ("FastSchedule", "int", None, False, None),
    ("FederationParameters", "str", None, True, None),
    ("FirstJobId", "int", 1, True, None),
    ("GetEnvTimeout", "sec", 2, True, None),
    ("GpuFreqDef", "str", "high,memory=high", True, None),
    ("GresTypes", "list", (), False, None),
    ("GroupUpdateForce", "int", 1, True, None),
    ("GroupUpdateTime", "sec", 600, True, None),
    ("HashPlugin", "str", None, False, None),
    ("HealthCheckInterval", "sec", 0, True, None),
    ("HealthCheckNodeState", "flags", ("ANY",), True,
     ("ALLOC", "ANY", "CYCLE", "IDLE", "NONDRAINED_IDLE", "MIXED", "START_ONLY")),
    ("HealthCheckProgram", "path", None, True, None),
    ("HttpParserType", "str", None, False, None),
    ("InactiveLimit", "sec", 0, True, None),
    ("InteractiveStepOptions", "str", "--interactive --preserve-env --pty $SHELL", True, None),
    ("JobAcctGatherFrequency", "str", "30", True, None),
    ("JobAcctGatherParams", "str", None, True, None),
    ("JobAcctGatherType", "str", "jobacct_gather/linux", False, None),
    ("JobCheckpointDir", "path", None, False, None),
    ("JobCompHost", "str", "localhost", False, None),
    ("JobCompLoc", "str", None, False, None),
    ("JobCompParams", "str", None, False, None),
    ("JobCompPass", "str", None, False, None),
    ("JobCompPassScript", "str", None, False, None),
    ("JobCompPort", "int", 0, False, None),
    ("JobCompType", "str", "jobcomp/none", False, None),
    ("JobCompUser", "str", "root", False, None),
    ("JobContainerType", "str", "job_container/none", False, None),
    ("JobCredentialPrivateKey", "path", None, False, None),
    ("JobCredentialPublicCertificate", "path", None, False, None),
    ("JobFileAppend", "int", 0, True, None),
    ("JobRequeue", "int", 1, True, None),
    ("JobSubmitPlugins", "str", None, True, None),
    ("KeepAliveTime", "sec", None, True, None),
    ("KillOnBadExit", "int", 0, True, None),
    ("KillWait", "sec", 30, True, None),
    ("LaunchParameters", "str", None, True, None),
    ("LaunchType", "str", "launch/slurm", False, None),
    ("Licenses", "str", None, True, None),
    ("LogTimeFormat", "enum", "iso8601_ms", True,
     ("iso8601", "iso8601_ms", "rfc5424", "rfc5424_ms", "rfc3339", "clock", "short", "thread_id", "format_stderr")),
    ("MailDomain", "str", None, True, None),
    ("MailProg", "path", "/bin/mail", True, None),
    ("MaxArraySize", "int", 1001, True, (0, 4000001)),
    ("MaxBatchRequeue", "int", 5, True, None),
    ("MaxDBDMsgs", "int", 0, True, None),
    ("MaxJobCount", "int", 10000, False, None),
    ("MaxJobId", "int", 67043328, True, None),
    ("MaxMemPerCPU", "mib", None, True, None),
    ("MaxMemPerNode", "mib", None, True, None),
    ("MaxNodeCount", "int", None, False, None),
    ("MaxStepCount", "int", 40000, True, None),
    ("MaxTasksPerNode", "int", 512, True, None),
    ("MCSParameters", "str", None, True, None),
    ("MCSPlugin", "str", "mcs/none", False, None),
    ("MessageTimeout", "sec", 10, True, None),
    ("MetricsType", "str", None, False, None),
    ("MinJobAge", "sec", 300, True, None),
    ("MpiDefault", "str", "none", True, None),
    ("MpiParams", "str", None, True, None),
    ("NamespaceType", "str", None, False, None),
    ("NodeFeaturesPlugins", "str", None, False, None),
    ("OverTimeLimit", "min", 0, True, None),
    ("PluginDir", "path", None, False, None),
    ("PlugStackConfig", "path", None, True, None),
    ("PowerParameters", "str", None, True, None),
    ("PowerPlugin", "str", None, False, None),
    ("PreemptExemptTime", "span", 0, True, None),
    ("PreemptMode", "flags", ("OFF",), False, PREEMPT_MODES),
    ("PreemptParameters", "str", None, True, None),
    ("PreemptType", "str", "preempt/none", False, None),
    ("PrEpParameters", "str", None, True, None),
    ("PrEpPlugins", "str", "prep/script", False, None),
    ("PriorityCalcPeriod", "span", 300, True, None),
    ("PriorityDecayHalfLife", "span", 604800, True, None),
    ("PriorityFavorSmall", "bool", False, True, None),
    ("PriorityFlags", "flags", (), True,
     ("ACCRUE_ALWAYS", "CALCULATE_RUNNING", "DEPTH_OBLIVIOUS", "NO_FAIR_TREE", "FAIR_TREE", "INCR_ONLY", "MAX_TRES",
      "MAX_TRES_GRES", "NO_NORMAL_ALL", "NO_NORMAL_ASSOC", "NO_NORMAL_PART", "NO_NORMAL_QOS", "NO_NORMAL_TRES",
      "SMALL_RELATIVE_TO_TIME")),
    ("PriorityMaxAge", "span", 604800, True, None),
    ("PriorityParameters", "str", None, True, None),
    ("PrioritySiteFactorParameters", "str", None, True, None),
    ("PrioritySiteFactorPlugin", "str", None, False, None),
    ("PriorityType", "str", "priority/multifactor", False, None),
    ("PriorityUsageResetPeriod", "enum", "NONE", True,
     ("NONE", "NOW", "DAILY", "WEEKLY", "MONTHLY", "QUARTERLY", "YEARLY")),
    ("PriorityWeightAge", "int", 0, True, None),
    ("PriorityWeightAssoc", "int", 0, True, None),
    ("PriorityWeightFairShare", "int", 0, True, None),
    ("PriorityWeightJobSize", "int", 0, True, None),
    ("PriorityWeightPartition", "int", 0, True, None),
    ("PriorityWeightQOS", "int", 0, True, None),
    ("PriorityWeightTRES", "str", None, True, None),
    ("PrivateData", "flags", (), True,
     ("none", "accounts", "cloud", "events", "jobs", "nodes", "partitions", "reservations", "usage", "users", "all")),
    ("ProctrackType", "str", "proctrack/mgpu", False, "processes are always tracked by this suite's supervisors"),
    ("Prolog", "path", None, True, None),
    ("PrologEpilogTimeout", "sec", 65534, True, None),
    ("PrologFlags", "flags", (), False, PROLOG_FLAGS),
    ("PrologSlurmctld", "path", None, True, None),
    ("PrologTimeout", "sec", None, True, None),
    ("PropagatePrioProcess", "int", 0, True, (0, 2)),
    ("PropagateResourceLimits", "flags", ("ALL",), True, RLIMITS),
    ("PropagateResourceLimitsExcept", "flags", (), True, RLIMITS),
    ("RebootProgram", "path", None, True, None),
    ("ReconfigFlags", "list", (), True, None),
    ("RequeueExit", "set", None, True, None),
    ("RequeueExitHold", "set", None, True, None),
    ("ResumeFailProgram", "path", None, True, None),
    ("ResumeProgram", "path", None, True, None),
    ("ResumeRate", "int", 300, True, None),
    ("ResumeTimeout", "sec", 60, True, None),
    ("ResvEpilog", "path", None, True, None),
    ("ResvOverRun", "min", 0, True, None),
    ("ResvProlog", "path", None, True, None),
    ("ReturnToService", "int", 0, True, (0, 2)),
    ("RoutePlugin", "str", "route/default", False, None),
    ("SchedulerParameters", "str", None, True, None),
    ("SchedulerTimeSlice", "sec", 30, True, None),
    ("SchedulerType", "str", "sched/backfill", False, None),
    ("ScronParameters", "str", None, True, None),
    ("SelectType", "str", "select/cons_tres", False, None),
    ("SelectTypeParameters", "flags", (), False, SELECT_PARAMETERS),
    ("SlurmUser", "str", "root", False, None),
    ("SlurmctldAddr", "str", None, False, None),
    ("SlurmctldDebug", "level", "info", True, None),
    ("SlurmctldHost", "str", None, False, "name or name(address); a second one is the backup"),
    ("SlurmctldLogFile", "path", None, True, None),
    ("SlurmctldParameters", "str", None, True, None),
    ("SlurmctldPidFile", "path", None, False, None),
    ("SlurmctldPlugstack", "str", None, False, None),
    ("SlurmctldPort", "port", 6817, False, None),
    ("SlurmctldPrimaryOffProg", "path", None, True, None),
    ("SlurmctldPrimaryOnProg", "path", None, True, None),
    ("SlurmctldSyslogDebug", "level", None, True, None),
    ("SlurmctldTimeout", "sec", 120, True, None),
    ("SlurmdDebug", "level", "info", True, None),
    ("SlurmdLogFile", "path", None, True, None),
    ("SlurmdParameters", "list", (), True, None),
    ("SlurmdPidFile", "path", None, False, None),
    ("SlurmdPort", "port", 6818, False, None),
    ("SlurmdSpoolDir", "path", "/var/spool/mgpu/%n", False, None),
    ("SlurmdSyslogDebug", "level", None, True, None),
    ("SlurmdTimeout", "sec", 300, True, None),
    ("SlurmdUser", "str", "root", False, None),
    ("SlurmSchedLogFile", "path", None, True, None),
    ("SlurmSchedLogLevel", "int", 0, True, None),
    ("SrunEpilog", "path", None, True, None),
    ("SrunPortRange", "range", None, True, None),
    ("SrunProlog", "path", None, True, None),
    ("StateSaveLocation", "path", "/var/spool/mgpu/state", False, None),
    ("SuspendExcNodes", "str", None, True, None),
    ("SuspendExcParts", "str", None, True, None),
    ("SuspendExcStates", "str", None, True, None),
    ("SuspendProgram", "path", None, True, None),
    ("SuspendRate", "int", 60, True, None),
    ("SuspendTime", "num", -1, True, None),
    ("SuspendTimeout", "sec", 30, True, None),
    ("SwitchParameters", "str", None, True, None),
    ("SwitchType", "str", "switch/none", False, None),
    ("TaskEpilog", "path", None, True, None),
    ("TaskPlugin", "str", "task/affinity", False, None),
    ("TaskPluginParam", "list", (), True, None),
    ("TaskProlog", "path", None, True, None),
    ("TCPTimeout", "sec", 2, True, None),
    ("TLSParameters", "str", None, False, None),
    ("TLSType", "str", None, False, None),
    ("TmpFS", "path", "/tmp", True, None),
    ("TopologyParam", "str", None, True, None),
    ("TopologyPlugin", "str", "topology/none", False, None),
    ("TrackWCKey", "bool", False, True, None),
    ("TreeWidth", "int", 50, True, None),
    ("UnkillableStepProgram", "path", None, True, None),
    ("UnkillableStepTimeout", "sec", 60, True, None),
    ("UrlParserType", "str", None, False, None),
    ("UsePAM", "bool", False, True, None),
    ("VSizeFactor", "int", 0, True, None),
    ("WaitTime", "sec", 0, True, None),
    ("X11Parameters", "str", None, True, None),
    # keys of this suite
    ("MgpuRequeueDelay", "sec", 121, True, "how long a requeued job waits before it may start again"),
    ("MgpuCompat", "version", None, True, "Slurm version whose texts and semantics are shown, such as 22.05"),
    ("MgpuDatabase", "str", None, False, "URL of the store; SQLite below StateSaveLocation without it"),
    ("MgpuKeyFile", "path", None, False, "cluster key; mgpu.key beside the configuration without it"),
    ("MgpuLease", "sec", None, True, "how long jobs live on without contact to the controller; SlurmdTimeout without it"),
    ("MgpuRunDir", "path", None, False, "directory of the Unix sockets; Config.run_dir() without it"),
)  # fmt: skip

BY_NAME: dict[str, Row] = {row[0].lower(): row for row in KEYS}


def default(key: str) -> Any:
    """The default of a key (any case); None when it has none or is unknown."""
    row = BY_NAME.get(key.lower())
    return row[2] if row else None


def prolog_flags(words: Collection[str]) -> list[str]:
    """The words of PrologFlags= with those that they bring, in Slurm's order."""
    given = {*words, *(more for word in words for more in PROLOG_IMPLIES.get(word, ()))}
    return [word for word in PROLOG_FLAGS if word in given]


def reloadable() -> list[str]:
    """Keys whose change a running daemon takes over on SIGHUP or `scontrol reconfigure`; others need a restart."""
    return [row[0] for row in KEYS if row[3]]
