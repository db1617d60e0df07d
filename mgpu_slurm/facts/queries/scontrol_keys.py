"""The keys of scontrol's `update` and `create`: their names, how far they may be shortened, and what kind of value each takes.

In every table the first row that fits is meant. The controller knows a key by its name in lower case, or by the name beside it.
"""

from __future__ import annotations

# first word of update: fewest letters, what is updated
SUBJECTS: tuple[tuple[str, int, str], ...] = (
    ("JobId", 3, "job"),
    ("JobName", 4, "jobname"),
    ("NodeName", 3, "node"),
    ("PartitionName", 4, "partition"),
    ("StepId", 4, "step"),
    ("ReservationName", 3, "reservation"),
    ("SlurmctldDebug", 10, "debug"),
)

# key of `update job`, fewest letters, the controller's name for it ("" its own in lower case), kind of its value
JOB_KEYS: tuple[tuple[str, int, str, str], ...] = (
    ("AdminComment", 6, "", "appended"),
    ("SiteFactor", 5, "", "offset"),
    ("ArrayTaskThrottle", 10, "", "throttle"),
    ("Comment", 3, "", "text"),
    ("Clusters", 8, "", "text"),
    ("ClusterFeatures", 8, "", "text"),
    ("DelayBoot", 5, "", "delay"),
    ("Extra", 3, "", "text"),
    ("TimeLimit", 5, "", "limit"),
    ("TimeMin", 5, "", "limit"),
    ("Priority", 2, "", "number"),
    ("Nice", 2, "", "offset"),
    ("CPUsPerTask", 9, "", "short"),
    ("CpusPerTres", 9, "", "text"),
    ("NumCPUs", 6, "", "cpus"),
    ("NumTasks", 8, "", "number"),
    ("ReqProcs", 8, "numtasks", "number"),
    ("Requeue", 4, "", "number"),
    ("ReqNodes", 8, "numnodes", "nodes"),
    ("NumNodes", 8, "", "nodes"),
    ("ReqSockets", 4, "", "short"),
    ("ReqCores", 4, "", "short"),
    ("TasksPerNode", 2, "", "short"),
    ("ReqThreads", 4, "", "short"),
    ("MinCPUsNode", 4, "", "short"),
    ("MinMemoryNode", 10, "", "long"),
    ("MinMemoryCPU", 10, "", "long"),
    ("MinTmpDiskNode", 5, "", "number"),
    ("Partition", 2, "", "text"),
    ("QOS", 2, "", "text"),
    ("ReservationName", 3, "", "text"),
    ("Name", 2, "", "text"),
    ("JobName", 4, "", "text"),
    ("WCKey", 1, "", "text"),
    ("StdErr", 6, "", "text"),
    ("StdIn", 5, "", "text"),
    ("StdOut", 6, "", "text"),
    ("Switches", 5, "", "switches"),
    ("wait-for-switch", 5, "", "loose"),
    ("OverSubscribe", 2, "", "truth"),
    ("Shared", 2, "oversubscribe", "truth"),
    ("Contiguous", 3, "", "truth"),
    ("CoreSpec", 4, "", "apart"),
    ("MemPerTres", 5, "", "text"),
    ("ThreadSpec", 4, "", "apart"),
    ("TresBind", 5, "", "text"),
    ("TresFreq", 5, "", "text"),
    ("TresPerJob", 8, "", "text"),
    ("TresPerNode", 8, "", "text"),
    ("TresPerSocket", 8, "", "text"),
    ("TresPerTask", 8, "", "text"),
    ("ExcNodeList", 3, "", "text"),
    ("ReqNodeList", 8, "", "text"),
    ("NodeList", 8, "reqnodelist", "text"),
    ("Features", 1, "", "text"),
    ("Prefer", 3, "", "text"),
    ("Gres", 2, "", "gres"),
    ("Account", 1, "", "text"),
    ("BurstBuffer", 1, "", "text"),
    ("Dependency", 1, "", "text"),
    ("Licenses", 1, "", "text"),
    ("EligibleTime", 2, "starttime", "moment"),
    ("StartTime", 2, "", "moment"),
    ("EndTime", 2, "", "end"),
    ("Reboot", 3, "", "truth"),
    ("UserID", 3, "", "user"),
    ("Deadline", 3, "", "moment"),
    ("WorkDir", 2, "", "text"),
    ("MailType", 5, "", "mail"),
    ("MailUser", 5, "", "text"),
    ("MCSLabel", 4, "", "text"),
    ("ResetAccrueTime", 6, "", "bare"),
)

