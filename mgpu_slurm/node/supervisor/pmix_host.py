"""The process in which OpenPMIx serves the tasks of one node; a child of the supervisor that has become the step's user.

The library has a thread of its own and opens files and sockets where the user can reach them. In a process apart neither
its faults nor its files can touch the supervisor, and what it needs of other nodes goes through it: fences, and single
tasks' data that a task elsewhere wants at once ("direct modex"). Callbacks only note what is wanted; this process's own
loop does it.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import socket
from collections import deque
from hashlib import sha256

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.node.supervisor import identity, kernel
from mgpu_slurm.node.supervisor import pmix_library as library
from mgpu_slurm.wire import keyspace
from mgpu_slurm.wire.frames import Decoder, Frame, encode_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

PIECE = 64 << 10
"""Bytes in one pair of a fence."""

_IGNORED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGQUIT)


class Place:
    """What the library must be told of the step: `nodes` are (name, ranks), `here` is this node's index."""

    __slots__ = ("directory", "here", "job_id", "nodes", "nspace", "size")

    def __init__(self, nspace: str, job_id: int, nodes: Sequence[tuple[str, list[int]]], here: int, directory: str) -> None:
        self.nspace = nspace
        self.job_id = job_id
        self.nodes = list(nodes)
        self.here = here
        self.directory = directory
        self.size = sum(len(ranks) for _, ranks in nodes)


