"""The cluster that needs nothing: the first command starts it, and it is there again after anything."""

from __future__ import annotations

import os
import stat

import pytest

from mgpu_slurm.__main__ import PROGRAMS
from tests.kit import users
from tests.kit.cluster import readable
from tests.kit.commands import finish
from tests.kit.embedded import Embedded

pytestmark = pytest.mark.ours


def test_first_command_starts_it(embedded: Embedded) -> None:
    done = embedded.run("srun", "sh", "-c", "echo hello; id -u").ok()
    assert done.out == f"hello\n{embedded.user.uid}\n"
    daemons = embedded.daemons()
    assert set(daemons) == {"master", "node"}
    directory = embedded.state_directory()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    job = int(embedded.run("sbatch", "--parsable", "--wait", "--wrap", "srun echo stepped").ok().out)
    assert readable(embedded.user.home / f"slurm-{job}.out") == "stepped\n"
    assert embedded.daemons()["master"].pid == daemons["master"].pid
    assert embedded.run("sinfo", "-h", "-o", "%P %D %t").out == "main* 1 idle\n"


def test_no_word_about_a_command_starts_it(embedded: Embedded) -> None:
    for program in PROGRAMS:
        for option in ("--version", "--help"):
            embedded.run(program, option)
    assert not embedded.processes()


def test_several_first_commands_at_once_start_one(embedded: Embedded) -> None:
    started = [embedded.start("srun", "echo", str(number)) for number in range(4)]
    assert sorted(finish(process, 60).ok().out for process in started) == [f"{number}\n" for number in range(4)]
    masters = [process for process in embedded.processes() if "master" in process.words or "mgpu_master" in process.words]
    assert len(masters) == 1, masters


def test_there_again_after_everything_was_killed(embedded: Embedded) -> None:
    """As after a restart of the machine: what ran is reported as it was, what waited is still there."""
    waits = int(embedded.run("sbatch", "--parsable", "-H", "--wrap", "echo ran").ok().out)
    ran = int(embedded.run("sbatch", "--parsable", "--wrap", "touch up; exec sleep 1000").ok().out)
    embedded.until((embedded.user.home / "up").exists, "it runs")
    for process in embedded.processes():
        os.kill(process.pid, 9)
    embedded.until(lambda: not embedded.processes(), "all are gone")
    assert embedded.run("scontrol", "release", str(waits)).ok()
    embedded.wait_state(waits, "COMPLETED")
    assert readable(embedded.user.home / f"slurm-{waits}.out") == "ran\n"
    embedded.until(lambda: embedded.state(ran) in ("FAILED", "NODE_FAIL", "CANCELLED", "PENDING", "RUNNING"), "it is reported")
    assert embedded.state(ran) != "COMPLETED"
    later = int(embedded.run("sbatch", "--parsable", "-H", "--wrap", "true").ok().out)
    assert later > ran


def _pids(embedded: Embedded) -> set[int]:
    """Of controller and node; 0 is in it where one of them does not live."""
    daemons = embedded.daemons()
    return {daemons[name].pid if name in daemons else 0 for name in ("master", "node")}


def test_a_killed_controller_or_node_is_replaced_and_the_job_goes_on(embedded: Embedded) -> None:
    body = "touch up; while [ ! -e go ]; do sleep 0.05; done; echo over"
    job = int(embedded.run("sbatch", "--parsable", "--wrap", body).ok().out)
    embedded.until((embedded.user.home / "up").exists, "it runs")
    for name in ("node", "master", "node"):
        victim = embedded.daemons()[name]
        os.kill(victim.pid, 9)
        embedded.run("squeue").ok()
        embedded.until(lambda dead=victim.pid: _pids(embedded).isdisjoint({0, dead}), "both live")
    assert embedded.state(job) == "RUNNING"
    (embedded.user.home / "go").touch()
    embedded.wait_state(job, "COMPLETED")
    assert readable(embedded.user.home / f"slurm-{job}.out") == "over\n"


def test_shutdown_ends_the_jobs_of_a_node_that_has_just_died(embedded: Embedded) -> None:
    embedded.run("sbatch", "--wrap", "touch up; exec sleep 1000").ok()
    embedded.until((embedded.user.home / "up").exists, "it runs")
    os.kill(embedded.daemons()["node"].pid, 9)
    embedded.run("scontrol", "shutdown").ok()
    embedded.until(lambda: not embedded.processes(), "all are gone", 15)


def test_shutdown_leaves_nothing(embedded: Embedded) -> None:
    embedded.run("sbatch", "--wrap", "sleep 1000").ok()
    embedded.run("scontrol", "shutdown").ok()
    embedded.until(lambda: not embedded.processes(), "all are gone", 15)


def test_two_users_do_not_meet(embedded: Embedded) -> None:
    job = int(embedded.run("sbatch", "--parsable", "-H", "--wrap", "true").ok().out)
    with users.temporary_user() as other:
        second = Embedded(other)
        try:
            assert second.run("squeue", "-h").ok().out == ""
            assert second.run("scontrol", "show", "job", str(job)).status == 1
            directory = embedded.state_directory()
            done = second.run("squeue", env={"HOME": str(embedded.user.home), "XDG_STATE_HOME": str(directory.parent)}).ok()
            assert str(job) not in done.out
        finally:
            second.down()
    assert embedded.state(job) == "PENDING"


def test_a_home_that_cannot_be_used(embedded: Embedded) -> None:
    os.chown(embedded.user.home, 0, 0)
    embedded.user.home.chmod(0o755)
    done = embedded.run("srun", "echo", "hello", cwd="/tmp").ok()
    assert done.out == "hello\n"
    place = f"/var/tmp/mgpu-{embedded.user.uid}"
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    embedded.down()
    import shutil

    shutil.rmtree(place)
