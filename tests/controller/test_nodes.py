"""Nodes that join, fail, come back, are drained; and what becomes of their jobs."""

from __future__ import annotations

from mgpu_slurm.base import errors
from mgpu_slurm.records.gpu import Gpu
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, ROOT, Case


def live(c: Case, job: int, step: str = "batch", ended: bool = False) -> wire.LiveStep:
    return wire.LiveStep(job_id=job, step_id=step, attempt=c.job(job).attempt, ended=ended)


def test_nothing_is_lost_when_a_node_comes_back_in_time() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    c.link_lost("n0")
    assert "NOT_RESPONDING" in c.state.nodes["n0"].flags
    waiting = c.submit()
    c.plan()
    assert c.state_of(waiting) == "PENDING"
    c.after(59)
    c.register("n0", steps=[live(c, job)])
    c.after(1000)
    assert c.state_of(job) == "RUNNING"
    assert c.state.nodes["n0"].state == "IDLE"


def test_a_silent_node_goes_down_and_its_jobs_only_after_the_lease() -> None:
    c = Case(lease=100, slurmd_timeout=60).node("n0").node("n1")
    job = c.submit(nodelist="n0")
    keep = c.submit(nodelist="n0", requeue=False)
    c.plan()
    c.started(job)
    c.started(keep)
    c.link_lost("n0")
    c.after(60)
    assert (c.state.nodes["n0"].state, c.state.nodes["n0"].reason) == ("DOWN", "Not responding")
    assert c.state_of(job) == "RUNNING"
    c.after(49)
    assert c.state_of(job) == "RUNNING"
    c.after(1)
    assert (c.state_of(job), c.job(job).restart_count) == ("PENDING", 1)
    assert (c.state_of(keep), c.reason(keep)) == ("NODE_FAIL", "NodeDown")
    # whatever the node still sends of the old attempt is confirmed and changes nothing
    c.said("n0", wire.StepResult(node="n0", job_id=job, step_id="batch", attempt=1, exit_code=9))
    assert isinstance(c.sent("n0")[-1], wire.ForgetStep)
    assert c.state_of(job) == "PENDING"
    c.update("job", job, NodeList="n1")
    c.plan()
    assert (c.state_of(job), c.job(job).attempt, c.job(job).batch_host) == ("RUNNING", 2, "n1")


def test_a_node_of_many_takes_the_job_with_it() -> None:
    c = Case().node("n0").node("n1")
    job = c.submit(min_nodes=2, requeue=False)
    c.plan().started(job)
    c.sent("n0")
    c.link_lost("n1")
    c.after(71)
    assert c.state_of(job) == "NODE_FAIL+COMPLETING"
    assert any(isinstance(one, wire.TerminateJob) for one in c.sent("n0"))
    c.gone(job, "n0")
    assert c.state_of(job) == "NODE_FAIL"


def test_a_machine_that_was_restarted_has_lost_its_jobs() -> None:
    c = Case().node("n0")
    job, keep = c.submit(), c.submit(requeue=False)
    c.plan()
    c.started(job)
    c.started(keep)
    c.link_lost("n0")
    c.register("n0")
    assert (c.state_of(job), c.state_of(keep)) == ("PENDING", "NODE_FAIL")


def test_unknown_steps_are_ended() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    c.cancel(job)
    c.ends(job, signal=15)
    c.gone(job)
    c.sent("n0")
    c.register("n0", steps=[live(c, job), wire.LiveStep(job_id=77, step_id="0", attempt=3)])
    ended = [(one.job_id, one.step_id) for one in c.sent("n0") if isinstance(one, wire.TerminateJob)]
    assert ended == [(job, "batch"), (77, "0")]


def test_results_arrive_after_a_restart_of_the_controller() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    c.restart()
    c.register("n0", steps=[live(c, job, ended=True)])
    assert c.state_of(job) == "RUNNING"
    c.ends(job, code=5)
    assert (c.state_of(job), c.job(job).exit_code) == ("FAILED", 5 << 8)


