"""Keys of the lines of slurm.conf that name nodes and partitions, and of gres.conf; those of the file itself are in confkeys.py.

A row is (key, attribute of the line's record or "" where none is kept, kind, choices); the kinds are those of confkeys.py.
"""

from __future__ import annotations

from mgpu_slurm.facts.confkeys import PREEMPT_MODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COUNT = (0, 65535)
_AMOUNT = (0, 2**53)

NODE_KEYS: tuple[tuple[str, str, str, Any], ...] = (
    ("NodeAddr", "addr", "str", None),
    ("NodeHostname", "hostname", "str", None),
    ("BcastAddr", "bcast_addr", "str", None),
    ("Boards", "boards", "int", _COUNT),
    ("CoreSpecCount", "core_spec", "int", _COUNT),
    ("CoresPerSocket", "cores_per_socket", "int", _COUNT),
    ("CpuBind", "cpu_bind", "str", None),
    ("CPUs", "cpus", "int", _COUNT),
    ("Procs", "cpus", "int", _COUNT),
    ("CpuSpecList", "cpu_spec_list", "str", None),
    ("Feature", "features", "list", None),
    ("Features", "features", "list", None),
    ("Gres", "gres", "str", None),
    ("GresConf", "gres_conf", "str", None),
    ("MemSpecLimit", "mem_spec", "mib", _AMOUNT),
    ("Parameters", "", "str", None),
    ("Port", "port", "str", None),
    ("RealMemory", "real_memory", "mib", _AMOUNT),
    ("Reason", "reason", "str", None),
    ("RestrictedCoresPerGPU", "restricted_cores_per_gpu", "int", _COUNT),
    ("Sockets", "sockets", "int", _COUNT),
    ("SocketsPerBoard", "sockets_per_board", "int", _COUNT),
    ("State", "state", "enum", ("CLOUD", "DOWN", "DRAIN", "FAIL", "FAILING", "FUTURE", "IDLE", "UNKNOWN", "EXTERNAL")),
    ("ThreadsPerCore", "threads_per_core", "int", _COUNT),
    ("TmpDisk", "tmp_disk", "mib", _AMOUNT),
    ("Topology", "topology", "str", None),
    ("TRESWeights", "", "str", None),
    ("Weight", "weight", "int", (0, 2**32 - 1)),
)  # fmt: skip

PARTITION_KEYS: tuple[tuple[str, str, str, Any], ...] = (
    ("AllocNodes", "alloc_nodes", "list", None),
    ("AllowAccounts", "allow_accounts", "list", None),
    ("AllowGroups", "allow_groups", "list", None),
    ("AllowQos", "allow_qos", "list", None),
    ("Alternate", "alternate", "str", None),
    ("CpuBind", "cpu_bind", "str", None),
    ("Default", "default", "bool", None),
    ("DefaultTime", "default_time", "limit", None),
    ("DefCpuPerGPU", "def_cpus_per_gpu", "int", None),
    ("DefMemPerCPU", "def_mem_per_cpu", "mib", None),
    ("DefMemPerGPU", "def_mem_per_gpu", "mib", None),
    ("DefMemPerNode", "def_mem_per_node", "mib", None),
    ("DenyAccounts", "deny_accounts", "list", None),
    ("DenyQos", "deny_qos", "list", None),
    ("DisableRootJobs", "disable_root", "bool", None),
    ("ExclusiveTopo", "exclusive_topo", "bool", None),
    ("ExclusiveUser", "exclusive_user", "bool", None),
    ("GraceTime", "grace_time", "sec", None),
    ("Hidden", "hidden", "bool", None),
    ("LLN", "lln", "bool", None),
    ("MaxCPUsPerNode", "max_cpus_per_node", "most", None),
    ("MaxCPUsPerSocket", "max_cpus_per_socket", "most", None),
    ("MaxMemPerCPU", "max_mem_per_cpu", "mib", None),
    ("MaxMemPerNode", "max_mem_per_node", "mib", None),
    ("MaxNodes", "max_nodes", "most", None),
    ("MaxTime", "max_time", "limit", None),
    ("MinNodes", "min_nodes", "int", None),
    ("Nodes", "node_text", "str", None),
    ("OverSubscribe", "oversubscribe", "share", None),
    ("Shared", "oversubscribe", "share", None),
    ("OverTimeLimit", "over_time_limit", "min", None),
    ("PowerDownOnIdle", "", "bool", None),
    ("PreemptMode", "preempt_mode", "enum", PREEMPT_MODES),
    ("Priority", "priority", "int", (0, 65535)),
    ("PriorityJobFactor", "priority_job_factor", "int", (0, 65535)),
    ("PriorityTier", "priority_tier", "int", (0, 65535)),
    ("QOS", "qos", "str", None),
    ("ReqResv", "req_resv", "bool", None),
    ("ResumeTimeout", "resume_timeout", "sec", None),
    ("RootOnly", "root_only", "bool", None),
    ("SelectTypeParameters", "select_type_parameters", "str", None),
    ("State", "state", "enum", ("UP", "DOWN", "DRAIN", "INACTIVE")),
    ("SuspendTime", "suspend_time", "num", None),
    ("SuspendTimeout", "suspend_timeout", "sec", None),
    ("Topology", "", "str", None),
    ("TRESBillingWeights", "tres_billing_weights", "str", None),
)  # fmt: skip

GRES_KEYS: tuple[tuple[str, str, str, Any], ...] = (
    ("AutoDetect", "autodetect", "str", None),
    ("Cores", "cores", "str", None),
    ("CPUs", "cores", "str", None),
    ("Count", "count", "str", None),
    ("File", "file", "str", None),
    ("Files", "file", "str", None),
    ("Flags", "flags", "list", None),
    ("Links", "links", "str", None),
    ("MultipleFiles", "file", "str", None),
    ("Name", "name", "str", None),
    ("NodeName", "node_text", "str", None),
    ("Type", "type", "str", None),
    ("UniqueId", "unique_id", "str", None),
)  # fmt: skip
