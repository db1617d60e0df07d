"""A cluster of records behind the commands: requests go through JSON to the controller's queries, without a socket."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from mgpu_slurm.__main__ import Streams, show
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import session as session_module
from mgpu_slurm.controller import query
from mgpu_slurm.controller.events import Caller
from mgpu_slurm.controller.state import State
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.node import Node
from mgpu_slurm.records.partition import Partition
from mgpu_slurm.records.request import JobRequest
from mgpu_slurm.records.step import NodeTasks, Step, StepLayout
from mgpu_slurm.wire.messages import Query

START = 1795478411.0  # 2026-11-24T00:00:11 UTC
NOW = START + 2


class FakeSession:
    """What open_session gives: answers queries from `state`, other requests from `answers`, and keeps what was asked."""

    def __init__(self, state: State, compat: tuple[int, int] = (22, 5)) -> None:
        self.state = state
        self.compat = compat
        self.cluster_name = "oracle"
        self.config = None
        self.embedded_dir = ""
        self.asked: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}

    def call(self, message: dict[str, object]) -> dict[str, Any]:
        message = json.loads(json.dumps(message))
        if message["kind"] == "query":
            fields = {key: value for key, value in message.items() if key != "kind"}
            table = query.rows(self.state, msgspec.convert(fields, Query), Caller(uid=0, gid=0), NOW)
            answer: dict[str, Any] = json.loads(msgspec.json.encode(table))
            return answer
        self.asked.append(message)
        found = self.answers.get(str(message["kind"]), {})
        if isinstance(found, SlurmError):
            raise found
        return dict(found)


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def __iter__(self) -> Iterator[object]:
        return iter((self.status, self.out, self.err))


@contextmanager
def opened(session: FakeSession) -> Iterator[None]:
    before = session_module.open_session
    session_module.open_session = lambda environ, cluster="-": session  # type: ignore[assignment,return-value]
    try:
        yield
    finally:
        session_module.open_session = before


def call(module: Any, session: FakeSession, *argv: str, environ: dict[str, str] | None = None, stdin_fd: int = 0) -> Result:
    """Run a command as the rim does."""
    out, err = io.StringIO(), io.StringIO()
    streams = Streams(out, err, stdin_fd)
    with opened(session):
        try:
            status = module.run(list(argv), environ or {}, "/", streams)
        except (UsageError, SlurmError) as error:
            status = show(error, module.__name__.rpartition(".")[2], streams)
    return Result(status, out.getvalue(), err.getvalue())


# --- the jobs of the recordings -------------------------------------------------------------------------------------


def request(**fields: Any) -> JobRequest:
    base: dict[str, Any] = {"work_dir": "/tmp/q", "submit_host": "localhost", "mem_per_cpu": 100, "std_out": "/dev/null"}
    return JobRequest(**{**base, "argv": ["s.sh"], **fields})


def job(job_id: int, name: str, state: str = "PENDING", **fields: Any) -> Job:
    asked = fields.pop("request", None) or request()
    shares = fields.pop("shares", [])
    base: dict[str, Any] = {
        "user_name": "root", "group_name": "root", "partition": "gpu", "priority": 1, "submit_time": START - 1,
        "eligible_time": START - 1, "last_sched": START,
    }  # fmt: skip
    if shares:
        base["allocation"] = Allocation(shares=shares)
        base["holds_resources"] = True
        base["start_time"] = START
        base["batch_host"] = shares[0].node
    return Job(job_id=job_id, uid=0, gid=0, name=name, state=state, request=asked, **{**base, **fields})


def share(node: str, cpus: list[int], mem: int, gpus: Sequence[int] = ()) -> NodeShare:
    return NodeShare(node=node, cpus=cpus, mem=mem, gres={"gpu": list(gpus)} if gpus else {})


def step(job_id: int, step_id: str, name: str, node: str, cpus: list[int], mem: int = 200, gpus: Sequence[int] = ()) -> Step:
    tasks = NodeTasks(node=node, tasks=[0], share=share(node, cpus, mem, gpus))
    return Step(job_id=job_id, step_id=step_id, name=name, start_time=START, layout=StepLayout(nodes=[tasks], ntasks=1),
                asked={"tres_per_node": "gres:gpu:a100:1"}, src_host="vm", src_pid=4096)  # fmt: skip


def oracle() -> State:
    """The cluster and the jobs that were recorded on Slurm 22.05.8: four nodes of 8 CPUs and 4 GPUs."""
    state = State()
    for number in range(4):
        state.nodes[f"n{number}"] = Node(
            name=f"n{number}", hostname="vm", address="127.0.0.1", port=17000 + number, state="IDLE", cpus=8, cores_per_socket=8,
            real_memory=16000, gres_text="gpu:a100:4", arch="x86_64", os="Linux 6", version="22.05.8", cpu_load=0.11,
            free_mem=23630, boot_time=START - 100, start_time=START - 50, last_busy=START - 5,
        )  # fmt: skip
    state.partitions["gpu"] = Partition(name="gpu", nodes=["n0", "n1", "n2", "n3"], default=True)
    state.partitions["debug"] = Partition(name="debug", nodes=["n0"], max_time=60)
    state.next_job_id = 2000
    runner = job(
        1222, "runner", "RUNNING", account="acc1", time_limit=20, end_time=START + 1200, ntasks=2, min_nodes=2, min_cpus=2,
        request=request(
            argv=["/tmp/q/r.sh"], gres="gpu:a100:1", mem_per_node=200, mem_per_cpu=None, comment="hello there",
            std_out="/tmp/q/%j.out", mail_type="END", mail_user="a@b", time_limit=20,
        ),
        shares=[share("n0", [0], 200, [0]), share("n1", [0], 200, [0])],
    )  # fmt: skip
    runner.steps = {
        "batch": Step(job_id=1222, step_id="batch", name="batch", start_time=START),
        "0": step(1222, "0", "sleep", "n0", [0], gpus=[0]),
        "1": step(1222, "1", "sleep", "n1", [0], gpus=[0]),
    }
    array: dict[str, Any] = {"array_job_id": 1223, "array_limit": 2, "array_count": 6, "array_min": 1, "array_max": 6}
    array["time_limit"] = 15
    jobs = [
        runner,
        job(1223, "arr", array_tasks=[3, 4, 5, 6], reason="JobArrayTaskLimit", **array),
        job(1225, "dep", partition="debug,gpu", reason="Dependency", eligible_time=0.0, time_limit=60,
            dependency_text="afterok:1222(unfulfilled)", request=request(nice=10, gpus="2", cpus_per_gpu=2)),
        job(1226, "big", reason="Resources", time_limit=5, min_nodes=4, min_cpus=32, ntasks=32,
            request=request(mem_per_node=0, mem_per_cpu=None), reason_text="not enough free memory"),
        job(1227, "failer", reason="Priority", request=request(argv=[])),
        job(1228, "beg", reason="BeginTime", time_limit=10, eligible_time=START + 3599,
            request=request(begin=START + 3599, deadline=START + 10799, time_min=2)),
        job(1229, "killed", "CANCELLED", reason="Priority", time_limit=3, start_time=START, end_time=START,
            request=request(argv=[])),
        job(1230, "hetA", reason="JobHeldUser", priority=0, het_job_id=1230, het_size=2, eligible_time=0.0,
            request=request(argv=[], std_out=None)),
        job(1231, "hetB", reason="JobHeldUser", priority=0, het_job_id=1230, het_offset=1, het_size=2, eligible_time=0.0,
            ntasks=2, min_cpus=2, request=request(argv=[], std_out=None)),
        job(1232, "arr", "RUNNING", array_task_id=1, shares=[share("n0", [1], 100)], end_time=START + 900, **array),
        job(1233, "arr", "RUNNING", array_task_id=2, shares=[share("n0", [2], 100)], end_time=START + 900, **array),
    ]  # fmt: skip
    for one in jobs:
        state.add(one)
    for number in (1232, 1233):
        state.jobs[number].steps = {"batch": Step(job_id=number, step_id="batch", name="batch", start_time=START)}
    return state