def run(place: Place, who: identity.Identity, sock: socket.socket) -> NoReturn:
    """The whole process, from the fork to its end; `sock` leads to the supervisor."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)  # it lives as long as there are tasks, which may need it to the last
        keep = sock.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)
        kernel.set_name("mgpu_pmix")
        identity.become(who)
        os.mkdir(place.directory, 0o700)
        # Of several ways to exchange data and to prove who one is, those that need nothing else to run.
        os.environ.update(PMIX_MCA_gds="hash", PMIX_MCA_psec="native")
        try:
            host = Host(place, sock)
            ready = host.start(who)
        except library.NoLibrary as error:
            sock.sendall(encode_json({"kind": "failed", "text": str(error)}))
        else:
            sock.sendall(encode_json({"kind": "ready", "environment": ready}))
            host.serve()
            shutil.rmtree(place.directory, ignore_errors=True)  # the supervisor, which does it otherwise, has died
            status = 0
    except BaseException:
        import traceback

        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


class Host:
    """The callbacks of the library and what is done about them."""

    def __init__(self, place: Place, sock: socket.socket) -> None:
        self._place = place
        self._name = place.nodes[place.here][0]
        self._place_of = {rank: index for index, (_, ranks) in enumerate(place.nodes) for rank in ranks}
        self._sock = sock
        self._decoder = Decoder(max_json=1 << 20)
        self._library = library.Library()
        self._todo: deque[Callable[[], None]] = deque()
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        self._fences: dict[str, deque[tuple[int, int]]] = {}  # name -> whom to answer, in order
        self._coming: dict[str, dict[str, str]] = {}
        self._asked: dict[int, tuple[int, int]] = {}
        self._parts: dict[int, str] = {}
        self._askers: dict[int, tuple[int, int]] = {}  # ours -> node and number of who asked
        self._numbers = 0
        self._held: dict[int, ctypes.Array[ctypes.c_char]] = {}  # handed to the library until it releases them
        self._callbacks = (
            library.Client(self._client),
            library.Abort(self._abort),
            library.Fence(self._fence),
            library.Direct(self._direct),
        )
        self._release = library.Release(self._released)
        self._answer = library.DirectAnswer(self._answered)

    def start(self, who: identity.Identity) -> dict[str, dict[str, str]]:
        """Start the server: rank -> variables. NoLibrary."""
        place, lib = self._place, self._library
        ranks = place.nodes[place.here][1]
        lib.init(
            *self._callbacks,
            [
                ("pmix.srv.nspace", library.STRING, f"{place.nspace}.server".encode()),
                ("pmix.srv.rank", library.RANK, place.here),
                ("pmix.srvr.tmpdir", library.STRING, place.directory.encode()),
                ("pmix.sys.tmpdir", library.STRING, place.directory.encode()),
                ("pmix.hname", library.STRING, self._name.encode()),
            ],
        )
        names = ",".join(name for name, _ in place.nodes)
        ppn = ";".join(",".join(map(str, each)) for _, each in place.nodes)
        lib.register_nspace(
            place.nspace,
            len(ranks),
            [
                ("pmix.jobid", library.STRING, str(place.job_id).encode()),
                ("pmix.spawned", library.BOOL, False),
                ("pmix.univ.size", library.UINT32, place.size),
                ("pmix.job.size", library.UINT32, place.size),
                ("pmix.job.napps", library.UINT32, 1),
                ("pmix.max.size", library.UINT32, place.size),
                ("pmix.num.nodes", library.UINT32, len(place.nodes)),
                ("pmix.nmap", library.REGEX, lib.regex(names)),
                ("pmix.pmap", library.REGEX, lib.ppn(ppn)),
                ("pmix.nodeid", library.UINT32, place.here),
                ("pmix.node.size", library.UINT32, len(ranks)),
                ("pmix.local.size", library.UINT32, len(ranks)),
                ("pmix.lpeers", library.STRING, ",".join(map(str, ranks)).encode()),
                ("pmix.lldr", library.RANK, min(ranks)),
                ("pmix.tmpdir", library.STRING, place.directory.encode()),
                ("pmix.nsdir", library.STRING, place.directory.encode()),
            ],
        )
        return {str(rank): lib.register_client(place.nspace, rank, who.uid, who.gid) for rank in ranks}

    def serve(self) -> None:
        """Until the supervisor is gone, which ends this process otherwise, too."""
        poll = select.poll()
        poll.register(self._sock.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if self._wake in ready:
                os.read(self._wake, 4096)
                while self._todo:
                    self._todo.popleft()()
            if self._sock.fileno() in ready:
                data = self._sock.recv(1 << 18)
                if not data:
                    return
                self._decoder.feed(data)
                while isinstance(frame := self._decoder.next(), Frame):
                    self._told(frame.message())

    def _later(self, action: Callable[[], None]) -> None:
        self._todo.append(action)
        try:
            os.write(self._woken, b"w")
        except BlockingIOError:
            pass  # it is awake anyway

    def _say(self, message: dict[str, object]) -> None:
        self._sock.sendall(encode_json(message))

    # --- called by the library, in its thread -----------------------------------------------------------------------

    def _client(self, _proc: object, _object: object, _done: object, _data: object) -> int:
        return library.OPERATION_SUCCEEDED

    def _abort(
        self, proc: Any, _object: object, _status: int, _text: bytes | None, _procs: object, _count: int, done: int, data: int
    ) -> int:
        rank = int(proc.contents.rank)

        def act() -> None:
            self._say({"kind": "step_abort", "task": rank})
            library.OpDone(done)(library.SUCCESS, data)

        self._later(act)
        return library.SUCCESS

    def _fence(self, procs: Any, count: int, _info: object, _infos: int, data: int, size: int, done: int, cookie: int) -> int:
        ranks = [int(procs[index].rank) for index in range(count)]
        blob = ctypes.string_at(data, size) if data and size else b""
        if data:
            self._library.free(data)
        self._later(lambda: self._enter_fence(ranks, blob, done, cookie))
        return library.SUCCESS

    def _direct(self, proc: Any, _info: object, _infos: int, done: int, cookie: int) -> int:
        rank = int(proc.contents.rank)
        if rank not in self._place_of:
            return library.ERROR
        self._later(lambda: self._ask(rank, done, cookie))
        return library.SUCCESS

    def _answered(self, status: int, data: int, size: int, number: int | None) -> None:
        blob = ctypes.string_at(data, size) if data and size else b""
        self._later(lambda: self._give(int(number or 0), status, blob))

    def _released(self, number: int | None) -> None:
        self._held.pop(int(number or 0), None)

    # --- fences -----------------------------------------------------------------------------------------------------

    def _enter_fence(self, ranks: list[int], blob: bytes, done: int, cookie: int) -> None:
        if library.WILDCARD in ranks:
            nodes = list(range(len(self._place.nodes)))
        else:
            nodes = sorted({self._place_of[rank] for rank in ranks if rank in self._place_of})
        if nodes == [self._place.here]:
            self._deliver(done, cookie, library.SUCCESS, blob)
            return
        # The same tasks meet in the same order everywhere: their list is name enough.
        name = sha256(repr(sorted(ranks)).encode()).hexdigest()[:16]
        self._fences.setdefault(name, deque()).append((done, cookie))
        pairs = {
            f"{self._place.here:06}.{begin // PIECE:06}": blob[begin : begin + PIECE].decode("latin-1")
            for begin in range(0, len(blob), PIECE)
        }
        for piece, more in keyspace.pieces(pairs):
            self._say({"kind": "keys_fence", "name": name, "nodes": nodes, "pairs": piece, "more": more})

    def _fence_over(self, message: dict[str, Any]) -> None:
        name = str(message["name"])
        coming = self._coming.setdefault(name, {})
        coming.update(message["pairs"])
        if message.get("more"):
            return
        del self._coming[name]
        done, cookie = self._fences[name].popleft()
        blob = "".join(coming[key] for key in sorted(coming)).encode("latin-1")
        self._deliver(done, cookie, library.SUCCESS, blob)

    def _deliver(self, done: int, cookie: int, status: int, blob: bytes) -> None:
        self._numbers += 1
        held = self._held[self._numbers] = ctypes.create_string_buffer(blob, max(len(blob), 1))
        library.ModexDone(done)(status, ctypes.addressof(held), len(blob), cookie, self._release, self._numbers)

    # --- data of single tasks ---------------------------------------------------------------------------------------

    def _ask(self, rank: int, done: int, cookie: int) -> None:
        self._numbers += 1
        self._asked[self._numbers] = done, cookie
        question = {"to": self._place_of[rank], "task": rank, "ask": self._numbers}
        self._say({"kind": "keys_ask", "node": self._place.here, **question})

    def _asked_for(self, message: dict[str, Any]) -> None:
        self._numbers += 1
        self._askers[self._numbers] = int(message["node"]), int(message["ask"])
        try:
            self._library.ask_direct(self._place.nspace, int(message["task"]), self._answer, self._numbers)
        except library.NoLibrary:
            self._give(self._numbers, library.ERROR, b"")

    def _give(self, number: int, status: int, blob: bytes) -> None:
        node, ask = self._askers.pop(number)
        pieces = [blob[begin : begin + PIECE] for begin in range(0, len(blob), PIECE)] or [b""]
        for index, piece in enumerate(pieces):
            more = index + 1 < len(pieces)
            answer = {"ask": ask, "status": status, "data": piece.decode("latin-1"), "more": more}
            self._say({"kind": "keys_answer", "node": self._place.here, "to": node, **answer})

    def _given(self, message: dict[str, Any]) -> None:
        ask = int(message["ask"])
        text = self._parts.pop(ask, "") + str(message["data"])
        if message.get("more"):
            self._parts[ask] = text
        elif ask in self._asked:
            self._deliver(*self._asked.pop(ask), int(message["status"]), text.encode("latin-1"))

    def _told(self, message: dict[str, Any]) -> None:
        kind = message.get("kind")
        if kind == "keys_fence":
            self._fence_over(message)
        elif kind == "keys_ask":
            self._asked_for(message)
        elif kind == "keys_answer":
            self._given(message)
        else:
            raise ProtocolError(f"{kind} where keys were expected")
