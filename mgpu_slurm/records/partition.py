"""A partition: a named set of nodes with defaults and limits."""

from __future__ import annotations

import msgspec


class Partition(msgspec.Struct, omit_defaults=True, kw_only=True):
    """Times in minutes (UNLIMITED = -1), memory in MiB. `state` is UP, DOWN, DRAIN or INACTIVE."""

    name: str
    nodes: list[str] = []
    all_nodes: bool = False  # Nodes=ALL: nodes that join later belong to it
    default: bool = False
    state: str = "UP"
    max_time: int = -1
    default_time: int | None = None
    min_nodes: int = 0
    max_nodes: int = -1
    max_cpus_per_node: int = -1
    def_mem_per_cpu: int | None = None
    def_mem_per_node: int | None = None
    max_mem_per_cpu: int | None = None
    max_mem_per_node: int | None = None
    def_cpus_per_gpu: int | None = None
    def_mem_per_gpu: int | None = None
    allow_groups: list[str] = []
    allow_accounts: list[str] = []
    deny_accounts: list[str] = []
    allow_qos: list[str] = []
    deny_qos: list[str] = []
    alloc_nodes: list[str] = []
    hidden: bool = False
    root_only: bool = False
    disable_root: bool = False
    req_resv: bool = False
    oversubscribe: str = "NO"  # NO, YES:n, FORCE:n, EXCLUSIVE
    exclusive_user: bool = False
    lln: bool = False
    priority_tier: int = 1
    priority_job_factor: int = 1
    preempt_mode: str = "OFF"
    grace_time: int = 0
    over_time_limit: int | None = None
    qos: str = ""
    alternate: str = ""
    cpu_bind: str = ""  # how tasks are bound by default
    tres_billing_weights: str = ""  # as given
