"""The node daemon as a program: launches, restarts, kills, signatures, against a stand-in controller on the real wire."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mgpu_slurm.wire import passing
from mgpu_slurm.wire.client import Endpoint, RequestRefused, connect
from mgpu_slurm.wire.frames import Frame
from mgpu_slurm.wire.messages import (
    BatchStarted,
    Beat,
    Heartbeat,
    JobGone,
    LaunchRefused,
    Register,
    SignalJob,
    StepResult,
    StopNode,
    TerminateJob,
)
from tests.kit.nodes import FakeController, NodeProcess, batch, eventually, job_facts
from tests.kit.steps import alive

NOBODY = 65534


@asynccontextmanager
async def running(root: Path, lease: float = 0.0) -> AsyncIterator[tuple[FakeController, NodeProcess]]:
    root.chmod(0o755)
    controller = FakeController(root, lease)
    node = NodeProcess(controller, controller.listen())
    node.start()
    try:
        await controller.hear(Register)
        yield controller, node
    except BaseException:
        print(node.said(), (root / "node.err").read_text())
        raise
    finally:
        if node.process is not None and node.process.poll() is None:
            controller.say(StopNode(end_jobs=True))
            await asyncio.to_thread(node.process.wait, 15)
        await controller.server.close()


def check(body: Callable[[FakeController, NodeProcess], Awaitable[None]], root: Path, lease: float = 0.0) -> None:
    async def whole() -> None:
        async with running(root, lease) as (controller, node):
            await body(controller, node)

    asyncio.run(whole())


def text_of(path: Path) -> str:
    """The whole lines of a file that may not be there yet."""
    text = path.read_text() if path.exists() else ""
    return text if text.endswith("\n") else ""


def launch(node: NodeProcess, spec: str, mac: str, *argv: str, passed: dict[str, int] | None = None, **more: Any) -> Any:
    """As srun does: connect to the node and ask. Returns the open connection."""
    connection = connect(Endpoint(path=str(node.socket)))
    message = {
        "kind": "launch_tasks",
        "spec": spec,
        "mac": mac,
        "argv": list(argv),
        "environment": {"PATH": os.environ["PATH"]},
        "work_dir": "/tmp",
        "passed": list(passed or {}),
        **more,
    }
    connection.ask(message, list((passed or {}).values()))
    return connection


def follow(connection: Any) -> tuple[bytes, list[dict[str, Any]]]:
    """Everything until the step has ended: the output of all tasks, and the messages."""
    out, messages = b"", []
    while True:
        got = connection.receive(15)
        if isinstance(got, Frame):
            out += got.data
            continue
        messages.append(got)
        if got["kind"] in ("step_ended", "launch_failed"):
            return out, messages


def test_a_batch_job_runs_and_is_forgotten(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        register = controller.heard[0]
        assert register.hardware.cpus >= 1
        assert [gpu.type for gpu in register.gpus] == ["a100", "a100"]
        script = 'echo "$0 $1"; command -v squeue; echo $SLURM_JOB_ID; cat "$0" | tail -1; exit 7'
        order = batch(7, script, work_dir=str(tmp_path))
        controller.say(msgspec.structs.replace(order, argv=["job.sh", "first"]))
        assert (await controller.hear(BatchStarted)).job_id == 7
        result = await controller.hear(StepResult)
        assert (result.job_id, result.step_id, result.attempt, result.exit_code, result.ending) == (7, "batch", 1, 7 << 8, "")
        assert result.started <= result.ended <= time.time()
        lines = (tmp_path / "slurm-7.out").read_text().splitlines()
        path = f"{node.spool}/job00007/slurm_script"
        assert lines == [f"{path} first", f"{node.spool}/bin/squeue", "7", script]
        await eventually(lambda: not os.path.exists(path) and not os.listdir(node.spool / "steps"), "the spool entry goes")
        await controller.hear(Heartbeat)

    check(body, tmp_path)


def test_launching_twice_starts_once(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        order = batch(8, f"echo x >> {tmp_path}/runs; sleep 0.3")
        controller.say(order)
        controller.say(order)
        await controller.hear(StepResult)
        controller.say(TerminateJob(job_id=8, attempt=1))
        await controller.hear(JobGone)
        controller.say(order)
        await controller.hear(LaunchRefused)
        assert (tmp_path / "runs").read_text() == "x\n"

    check(body, tmp_path)


def test_a_job_is_ended_with_all_it_started(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        out = tmp_path / "slurm-9.out"
        controller.say(batch(9, "setsid sleep 600 & echo $!; sleep 600", work_dir=str(tmp_path)))
        await eventually(lambda: out.exists() and out.read_text(), "output")
        sleeper = int(out.read_text())
        controller.say(TerminateJob(job_id=9, attempt=1, kill_wait=1))
        result = await controller.hear(StepResult)
        gone = await controller.hear(JobGone)
        assert controller.heard.index(result) < controller.heard.index(gone)
        assert result.ending == "CANCELLED"
        assert result.exit_code == signal.SIGTERM
        assert not alive(sleeper)
        assert "slurmstepd-n0: error: *** JOB 9 ON n0 CANCELLED AT " in out.read_text()

    check(body, tmp_path)


def test_signals_reach_the_script_alone_or_with_its_children(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        out = tmp_path / "slurm-10.out"
        (tmp_path / "child").write_text("trap 'echo child' USR1; echo ready; while :; do sleep 0.02; done")
        script = f"trap 'echo shell' USR1; trap 'exit 3' TERM; bash {tmp_path}/child & while :; do wait; done"
        controller.say(batch(10, script, work_dir=str(tmp_path)))
        await eventually(lambda: out.exists() and "ready" in out.read_text(), "start")
        controller.say(SignalJob(job_id=10, step_id="batch", signal=signal.SIGUSR1, shell_only=True))
        await eventually(lambda: "shell" in out.read_text(), "signal at the shell")
        assert "child" not in out.read_text()
        controller.say(SignalJob(job_id=10, step_id="batch", signal=signal.SIGUSR1, full=True))
        await eventually(lambda: "child" in out.read_text(), "signal at its child")
        controller.say(TerminateJob(job_id=10, attempt=1, kill_wait=5))
        assert (await controller.hear(StepResult)).exit_code == 3 << 8

    check(body, tmp_path)


def test_steps_outlive_the_daemon_and_are_found_again(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        go = tmp_path / "go"
        for job in (11, 12):
            controller.say(batch(job, f"while [ ! -e {go} ]; do sleep 0.02; done; exit {job}", work_dir=str(tmp_path)))
            await controller.hear(BatchStarted, lambda m, job=job: m.job_id == job)
        node.kill()
        controller.heard.clear()
        node.start()
        register = await controller.hear(Register)
        assert [(step.job_id, step.step_id, step.attempt, step.ended) for step in register.steps] == [
            (11, "batch", 1, False),
            (12, "batch", 1, False),
        ]
        node.kill(signal.SIGTERM)
        controller.heard.clear()
        go.touch()
        await eventually(lambda: len(list(node.spool.glob("steps/*/result.json"))) == 2, "results without a daemon")
        node.start()
        register = await controller.hear(Register)
        assert all(step.ended for step in register.steps)
        for job in (11, 12):
            assert (await controller.hear(StepResult, lambda m, job=job: m.job_id == job)).exit_code == job << 8

    check(body, tmp_path)


def test_a_killed_supervisor_is_noticed_and_its_processes_ended(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        out = tmp_path / "slurm-13.out"
        controller.say(batch(13, "setsid sleep 600 & echo $!; echo $$; sleep 600", work_dir=str(tmp_path)))
        await eventually(lambda: out.exists() and out.read_text().count("\n") == 2, "output")
        pids = [int(line) for line in out.read_text().split()]
        os.kill(int((node.spool / "steps" / "13.batch.1" / "pid").read_text()), signal.SIGKILL)
        result = await controller.hear(StepResult)
        assert (result.ending, result.exit_code) == ("LOST", signal.SIGKILL)
        assert not any(alive(pid) for pid in pids)

    check(body, tmp_path)


def test_without_contact_jobs_are_ended(tmp_path: Path) -> None:
    """Those that may be started elsewhere, and those that are reported as lost."""

    async def body(controller: FakeController, node: NodeProcess) -> None:
        for job, requeue in ((14, True), (15, False)):
            controller.say(batch(job, f"echo $$ > {tmp_path}/{job}; sleep 600", requeue=requeue))
            await controller.hear(BatchStarted, lambda m, job=job: m.job_id == job)
        pids = [int(await eventually(lambda job=job: text_of(tmp_path / str(job)))) for job in (14, 15)]
        assert node.process is not None
        controller.server.stop_listening()
        controller.links.link("n0").disconnect()
        await eventually(lambda: not any(alive(pid) for pid in pids), "the end of the lease")
        node.kill()

    check(body, tmp_path, lease=1.0)


def test_no_step_starts_that_could_not_be_held_to_the_lease(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        file = node.spool / "lease"
        await eventually(file.exists, "the lease is noted")
        for name in ("lease", ".lease"):
            (node.spool / name).unlink(missing_ok=True)
            (node.spool / name / "in the way").mkdir(parents=True)

        def said_anew(condition: Callable[[], object]) -> object:
            controller.say(Beat(now=0.0))  # a contact to note
            return condition()

        await eventually(lambda: said_anew(lambda: "cannot note the lease" in node.log.read_text()), "it is told")
        controller.say(batch(16, "true"))
        refused = await controller.hear(LaunchRefused, lambda m: m.job_id == 16)
        assert "directory" in refused.text.lower()
        for name in ("lease", ".lease"):
            (node.spool / name / "in the way").rmdir()
            (node.spool / name).rmdir()
        await eventually(lambda: said_anew(file.exists), "the lease is noted again")
        controller.say(batch(17, "true"))
        assert (await controller.hear(StepResult, lambda m: m.job_id == 17)).exit_code == 0

    check(body, tmp_path, lease=1.0)


def test_tasks_of_srun(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        spec, mac = controller.signed(job_facts(20), ntasks=2)
        connection = launch(node, spec, mac, "sh", "-c", "echo $SLURM_PROCID; exit $SLURM_PROCID")
        out, messages = await asyncio.to_thread(follow, connection)
        assert sorted(out.split()) == [b"0", b"1"]
        assert messages[0]["kind"] == "tasks_started"
        exits = {task: m["status"] for m in messages if m["kind"] == "task_exited" for task in m["tasks"]}
        assert exits == {0: 0, 1: 256}
        assert (await controller.hear(StepResult)).exit_code == 256

    check(body, tmp_path)


def test_passed_descriptors_get_what_tasks_write(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        spec, mac = controller.signed(job_facts(21))
        with open(tmp_path / "out", "wb") as file:
            script = "echo word; echo more >/dev/stdout"
            connection = launch(node, spec, mac, "sh", "-c", script, passed={"stdout": file.fileno()})
        out, _ = await asyncio.to_thread(follow, connection)
        assert out == b""
        assert (tmp_path / "out").read_text() == "word\nmore\n"

    check(body, tmp_path)


def test_orders_that_nobody_signed_are_refused(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        def refused(spec: str, mac: str, **more: Any) -> int:
            with launch(node, spec, mac, "true", **more) as connection, pytest.raises(RequestRefused) as caught:
                connection.receive(15)
            return caught.value.code

        spec, mac = controller.signed(job_facts(22))
        assert refused(spec.replace('"job_id":22', '"job_id":23'), mac) == 4004
        assert refused(spec, "0" * 64) == 4004
        assert refused(*controller.signed(job_facts(22), expires=time.time() - 1)) == 4007
        with launch(node, spec, mac, "true") as connection:
            follow(connection)
        assert refused(spec, mac) == 4004
        other = spec.replace('"n0"', '"n9"')
        assert refused(other, mac) == 4004

    check(body, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
def test_another_users_order_is_of_no_use() -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        spec, mac = controller.signed(job_facts(24))
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                try:
                    launch(node, spec, mac, "true").receive(10)
                except RequestRefused:
                    status = 0
            finally:
                os._exit(status)
        assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0

    with tempfile.TemporaryDirectory(dir="/tmp", prefix="mgpu-test-") as place:
        check(body, Path(place))


def test_a_follower_sees_the_output_too(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        spec, mac = controller.signed(job_facts(25))
        first = launch(node, spec, mac, "cat")
        assert (await asyncio.to_thread(first.receive, 15))["kind"] == "tasks_started"
        await eventually(lambda: (node.spool / "steps" / "25.0.1" / "pid").exists())
        second = connect(Endpoint(path=str(node.socket)))
        second.ask({"kind": "attach_step", "job_id": 25, "step_id": "0"})
        assert (await asyncio.to_thread(second.receive, 15))["kind"] == "attached"
        first.send_channel(1, 0, b"seen by both")
        first.send({"kind": "end_input"})
        for connection in (first, second):
            out, _ = await asyncio.to_thread(follow, connection)
            assert out == b"seen by both"

    check(body, tmp_path)


def test_the_spool_may_lie_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()

    async def body(controller: FakeController, node: NodeProcess) -> None:
        controller.say(batch(26, "exit 1"))
        assert (await controller.hear(StepResult)).exit_code == 256

    short = Path(f"/tmp/mgpu-test-{os.getpid()}")

    async def whole() -> None:
        short.mkdir(mode=0o755)
        controller = FakeController(short)
        node = NodeProcess(controller, controller.listen())
        node.conf.write_text(node.conf.read_text().replace(f"{short}/spool", f"{deep}/spool"))
        node.start()
        await controller.hear(Register)
        await body(controller, node)
        assert await asyncio.to_thread(node.kill, signal.SIGTERM) == 0
        await controller.server.close()

    try:
        asyncio.run(whole())
    finally:
        import shutil

        shutil.rmtree(short, ignore_errors=True)


def test_garbage_on_the_socket_costs_the_daemon_nothing(tmp_path: Path) -> None:
    async def body(controller: FakeController, node: NodeProcess) -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(node.socket))
            passing.send_bytes(sock, b"\0\0\0\5hello")
        controller.say(batch(27, "true"))
        await controller.hear(StepResult)

    check(body, tmp_path)
