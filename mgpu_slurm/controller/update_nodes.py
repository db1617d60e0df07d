"""scontrol update node: drain, resume, down and what else an administrator sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.base import errors, hostlist
from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.controller import permissions, reconcile, resizing
from mgpu_slurm.facts.states import COMPLETING
from mgpu_slurm.records import node_columns

if TYPE_CHECKING:
    from mgpu_slurm.controller.context import Context
    from mgpu_slurm.controller.events import Caller
    from mgpu_slurm.records.node import Node
    from mgpu_slurm.wire.messages import Update

STATES = frozenset({"DOWN", "DRAIN", "FAIL", "IDLE", "RESUME", "UNDRAIN", "NORESP", "FUTURE"})
OUT = frozenset({"DOWN", "DRAIN", "FAIL"})
"""States that a reason is kept with."""
KEYS = frozenset({
    "activefeatures", "availablefeatures", "comment", "cpubind", "extra", "features", "gres", "nodeaddr", "nodehostname",
    "reason", "resumeafter", "state", "weight",
})  # fmt: skip


def update(ctx: Context, caller: Caller, message: Update, now: float) -> list[tuple[str, int, str]]:
    """One row per node; of a deletion, per node that stays. Raises SlurmError 2018, 2028 and for keys that cannot be changed.

    A state that some of the nodes cannot take is refused (2028) after the others have taken it; what else is asked is done,
    but for the weight.
    """
    permissions.need_operator(ctx, caller)
    if message.action == "delete":
        return _delete(ctx, message.name)
    changes = {key.lower(): text for key, text in message.changes}
    for key, text in message.changes:
        if key.lower() not in KEYS:
            raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Update of this parameter is not supported: {key}={text}")
    nodes = named(ctx, message.name)
    if "state" in changes and changes["state"].upper() not in STATES:
        raise SlurmError(errors.ESLURM_INVALID_NODE_STATE)
    if "weight" in changes and not changes["weight"].isdecimal():
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED, f"Invalid Weight value: {changes['weight']}")
    places = {key: _one_each(changes[key], len(nodes)) for key in ("nodeaddr", "nodehostname") if key in changes}
    for node in nodes:
        _check(ctx, node, changes)
    refused = False
    for number, node in enumerate(nodes):
        for key, words in places.items():
            setattr(node, "address" if key == "nodeaddr" else "hostname", words[number])
        refused |= not _change(ctx, node, changes, caller, now)
    if "weight" in changes and not refused:
        for node in nodes:
            node.weight = int(changes["weight"])
            ctx.save_node(node)
    ctx.replan()
    if refused:
        raise SlurmError(errors.ESLURM_INVALID_NODE_STATE)
    return [(node.name, 0, "") for node in nodes]


def _delete(ctx: Context, text: str) -> list[tuple[str, int, str]]:
    """Take nodes out, until the configuration is read again or they join again. A row for each that stays: it is not known, or
    jobs are on it. Raises SlurmError 2018 where none is named."""
    if ctx.settings.embedded:
        raise SlurmError(errors.ESLURM_NOT_SUPPORTED)
    try:
        names = list(ctx.state.nodes) if text.upper() == "ALL" else hostlist.expand(text)
    except ValueError:
        names = []
    if not names:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    rows = []
    for name in names:
        node = ctx.state.nodes.get(name)
        if node is None or ctx.state.jobs_on(name):
            code = errors.ESLURM_INVALID_NODE_NAME if node is None else errors.ESLURM_NODES_BUSY
            rows.append((name, code, errors.strerror(code, ctx.settings.compat)))
            continue
        ctx.removed[name] = node.start_time
        del ctx.state.nodes[name]
        ctx.save_node(node)
        for partition in ctx.state.partitions.values():
            if name in partition.nodes:
                partition.nodes = [one for one in partition.nodes if one != name]
                ctx.save_partition(partition)
        for what in ("node", "lease", "resume"):
            ctx.timers.cancel(what, name)
    ctx.replan()
    return rows


def _one_each(text: str, count: int) -> list[str]:
    """Raises SlurmError 2018 where there is not one word for each node."""
    try:
        words = hostlist.expand(text) if text else []
    except ValueError:
        words = []
    if len(words) != count:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    return words


def _check(ctx: Context, node: Node, changes: dict[str, str]) -> None:
    """Raises SlurmError 2031 for features in use that the node has not, 2072 for GPUs that are not there."""
    available = changes.get("features", changes.get("availablefeatures"))
    has = node.features if available is None else _words(available)
    # a new list of features puts all of them to use, where those in use are among them
    active = _words(changes["activefeatures"]) if "activefeatures" in changes else node.active_features
    if not set(active) <= set(has):
        raise SlurmError(errors.ESLURM_ACTIVE_FEATURE_NOT_SUBSET)
    wanted = changes.get("gres", "")
    names = {word.partition(":")[0] for word in wanted.split(",") if word}
    if names & set(ctx.settings.gres_types) and wanted not in (node_columns.gres(node), *_plain_counts(node)):
        raise SlurmError(errors.ESLURM_INVALID_GRES)


def _plain_counts(node: Node) -> list[str]:
    """Its devices where they are of one kind, as a count without a type."""
    devices = node_columns.devices(node)
    return [f"{name}:{len(found)}" for name, found in devices.items()] if len(devices) == 1 else []


def _is_out(node: Node) -> bool:
    """Whether there is something to give a reason for."""
    return node.state in ("DOWN", "FUTURE", "UNKNOWN") or not {"DRAIN", "FAIL"}.isdisjoint(node.flags)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def named(ctx: Context, text: str) -> list[Node]:
    try:
        names = list(ctx.state.nodes) if text.upper() == "ALL" else hostlist.expand(text)
    except ValueError:
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME) from None
    if not names or not ctx.state.nodes.keys() >= set(names):
        raise SlurmError(errors.ESLURM_INVALID_NODE_NAME)
    return [ctx.state.nodes[name] for name in names]


def _change(ctx: Context, node: Node, changes: dict[str, str], caller: Caller, now: float) -> bool:
    """Whether the node could take the state that is asked for; an empty reason changes nothing."""
    explained = changes.get("state", "").upper() in OUT or (
        _is_out(node) and (node.state != "FUTURE" or not {"DRAIN", "FAIL"}.isdisjoint(node.flags))
    )
    if changes.get("reason") and explained:
        node.reason, node.reason_uid, node.reason_time = changes["reason"], caller.uid, now
    for key in ("features", "availablefeatures"):
        if key in changes:
            node.features = _words(changes[key])
            node.active_features = list(node.features)
    if "activefeatures" in changes:
        node.active_features = _words(changes["activefeatures"])
    if "comment" in changes:
        node.comment = changes["comment"]
    if "extra" in changes:
        node.extra = changes["extra"]
    if changes.get("cpubind"):
        node.cpu_bind = "" if changes["cpubind"] == "off" else changes["cpubind"]
    if "gres" in changes:
        if changes["gres"] not in _plain_counts(node):
            node.gres_text = changes["gres"]
        node.gres_text = node_columns.gres(node)  # none: what was found
    taken = "state" not in changes or _state(ctx, node, changes["state"].upper(), now)
    if "resumeafter" in changes:
        seconds = int(changes["resumeafter"])
        node.resume_at = now + seconds if seconds >= 0 and _is_out(node) else 0.0
        resume_later(ctx, node)
    ctx.save_node(node)
    return taken


def resume_later(ctx: Context, node: Node) -> None:
    """Set the timer of a node that is to be resumed by itself."""
    if node.resume_at:
        ctx.timers.set("resume", node.name, node.resume_at)
    else:
        ctx.timers.cancel("resume", node.name)


def resume(ctx: Context, name: str, now: float) -> None:
    """The time of a node's ResumeAfter has come."""
    node = ctx.state.nodes.get(name)
    if node is not None and node.resume_at:
        if _is_out(node):
            _state(ctx, node, "RESUME", now)
        node.resume_at = 0.0
        ctx.save_node(node)
        ctx.replan()


