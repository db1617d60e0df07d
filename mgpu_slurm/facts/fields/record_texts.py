"""Steps, nodes and partitions as `scontrol show` writes them. Pure; the columns are those of the controller."""

from __future__ import annotations

from mgpu_slurm.base.ids import is_numbered
from mgpu_slurm.base.units import UNLIMITED
from mgpu_slurm.facts import distribution, gpu_binding, reservation
from mgpu_slurm.facts.fields.field import View, long_seconds
from mgpu_slurm.facts.fields.job_text import frequencies, limit, or_null, tres_name
from mgpu_slurm.facts.fields.step import step_id
from mgpu_slurm.facts.states import node_state_full

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

STEP_COLUMNS = (
    "job_id", "array_job_id", "array_task_id", "het_job_id", "het_offset", "step_id", "uid", "start_time", "time_limit", "state",
    "partition", "nodes", "num_nodes", "num_cpus", "ntasks", "name", "tres", "distribution", "src_host", "src_pid",
    "cpus_per_tres", "mem_per_tres", "tres_bind", "tres_freq", "tres_per_step", "tres_per_node", "tres_per_socket",
    "tres_per_task", "cpu_freq",
)  # fmt: skip

NODE_COLUMNS = (
    "name", "arch", "cores_per_socket", "cpus_alloc", "cpus", "core_spec", "threads_per_core", "cpu_load", "features",
    "active_features", "gres", "gres_used", "address", "hostname", "port", "version", "os", "real_memory", "mem_alloc",
    "free_mem", "sockets", "boards", "mem_spec", "state", "flags", "tmp_disk", "weight", "partitions", "boot_time",
    "start_time", "last_busy", "resume_at",
    "cfg_tres", "alloc_tres", "reason", "reason_uid", "reason_time", "comment", "extra", "cpu_bind",
)  # fmt: skip

PARTITION_COLUMNS = (
    "name", "allow_groups", "allow_accounts", "deny_accounts", "allow_qos", "deny_qos", "alloc_nodes", "default", "qos",
    "default_time", "disable_root", "exclusive_user", "grace_time", "hidden", "max_nodes", "max_time", "min_nodes", "lln",
    "max_cpus_per_node", "nodes", "priority_job_factor", "priority_tier", "root_only", "req_resv", "oversubscribe",
    "over_time_limit", "preempt_mode", "state", "total_cpus", "total_nodes", "def_cpus_per_gpu", "def_mem_per_gpu",
    "def_mem_per_cpu", "def_mem_per_node", "max_mem_per_cpu", "max_mem_per_node", "tres", "alternate", "cpu_bind",
    "tres_billing_weights",
)  # fmt: skip


RESERVATION_COLUMNS = (
    "name", "start", "end", "nodes", "node_count", "cores", "cpus", "features", "partition", "flags", "users", "groups",
    "accounts", "licenses", "active", "burst_buffer", "max_start_delay", "watts", "core_ids",
)  # fmt: skip


def joined(lines: Sequence[str], one_line: bool) -> str:
    return " ".join(lines) + "\n" if one_line else "\n   ".join(lines) + "\n\n"


STEP_ASKED = (
    ("CpusPerTres", "cpus_per_tres"), ("MemPerTres", "mem_per_tres"), ("TresBind", "tres_bind"), ("TresFreq", "tres_freq"),
    ("TresPerStep", "tres_per_step"), ("TresPerNode", "tres_per_node"), ("TresPerSocket", "tres_per_socket"),
    ("TresPerTask", "tres_per_task"),
)  # fmt: skip


def step_text(step: Mapping[str, Any], view: View, one_line: bool) -> str:
    step_name = step_id(view, *(step[name] for name in STEP_COLUMNS[:6]))
    until = "UNLIMITED" if step["time_limit"] == UNLIMITED else long_seconds(step["time_limit"] * 60)
    numbered = is_numbered(step["step_id"])
    spread = f" Dist={distribution.shown(step['distribution'])}" if numbered else ""
    lines = [
        f"StepId={step_name} UserId={step['uid']} StartTime={view.time(step['start_time'], 'Unknown')} TimeLimit={until}",
        f"State={step['state']} Partition={step['partition']} NodeList={step['nodes']}",
        f"Nodes={step['num_nodes']} CPUs={step['num_cpus'] if numbered else 0} Tasks={step['ntasks']} Name={step['name']}"
        " Network=(null)",
        f"TRES={or_null(step['tres'])}",
        "ResvPorts=(null)",
        f"{frequencies(step['cpu_freq']) or 'CPUFreqReq=Default'}{spread}",
        f"SrunHost:Pid={or_null(step['src_host'])}:{step['src_pid']}",
    ]
    for key, name in STEP_ASKED:
        if step[name]:
            shown = gpu_binding.shown(step[name], view.compat) if name == "tres_bind" else tres_name(view, step[name])
            lines.append(f"{key}={shown}")
    return joined(lines, one_line)


