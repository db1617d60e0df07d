"""Nodes: how they join, when they count as lost, what an administrator may set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import picture
from mgpu_slurm.records.node import Node

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.wire.messages import GpuTrouble, Heartbeat, Register

SILENT_REASON = "Not responding"
INVALID = "INVALID_REG"
SHORTEST_LEASE = 30
"""Seconds. A node's own knowledge of its last contact is up to 20 s behind, and its supervisors look every 2 s: with a
shorter lease they would end jobs of a healthy node, or this side would start a job again while it still lives there."""


def admit(ctx: Context, name: str, message: Register, address: str, now: float) -> tuple[Node, bool] | None:
    """Take a node's registration into its record; a node nobody configured joins where it says that it is dynamic.

    The node, and whether its machine was started anew since the last registration; None where it may not join.
    """
    node = ctx.state.nodes.get(name)
    if node is None:
        if not message.dynamic:
            ctx.note("error", f"node {name} is not in the configuration, its registration is refused")
            return None
        if message.start_time and ctx.removed.get(name) == message.start_time:
            # as slurmd -Z, which registers once: it joins again when it is started again, as a node nobody knows
            ctx.note("error", f"node {name} was deleted, and joins again when its daemon is started again")
            return None
        node = Node(name=name, dynamic=True, flags=["DYNAMIC_NORM"], state="UNKNOWN")
        ctx.state.nodes[name] = node
        _join(ctx, node)
    hardware = message.hardware
    rebooted = bool(node.boot_id and hardware.boot_id and node.boot_id != hardware.boot_id)
    node.hostname = hardware.hostname or node.hostname or name
    node.address = address if not message.address else message.address
    node.port = message.port
    node.unix_socket = message.unix_socket
    node.version = message.version
    node.arch, node.os = hardware.arch, hardware.os
    node.boot_time, node.boot_id = hardware.boot_time, hardware.boot_id
    node.start_time = message.start_time
    node.cpu_load, node.free_mem = hardware.cpu_load, hardware.free_mem
    node.last_contact = now
    if node.dynamic or ctx.settings.embedded:
        # nobody has said what the machine has: it is what it is
        _take_hardware(node, message)
        _share_memory(ctx, node)
    else:
        if message.gpus:
            node.gpus = message.gpus
        _judge(ctx, node, message, now)
    _back(ctx, node, now, rebooted)
    ctx.save_node(node)
    return node, rebooted


def _join(ctx: Context, node: Node) -> None:
    for partition in ctx.state.partitions.values():
        if partition.all_nodes and node.name not in partition.nodes:
            partition.nodes = [*partition.nodes, node.name]


def _share_memory(ctx: Context, node: Node) -> None:
    """Where nobody has configured anything, a job that names no memory gets its CPUs' part of the node's.

    Slurm's default is the whole node's memory, so that two small jobs would never run beside one another.
    """
    defaults = ("DefMemPerCPU", "DefMemPerNode", "DefMemPerGPU")
    if not (ctx.settings.embedded or ctx.settings.without_file):
        return
    known = [other for other in ctx.state.nodes.values() if other.cpus and other.real_memory > 1] or [node]
    if "DefMemPerCPU" in ctx.automatic or not any(ctx.config.get(key) for key in defaults):
        ctx.config.values["DefMemPerCPU"] = max(1, min(other.real_memory // other.cpus for other in known))
        ctx.automatic.add("DefMemPerCPU")


def _take_hardware(node: Node, message: Register) -> None:
    hardware = message.hardware
    node.cpus = hardware.cpus
    node.boards = hardware.boards
    node.sockets = hardware.sockets
    node.cores_per_socket = hardware.cores_per_socket
    node.threads_per_core = hardware.threads_per_core
    node.real_memory = hardware.real_memory
    node.tmp_disk = hardware.tmp_disk
    node.gpus = message.gpus
    node.gres_text = message.gres_text or _gres_text(message)


def _gres_text(message: Register) -> str:
    counts: dict[str, int] = {}
    for gpu in message.gpus:
        counts[gpu.type] = counts.get(gpu.type, 0) + 1
    return ",".join(f"gpu:{kind}:{count}" if kind else f"gpu:{count}" for kind, count in counts.items())


def _judge(ctx: Context, node: Node, message: Register, now: float) -> None:
    """A machine with less than configured gets no work (INVAL), unless the configuration is to override what it is."""
    wrong = "" if ctx.settings.config_overrides else _shortfall(node, message)
    if wrong:
        if INVALID not in node.flags:
            node.flags = [*node.flags, INVALID]
        if node.reason != wrong:
            node.reason, node.reason_time, node.reason_uid = wrong, now, ctx.settings.slurm_uid
            ctx.note("error", f"node {node.name}: {wrong}")
    elif INVALID in node.flags:
        node.flags = [flag for flag in node.flags if flag != INVALID]
        if "DRAIN" not in node.flags:
            node.reason = ""


def _shortfall(node: Node, message: Register) -> str:
    """What is missing, in Slurm's words; "" for nothing."""
    hardware = message.hardware
    if hardware.cpus < node.cpus:
        return "Low socket*core*thread count, Low CPUs"
    if hardware.real_memory < node.real_memory:
        return f"Low RealMemory (reported:{hardware.real_memory} < 100.00% of configured:{node.real_memory})"
    if hardware.tmp_disk < node.tmp_disk:
        return "Low TmpDisk"
    configured = sum(len(types) for name, types in _configured(node).items() if name == "gpu")
    if len(message.gpus) < configured:
        return f"gres/gpu count reported lower than configured ({len(message.gpus)} < {configured})"
    return ""


