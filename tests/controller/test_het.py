"""Heterogeneous jobs in the core: one job of several records, which start, end, wait and come back together."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mgpu_slurm.base import errors
from mgpu_slurm.records.job import Job
from mgpu_slurm.records.request import StepRequest
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, BOB, ROOT, Case


def cluster(**settings: Any) -> Case:
    case = Case(**settings)
    for at in range(3):
        case.node(f"n{at}", cpus=4, gpus=1)
    return case


def states(case: Case, ids: list[int]) -> list[str]:
    return [case.state_of(one) for one in ids]


def begun(*components: dict[str, Any], **settings: Any) -> tuple[Case, list[int]]:
    """A heterogeneous job that runs, with its script."""
    case = cluster(**settings)
    ids = case.submit_het(*(components or ({}, {})))
    case.plan()
    assert set(states(case, ids)) == {"RUNNING"}
    case.started(ids[0])
    return case, ids


def test_ids_follow_each_other_and_are_on_disk_together() -> None:
    case = cluster()
    case.submit()
    ids = case.submit_het({}, {}, {})
    assert ids == [2, 3, 4]
    stored = [msgspec.json.decode(case.disk["jobs"][one], type=Job) for one in ids]
    assert [(one.het_job_id, one.het_offset, one.het_size) for one in stored] == [(2, 0, 3), (2, 1, 3), (2, 2, 3)]


@pytest.mark.parametrize(("components", "code"), [
    (({}, {"partition": "nope"}), errors.ESLURM_INVALID_PARTITION_NAME),
    (({"array": "0-1"}, {}), errors.ESLURM_INVALID_ARRAY),
    (({}, {"array": "0-1"}), errors.ESLURM_INVALID_ARRAY),
    (({}, {"gres": "gpu:9"}), errors.ESLURM_REQUESTED_NODE_CONFIG_UNAVAILABLE),
])  # fmt: skip
def test_one_bad_component_refuses_the_job(components: tuple[dict[str, Any], ...], code: int) -> None:
    case = cluster()
    answer = case.ask(wire.SubmitJob(requests=[case.request(**fields) for fields in components]))
    assert (answer.code, len(case.state.jobs), case.state.next_job_id) == (code, 0, 1)


def test_only_the_first_component_has_a_script_and_it_knows_all_of_them() -> None:
    case, ids = begun({}, {"min_nodes": 2})
    launches = [one for node in ("n0", "n1", "n2") for one in case.sent(node) if isinstance(one, wire.LaunchBatch)]
    assert [one.job.job_id for one in launches] == [ids[0]]
    assert [(one.job_id, one.allocation.nodes) for one in launches[0].job.components] == [(1, ["n0"]), (2, ["n1", "n2"])]


def test_none_starts_where_one_cannot() -> None:
    case = cluster()
    case.submit(min_nodes=2, ntasks=8)
    case.plan()
    ids = case.submit_het({"ntasks": 4}, {"ntasks": 4})
    case.plan()
    assert states(case, ids) == ["PENDING", "PENDING"]
    assert [case.reason(one) for one in ids] == ["Resources", "Resources"]


def test_a_stale_proposal_starts_nothing_of_it() -> None:
    case = cluster()
    ids = case.submit_het({"ntasks": 4}, {"ntasks": 4}, {"ntasks": 4})
    proposal = case.core.plan(case.now)
    case.link_lost("n2")
    case.handle(proposal)
    assert set(states(case, ids)) == {"PENDING"}


@pytest.mark.parametrize("field", ["hold", "dependency", "begin"])
def test_what_keeps_one_component_keeps_all(field: str) -> None:
    case = cluster()
    other = case.alloc()
    value: Any = {"hold": True, "dependency": f"afterany:{other}", "begin": case.now + 100}[field]
    ids = case.submit_het({}, {field: value})
    case.plan()
    assert set(states(case, ids)) == {"PENDING"}
    if field == "hold":
        assert case.act("release", ids[0], who=ANN) == 0
    elif field == "dependency":
        case.ask(wire.ReleaseJob(job_id=other))
    case.after(101)
    case.plan()
    assert set(states(case, ids)) == {"RUNNING"}


def test_the_end_of_the_script_is_the_end_of_all() -> None:
    case, ids = begun({}, {}, {})
    created = case.step(ids[1])
    assert created.step_id == "0"
    case.ends(ids[0], code=4)
    assert states(case, ids) == ["FAILED+COMPLETING", "FAILED+COMPLETING", "FAILED"]
    case.gone(ids[1])
    assert states(case, ids) == ["FAILED", "FAILED", "FAILED"]
    assert [case.job(one).exit_code >> 8 for one in ids] == [4, 4, 4]


def test_who_waits_for_its_end_waits_for_all_of_it() -> None:
    case, ids = begun()
    waiting = case.submit(dependency=f"afterok:{ids[0]}")
    case.step(ids[1])
    case.ask(wire.WaitJob(job_id=ids[0]))
    conn = case.conn
    case.ends(ids[0])
    case.plan()
    assert case.state_of(waiting) == "PENDING"
    assert conn not in case.replies
    case.gone(ids[1])
    case.plan()
    assert case.state_of(waiting) == "RUNNING"
    assert case.replies[conn][0].exit_code == 0


def test_a_component_that_runs_out_of_time_leaves_the_others() -> None:
    case, ids = begun({"time_limit": 5}, {"time_limit": 1})
    case.after(61)
    assert states(case, ids) == ["RUNNING", "TIMEOUT"]
    case.ends(ids[0])
    assert states(case, ids) == ["COMPLETED", "TIMEOUT"]


def test_when_the_script_runs_out_of_time_the_others_end_with_it() -> None:
    case, ids = begun({"time_limit": 1}, {"time_limit": 5})
    case.after(61)
    assert states(case, ids) == ["TIMEOUT+COMPLETING", "FAILED"]
    assert (case.reason(ids[1]), case.job(ids[1]).exit_code) == ("JobLaunchFailure", 15)


def test_cancelling() -> None:
    case = cluster()
    ids = case.submit_het({}, {})
    assert case.cancel(ids[1]) == errors.ESLURM_NOT_WHOLE_HET_JOB
    assert case.cancel(f"{ids[0]}+1") == errors.ESLURM_NOT_WHOLE_HET_JOB
    assert case.cancel(ids[0], who=BOB) == errors.ESLURM_ACCESS_DENIED
    assert set(states(case, ids)) == {"PENDING"}
    assert case.cancel(ids[0]) == 0
    assert states(case, ids) == ["CANCELLED", "CANCELLED"]
    case, ids = begun()
    assert case.cancel(f"{ids[0]}+1") == 0
    assert states(case, ids) == ["RUNNING", "CANCELLED"]
    assert case.cancel(ids[0]) == 0
    case.gone(ids[0])
    assert states(case, ids) == ["CANCELLED", "CANCELLED"]


def test_verbs() -> None:
    case, ids = begun()
    first, second = ids
    assert case.act("suspend", second) == errors.ESLURM_NOT_WHOLE_HET_JOB
    assert case.act("suspend", first) == 0
    assert states(case, ids) == ["SUSPENDED", "SUSPENDED"]
    assert case.act("resume", first) == 0
    assert case.act("requeue", second) == errors.ESLURM_NOT_HET_JOB_LEADER
    assert case.act("requeue", f"{first}+1") == errors.ESLURM_INVALID_JOB_ID
    assert case.update("job", second, TimeLimit="3") == 0
    assert [case.job(one).time_limit for one in ids] == [-1, 3]
    assert case.update("job", first, TimeLimit="4", who=ROOT) == 0
    assert [case.job(one).time_limit for one in ids] == [4, 4]


def test_requeued_it_starts_again_as_a_whole() -> None:
    case, ids = begun({}, {"time_limit": 1})
    case.step(ids[1])
    assert case.act("requeue", ids[0]) == 0
    assert states(case, ids) == ["PENDING+COMPLETING", "PENDING+COMPLETING"]
    case.plan()
    assert set(states(case, ids)) == {"PENDING+COMPLETING"}
    for one in ids:
        case.gone(one)
    case.plan()
    assert set(states(case, ids)) == {"RUNNING"}
    assert [case.job(one).restart_count for one in ids] == [1, 1]


def test_requeued_with_a_component_that_has_ended() -> None:
    case, ids = begun({}, {"time_limit": 1})
    case.after(61)
    assert states(case, ids) == ["RUNNING", "TIMEOUT"]
    assert case.act("requeue", ids[0]) == 0
    case.gone(ids[0])
    case.plan()
    assert set(states(case, ids)) == {"RUNNING"}


def test_a_lost_node_takes_all_components_back() -> None:
    case, ids = begun({}, {}, slurmd_timeout=60, lease=60)
    case.step(ids[1])
    node = case.job(ids[1]).allocation.nodes[0]  # type: ignore[union-attr]
    case.link_lost(node)
    case.after(200)
    case.gone(ids[0])
    assert states(case, ids) == ["PENDING", "PENDING"]
    case.plan()
    assert states(case, ids) == ["RUNNING", "RUNNING"]
    assert node not in [one for job in ids for one in case.job(job).allocation.nodes]  # type: ignore[union-attr]


def test_a_lost_node_fails_a_job_that_may_not_come_back() -> None:
    case, ids = begun({"requeue": False}, {"requeue": False}, slurmd_timeout=60, lease=60)
    case.link_lost(case.job(ids[1]).allocation.nodes[0])  # type: ignore[union-attr]
    case.after(200)
    case.gone(ids[0])
    assert states(case, ids) == ["NODE_FAIL", "NODE_FAIL"]


@pytest.mark.parametrize("moment", ["waiting", "started", "ending"])
def test_a_crash_of_the_controller_leaves_nothing_half_started(moment: str) -> None:
    case = cluster()
    ids = case.submit_het({"ntasks": 2}, {"ntasks": 3})
    if moment != "waiting":
        case.plan()
    if moment == "ending":
        case.started(ids[0])
        case.step(ids[1])
        case.ends(ids[0])
    before = states(case, ids)
    case.restart()
    assert states(case, ids) == before
    for at in range(3):
        job = case.job(ids[0])
        steps = [wire.LiveStep(job_id=ids[1], step_id="0", attempt=1)] if moment == "ending" and at == 1 else []
        case.register(f"n{at}", steps=steps)
        assert job.het_size == 2
    case.plan()
    if moment == "ending":
        case.gone(ids[1])
        assert states(case, ids) == ["COMPLETED", "COMPLETED"]
    else:
        assert states(case, ids) == ["RUNNING", "RUNNING"]
        launches = [one for at in range(3) for one in case.sent(f"n{at}") if isinstance(one, wire.LaunchBatch)]
        assert {one.job.job_id for one in launches} == {ids[0]}
        assert len(launches[0].job.components) == 2


def test_it_is_forgotten_as_a_whole() -> None:
    case, ids = begun({}, {"time_limit": 1}, min_job_age=300)
    case.after(61)
    case.after(400)
    assert case.state_of(ids[1]) == "TIMEOUT"
    assert ids[1] in case.state.jobs
    case.ends(ids[0])
    case.after(301)
    assert not case.state.jobs
    assert sorted(case.disk["history"]) == ids


# --- allocations and steps ------------------------------------------------------------------------------------------


def allocation(*components: dict[str, Any]) -> tuple[Case, list[int], int]:
    case = cluster()
    requests = [case.request(kind="alloc", script=None, **fields) for fields in components]
    answer = case.ask(wire.Allocate(requests=requests))
    case.plan()
    return case, [job.job_id for job in case.state.components(case.job(answer.job_id))], case.conn


def test_the_owner_is_told_of_all_components() -> None:
    case, ids, conn = allocation({}, {"min_nodes": 2})
    event = case.replies[conn][-1]
    assert (event.event, event.job_id, [one.job_id for one in event.facts.components]) == ("started", ids[0], ids)
    assert sorted(event.node_addresses) == ["n0", "n1", "n2"]
    assert case.ask(wire.GetJobSetup(job_id=ids[1])).code == errors.ESLURM_NOT_HET_JOB_LEADER
    case.ask(wire.ReleaseJob(job_id=ids[0]))
    assert states(case, ids) == ["COMPLETED", "COMPLETED"]


def test_an_owner_that_does_not_come_back_gives_all_back() -> None:
    case, ids, conn = allocation({}, {})
    case.close(conn)
    case.after(case.settings.owner_grace + 1)
    assert states(case, ids) == ["COMPLETED", "COMPLETED"]


def test_a_step_over_components_is_one_step() -> None:
    case, ids, _ = allocation({"ntasks": 2}, {"ntasks": 2, "min_nodes": 2})
    created = case.ask(
        wire.CreateStep(request=StepRequest(job_id=ids[0], ntasks=2), others=[StepRequest(job_id=ids[1], ntasks=2)])
    )
    assert isinstance(created, wire.StepCreated)
    (other,) = created.others
    assert (created.step_id, other.step_id, other.job_id) == ("0", "0", ids[1])
    assert [part.tasks for part in created.layout.nodes] == [[0, 1]]
    assert [part.tasks for part in other.layout.nodes] == [[2], [3]]
    spec = msgspec.json.decode(other.spec.encode(), type=wire.StepSpec)
    assert spec.whole == wire.WholeStep(
        nodes=["n0", "n1", "n2"], tasks=[2, 1, 1], ranks=[[0, 1], [2], [3]], cpus=[2, 1, 1], before=1, parts=2
    )
    assert case.step(ids[1], overlap=True).step_id == "1", "components count their steps together"


def test_a_step_over_components_waits_until_all_have_room() -> None:
    case, ids, _ = allocation({"ntasks": 2}, {"ntasks": 2})
    first = case.step(ids[1], ntasks=2)
    requests = [StepRequest(job_id=one, ntasks=2) for one in ids]
    pending = case.ask(wire.CreateStep(request=requests[0], others=requests[1:]))
    conn = case.conn
    assert (type(pending), pending.job_id) == (wire.StepPending, ids[1])
    assert not [one for one in case.job(ids[0]).steps.values() if one.state == "RUNNING"], "it holds nothing meanwhile"
    later = case.step(ids[0], ntasks=2)
    assert isinstance(later, wire.StepPending), "who came later does not pass"
    case.ask(wire.StepDone(job_id=ids[1], step_id=first.step_id))
    assert isinstance(case.replies[conn][-1], wire.StepCreated)


def test_parts_of_a_step_in_one_job_have_nodes_of_their_own() -> None:
    case = cluster()
    job = case.alloc(min_nodes=2, ntasks=4)
    case.plan()
    requests = [StepRequest(job_id=job, ntasks=1, min_nodes=1, max_nodes=1) for _ in range(2)]
    refused = case.ask(wire.CreateStep(request=requests[0], others=[*requests[1:], requests[0]]))
    assert refused.text == ("Allocation failure of 1 nodes: job size of 2, already allocated 2 nodes to previous components.")
    created = case.ask(wire.CreateStep(request=requests[0], others=requests[1:]))
    assert [created.step_id, created.others[0].step_id] == ["0+0", "0+1"]
    assert created.layout.nodes[0].node != created.others[0].layout.nodes[0].node
    assert case.cancel(f"{job}.0+1") == 0
    assert [step.killed_by for step in case.job(job).steps.values()] == [None, ANN.uid]
    assert case.cancel(f"{job}.0") == 0


def test_licences_are_counted_for_all_components() -> None:
    case = cluster(licenses={"lic": 3})
    case.state.licenses = {"lic": 3}
    ids = case.submit_het({"licenses": "lic:2"}, {"licenses": "lic:2"})
    case.plan()
    assert set(states(case, ids)) == {"PENDING"}
