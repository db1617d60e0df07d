"""In what order all jobs are listed where nobody sorts them. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeVar

    Record = TypeVar("Record", bound=Mapping[str, Any])


def in_list_order(jobs: Sequence[Record]) -> list[Record]:
    """By id, which is when they came, but for arrays: an element that starts takes the place of the record that stood for all
    that were left, and what is left, which keeps the array's number, moves to the end (observed on Slurm 22.05.8). `jobs` are
    in the order of their ids and have job_id and array_job_id."""
    last: dict[int, int] = {}  # of each array: its newest element
    places: dict[int, int] = {}
    for job in jobs:
        array, own = job["array_job_id"], job["job_id"]
        if array and own != array:
            places[own] = last.get(array, array)
            last[array] = own
    return sorted(jobs, key=lambda job: places.get(job["job_id"]) or last.get(job["job_id"], job["job_id"]))
