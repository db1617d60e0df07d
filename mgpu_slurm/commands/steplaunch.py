"""srun's connections to the nodes of its step: opened side by side, each starting its node's tasks.

A node on this host is reached by its Unix socket, which can carry open files: then what tasks write goes to srun's own
standard output without passing through srun. Other nodes are reached by TCP with a credential.
"""

from __future__ import annotations

import _socket
import os
import time

from mgpu_slurm.base.errors import SLURM_COMMUNICATIONS_CONNECTION_ERROR, SlurmError, strerror
from mgpu_slurm.wire import client, jsontext
from mgpu_slurm.wire.frames import NEED_MORE, Decoder, Frame, encode_channel, encode_payload
from mgpu_slurm.wire.passing import send_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

TRIES = 6
"""Rounds in which a node that does not answer is tried again: some two seconds, in which its daemon may be restarted."""

HIGH_WATER = 1 << 20
"""Bytes that may wait for a node before srun stops reading its input."""

_READ = 256 << 10
_PIECES = 64
_IN_PROGRESS = (115, 11)  # EINPROGRESS, EAGAIN


class LaunchError(Exception):
    """The tasks of a node cannot be started."""

    def __init__(self, node: str, code: int, text: str) -> None:
        super().__init__(node, code, text)
        self.node = node
        self.code = code
        self.text = text


class NodeLink:
    """The conversation with a node's daemon, then with the supervisor of its tasks. Never waits.

    `local`: by Unix socket. `lost`: no more to come; `over`: the supervisor has said its last word. `outputs`: where what its
    tasks write goes, channel -> (sink, the only task it is for or None). `before`: tasks of the parts of the step before its
    own, which are not counted where the ends of tasks are told; `step` is its own part's, "5.0". `processes`: of its tasks once
    they are started, as MPI's debuggers list them.
    """

    __slots__ = (
        "_decoder", "_out", "_sock", "before", "local", "lost", "node", "outputs", "over", "processes", "queued", "running",
        "started", "step", "tasks",
    )  # fmt: skip

    def __init__(self, node: str, tasks: list[int], sock: _socket.socket, local: bool) -> None:
        self.node = node
        self.tasks = tasks
        self.before = 0
        self.step = ""
        self.outputs: dict[int, tuple[Any, int | None]] = {}
        self.local = local
        self.lost = False
        self.over = False
        self.started = False
        self.processes: list[tuple[int, str]] = []
        self.running = set(tasks)
        self.queued = 0
        self._sock = sock
        self._out: list[memoryview] = []
        self._decoder = Decoder(max_json=4 << 20)

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def open(self) -> bool:
        return not self.lost and not self.over

    @property
    def waiting(self) -> bool:
        """Whether something is still to be sent."""
        return bool(self._out) and not self.lost

    def launch(self, data: bytes, descriptors: Sequence[int]) -> None:
        """Send the order, descriptors along with it, and wait for nothing any more from now on. OSError."""
        self._sock.settimeout(client.REQUEST_TIMEOUT)
        send_bytes(self._sock, data, descriptors)
        self._sock.setblocking(False)

    def tell(self, message: Mapping[str, object]) -> None:
        self._put(encode_payload(jsontext.dumps(message)))

    def bulk(self, tag: int, task: int, data: bytes) -> None:
        self._put(encode_channel(tag, task, data))

    def _put(self, data: bytes) -> None:
        if self.open:
            self._out.append(memoryview(data))
            self.queued += len(data)
            self.flush()

    def flush(self) -> None:
        """Send what the socket takes."""
        while self._out and not self.lost:
            try:
                sent = self._sock.sendmsg(self._out[:_PIECES])
            except BlockingIOError:
                return
            except OSError:
                # What has arrived before may still be read: it says why.
                self._out.clear()
                self.queued = 0
                return
            self.queued -= sent
            while sent:
                first = self._out[0]
                if sent < len(first):
                    self._out[0] = first[sent:]
                    return
                sent -= len(first)
                del self._out[0]

    def receive(self) -> list[Frame]:
        """What has arrived. ProtocolError: not our frames. At the end of the stream `lost` is set."""
        frames: list[Frame] = []
        try:
            data = self._sock.recv(_READ)
        except BlockingIOError:
            return frames
        except OSError:
            data = b""
        if not data:
            self.lost = True
            return frames
        self._decoder.feed(data)
        while isinstance(frame := self._decoder.next(), Frame):
            frames.append(frame)
        assert frame is NEED_MORE
        return frames

    def close(self) -> None:
        self.lost = True
        self._sock.close()


