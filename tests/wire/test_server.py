"""Server and client over real sockets: requests, refusals, versions, limits."""

from __future__ import annotations

import os
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import client, frames
from mgpu_slurm.wire.client import RequestRefused
from mgpu_slurm.wire.server import Limits
from tests.wire.site import ECHO, Site, hello, raw, with_site


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
