"""What a package goes through on a machine with systemd, whichever tool installs it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.kit.waiting import until
from tests.packaging import roots


@dataclass(frozen=True)
class Tool:
    """The shell lines of a package's life. `start`: how the daemons are started where the tool leaves that to the
    administrator; `purge`: how what `remove` keeps is removed, "" where the tool has no such thing."""

    install: str
    upgrade: str
    remove: str
    purge: str = ""
    start: str = ""


JOB = """#!/bin/sh
echo begun by $(id -un) as $$
while [ ! -e ~/go ]; do sleep 0.1; done
srun sh -c 'echo step $SLURM_STEP_ID'
echo ended as $$
exit 7
"""

WITHIN = "for _ in $(seq 600); do {} && exit 0; sleep 0.1; done; {}; exit 1"


def live(machine: roots.Machine, tool: Tool, newer_version: str) -> None:
    """Install a package, use what it brings, upgrade it under running jobs, and remove it."""

    def said(script: str, user: str = "ada") -> str:
        return machine.run(script, user).ok().out.strip()

    def wait(condition: str, last: str = "mgpu_sinfo; mgpu_squeue; journalctl -n 50 --no-pager") -> None:
        done = machine.run(WITHIN.format(condition, last), timeout=180)
        assert done.status == 0, repr(done)

    assert machine.run("command -v python3 || ls /usr/bin/python3*").status != 0
    machine.run("useradd -m -s /bin/sh ada").ok()

    # installed: both daemons run, with nothing configured by anybody
    machine.run(tool.install).ok()
    assert said("systemctl is-enabled mgpu-master mgpu-node").split() == ["enabled", "enabled"]
    if tool.start:
        assert machine.run("systemctl is-active mgpu-master mgpu-node").out.split() == ["inactive", "inactive"]
        machine.run(tool.start).ok()
    assert said("systemctl is-active mgpu-master mgpu-node").split() == ["active", "active"]
    wait("mgpu_sinfo -h -t idle -o %D | grep -qx 1")
    assert said("stat -c '%U %a' /etc/mgpu/mgpu.key /var/lib/mgpu /var/log/mgpu /var/log/mgpu/master").splitlines() == [
        "mgpu 600", "mgpu 700", "root 755", "mgpu 755",
    ]  # fmt: skip
    assert said("stat -c %U /proc/$(systemctl show -P MainPID mgpu-master)") == "mgpu"

    # used by an ordinary user, who sees no key
    assert said("mgpu_srun id -un") == "ada"
    assert machine.run("cat /etc/mgpu/mgpu.key", "ada").status != 0

    # a long job, a step that somebody watches, and one that waits
    job = said(f"cat >job.sh <<'E'\n{JOB}E\nmgpu_sbatch --parsable -n1 --mem=50 -o out job.sh")
    watched = machine.start("mgpu_srun -n1 --mem=50 sh -c 'while [ ! -e ~/go ]; do sleep 0.1; done; echo seen; exit 3'", "ada")
    waiting = said("mgpu_sbatch --parsable --hold --mem=50 -o waited --wrap 'echo was held'")
    wait("grep -q begun ~ada/out && [ $(mgpu_squeue -h -t running -o %A | wc -l) = 2 ]")
    machine.run("echo '# a line of the administrator' >>/etc/mgpu/mgpu.conf").ok()

    # the logs are turned over, and both daemons write the new ones
    machine.run("echo filler >>/var/log/mgpu/master/controller.log; logrotate --force /etc/logrotate.d/mgpu-slurm").ok()
    machine.run("systemctl reload mgpu-master mgpu-node").ok()
    wait("[ -s /var/log/mgpu/master/controller.log.1 ] && [ -e /var/log/mgpu/master/controller.log ]", "ls -lR /var/log/mgpu")
    wait("ls /var/log/mgpu/node.*.log.1 && ls /var/log/mgpu/node.*.log", "ls -lR /var/log/mgpu")

    # upgraded under them
    machine.run(tool.upgrade).ok()
    assert said("mgpu_master --version") == f"mgpu_slurm {newer_version}"
    assert said("systemctl is-active mgpu-master mgpu-node").split() == ["active", "active"]
    wait(f"journalctl -u mgpu-master | grep -q 'mgpu_master {newer_version} serves'")
    wait("[ $(mgpu_squeue -h -t running -o %A | wc -l) = 2 ]")
    assert said("tail -n 1 /etc/mgpu/mgpu.conf") == "# a line of the administrator"
    assert "ended" not in said("cat out")
    said("touch go")
    wait(f"mgpu_squeue -h -t all -j {job} -o %T | grep -qx FAILED")
    begun, step, ended = said("cat out").splitlines()
    process = begun.removeprefix("begun by ada as ")
    assert (step, ended) == ("step 0", f"ended as {process}")
    assert said(f"mgpu_sacct -n -X -P -j {job} -o state,exitcode") == "FAILED|7:0"
    out, err = watched.communicate(timeout=60)
    assert (out, watched.returncode) == ("seen\n", 3), err
    said(f"mgpu_scontrol release {waiting}")
    wait(f"mgpu_squeue -h -t all -j {waiting} -o %T | grep -qx COMPLETED")
    assert int(said("mgpu_sbatch --parsable --wait --wrap true")) > int(waiting)

    # removed: nothing runs, what is the administrator's and the history stay; purged: they go too
    machine.run(tool.remove).ok()
    assert machine.run("command -v mgpu_sinfo || ls -d /usr/lib/mgpu").status != 0
    assert machine.run("grep -l mgpu /proc/[0-9]*/comm").status != 0
    kept = "test -s /etc/mgpu/mgpu.conf && test -s /var/lib/mgpu/state.db && test -s /etc/mgpu/mgpu.key"
    machine.run(kept).ok()
    if not tool.purge:
        return
    machine.run(tool.purge).ok()
    places = "/etc/mgpu /var/lib/mgpu /var/spool/mgpu /var/log/mgpu /run/mgpu /etc/logrotate.d/mgpu-slurm"
    assert machine.run(f"ls -d {places}").out == ""
    until(lambda: said("systemctl list-units --all 'mgpu*' --no-legend --plain") == "", "systemd has forgotten the units")
