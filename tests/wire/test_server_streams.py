"""Beyond request and reply: pushes, passed descriptors, sockets given away, peers that close or stop reading."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import client, frames, passing
from mgpu_slurm.wire.frames import Frame
from mgpu_slurm.wire.server import Limits
from tests.wire.site import ECHO, Site, hello, site, with_site


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
