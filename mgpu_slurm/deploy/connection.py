"""A host that was entered: commands run there, by paramiko."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable

import paramiko

from mgpu_slurm.deploy.routes import Route

ANSWER_SECONDS = 60.0
"""How long a command on a host may be silent, unless it is known to take longer."""

PIECE = 1 << 18
"""Bytes that are sent at a time."""

LONGEST_REASON = 160


class HostError(Exception):
    """A host cannot be reached or does not do what it should. The text is the reason, for the user."""


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

    def through(self, host: str, port: int, seconds: float) -> paramiko.Channel:
        """Go on from here to another host's port. SSHException, OSError, EOFError."""
        return self._transport.open_channel("direct-tcpip", (host, port), ("127.0.0.1", 0), timeout=seconds)

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
            raise HostError(f"the connection is lost: {in_words(error)}") from None

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
            raise HostError(f"the connection is lost: {in_words(error)}") from None
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


def in_words(error: BaseException) -> str:
    """An exception of paramiko's or the system's, in words."""
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    text = str(error).strip().rstrip(".")
    return text[:LONGEST_REASON] or {"EOFError": "it was closed"}.get(type(error).__name__, type(error).__name__)
