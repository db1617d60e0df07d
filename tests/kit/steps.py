"""Steps for tests: launch orders, a real launcher, and a stand-in srun that speaks the real frames."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mgpu_slurm.node import launcher
from mgpu_slurm.node.supervisor import result
from mgpu_slurm.wire import frames

DEADLINE = 15.0


def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Wait for a true value, which is returned."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, f"never: {what or condition}"
        time.sleep(0.005)
    return value


def alive(pid: int) -> bool:
    """Whether a process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def facts(job_id: int = 42, *, uid: int | None = None, gid: int | None = None, **more: Any) -> dict[str, Any]:
    """A JobFacts as plain data: one node n0 with two CPUs unless told otherwise."""
    made: dict[str, Any] = {
        "job_id": job_id,
        "uid": os.getuid() if uid is None else uid,
        "gid": os.getgid() if gid is None else gid,
        "user_name": "me",
        "name": "work",
        "partition": "gpu",
        "cluster": "test",
        "compat": [22, 5],
        "allocation": {"shares": [{"node": "n0", "cpus": [0, 1], "mem": 200}]},
        "tasks_per_node": [1],
        "request": {"work_dir": "/tmp", "submit_dir": "/tmp", "submit_host": "here"},
    }
    made.update(more)
    return made


class Srun:
    """The other end of a step's connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(DEADLINE)
        self.decoder = frames.Decoder()
        self.output: dict[tuple[int, int], bytes] = {}
        self.messages: list[dict[str, Any]] = []

    def say(self, message: dict[str, Any]) -> None:
        self.sock.sendall(frames.encode_json(message))

    def feed(self, data: bytes, task: int = frames.ALL_TASKS) -> None:
        self.sock.sendall(frames.encode_channel(frames.STDIN, task, data))

    def read(self) -> bool:
        """Take one piece of what has come; False at the end."""
        data = self.sock.recv(1 << 18)
        if not data:
            return False
        self.decoder.feed(data)
        while isinstance(frame := self.decoder.next(), frames.Frame):
            if frame.tag == frames.JSON:
                self.messages.append(frame.message())
            else:
                key = (frame.tag, frame.task)
                self.output[key] = self.output.get(key, b"") + frame.data
        return True

    def until(self, kind: str) -> dict[str, Any]:
        """Read until a message of this kind has come."""
        while True:
            for message in self.messages:
                if message["kind"] == kind:
                    return message
            assert self.read(), f"connection closed before {kind}: {self.messages}"

    def out(self, task: int = 0) -> bytes:
        return self.output.get((frames.STDOUT, task), b"")

    def err(self, task: int = 0) -> bytes:
        return self.output.get((frames.STDERR, task), b"")

    def statuses(self) -> dict[int, int]:
        return {task: m["status"] for m in self.messages if m["kind"] == "task_exited" for task in m["tasks"]}

    def texts(self) -> str:
        return "\n".join(m["text"] for m in self.messages if m["kind"] == "step_text")


class Step:
    """A launched step: its directory, control connection and, for tasks, its srun."""

    def __init__(self, directory: Path, control: socket.socket, srun: Srun | None) -> None:
        self.directory = directory
        self.control = control
        self.srun = srun
        self._decoder = frames.Decoder()
        self._told: list[dict[str, Any]] = []

    def tell(self, **message: Any) -> None:
        self.control.sendall(frames.encode_json(message))

    def hear(self, kind: str) -> dict[str, Any]:
        """The next word of this kind from the supervisor."""
        self.control.settimeout(DEADLINE)
        while True:
            for message in self._told:
                if message["kind"] == kind:
                    return message
            try:
                data = self.control.recv(65536)
            except ConnectionResetError:
                data = b""
            assert data, f"closed before {kind}: {self.log()}"
            self._decoder.feed(data)
            while isinstance(frame := self._decoder.next(), frames.Frame):
                self._told.append(frame.message())

    def result(self) -> dict[str, Any]:
        self.hear("ended")
        found = result.read(str(self.directory))
        assert found is not None
        return found

    @property
    def pid(self) -> int:
        return int(until(lambda: (self.directory / "pid").exists() and (self.directory / "pid").read_text()))

    def log(self) -> str:
        return (self.directory / "log").read_text()


class Place:
    """A launcher and a directory to work in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.launcher = launcher.start()
        self.count = 0

    def _launch(self, order: dict[str, Any], more: dict[str, int]) -> tuple[Path, socket.socket]:
        self.count += 1
        directory = self.root / f"step{self.count}"
        directory.mkdir(mode=0o700)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(directory / "control.sock"))
        listener.listen()
        control = socket.socket(socket.AF_UNIX)
        control.connect(str(directory / "control.sock"))
        base = {
            "node": "n0",
            "directory": str(directory),
            "tag": f"test:{os.getpid()}:{self.count}",
            "descriptors": ["control", *more],
        }
        self.launcher.launch({**base, **order}, [listener.fileno(), *more.values()])
        listener.close()
        return directory, control

    def batch(self, script: str, job: dict[str, Any] | None = None, **more: Any) -> Step:
        job = job or facts()
        path = self.root / f"script{self.count}"
        path.write_text("#!/bin/bash\n" + script)
        path.chmod(0o700)
        os.chown(path, job["uid"], job["gid"])
        order = {
            "kind": "batch",
            "facts": job,
            "script": str(path),
            "argv": ["job.sh"],
            "environment": {"PATH": os.environ["PATH"], "HOME": "/tmp"},
            "uid": job["uid"],
            "gid": job["gid"],
            "kill_wait": 1,
            **more,
        }
        directory, control = self._launch(order, {})
        return Step(directory, control, None)

    def tasks(
        self,
        *argv: str,
        count: int = 1,
        job: dict[str, Any] | None = None,
        passed: dict[str, int] | None = None,
        request: dict[str, Any] | None = None,
        order: dict[str, Any] | None = None,
        layout: dict[str, Any] | None = None,
        kill_wait: int = 1,
        time_limit_end: float = 0.0,
        **launch: Any,
    ) -> Step:
        job = job or facts()
        share = {"node": "n0", "cpus": [0, 1], "mem": 200}
        spec = {
            "job": job,
            "step_id": "0",
            "layout": layout or {"ntasks": count, "nodes": [{"node": "n0", "tasks": list(range(count)), "share": share}]},
            "request": {"job_id": job["job_id"], "name": "stepname", **(request or {})},
            "expires": 0.0,
            "nonce": "n",
            "kill_wait": kill_wait,
            "time_limit_end": time_limit_end,
        }
        launch = {
            "argv": list(argv),
            "environment": {"PATH": os.environ["PATH"], "HOME": "/tmp"},
            "work_dir": "/tmp",
            **launch,
        }
        ours, theirs = socket.socketpair()
        raw = {
            "kind": "tasks",
            "spec": json.loads(json.dumps(spec)),
            "launch": launch,
            "uid": job["uid"],
            "gid": job["gid"],
            **(order or {}),
        }
        directory, control = self._launch(raw, {"srun": theirs.fileno(), **(passed or {})})
        theirs.close()
        return Step(directory, control, Srun(ours))


def finish(step: Step) -> Step:
    """Until its srun has heard the last word."""
    assert step.srun is not None
    step.srun.until("step_ended")
    return step