def _state(ctx: Context, node: Node, state: str, now: float) -> bool:
    """Whether the node can take the state, which it then has.

    A node is either to be drained or to fail. One that jobs run on is neither IDLE nor FUTURE, one that is FUTURE is resumed
    and not IDLE, and one that is well cannot be resumed.
    """
    busy = any(COMPLETING not in job.flags for job in ctx.state.jobs_on(node.name))
    if state in ("DRAIN", "FAIL"):
        _drop(node, "DRAIN", "FAIL")
        node.flags = [*node.flags, state]
    elif state == "UNDRAIN":
        node.last_busy = now
        _drop(node, "DRAIN", *(() if busy or node.state == "DOWN" else ("FAIL",)))
        if node.state != "DOWN" and "FAIL" not in node.flags:
            _forget_reason(node)
    elif state in ("RESUME", "IDLE"):
        healthy = node.state not in ("DOWN", "FUTURE", "UNKNOWN") and not {"DRAIN", "FAIL"} & set(node.flags)
        if (healthy if state == "RESUME" else busy or node.state == "FUTURE"):
            return False
        _drop(node, "DRAIN", "FAIL")
        _forget_reason(node)
        node.last_busy, node.resume_at = now, 0.0
        ctx.timers.cancel("resume", node.name)
        if node.state in ("DOWN", "FUTURE", "UNKNOWN"):
            node.state = "IDLE"
            if not node.responding:
                ctx.timers.set("node", node.name, now + ctx.settings.slurmd_timeout)
    elif state == "NORESP":
        if "NOT_RESPONDING" not in node.flags:
            node.flags = [*node.flags, "NOT_RESPONDING"]
    elif state == "FUTURE":
        if busy:
            return False
        node.state = "FUTURE"
        _drop(node, "DRAIN", "FAIL")
        _forget_reason(node)
    else:
        node.state = "DOWN"
        for job in ctx.state.jobs_on(node.name):
            if COMPLETING not in job.flags and not resizing.do_without(ctx, job, node.name, now):
                reconcile.fail(ctx, job, now)
    return True


def _forget_reason(node: Node) -> None:
    node.reason, node.reason_time, node.reason_uid = "", 0.0, 0


def _drop(node: Node, *flags: str) -> None:
    node.flags = [flag for flag in node.flags if flag not in flags]
