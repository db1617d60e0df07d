"""A text that names one run of one job for ever, and sorts by the time of submission: Slurm's SLUID, from 25.11 on.

"s" and 13 digits to the base of 32 as Crockford writes them (no I, L, O, U). Job ids are given again once all are used; with the
second of submission before them no two runs of a cluster have the same.
"""

from __future__ import annotations

SINCE = (25, 11)
"""The first version that knows them."""

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_JOB_BITS, _RUN_BITS = 24, 6


def sluid(submitted: float, job_id: int, restarts: int = 0) -> str:
    """`submitted`: UTC seconds when this run was submitted or put back; `restarts`: how often it has been put back."""
    number = int(submitted) << _JOB_BITS | job_id % (1 << _JOB_BITS)
    number = number << _RUN_BITS | restarts % (1 << _RUN_BITS)
    return "s" + "".join(DIGITS[number >> 5 * at & 31] for at in range(12, -1, -1))
