"""What the client does about daemons that are away, silent or talk nonsense, and sockets they left."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from pathlib import Path

import pytest

from mgpu_slurm.wire import client
from mgpu_slurm.wire.client import Connection, ControllerUnreachable, Endpoint, PeerRefused
from mgpu_slurm.wire.server import Server
from tests.wire.site import ECHO, Daemon, Request, Site, site, with_site


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
