"""Into hosts, by paramiko: the way there, the server's key, and who we are.

The key of a server is judged before anything is said to it (known_hosts.py). Questions - an unknown key, the passphrase
of a private key, a password - are asked at a terminal only, one at a time, by whoever is given as `asker`.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko.agent import AgentKey

from mgpu_slurm.deploy import certificates, keyfiles, known_hosts
from mgpu_slurm.deploy.connection import Connection, HostError, in_words
from mgpu_slurm.deploy.known_hosts import CHANGED, KNOWN, REVOKED
from mgpu_slurm.deploy.routes import Configuration, Route, RouteError

TRIES = 3


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
            return connection.through(route.host, route.port, route.timeout)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise HostError(f"{connection.route.host} cannot reach {route.host} port {route.port}: {in_words(error)}") from None

    def _enter(self, route: Route, sock: Any) -> Connection:
        transport = None
        try:
            transport = paramiko.Transport(sock)
            transport.banner_timeout = transport.auth_timeout = route.timeout
            entries = [entry for file in (*route.known_hosts, *route.system_known_hosts) for entry in keyfiles.entries(file)]
            names = [route.alias] if route.alias else known_hosts.names_of(route.host, route.port)
            authorities = known_hosts.authorities(entries, names)
            _ask_for(transport, known_hosts.kinds(entries, names), bool(authorities))
            transport.start_client(timeout=route.timeout)
            key = transport.get_remote_server_key()
            if not _vouched_for(route, names, entries, authorities, key):
                self._check(route, names, entries, key)
            transport.set_keepalive(route.keepalive)
            self._log_in(route, transport)
        except BaseException as error:
            with contextlib.suppress(OSError, EOFError):
                transport.close() if transport is not None else sock.close()
            if isinstance(error, (HostError, KeyboardInterrupt)):
                raise
            if isinstance(error, (OSError, EOFError, paramiko.SSHException)):
                raise HostError(f"{route.host} port {route.port} does not talk ssh: {in_words(error)}") from None
            raise
        connection = Connection(route, transport)
        self._open.append(connection)
        return connection

    def _check(self, route: Route, names: list[str], entries: list[known_hosts.Entry], key: paramiko.PKey) -> None:
        """Refuse a server whose key is not to be trusted. HostError."""
        blob, kind, name = key.asbytes(), key.get_name(), names[0]
        verdict, entry = known_hosts.judge(entries, names, blob)
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
                raise HostError(f"{route.user} may not log in there: the server has had enough ({in_words(error)})") from None
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
                raise HostError(f"{route.user} may not log in there: {in_words(error)}") from None
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


def _ask_for(transport: paramiko.Transport, kinds: list[str], certified: bool) -> None:
    """Prefer the types of keys that are known of the server, so that it shows one that can be compared; certificates before
    all where there is an authority that may have signed one."""
    wanted = [name for kind in kinds for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))]
    options = transport.get_security_options()
    able = [name for name in wanted if name in options.key_types]
    plain = able + [name for name in options.key_types if name not in able]
    vouched = [f"{name}{certificates.SUFFIX}" for name in plain] if certified else []
    options.key_types = tuple(vouched + plain)


def _vouched_for(
    route: Route, names: list[str], entries: list[known_hosts.Entry], authorities: list[known_hosts.Entry], key: paramiko.PKey
) -> bool:
    """Whether an authority that known_hosts names has signed the key that the server shows. HostError: it has, but not so
    that it counts."""
    shown = getattr(key, "public_blob", None)
    if shown is None or not authorities:
        return False
    try:
        certificate = certificates.read(shown.key_blob)
    except certificates.CertificateError as error:
        raise HostError(str(error)) from None
    by = next((entry for entry in authorities if entry.blob == certificate.authority), None)
    if by is None:
        return False
    for what, blob in (("host key", key.asbytes()), ("authority's key", certificate.authority)):
        verdict, entry = known_hosts.judge(entries, names, blob)
        if verdict == REVOKED and entry:
            raise HostError(f"its {what} {known_hosts.fingerprint(blob)} is revoked ({entry.file} line {entry.line})")
    why = certificates.wrong(certificate, route.alias or route.host, time.time()) or unsigned(certificate, by.kind)
    if why:
        raise HostError(f"its certificate {why} (its authority is that of {by.file} line {by.line})")
    return True


def unsigned(certificate: certificates.Certificate, kind: str) -> str:
    """What is wrong with a certificate's signature, "" for nothing."""
    try:
        authority = paramiko.PKey.from_type_string(kind, certificate.authority)
    except (paramiko.SSHException, ValueError):
        return f"is signed by a key that cannot be read here ({kind})"
    good = authority.verify_ssh_sig(certificate.signed, paramiko.Message(certificate.signature))
    return "" if good else "is not signed by the authority that it names"
