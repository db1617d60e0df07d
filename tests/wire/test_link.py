"""The link between daemons: challenge, signed frames, repeats after a lost connection."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from mgpu_slurm.wire import frames
from mgpu_slurm.wire.client import Endpoint
from mgpu_slurm.wire.link import LinkClient
from tests.wire.scene import FAST, KEY, Controller, Fault, Said, Say, Scene, Side, Tampering, Unheard, play, until


def test_both_ways_in_order() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        for number in range(200):
            here.client.link.send(Say(number, "x" * 1000))
            here.down_link.send(Say(number))
        await until(lambda: len(here.controller.side.heard) == len(here.node.heard) == 200)
        assert here.controller.side.heard == here.node.heard == list(range(200))
        await until(lambda: not here.client.link.pending and not here.down_link.pending)
        assert here.down_link.address == "127.0.0.1"

    play(script)


def test_sent_before_the_first_connection_and_greeted_first() -> None:
    async def script(here: Scene) -> None:
        confirmed = here.client.link.send(Say(1))
        assert here.client.link.post(Say(99)) is False
        await confirmed
        assert here.controller.side.heard == [0, 1]

    play(script, greeting=lambda: Say(0))


def test_lost_connections_lose_and_repeat_nothing() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        for number in range(120):
            here.client.link.send(Say(number))
            here.down_link.send(Say(number))
            if number % 20 == 10:
                await here.connected()
                losses = here.node.events.count("down n0")
                here.relay.cut()
                if number % 40 == 10:  # else the next messages go into a connection that is already lost
                    await here.lost_more_than(losses)
        await until(lambda: len(here.controller.side.heard) >= 120 and len(here.node.heard) >= 120)
        await until(lambda: not here.client.link.pending and not here.down_link.pending)
        assert here.controller.side.heard == here.node.heard == list(range(120))
        assert here.node.events.count("down n0") >= 3

    play(script)


def test_a_lost_confirmation_is_not_a_second_message() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        here.controller.side.gate.clear()
        confirmed = here.client.link.send(Say(7))
        await asyncio.sleep(0.02)
        here.relay.cut()
        await until(lambda: not here.client.link.connected)
        here.controller.side.gate.set()
        await confirmed
        assert here.controller.side.heard == [7]

    play(script)


def test_a_restarted_peer_gets_what_was_not_confirmed_and_what_has_a_key() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        await here.client.link.send(Say(1))
        await here.client.link.send(Say(2), key="kept")
        await here.client.link.send(Say(3), key="replaced")
        await here.client.link.send(Say(4), key="replaced")
        await here.client.link.send(Say(5), key="over")
        here.client.link.unsend("over")
        here.client.link.unsend("never sent")
        await here.controller.server.close()
        await until(lambda: not here.client.link.connected)
        here.client.link.send(Say(6))
        here.controller = Controller()
        here.relay.target = here.controller.server.listen_tcp("127.0.0.1", 0)
        await until(lambda: len(here.controller.side.heard) == 3)
        assert here.controller.side.heard == [2, 4, 6]
        await until(lambda: here.client.link.pending == 2)
        here.client.link.drop()
        assert here.client.link.pending == 0

    play(script)


def test_another_key_is_refused_by_both(caplog: pytest.LogCaptureFixture) -> None:
    async def script(here: Scene) -> None:
        await until(lambda: here.client.failure)
        assert "does not know the cluster key" in here.client.failure
        assert here.controller.side.events == []

    play(script, key=b"x" * 64)


def test_a_client_without_the_key_is_not_believed() -> None:
    """It ignores the server's proof and makes up its own."""

    async def script(here: Scene) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", here.relay.target)
        nonce = "00" * 32
        hello = {"kind": "link_hello", "versions": [1], "name": "evil", "nonce": nonce, "incarnation": "a"}
        writer.write(frames.encode_json(hello))
        size = int.from_bytes(await reader.readexactly(4), "big")
        await reader.readexactly(size)
        writer.write(frames.encode_json({"kind": "link_proof", "proof": "00" * 32}))
        answer = (await reader.read()).decode("latin-1")
        assert '"error"' in answer
        assert "cluster key" in answer
        assert "evil" not in here.controller.links._links
        writer.close()

    play(script)


def test_no_version_in_common() -> None:
    async def script(here: Scene) -> None:
        await until(lambda: "Incompatible versions" in here.client.failure)

    play(script, versions=(2,))


def test_the_version_before_is_spoken_to() -> None:
    async def script(here: Scene) -> None:
        await here.client.link.send(Say(1))

    play(script, versions=(2, 1))


