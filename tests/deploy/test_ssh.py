"""The way to a host: real sshd's, keys, certificates, agents, passwords and jump hosts."""

from __future__ import annotations

import base64
import contextlib
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator

import pytest

from mgpu_slurm.deploy import certificates, known_hosts, routes
from mgpu_slurm.deploy.connection import Connection, HostError
from mgpu_slurm.deploy.hosts import Word, parse
from mgpu_slurm.deploy.routes import Login
from mgpu_slurm.deploy.ssh import Asker, Network, unsigned
from tests.deploy import sshd
from tests.deploy.conftest import Admin
from tests.deploy.sshd import Host, needs_sshd
from tests.kit.commands import boot_line
from tests.kit.users import User


def nobody(answers: bool = False, secrets: tuple[str, ...] = ()) -> Asker:
    """Who answers at a terminal that is none: with `secrets`, these one after the other."""
    left = list(secrets)
    return Asker(answers or bool(secrets), lambda question: answers, lambda prompt: left.pop(0) if left else "")


class Client:
    """Connections with one home directory."""

    def __init__(self, admin: Admin) -> None:
        self.admin = admin
        self.networks: list[Network] = []
        self.environ = {"USER": os.environ.get("USER") or os.popen("id -un").read().strip()}

    def connect(self, word: Word | str, login: Login = Login(), asker: Asker | None = None) -> Connection:  # noqa: B008
        configuration = routes.configuration(str(self.admin.home), self.environ, login)
        network = Network(configuration, asker or nobody())
        self.networks.append(network)
        return network.connect(configuration.route(parse(word) if isinstance(word, str) else word))

    def close(self) -> None:
        for network in self.networks:
            network.close()


