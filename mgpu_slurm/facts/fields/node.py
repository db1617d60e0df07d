"""The fields of sinfo: of nodes alone, as a group of them has them. Those of partitions are in partition.py.

A group is a list of nodes that agree in all fields of kind "same". Fields of kind "span" show the smallest value with a
plus sign where the nodes differ ("sum" adds up). Columns named with # are made by the grouping: #nodes, #names, #cpus,
#states, #hosts.
"""

from __future__ import annotations

from mgpu_slurm.facts.fields.field import Field, View, null, plain
from mgpu_slurm.facts.states import node_state_full, node_state_short, node_state_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def state_long(_view: View, state: str | None, flags: Sequence[str]) -> str:
    return "n/a" if state is None else node_state_text(state, flags).lower()


def state_short(_view: View, state: str | None, flags: Sequence[str]) -> str:
    return "n/a" if state is None else node_state_short(state, flags).lower()


def state_complete(_view: View, state: str | None, flags: Sequence[str]) -> str:
    return "n/a" if state is None else node_state_full(state, flags).lower()


def active(view: View, value: str | None, available: str | None) -> str:
    """Empty where there are features and none is in use."""
    return value if value is not None and available else null(view, value)


def reason(_view: View, value: str | None) -> str:
    return value or "none"


def reason_time(view: View, value: float | None) -> str:
    return view.time(value, "Unknown")


def user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def reason_user(_view: View, uid: int | None) -> str:
    return "Unknown" if uid is None else user_name(uid)


def reason_user_long(_view: View, uid: int | None) -> str:
    return "Unknown" if uid is None else f"{user_name(uid)}({uid})"


def load(_view: View, value: float | None) -> str:
    return "N/A" if value is None else f"{value:.2f}"


def free_memory(_view: View, value: int | None) -> str:
    return "N/A" if value is None else str(value)


NODE_ROWS = [
    Field("", "AllocMem", "ALLOCMEM", "mem_alloc", plain),
    Field("V", "Cluster", "CLUSTER", "#nodes", lambda view, _count: view.cluster or "N/A", group="sum"),
    Field("", "Comment", "COMMENT", "comment", null),
    Field("Y", "Cores", "CORES", "cores_per_socket", plain, group="span"),
    Field("c", "CPUs", "CPUS", "cpus", plain, group="span"),
    Field("O", "CPUsLoad", "CPU_LOAD", "cpu_load", load, group="range"),
    Field("C", "CPUsState", "CPUS(A/I/O/T)", "#cpus", None, group="sum"),
    Field("d", "Disk", "TMP_DISK", "tmp_disk", plain, group="span"),
    Field("", "Extra", "EXTRA", "extra", null),
    Field("f", "Features", "AVAIL_FEATURES", "features", null),
    Field("b", "features_act", "ACTIVE_FEATURES", "active_features features", active),
    Field("e", "FreeMem", "FREE_MEM", "free_mem", free_memory, group="range"),
    Field("G", "Gres", "GRES", "gres", null),
    Field("", "GresUsed", "GRES_USED", "gres_used", null),
    Field("m", "Memory", "MEMORY", "real_memory", plain, group="span"),
    Field("o", "NodeAddr", "NODE_ADDR", "address", plain, cut_header=False),
    Field("A", "NodeAI", "NODES(A/I)", "#states", lambda _view, text: "/".join(text.split("/")[:2]), group="sum"),
    Field("F", "NodeAIOT", "NODES(A/I/O/T)", "#states", None, group="sum"),
    Field("n", "NodeHost", "HOSTNAMES", "hostname", plain, cut_header=False),
    Field("N", "NodeList", "NODELIST", "#names", None, cut_header=False, group="sum"),
    Field("D", "Nodes", "NODES", "#nodes", plain, group="sum"),
    Field("", "Port", "PORT", "port", plain, group="sum"),
    Field("E", "Reason", "REASON", "reason", reason),
    Field("i", "Reservation", "RESERVATION", "#nodes", lambda _view, _count: "", since=(24, 5), group="sum"),
    Field("X", "Sockets", "SOCKETS", "sockets", plain, group="span"),
    Field("z", "SocketCoreThread", "S:C:T", "#geometry", None, group="sum"),
    Field("t", "StateCompact", "STATE", "state flags", state_short),
    Field("", "StateComplete", "STATECOMPLETE", "state flags", state_complete),
    Field("T", "StateLong", "STATE", "state flags", state_long),
    Field("Z", "Threads", "THREADS", "threads_per_core", plain, group="span"),
    Field("H", "TimeStamp", "TIMESTAMP", "reason_time", reason_time),
    Field("u", "User", "USER", "reason_by", reason_user),
    Field("U", "UserLong", "USER", "reason_by", reason_user_long),
    Field("v", "Version", "VERSION", "version", plain),
    Field("w", "Weight", "WEIGHT", "weight", plain, group="span"),
]