def test_a_job_that_was_ending_ends_after_a_restart() -> None:
    c = Case().node("n0").node("n1")
    job = c.submit(min_nodes=2)
    c.plan().started(job)
    c.step(job)
    c.cancel(job)
    c.restart()
    assert c.state_of(job) == "CANCELLED+COMPLETING"
    c.sent("n0")
    c.register("n0").register("n1")
    assert any(isinstance(one, wire.TerminateJob) for one in c.sent("n0"))
    c.gone(job)
    assert c.state_of(job) == "CANCELLED"


def test_less_than_configured() -> None:
    c = Case().node("n0", cpus=8, mem=16000, gpus=2, up=False)
    c.register("n0", real_memory=100)
    node = c.state.nodes["n0"]
    assert "INVALID_REG" in node.flags
    assert node.reason == "Low RealMemory (reported:100 < 100.00% of configured:16000)"
    job = c.submit()
    c.plan()
    assert c.state_of(job) == "PENDING"
    c.register("n0", gpus=[Gpu(index=0, type="a100")])
    assert node.reason == "gres/gpu count reported lower than configured (1 < 2)"
    c.register("n0", cpus=4)
    assert "Low CPUs" in node.reason
    c.register("n0")
    assert (node.reason, node.flags) == ("", [])
    c.plan()
    assert c.state_of(job) == "RUNNING"


def test_config_overrides() -> None:
    c = Case(config_overrides=True).node("n0", up=False)
    c.register("n0", real_memory=100, cpus=1)
    assert c.state.nodes["n0"].flags == []
    assert c.state.nodes["n0"].state == "IDLE"


def test_a_node_nobody_configured() -> None:
    c = Case().node("n0")
    gpus = [Gpu(index=at, type="a100") for at in range(2)]
    c.register("x1", gpus=gpus, cpus=4, real_memory=8000)
    node = c.state.nodes["x1"]
    assert (node.dynamic, node.gres_text, node.cpus, node.flags) == (True, "gpu:a100:2", 4, ["DYNAMIC_NORM"])
    job = c.submit(gpus=2)
    c.plan()
    assert c.job(job).batch_host == "x1"
    c.started(job)
    c.restart()
    c.register("x1", gpus=gpus, steps=[live(c, job)], cpus=4, real_memory=8000)
    assert c.state_of(job) == "RUNNING"


def test_a_deleted_node_joins_again_as_a_new_one() -> None:
    c = Case().node("n0")

    def joins(started: float) -> bool:
        c.said("x1", wire.Register(name="x1", hardware=wire.Hardware(cpus=4, real_memory=8000), dynamic=True, start_time=started))
        return "x1" in c.state.nodes

    assert joins(10.0)
    assert c.update("node", "x1", weight="7", comment="old", state="DRAIN", reason="why") == 0
    c.ask(wire.Update(what="node", name="x1", changes=[], action="delete"), ROOT)
    assert ("x1" in c.state.nodes, joins(10.0), joins(20.0)) == (False, False, True)
    node = c.state.nodes["x1"]
    assert (node.weight, node.comment, node.reason, node.flags, node.state) == (1, "", "", ["DYNAMIC_NORM"], "IDLE")


def test_drain_resume_down() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan().started(job)
    assert c.update("node", "n0", who=ANN, State="DRAIN") == 2010
    assert c.update("node", "nope", State="DRAIN") == 2018
    assert c.update("node", "n0", State="PURPLE") == 2028
    assert c.update("node", "n0", State="DRAIN", Reason="broken fan") == 0
    next_job = c.submit()
    c.plan()
    assert (c.state_of(job), c.state_of(next_job)) == ("RUNNING", "PENDING")
    c.restart()
    c.register("n0", steps=[live(c, job)])
    assert c.state.nodes["n0"].reason == "broken fan"
    assert "DRAIN" in c.state.nodes["n0"].flags
    assert c.update("node", "n0", State="RESUME") == 0
    assert c.update("node", "n0", State="RESUME") == 2028
    c.plan()
    assert c.state_of(next_job) == "RUNNING"
    assert c.update("node", "n0", State="DOWN", Reason="off") == 0
    c.gone(job)
    c.gone(next_job)
    assert (c.state_of(job), c.state_of(next_job)) == ("PENDING", "PENDING")
    c.plan()
    assert c.state_of(job) == "PENDING"


