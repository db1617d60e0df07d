"""Random histories: whatever users, nodes, networks and the controller's own deaths do, nothing is held twice, no job has
two live copies, and every acknowledged job ends once."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgpu_slurm.facts.states import TERMINAL
from mgpu_slurm.wire import messages as wire
from tests.kit.cases import ANN, Case

NODES = ("n0", "n1")
LEASE = 60


class PretendNode:
    """A node daemon that keeps its promises: a launch once, its lease, results until confirmed."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.up = True
        self.silent_since = 0.0
        self.seen: set[tuple[int, int]] = set()
        self.live: dict[tuple[int, str, int], str] = {}
        self.results: dict[tuple[int, str, int], wire.StepResult] = {}

    def end(self, key: tuple[int, str, int], status: int = 0, ending: str = "") -> None:
        if self.live.pop(key, None) is None:
            return
        job, step, attempt = key
        self.results[key] = wire.StepResult(
            node=self.name, job_id=job, step_id=step, attempt=attempt, exit_code=status, ending=ending
        )
        if self.up:
            self.world.case.said(self.name, self.results[key])

    def work(self) -> None:
        """Do what the controller has sent."""
        if not self.up:
            self.world.case.sent(self.name)
            return
        for message in self.world.case.sent(self.name):
            if isinstance(message, wire.LaunchBatch):
                self._launch(message)
            elif isinstance(message, wire.TerminateJob):
                for key in [one for one in self.live if one[0] == message.job_id and one[2] == message.attempt]:
                    if message.step_id in ("", key[1]):
                        self.end(key, 15, message.ending if message.ending != "ENDED" else "")
                if not message.step_id:
                    self.seen.add((message.job_id, message.attempt))
                    gone = wire.JobGone(node=self.name, job_id=message.job_id, attempt=message.attempt)
                    self.world.case.said(self.name, gone)
            elif isinstance(message, wire.ForgetStep):
                self.results.pop((message.job_id, message.step_id, message.attempt), None)

    def _launch(self, message: wire.LaunchBatch) -> None:
        key = (message.job.job_id, message.job.attempt)
        if key not in self.seen:
            self.seen.add(key)
            self.live[(key[0], "batch", key[1])] = "running"
            self.world.starts[key[0]] = self.world.starts.get(key[0], 0) + 1
        self.world.case.said(self.name, wire.BatchStarted(job_id=key[0], attempt=key[1]))

    def cut(self) -> None:
        if self.up:
            self.up = False
            self.silent_since = self.world.case.now
            self.world.case.link_lost(self.name)

    def lease(self) -> None:
        """Ends its jobs itself when the lease has run out."""
        if not self.up and self.world.case.now - self.silent_since >= LEASE:
            for key in list(self.live):
                self.end(key, 9, "LOST")

    def back(self) -> None:
        self.lease()
        self.up = True
        steps = [wire.LiveStep(job_id=job, step_id=step, attempt=attempt) for job, step, attempt in self.live]
        steps += [wire.LiveStep(job_id=job, step_id=step, attempt=attempt, ended=True) for job, step, attempt in self.results]
        self.world.case.register(self.name, steps=steps)
        for result in list(self.results.values()):
            self.world.case.said(self.name, result)

    def crash(self) -> None:
        """The machine restarts: nothing of it is left."""
        self.cut()
        self.live.clear()
        self.results.clear()


