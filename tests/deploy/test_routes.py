"""What known_hosts and ssh's configuration say about the way to a host, by tables."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mgpu_slurm.deploy import certificates, known_hosts, routes
from mgpu_slurm.deploy.hosts import parse
from mgpu_slurm.deploy.known_hosts import CHANGED, KNOWN, REVOKED, UNKNOWN
from mgpu_slurm.deploy.routes import Login, Route, RouteError
from tests.deploy import sshd

A, B = b"key-a", b"key-b"
FILE = "".join(
    [
        "# a comment\n",
        known_hosts.line("plain", "ssh-ed25519", A),
        known_hosts.line("[plain]:2222", "ssh-ed25519", B),
        known_hosts.line("*.lan,!bad.lan", "ssh-rsa", A),
        known_hosts.line("hidden", "ssh-ed25519", A, b"salt" * 5),
        "@revoked " + known_hosts.line("*", "ssh-ed25519", b"stolen"),
        "@cert-authority " + known_hosts.line("*", "ssh-ed25519", B),
        "garbage\nplain ssh-ed25519 !!!\n",
    ]
)


@pytest.mark.parametrize(
    ("name", "blob", "verdict"),
    [
        ("plain", A, KNOWN),
        ("plain", B, CHANGED),
        ("[plain]:2222", B, KNOWN),
        ("[plain]:2222", A, CHANGED),
        ("[plain]:2223", A, UNKNOWN),
        ("gpu01.lan", A, KNOWN),
        ("bad.lan", A, UNKNOWN),
        ("hidden", A, KNOWN),
        ("hidden", B, CHANGED),
        ("other", B, UNKNOWN),
        ("other", b"stolen", REVOKED),
        ("plain", b"stolen", REVOKED),
    ],
)
def test_known_hosts(name: str, blob: bytes, verdict: str) -> None:
    assert known_hosts.judge(known_hosts.read(FILE), [name], blob)[0] == verdict


def test_known_hosts_are_those_of_ssh(tmp_path: Path) -> None:
    """ssh-keygen finds what was written here, hashed or not."""
    if sshd.KEYGEN is None:
        pytest.skip("needs ssh-keygen")
    sshd.keygen(tmp_path / "key")
    kind, text = (tmp_path / "key.pub").read_text().split()[:2]
    (entry,) = known_hosts.read(f"x {kind} {text}")
    file = tmp_path / "known_hosts"
    names = [known_hosts.names_of(host, port)[0] for host, port in (("a.lan", 22), ("a.lan", 2222), ("fd00::1", 2222))]
    file.write_text("".join(known_hosts.line(name, kind, entry.blob, salt) for name in names for salt in (b"", b"s" * 20)))
    for name in names:
        found = subprocess.run([str(sshd.KEYGEN), "-F", name, "-f", str(file)], capture_output=True, text=True)
        assert found.stdout.count(text) == 2, name
    shown = subprocess.run([str(sshd.KEYGEN), "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True).stdout
    assert known_hosts.fingerprint(entry.blob) in shown


CONFIG = """\
Include more/*
Host gpu*
    HostName %h.lan
    User ann
    Port 2200
    IdentityFile ~/.ssh/lab
    IdentitiesOnly yes
Host gpu02
    ProxyJump none
Host far
    HostName 10.0.0.9
    ProxyCommand nc %h %p
    HostKeyAlias far-alias
    UserKnownHostsFile ~/known /elsewhere
    StrictHostKeyChecking accept-new
    IdentityAgent none
    PasswordAuthentication no
Host *
    ConnectTimeout 7
    ProxyJump head
Match host head
    ProxyJump none
"""


def routed(home: Path, text: str, login: Login = Login(), jump: bool = False) -> Route:  # noqa: B008 - it is frozen
    environ = {"USER": "me", "SSH_AUTH_SOCK": "/agent"}
    return routes.configuration(str(home), environ, login).route(parse(text), jump)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))  # paramiko looks there itself
    (tmp_path / ".ssh/more").mkdir(parents=True)
    (tmp_path / ".ssh/config").write_text(CONFIG)
    (tmp_path / ".ssh/more/one").write_text("Host inc\n    HostName included.lan\n    Port 77\n")
    return tmp_path


def test_configuration_of_ssh(configured: Path) -> None:
    home = str(configured)
    found = routed(configured, "gpu01")
    assert (found.host, found.user, found.port, found.timeout) == ("gpu01.lan", "ann", 2200, 7.0)
    assert (found.identities, found.only_these, found.jumps) == ((f"{home}/.ssh/lab",), True, ("head",))
    assert found.known_hosts == (f"{home}/.ssh/known_hosts", f"{home}/.ssh/known_hosts2")
    far = routed(configured, "far")
    assert (far.host, far.command, far.alias, far.strict) == ("10.0.0.9", "nc 10.0.0.9 22", "far-alias", "accept-new")
    assert (far.known_hosts, far.agent, far.passwords) == ((f"{home}/known", "/elsewhere"), "", False)
    assert (routed(configured, "inc").host, routed(configured, "inc").port) == ("included.lan", 77)
    assert routed(configured, "bob@gpu01:1").user == "bob"
    assert routed(configured, "bob@gpu01:1").port == 1
    other = routed(configured, "elsewhere")
    assert (other.user, other.port, other.agent, other.strict) == ("me", 22, "/agent", "ask")
    assert other.identities == tuple(f"{home}/.ssh/{name}" for name in routes.DEFAULT_KEYS)


def test_options_come_before_the_configuration(configured: Path) -> None:
    login = Login("eve", 99, "/key", "a,b", accept=True)
    found = routed(configured, "gpu01", login)
    assert (found.user, found.port, found.jumps, found.strict) == ("eve", 99, ("a", "b"), "accept-new")
    assert found.identities == ("/key", f"{configured}/.ssh/lab")
    jump = routed(configured, "gpu01", login, jump=True)  # a jump host is not meant by --port and --login
    assert (jump.user, jump.port) == ("ann", 2200)


def test_configuration_that_cannot_be_read(configured: Path) -> None:
    (configured / ".ssh/config").write_text("Host\n?\n")
    with pytest.raises(RouteError, match="config"):
        routed(configured, "x")
    with pytest.raises(RouteError, match="no such file"):
        routed(configured, "x", Login(config="/no/such"))


def test_what_a_certificate_says() -> None:
    import struct

    def text(*words: bytes) -> bytes:
        return b"".join(struct.pack(">I", len(word)) + word for word in words)

    kind = b"ssh-ed25519-cert-v01@openssh.com"
    body = text(kind, b"nonce", b"k" * 32) + struct.pack(">QI", 1, 2) + text(b"id", text(b"gpu01")) + struct.pack(">QQ", 5, 9)
    blob = body + text(b"", b"", b"", b"authority") + text(b"signature")
    found = certificates.read(blob)
    assert (found.names, found.authority, found.signed + text(b"signature")) == (("gpu01",), b"authority", blob)
    assert [certificates.wrong(found, "GPU01", now)[:5] for now in (4, 5, 8, 9)] == ["holds", "", "", "held "]
    for end in range(len(blob)):
        with pytest.raises(certificates.CertificateError):
            certificates.read(blob[:end])
