"""Runs a case on the real Slurm and on ours at the same time, and says where they differ.

A case is a shell script that sees plain names (srun, sbatch, ...) first on its PATH. Compared are standard output,
standard error and exit status, after what must differ (times, directories, ids in fixed sentences) has become equal.
"""

from __future__ import annotations

import difflib
import os
import re
import signal
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.kit.cluster import Cluster
from tests.kit.waiting import until
from tests.oracle.slurm_cluster import SlurmCluster

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases"
LIB = HERE / "lib.sh"
NAMES = (
    "srun", "sbatch", "salloc", "squeue", "scancel", "sinfo", "scontrol", "sacct", "sstat", "sattach", "sbcast", "sprio", "sdiag",
)  # fmt: skip

RULES = [
    (re.compile(pattern), text)
    for pattern, text in (
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "<time>"),
        (r"/tmp/(slurm|mgpu)-test-\w+/(mgpu|slurm)\.conf", "<conf>"),
        (r"/tmp/case-\w+", "<cwd>"),
        (r"/tmp/(slurm|mgpu)-test-\S*", "<state>"),
        (r"(?<=Submitted batch job )\d+", "<job>"),
        (r"(?<=for job )\d+", "<job>"),
        (r"(?<=job allocation )\d+", "<job>"),
        (r"(?<=[jJ]ob )7\d{4}\b|(?<=JOB )7\d{4}\b", "<job>"),
        (r"\bslurm-wlm (?=\d)", "slurm "),
        # Slurm's salloc says it as well where the controller's word reaches it before its own end
        (r"(Relinquishing job allocation \S+)\nsalloc: Job allocation \S+ has been revoked\.", r"\1"),
        (r"(?<=Port=)\d+", "<port>"),
        (r"(?<=pid )\d+|(?<=PID=)\d+", "<pid>"),
    )
]

PARTITIONS = """\
PartitionName=small Nodes=n[0-1] MaxNodes=1 MaxTime=10 DefaultTime=5 State=UP
PartitionName=closed Nodes=ALL State=DOWN
PartitionName=drained Nodes=ALL State=DRAIN"""

TRIES = 3
"""How often a case may be run until both suites do the same."""

SETTINGS = "Licenses=lic:4,matlab:2\nFirstJobId=70001\nLaunchParameters=enable_nss_slurm\n" + (
    "SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2,permit_job_expansion"
)
"""Ids begin where no other number of a case is, so that `ids` replaces nothing else."""


def normalise(text: str) -> str:
    for pattern, replacement in RULES:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


WAITS = re.compile(
    r"srun: (Job \S+ step creation temporarily disabled, retrying \(Requested nodes are busy\)|Step created for job \S+"
    r"|job \S+ queued and waiting for resources|job \S+ has been allocated resources)"
)
"""What Slurm's srun says where the step or job before it is not quite over yet: by chance, where ours has none to wait for."""


def without_chance(slurm: str, ours: str) -> str:
    """Slurm's text without such lines where ours has none of them; a case of steps that must wait keeps them all."""
    if any(WAITS.fullmatch(line) for line in ours.split("\n")):
        return slurm
    return "\n".join(line for line in slurm.split("\n") if not WAITS.fullmatch(line))


class Outcome:
    """What a case printed and how it ended."""

    __slots__ = ("err", "out", "status")

    def __init__(self, status: str, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def parts(self) -> dict[str, str]:
        return {"exit status": self.status, "stdout": normalise(self.out), "stderr": normalise(self.err)}


class Pair:
    """A real Slurm and one of ours with equal nodes and partitions. One case at a time runs on it."""

    def __init__(
        self, names: Path, real_kind: type[SlurmCluster] = SlurmCluster, shape: tuple[int, int, int] = (1, 8, 1),
        more: str = "", cgroup: str = "",
    ) -> None:  # fmt: skip
        """`more`: settings besides the usual ones; `cgroup`: the text of cgroup.conf."""
        self.names = names
        settings = "\n".join((SETTINGS, real_kind.besides, more))
        with ThreadPoolExecutor(2) as threads:
            both: dict[str, Any] = {"settings": settings, "partitions": PARTITIONS, "shape": shape, "cgroup": cgroup}
            real = threads.submit(real_kind.up, **both)
            ours = threads.submit(Cluster.up, **both, requeue_delay=121)
        if ours.exception() is not None and real.exception() is None:
            real.result().down()
        elif real.exception() is not None and ours.exception() is None:
            ours.result().down(strict=False)
        self.slurm, self.mgpu = real.result(), ours.result()

    def down(self) -> None:
        try:
            self.slurm.down()
        finally:
            self.mgpu.down()

    def differences(self, case: Path, timeout: float = 60.0) -> str:
        """Diffs of what is not equal, "" where all is.

        A case that differs is run again: what Slurm prints first, which node has just become free and which lines it merges
        is partly chance, most of all on a busy machine. What differs by rule differs each time.
        """
        found = ""
        for _ in range(TRIES):
            found = self._differences_once(case, timeout)
            if not found or self.mgpu.tracebacks():
                break
        return found

    def _differences_once(self, case: Path, timeout: float) -> str:
        with ThreadPoolExecutor(2) as threads:
            real = threads.submit(_run, case, Path("/usr/bin"), self.slurm.environment(), timeout)
            ours = threads.submit(_run, case, self.names, self.mgpu.environment(), timeout)
            expected, found = real.result().parts(), ours.result().parts()
        problems = self.mgpu.tracebacks()
        if expected["exit status"] == "timeout":
            problems.append("the case does not end on the real Slurm either")
        for what in expected:
            wanted = without_chance(expected[what], found[what])
            if wanted != found[what]:
                before, after = wanted.split("\n"), found[what].split("\n")
                problems += list(difflib.unified_diff(before, after, f"slurm {what}", f"mgpu {what}", lineterm="", n=1))
        self.settle()
        return "\n".join(problems)

    def settle(self) -> None:
        """End what the case has left, so that the next one meets idle nodes."""
        for suite in (self.slurm, self.mgpu):
            jobs = sorted(set(suite.ask("squeue", "-h", "-o", "%A").split()))
            if jobs:
                if isinstance(suite, SlurmCluster):
                    suite.ask("scancel", *jobs)
                else:
                    suite.run("scancel", *jobs)
            until(lambda suite=suite: not suite.ask("squeue", "-h", "-o", "%A").split(), f"jobs {jobs} end", 20, 0.05)


def _run(case: Path, programs: Path, environment: dict[str, str], timeout: float) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="case-") as directory:
        env = {**environment, "PATH": f"{programs}:{environment['PATH']}"}
        process = subprocess.Popen(
            ["/bin/bash", "-c", f". {LIB}; . {case}"], cwd=directory, env=env, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            out, err = process.communicate(timeout=timeout)
            return Outcome(str(process.returncode), out, err)
        except subprocess.TimeoutExpired:
            _end_session(process)
            out, err = process.communicate()
            return Outcome("timeout", out, err)


def _end_session(process: subprocess.Popen[str]) -> None:
    try:
        # the group is the case's own: it was started as the leader of a session
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def link_names(directory: Path) -> Path:
    """A directory of plain names that lead to our commands."""
    for name in NAMES:
        (directory / name).symlink_to(HERE.parents[1] / "bin" / f"mgpu_{name}")
    return directory
