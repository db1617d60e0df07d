"""Launch orders: a verified request of srun, or a batch launch of the controller, as a supervisor gets it."""

from __future__ import annotations

from collections.abc import Sequence
from hmac import compare_digest
from typing import Any

import msgspec

from mgpu_slurm.base.errors import (
    ESLURM_ACCESS_DENIED,
    ESLURM_INVALID_NODE_NAME,
    ESLURMD_CREDENTIAL_EXPIRED,
    ESLURMD_INVALID_JOB_CREDENTIAL,
    SLURM_UNEXPECTED_MSG_ERROR,
    SlurmError,
)
from mgpu_slurm.facts.environ_devices import ALL_VARIABLES, NVIDIA_VARIABLES
from mgpu_slurm.node.core import own_deadline
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.records.hardware import CpuPlace
from mgpu_slurm.wire import credential, jsontext
from mgpu_slurm.wire.credential import Identity
from mgpu_slurm.wire.messages import FileOrder, LaunchBatch, LaunchTasks, ReceiveFile, StepSpec

PASSED = ("stdin", "stdout", "stderr")

_decoder = msgspec.json.Decoder(StepSpec)
_file_decoder = msgspec.json.Decoder(FileOrder)


class Nonces:
    """Launch orders that were used, until they expire by themselves."""

    def __init__(self) -> None:
        self._used: dict[str, float] = {}

    def use(self, nonce: str, expires: float, now: float) -> None:
        """SlurmError: used before."""
        if nonce in self._used:
            raise SlurmError(ESLURMD_INVALID_JOB_CREDENTIAL)
        if len(self._used) > 1000:
            self._used = {each: until for each, until in self._used.items() if until >= now}
        self._used[nonce] = expires


def verify(
    message: LaunchTasks, who: Identity, key: bytes, node: str, nonces: Nonces, now: float
) -> tuple[StepSpec, dict[str, Any]]:
    """The step that the controller signed, typed and as plain data. SlurmError: not its signature, not this user, not
    this node, too late, or used before."""
    text = message.spec.encode("utf-8", "surrogateescape")
    if not compare_digest(credential.mac(key, text).hex(), message.mac):
        raise SlurmError(ESLURMD_INVALID_JOB_CREDENTIAL)
    try:
        spec = _decoder.decode(text)
        plain = jsontext.loads(text)
    except (msgspec.MsgspecError, ValueError):
        raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR) from None
    if who.uid not in (0, spec.job.uid):
        raise SlurmError(ESLURM_ACCESS_DENIED)
    if spec.expires < now:
        raise SlurmError(ESLURMD_CREDENTIAL_EXPIRED)
    if not any(part.node == node for part in spec.layout.nodes):
        raise SlurmError(ESLURM_INVALID_NODE_NAME)
    if len(set(message.passed)) != len(message.passed) or not set(message.passed) <= set(PASSED):
        raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR)
    nonces.use(spec.nonce, spec.expires, now)
    assert isinstance(plain, dict)
    return spec, plain


def verify_file(message: ReceiveFile, who: Identity, key: bytes, node: str, nonces: Nonces, now: float) -> FileOrder:
    """The leave to write a file that the controller signed. SlurmError as `verify`."""
    text = message.order.encode("utf-8", "surrogateescape")
    if not compare_digest(credential.mac(key, text).hex(), message.mac):
        raise SlurmError(ESLURMD_INVALID_JOB_CREDENTIAL)
    try:
        order = _file_decoder.decode(text)
    except msgspec.MsgspecError:
        raise SlurmError(SLURM_UNEXPECTED_MSG_ERROR) from None
    if who.uid not in (0, order.uid):
        raise SlurmError(ESLURM_ACCESS_DENIED)
    if order.expires < now:
        raise SlurmError(ESLURMD_CREDENTIAL_EXPIRED)
    if node not in order.nodes:
        raise SlurmError(ESLURM_INVALID_NODE_NAME)
    nonces.use(order.nonce, order.expires, now)
    return order


def for_file(message: ReceiveFile, order: FileOrder) -> dict[str, Any]:
    """What the process that writes the file is told."""
    fields = ("path", "mode", "force", "compressed", "times", "make_directory")
    return {"kind": "file", "uid": order.uid, "gid": order.gid, **{name: getattr(message, name) for name in fields}}


def for_tasks(message: LaunchTasks, plain: dict[str, Any]) -> dict[str, Any]:
    """The part of an order that is srun's."""
    launch = msgspec.to_builtins(message)
    for field in ("kind", "spec", "mac"):
        launch.pop(field, None)
    job = plain["job"]
    return {"kind": "tasks", "spec": plain, "launch": launch, "uid": job["uid"], "gid": job["gid"]}


def for_batch(message: LaunchBatch, script: str) -> dict[str, Any]:
    """The part of an order that is a batch script's."""
    return {
        "kind": "batch",
        "facts": msgspec.to_builtins(message.job),
        "script": script,
        "argv": message.argv,
        "environment": message.environment,
        "deadline": own_deadline(message.deadline),
        "kill_wait": message.kill_wait,
        "uid": message.job.uid,
        "gid": message.job.gid,
    }


def holds_gpus(order: dict[str, Any], node: str) -> bool:
    """Whether the step of an order has GPUs of this node."""
    parts = order["spec"]["layout"]["nodes"] if "spec" in order else order["facts"]["allocation"]["shares"]
    shares = [part.get("share") or part for part in parts if part["node"] == node]
    return any((share.get("gres") or {}).get("gpu") for share in shares)


def devices(gpus: Sequence[Gpu]) -> dict[str, Any]:
    """How the tasks of this node are told their GPUs (facts/environ_devices.py)."""
    found = [gpu for gpu in gpus if gpu.nvml_index is not None]
    ordinals = {}
    for gpu in found:
        name = gpu.uuid if gpu.mig_enabled and gpu.uuid else str(gpu.nvml_index)
        if name != str(gpu.index):
            ordinals[str(gpu.index)] = name
    variables = NVIDIA_VARIABLES if gpus and len(found) == len(gpus) else ALL_VARIABLES
    near = {str(gpu.index): gpu.cpu_affinity for gpu in gpus if gpu.cpu_affinity}
    return {"ordinals": ordinals, "variables": list(variables), "near": near, "gpus": len(gpus)}


def machine(places: Sequence[CpuPlace]) -> list[list[int]]:
    """The CPUs of this machine as a supervisor binds tasks to them (supervisor/binding.py)."""
    return [[each.cpu, each.socket, each.core, each.thread, each.numa_node or 0] for each in places]


def bindable(facts: dict[str, Any], node: str, places: Sequence[CpuPlace]) -> bool:
    """Whether CPU numbers of allocations mean CPUs of this machine: not where the configuration gives the node another
    number of them than it has."""
    return dict(facts.get("node_cpus") or {}).get(node) == len(places)
