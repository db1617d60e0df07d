"""What submit commands tell, where nobody listens."""

from __future__ import annotations

import os

import pytest

from mgpu_slurm.__main__ import Streams
from mgpu_slurm.commands.report import Notes


def test_a_reader_that_has_gone_does_not_end_the_command() -> None:
    """`srun -v ... 2>&1 | head`: the job is in the hands of this process."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", encoding="utf-8")
    notes = Notes("srun", Streams(stream, stream), {"verbose": 1}, (22, 5))
    for _ in range(2):
        notes.detail("jobid 1")
    with pytest.raises(BrokenPipeError):  # it is seen at the end alone
        stream.close()
