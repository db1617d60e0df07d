"""A real cluster on loopback: one controller and several nodes as processes of their own, ready in about a second.

    with Cluster.up(nodes=2, gpus=4) as cluster:
        job = cluster.submit("--wrap", "hostname")
        cluster.wait_state(job, "COMPLETED")
        cluster.kill9("controller"); cluster.restart("controller")

Each node pretends 8 CPUs, 16000 MiB and the GPUs asked for. Everything lies in a directory of its own below /tmp,
readable by all, since other users' commands read the configuration. At the end every process that was started is
ended by its id, and one that is left although its job has ended is an error.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.kit import processes
from tests.kit.commands import BIN, Done, boot_line, clean_environment, finish, popen
from tests.kit.users import User
from tests.kit.waiting import until

ENDED = frozenset(
    ["COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "DEADLINE", "PREEMPTED", "BOOT_FAIL"]
)


ATTEMPTS = 3
PORTS = range(10_000, 32_000)
"""Below those that the system gives to outgoing connections: a port of theirs may be taken before a daemon listens on it."""

_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now and that this process has given to nobody else."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        if port in _given:
            continue
        with socket.socket() as one:
            try:
                one.bind(("0.0.0.0", port))
            except OSError:
                continue
        _given.add(port)
        found.append(port)
    return found


class Suite:
    """Slurm's commands on some cluster, and what tests ask of it again and again."""

    directory: Path
    nodes: list[str]

    def environment(self, user: User | None = None) -> dict[str, str]:
        raise NotImplementedError

    def program(self, name: str) -> str:
        raise NotImplementedError

    def ask(self, program: str, *args: str) -> str:
        """Standard output of a quick look by the caller's own user, as often as a test polls."""
        return self.run(program, *args).out

    def told(self) -> str:
        """What the daemons have said lately, for the text of a failure."""
        return ""

    # --- commands ---------------------------------------------------------------------------------------------------

    def start(
        self, program: str, *args: str, user: User | None = None, cwd: Path | str | None = None,
        env: dict[str, str] | None = None, **options: Any,
    ) -> subprocess.Popen[str]:  # fmt: skip
        """Start a command and leave it running; `finish` of kit.commands waits for it."""
        environ = {**self.environment(user), **(env or {})}
        words = [self.program(program), *map(str, args)]
        return popen(words, environ, cwd or (user.home if user else self.directory), user, **options)

    def run(
        self, program: str, *args: str, stdin: str | int | None = None, timeout: float = 30.0, **options: Any,
    ) -> Done:  # fmt: skip
        """Run a command to its end. `stdin` is a text or a descriptor."""
        if stdin is not None:
            options["stdin"] = stdin if isinstance(stdin, int) else subprocess.PIPE
        return finish(self.start(program, *args, **options), timeout, stdin if isinstance(stdin, str) else None)

    def submit(self, *args: str, script: str | None = None, **options: Any) -> int:
        """sbatch; the job's number. `script` goes to standard input; output goes nowhere unless -o says where."""
        if not any(word.startswith(("-o", "--output")) for word in args) and " -o " not in (script or ""):
            args = ("-o", "/dev/null", *args)
        done = self.run("sbatch", "--parsable", *args, stdin=script, **options).ok()
        return int(done.out.strip())

    # --- looks ------------------------------------------------------------------------------------------------------

    def states(self, *jobs: int) -> dict[str, str]:
        """Id ("7" or "7_1") -> state of jobs and array elements, ended ones too."""
        listed = ",".join(map(str, jobs))
        rows = self.ask("squeue", "-h", "-r", "-t", "all", "-j", listed, "-o", "%i %T").splitlines()
        return dict(row.split() for row in rows if len(row.split()) == 2)

    def state(self, job: int | str) -> str:
        rows = self.ask("squeue", "-h", "-r", "-t", "all", "-j", str(job), "-o", "%T").split()
        return rows[0] if rows else ""

    def job(self, job: int | str) -> dict[str, str]:
        """The fields of `scontrol show job`, values up to the first blank."""
        return dict(re.findall(r"([A-Za-z][\w/:]*)=(\S*)", self.ask("scontrol", "show", "job", "-o", str(job))))

    def node(self, name: str) -> dict[str, str]:
        return dict(re.findall(r"([A-Za-z][\w/:]*)=(\S*)", self.ask("scontrol", "show", "node", "-o", name)))

    def reason(self, job: int | str) -> str:
        return self.ask("squeue", "-h", "-j", str(job), "-o", "%r").strip()

    # --- waiting ----------------------------------------------------------------------------------------------------

    def until(self, condition: Callable[[], Any], what: str = "", seconds: float = 15.0, every: float = 0.03) -> Any:
        """As kit.waiting.until, with the daemons' last words when it fails."""
        return until(condition, lambda: f"{what}\n{self.told()}", seconds, every)

    def wait_state(self, job: int | str, *wanted: str, seconds: float = 15.0) -> str:
        """Wait for one of the states; a job that ends in another one fails at once."""
        seen = ""

        def there() -> bool:
            nonlocal seen
            seen = self.state(job)
            if seen in ENDED and seen not in wanted and "REQUEUED" not in wanted:
                raise AssertionError(f"job {job} is {seen}, not {' or '.join(wanted)}: {self.job(job)}\n{self.told()}")
            return seen in wanted

        until(there, lambda: f"job {job} is {seen}, not {' or '.join(wanted)}: {self.job(job)}\n{self.told()}", seconds, 0.03)
        return seen

    def wait_ended(self, *jobs: int, seconds: float = 30.0) -> dict[str, str]:
        """Wait until all jobs and their elements have ended; their states."""
        seen: dict[str, str] = {}

        def there() -> bool:
            seen.clear()
            seen.update(self.states(*jobs))
            return bool(seen) and all(state in ENDED for state in seen.values())

        until(there, lambda: f"jobs end: { {k: v for k, v in seen.items() if v not in ENDED} }\n{self.told()}", seconds, 0.03)
        return seen