class Launch:
    """How to start the tasks of each node: the common part of LaunchTasks, and the files that can be handed over."""

    __slots__ = ("_boot_id", "_remote", "descriptors", "libraries", "message", "programs", "signers")

    def __init__(self, message: dict[str, Any], descriptors: dict[str, int], signers: Sequence[str]) -> None:
        self.message = message
        self.descriptors = descriptors
        self.signers = signers
        self.programs: dict[str, str] = {}  # node -> the first word of its tasks' command, where nodes differ
        self.libraries = False  # whether those of the programs lie beside them
        self._boot_id = _boot_id()
        self._remote = b""

    def start(self, parts: Sequence[Mapping[str, Any]], addresses: Mapping[str, Mapping[str, Any]]) -> list[NodeLink]:
        """Start all nodes' tasks. LaunchError for the first node that cannot be reached; the others' links are closed."""
        links: list[NodeLink] = []
        wanted = {str(part["node"]): list(part.get("tasks") or ()) for part in parts}
        failed: dict[str, str] = {}
        try:
            for turn in range(TRIES + 1):
                todo = {node: tasks for node, tasks in wanted.items() if not any(link.node == node for link in links)}
                if not todo:
                    break
                if turn:
                    time.sleep(client.back_off(turn))
                failed.clear()
                self._round(todo, addresses, links, failed)
            if failed:
                node, text = next(iter(failed.items()))
                raise LaunchError(node, SLURM_COMMUNICATIONS_CONNECTION_ERROR, text)
        except BaseException:
            for link in links:
                link.close()
            raise
        order = list(wanted)
        links.sort(key=lambda link: order.index(link.node))
        return links

    def _round(
        self,
        todo: Mapping[str, list[int]],
        addresses: Mapping[str, Mapping[str, Any]],
        links: list[NodeLink],
        failed: dict[str, str],
    ) -> None:
        far: dict[str, _socket.socket] = {}
        for node, tasks in todo.items():
            address = addresses.get(node) or {}
            try:
                near = self._near(address)
                if near is not None:
                    link = NodeLink(node, tasks, near, True)
                    self._send(link)
                    links.append(link)
                else:
                    far[node] = _begin(str(address.get("address") or node), int(address.get("port") or 0))
            except (OSError, SlurmError) as error:
                failed[node] = _said(error)
        for node, problem in _finish(far).items():
            if problem:
                failed[node] = problem
                far[node].close()
                continue
            link = NodeLink(node, todo[node], far[node], False)
            try:
                self._send(link)
                links.append(link)
            except (OSError, SlurmError) as error:
                failed[node] = _said(error)
                link.close()

    def _near(self, address: Mapping[str, Any]) -> _socket.socket | None:
        """A connection by Unix socket where the node is on this host and its socket answers."""
        path = address.get("unix_socket")
        if not path or not self._boot_id or address.get("boot_id") != self._boot_id:
            return None
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
        try:
            sock.settimeout(client.CONNECT_TIMEOUT)
            sock.connect(path)
        except OSError:
            sock.close()
            if not address.get("port"):
                raise
            return None
        return sock

    def _send(self, link: NodeLink) -> None:
        message = self.message
        if link.node in self.programs:
            program = self.programs[link.node]
            message = {**message, "argv": [program, *message["argv"][1:]]}
            if self.libraries:
                from mgpu_slurm.commands import libraries

                environment = message["environment"]
                path = ":".join(filter(None, [libraries.directory(program), environment.get("LD_LIBRARY_PATH", "")]))
                message["environment"] = {**environment, "LD_LIBRARY_PATH": path}
        if link.local:
            passed = list(self.descriptors)
            payload = jsontext.dumps({**message, "passed": passed})
            credential = None
            descriptors = [self.descriptors[name] for name in passed]
        else:
            payload = jsontext.dumps(message) if self.programs else self._remote or jsontext.dumps(message)
            self._remote = payload
            credential = client.sign_request(self.signers, payload)
            descriptors = []
        hello = {"kind": "hello", "versions": client.VERSIONS, "credential": credential}
        link.launch(encode_payload(jsontext.dumps(hello)) + encode_payload(payload), descriptors)


def _begin(host: str, port: int) -> _socket.socket:
    family, _, _, _, address = _socket.getaddrinfo(host, port, 0, _socket.SOCK_STREAM)[0]
    sock = _socket.socket(family, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC, 0)
    sock.setblocking(False)
    sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 4)):
        sock.setsockopt(_socket.IPPROTO_TCP, getattr(_socket, option), seconds)
    problem = sock.connect_ex(address)
    if problem and problem not in _IN_PROGRESS:
        sock.close()
        raise OSError(problem, os.strerror(problem))
    return sock


def _finish(socks: Mapping[str, _socket.socket]) -> dict[str, str]:
    """Wait until each connection stands or has failed: "" or what the system says."""
    if not socks:
        return {}
    import select

    results: dict[str, str] = {}
    deadline = time.monotonic() + client.CONNECT_TIMEOUT
    by_number = {sock.fileno(): node for node, sock in socks.items()}
    poll = select.poll()
    for number in by_number:
        poll.register(number, select.POLLOUT)
    while by_number:
        left = deadline - time.monotonic()
        ready = poll.poll(max(left, 0) * 1000)
        if not ready and left <= 0:
            results.update(dict.fromkeys(by_number.values(), strerror(SLURM_COMMUNICATIONS_CONNECTION_ERROR)))
            break
        for number, _ in ready:
            poll.unregister(number)
            node = by_number.pop(number)
            problem = socks[node].getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
            results[node] = os.strerror(problem) if problem else ""
    return results


def _said(error: OSError | SlurmError) -> str:
    return error.text if isinstance(error, SlurmError) else error.strerror or str(error)


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""
