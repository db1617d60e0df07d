"""A node as the controller knows it: what is configured, what it registered with, and its state."""

from __future__ import annotations

import msgspec

from mgpu_slurm.records.gpu import Gpu


class Node(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Memory and disk in MiB, times UTC seconds. What jobs hold is derived from the jobs, not stored here."""

    name: str
    hostname: str = ""
    address: str = ""
    port: int = 0
    unix_socket: str = ""  # the node daemon's, usable from its own host
    state: str = "UNKNOWN"  # base: UNKNOWN, IDLE, DOWN, FUTURE; ALLOCATED and MIXED are derived
    flags: list[str] = []  # DRAIN, FAIL, NOT_RESPONDING, MAINT, DYNAMIC_NORM, ...
    reason: str = ""
    reason_uid: int = 0
    reason_time: float = 0.0
    resume_at: float = 0.0  # when it is to be resumed by itself
    cpus: int = 1
    boards: int = 1
    sockets: int = 1
    cores_per_socket: int = 1
    threads_per_core: int = 1
    real_memory: int = 1
    tmp_disk: int = 0
    features: list[str] = []
    active_features: list[str] = []
    gres_text: str = ""  # as configured or found, e.g. "gpu:a100:4"
    gpus: list[Gpu] = []
    weight: int = 1
    core_spec: int = 0
    mem_spec: int = 0
    dynamic: bool = False  # joined without being in the configuration
    responding: bool = False
    boot_time: float = 0.0
    start_time: float = 0.0  # of the node daemon
    last_busy: float = 0.0
    last_contact: float = 0.0  # controller's clock
    cpu_load: float = 0.0
    free_mem: int | None = None
    arch: str = ""
    os: str = ""
    version: str = ""
    boot_id: str = ""
    cpu_bind: str = ""  # how tasks are bound by default
    comment: str = ""
    extra: str = ""