def node_text(node: Mapping[str, Any], view: View, details: bool, one_line: bool) -> str:
    usable = node["cpus"] - node["core_spec"] * node["threads_per_core"]
    arch = f" Arch={node['arch']}" if node["arch"] else ""
    bind = f" CpuBind={node['cpu_bind']}" if node["cpu_bind"] else ""
    load = "N/A" if node["cpu_load"] is None else f"{node['cpu_load']:.2f}"
    free = "N/A" if node["free_mem"] is None else node["free_mem"]
    spec = f" CoreSpecCount={node['core_spec']}" if node["core_spec"] else ""
    spec += f" MemSpecLimit={node['mem_spec']}" if node["mem_spec"] else ""
    lines = [
        f"NodeName={node['name']}{arch}{bind} CoresPerSocket={node['cores_per_socket']} ",
        f"CPUAlloc={node['cpus_alloc']} CPUEfctv={usable} CPUTot={node['cpus']} CPULoad={load}",
        f"AvailableFeatures={or_null(node['features'])}",
        # none of those that there are in use: an empty text
        f"ActiveFeatures={node['active_features'] if node['features'] else or_null(node['active_features'])}",
        f"Gres={or_null(node['gres'])}",
    ]
    if details:
        lines += ["GresDrain=N/A", f"GresUsed={or_null(node['gres_used'])}"]
    port = f" Port={node['port']}" if node["port"] else ""
    version = f" Version={node['version']}" if node["version"] else ""
    lines.append(f"NodeAddr={node['address'] or node['name']} NodeHostName={node['hostname'] or node['name']}{port}{version}")
    if node["os"]:
        lines.append(f"OS={node['os']} ")
    words = node_state_full(node["state"], node["flags"])
    lines += [
        f"RealMemory={node['real_memory']} AllocMem={node['mem_alloc']} FreeMem={free} Sockets={node['sockets']}"
        f" Boards={node['boards']}{spec}",
        f"State={words} ThreadsPerCore={node['threads_per_core']} TmpDisk={node['tmp_disk']} Weight={node['weight']}"
        " Owner=N/A MCS_label=N/A",
    ]
    if node["partitions"]:
        lines.append(f"Partitions={','.join(node['partitions'])} ")
    started = view.time(node["start_time"], "None")
    lines += [
        f"BootTime={view.time(node['boot_time'], 'None')} SlurmdStartTime={started}",
        f"LastBusyTime={view.time(node['last_busy'], 'Unknown')}"
        + (f" ResumeAfterTime={view.time(node['resume_at'], 'None')}" if view.compat >= (23, 2) else ""),
        f"CfgTRES={node['cfg_tres']}",
        f"AllocTRES={node['alloc_tres']}",
    ]
    if view.compat < (25, 5):
        lines += ["CapWatts=n/a", "CurrentWatts=0 AveWatts=0"]
    if view.compat < (24, 5):
        lines.append("ExtSensorsJoules=n/s ExtSensorsWatts=0 ExtSensorsTemp=n/s")
    if node["reason"]:
        from mgpu_slurm.facts.fields.node import user_name

        when = view.time(node["reason_time"], "")
        lines.append(f"Reason={node['reason']}" + (f" [{user_name(node['reason_uid'])}@{when}]" if when else ""))
    if node["comment"]:
        lines.append(f"Comment={node['comment']}")
    if node["extra"]:
        lines.append(f"Extra={node['extra']}")
    return joined(lines, one_line)


def _yes(value: Any) -> str:
    return "YES" if value else "NO"


def _names(values: Sequence[str]) -> str:
    return ",".join(values) or "ALL"


def _bound(value: int | None) -> str:
    return "UNLIMITED" if value in (None, UNLIMITED) else str(value)


def _memory(part: Mapping[str, Any], least: str) -> str:
    """DefMemPerCPU=100, or per node where that is set or nothing is."""
    per_cpu = part[f"{least.lower()}_mem_per_cpu"]
    if per_cpu:
        return f"{least}MemPerCPU={per_cpu}"
    return f"{least}MemPerNode={part[f'{least.lower()}_mem_per_node'] or 'UNLIMITED'}"


