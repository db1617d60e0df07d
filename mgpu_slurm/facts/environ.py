"""The variables that batch scripts, steps, tasks and salloc shells receive, and from what.

Everything is computed from the plain-dict forms (JSON) of the launch messages: `facts` is a JobFacts, `spec` a StepSpec,
`launch` a LaunchTasks of wire/messages.py; absent keys have their defaults. The results lie over the environment that the
user submitted; a value of None removes a name from it. Memory is in MiB, times are UTC seconds.

The sets were recorded from Slurm 22.05.8 (tests/facts/test_environ.py) and follow `compat` where newer ones differ.
"""

from __future__ import annotations

from mgpu_slurm.base.counts import compress
from mgpu_slurm.base.hostlist import expand, fold, fold_sorted
from mgpu_slurm.base.sluid import SINCE as SLUIDS
from mgpu_slurm.facts import environ_het, environ_launch
from mgpu_slurm.facts import gpu_binding as gpu_bindings
from mgpu_slurm.facts.environ_devices import Devices, device_variables
from mgpu_slurm.facts.environ_job import array_variables, compat_of, job_variables, owner_variables
from mgpu_slurm.facts.environ_requests import requested
from mgpu_slurm.facts.environ_shares import gpus as gpus_of
from mgpu_slurm.facts.environ_shares import of_node, usable
from mgpu_slurm.facts.environ_shares import shares as shares_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    Facts = Mapping[str, Any]
    Variables = dict[str, str | None]

UNSET = (
    "SLURM_STEP_GPUS",
    "SLURM_JOB_GPUS",
    "SLURM_GPUS_ON_NODE",
    "SLURM_STEP_ID",
    "SLURM_STEPID",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_TASK_PID",
    "SLURM_NODE_ALIASES",
)
"""What an outer job may have left in the submitted environment of a batch script and would now be untrue."""

INTERACTIVE = "4294967290"
"""The number that stands for the step of an allocation's shell."""

COUNTS = ("SLURM_NNODES", "SLURM_NPROCS", "SLURM_NTASKS", "SLURM_TASKS_PER_NODE")
"""What --preserve-env leaves as it was around the step."""

_INTERNAL = ("SLURM_UMASK", "SLURM_RLIMIT_")