@pytest.fixture
def client(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("HOME", str(admin.home))
    made = Client(admin)
    yield made
    made.close()


@pytest.fixture
def host(admin: Admin) -> Host:
    return admin.host("n1")


def at(host: Host) -> str:
    return f"127.0.0.1:{host.port}"


@needs_sshd
def test_commands(client: Client, host: Host) -> None:
    connection = client.connect(at(host))
    done = connection.run("echo out; echo err >&2; cat; exit 3")
    assert (done.status, done.out, done.err, done.reason()) == (3, "out\n", "err\n", "err")
    assert connection.run(f"yes x | head -c 300000; yes y | head -c {5 << 20} >&2").out == "x\n" * 150000
    sent = [b"a" * 100000, b"b" * 100000]
    assert connection.send("cat >received; wc -c <received", sent).out.split() == ["200000"]
    assert (host.home / "received").read_bytes() == b"".join(sent)
    assert connection.send("exit 7", sent * 50).status == 7  # it does not read what it is sent
    with pytest.raises(HostError, match="no answer for 1 seconds"):
        connection.run("sleep 60", seconds=1.0)
    up = r'p=$(sed -n "s/PPid:[^0-9]*//p" /proc/$p/status); [ $p -gt 1 ] || exit 1'
    own = f"p=$$; until grep -qx sshd /proc/$p/comm; do {up}; done; kill -9 $p"
    with contextlib.suppress(HostError):
        connection.run(own)  # the server's process of this connection
    with pytest.raises(HostError, match="the connection is lost"):
        connection.run("true")


@needs_sshd
def test_host_keys(client: Client, admin: Admin, host: Host) -> None:
    known = admin.ssh / "known_hosts"
    client.connect(at(host))
    right = known.read_text()
    known.write_text("")
    with pytest.raises(HostError, match="is not known; compare it"):
        client.connect(at(host))
    with pytest.raises(HostError, match="not accepted"):
        client.connect(at(host), asker=Asker(True, lambda question: False, str))
    assert known.read_text() == ""
    client.connect(at(host), asker=nobody(answers=True))
    client.connect(at(host))  # it was noted
    known.write_text(right.replace(f":{host.port}", ":1"))
    client.connect(at(host), Login(accept=True))
    other = admin.host("n2", known=False)
    known.write_text(other.known.replace(f":{other.port}", f":{host.port}"))
    for login in (Login(), Login(accept=True)):  # a changed key is never accepted
        with pytest.raises(HostError, match="has changed") as error:
            client.connect(at(host), login, nobody(answers=True))
        assert f"ssh-keygen -R '[127.0.0.1]:{host.port}'" in str(error.value)
    known.write_text(right + "@revoked " + right)
    with pytest.raises(HostError, match="is revoked"):
        client.connect(at(host))
    (admin.ssh / "config").write_text("Host *\n  StrictHostKeyChecking yes\n")
    known.write_text("")
    with pytest.raises(HostError, match="StrictHostKeyChecking yes"):
        client.connect(at(host), asker=nobody(answers=True))


@needs_sshd
def test_a_key_of_another_type_than_the_known_one_is_no_new_host(client: Client, admin: Admin) -> None:
    """Who stands between could offer a type that nobody has noted; and where both are offered, the known one is asked for."""
    directory = admin.directory / "both"
    host = admin.host("both", settings=f"HostKey {directory}/rsa")
    host.stop()
    subprocess.run([str(sshd.KEYGEN), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(directory / "rsa")], check=True)
    host.start()
    kind, blob = (directory / "rsa.pub").read_text().split()[:2]
    known = admin.ssh / "known_hosts"
    known.write_text(f"[127.0.0.1]:{host.port} {kind} {blob}\n")
    client.connect(at(host))
    host.stop()
    host.conf.write_text(host.conf.read_text().replace(f"HostKey {directory}/rsa", ""))
    host.start()
    with pytest.raises(HostError, match="has changed"):
        client.connect(at(host), Login(accept=True))


def certified(admin: Admin, host: Host, authority: str, *how: str) -> None:
    """Give a host a certificate by one of the authorities of this home, made if need be, and let it show it."""
    if not (admin.ssh / authority).exists():
        sshd.keygen(admin.ssh / authority)
    host.stop()
    words = [str(sshd.KEYGEN), "-q", "-s", str(admin.ssh / authority), "-I", "test", *how, str(host.directory / "host_key.pub")]
    subprocess.run(words, check=True, capture_output=True)
    line = f"HostCertificate {host.directory}/host_key-cert.pub\n"
    if line not in host.conf.read_text():
        host.conf.write_text(host.conf.read_text() + line)
    host.start()


@needs_sshd
def test_certificates_of_hosts(client: Client, admin: Admin) -> None:
    """A host that an authority of known_hosts has signed needs no line of its own; what is not right of it is refused."""
    host = admin.host("c1", known=False)
    known = admin.ssh / "known_hosts"
    certified(admin, host, "ca", "-h", "-n", "127.0.0.1,other", "-V", "-1h:+1h")
    public = (admin.ssh / "ca.pub").read_text()
    _, blob = _parts((host.directory / "host_key-cert.pub").read_text())
    assert unsigned(certificates.read(blob), "ssh-ed25519") == ""
    forged = certificates.read(blob.replace(b"other", b"forge"))
    assert unsigned(forged, "ssh-ed25519") == "is not signed by the authority that it names"
    key = f"{host.known.split(maxsplit=1)[1]}"
    hashed = known_hosts.line("127.0.0.1", *_parts(public), b"salt" * 5)
    for names in ("*", "127.0.0.1", f"[127.0.0.1]:{host.port}", "else,127.0.*"):
        known.write_text(f"@cert-authority {names} {public}")
        client.connect(at(host))
    known.write_text(f"@cert-authority {hashed}")
    client.connect(at(host))
    assert len(known.read_text().splitlines()) == 1, "nothing was noted"
    for text, words in (
        (f"@cert-authority elsewhere {public}", "is not known"),
        (f"@cert-authority * {public}@revoked * {public}", "its authority's key SHA256:.* is revoked"),
        (f"@cert-authority * {public}@revoked * {key}", "its host key SHA256:.* is revoked"),
        (f"@cert-authority * {(admin.ssh / 'id_ed25519.pub').read_text()}", "is not known"),
    ):
        known.write_text(text)
        with pytest.raises(HostError, match=words):
            client.connect(at(host))
    known.write_text(f"127.0.0.1 {key}")  # known without its port, as ssh has it
    client.connect(at(host))
    known.write_text(f"@cert-authority * {public}")
    for how, words in (
        (("-n", "127.0.0.1"), "is one of a user"),
        (("-h", "-n", "elsewhere"), "is for elsewhere"),
        (("-h", "-n", "127.0.0.1", "-V", "-2h:-1h"), "held until"),
        (("-h", "-n", "127.0.0.1", "-V", "+1h:+2h"), "holds from"),
    ):
        certified(admin, host, "ca", *how)
        with pytest.raises(HostError, match=words):
            client.connect(at(host), Login(accept=True))
    subprocess.run([str(sshd.KEYGEN), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(admin.ssh / "rsa")], check=True)
    certified(admin, host, "rsa", "-h")
    known.write_text(f"@cert-authority * {(admin.ssh / 'rsa.pub').read_text()}")
    client.connect(at(host))


def _parts(public: str) -> tuple[str, bytes]:
    kind, blob = public.split()[:2]
    return kind, base64.b64decode(blob)


@needs_sshd
def test_ways_in(client: Client, admin: Admin, host: Host) -> None:
    key = admin.ssh / "id_ed25519"
    elsewhere = admin.directory / "elsewhere"
    key.rename(elsewhere)
    with pytest.raises(HostError, match="no agent and no key was found"):
        client.connect(at(host))
    client.connect(at(host), Login(identity=str(elsewhere)))
    (admin.ssh / "config").write_text(
        f"Host box\n  HostName 127.0.0.1\n  Port {host.port}\n  IdentityFile {elsewhere}\n  HostKeyAlias box-alias\n"
        f"  UserKnownHostsFile {admin.directory}/known\n"
    )
    (admin.directory / "known").write_text(host.known.replace(f"[127.0.0.1]:{host.port}", "box-alias"))
    client.connect("box")
    (admin.ssh / "config").unlink()
    sshd.keygen(admin.directory / "wrong")
    with pytest.raises(HostError, match="may not log in there"):
        client.connect(at(host), Login(identity=str(admin.directory / "wrong")))
    subprocess.run([str(sshd.KEYGEN), "-q", "-p", "-P", "", "-N", "secret", "-f", str(elsewhere)], check=True)
    with pytest.raises(HostError, match="may not log in there"):
        client.connect(at(host), Login(identity=str(elsewhere)))  # nobody to ask
    client.connect(at(host), Login(identity=str(elsewhere)), nobody(secrets=("wrong", "secret")))


@needs_sshd
def test_password(client: Client, admin: Admin, alice: User) -> None:
    """Asked for at a terminal, three times at most; a second prompt of the server's is as good."""
    (admin.ssh / "id_ed25519").unlink()
    subprocess.run(["chpasswd"], input=f"{alice.name}:right", text=True, check=True)
    host = admin.host("p1", settings="PasswordAuthentication yes")
    word = f"{alice.name}@{at(host)}"
    with pytest.raises(HostError, match="may not log in there"):
        client.connect(word)  # nobody to ask
    with pytest.raises(HostError, match=r"\(tried password\)"):
        client.connect(word, asker=nobody(secrets=("a", "b", "c", "right")))
    assert client.connect(word, asker=nobody(secrets=("wrong", "right"))).run("id -un").out == f"{alice.name}\n"
    asking = admin.host("p2", settings="KbdInteractiveAuthentication yes\nUsePAM yes")
    word = f"{alice.name}@{at(asking)}"
    assert client.connect(word, asker=nobody(secrets=("right",))).run("id -un").out == f"{alice.name}\n"


@needs_sshd
def test_agent(client: Client, admin: Admin, host: Host) -> None:
    socket = admin.directory / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        from tests.kit.waiting import until

        until(socket.exists, "the agent listens")
        key = admin.ssh / "id_ed25519"
        subprocess.run(["ssh-add", "-q", str(key)], env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True)
        key.unlink()
        with pytest.raises(HostError):
            client.connect(at(host))
        client.environ["SSH_AUTH_SOCK"] = str(socket)
        client.connect(at(host))
        (admin.ssh / "config").write_text("Host *\n  IdentitiesOnly yes\n  IdentityFile ~/.ssh/other\n")
        with pytest.raises(HostError):
            client.connect(at(host))
        (admin.ssh / "id_ed25519.pub").rename(admin.ssh / "other.pub")
        client.connect(at(host))
    finally:
        agent.send_signal(signal.SIGTERM)
        agent.wait()


@needs_sshd
def test_jump_hosts(client: Client, admin: Admin, host: Host) -> None:
    first, second = admin.host("j1"), admin.host("j2")
    client.connect(at(host), Login(jump=f"{at(first)},{at(second)}"))
    assert "direct-tcpip" in first.log() or "Accepted publickey" in first.log()
    (admin.ssh / "config").write_text(
        f"Host inner\n  HostName 127.0.0.1\n  Port {host.port}\n  ProxyJump hop\n"
        f"Host hop\n  HostName 127.0.0.1\n  Port {second.port}\n  ProxyJump {at(first)}\n"
        f"Host piped\n  HostName 127.0.0.1\n  Port {host.port}\n"
        f"  ProxyCommand ssh -F none -o UserKnownHostsFile={admin.ssh}/known_hosts -i {admin.ssh}/id_ed25519"
        f" -p {first.port} -W %h:%p 127.0.0.1\n"
    )
    assert client.connect("inner").run("echo $HOME").out == f"{host.home}\n"
    assert client.connect("piped").run("echo $HOME").out == f"{host.home}\n"
    with pytest.raises(HostError, match=r"127\.0\.0\.1 cannot reach 127\.0\.0\.1 port 1:"):
        client.connect("127.0.0.1:1", Login(jump=at(first)))
    second.stop()
    with pytest.raises(HostError, match=r"jump host 127\.0\.0\.1: "):
        client.connect("inner")


@needs_sshd
def test_nobody_there(client: Client) -> None:
    with pytest.raises(HostError, match=r"no host of the name no-such-host\.invalid"):
        client.connect("no-such-host.invalid")
    with pytest.raises(HostError, match="port 1: Connection refused"):
        client.connect("127.0.0.1:1")


@needs_sshd
def test_something_else_listens(client: Client, admin: Admin) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _ = server.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n" * 200)
            connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(HostError, match="does not talk ssh"):
            client.connect(f"127.0.0.1:{server.getsockname()[1]}")
        thread.join()


@needs_sshd
def test_questions_at_a_terminal(admin: Admin) -> None:
    """An unknown host key is asked about once; without a terminal nobody is asked."""
    host = admin.host("n1", known=False)
    line = boot_line("mgpu_cluster", "up", "--dry-run", "-d", "~/cluster", host.word)
    asked = talk(line, admin.environment, [(b"(yes/no) ", b"yes\n")])
    assert b"unknown host key ED25519 SHA256:" in asked
    assert b"copy and unpack release" in asked
    assert b"connecting" in asked  # what passes is shown at a terminal
    assert host.known.split()[2] in (admin.ssh / "known_hosts").read_text()


def talk(line: list[str], environ: dict[str, str], dialogue: list[tuple[bytes, bytes]]) -> bytes:
    """Run a program at a terminal of its own and answer its questions; what it has shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(line[0], line, environ)
    shown = b""
    left = list(dialogue)
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break  # the other end is closed
        if not piece:
            break
        shown += piece
        if left and left[0][0] in shown:
            os.write(terminal, left.pop(0)[1])
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    return shown