@pytest.mark.parametrize("how", ["altered", "repeated", "left out"])
def test_a_touched_frame_ends_the_session_and_the_message_arrives_later(how: str, caplog: pytest.LogCaptureFixture) -> None:
    def touch(data: bytes) -> bytes:
        if b"precious" not in data:
            return data
        relays[0].change = bytes
        if how == "altered":
            return data.replace(b"precious", b"worthles")
        return data + data if how == "repeated" else b""

    async def script(here: Scene) -> None:
        relays.append(here.relay)
        await here.connected()
        await here.client.link.send(Say(1))
        here.relay.change = touch
        here.client.link.send(Say(2, "precious"))
        await until(lambda: "down n0" in here.controller.side.events)
        await until(lambda: here.controller.side.heard == [1, 2])

    relays: list[Tampering] = []
    play(script)
    assert "altered" in caplog.text or "repeated" in caplog.text


def test_a_recorded_session_cannot_be_played_again() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        await here.client.link.send(Say(1))
        await here.client.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", here.relay.target)
        writer.write(b"".join(here.relay.seen))
        answer = await reader.read()
        assert b"does not know the cluster key" in answer
        assert here.controller.side.heard == [1]
        writer.close()

    play(script)


def test_silence_is_noticed_on_both_sides() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        await asyncio.sleep(0.5)  # longer than `dead`: keep-alives hold it
        assert here.controller.side.events == ["up n0"]
        here.relay.silent = True
        await until(lambda: "down n0" in here.controller.side.events and "down n0" in here.node.events)
        here.relay.silent = False
        here.relay.cut()
        await here.connected()

    play(script)


def test_a_fault_in_a_handler_or_an_unknown_message_leaves_the_link_up(caplog: pytest.LogCaptureFixture) -> None:
    async def script(here: Scene) -> None:
        await here.client.link.send(Fault())
        await here.client.link.send(Unheard())
        await here.client.link.send(Say(3))
        assert here.controller.side.heard == [3]
        assert here.controller.side.events == ["up n0"]

    play(script)
    assert "ZeroDivisionError" in caplog.text
    assert "not understood" in caplog.text


def test_the_later_connection_wins() -> None:
    async def script(here: Scene) -> None:
        await here.connected()
        side = Side()
        second = LinkClient(
            [Endpoint(host="127.0.0.1", port=here.relay.target)], "n0", Said, side.handle, KEY, timing=FAST, on_up=side.up
        )
        second.start()
        await until(lambda: side.events)
        await until(lambda: here.controller.side.events[:3] == ["up n0", "down n0", "up n0"])
        await here.client.close()
        await here.down_link.send(Say(1))
        assert side.heard == [1]
        await second.close()

    play(script)


def test_the_next_endpoint_and_unix_sockets(tmp_path: Path) -> None:
    async def main() -> None:
        controller, side = Controller(), Side()
        path = str(tmp_path / "c.sock")
        controller.server.listen_unix(path)
        endpoints = [Endpoint(path=str(tmp_path / "none.sock")), Endpoint(path=path)]
        client = LinkClient(endpoints, "n0", Said, side.handle, KEY, timing=FAST)
        client.start()
        await asyncio.wait_for(client.link.send(Say(1)), 5)
        controller.links.forget("n0")
        await until(lambda: "down n0" in controller.side.events)
        await client.close()
        await controller.server.close()

    asyncio.run(main())


def test_random_openings_never_hurt(caplog: pytest.LogCaptureFixture) -> None:
    openings = [
        {"kind": "link_hello"},
        {"kind": "link_hello", "versions": [1], "name": "", "nonce": "00" * 32, "incarnation": ""},
        {"kind": "link_hello", "versions": [1], "name": "a\nb", "nonce": "00" * 32, "incarnation": ""},
        {"kind": "link_hello", "versions": [1], "name": "n", "nonce": "short", "incarnation": ""},
        {"kind": "link_hello", "versions": "x", "name": "n", "nonce": "00" * 32, "incarnation": ""},
    ]

    async def script(here: Scene) -> None:
        for opening in openings:
            reader, writer = await asyncio.open_connection("127.0.0.1", here.relay.target)
            writer.write(frames.encode_json(opening))
            writer.write(b"\0\0\0\3\x10ab")
            assert b'"error"' in await reader.read()
            writer.close()
        await here.client.link.send(Say(1))

    play(script)
    assert "fault" not in caplog.text


def test_free_port_is_found_by_the_system() -> None:
    async def main() -> None:
        controller = Controller()
        port = controller.server.listen_tcp("127.0.0.1", 0)
        with socket.create_connection(("127.0.0.1", port)):
            pass
        await controller.server.close()

    asyncio.run(main())
