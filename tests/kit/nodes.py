"""A stand-in controller on the real wire, and real node daemons under it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from mgpu_slurm import boot
from mgpu_slurm.records.allocation import Allocation, NodeShare
from mgpu_slurm.records.request import JobRequest, StepRequest
from mgpu_slurm.records.step import NodeTasks, StepLayout
from mgpu_slurm.wire import credential
from mgpu_slurm.wire.link import Link, LinkServer, Timing
from mgpu_slurm.wire.messages import ForgetStep, FromNode, JobFacts, LaunchBatch, Ping, Register, Registered, StepResult, StepSpec
from mgpu_slurm.wire.server import Server
from tests.kit.cluster import free_ports

DEADLINE = 15.0


def job_facts(job_id: int, *, uid: int | None = None, gid: int | None = None, attempt: int = 1, **request: Any) -> JobFacts:
    """A job of one task on n0; unless a test says where it works, it writes nothing there."""
    where = {} if "work_dir" in request else {"work_dir": "/tmp", "std_out": "/dev/null"}
    return JobFacts(
        job_id=job_id,
        uid=os.getuid() if uid is None else uid,
        gid=os.getgid() if gid is None else gid,
        user_name="me",
        name="work",
        partition="gpu",
        cluster="test",
        compat=(22, 5),
        attempt=attempt,
        allocation=Allocation(shares=[NodeShare(node="n0", cpus=[0], mem=100)]),
        tasks_per_node=[1],
        request=JobRequest(**{**where, **request}),
    )


def batch(job_id: int, script: str, **facts: Any) -> LaunchBatch:
    """A batch launch; facts as of `job_facts`."""
    return LaunchBatch(
        job=job_facts(job_id, **facts),
        script="#!/bin/bash\n" + script,
        environment={"PATH": os.environ["PATH"], "HOME": "/tmp"},
        argv=["job.sh"],
        kill_wait=1,
    )


class FakeController:
    """Hears everything nodes say. Results are confirmed as the real one does, unless `confirm` is off."""

    def __init__(self, root: Path, lease: float = 0.0) -> None:
        self.root = root
        self.lease = lease
        self.confirm = True
        self.heard: list[Any] = []
        self.key_file = root / "mgpu.key"
        self.key = credential.create_key(str(self.key_file))
        self.links = LinkServer(FromNode, self._handle, self.key, timing=Timing(keepalive=0.2, dead=3.0))
        self.server = Server(Ping, self._refuse, key=self.key, links=self.links)

    async def _refuse(self, *_: Any) -> object:
        raise AssertionError("no client speaks to this controller")

    async def _handle(self, link: Link, message: Any) -> None:
        self.heard.append(message)
        if isinstance(message, Register):
            link.send(Registered(cluster="test", lease=self.lease, heartbeat=0.2, now=time.time()))
        if isinstance(message, StepResult) and self.confirm:
            link.send(ForgetStep(job_id=message.job_id, step_id=message.step_id, attempt=message.attempt))

    def listen(self) -> int:
        return self.server.listen_tcp("127.0.0.1", 0)

    def say(self, message: Any, node: str = "n0") -> None:
        self.links.link(node).send(message)

    async def hear(self, kind: type[Any], which: Callable[[Any], bool] = lambda _: True) -> Any:
        """The first message of this kind."""
        return await eventually(lambda: next((m for m in self.heard if isinstance(m, kind) and which(m)), None), kind.__name__)

    def signed(self, job: JobFacts, step_id: str = "0", *, ntasks: int = 1, expires: float | None = None) -> tuple[str, str]:
        """A step's launch order and its signature."""
        share = job.allocation.shares[0]
        spec = StepSpec(
            job=job,
            step_id=step_id,
            layout=StepLayout(nodes=[NodeTasks(node="n0", tasks=list(range(ntasks)), share=share)], ntasks=ntasks),
            request=StepRequest(job_id=job.job_id, name="s"),
            expires=time.time() + 60 if expires is None else expires,
            nonce=credential.new_nonce(),
            kill_wait=1,
        )
        text = msgspec.json.encode(spec)
        return text.decode(), credential.mac(self.key, text).hex()


async def eventually(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait, inside a loop, for a true value."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, f"never: {what or condition}"
        await asyncio.sleep(0.005)
    return value


class NodeProcess:
    """A real mgpu_node for the node n0 of a configuration written here."""

    def __init__(self, controller: FakeController, port: int) -> None:
        self.root = controller.root
        self.conf = self.root / "mgpu.conf"
        self.spool = self.root / "spool" / "n0"
        self.socket = self.root / "run" / "node.n0.sock"
        self.log = self.root / "node.log"
        self.conf.write_text(
            f"""ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={port}
MgpuKeyFile={controller.key_file}
MgpuRunDir={self.root}/run
MgpuCompat=22.05
SlurmdSpoolDir={self.root}/spool/%n
SlurmdLogFile={self.root}/node.log
GresTypes=gpu
NodeName=n0 NodeAddr=127.0.0.1 Port={free_ports(1)[0]} CPUs=4 RealMemory=1000 Gres=gpu:a100:2
PartitionName=main Nodes=ALL Default=YES
"""
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, boot.__file__, "node", "-", "-f", str(self.conf), "-N", "n0"]
        # Standard error goes where no reader can be missed when the daemon is killed.
        with open(self.root / "node.err", "ab") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=err, stderr=err, cwd="/")

    def kill(self, number: int = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def said(self) -> str:
        return self.log.read_text() if self.log.exists() else ""
