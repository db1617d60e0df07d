"""Connections to hosts, by paramiko: the way there, the server's key, who we are, and commands run there.

The key of a server is judged before anything is said to it (known_hosts.py). Questions - an unknown key, the passphrase
of a private key, a password - are asked at a terminal only, one at a time, by whoever is given as `asker`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import paramiko
from paramiko.agent import AgentKey

from mgpu_slurm.deploy import keyfiles, known_hosts
from mgpu_slurm.deploy.known_hosts import CHANGED, KNOWN, REVOKED
from mgpu_slurm.deploy.routes import Configuration, Route, RouteError

ANSWER_SECONDS = 60.0
"""How long a command on a host may be silent, unless it is known to take longer."""

TRIES = 3
PIECE = 1 << 18
LONGEST_PROMPT = 80


class HostError(Exception):
    """A host cannot be reached or does not do what it should. The text is the reason, for the user."""


class Asker:
    """Who is asked: at a terminal the user, elsewhere nobody, and every question is answered by what is safe."""

    def __init__(self, terminal: bool, confirm: Callable[[str], bool], secret: Callable[[str], str]) -> None:
        self.terminal = terminal
        self._confirm = confirm
        self._secret = secret
        self._lock = threading.Lock()
        self._passphrases: dict[str, str] = {}

    def confirm(self, question: str) -> bool:
        with self._lock:
            return self.terminal and self._confirm(question)

    def secret(self, prompt: str) -> str:
        """A password; "" when there is nobody to ask."""
        with self._lock:
            return self._secret(prompt) if self.terminal else ""

    def passphrase(self, file: str, attempt: int) -> str:
        """The passphrase of a private key, asked for once for all hosts."""
        with self._lock:
            if (attempt == 0 and file in self._passphrases) or not self.terminal:
                return self._passphrases.get(file, "")
            text = self._secret(f"Passphrase for {file}: ")
            self._passphrases[file] = text
            return text


class Done:
    """How a command on a host ended; `began` is when its first words came (this machine's clock)."""

    def __init__(self, status: int, out: str, err: str, began: float) -> None:
        self.status = status
        self.out = out
        self.err = err
        self.began = began

    def reason(self) -> str:
        """What it complained of: the last line that names a cause, or its status."""
        lines = [line.strip() for line in (self.err or self.out).splitlines() if line.strip() and "Exiting with" not in line]
        return lines[-1] if lines else f"it ended with status {self.status}"


class Connection:
    """A host that was entered."""

    def __init__(self, route: Route, transport: paramiko.Transport) -> None:
        self.route = route
        self._transport = transport

    def close(self) -> None:
        self._transport.close()

    def run(self, script: str, seconds: float = ANSWER_SECONDS) -> Done:
        """Run a shell script, whatever the user's login shell is. HostError: the connection, not the script, failed."""
        return self._exchange("exec /bin/sh", [b"{\n" + script.encode() + b"\n} </dev/null\n"], seconds)

    def send(self, command: str, pieces: Iterable[bytes], seconds: float = ANSWER_SECONDS) -> Done:
        """Run one line, which reads `pieces` from its standard input. It must have no quotes of its own. HostError."""
        return self._exchange(f"exec /bin/sh -c '{command}'", pieces, seconds)

    def follow(self, script: str, hear: Callable[[str], None], ended: Callable[[], bool]) -> None:
        """Run a script that goes on until `ended`, and hand on each line that it prints. HostError."""
        try:
            channel = self._open("exec /bin/sh", 1.0)
            channel.sendall(b"{\n" + script.encode() + b"\n} </dev/null\n")
            channel.shutdown_write()
            rest = b""
            while not ended():
                try:
                    piece = channel.recv(65536)
                except TimeoutError:
                    continue
                if not piece:
                    break
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    hear(line.decode(errors="replace"))
            channel.close()
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(f"the connection is lost: {_words(error)}") from None

    def _open(self, command: str, seconds: float) -> paramiko.Channel:
        channel = self._transport.open_session(timeout=seconds if seconds > 5 else 30)
        channel.settimeout(seconds)
        channel.exec_command(command)
        return channel

    def _exchange(self, command: str, pieces: Iterable[bytes], seconds: float) -> Done:
        try:
            with self._open(command, seconds) as channel:
                complaints: list[bytes] = []
                listener = threading.Thread(target=_drain, args=(channel, complaints), daemon=True)
                listener.start()
                with contextlib.suppress(OSError):  # it ended before it had read all: its status tells
                    for piece in pieces:
                        channel.sendall(piece)
                    channel.shutdown_write()
                said, began = [], 0.0
                while piece := channel.recv(65536):
                    began = began or time.time()
                    said.append(piece)
                listener.join(seconds)
                status = channel.recv_exit_status()
        except TimeoutError:
            raise HostError(f"no answer for {seconds:.0f} seconds") from None
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise HostError(f"the connection is lost: {_words(error)}") from None
        if status < 0 and not self._transport.is_active():
            raise HostError("the connection is lost")
        texts = [b"".join(part).decode(errors="replace") for part in (said, complaints)]
        return Done(status, texts[0], texts[1], began or time.time())


def _drain(channel: paramiko.Channel, into: list[bytes]) -> None:
    """Read what a command complains of, or its window fills and it stops."""
    try:
        while piece := channel.recv_stderr(65536):
            into.append(piece)
    except (OSError, EOFError):
        return  # the reader of standard output meets the same


class Network:
    """Every connection of one run, jump hosts shared. Threads may connect at the same time."""

    def __init__(self, configuration: Configuration, asker: Asker) -> None:
        self.configuration = configuration
        self.asker = asker
        self._jumps: dict[tuple[str, ...], Connection] = {}
        self._lock = threading.Lock()
        self._jumping: dict[tuple[str, ...], threading.Lock] = {}
        self._open: list[Connection] = []

    def connect(self, route: Route) -> Connection:
        """Reach, check and enter a host. HostError."""
        try:
            sock = self._socket(route, ())
            return self._enter(route, sock)
        except RouteError as error:
            raise HostError(str(error)) from None

    def close(self) -> None:
        """End all connections, the last opened first."""
        while self._open:
            self._open.pop().close()

    def _socket(self, route: Route, through: tuple[str, ...]) -> Any:
        """Something that leads to the host's ssh port."""
        if route.jumps:
            return self._jump(route, through)
        if route.command:
            return paramiko.ProxyCommand(route.command)
        try:
            return socket.create_connection((route.host, route.port), route.timeout)
        except socket.gaierror:
            raise HostError(f"there is no host of the name {route.host}") from None
        except TimeoutError:
            raise HostError(f"{route.host} port {route.port} does not answer within {route.timeout:.0f} seconds") from None
        except OSError as error:
            raise HostError(f"{route.host} port {route.port}: {error.strerror}") from None

    def _jump(self, route: Route, through: tuple[str, ...]) -> Any:
        if len(through) > 8:
            raise HostError(f"the jump hosts {', '.join(through)} lead in a circle")
        key = (*through, *route.jumps)
        with self._lock:
            lock = self._jumping.setdefault(key, threading.Lock())
        with lock:
            if key not in self._jumps:
                word = self.configuration.jump_word(route.jumps[-1])
                last = self.configuration.route(word, jump=True)
                before = route.jumps[:-1] or last.jumps
                last = Route(**{**vars(last), "jumps": before})
                try:
                    self._jumps[key] = self._enter(last, self._socket(last, key))
                except HostError as error:
                    raise HostError(f"jump host {last.host}: {error}") from None
            connection = self._jumps[key]
        try:
            return connection._transport.open_channel(
                "direct-tcpip", (route.host, route.port), ("127.0.0.1", 0), timeout=route.timeout
            )
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise HostError(f"{connection.route.host} cannot reach {route.host} port {route.port}: {_words(error)}") from None

    def _enter(self, route: Route, sock: Any) -> Connection:
        transport = None
        try:
            transport = paramiko.Transport(sock)
            transport.banner_timeout = transport.auth_timeout = route.timeout
            entries = [entry for file in (*route.known_hosts, *route.system_known_hosts) for entry in keyfiles.entries(file)]
            name = route.alias or known_hosts.name_of(route.host, route.port)
            _ask_for(transport, known_hosts.kinds(entries, name))
            transport.start_client(timeout=route.timeout)
            key = transport.get_remote_server_key()
            self._check(route, name, entries, key)
            transport.set_keepalive(route.keepalive)
            self._log_in(route, transport)
        except BaseException as error:
            with contextlib.suppress(OSError, EOFError):
                transport.close() if transport is not None else sock.close()
            if isinstance(error, (HostError, KeyboardInterrupt)):
                raise
            if isinstance(error, (OSError, EOFError, paramiko.SSHException)):
                raise HostError(f"{route.host} port {route.port} does not talk ssh: {_words(error)}") from None
            raise
        connection = Connection(route, transport)
        self._open.append(connection)
        return connection

    def _check(self, route: Route, name: str, entries: list[known_hosts.Entry], key: paramiko.PKey) -> None:
        """Refuse a server whose key is not to be trusted. HostError."""
        blob, kind = key.asbytes(), key.get_name()
        verdict, entry = known_hosts.judge(entries, name, blob)
        shown = f"{kind.removeprefix('ssh-').upper()} {known_hosts.fingerprint(blob)}"
        if verdict == KNOWN:
            return
        if verdict == REVOKED and entry:
            raise HostError(f"its host key {shown} is revoked ({entry.file} line {entry.line})")
        if verdict == CHANGED and entry:
            raise HostError(
                f"its host key has changed: it shows {shown}, {entry.file} line {entry.line} has another. Somebody may be "
                f"listening in, or the host was set up anew; in that case: ssh-keygen -R '{name}'"
            )
        if route.strict == "yes":
            raise HostError(f"its host key {shown} is not known (StrictHostKeyChecking yes)")
        if route.strict not in ("no", "accept-new"):
            if not self.asker.terminal:
                raise HostError(
                    f"its host key {shown} is not known; compare it, then log in once with ssh or give --accept-new-host-keys"
                )
            if not self.asker.confirm(f"{name}: unknown host key {shown}. Is it the right one? (yes/no) "):
                raise HostError("its host key was not accepted")
        if route.known_hosts and route.known_hosts[0] != "/dev/null":
            salt = os.urandom(20) if route.hashed else b""
            _note(route.known_hosts[0], known_hosts.line(name, kind, blob, salt))

    def _log_in(self, route: Route, transport: paramiko.Transport) -> None:
        """Agent's keys, private keys, and at a terminal a password. HostError: none of them was taken."""
        allowed: list[str] = []
        tried: list[str] = []
        for key in self._agent_keys(route):
            if self._offer(route, transport, key, allowed):
                return
            tried.append("agent")
        for file in route.identities:
            private = self._private_key(file)
            if private is None:
                continue
            tried.append(file)
            if self._offer(route, transport, private, allowed):
                return
        if route.passwords and self.asker.terminal and (not allowed or {"password", "keyboard-interactive"} & set(allowed)):
            if self._password(route, transport, allowed):
                return
            tried.append("password")
        with_what = ", ".join(dict.fromkeys(tried)) or "nothing: no agent and no key was found"
        raise HostError(f"{route.user} may not log in there (tried {with_what})")

    def _offer(self, route: Route, transport: paramiko.Transport, key: paramiko.PKey, allowed: list[str]) -> bool:
        """Whether this key lets us in. HostError: the server hangs up."""
        try:
            left = transport.auth_publickey(route.user, key)
        except paramiko.BadAuthenticationType as error:
            allowed[:] = error.allowed_types
            return False
        except paramiko.AuthenticationException:
            return False
        except (paramiko.SSHException, OSError, EOFError) as error:
            if not transport.is_active():
                raise HostError(f"{route.user} may not log in there: the server has had enough ({_words(error)})") from None
            return False
        if left:
            allowed[:] = left
            return False
        return True

    def _password(self, route: Route, transport: paramiko.Transport, allowed: list[str]) -> bool:
        for _ in range(TRIES):
            password = self.asker.secret(f"{route.user}@{route.host}'s password: ")
            if not password:
                return False
            try:
                left = transport.auth_password(route.user, password)
            except paramiko.AuthenticationException:
                continue
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise HostError(f"{route.user} may not log in there: {_words(error)}") from None
            if not left:
                return True
            allowed[:] = left
        return False

    def _agent_keys(self, route: Route) -> list[AgentKey]:
        """The agent's keys, those that the configuration names first; with IdentitiesOnly no others."""
        if not route.agent:
            return []
        with self._lock:
            before = os.environ.get("SSH_AUTH_SOCK")
            os.environ["SSH_AUTH_SOCK"] = route.agent  # the only way in which paramiko can be told
            try:
                keys = list(paramiko.Agent().get_keys())
            except (paramiko.SSHException, OSError, EOFError):
                keys = []
            finally:
                if before is None:
                    del os.environ["SSH_AUTH_SOCK"]
                else:
                    os.environ["SSH_AUTH_SOCK"] = before
        named = {blob for file in route.identities if (blob := keyfiles.public_blob(file))}
        ours = [key for key in keys if key.asbytes() in named]
        return ours if route.only_these else ours + [key for key in keys if key.asbytes() not in named]

    def _private_key(self, file: str) -> paramiko.PKey | None:
        """A private key from its file; None where there is none, or nobody knows its passphrase. HostError: not to be read."""
        if not os.path.exists(file):
            return None
        passphrase = ""
        for attempt in range(TRIES + 1):
            password: Any = passphrase.encode() or None  # bytes, although paramiko's own types say text
            try:
                return paramiko.PKey.from_path(file, password)
            except PermissionError:
                raise HostError(f"the private key {file} may not be read") from None
            except (paramiko.PasswordRequiredException, TypeError, ValueError, paramiko.SSHException):
                passphrase = self.asker.passphrase(file, attempt) if attempt < TRIES else ""
                if not passphrase:
                    return None
        return None


def _note(file: str, line: str) -> None:
    """Add a line to known_hosts. HostError."""
    try:
        os.makedirs(os.path.dirname(file), 0o700, exist_ok=True)
        fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "r+b") as known:
            size = known.seek(0, os.SEEK_END)
            if size:
                known.seek(size - 1)
                line = line if known.read(1) == b"\n" else f"\n{line}"
            known.write(line.encode())
    except OSError as error:
        raise HostError(f"its host key cannot be noted: {file}: {error.strerror}") from None


def _ask_for(transport: paramiko.Transport, kinds: list[str]) -> None:
    """Prefer the types of keys that are known of the server, so that it shows one that can be compared."""
    if not kinds:
        return
    wanted = [name for kind in kinds for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))]
    options = transport.get_security_options()
    able = [name for name in wanted if name in options.key_types]
    options.key_types = tuple(able + [name for name in options.key_types if name not in able])


def _words(error: BaseException) -> str:
    """An exception of paramiko's or the system's, in words."""
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    text = str(error).strip().rstrip(".")
    return text[:LONGEST_PROMPT * 2] or {"EOFError": "it was closed"}.get(type(error).__name__, type(error).__name__)