def apply(environment: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """An environment with changes over it; None removes."""
    result = dict(environment)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result


def _place(node: str) -> Variables:
    return {
        "SLURMD_NODENAME": node,
        "SLURM_TOPOLOGY_ADDR": node,
        "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
    }


def _task_counts(facts: Facts, request: Facts) -> Variables:
    """SLURM_NTASKS, only where a number of tasks was asked for in some way."""
    by_devices = request.get("gpus_per_task") and (
        request.get("gpus") or request.get("gpus_per_node") or "gpu" in (request.get("gres") or "")
    )
    if not by_devices and not any(request.get(key) for key in ("ntasks", "ntasks_per_node", "ntasks_per_gpu")):
        return {}
    count = str(request.get("ntasks") or _of_nodes(request) or sum(facts.get("tasks_per_node") or ()))
    return {"SLURM_NTASKS": count, "SLURM_NPROCS": count}


def _of_nodes(request: Facts) -> int:
    """Tasks as sbatch counts them by those of a node; 0 where the number of nodes is left open."""
    least, most = request.get("min_nodes") or 1, request.get("max_nodes")
    return int(request.get("ntasks_per_node") or 0) * least if most in (None, least) else 0


def _arbitrary(request: Facts) -> Variables:
    """The nodes over which -m arbitrary lays tasks."""
    if request.get("distribution") != "arbitrary" or not request.get("nodelist"):
        return {}
    return {"SLURM_ARBITRARY_NODELIST": fold_sorted(set(expand(str(request["nodelist"]))))}


def _memory(request: Facts) -> Variables:
    changes: Variables = {}
    for name, key in (("NODE", "mem_per_node"), ("CPU", "mem_per_cpu"), ("GPU", "mem_per_gpu")):
        # up to 22.05 nobody is told how much the whole memory of a node is
        if request.get(key) or (key == "mem_per_gpu" and request.get(key) == 0):
            changes["SLURM_MEM_PER_" + name] = str(request[key])
    return changes


def _asked(facts: Facts, request: Facts, shell: bool = False) -> Variables:
    """What stems from the request: counts of tasks, memory, and what is only repeated."""
    counts = {**_arbitrary(request), **_task_counts(facts, request), **_memory(request)}
    return {**counts, **requested(request, compat_of(facts), shell=shell)}


def salloc_environment(facts: Facts, asked: Sequence[Facts] = ()) -> Variables:
    """The shell of salloc. `asked` are the components' requests as typed: unlike a batch script, the shell sees no default
    memory."""
    components = facts.get("components") or ()
    if components:
        pairs = zip(components, asked, strict=True)
        return environ_het.shell([(_as_typed(one, typed), _asked(one, typed, True)) for one, typed in pairs])
    typed = asked[0] if asked else facts.get("request") or {}
    return {**_as_typed(facts, typed), **_asked(facts, typed, True)}


def _as_typed(facts: Facts, typed: Facts) -> Variables:
    """What salloc's shell and copies for components hear of a job: all of the partitions asked for."""
    changes = job_variables(facts)
    if typed.get("partition"):
        changes["SLURM_JOB_PARTITION"] = typed["partition"]
    return changes


def srun_environment(facts: Facts) -> dict[str, str]:
    """What srun adds to the environment of its tasks where the allocation is its own."""
    return environ_het.srun([_as_typed(one, one.get("request") or {}) for one in facts.get("components") or ()])


def batch_environment(
    facts: Facts, node: str, devices: Devices | None = None, submitted: Mapping[str, str] | None = None
) -> Variables:
    """A batch script on its node. The task's own pid (SLURM_TASK_PID) is added by `pid_variables`; `submitted` is the
    environment that came with the job, where that of a job around it may be left."""
    request = facts.get("request") or {}
    compat = compat_of(facts)
    before = submitted or {}
    share = of_node(shares_of(facts), node)
    changes: Variables = dict.fromkeys(UNSET)
    if "SLURM_CPUS_PER_TASK" in before:
        changes["SLURM_CPUS_PER_TASK"] = "1"  # where this job has asked for none
    changes.update(job_variables(facts))
    del changes["SLURM_JOB_NAME"]  # sbatch has set it: it stays what it was at submission
    changes.update(owner_variables(facts))
    changes.update(array_variables(facts))
    changes.update(_place(node))
    changes.update(_task_counts(facts, request))
    changes.update(_memory(request))
    changes.update(_arbitrary(request))
    if "SLURM_ARBITRARY_NODELIST" in changes and compat < (23, 2) and sum(facts.get("tasks_per_node") or ()) != 1:
        # the older one stops counting here, unless there is nothing to count
        for name in ("SLURM_TASKS_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_MEM_PER_NODE"):
            changes.pop(name, None)
    components = facts.get("components") or ()
    if components:
        typed = [one.get("request") or {} for one in components]
        pairs = zip(components, typed, strict=True)
        changes.update(environ_het.batch([(_as_typed(one, asked), _asked(one, asked)) for one, asked in pairs]))
        changes.pop("SLURM_MEM_PER_GPU", None)
        if "SLURM_NTASKS" in changes:
            changes["SLURM_NTASKS"] = changes["SLURM_NPROCS"] = str(sum(facts.get("tasks_per_node") or ()))
    else:
        changes.update(requested(request, compat))
    changes.update(environ_launch.mpi_launchers(before, compat))
    changes.update(
        ENVIRONMENT="BATCH",
        HOSTNAME=node,
        SLURM_CPUS_ON_NODE=str(usable(share)),
        SLURM_GTIDS="0",
        SLURM_LOCALID="0",
        SLURM_NODEID="0",
        SLURM_PROCID="0",
    )
    if request.get("open_mode"):
        changes["SLURM_OPEN_MODE"] = request["open_mode"]
    if request.get("export") and request["export"].upper() != "ALL":
        changes["SLURM_EXPORT_ENV"] = before.get("SLURM_EXPORT_ENV", request["export"])
        changes["SLURM_GET_USER_ENV"] = "1"
    elif request.get("get_user_env"):
        changes["SLURM_GET_USER_ENV"] = "1"
    if compat >= SLUIDS:
        for name, key in (("SLURM_JOB_OVERSUBSCRIBE", "over_subscribe"), ("SLURM_JOB_EXCLUSIVE", "exclusive")):
            if facts.get(key):
                changes[name] = facts[key]
    restarts = int(facts.get("restart_count") or 0)
    if restarts or compat >= (23, 2):
        changes["SLURM_RESTART_COUNT"] = str(restarts)
    if request.get("dependency"):
        changes["SLURM_JOB_DEPENDENCY"] = request["dependency"]
    gpus = gpus_of(share)
    if gpus:
        changes["SLURM_GPUS_ON_NODE"] = str(len(gpus))
    changes.update(device_variables(gpus, devices, "SLURM_JOB_GPUS"))
    return changes


def step_environment(
    spec: Facts, launch: Facts, node: str, inherited: Mapping[str, str], devices: Devices | None = None
) -> Variables:
    """What all tasks of a step share on one node. `inherited` is srun's environment as it sent it."""
    facts = spec["job"]
    request = spec.get("request") or {}
    compat = compat_of(facts)
    layout = spec["layout"]
    parts = list(layout.get("nodes") or ())
    index = next(number for number, part in enumerate(parts) if part["node"] == node)
    part = parts[index]
    share = part.get("share") or {}
    step_id = str(spec["step_id"]).partition("+")[0]
    nodes = fold([str(each["node"]) for each in parts])
    ntasks = str(layout.get("ntasks", 1))
    per_node = compress([len(each.get("tasks") or ()) for each in parts])
    nested = "SLURM_JOB_ID" in inherited

    changes: Variables = {"SLURM_STEP_GPUS": None, "SLURM_GPUS_ON_NODE": None}
    if not nested:
        changes.update(dict.fromkeys(UNSET))
    job = job_variables(facts)
    if not nested:
        job["SLURM_NODE_ALIASES"] = None
    else:
        # An allocation's own name and lists are what its shell was told, whatever the step is called.
        if not facts.get("het_job_id"):
            job["SLURM_JOB_NAME"] = request.get("name") or job["SLURM_JOB_NAME"]
        job = {name: value for name, value in job.items() if name not in inherited or name == "SLURM_CONF"}
    changes.update(job)
    partitions = (facts.get("request") or {}).get("partition")
    if partitions and not (nested and facts.get("het_job_id")):
        changes["SLURM_JOB_PARTITION"] = partitions  # srun tells all that were asked for, whatever its own environment says
    changes.update(owner_variables(facts))
    changes.update(array_variables(facts))
    changes.update(_place(node))
    changes.update(
        SLURM_STEP_ID=step_id,
        SLURM_STEPID=step_id,
        SLURM_STEP_NODELIST=nodes,
        SLURM_STEP_NUM_NODES=str(len(parts)),
        SLURM_STEP_NUM_TASKS=ntasks,
        SLURM_STEP_TASKS_PER_NODE=per_node,
        SLURM_NNODES=str(len(parts)),
        SLURM_NTASKS=ntasks,
        SLURM_NPROCS=ntasks,
        SLURM_TASKS_PER_NODE=per_node,
        SLURM_CPUS_ON_NODE=str(usable(share)),
        SLURM_NODEID=str(index),
        SLURM_GTIDS=",".join(str(task) for task in part.get("tasks") or ()),
        SLURM_UMASK=f"{int(launch.get('umask', 0o022)):04o}",
    )
    cpus_per_task = request.get("cpus_per_task") or layout.get("cpus_per_task")
    if cpus_per_task:
        changes["SLURM_CPUS_PER_TASK"] = str(cpus_per_task)
    changes.update(requested(request, compat, step=True))
    changes.update(environ_launch.distribution(request, layout, nested or bool(spec.get("whole")), compat))
    if nested and compat < (23, 2) and not facts.get("het_size") and not spec.get("whole"):
        changes["SLURM_JOB_CPUS_PER_NODE_PACK_GROUP_0"] = job_variables(facts)["SLURM_JOB_CPUS_PER_NODE"]
    changes.update(environ_launch.launcher(launch))
    if step_id == "interactive":
        changes.update(SLURM_STEP_ID=INTERACTIVE, SLURM_STEPID=INTERACTIVE, SLURM_MPI_TYPE="none", SLURM_UMASK=None)
        changes.pop("SLURM_DISTRIBUTION", None)
    if facts.get("het_job_id") or spec.get("whole"):
        changes.update(environ_het.step(facts, spec.get("whole"), layout, index, inherited))
    gpus = gpus_of(share)
    if gpus:
        changes["SLURM_GPUS_ON_NODE"] = str(len(gpus))
    if launch.get("preserve_env"):
        for name in COUNTS:
            if name in inherited or not facts.get("het_job_id"):  # the shell of such a job knows them by component alone
                changes.pop(name, None)
    return changes


def gpu_binding(
    spec: Facts, node: str, rank: int, devices: Devices | None = None, cpus: Collection[int] = ()
) -> gpu_bindings.GpuBinding:
    """Which GPUs one task sees. `cpus`: the kernel's numbers of those that it is bound to, empty for no binding."""
    part = next(each for each in spec["layout"]["nodes"] if each["node"] == node)
    request = spec.get("request") or {}
    local = list(part["tasks"]).index(rank)
    own = list(part.get("task_gpus") or ())
    if not request.get("gpu_bind") and local < len(own) and own[local]:
        return gpu_bindings.GpuBinding(list(own[local]), bound=len(part["tasks"]) > 1)
    near, there = (devices.near, devices.count) if devices is not None else ({}, 0)
    gpus = gpus_of(part.get("share") or {})
    text = gpu_bindings.wanted(request)
    return gpu_bindings.bind(text, gpus, local, len(part["tasks"]), compat_of(spec["job"]), near, cpus, there)


def task_environment(
    spec: Facts, node: str, rank: int, devices: Devices | None = None, binding: gpu_bindings.GpuBinding | None = None
) -> Variables:
    """What one task sees besides `step_environment`: its rank, and its GPUs, which may be fewer than the step's."""
    part = next(each for each in spec["layout"]["nodes"] if each["node"] == node)
    local = list(part["tasks"]).index(rank)
    bound = gpu_binding(spec, node, rank, devices) if binding is None else binding
    changes: Variables = {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(local)}
    whose = "SLURM_JOB_GPUS" if spec["step_id"] == "interactive" else "SLURM_STEP_GPUS"
    changes.update(device_variables(bound.gpus or (), devices, whose))
    if devices is not None and devices.hidden and bound.bound and changes.get(whose):
        changes[whose] = ",".join(map(str, range(len(bound.gpus or ()))))  # Slurm counts those of a task so as well
    compat = compat_of(spec["job"])
    if bound.bound and compat < (23, 2):
        changes["SLURMD_TRES_BIND"] = gpu_bindings.shown(gpu_bindings.wanted(spec.get("request") or {}), compat)
    return changes


def pid_variables(pid: int) -> Variables:
    """What only the process itself knows."""
    return {"SLURM_TASK_PID": str(pid)}


def finish(environment: dict[str, str], plain_names: str) -> dict[str, str]:
    """The last touches: the directory of plain names first on PATH, a usable TMPDIR, no internals (changes in place)."""
    for name in [name for name in environment if name.startswith(_INTERNAL[1])]:
        del environment[name]
    if plain_names:
        path = environment.get("PATH", "")
        rest = [each for each in path.split(":") if each != plain_names] if path else []
        environment["PATH"] = ":".join([plain_names, *rest]) if rest else plain_names + ":/usr/local/bin:/usr/bin:/bin"
    environment.setdefault("TMPDIR", "/tmp")
    environment.setdefault("SLURM_PRIO_PROCESS", "0")
    return environment
