"""The order of rows that no sort key tells apart."""

from __future__ import annotations

from mgpu_slurm.commands.squeue_order import ties

ROWS = {"start_time": [9.0, 9.0, 9.0, 0.0, 8.0], "job_id": [7, 8, 9, 6, 3], "state": [*["RUNNING"] * 3, "PENDING", "RUNNING"]}


def test_the_latest_start_comes_first_and_then_the_lowest_id() -> None:
    assert ties([], False, ROWS, 5) == [0, 1, 2, 4, 3]
    assert ties([], False, ROWS, 5, ["7", "6"]) == [0, 1, 2, 4, 3]


def test_of_one_array_its_own_record_and_then_the_highest_id() -> None:
    assert ties([], False, ROWS, 5, ["7"]) == [0, 2, 1, 4, 3]
    assert ties([], False, {**ROWS, "het_job_id": [7, 7, 7, 0, 0]}, 5, ["7"]) == [0, 1, 2, 4, 3]
