"""A job gives all it has to the one that it was started for, as Slurm 22.05.8 does where permit_job_expansion is set."""

from __future__ import annotations

import os
import re

from tests.kit.cluster import Cluster
from tests.kit.waiting import until

SETTINGS = "SchedulerParameters=permit_job_expansion\nFirstJobId=70001"


def shown(cluster: Cluster, job: str) -> str:
    text = cluster.ask("scontrol", "show", "job", job)
    return " ".join(re.findall(r"JobState=\w+|BatchHost=\S+|\bNodeList=n\S+|NumNodes=.*NumTasks=\d+|\bTRES=\S+", text))


def started(cluster: Cluster, *options: str) -> str:
    """A job without a step."""
    said = cluster.run("salloc", "--no-shell", *options).err
    found = re.search(r"Granted job allocation (\d+)", said)
    assert found, said
    return found[1]


def done(cluster: Cluster, program: str, *options: str) -> None:
    said = cluster.run(program, *options)
    assert said.status == 0, said.err


def test_a_job_grows_by_another_ones_nodes_and_cpus() -> None:
    with Cluster.up(nodes=4, gpus=4, settings=SETTINGS) as cluster:
        grown = started(cluster, "-N1", "-n2", "-w", "n1", "--mem-per-cpu=10")
        for options, after in (
            (("-N2", "-n3", "-w", "n[2-3]"),
             "NodeList=n[1-3] BatchHost=n1 NumNodes=3 NumCPUs=5 NumTasks=2 TRES=cpu=5,mem=50M,node=3,billing=5"),
            (("-N2", "-n4", "-w", "n[0-1]"),
             "NodeList=n[0-3] BatchHost=n1 NumNodes=4 NumCPUs=9 NumTasks=2 TRES=cpu=9,mem=90M,node=4,billing=9"),
        ):  # fmt: skip
            given = started(cluster, *options, "--mem-per-cpu=10", "-d", f"expand:{grown}")
            done(cluster, "scontrol", "update", f"jobid={given}", "numnodes=0")
            assert shown(cluster, grown) == f"JobState=RUNNING {after}"
            assert shown(cluster, given).startswith("JobState=COMPLETED ")
        seen = cluster.run("srun", f"--jobid={grown}", "-N4", "-n9", "sh", "-c", "echo $SLURMD_NODENAME $SLURM_JOB_NODELIST")
        assert sorted(seen.out.split("\n")[:-1]) == [f"n{node} n[0-3]" for node in (0, 0, 0, 1, 1, 1, 2, 2, 3)], seen.err
        # what it has got is its own: it can give some of it back, and all is free at its end
        done(cluster, "scontrol", "update", f"jobid={grown}", "nodelist=n[1-2]")
        assert "NodeList=n[1-2]" in shown(cluster, grown)
        done(cluster, "scancel", grown)
        had = cluster.ask("sacct", "-nPX", "-j", grown, "-o", "state,nodelist,ncpus").split("\n")
        assert had[:3] == ["RESIZING|n1|2", "RESIZING|n[1-3]|5", "RESIZING|n[0-3]|9"]
        assert had[3:] == [f"CANCELLED by {os.getuid()}|n[1-2]|5", ""]
        until(lambda: cluster.ask("sinfo", "-h", "-o", "%T %D") == "idle 4\n", lambda: cluster.ask("sinfo", "-N"))


def test_what_is_given_comes_when_its_nodes_have_run_their_epilogs() -> None:
    with Cluster.up(nodes=2, gpus=0, settings=f"{SETTINGS}\nEpilog=/bin/true\nEpilogSlurmctld=/bin/true") as cluster:
        grown = started(cluster, "-N1", "-w", "n0")
        given = started(cluster, "-N1", "-n2", "-w", "n1", "-d", f"expand:{grown}")
        done(cluster, "scontrol", "update", f"jobid={given}", "numnodes=0")
        until(lambda: "NodeList=n[0-1]" in shown(cluster, grown), lambda: shown(cluster, grown))
        assert "NumNodes=2 NumCPUs=3" in shown(cluster, grown)
        until(lambda: not cluster.ask("squeue", "-h", "-j", given, "-t", "completing"), f"{given} is over")
        assert cluster.ask("sinfo", "-h", "-o", "%C") == "3/13/0/16\n"
        done(cluster, "scancel", grown)
        until(lambda: cluster.ask("sinfo", "-h", "-o", "%C") == "0/16/0/16\n", lambda: cluster.ask("sinfo", "-h", "-o", "%C"))


def test_what_cannot_be_given_stays() -> None:
    with Cluster.up(nodes=4, gpus=4, settings=SETTINGS) as cluster:
        grown = started(cluster, "-N1", "-w", "n1")
        for options in (("--gpus-per-node=1",), ("--exclusive",)):
            other = started(cluster, "-N1", "-w", "n2", *options, "-d", f"expand:{grown}")
            refused = cluster.run("scontrol", "update", f"jobid={other}", "numnodes=0")
            assert (refused.status, refused.err) == (1, f"Unspecified error for job {other}\n")
            done(cluster, "scancel", other)
        other = started(cluster, "-N1", "-w", "n2", "-d", f"expand:{grown}")
        done(cluster, "scancel", grown)
        until(lambda: "CANCELLED" in shown(cluster, grown), f"{grown} ends")
        # there is nobody any more to whom it could be given
        done(cluster, "scontrol", "update", f"jobid={other}", "numnodes=0")
        assert shown(cluster, other).startswith("JobState=COMPLETED NodeList=n2 ")
