"""A batch job's life: submitted, run, ended; where its output goes; what it is given; how it is seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.kit.cluster import Suite, readable


def test_script_runs_and_its_output_is_found(cluster: Suite, here: Path) -> None:
    header = "#!/bin/bash\n#SBATCH --job-name=first -n 2\n"
    (here / "job.sh").write_text(header + 'echo "out $1 $SLURM_JOB_NAME $SLURM_NTASKS"\necho err >&2\npwd\n')
    done = cluster.run("sbatch", "job.sh", "an argument", cwd=here).ok()
    job = int(done.out.removeprefix("Submitted batch job "))
    cluster.wait_state(job, "COMPLETED")
    assert readable(here / f"slurm-{job}.out") == f"out an argument first 2\nerr\n{here}\n"
    shown = cluster.job(job)
    assert (shown["JobState"], shown["ExitCode"], shown["JobName"]) == ("COMPLETED", "0:0", "first")
    assert shown["WorkDir"] == str(here)
    assert shown["StdOut"] == f"{here}/slurm-{job}.out"
    assert cluster.run("squeue", "-h", "-j", str(job)).out == ""


@pytest.mark.parametrize(
    ("body", "state", "code", "status"),
    [
        ("true", "COMPLETED", "0:0", 0),
        ("exit 7", "FAILED", "7:0", 7),
        ("kill -9 $$", "FAILED", "0:9", 1),
        ("kill -USR1 $$", "FAILED", "0:10", 1),
    ],
)
def test_wait_gives_the_exit_status(cluster: Suite, body: str, state: str, code: str, status: int) -> None:
    done = cluster.run("sbatch", "--parsable", "--wait", "-Q", "-o", "/dev/null", "--wrap", body)
    job = int(done.out)
    assert (cluster.job(job)["JobState"], cluster.job(job)["ExitCode"]) == (state, code)
    assert done.status == status


def test_tasks_of_a_cancelled_job_have_their_time(cluster: Suite, here: Path) -> None:
    """Also where the script and its srun are quicker to end."""
    (here / "task.sh").write_text("trap 'sleep 0.5; touch clean; exit 0' TERM\ntouch up\nsleep 100 &\nwait\n")
    job = cluster.submit("--wrap", "srun sh task.sh", cwd=here)
    cluster.until(lambda: (here / "up").exists(), "the task runs")
    cluster.run("scancel", str(job))
    cluster.wait_ended(job)
    cluster.until(lambda: (here / "clean").exists(), "the task ends by itself")


def test_script_on_standard_input_and_arguments(cluster: Suite, here: Path) -> None:
    done = cluster.run("sbatch", "--wait", "-o", "o", stdin='#!/bin/bash\necho "$0 $#"\n', cwd=here).ok()
    assert readable(here / "o").endswith("slurm_script 0\n")
    assert "Submitted batch job" in done.out
    (here / "args.sh").write_text('#!/bin/bash\nprintf "<%s>" "$@"\n')
    cluster.run("sbatch", "--wait", "-o", "o2", "args.sh", "a b", "-c", "", "*", cwd=here).ok()
    assert readable(here / "o2") == "<a b><-c><><*>"


def test_interpreter_line_is_kept(cluster: Suite, here: Path) -> None:
    (here / "job.py").write_text("#!/usr/bin/env python3\nimport os, sys\nprint(sys.argv[1:], os.environ['SLURM_JOB_ID'])\n")
    job = cluster.submit("--wait", "-o", "o", "job.py", "1", cwd=here)
    assert readable(here / "o") == f"['1'] {job}\n"


def test_output_patterns(cluster: Suite, here: Path) -> None:
    names = ["-J", "pat", "-o", "o-%x-%j-%N-%u-%%-%5j", "-e", "e-%j"]
    job = cluster.submit("--wait", *names, "--wrap", "echo out; echo err >&2", cwd=here)
    user = cluster.environment()["USER"]
    host = os.uname().nodename.partition(".")[0]
    assert readable(here / f"o-pat-{job}-{host}-{user}-%-{job:05d}") == "out\n", os.listdir(here)
    assert readable(here / f"e-{job}") == "err\n"


def test_open_mode(cluster: Suite, here: Path) -> None:
    for mode in ("append", "append", "truncate"):
        cluster.submit("--wait", "-o", "o", f"--open-mode={mode}", "--wrap", f"echo {mode}", cwd=here)
        if mode == "append":
            last = readable(here / "o")
    assert last == "append\nappend\n"
    assert readable(here / "o") == "truncate\n"


def test_input_file_and_default_input(cluster: Suite, here: Path) -> None:
    (here / "in").write_text("given\n")
    cluster.submit("--wait", "-i", "in", "-o", "o", "--wrap", "cat; readlink /proc/self/fd/0", cwd=here)
    assert readable(here / "o") == f"given\n{here}/in\n"
    cluster.submit("--wait", "-o", "o2", "--wrap", "readlink /proc/self/fd/0", cwd=here)
    assert readable(here / "o2") == "/dev/null\n"


def test_environment_directory_umask_and_limits(cluster: Suite, here: Path) -> None:
    body = 'echo "$MINE|$OTHER|$(umask)|$(ulimit -S -n)|$SLURM_SUBMIT_DIR|$PWD"'
    (here / "sub").mkdir()
    old = os.umask(0o027)
    try:
        cluster.submit("--wait", "-D", str(here / "sub"), "-o", f"{here}/o", "--wrap", body, cwd=here, env={"MINE": "a b\nc"})
        cluster.submit("--wait", "--export=OTHER=x", "-o", f"{here}/o2", "--wrap", body, cwd=here, env={"MINE": "1"})
    finally:
        os.umask(old)
    import resource

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # unquoted expansion does not happen: the newline is kept
    assert readable(here / "o") == f"a b\nc||0027|{files}|{here}|{here}/sub\n"
    assert readable(here / "o2") == f"|x|0027|{files}|{here}|{here}\n"


def test_a_missing_directory_or_output_place(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-D", "/no/such/place", "-o", f"{here}/o", "--wrap", "pwd")
    cluster.wait_ended(job)
    text = readable(here / "o")
    assert "couldn't chdir to `/no/such/place': No such file or directory: going to /tmp instead" in text
    assert text.endswith("/tmp\n")
    job = cluster.submit("-o", "/no/such/place/o", "--wrap", f"touch {here}/ran")
    assert set(cluster.wait_ended(job).values()) == {"FAILED"}
    assert not (here / "ran").exists()


def test_processes_left_behind_are_ended(cluster: Suite, here: Path) -> None:
    job = cluster.submit("--wait", "-o", "o", "--wrap", "setsid sleep 1000 & echo $!", cwd=here)
    assert cluster.state(job) == "COMPLETED"
    pid = readable(here / "o").strip()
    if cluster.__class__.__name__ == "Cluster":  # Slurm without cgroups loses what leaves its session
        assert not Path(f"/proc/{pid}").exists()


def test_squeue_and_show_job_of_a_running_job(cluster: Suite, here: Path) -> None:
    job = cluster.submit("-J", "seen", "-N2", "-n4", "-c2", "-t", "90", "--comment=a b", "--wrap", f"touch {here}/up; sleep 100")
    cluster.wait_state(job, "RUNNING")
    cluster.until((here / "up").exists, "the script runs")
    row = cluster.run("squeue", "-h", "-j", str(job), "-o", "%i|%P|%j|%t|%T|%D|%C|%l|%N|%R|%k").out
    assert row == f"{job}|gpu|seen|R|RUNNING|2|8|1:30:00|n[0-1]|n[0-1]|a b\n"
    shown = cluster.job(job)
    assert shown["NumNodes"] == "2"
    assert shown["NumCPUs"] == "8"
    assert shown["TimeLimit"] == "01:30:00"
    assert shown["BatchHost"] == "n0"
    cluster.run("scancel", str(job)).ok()
    cluster.wait_state(job, "CANCELLED")


def test_script_can_be_read_back(cluster: Suite, here: Path) -> None:
    text = "#!/bin/bash\n#SBATCH -o /dev/null\nsleep 100\n"
    job = cluster.submit(script=text)
    cluster.run("scontrol", "write", "batch_script", str(job), f"{here}/copy").ok()
    assert readable(here / "copy") == text
    cluster.run("scancel", str(job)).ok()


def test_test_only_starts_nothing(cluster: Suite) -> None:
    before = cluster.submit("-H", "--wrap", "true")
    done = cluster.run("sbatch", "--test-only", "-n3", "--wrap", "true")
    assert done.status == 0
    assert "to start at" in done.err
    assert "using 3 processors on nodes n0 in partition gpu" in done.err
    cluster.run("scancel", str(before))


def test_a_burst_of_jobs_all_run(cluster: Suite, here: Path) -> None:
    (here / "many").mkdir()
    script = "#!/bin/sh\n#SBATCH -o /dev/null\ntouch many/$SLURM_JOB_ID\n"
    jobs = [cluster.submit(script=script, cwd=here) for _ in range(20)]
    assert len(set(jobs)) == 20
    assert jobs == sorted(jobs)
    assert set(cluster.wait_ended(*jobs).values()) == {"COMPLETED"}
    assert sorted(int(name) for name in os.listdir(here / "many")) == jobs