class World:
    def __init__(self) -> None:
        self.case = Case(slurmd_timeout=LEASE, lease=LEASE)
        for name in NODES:
            self.case.node(name, cpus=4, gpus=2)
        self.nodes = {name: PretendNode(self, name) for name in NODES}
        self.jobs: list[int] = []
        self.steps_made: list[tuple[int, str]] = []
        self.tasks = 0
        self.starts: dict[int, int] = {}
        self.stale: Any = None

    def check(self) -> None:
        copies: dict[int, set[int]] = {}
        for node in self.nodes.values():
            for job, _, attempt in node.live:
                copies.setdefault(job, set()).add(attempt)
        assert all(len(attempts) == 1 for attempts in copies.values()), copies

    def work(self) -> None:
        for _ in range(4):
            for node in self.nodes.values():
                node.work()
        self.check()

    def do(self, op: tuple[Any, ...]) -> None:
        getattr(self, "_" + op[0])(*op[1:])
        self.check()

    def _submit(self, size: int, extra: int) -> None:
        sizes: list[dict[str, Any]] = [{}, {"gpus": 1}, {"gpus": 2}, {"ntasks": 3}, {"min_nodes": 2}, {"exclusive": "exclusive"}]
        fields = dict(sizes[size % 6])
        if extra % 5 == 1 and self.jobs:
            kinds = ("after", "afterok", "afternotok", "afterany", "aftercorr")
            fields["dependency"] = f"{kinds[extra % len(kinds)]}:{self.jobs[extra % len(self.jobs)]}"
            fields["kill_on_invalid_dep"] = bool(extra % 2)
        if extra % 7 == 2:
            fields["dependency"] = "singleton"
        if extra % 4 == 3:
            fields["array"] = ("0-3", "0-4%2", "5")[extra % 3]
            self.tasks += (4, 5, 1)[extra % 3]
        else:
            self.tasks += 1
        if extra % 6 == 5:
            fields["time_limit"] = 1
        if extra % 11 == 3:
            fields["requeue"] = False
        self.jobs.append(self.case.submit(**fields))

    def _het(self, size: int, extra: int) -> None:
        sizes: list[dict[str, Any]] = [{}, {"gres": "gpu:1"}, {"ntasks": 3}, {"ntasks": 4, "time_limit": 1}]
        components = [dict(sizes[(size + at) % 4]) for at in range(2 + extra % 2)]
        if extra % 5 == 3:
            components[0]["requeue"] = False
        if extra % 7 == 4 and self.jobs:
            components[-1]["dependency"] = f"afterany:{self.jobs[extra % len(self.jobs)]}"
        made = self.case.submit_het(*components)
        assert made == list(range(made[0], made[0] + len(components)))
        self.jobs += made
        self.tasks += len(made)

    def _alloc(self, size: int) -> None:
        job = self.case.alloc(ntasks=1 + size % 4)
        self.jobs.append(job)
        self.tasks += 1

    def _plan(self) -> None:
        self.case.plan()

    def _propose(self) -> None:
        self.stale = self.case.core.plan(self.case.now)

    def _stale(self) -> None:
        if self.stale is not None:
            self.case.handle(self.stale)

    def _work(self) -> None:
        self.work()

    def _step(self, which: int) -> None:
        running = [one for one in self.case.running() if one in self.case.state.jobs]
        if running:
            answer = self.case.step(running[which % len(running)])
            if isinstance(answer, wire.StepCreated) and all(self.nodes[part.node].up for part in answer.layout.nodes):
                job = running[which % len(running)]
                for part in answer.layout.nodes:
                    self.nodes[part.node].live[(job, answer.step_id, self.case.job(job).attempt)] = "running"

    def _finish(self, which: int, status: int) -> None:
        everything = [(node, key) for node in self.nodes.values() for key in node.live]
        if everything:
            node, key = everything[which % len(everything)]
            node.end(key, (status % 3) << 8)

    def _cancel(self, which: int) -> None:
        if self.jobs:
            self.case.cancel(self.jobs[which % len(self.jobs)])

    def _cancel_task(self, which: int) -> None:
        if self.jobs:
            self.case.cancel(f"{self.jobs[which % len(self.jobs)]}_{which % 5}")

    def _act(self, which: int, what: int) -> None:
        actions = ("hold", "release", "requeue", "suspend", "resume", "requeuehold", "uhold", "top")
        if self.jobs:
            self.case.act(actions[what % len(actions)], self.jobs[which % len(self.jobs)])

    def _cut(self, which: int) -> None:
        self.nodes[NODES[which % 2]].cut()

    def _crash(self, which: int) -> None:
        self.nodes[NODES[which % 2]].crash()

    def _back(self, which: int) -> None:
        node = self.nodes[NODES[which % 2]]
        if not node.up:
            node.back()

    def _restart(self) -> None:
        for name in NODES:
            self.case.sent(name)
        self.case.restart()
        for node in self.nodes.values():
            if node.up:
                node.back()

    def _drain(self, which: int, back: int) -> None:
        name = NODES[which % 2]
        if back % 2:
            self.case.update("node", name, State="RESUME")
        else:
            self.case.update("node", name, State=("DRAIN", "DOWN")[back // 2 % 2], Reason="test")

    def _pass_time(self, seconds: int) -> None:
        for _ in range(10):
            self.case.after(seconds / 10)
            for node in self.nodes.values():
                node.lease()
        self.check()

    def finish(self) -> None:
        """Bring everything back, let everything end, and see that it has."""
        for node in self.nodes.values():
            if not node.up:
                node.back()
            self.case.update("node", node.name, State="RESUME")
        for _ in range(60):
            self.work()
            for job in [one for one in self.case.state.jobs.values() if one.state == "SUSPENDED"]:
                self.case.act("resume", job.job_id)
            for job in list(self.case.state.jobs.values()):
                if job.state == "PENDING" and (job.priority == 0 or job.reason == "DependencyNeverSatisfied"):
                    self.case.cancel(job.het_job_id or job.job_id)
                elif job.state == "RUNNING" and job.request.kind == "alloc":
                    self.case.ask(wire.ReleaseJob(job_id=job.job_id), ANN)
            self.work()
            for node in self.nodes.values():
                for key in list(node.live):
                    node.end(key)
            self.work()
            self.case.plan()
            if all(job.state in TERMINAL and not job.holds_resources for job in self.case.state.jobs.values()):
                break
        left = {job.job_id: (job.state, job.flags, job.reason) for job in self.case.state.jobs.values()}
        assert all(state in TERMINAL and not flags for state, flags, _ in left.values()), left
        assert not any(use.jobs or use.cpus or use.mem for use in self.case.state.use.values())
        records = [*self.case.state.jobs.values(), *self.case.disk["history"].values()]
        assert sum(len(job.array_tasks) or 1 for job in records) == self.tasks
        assert all(job.state in TERMINAL for job in records)


small = st.integers(0, 40)
OPS = st.one_of(
    st.tuples(st.just("submit"), small, small),
    st.tuples(st.just("submit"), small, small),
    st.tuples(st.just("het"), small, small),
    st.tuples(st.just("alloc"), small),
    st.tuples(st.just("plan")),
    st.tuples(st.just("plan")),
    st.tuples(st.just("propose")),
    st.tuples(st.just("stale")),
    st.tuples(st.just("work")),
    st.tuples(st.just("work")),
    st.tuples(st.just("step"), small),
    st.tuples(st.just("finish"), small, small),
    st.tuples(st.just("finish"), small, small),
    st.tuples(st.just("cancel"), small),
    st.tuples(st.just("cancel_task"), small),
    st.tuples(st.just("act"), small, small),
    st.tuples(st.just("cut"), small),
    st.tuples(st.just("crash"), small),
    st.tuples(st.just("back"), small),
    st.tuples(st.just("restart")),
    st.tuples(st.just("drain"), small, small),
    st.tuples(st.just("pass_time"), st.sampled_from([1, 30, 61, 75, 400])),
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(OPS, min_size=10, max_size=80))
def test_every_acknowledged_job_ends_once(history: list[tuple[Any, ...]]) -> None:
    world = World()
    for op in history:
        world.do(op)
    world.finish()
