"""Programs around each task, run as its user: TaskProlog and TaskEpilog of the configuration, srun's --task-prolog and
--task-epilog.

Recorded from Slurm 22.05: a prolog sees neither the task's input nor its standard error; of what it prints, lines of
`export NAME=value`, `unset NAME` and `print text` count; one that fails takes its task along. An epilog's standard output
is lost, its errors are shown, and its failure is only told.
"""

from __future__ import annotations

import os
import signal
import time

from mgpu_slurm.node.supervisor import identity, rlimits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.node.supervisor.order import Order
    from mgpu_slurm.node.supervisor.tasks import Plan

EPILOG_SECONDS = 5.0
"""How long srun's own epilog may take, as in Slurm; the configuration's is its administrator's affair."""


class PrologFailed(Exception):
    """The task must not start. `lines` say why; `status` is its exit code."""

    def __init__(self, lines: list[str], status: int) -> None:
        super().__init__(lines[-1])
        self.lines = lines
        self.status = status


def task_prologs(order: Order, environment: dict[str, str]) -> None:
    """Run both prologs in the task's place and follow what they print (changes `environment`). PrologFailed."""
    for name, shown, program in (
        ("slurm task_prolog", "TaskProlog", order.raw.get("task_prolog")),
        ("user task_prolog", "--task-prolog", order.launch.get("task_prolog")),
    ):
        if program:
            _follow(_run_prolog(name, shown, str(program), environment), environment)


def _run_prolog(name: str, shown: str, program: str, environment: dict[str, str]) -> bytes:
    environment["SLURM_SCRIPT_CONTEXT"] = "prolog_task"
    problem = ""
    if not program.startswith("/"):
        problem = f"{name} is not fully qualified pathname ({program})"
    elif not os.access(program, os.X_OK):
        reason = "Permission denied" if os.path.exists(program) else "No such file or directory"
        problem = f"{name} can not be executed ({program}) {reason}"
    if problem:
        reason = "Run command failed - configuration error"
        raise PrologFailed(
            [f"run_command: {problem}", f"{name} did not exit normally. reason: {reason}", f"{shown} failed status=1"], 1
        )
    out, into = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, into, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    try:
        pid = os.posix_spawn(program, [program], environment, file_actions=actions)
    except OSError as error:
        os.close(out)
        raise PrologFailed([f"run_command: {name} can not be executed ({program}) {error.strerror}"], 1) from error
    finally:
        os.close(into)
        os.close(null)
    with open(out, "rb") as file:
        text = file.read(1 << 20)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        raise PrologFailed([f"{name} did not exit normally. reason: ", f"{shown} failed status=1"], 1)
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise PrologFailed([f"{shown} failed status={code}"], code)
    return text


def _follow(output: bytes, environment: dict[str, str]) -> None:
    for line in output.splitlines():
        word, _, rest = line.strip().partition(b" ")
        if word == b"export" and b"=" in rest:
            name, _, value = rest.partition(b"=")
            environment[os.fsdecode(name.strip())] = os.fsdecode(value)
        elif word == b"unset":
            environment.pop(os.fsdecode(rest.strip()), None)
        elif word == b"print" and rest:
            os.write(1, rest + b"\n")


class Epilogs:
    """The epilogs of a step's tasks. Times are UTC seconds."""

    def __init__(self, order: Order, who: identity.Identity, plans: list[Plan], shared: dict[str, str]) -> None:
        self._order = order
        self._who = who
        self._shared = shared
        # Slurm's order: the user's, then the configuration's.
        self._programs = [
            (name, str(program), seconds)
            for name, program, seconds in (
                ("user task_epilog", order.launch.get("task_epilog"), EPILOG_SECONDS),
                ("slurm task_epilog", order.raw.get("task_epilog"), 0.0),
            )
            if program
        ]
        # The tasks' own ends of their pipes are closed by then.
        self._errors = {plan.rank: os.dup(plan.stderr) for plan in plans} if self._programs else {}
        self._running: dict[int, tuple[int, list[tuple[str, str, float]], float]] = {}

    @property
    def running(self) -> bool:
        return bool(self._running)

    def next_time(self) -> float:
        """When one has had its time; 0 = never."""
        return min((until for _, _, until in self._running.values() if until), default=0.0)

    def start(self, rank: int) -> None:
        """The task of this rank has ended."""
        self._next(rank, list(self._programs))

    def skip(self) -> None:
        """No epilog starts any more: the step is being killed."""
        self._programs = []
        self._running.clear()
        for descriptor in self._errors.values():
            os.close(descriptor)
        self._errors.clear()

    def ended(self, pid: int, status: int) -> None:
        """Some child has ended; one of these, or not."""
        entry = self._running.pop(pid, None)
        if entry is None:
            return
        rank, rest, _ = entry
        if status:
            self._say(rank, f"TaskEpilog failed status={status}")
        self._next(rank, rest)

    def enforce(self, now: float) -> None:
        """Kill what has had its time."""
        for pid, (rank, rest, until) in list(self._running.items()):
            if until and now >= until:
                self._running[pid] = (rank, rest, 0.0)
                try:
                    os.killpg(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass

    def _next(self, rank: int, programs: list[tuple[str, str, float]]) -> None:
        while programs:
            name, program, seconds = programs.pop(0)
            if not program.startswith("/") or not os.access(program, os.X_OK):
                self._say(rank, f"Could not run {name} [{program}]: access denied")
                self._say(rank, "TaskEpilog failed status=-1")
                continue
            pid = os.fork()
            if pid == 0:
                self._become(rank, program)
            self._running[pid] = (rank, programs, time.time() + seconds if seconds else 0.0)
            return
        descriptor = self._errors.pop(rank, None)
        if descriptor is not None:
            os.close(descriptor)

    def _become(self, rank: int, program: str) -> None:
        """In the child; never returns."""
        try:
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_RDWR)
            for target, source in ((0, null), (1, null), (2, self._errors[rank])):
                os.dup2(source, target)
            rlimits.give_back_files()
            identity.become(self._who)
            os.umask(self._order.umask)
            try:
                os.chdir(self._order.work_dir)
            except OSError:
                os.chdir("/tmp")
            for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            changes = {"SLURM_PROCID": str(rank), "SLURM_SCRIPT_CONTEXT": "epilog_task"}
            os.execve(program, [program], {**self._shared, **changes})
        except (OSError, identity.IdentityError) as error:
            os.write(2, os.fsencode(f"{self._order.log_name}: error: {program}: {error}\n"))
        finally:
            os._exit(1)

    def _say(self, rank: int, text: str) -> None:
        if rank in self._errors:
            try:
                os.write(self._errors[rank], os.fsencode(f"{self._order.log_name}: error: {text}\n"))
            except OSError:
                pass