class Cluster(Suite):
    """A cluster of our own daemons."""

    def __init__(
        self, nodes: int = 4, gpus: int = 4, *, settings: str = "", partitions: str = "", compat: str = "22.05",
        cpus: int = 8, shape: tuple[int, int, int] | None = None,
        kill_wait: int = 2, requeue_delay: int = 0, state: Path | None = None, cgroup: str = "",
    ) -> None:  # fmt: skip
        """`cgroup`: the text of cgroup.conf, which has GPUs with true device numbers come with it: needs root."""
        parts = shape or (1, cpus, 1)  # sockets, cores of each, threads of each
        self.directory = Path(tempfile.mkdtemp(prefix="mgpu-test-"))
        self.directory.chmod(0o755)
        self.nodes = [f"n{number}" for number in range(nodes)]
        self.state_directory = state or self.directory / "state"
        self.conf = self.directory / "mgpu.conf"
        ports = free_ports(1 + nodes)
        self.port = ports[0]
        host = socket.gethostname().partition(".")[0]
        for place in ("log", "dev", "run", "work"):
            (self.directory / place).mkdir(mode=0o755)
        (self.directory / "work").chmod(0o1777)
        gres = ""
        if gpus:
            for number in range(gpus):
                device = self.directory / "dev" / f"nvidia{number}"
                if cgroup:
                    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(195, 250 - number))
                else:
                    device.touch()
            gres = f"Gres=gpu:a100:{gpus} "
            files = f"{self.directory}/dev/nvidia[0-{gpus - 1}]" if gpus > 1 else f"{self.directory}/dev/nvidia0"
            (self.directory / "gres.conf").write_text(f"NodeName={','.join(self.nodes)} Name=gpu Type=a100 File={files}\n")
        lines = [
            "ClusterName=test", f"SlurmctldHost={host}(127.0.0.1)", f"SlurmctldPort={self.port}",
            f"StateSaveLocation={self.state_directory}", f"SlurmdSpoolDir={self.directory}/spool/%n",
            f"SlurmctldLogFile={self.directory}/log/controller.log", f"SlurmdLogFile={self.directory}/log/%n.log",
            f"MgpuRunDir={self.directory}/run", f"MgpuKeyFile={self.directory}/mgpu.key",
            "SelectTypeParameters=CR_Core_Memory", "GresTypes=gpu", f"KillWait={kill_wait}", "DefMemPerCPU=100",
            "SlurmdParameters=config_overrides", "ReturnToService=2", "MaxArraySize=100001",
            f"MgpuRequeueDelay={requeue_delay}",
        ]  # fmt: skip
        if compat:
            lines.append(f"MgpuCompat={compat}")
        if cgroup:
            (self.directory / "cgroup.conf").write_text(cgroup)
            lines.append("TaskPlugin=task/affinity,task/cgroup")
        if settings:
            lines.append(settings)
        for name, port in zip(self.nodes, ports[1:], strict=True):
            lines.append(
                f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={prod(parts)} Boards=1 "
                f"SocketsPerBoard={parts[0]} CoresPerSocket={parts[1]} ThreadsPerCore={parts[2]} "
                f"RealMemory=16000 {gres}State=UNKNOWN"
            )
        lines.append("PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
        lines.append("PartitionName=debug Nodes=n0 MaxTime=01:00:00 State=UP")
        if partitions:
            lines.append(partitions)
        self.conf.write_text("\n".join(lines) + "\n")
        self.daemons: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = clean_environment(MGPU_CONF=str(self.conf))
        self._logs_read: dict[str, int] = {}

    # --- a life -----------------------------------------------------------------------------------------------------

    @classmethod
    def up(cls, nodes: int = 4, gpus: int = 4, **more: Any) -> Cluster:
        """A cluster whose nodes are all idle. A port may be somebody else's by now: then all is tried again on others."""
        for attempt in range(ATTEMPTS):
            cluster = cls(nodes, gpus, **more)
            try:
                cluster.boot()
                return cluster
            except BaseException as error:
                taken = "Address already in use" in cluster.told()
                cluster.down(strict=False)
                if not isinstance(error, AssertionError) or not taken or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError("never reached")

    def boot(self) -> None:
        for name in ("controller", *self.nodes):
            self.launch(name)
        self.wait_nodes("idle", len(self.nodes))

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.down(strict=kind is None)

    def launch(self, name: str) -> subprocess.Popen[bytes]:
        """Start a daemon: "controller" or a node's name."""
        words = ["mgpu_master", "-f", str(self.conf)] if name == "controller" else ["mgpu_node", "-f", str(self.conf), "-N", name]
        return self.launch_words(name, boot_line(*words))

    def launch_words(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        """Start any daemon and remember it as `name`."""
        with open(self.directory / "log" / f"{name}.out", "ab") as output:
            self.daemons[name] = subprocess.Popen(
                words, env=self._environment, cwd="/", stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        return self.daemons[name]

    def kill9(self, name: str) -> None:
        self.send(name, signal.SIGKILL)
        self.daemons[name].wait(10)

    def stop(self, name: str, seconds: float = 15.0) -> int:
        """SIGTERM; the daemon's exit status."""
        self.send(name, signal.SIGTERM)
        return self.daemons[name].wait(seconds)

    def send(self, name: str, number: int) -> None:
        self.daemons[name].send_signal(number)

    def restart(self, name: str, wait: bool = True) -> None:
        """Start a daemon again after kill9 or stop."""
        self.launch(name)
        if wait:
            self.until(lambda: self.responds(), "the controller answers again")
            if name != "controller":
                self.until(lambda: self.is_back(name), f"{name} is back")

    def is_back(self, name: str) -> bool:
        state = self.node(name).get("State", "")
        return bool(state) and "NOT_RESPONDING" not in state and "*" not in state and "DOWN" not in state

    def responds(self) -> bool:
        return self.run("scontrol", "ping").status == 0

    def wait_nodes(self, state: str, count: int, seconds: float = 20.0) -> None:
        def there() -> bool:
            for name, daemon in self.daemons.items():
                assert daemon.poll() is None, f"{name} ended with status {daemon.returncode}\n{self.told()}"
            seen = self.ask("sinfo", "-h", "-N", "-p", "gpu", "-t", state, "-o", "%N").split()
            return len(set(seen)) == count

        self.until(there, f"{count} nodes {state}: {self.ask('sinfo')}", seconds)

    def down(self, strict: bool = True) -> None:
        """End everything; with `strict` a process that outlives its job, or a traceback in a log, is an error."""
        problems: list[str] = []
        try:
            if strict:
                problems += self._end_jobs()
            for daemon in self.daemons.values():
                if daemon.poll() is None:
                    daemon.send_signal(signal.SIGCONT)
                    daemon.send_signal(signal.SIGTERM)
            for name, daemon in self.daemons.items():
                try:
                    status = daemon.wait(10 if strict else 3)
                    if strict and status not in (0, -signal.SIGKILL):
                        problems.append(f"{name} ended with status {status}")
                except subprocess.TimeoutExpired:
                    problems.append(f"{name} did not stop on SIGTERM")
                    daemon.kill()
                    daemon.wait()
            left = self._left(1.0 if strict else 0.0)
            if left:
                problems.append("processes are left: " + "; ".join(map(repr, left)))
                processes.kill(left)
            problems += self.tracebacks()
            if problems and strict:
                raise AssertionError("\n".join([*problems, self.told()]))
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _end_jobs(self) -> list[str]:
        controller = self.daemons.get("controller")
        if controller is None or controller.poll() is not None or not self.responds():
            return []
        jobs = self.ask("squeue", "-h", "-o", "%A").split()
        if jobs:
            self.run("scancel", *sorted(set(jobs)))
        try:
            self.until(lambda: not self.ask("squeue", "-h", "-o", "%A").split(), "all jobs end", 20)
        except AssertionError as error:
            return [str(error)]
        return []

    def _left(self, seconds: float) -> list[processes.Process]:
        end = time.monotonic() + seconds
        while True:
            left = processes.mentioning(str(self.directory))
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.05)

    # --- what Suite needs -------------------------------------------------------------------------------------------

    def environment(self, user: User | None = None) -> dict[str, str]:
        return clean_environment(user, MGPU_CONF=str(self.conf)) if user else dict(self._environment)

    def program(self, name: str) -> str:
        return str(BIN / f"mgpu_{name}")

    def ask(self, program: str, *args: str) -> str:
        """By the command's own function in this process: no interpreter is started for each look."""
        from mgpu_slurm.__main__ import PROGRAMS, Streams, import_module, show

        out, err = io.StringIO(), io.StringIO()
        streams = Streams(out, err, -1)
        module, function = PROGRAMS[program]
        try:
            getattr(import_module(module), function)(list(args), dict(self._environment), "/", streams, "-")
        except SystemExit:
            pass
        except Exception as error:
            show(error, program, streams)
        return out.getvalue()

    def logs(self) -> Iterable[tuple[str, str]]:
        for file in sorted((self.directory / "log").glob("*")):
            yield file.name, file.read_text(errors="replace")

    def told(self, lines: int = 25) -> str:
        parts = [f"--- {name} ---\n" + "\n".join(text.splitlines()[-lines:]) for name, text in self.logs() if text]
        return "\n".join(parts)

    def tracebacks(self) -> list[str]:
        """Tracebacks in the logs that no earlier call has told; a daemon that handles what happens has none."""
        found = []
        for name, text in self.logs():
            begin = self._logs_read.get(name, 0)
            self._logs_read[name] = len(text)
            where = text.find("Traceback (most recent call last)", begin)
            if where >= 0:
                found.append(f"{name}: {text[max(0, where - 300) : where + 3000]}")
        return found

    def supervisors(self, job: int) -> list[int]:
        """Processes of this cluster that are ancestors of the job's tasks: the supervisors of its steps."""
        tasks = [process for process in processes.mentioning(f"SLURM_JOB_ID={job}") if self.is_ours(process)]
        inside = {p.pid for p in tasks}
        return sorted({p.ppid for p in tasks if p.ppid not in inside})

    def is_ours(self, process: processes.Process) -> bool:
        """Whether a process was started by this cluster or a command of it, as its environment tells."""
        try:
            return str(self.directory).encode() in Path(f"/proc/{process.pid}/environ").read_bytes()
        except OSError:
            return False


class RealSlurm(Suite):
    """The Slurm of this machine, to see whether a scenario expects what Slurm does: pytest --against-slurm=CONF."""

    def __init__(self, conf: str) -> None:
        self.conf = Path(conf)
        self.directory = Path(tempfile.mkdtemp(prefix="mgpu-test-"))
        self.directory.chmod(0o755)
        (self.directory / "work").mkdir()
        (self.directory / "work").chmod(0o1777)
        self.nodes = self.ask("sinfo", "-h", "-N", "-p", "gpu", "-o", "%N").split()

    def environment(self, user: User | None = None) -> dict[str, str]:
        return clean_environment(user, SLURM_CONF=str(self.conf))

    def program(self, name: str) -> str:
        return f"/usr/bin/{name}"

    def tracebacks(self) -> list[str]:
        return []

    def down(self, strict: bool = True) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def readable(path: Path) -> str:
    """A file's text, "" while it is not there."""
    try:
        return path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""
