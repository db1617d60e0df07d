"""A controller and a supervisor made of a script: real sockets, real frames, answers that a test writes down.

    with FakeCluster(tmp_path) as cluster:
        cluster.controller["submit_job"] = lambda message, talk: talk.send({"kind": "job_submitted", "job_id": 7})
        done = cluster.run("sbatch", "--wrap", "true")
        assert cluster.asked("submit_job")[0]["requests"][0]["script"].startswith("#!")

The commands run as processes of their own and find it as an embedded cluster; nothing of the real daemons is involved.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from mgpu_slurm.wire import frames, jsontext, passing
from tests.kit.commands import BIN, Done, clean_environment, finish, popen

Handler = Callable[[dict[str, Any], "Talk"], None]
NODE = "n0"


class Talk:
    """One connection, after its hello. `descriptors` came with the request."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.descriptors: list[int] = []
        self._decoder = frames.Decoder()

    def send(self, message: dict[str, Any]) -> None:
        self.sock.sendall(frames.encode_payload(jsontext.dumps(message)))

    def channel(self, tag: int, task: int, data: bytes) -> None:
        self.sock.sendall(frames.encode_channel(tag, task, data))

    def next(self) -> frames.Frame | None:
        """The next frame; None when the client has gone."""
        while True:
            frame = self._decoder.next()
            if isinstance(frame, frames.Frame):
                return frame
            try:
                data, descriptors = passing.receive_bytes(self.sock, 1 << 16)
            except OSError:
                return None
            self.descriptors += descriptors
            if not data:
                return None
            self._decoder.feed(data)

    def message(self) -> dict[str, Any] | None:
        """The next message; bulk data is left out."""
        while (frame := self.next()) is not None:
            if frame.tag == frames.JSON:
                return frame.message()
        return None


class FakeDaemon(dict[str, Handler]):
    """Kind of request -> handler. `log` has every request in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.log: list[dict[str, Any]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(sock,), daemon=True).start()

    def _converse(self, sock: socket.socket) -> None:
        talk = Talk(sock)
        try:
            hello = talk.message()
            if hello is None:
                return
            assert hello["kind"] == "hello"
            talk.send({"kind": "hello", "version": 1})
            message = talk.message()
            if message is None:
                return
            self.log.append(message)
            handler = self.get(message["kind"])
            if handler is None:
                talk.send({"kind": "error", "code": 1000, "text": "Unexpected message received"})
            else:
                handler(message, talk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has left, as some tests want
        finally:
            passing.close_all(talk.descriptors)
            sock.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def says(*answers: dict[str, Any]) -> Handler:
    """A handler that sends these messages."""

    def handler(message: dict[str, Any], talk: Talk) -> None:
        for answer in answers:
            talk.send(answer)

    return handler


def refuses(code: int, text: str, detail: str = "") -> Handler:
    return says({"kind": "error", "code": code, "text": text, "detail": detail})


def hold(talk: Talk) -> None:
    """Stay until the client goes."""
    while talk.next() is not None:
        pass


class FakeCluster:
    """One controller and one node on Unix sockets, with handlers for the usual course of an srun of one node."""

    def __init__(self, ntasks: int = 1, job_id: int = 5) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="mgpu-fake-"))
        self.controller = FakeDaemon(self.directory / "controller.sock")
        self.node = FakeDaemon(self.directory / "node.sock")
        self.job_id = job_id
        self.ntasks = ntasks
        self.tasks: Callable[[Talk], None] = lambda talk: self.exit(talk, list(range(self.ntasks)), 0)
        self.controller["allocate"] = self.allocated
        self.controller["get_job_setup"] = lambda message, talk: talk.send(self.state())
        self.controller["create_step"] = lambda message, talk: talk.send(self.step(message))
        self.controller["step_done"] = self.controller["release_job"] = says({"kind": "done"})
        self.node["launch_tasks"] = self._launch

    def __enter__(self) -> FakeCluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.controller.close()
        self.node.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # --- what is said -----------------------------------------------------------------------------------------------

    def addresses(self) -> dict[str, Any]:
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return {NODE: {"address": "127.0.0.1", "unix_socket": str(self.directory / "node.sock"), "boot_id": boot_id}}

    def facts(self) -> dict[str, Any]:
        share = {"node": NODE, "cpus": list(range(self.ntasks)), "mem": 100}
        return {
            "job_id": self.job_id, "uid": os.getuid(), "gid": os.getgid(), "user_name": "me", "allocation": {"shares": [share]},
            "tasks_per_node": [self.ntasks], "request": {"kind": "alloc"}, "cluster": "fake",
        }  # fmt: skip

    def state(self) -> dict[str, Any]:
        return {
            "kind": "allocation_state", "job_id": self.job_id, "state": "RUNNING", "facts": self.facts(),
            "node_addresses": self.addresses(),
        }  # fmt: skip

    def step(self, message: dict[str, Any]) -> dict[str, Any]:
        layout = {"nodes": [{"node": NODE, "tasks": list(range(self.ntasks)), "share": {"node": NODE}}], "ntasks": self.ntasks}
        spec = {"job": self.facts(), "step_id": "0", "layout": layout, "request": message["request"], "kill_wait": 1}
        return {
            "kind": "step_created", "step_id": "0", "layout": layout, "spec": json.dumps(spec), "mac": "mac",
            "node_addresses": self.addresses(),
        }  # fmt: skip

    def allocated(self, message: dict[str, Any], talk: Talk) -> None:
        """The allocation at once, and the owner's connection held."""
        talk.send(self.state())
        hold(talk)

    def started(self) -> dict[str, Any]:
        return {
            "kind": "job_event", "job_id": self.job_id, "event": "started", "state": "RUNNING", "facts": self.facts(),
            "node_addresses": self.addresses(),
        }  # fmt: skip

    def waiting(self, reason: str = "Resources") -> dict[str, Any]:
        return {"kind": "allocation_state", "job_id": self.job_id, "state": "PENDING", "reason": reason}

    def _launch(self, message: dict[str, Any], talk: Talk) -> None:
        talk.send({"kind": "tasks_started", "node": NODE, "pids": [1] * self.ntasks})
        self.tasks(talk)
        talk.send({"kind": "step_ended", "node": NODE})

    def exit(self, talk: Talk, tasks: list[int], status: int) -> None:
        """Tasks ended alike with a wait status."""
        talk.send({"kind": "task_exited", "node": NODE, "tasks": tasks, "status": status})

    # --- what the test asks -----------------------------------------------------------------------------------------

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """The requests of that kind, to controller and node."""
        return [message for message in self.controller.log + self.node.log if message["kind"] == kind]

    def start(self, program: str, *args: str, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        more = {"MGPU_CONF": f"embedded:{self.directory}", "MGPU_COMPAT": "22.05", **(env or {})}
        words = [str(BIN / f"mgpu_{program}"), *args]
        return popen(words, clean_environment(**more), options.pop("cwd", self.directory), **options)

    def run(self, program: str, *args: str, stdin: str | None = None, **options: Any) -> Done:
        if stdin is not None:
            options["stdin"] = subprocess.PIPE
        return finish(self.start(program, *args, **options), 20, stdin)
