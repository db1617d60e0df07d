"""srun: alone, with an allocation of its own, and inside a batch script; streams, labels, exit statuses, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable
from tests.kit.commands import finish


def test_alone(cluster: Suite, here: Path) -> None:
    done = cluster.run("srun", "sh", "-c", "echo out; echo err >&2; pwd", cwd=here)
    assert (done.status, done.out, done.err) == (0, f"out\n{here}\n", "err\n")


def test_tasks_on_nodes(cluster: Suite) -> None:
    body = "echo $SLURM_PROCID $SLURM_NODEID $SLURM_LOCALID $SLURM_NTASKS $SLURM_NNODES $SLURMD_NODENAME"
    done = cluster.run("srun", "-N2", "-n5", "sh", "-c", body).ok()
    rows = sorted(line.split() for line in done.lines)
    assert [row[0] for row in rows] == ["0", "1", "2", "3", "4"]
    assert [row[1] for row in rows] == ["0", "0", "0", "0", "1"]
    assert [row[2] for row in rows] == ["0", "1", "2", "3", "0"]
    assert {tuple(row[3:5]) for row in rows} == {("5", "2")}
    assert len({row[5] for row in rows}) == 2


def test_labels_are_on_every_line(cluster: Suite) -> None:
    done = cluster.run("srun", "-n3", "-l", "sh", "-c", "echo a; echo b; printf c; echo e >&2").ok()
    assert sorted(done.lines) == sorted(f"{task}: {text}" for task in range(3) for text in "abc")
    assert sorted(done.err.splitlines()) == [f"{task}: e" for task in range(3)]


def test_standard_input(cluster: Suite, here: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(5000))
    assert cluster.run("srun", "-n2", "sh", "-c", "cat | md5sum", stdin=text).ok().lines[0] != ""
    assert cluster.run("srun", "cat", stdin=text).ok().out == text
    done = cluster.run("srun", "-n2", "-l", "-i", "1", "cat", stdin="x\n").ok()
    assert done.out == "1: x\n"
    assert cluster.run("srun", "-i", "none", "cat", stdin="x\n").ok().out == ""
    (here / "in").write_text("from a file\n")
    assert cluster.run("srun", "-n2", "-i", "in", "cat", cwd=here).ok().out == "from a file\n" * 2


def test_output_files(cluster: Suite, here: Path) -> None:
    words = ["-n2", "-J", "named", "-o", "o.%t", "-e", "e.%x"]
    done = cluster.run("srun", *words, "sh", "-c", "echo $SLURM_PROCID; echo x >&2", cwd=here).ok()
    assert (done.out, done.err) == ("", "")
    assert (readable(here / "o.0"), readable(here / "o.1"), readable(here / "e.named")) == ("0\n", "1\n", "x\nx\n")
    done = cluster.run("srun", "-n2", "-o", "none", "echo", "x", cwd=here).ok()
    assert done.out == ""


def test_large_output_is_whole(cluster: Suite) -> None:
    done = cluster.run("srun", "-n2", "sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x").ok()
    assert len(done.out) == 10000000
    done = cluster.run("srun", "-N2", "-n2", "-l", "sh", "-c", "seq 20000").ok()
    assert len(done.lines) == 40000


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["false"], 1, "srun: error: n0: task 0: Exited with exit code 1\n"),
        (["sh", "-c", "exit 42"], 42, "srun: error: n0: task 0: Exited with exit code 42\n"),
        (["sh", "-c", "kill -9 $$"], 137, "srun: error: n0: task 0: Killed\n"),
        (["sh", "-c", "kill -TERM $$"], 143, "srun: error: n0: task 0: Terminated\n"),
    ],
)
def test_exit_status_and_what_is_said(cluster: Suite, words: list[str], status: int, text: str) -> None:
    done = cluster.run("srun", *words)
    assert done.status == status
    if text.endswith("9\n") or cluster.nodes[0] == "n0":
        said = done.err.replace(os.uname().nodename.partition(".")[0] + ":", "n0:")
        killed = "srun: Force Terminated StepId=" if status > 128 else ""
        assert said.startswith(text)
        assert said.removeprefix(text).startswith(killed)


def test_the_highest_exit_status_counts(cluster: Suite) -> None:
    assert cluster.run("srun", "-n4", "sh", "-c", "exit $SLURM_PROCID").status == 3


def test_a_program_that_is_not_there(cluster: Suite) -> None:
    done = cluster.run("srun", "no-such-program")
    assert done.status == 2
    assert "slurmstepd-n0: error: execve(): no-such-program: No such file or directory" in done.err


def test_several_steps_in_a_script(cluster: Suite, here: Path) -> None:
    script = """#!/bin/bash
#SBATCH -N2 -n4 -o o
srun -n1 -N1 sh -c 'echo step $SLURM_STEP_ID tasks $SLURM_NTASKS'
srun -l sh -c 'echo $SLURM_STEP_ID' | sort
srun -N1 -n1 false
echo status $?
srun -n1 -N1 --exclusive sleep 0.2 & srun -n1 -N1 --exclusive sleep 0.2 & wait
squeue -h -s -j $SLURM_JOB_ID -o %i
scontrol show hostnames $SLURM_JOB_NODELIST
"""
    job = cluster.submit("--wait", script=script, cwd=here)
    lines = [line for line in readable(here / "o").splitlines() if not line.startswith("srun:")]
    assert lines[:6] == ["step 0 tasks 1", "0: 1", "1: 1", "2: 1", "3: 1", "status 1"]
    assert lines[6:] == [f"{job}.batch", "n0", "n1"]


def test_steps_share_an_allocation_without_crowding(cluster: Suite, here: Path) -> None:
    script = f"""#!/bin/bash