def _configured(node: Node) -> dict[str, list[list[str]]]:
    bare = Node(name=node.name, gres_text=node.gres_text)
    return picture.devices(bare)


def _back(ctx: Context, node: Node, now: float, rebooted: bool) -> None:
    """The node answers again; whether it also serves again after it was DOWN is ReturnToService's to say."""
    node.responding = True
    node.flags = [flag for flag in node.flags if flag != "NOT_RESPONDING"]
    ctx.timers.cancel("node", node.name)
    ctx.timers.cancel("lease", node.name)
    if node.state == "UNKNOWN" or node.state == "FUTURE":
        node.state = "IDLE"
    elif node.state == "DOWN":
        service = ctx.settings.return_to_service
        if service == 2 or node.dynamic or ctx.settings.embedded or (service >= 1 and node.reason == SILENT_REASON):
            node.state = "IDLE"
            if "DRAIN" not in node.flags and INVALID not in node.flags:
                node.reason = ""
        elif rebooted and node.reason == SILENT_REASON:
            node.reason = "Node unexpectedly rebooted"


def silent(ctx: Context, node: Node, now: float) -> None:
    """The node's link is lost: NOT_RESPONDING now, DOWN after SlurmdTimeout, its jobs lost after lease and margin."""
    node.responding = False
    if "NOT_RESPONDING" not in node.flags:
        node.flags = [*node.flags, "NOT_RESPONDING"]
    ctx.timers.set("node", node.name, now + ctx.settings.slurmd_timeout)
    if lease(ctx):
        ctx.timers.set("lease", node.name, now + lease(ctx) + ctx.settings.margin)
    ctx.save_node(node)
    ctx.replan()


def lease(ctx: Context) -> int:
    """Seconds without contact after which a node ends its jobs itself; 0: never.

    The one node of an embedded cluster has none: nothing is started elsewhere, and its jobs go on without the controller.
    """
    if ctx.settings.embedded:
        return 0
    return max(SHORTEST_LEASE, ctx.settings.lease or ctx.settings.slurmd_timeout)


def timed_out(ctx: Context, name: str, now: float) -> None:
    """SlurmdTimeout has passed without a word."""
    node = ctx.state.nodes.get(name)
    if node is None or node.responding or node.state == "DOWN":
        return
    node.state = "DOWN"
    if not node.reason:
        node.reason, node.reason_time, node.reason_uid = SILENT_REASON, now, ctx.settings.slurm_uid
    ctx.note("error", f"node {name} is not responding, set DOWN")
    ctx.save_node(node)
    ctx.replan()


def drain(ctx: Context, name: str, reason: str, now: float) -> None:
    """The node gets no more jobs until somebody has looked at it."""
    node = ctx.state.nodes.get(name)
    if node is None:
        return
    if "DRAIN" not in node.flags:
        node.flags = [*node.flags, "DRAIN"]
    node.reason, node.reason_time, node.reason_uid = reason, now, ctx.settings.slurm_uid
    ctx.note("error", f"node {name}: {reason}, draining it")
    ctx.save_node(node)
    ctx.replan()


def heartbeat(ctx: Context, name: str, message: Heartbeat, now: float) -> None:
    node = ctx.state.nodes.get(name)
    if node is not None:
        node.last_contact = now
        if node.responding and "NOT_RESPONDING" in node.flags:
            # an administrator's word, which lasts until the node is heard of
            node.flags = [flag for flag in node.flags if flag != "NOT_RESPONDING"]
            ctx.save_node(node)
            ctx.replan()
        node.cpu_load, node.free_mem = message.cpu_load, message.free_mem


def gpu_trouble(ctx: Context, name: str, message: GpuTrouble, now: float) -> None:
    """The node's GPUs as they are now; sick ones are not given out."""
    node = ctx.state.nodes.get(name)
    if node is None:
        return
    node.gpus = message.gpus
    ctx.note("error", f"node {name}: {message.text}")
    ctx.save_node(node)
    ctx.replan()


def find(ctx: Context, name: str) -> Node:
    node = ctx.state.nodes.get(name)
    if node is None:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    return node