LATER_JOB_KEYS: dict[str, tuple[int, int]] = {"extra": (23, 2), "mcslabel": (23, 2), "stderr": (23, 2), "stdin": (23, 2)}
"""Keys that 22.05 refuses, by the controller's name, and the first version that takes them."""

JOB_COUNT_NAMES = {"NumCPUs": "NumCPUs", "ReqProcs": "NumTasks", "Reboot": "reboot", "Shared": "OverSubscribe"}
"""Names of keys in complaints about their values, where it is not the key's own."""

# key of `update node`, fewest letters, kind of its value
NODE_KEYS: tuple[tuple[str, int, str], ...] = (
    ("NodeName", 1, "name"),
    ("ActiveFeatures", 3, "text"),
    ("AvailableFeatures", 3, "text"),
    ("Features", 1, "text"),
    ("Comment", 2, "text"),
    ("CpuBind", 7, "binding"),
    ("Extra", 1, "text"),
    ("Gres", 1, "text"),
    ("NodeAddr", 5, "text"),
    ("NodeHostName", 5, "text"),
    ("Reason", 1, "text"),
    ("ResumeAfter", 3, "seconds"),
    ("State", 1, "state"),
    ("Weight", 1, "weight"),
)
LATER_NODE_KEYS: dict[str, tuple[int, int]] = {"resumeafter": (23, 2)}
"""Keys that 22.05 refuses, and the first version that takes them."""

NODE_STATES = (
    "DOWN", "DRAIN", "FAIL", "FUTURE", "IDLE", "NORESP", "POWER_DOWN", "POWER_DOWN_ASAP", "POWER_DOWN_FORCE", "POWER_UP",
    "RESUME", "UNDRAIN", "CANCEL_REBOOT", "ALLOCATED", "MIXED", "UNKNOWN",
)  # fmt: skip
"""States that are passed on to the controller, which refuses those that nobody can set; words may be cut to STATE_LETTERS."""
STATE_LETTERS = 3

NODE_STATES_TEXT = (
    "Valid states are: NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN",
    "Not all states are valid given a node's prior state",
)

BINDINGS: dict[str, str] = {
    "none": "none", "socket": "sockets", "sockets": "sockets", "ldom": "ldoms", "ldoms": "ldoms", "core": "cores",
    "cores": "cores", "thread": "threads", "threads": "threads", "off": "off",
}  # fmt: skip
"""Words of CpuBind= and how they are shown."""

# key of `create` and `update partition`, fewest letters, kind of its value; in this order
PARTITION_KEYS: tuple[tuple[str, int, str], ...] = (
    ("PartitionName", 4, "name"),
    ("MaxTime", 4, "duration"),
    ("DefaultTime", 8, "duration"),
    ("MaxCPUsPerNode", 4, "most"),
    ("MaxNodes", 4, "nodes_most"),
    ("MinNodes", 2, "nodes_least"),
    ("Default", 7, "yes"),
    ("DisableRootJobs", 1, "yes"),
    ("ExclusiveUser", 2, "yes"),
    ("Hidden", 1, "yes"),
    ("LLN", 1, "yes"),
    ("RootOnly", 3, "yes"),
    ("ReqResv", 3, "yes"),
    ("OverSubscribe", 5, "sharing"),
    ("Shared", 2, "sharing"),
    ("OverTimeLimit", 5, "over_time"),
    ("PreemptMode", 3, "preemption"),
    ("Priority", 3, "short"),
    ("PriorityTier", 9, "short"),
    ("PriorityJobFactor", 9, "short"),
    ("State", 2, "state"),
    ("Nodes", 1, "text"),
    ("AllowGroups", 6, "text"),
    ("AllowAccounts", 6, "text"),
    ("AllowQos", 6, "text"),
    ("DenyAccounts", 5, "text"),
    ("DenyQos", 5, "text"),
    ("AllocNodes", 6, "text"),
    ("Alternate", 3, "text"),
    ("GraceTime", 5, "number"),
    ("DefMemPerCPU", 10, "number"),
    ("DefMemPerNode", 10, "number"),
    ("MaxMemPerCPU", 10, "number"),
    ("MaxMemPerNode", 10, "number"),
    ("QOS", 3, "text"),
    ("CpuBind", 7, "binding"),
    ("JobDefaults", 4, "text"),
    ("TRESBillingWeights", 1, "text"),
)
PARTITION_STATES = ("UP", "DOWN", "DRAIN", "INACTIVE")
