"""Descriptors that others have passed to a sink."""

from __future__ import annotations

import os
from pathlib import Path

from mgpu_slurm.wire.frames import STDOUT
from mgpu_slurm.wire.sink import Sink


def test_a_pipe_that_was_only_open_for_reading_is_not_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    passed = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(passed)
    sink.put(STDOUT, 0, b"text")
    sink.write()
    assert sink.broken
    assert sink.failure == "Bad file descriptor"
    writer = os.open(tmp_path / "fifo", os.O_WRONLY)
    os.close(writer)
    assert os.read(passed, 10) == b""
    sink.close()
    os.close(passed)
