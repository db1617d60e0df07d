"""The way to a host, from its word, the options and ssh's own configuration.

What ssh_config(5) says about a host holds here as it does for ssh, as far as paramiko reads it; Include is added, which it
does not know.
"""

from __future__ import annotations

import getpass
import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mgpu_slurm.deploy import hosts
from mgpu_slurm.deploy.hosts import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    import paramiko

DEPTH = 16
"""How deep files may include one another, as in ssh."""

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


class RouteError(Exception):
    """ssh's configuration cannot be followed. The text is for the user."""


@dataclass(frozen=True)
class Login:
    """What the user asked of ssh on the command line; "" and 0 for nothing. It comes before any configuration."""

    user: str = ""
    port: int = 0
    identity: str = ""
    jump: str = ""
    config: str = ""
    accept: bool = False


@dataclass(frozen=True)
class Route:
    """How to reach and enter one host. Times in seconds; `strict` is what to do about unknown keys: ask, yes, no, accept-new."""

    host: str
    port: int
    user: str
    identities: tuple[str, ...] = ()
    only_these: bool = False
    agent: str = ""
    jumps: tuple[str, ...] = ()
    command: str = ""
    known_hosts: tuple[str, ...] = ()
    system_known_hosts: tuple[str, ...] = ()
    alias: str = ""
    strict: str = "ask"
    hashed: bool = False
    timeout: float = 15.0
    keepalive: int = 15
    passwords: bool = True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}" + (f" port {self.port}" if self.port != 22 else "")


@dataclass
class Configuration:
    """ssh's configuration as it was found; `home` is where ~ leads."""

    home: str
    environ: Mapping[str, str]
    login: Login
    parsed: list[paramiko.SSHConfig] = field(default_factory=list)

    def route(self, word: Word, jump: bool = False) -> Route:
        """The way to a host. A `jump` host has nothing from the options but what its own word says. RouteError."""
        found: dict[str, str | list[str]] = {}
        for config in self.parsed:
            for key, value in config.lookup(word.host).items():
                if key == "identityfile":
                    files = found.setdefault(key, [])
                    assert isinstance(files, list)
                    files += [name for name in value if name not in files]
                elif key != "hostname" or value != word.host:
                    found.setdefault(key, value)

        def text(key: str) -> str:
            value = found.get(key)
            return value if isinstance(value, str) else ""

        login = Login(accept=self.login.accept, identity=self.login.identity) if jump else self.login
        jumps = login.jump or ("" if jump and text("proxyjump") == "none" else text("proxyjump"))
        command = "" if login.jump else text("proxycommand")
        if "proxycommand" in found and "proxyjump" in found and not login.jump:
            jumps = "" if command else jumps
        configured = [self._path(name) for name in found.get("identityfile", ())]
        default = [f"{self.home}/.ssh/{name}" for name in DEFAULT_KEYS]
        identities = [self._path(login.identity), *configured] if login.identity else configured or default
        strict = text("stricthostkeychecking").lower() or "ask"
        return Route(
            host=text("hostname") or word.host,
            port=word.port or login.port or _number(text("port"), 22),
            user=word.user or login.user or text("user") or self.environ.get("USER", "") or getpass.getuser(),
            identities=tuple(dict.fromkeys(identities)),
            only_these=text("identitiesonly").lower() == "yes",
            agent=self._agent(text("identityagent")),
            jumps=tuple(part.strip() for part in jumps.split(",") if part.strip()) if jumps.lower() != "none" else (),
            command=command,
            known_hosts=tuple(self._files(text("userknownhostsfile") or "~/.ssh/known_hosts ~/.ssh/known_hosts2")),
            system_known_hosts=tuple(
                self._files(text("globalknownhostsfile") or "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2")
            ),
            alias=text("hostkeyalias"),
            strict={"off": "no", "accept-new": "accept-new"}.get(strict, strict) if not login.accept else "accept-new",
            hashed=text("hashknownhosts").lower() == "yes",
            timeout=float(_number(text("connecttimeout"), 15)),
            keepalive=_number(text("serveraliveinterval"), 15) or 15,
            passwords=text("passwordauthentication").lower() != "no" and text("batchmode").lower() != "yes",
        )

    def jump_word(self, text: str) -> Word:
        """A host to go through. RouteError."""
        try:
            return hosts.parse(text)
        except hosts.WordError as error:
            raise RouteError(f"ProxyJump {text}: {error}") from None

    def _path(self, text: str) -> str:
        """A file's name as ssh reads it: ~ is the home directory, a bare name lies in ~/.ssh."""
        if text.startswith("~/"):
            return self.home + text[1:]
        return text if "/" in text else os.path.join(self.home, ".ssh", text)

    def _files(self, text: str) -> list[str]:
        return [self._path(word.strip('"')) for word in text.split() if word.lower() != "none"]

    def _agent(self, text: str) -> str:
        """The agent's socket, "" for none."""
        if text.lower() == "none":
            return ""
        if text and text != "SSH_AUTH_SOCK":
            return self.environ.get(text[1:], "") if text.startswith("$") else self._path(text)
        return self.environ.get("SSH_AUTH_SOCK", "")


def configuration(home: str, environ: Mapping[str, str], login: Login) -> Configuration:
    """ssh's configuration: the file that was asked for, else the user's and the system's. RouteError."""
    import paramiko

    files = [login.config] if login.config else [f"{home}/.ssh/config", "/etc/ssh/ssh_config"]
    found = Configuration(home, environ, login)
    for file in files:
        try:
            text = included(file, f"{home}/.ssh" if not file.startswith("/etc/") else "/etc/ssh", home)
            found.parsed.append(paramiko.SSHConfig.from_text(text))
        except FileNotFoundError:
            if login.config:
                raise RouteError(f"{file}: there is no such file") from None
        except OSError as error:
            raise RouteError(f"{error.filename or file}: {error.strerror}") from None
        except Exception as error:  # paramiko raises its own kinds and others for lines that it cannot read
            raise RouteError(f"{file}: {error}") from None
    return found


_HEAD = re.compile(r"\s*(host|match)\b", re.IGNORECASE)
_INCLUDE = re.compile(r"\s*include[\s=]+(.*)", re.IGNORECASE)


def included(file: str, base: str, home: str, depth: int = 0) -> str:
    """A configuration's text with the files that it includes in their places. OSError: the file itself cannot be read."""
    lines: list[str] = []
    head = ""
    with open(file, encoding="utf-8", errors="surrogateescape") as source:
        for line in source:
            line = line.rstrip("\n")
            found = _INCLUDE.match(line)
            if _HEAD.match(line):
                head = line
            if found is None:
                lines.append(line)
                continue
            for pattern in found[1].split():
                pattern = pattern.strip('"')
                pattern = home + pattern[1:] if pattern.startswith("~/") else os.path.join(base, pattern)
                for name in sorted(glob.glob(pattern)) if depth < DEPTH else ():
                    try:
                        lines += included(name, base, home, depth + 1).splitlines()
                    except OSError:
                        continue  # ssh passes over what it may not read
                    # what follows belongs again to where the Include stood
                    lines.append(head or "Host *")
    return "\n".join(lines) + "\n"


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() else otherwise
