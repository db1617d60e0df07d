"""Who speaks: the kernel's word on Unix sockets, signed credentials over TCP."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import client, credential, frames
from mgpu_slurm.wire.client import Endpoint, PeerRefused
from mgpu_slurm.wire.server import Limits
from tests.wire.site import ECHO, KEY, Site, hello, raw, with_site


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