def test_a_node_is_resumed_by_itself() -> None:
    c = Case().node("n0")
    assert c.update("node", "n0", State="DRAIN", Reason="hot", ResumeAfter="60") == 0
    c.restart()
    c.register("n0")
    c.after(59)
    assert "DRAIN" in c.state.nodes["n0"].flags
    c.after(2)
    assert c.state.nodes["n0"].flags == []
    assert c.update("node", "n0", State="DRAIN", Reason="hot", ResumeAfter="60") == 0
    assert c.update("node", "n0", ResumeAfter="-1") == 0
    c.after(100)
    assert "DRAIN" in c.state.nodes["n0"].flags


def test_a_sick_gpu_is_not_given_out() -> None:
    c = Case().node("n0", gpus=2)
    proposal_for = c.submit(gpus=2)
    proposal = c.core.plan(c.now)
    gpus = [Gpu(index=0, type="a100"), Gpu(index=1, type="a100", healthy=False, fault="fell off the bus")]
    c.said("n0", wire.GpuTrouble(node="n0", gpus=gpus, text="GPU 1 fell off the bus"))
    c.handle(proposal)
    assert c.state_of(proposal_for) == "PENDING"
    job = c.submit(gpus=1)
    c.plan()
    assert c.job(job).allocation.shares[0].gres == {"gpu": [0]}


def test_a_launch_that_fails() -> None:
    c = Case().node("n0")
    job = c.submit()
    c.plan()
    c.said("n0", wire.LaunchRefused(node="n0", job_id=job, attempt=1, text="no such directory"))
    assert (c.state_of(job), c.reason(job)) == ("FAILED", "JobLaunchFailure")
    assert not c.state.use["n0"].jobs


def test_a_stale_proposal_is_dropped() -> None:
    c = Case().node("n0", cpus=1)
    first = c.submit()
    proposal = c.core.plan(c.now)
    c.plan()
    c.ends(first)
    second = c.submit()
    c.plan()
    c.handle(proposal)
    assert c.running() == [second]


def test_the_embedded_node_is_what_it_is_and_has_no_lease() -> None:
    c = Case(embedded=True).node("n0", cpus=1, mem=1, up=False)
    c.register("n0", gpus=[Gpu(index=0, type="h200")], cpus=16, real_memory=64000, boot_id="a")
    node = c.state.nodes["n0"]
    assert (node.cpus, node.real_memory, node.gres_text, node.flags) == (16, 64000, "gpu:h200:1", [])
    assert next(one for one in c.sent("n0") if isinstance(one, wire.Registered)).lease == 0
    job, shell = c.submit(gpus=1), c.alloc()
    c.plan().started(job)
    c.link_lost("n0")
    c.after(100_000)
    assert (c.state_of(job), node.state) == ("RUNNING", "DOWN")
    c.register("n0", steps=[live(c, job)], gpus=node.gpus, cpus=16, real_memory=64000, boot_id="a")
    assert (c.state_of(job), c.state_of(shell), node.state) == ("RUNNING", "RUNNING", "IDLE")
    c.register("n0", gpus=node.gpus, cpus=16, real_memory=64000, boot_id="b")
    assert (c.state_of(job), c.state_of(shell)) == ("PENDING", "NODE_FAIL")


def test_nodes_without_jobs_are_taken_out() -> None:
    c = Case().node("n0").node("n1").node("n2")
    job = c.submit(nodelist="n1")
    c.plan()
    answer = c.ask(wire.Update(what="node", name="n[0-1,9]", changes=[], action="delete"), ROOT)
    left = [("n1", errors.ESLURM_NODES_BUSY), ("n9", errors.ESLURM_INVALID_NODE_NAME)]
    assert [(row[0], row[1]) for row in answer.rows] == left
    assert list(c.state.nodes) == c.state.partitions["gpu"].nodes == ["n1", "n2"]
    assert "n0" not in c.disk["nodes"]
    assert c.state_of(job) == "RUNNING"
    assert c.ask(wire.Update(what="node", name="n2", changes=[], action="delete"), ANN).code == errors.ESLURM_USER_ID_MISSING
    c.restart()
    assert list(c.state.nodes) == ["n1", "n2"]
    assert c.refused(nodelist="n0") == errors.ESLURM_INVALID_NODE_NAME