#SBATCH -n2 -o o
for i in 1 2 3 4; do
  srun -n1 --exact sh -c 'echo on >> {here}/log; sleep 0.3; echo off >> {here}/log' &
done
wait
"""
    cluster.submit("--wait", script=script, cwd=here)
    now = most = 0
    for word in readable(here / "log").split():
        now += 1 if word == "on" else -1
        most = max(most, now)
    assert readable(here / "log").split().count("off") == 4
    assert most == 2


def test_what_a_task_leaves_behind_is_ended(cluster: Suite) -> None:
    done = cluster.run("srun", "sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo $!").ok()
    if cluster.__class__.__name__ == "Cluster":
        cluster.until(lambda: not Path(f"/proc/{done.out.strip()}").exists(), "the process is ended")


def test_multi_prog(cluster: Suite, here: Path) -> None:
    (here / "conf").write_text("0 echo first %t %o\n1-2 echo middle %t %o\n* echo rest %t\n")
    done = cluster.run("srun", "-n4", "--multi-prog", "conf", cwd=here).ok()
    assert sorted(done.lines) == ["first 0 0", "middle 1 0", "middle 2 1", "rest 3"]


def _running(cluster: Suite, here: Path, *words: str) -> subprocess.Popen[str]:
    process = cluster.start("srun", *words, cwd=here)
    cluster.until((here / "up").exists, "the task runs")
    return process


def test_one_interrupt_tells_two_end(cluster: Suite, here: Path) -> None:
    # exec: what is there when the second comes dies of it at once, before the KILL that follows it
    process = _running(cluster, here, "-n2", "sh", "-c", f"touch {here}/up; exec sleep 100")
    process.send_signal(signal.SIGINT)
    told = time.monotonic()
    assert process.stderr is not None
    assert process.stderr.readline() == "srun: interrupt (one more within 1 sec to abort)\n"
    assert process.stderr.readline().startswith("srun: StepId=")
    assert process.poll() is None
    assert time.monotonic() - told < 1
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert "srun: sending Ctrl-C to StepId=" in done.err
    assert done.status == 130


def test_terminate_forces_the_end(cluster: Suite, here: Path) -> None:
    process = _running(cluster, here, "sh", "-c", f"touch {here}/up; sleep 100")
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    assert "srun: forcing job termination" in done.err
    assert "CANCELLED AT" in done.err
    assert done.status == 137


def test_a_reader_that_goes_away_ends_srun(cluster: Suite) -> None:
    process = cluster.start("srun", "sh", "-c", "while echo y; do :; done")
    assert process.stdout is not None
    assert process.stdout.readline() == "y\n"
    process.stdout.close()
    process.wait(20)
    cluster.until(lambda: cluster.ask("squeue", "-h", "-o", "%j").split().count("sh") == 0, "the job ends")


def test_waits_for_resources_and_gives_up_at_once_if_told(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-w", "n0", "--exclusive", "--wrap", f"while [ ! -e {here}/go ]; do sleep 0.05; done")
    cluster.wait_state(job, "RUNNING")
    done = cluster.run("srun", "-w", "n0", "--immediate=1", "true")
    assert done.status == 1
    assert "Unable to allocate resources: " in done.err
    waiting = cluster.start("srun", "-w", "n0", "echo", "here")
    assert waiting.stderr is not None
    assert waiting.stderr.readline().endswith(" queued and waiting for resources\n")
    (here / "go").touch()
    done = finish(waiting)
    assert (done.status, done.out) == (0, "here\n")
    assert "has been allocated resources" in done.err


def test_impossible(cluster: Suite) -> None:
    for words in (["--gres=gpu:99"], ["-w", "nosuch"]):
        done = cluster.run("srun", *words, "true")
        assert done.status == 1, done
        assert "Traceback" not in done.err
        assert done.err.startswith("srun: error: "), done


def test_by_job_id(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-n2", "--wrap", "sleep 100")
    cluster.wait_state(job, "RUNNING")
    done = cluster.run("srun", f"--jobid={job}", "--overlap", "-n1", "sh", "-c", "echo $SLURM_JOB_ID $SLURM_STEP_ID")
    assert done.out == f"{job} 0\n", done
    cluster.run("scancel", str(job)).ok()


def test_pty(cluster: Suite) -> None:
    master, slave = os.openpty()
    done = cluster.run("srun", "--pty", "sh", "-c", "tty; exit 3", stdin=slave)
    os.close(slave)
    os.close(master)
    assert done.status == 3
    assert "/dev/pts/" in done.out


def test_pty_without_a_terminal(cluster: Suite) -> None:
    done = cluster.run("srun", "--pty", "sh", "-c", "tty; exit 3")
    assert (done.status, done.out) == (3, "not a tty\n")
    assert "srun: error: Not using a pseudo-terminal, disregarding --pty option\n" in done.err


@pytest.mark.parametrize("tasks", [1, 8])
def test_environment_of_a_step(cluster: Suite, tasks: int) -> None:
    done = cluster.run("srun", f"-n{tasks}", "-J", "named", "env", env={"MINE": "kept"}).ok()
    assert done.lines.count("MINE=kept") == tasks
    assert done.lines.count("SLURM_JOB_NAME=named") == tasks
    assert sorted(line for line in done.lines if line.startswith("SLURM_PROCID=")) == [f"SLURM_PROCID={n}" for n in range(tasks)]