def partition_text(part: Mapping[str, Any], view: View, one_line: bool) -> str:
    accounts = f"DenyAccounts={','.join(part['deny_accounts'])}" if part["deny_accounts"] else ""
    qos = f"DenyQos={','.join(part['deny_qos'])}" if part["deny_qos"] else ""
    defaults = [f"{key}={part[name]}" for key, name in _JOB_DEFAULTS if part[name] is not None]
    default_time = "NONE" if part["default_time"] is None else limit(part["default_time"])
    over = part["over_time_limit"]
    sockets = " MaxCPUsPerSocket=UNLIMITED" if view.compat >= (23, 2) else ""
    # 22.05 leaves a blank behind it
    bind = f" CpuBind={part['cpu_bind']} " if part["cpu_bind"] else ""
    alternate = f" Alternate={part['alternate']}" if part["alternate"] else ""
    lines = [
        f"PartitionName={part['name']}",
        f"AllowGroups={_names(part['allow_groups'])} {accounts or 'AllowAccounts=' + _names(part['allow_accounts'])}"
        f" {qos or 'AllowQos=' + _names(part['allow_qos'])}",
        f"AllocNodes={_names(part['alloc_nodes'])}{alternate} Default={_yes(part['default'])}{bind} QoS={part['qos'] or 'N/A'}",
        f"DefaultTime={default_time} DisableRootJobs={_yes(part['disable_root'])} ExclusiveUser={_yes(part['exclusive_user'])}"
        f" GraceTime={part['grace_time']} Hidden={_yes(part['hidden'])}",
        f"MaxNodes={_bound(part['max_nodes'])} MaxTime={limit(part['max_time'])} MinNodes={part['min_nodes']}"
        f" LLN={_yes(part['lln'])} MaxCPUsPerNode={_bound(part['max_cpus_per_node'])}{sockets}",
        f"Nodes={or_null(part['nodes'])}",
        f"PriorityJobFactor={part['priority_job_factor']} PriorityTier={part['priority_tier']} RootOnly={_yes(part['root_only'])}"
        f" ReqResv={_yes(part['req_resv'])} OverSubscribe={part['oversubscribe']}",
        f"OverTimeLimit={'NONE' if over is None else 'UNLIMITED' if over == UNLIMITED else over}"
        f" PreemptMode={part['preempt_mode']}",
        f"State={part['state']} TotalCPUs={part['total_cpus']} TotalNodes={part['total_nodes']} SelectTypeParameters=NONE",
        f"JobDefaults={','.join(defaults) or '(null)'}",
        f"{_memory(part, 'Def')} {_memory(part, 'Max')}",
    ]
    if part["tres"]:
        lines.append(f"TRES={part['tres']}")
    elif view.compat < (23, 2):
        lines.append("TRES=(null)")
    if part["tres_billing_weights"]:
        lines.append(f"TRESBillingWeights={part['tres_billing_weights']}")
    return joined(lines, one_line)


def reservation_text(one: Mapping[str, Any], view: View, one_line: bool) -> str:
    names = {key: or_null(",".join(one[key])) for key in ("users", "groups", "accounts")}
    flags = ",".join(reservation.shown(one["flags"]))
    watts = f" Watts={one['watts'] or 'n/a'}" if view.compat < (25, 5) else ""
    delay = long_seconds(one["max_start_delay"]) if one["max_start_delay"] else "(null)"
    lines = [
        f"ReservationName={one['name']} StartTime={view.time(one['start'], 'Unknown')} EndTime={view.time(one['end'], 'Unknown')}"
        f" Duration={long_seconds(int(one['end'] - one['start']))}",
        f"Nodes={or_null(one['nodes'])} NodeCnt={one['node_count']} CoreCnt={one['cores']} Features={or_null(one['features'])}"
        f" PartitionName={or_null(one['partition'])} Flags={flags}",
        *(f"  NodeName={name} CoreIDs={ids}" for name, ids in one["core_ids"]),
        f"TRES=cpu={one['cpus']}" if one["cpus"] else "TRES=(null)",
        f"Users={names['users']} Groups={names['groups']} Accounts={names['accounts']} Licenses={or_null(one['licenses'])}"
        f" State={'ACTIVE' if one['active'] else 'INACTIVE'} BurstBuffer={or_null(one['burst_buffer'])}{watts}",
        f"MaxStartDelay={delay}",
    ]
    return joined(lines, one_line)


_JOB_DEFAULTS = (("DefCpuPerGPU", "def_cpus_per_gpu"), ("DefMemPerGPU", "def_mem_per_gpu"))
