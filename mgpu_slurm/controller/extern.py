"""The step "extern": what Slurm has for processes that come to a job from outside, on all its nodes from its start to its end.

It is there where PrologFlags= has Contain. Processes that a job did not start itself are nobody's here, so that the step has
none: its nodes count as free of it from the start, and it is only what listings show of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mgpu_slurm.records.step import EXTERN, NodeTasks, Step, StepLayout

if TYPE_CHECKING:
    from mgpu_slurm.records.job import Job

LOST = 9
"""Its wait status where it went with a node: as killed."""


def begin(job: Job, state: str) -> None:
    """Give a job that starts the step. `state`: the word for a step that lives."""
    shares = job.allocation.shares if job.allocation else []
    parts = [NodeTasks(node=share.node, tasks=[at], share=share) for at, share in enumerate(shares)]
    job.steps[EXTERN] = Step(
        job_id=job.job_id,
        step_id=EXTERN,
        uid=job.uid,
        name=EXTERN,
        state=state,
        start_time=job.start_time,
        layout=StepLayout(nodes=parts, ntasks=len(parts)),
        overlap=True,
        ended_nodes=[share.node for share in shares],
    )


def finish(job: Job, now: float) -> None:
    """The job is over, and so is the step, where it has one: ended by nobody, however the job was, unless by a lost node."""
    step = job.steps.get(EXTERN)
    if step is None or step.end_time:
        return
    step.end_time = now
    lost = job.ending == "NODE_FAIL"
    step.state = "CANCELLED" if lost else "COMPLETED"
    step.exit_code = LOST if lost else 0
