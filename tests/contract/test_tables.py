"""Tables agree with each other: options with the requests they fill, states with the ways to them."""

from __future__ import annotations

import msgspec
import pytest

from mgpu_slurm.facts import states
from mgpu_slurm.facts.option import Option
from mgpu_slurm.facts.options import GROUPS, LETTER, SUBMIT
from mgpu_slurm.records.request import JobRequest, StepRequest
from mgpu_slurm.wire import messages

JOB = {field.name for field in msgspec.structs.fields(JobRequest)}
STEP = {field.name for field in msgspec.structs.fields(StepRequest)}

# Fields of a job's request that no option sets: the client fills them from what surrounds it.
SURROUNDINGS = {
    "kind", "script", "argv", "environment", "submit_dir", "submit_host", "umask", "rlimits", "submit_line", "other",
    "signal_time", "signal_flags", "min_cpus", "max_cpus",
}  # fmt: skip

REPLACED = {"ntasks_per_tres"}
"""Older names, which the checks put in the place of newer ones."""


@pytest.mark.parametrize("row", SUBMIT, ids=lambda row: row.name)
def test_an_option_sets_a_field_that_exists(row: Option) -> None:
    for name in row.sets.split(","):
        assert name in JOB | STEP | REPLACED | {""} or name.startswith("."), name
        if name == "":
            assert row.kind in ("help", "usage", "version"), row


def test_every_field_of_a_request_has_an_option() -> None:
    set_by = {name for row in SUBMIT for name in row.sets.split(",")}
    assert set_by >= JOB - SURROUNDINGS, JOB - SURROUNDINGS - set_by


def test_rows_are_sound() -> None:
    groups = {name for name, _ in GROUPS} | {"hidden"}
    for letter in LETTER.values():
        rows = [row for row in SUBMIT if letter in row.commands]
        shorts = [row.letter for row in rows if row.letter]
        assert len(set(shorts)) == len(shorts), f"{letter}: a letter is given twice"
        longs = [row.name for row in rows]
        assert len(set(longs)) == len(longs), f"{letter}: a name is given twice"
    for row in SUBMIT:
        assert row.group in groups, row
        assert set(row.commands) <= set("bra"), row
        assert row.help, row
        assert row.since is None or row.until is None or row.since < row.until, row


def test_every_state_of_a_job_can_be_reached_and_left() -> None:
    reached, new = {""}, {""}
    while new:
        new = {after for (before, _), (after, _) in states.TRANSITIONS.items() if before in new} - reached
        reached |= new
    assert reached - {""} == set(states.JOB_NUMBER)
    for name in states.JOB_NUMBER:
        assert any(before == name for before, _ in states.TRANSITIONS), f"{name} cannot be left"


def test_events_of_the_table_are_listed() -> None:
    assert {event for _, event in states.TRANSITIONS} <= set(states.EVENTS)


def test_messages_have_tags_of_their_own_and_keep_secrets_out_of_repr() -> None:
    kinds = [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, messages.Message)]
    tags = [kind.__struct_config__.tag for kind in kinds if kind is not messages.Message]
    assert len(set(tags)) == len(tags)
    secret = "SECRET-VALUE"
    request = JobRequest(environment={"TOKEN": secret}, script=secret)
    for message in (
        messages.SubmitJob(requests=[request]),
        messages.LaunchTasks(spec="{}", mac=secret, argv=[], environment={"TOKEN": secret}, work_dir="/"),
    ):
        assert secret not in repr(message)
