"""Open files over a Unix socket, and who is at its end."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from mgpu_slurm.wire import frames, passing
from mgpu_slurm.wire.frames import FrameError
from mgpu_slurm.wire.peer import peer_identity

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    left.settimeout(5)
    right.settimeout(5)
    with left, right:
        yield left, right


def test_files_arrive_with_their_message(pair: Pair) -> None:
    read, write = os.pipe()
    passing.send(pair[0], {"kind": "take", "text": "x" * 20_000}, [read, write])
    pair[0].sendall(b"what follows")
    message, got = passing.receive(pair[1])
    assert message["kind"] == "take"
    assert not any(os.get_inheritable(fd) for fd in got)
    os.write(got[1], b"through")
    assert os.read(read, 10) == b"through"
    assert pair[1].recv(100) == b"what follows"
    passing.close_all([read, write, *got])


def test_a_message_without_files(pair: Pair) -> None:
    passing.send(pair[0], {"kind": "plain"})
    assert passing.receive(pair[1]) == ({"kind": "plain"}, [])


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_too_many_are_refused_and_closed(pair: Pair) -> None:
    before = open_files()
    passing.send(pair[0], {"kind": "take"}, [0] * 5)
    with pytest.raises(FrameError, match="descriptors"):
        passing.receive(pair[1], limit=2)
    assert open_files() == before


@pytest.mark.parametrize("data", [b"\0\0\0\5abcde", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\2[]"])
def test_garbage_closes_what_came(pair: Pair, data: bytes) -> None:
    before = open_files()
    passing.send_bytes(pair[0], data, [0])
    with pytest.raises(FrameError):
        passing.receive(pair[1])
    assert open_files() == before


def test_the_end_of_the_stream(pair: Pair) -> None:
    before = open_files()
    passing.send_bytes(pair[0], frames.encode_json({"kind": "cut"})[:-1], [0])
    pair[0].close()
    with pytest.raises(EOFError):
        passing.receive(pair[1])
    assert open_files() == before - 1


def test_the_peer_is_known(pair: Pair) -> None:
    who = peer_identity(pair[0])
    assert (who.uid, who.gid, who.pid, who.host) == (os.getuid(), os.getgid(), os.getpid(), os.uname().nodename)
    with socket.socket() as tcp, pytest.raises(OSError, match="kernel"):
        peer_identity(tcp)
