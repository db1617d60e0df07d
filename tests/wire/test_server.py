"""Server and client over real sockets: identity, refusals, limits, hand-over."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import client, credential, frames, passing
from mgpu_slurm.wire.client import Connection, ControllerUnreachable, Endpoint, PeerRefused, RequestRefused
from mgpu_slurm.wire.credential import Identity
from mgpu_slurm.wire.frames import Frame
from mgpu_slurm.wire.server import Limits, Server, sign_for
from mgpu_slurm.wire.stream import Stream

KEY = b"k" * 64


class Message(msgspec.Struct, tag_field="kind"):
    pass


class Echo(Message, tag="echo"):
    text: str
    count: int = 1


class Who(Message, tag="who"):
    pass


class Sign(Message, tag="sign"):
    digest: str


class Fail(Message, tag="fail"):
    how: str


class Follow(Message, tag="follow"):
    """Pushes three frames, reads one, answers with what it read."""


class Give(Message, tag="give"):
    """The handler writes into the descriptor that came along."""


class Away(Message, tag="away"):
    """The socket is given away."""


class WaitClosed(Message, tag="wait_closed"):
    pass


class Flood(Message, tag="flood"):
    pass


Request = Echo | Who | Sign | Fail | Follow | Give | Away | WaitClosed | Flood


class Daemon:
    """A handler with everything a handler may do."""

    def __init__(self) -> None:
        self.saw_close = asyncio.Event()
        self.given: list[tuple[socket.socket, bytes]] = []
        self.flooded: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.clock = time.time

    async def handle(self, who: Identity, message: Any, stream: Stream) -> object:
        match message:
            case Echo(text, count):
                return {"kind": "echoed", "text": text * count, "version": stream.version}
            case Who():
                return {"kind": "you", "uid": who.uid, "gid": who.gid, "host": who.host}
            case Sign(digest):
                return {"kind": "signed", "credential": sign_for(stream, KEY, digest, self.clock())}
            case Fail("slurm"):
                raise SlurmError(2017)
            case Fail():
                raise ZeroDivisionError("inside")
            case Follow():
                for task in range(3):
                    await stream.send_channel(frames.STDOUT, task, b"out%d" % task)
                return {"kind": "end", "read": (await stream.receive()).data.decode()}
            case Give():
                for fd in stream.take_descriptors():
                    os.write(fd, b"given")
                    os.close(fd)
                return {"kind": "done"}
            case Away():
                self.given.append(stream.detach())
            case WaitClosed():
                await stream.closed.wait()
                self.saw_close.set()
            case Flood():
                try:
                    while True:
                        await stream.send_channel(frames.STDOUT, 0, bytes(500_000))
                except ConnectionError as error:
                    self.flooded.set_result(error)
                    raise
        return None


class Site:
    def __init__(self, daemon: Daemon, server: Server, path: str, port: int) -> None:
        self.daemon, self.server = daemon, server
        self.unix = Endpoint(path=path)
        self.tcp = Endpoint(host="127.0.0.1", port=port, signers=["/nowhere/at/all.sock", path])
        self.port = port


@asynccontextmanager
async def site(tmp_path: Path, **options: Any) -> AsyncIterator[Site]:
    daemon = Daemon()
    options.setdefault("key", KEY)
    server = Server(Request, daemon.handle, **options)
    path = str(tmp_path / "d.sock")
    server.listen_unix(path)
    port = server.listen_tcp("127.0.0.1", 0)
    try:
        yield Site(daemon, server, path, port)
    finally:
        await server.close()
        assert not os.path.exists(path)


def with_site(test: Callable[[Site], Any], tmp_path: Path, **options: Any) -> Any:
    """Run a blocking test in a thread against a daemon in this one."""

    async def main() -> Any:
        async with site(tmp_path, **options) as here:
            result = await asyncio.wait_for(asyncio.to_thread(test, here), 20)
            deadline = time.monotonic() + 5
            while here.server.connections and time.monotonic() < deadline:
                await asyncio.sleep(0.005)
            return result

    return asyncio.run(main())


def raw(endpoint: Endpoint, data: bytes, end: bool = False) -> list[dict[str, Any]]:
    """Send bytes, read all messages until the server closes."""
    if endpoint.path:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(endpoint.path)
    else:
        sock = socket.create_connection((endpoint.host, endpoint.port))
    with sock:
        sock.settimeout(10)
        decoder = frames.Decoder()
        try:
            sock.sendall(data)
            if end:
                sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        try:
            while piece := sock.recv(65536):
                decoder.feed(piece)
        except ConnectionResetError:
            pass
        found = []
        while isinstance(frame := decoder.next(), Frame):
            found.append(frame.message())
        return found


def hello(versions: Any = (1,), cred: object = None) -> bytes:
    return frames.encode_json({"kind": "hello", "versions": versions, "credential": cred})


ECHO = {"kind": "echo", "text": "ab", "count": 2}


def test_request_and_reply_on_both_kinds_of_socket(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        for endpoint in (here.unix, here.tcp):
            with client.connect(endpoint) as connection:
                for _ in range(3):
                    assert connection.request(ECHO) == {"kind": "echoed", "text": "abab", "version": 1}
                assert connection.version == 1
                you = connection.request({"kind": "who"})
                assert (you["uid"], you["gid"], you["host"]) == (os.getuid(), os.getgid(), os.uname().nodename)

    with_site(ask, tmp_path)


def test_names_that_are_not_utf8_pass(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xf0\x9f\x98\x80 \xff")
    answer = with_site(lambda here: client.call([here.tcp], {"kind": "echo", "text": name}), tmp_path)
    assert answer["text"] == name


@pytest.mark.parametrize(
    ("message", "code", "detail"),
    [
        ({"kind": "nonsense"}, 1000, "nonsense"),
        ({"kind": "echo"}, 1000, "missing required field `text`"),
        ({"kind": "echo", "text": 5}, 1000, "`$.text`"),
        ({"text": "x"}, 1000, "kind"),
        ({"kind": "fail", "how": "slurm"}, 2017, ""),
    ],
)
def test_a_wrong_request_is_answered(tmp_path: Path, message: dict[str, Any], code: int, detail: str) -> None:
    def ask(here: Site) -> None:
        with client.connect(here.unix) as connection, pytest.raises(RequestRefused) as caught:
            connection.request(message)
        assert caught.value.code == code
        assert caught.value.text
        assert detail in caught.value.detail

    with_site(ask, tmp_path)


def test_after_a_refused_request_the_connection_is_good(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with client.connect(here.unix) as connection:
            for kind in ("fail", "echo"):
                with pytest.raises(RequestRefused):
                    connection.request({"kind": kind, "how": "slurm"})
            assert connection.request(ECHO)["text"] == "abab"

    with_site(ask, tmp_path)


def test_a_fault_of_ours_is_logged_and_hidden(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def ask(here: Site) -> None:
        with pytest.raises(RequestRefused) as caught:
            client.call([here.unix], {"kind": "fail", "how": "hard"}, retries=0)
        assert (caught.value.code, caught.value.detail) == (2090, "")
        assert client.call([here.unix], ECHO)["text"] == "abab"

    with_site(ask, tmp_path)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1008),
        (b"\0\0\0\4GET ", 1000),
        (b"\0\0\0\0", 1000),
        (frames.encode_payload(b"{"), 1000),
        (frames.encode_payload(b'{"kind":3}'), 1000),
        (frames.encode_channel(2, 0, b"x"), 1000),
        (frames.encode_json(ECHO), 1005),
        (hello([2, 3]), 1005),
        (hello([]), 1005),
        (hello("1"), 1000),
        (hello([1], 5), 1000),
        (hello([1] * 10_000), 1008),
        (hello() + frames.encode_payload(b'{"kind":"echo","text":"' + b"x" * 5000 + b'"}'), 1008),
        (hello() + b"\x7f\xff\xff\xff", 1008),
    ],
)
def test_what_is_not_our_protocol(tmp_path: Path, data: bytes, code: int) -> None:
    limits = Limits(request_bytes=1 << 20, kind_bytes={"echo": 4000})
    answers = with_site(lambda here: raw(here.unix, data), tmp_path, limits=limits)
    assert answers[-1]["kind"] == "error"
    assert answers[-1]["code"] == code
    assert answers[-1]["text"]


def test_too_slow(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        for data in (b"", b"\0\0", hello(), hello() + frames.encode_json(ECHO)[:-1]):
            answers = raw(here.unix, data)
            assert answers[-1]["code"] == 1003

    with_site(ask, tmp_path, limits=Limits(request_seconds=0.05))


def test_an_idle_connection_is_closed_without_a_word(tmp_path: Path) -> None:
    answers = with_site(
        lambda here: raw(here.unix, hello() + frames.encode_json(ECHO)), tmp_path, limits=Limits(idle_seconds=0.05)
    )
    assert [a["kind"] for a in answers] == ["hello", "echoed"]


def test_versions(tmp_path: Path) -> None:
    """A daemon of version 2 answers clients of 1 and 2, and both know what was chosen."""

    def ask(here: Site) -> None:
        for versions, chosen in (([1], 1), ([2, 1], 2), ([3, 2], 2)):
            answers = raw(here.unix, hello(versions) + frames.encode_json(ECHO))
            assert answers[0] == {"kind": "hello", "versions": [2, 1], "version": chosen}
            assert answers[1]["version"] == chosen
        answers = raw(here.unix, hello([3]) + frames.encode_json(ECHO))
        assert answers[0]["version"] == 0
        assert answers[1]["code"] == 1005

    with_site(ask, tmp_path, versions=(2, 1), limits=Limits(idle_seconds=0.05))


def signed(payload: bytes, now: float | None = None, key: bytes = KEY, **changes: object) -> dict[str, object]:
    made = credential.sign(key, 0, 0, "node01", now or time.time(), credential.new_nonce(), credential.digest(payload))
    return {**made, **changes}


def test_credentials_over_tcp(tmp_path: Path) -> None:
    request = frames.encode_json(ECHO)
    payload = request[4:]

    def ask(here: Site) -> None:
        def refused(data: bytes) -> str:
            last = raw(here.tcp, data)[-1]
            assert (last["kind"], last["code"]) == ("error", 1007)
            return str(last["detail"])

        good = signed(payload)
        assert raw(here.tcp, hello(cred=good) + request)[-1]["text"] == "abab"
        assert refused(hello(cred=good) + request) == credential.REPLAYED
        assert refused(hello() + request) == "unsigned"
        assert refused(hello(cred=signed(payload, uid=1)) + request) == credential.ALTERED
        assert refused(hello(cred=signed(payload, key=b"x" * 64)) + request) == credential.ALTERED
        assert refused(hello(cred=signed(payload, time.time() - 1000)) + request) == credential.STALE
        assert refused(hello(cred=signed(payload, time.time() + 1000)) + request) == credential.STALE
        assert refused(hello(cred=signed(payload)) + request.replace(b"ab", b"cd")) == credential.WRONG_DIGEST
        assert refused(hello(cred={"v": 1}) + request) == credential.MALFORMED
        # One credential is good for one request.
        assert refused(hello(cred=signed(payload)) + request + request) == "unsigned"

    with_site(ask, tmp_path, limits=Limits(idle_seconds=0.05))


def test_a_daemon_without_key_takes_nothing_over_tcp(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with pytest.raises(PeerRefused) as caught:
            client.call([here.tcp], ECHO)
        assert "no cluster key" in caught.value.detail

    with_site(ask, tmp_path, key=None)


def test_nobody_signs(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        for signers in ([], ["/nowhere.sock"]):
            with pytest.raises(PeerRefused) as caught:
                client.call([Endpoint(host="127.0.0.1", port=here.port, signers=signers)], ECHO)
            assert caught.value.code == 1007

    with_site(ask, tmp_path)


def test_no_signature_over_tcp_or_for_nonsense(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with pytest.raises(SlurmError) as caught:
            client.call([here.tcp], {"kind": "sign", "digest": "0" * 64})
        assert caught.value.code == 1007
        with pytest.raises(SlurmError) as caught:
            client.call([here.unix], {"kind": "sign", "digest": "x\nuid 0"})
        assert caught.value.code == 1000

    with_site(ask, tmp_path)


def test_strangers_at_an_embedded_socket(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with pytest.raises(PeerRefused, match="Protocol authentication error"):
            client.call([here.unix], ECHO)

    with_site(ask, tmp_path, only_uids=[os.getuid() + 1])
    assert with_site(lambda here: client.call([here.unix], ECHO), tmp_path, only_uids=[os.getuid()])["text"] == "abab"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")
def test_the_kernel_says_who_another_user_is(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        os.chmod(tmp_path, 0o755)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgid(4321)
                os.setuid(4321)
                fd = os.open(".", os.O_RDONLY)
                os.close(fd)
                answer = client.call([Endpoint(path=os.path.basename(here.unix.path))], {"kind": "who"})
                os.write(write, f"{answer['uid']} {answer['gid']}".encode())
            finally:
                os._exit(0)
        os.close(write)
        os.waitpid(child, 0)
        assert os.read(read, 100) == b"4321 4321"
        os.close(read)

    back = os.getcwd()
    os.chdir(tmp_path)
    try:
        with_site(ask, tmp_path)
    finally:
        os.chdir(back)


def test_pushes_and_further_reading(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with client.connect(here.unix) as connection:
            connection.ask({"kind": "follow"})
            got = [connection.receive(5) for _ in range(3)]
            assert got == [Frame(frames.STDOUT, task, b"out%d" % task) for task in range(3)]
            with pytest.raises(TimeoutError):
                connection.receive(0.02)
            assert not connection.ready()
            connection.send_channel(frames.STDIN, frames.ALL_TASKS, b"typed")
            assert connection.receive(5) == {"kind": "end", "read": "typed"}

    with_site(ask, tmp_path)


def test_files_come_with_a_request(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        read, write = os.pipe()
        with client.connect(here.unix) as connection:
            connection.request({"kind": "give"}, descriptors=[write])
            connection.request(ECHO, descriptors=[write])  # one that nobody takes
        os.close(write)
        assert os.read(read, 10) == b"given"
        assert os.read(read, 10) == b""  # closed here and there
        os.close(read)

    with_site(ask, tmp_path)


def test_too_many_files(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with client.connect(here.unix) as connection, pytest.raises(SlurmError) as caught:
                connection.request(ECHO, descriptors=[0, 0, 0])
            assert caught.value.code == 1000
        deadline = time.monotonic() + 5
        while here.server.connections and time.monotonic() < deadline:
            time.sleep(0.005)
        assert len(os.listdir("/proc/self/fd")) == before

    with_site(ask, tmp_path, limits=Limits(descriptors=2))


def test_the_socket_is_given_away_with_what_was_read_ahead(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        with client.connect(here.unix) as connection:
            more = frames.encode_channel(frames.STDIN, 0, b"early")
            request = frames.encode_json({"kind": "away"})
            connection._sock.sendall(hello() + request + more + b"\0\0")
            deadline = time.monotonic() + 5
            while not here.daemon.given and time.monotonic() < deadline:
                time.sleep(0.002)
            sock, ahead = here.daemon.given.pop()
            with sock:
                sock.setblocking(True)
                assert ahead == more + b"\0\0"
                connection._sock.sendall(b"rest")
                assert sock.recv(10) == b"rest"
                passing.send(sock, {"kind": "from", "who": "heir"})
                assert connection.receive(5) == {"kind": "from", "who": "heir"}
                assert connection.version == 1

    with_site(ask, tmp_path)


def test_a_handler_sees_the_peer_close(tmp_path: Path) -> None:
    async def main() -> None:
        async with site(tmp_path) as here:
            connection = await asyncio.to_thread(client.connect, here.unix)
            connection.ask({"kind": "wait_closed"})
            await asyncio.sleep(0)
            assert not here.daemon.saw_close.is_set()
            connection.close()
            await asyncio.wait_for(here.daemon.saw_close.wait(), 5)

    asyncio.run(main())


def test_a_reader_that_stops_is_given_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with site(tmp_path, limits=Limits(write_seconds=0.1)) as here:
            connection = await asyncio.to_thread(client.connect, here.unix)
            connection.ask({"kind": "flood"})
            assert isinstance(await asyncio.wait_for(here.daemon.flooded, 5), ConnectionError)
            connection.close()

    asyncio.run(main())


def test_many_at_once(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        results: list[object] = []

        def one(number: int) -> None:
            endpoint = (here.unix, here.tcp)[number % 2]
            with client.connect(endpoint, 10) as connection:
                barrier.wait(10)
                results.append(connection.request({"kind": "echo", "text": f"{number};"})["text"])

        barrier = threading.Barrier(64)
        threads = [threading.Thread(target=one, args=(number,)) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, results)) == sorted(f"{number};" for number in range(64))

    with_site(ask, tmp_path)


def test_more_than_allowed(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        held = [client.connect(here.unix) for _ in range(2)]
        for connection in held:
            connection.request(ECHO)
        with pytest.raises(SlurmError) as caught:
            client.call([here.unix], ECHO, retries=0)
        assert caught.value.code in (1801, 1802, 1804)
        threading.Timer(0.1, held[0].close).start()
        assert client.call([here.unix], ECHO, retries=8)["text"] == "abab"
        held[1].close()

    with_site(ask, tmp_path, limits=Limits(connections=2))


def test_nobody_there(tmp_path: Path) -> None:
    started = time.monotonic()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound and not listening: refused
        for endpoint in (Endpoint(path=str(tmp_path / "no.sock")), Endpoint(host="127.0.0.1", port=port)):
            with pytest.raises(ControllerUnreachable) as caught:
                client.call([endpoint], ECHO, retries=1)
            assert str(caught.value) == "Unable to contact slurm controller (connect failure)"
    assert time.monotonic() - started < 2


def test_the_next_endpoint_answers(tmp_path: Path) -> None:
    def ask(here: Site) -> None:
        endpoints = [Endpoint(path="/nowhere.sock"), here.tcp]
        assert client.call(endpoints, ECHO, retries=0)["text"] == "abab"

    with_site(ask, tmp_path)


def test_a_peer_that_never_answers(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen(5)
        with pytest.raises(ControllerUnreachable) as caught:
            client.call([Endpoint(path=str(tmp_path / "mute.sock"))], ECHO, request_timeout=0.05, retries=1)
        assert caught.value.code == 1802


@pytest.mark.parametrize("data", [b"garbage that is none", b"\0\0\0\2[]", b"\0\0\0\3{\xff}"])
def test_a_peer_that_talks_nonsense(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        raw_socket = socket.SocketType(socket.AF_UNIX, socket.SOCK_STREAM, 0, ours.detach())
        with Connection(raw_socket, True) as connection, pytest.raises(PeerRefused):
            connection.request(ECHO)


def test_a_dead_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = str(tmp_path / "d.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(path)

    async def main() -> None:
        async with site(tmp_path) as here:
            with pytest.raises(OSError, match="in use"):
                await asyncio.to_thread(here.server.listen_unix, path)
        (tmp_path / "d.sock").write_text("a file")
        with pytest.raises(OSError, match="not a socket"):
            Server(Request, Daemon().handle).listen_unix(path)
        os.unlink(path)

    asyncio.run(main())


def test_random_bytes_never_hurt_the_daemon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After every conversation, whatever was said, the daemon answers the next; nothing is logged as our fault."""
    pieces = st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=60).map(frames.encode_payload),
        st.binary(max_size=60).map(lambda b: frames.encode_payload(b"{" + b)),
        st.sampled_from([hello(), hello([1], {"v": 1}), frames.encode_json(ECHO), struct.pack(">I", 1 << 30)]),
        st.dictionaries(st.sampled_from(["kind", "text", "versions", "credential"]), st.integers() | st.text(max_size=8)).map(
            frames.encode_json
        ),
    )

    def ask(here: Site) -> None:
        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(pieces, max_size=5), st.booleans())
        def say(said: list[bytes], over_tcp: bool) -> None:
            for answer in raw(here.tcp if over_tcp else here.unix, b"".join(said), end=True):
                assert answer["kind"] in ("hello", "error", "echoed")
                assert answer.get("code") != 2090

        say()
        assert client.call([here.unix], ECHO)["text"] == "abab"

    with_site(ask, tmp_path, limits=Limits(request_seconds=1, idle_seconds=1))
    assert "fault" not in caplog.text
