"""The order in which Slurm 22.05.8 showed jobs of an array that start one after another."""

from __future__ import annotations

import pytest

from mgpu_slurm.commands.array_order import in_list_order


def job(job_id: int, array: int = 0) -> dict[str, object]:
    return {"job_id": job_id, "array_job_id": array}


@pytest.mark.parametrize(
    ("jobs", "order"),
    [
        ([job(1211, 1211), job(1212), job(1213, 1211), job(1214, 1211), job(1215, 1211)], [1213, 1212, 1214, 1215, 1211]),
        ([job(3, 3), job(4, 3), job(5, 3), job(6)], [4, 5, 3, 6]),
        ([job(3, 3), job(6)], [3, 6]),
        # the last element keeps the array's own number
        ([job(3, 3), job(4), job(5, 3), job(6, 3)], [5, 4, 6, 3]),
    ],
)
def test_order(jobs: list[dict[str, object]], order: list[int]) -> None:
    assert [one["job_id"] for one in in_list_order(jobs)] == order
