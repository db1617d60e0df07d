"""A real Slurm in a directory of its own, beside which ours is laid: its own ports, its own munge daemon and key.

It needs root and Debian's packages (PACKAGES). Nothing of the machine's own Slurm is touched: no file outside of the
directory is written, and clients find it by SLURM_CONF. All daemons run in the foreground as children of this process.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from math import prod
from pathlib import Path
from types import TracebackType

from tests.kit import processes
from tests.kit.cluster import free_ports
from tests.kit.commands import clean_environment
from tests.kit.waiting import until

PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge", "slurm-wlm-basic-plugins")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "scontrol")
SEARCH = "/usr/sbin:/usr/bin:/sbin:/bin"
VERSION = "22.05"
ATTEMPTS = 3


def why_not() -> str:
    """Why there can be no real Slurm here, "" when there can."""
    if os.geteuid() != 0:
        return "a real Slurm of one's own needs root"
    missing = [name for name in PROGRAMS if shutil.which(name, path=SEARCH) is None]
    if missing:
        return f"no {', '.join(missing)} here: apt-get install --no-install-recommends {' '.join(PACKAGES)}"
    told = subprocess.run(["/usr/bin/sinfo", "--version"], capture_output=True, text=True, check=False).stdout
    if VERSION not in told:
        return f"the cases are written for Slurm {VERSION}, here is {told.strip()}"
    return ""


class SlurmCluster:
    """munged, slurmctld and slurmd's that pretend 8 CPUs, 16000 MiB and some GPUs each; `shape`: sockets, cores of each and
    threads of each. `besides`: settings that a suite compared with it has as well."""

    besides = ""

    def __init__(
        self, nodes: int = 4, gpus: int = 4, settings: str = "", partitions: str = "", shape: tuple[int, int, int] = (1, 8, 1),
        cgroup: str = "",
    ) -> None:  # fmt: skip
        self.directory = Path(tempfile.mkdtemp(prefix="slurm-test-"))
        self.directory.chmod(0o755)
        self.nodes = [f"n{number}" for number in range(nodes)]
        self.conf = self.directory / "slurm.conf"
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        for place in ("dev", "log", "munge", "run", "spool", "state", "work"):
            (self.directory / place).mkdir(mode=0o755)
        (self.directory / "work").chmod(0o1777)
        self._key()
        self._configure(gpus, "\n".join((settings, self.accounting())).strip(), partitions, shape, cgroup)

    def accounting(self) -> str:
        """Lines of the configuration that say where jobs are accounted: nowhere."""
        return ""

    def start_accounting(self) -> None:
        """What must run before the controller does: nothing."""

    def _key(self) -> None:
        key = self.directory / "munge" / "key"
        key.touch(0o600)
        key.write_bytes(secrets.token_bytes(128))

    def _configure(self, gpus: int, settings: str, partitions: str, shape: tuple[int, int, int], cgroup: str) -> None:
        here, host = self.directory, socket.gethostname().partition(".")[0]
        controller, *ports = free_ports(1 + len(self.nodes))
        lines = [
            "ClusterName=test", f"SlurmctldHost={host}(127.0.0.1)", f"SlurmctldPort={controller}", "SlurmUser=root",
            "SlurmdUser=root", "AuthType=auth/munge", f"AuthInfo=socket={here}/munge/socket",
            f"SlurmctldPidFile={here}/run/slurmctld.pid", f"SlurmdPidFile={here}/run/slurmd.%n.pid",
            f"StateSaveLocation={here}/state", f"SlurmdSpoolDir={here}/spool/%n",
            f"SlurmctldLogFile={here}/log/slurmctld.log", f"SlurmdLogFile={here}/log/slurmd.%n.log",
            "SlurmctldDebug=error", "SlurmdDebug=error", "ProctrackType=proctrack/linuxproc",
            f"TaskPlugin=task/{'cgroup' if cgroup else 'none'}",
            "JobAcctGatherType=jobacct_gather/linux", "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core_Memory",
            "SchedulerType=sched/backfill", "SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=2",
            "PriorityType=priority/multifactor", "ReturnToService=2", "MpiDefault=none", "GresTypes=gpu",
            "MaxArraySize=100001", "SlurmdParameters=config_overrides", "KillWait=2", "DefMemPerCPU=100",
        ]  # fmt: skip
        gres = ""
        if gpus:
            for number in range(gpus):
                # Slurm takes only devices for GPUs; nobody opens them
                os.mknod(here / "dev" / f"nvidia{number}", 0o600 | stat.S_IFCHR, os.makedev(195, 250 - number))
            gres = f"Gres=gpu:a100:{gpus} "
            files = f"{here}/dev/nvidia[0-{gpus - 1}]" if gpus > 1 else f"{here}/dev/nvidia0"
            (here / "gres.conf").write_text(f"NodeName={','.join(self.nodes)} Name=gpu Type=a100 File={files}\n")
        (here / "cgroup.conf").write_text(cgroup or "CgroupAutomount=no\n")
        if settings:
            lines.append(settings)
        for name, port in zip(self.nodes, ports, strict=True):
            lines.append(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={prod(shape)} Boards=1 "
                f"SocketsPerBoard={shape[0]} CoresPerSocket={shape[1]} ThreadsPerCore={shape[2]} "
                f"RealMemory=16000 {gres}State=UNKNOWN"
            )
        lines.append("PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        lines.append("PartitionName=debug Nodes=n0 MaxTime=01:00:00 State=UP")
        if partitions:
            lines.append(partitions)
        self.conf.write_text("\n".join(lines) + "\n")

    # --- a life -----------------------------------------------------------------------------------------------------

    @classmethod
    def up(
        cls, nodes: int = 4, gpus: int = 4, settings: str = "", partitions: str = "", shape: tuple[int, int, int] = (1, 8, 1),
        cgroup: str = "",
    ) -> SlurmCluster:  # fmt: skip
        """A Slurm whose nodes are all idle. A port may be somebody else's by now: then all is tried again on others."""
        for attempt in range(ATTEMPTS):
            cluster = cls(nodes, gpus, settings, partitions, shape, cgroup)
            try:
                cluster.boot()
                return cluster
            except BaseException as error:
                taken = "Address already in use" in cluster.told()
                cluster.down()
                if not isinstance(error, AssertionError) or not taken or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("never reached")

    def __enter__(self) -> SlurmCluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.down()

    def boot(self) -> None:
        munge = self.directory / "munge"
        self._start(
            "munged", "--foreground", "--num-threads=2", f"--key-file={munge}/key", f"--socket={munge}/socket",
            f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed",
        )  # fmt: skip
        until(lambda: (munge / "socket").exists(), lambda: f"munged listens\n{self.told()}")
        self.start_accounting()
        self._start("slurmctld", "-D", "-f", str(self.conf))
        for name in self.nodes:
            self._start("slurmd", "-D", "-f", str(self.conf), "-N", name)
        until(self._is_idle, lambda: f"the nodes are idle: {self.ask('sinfo')}\n{self.told()}", 30, 0.1)

    def _start(self, *words: str, **more: str) -> None:
        name = words[0] if words[0] != "slurmd" else words[-1]
        program = shutil.which(words[0], path=SEARCH) or words[0]
        with open(self.directory / "log" / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                [program, *words[1:]], env={**self.environment(), **more}, cwd="/", stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip

    def _is_idle(self) -> bool:
        for name, daemon in self.daemons.items():
            assert daemon.poll() is None, f"{name} ended with status {daemon.returncode}\n{self.told()}"
        return len(self.ask("sinfo", "-h", "-N", "-p", "gpu", "-t", "idle", "-o", "%N").split()) == len(self.nodes)

    def down(self) -> None:
        """End all jobs, then the daemons by their ids, and what is left of either."""
        try:
            if "slurmctld" in self.daemons and self.daemons["slurmctld"].poll() is None:
                self.ask("scancel", "-u", "root", "--quiet")
            # the controller first: it would wait for nodes that are gone, and everybody needs munged
            order = ("slurmctld", *self.nodes, "slurmdbd", "mariadbd", "munged")
            for name in sorted(self.daemons, key=order.index):
                daemon = self.daemons[name]
                if daemon.poll() is None:
                    daemon.send_signal(signal.SIGTERM)
                try:
                    daemon.wait(5)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
            processes.kill(processes.mentioning(str(self.directory)))
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    # --- looks ------------------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        return clean_environment(SLURM_CONF=str(self.conf))

    def ask(self, program: str, *args: str) -> str:
        """Standard output of a command."""
        words = [f"/usr/bin/{program}", *args]
        return subprocess.run(words, env=self.environment(), capture_output=True, text=True, check=False, timeout=20).stdout

    def told(self) -> str:
        """The last words of the daemons."""
        files = [*sorted((self.directory / "log").glob("*")), self.directory / "munge" / "log"]
        texts = [(file.name, file.read_text(errors="replace")) for file in files if file.exists()]
        return "\n".join(f"--- {name} ---\n{text[-2000:]}" for name, text in texts if text)
