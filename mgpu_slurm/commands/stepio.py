"""srun's input for the tasks of a step: input that the nodes do not take makes it stop reading its own."""

from __future__ import annotations

import os

INPUT_PIECE = 64 << 10


class Source:
    """srun's input for the tasks. `done` once it has ended."""

    __slots__ = ("done", "fd", "terminal")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.done = fd < 0
        self.terminal = not self.done and os.isatty(fd)

    def wanted(self) -> bool:
        """Whether it may be read now: not while srun runs in the background of its terminal, which would stop it."""
        if self.done:
            return False
        if not self.terminal:
            return True
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:
            return True

    def read(self) -> bytes:
        """The next piece; b"" at the end, when `done` is set."""
        try:
            data = os.read(self.fd, INPUT_PIECE)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self.done = True
        return data
