"""Starting the tasks of a step: all are forked first, then let go together, each in a process group of its own."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import termios

from mgpu_slurm.facts import environ, environ_shares
from mgpu_slurm.node.supervisor import binding, hooks, identity, kernel, login, programs, rlimits, texts
from mgpu_slurm.node.supervisor.cgroup import Cgroup
from mgpu_slurm.node.supervisor.order import BATCH
from mgpu_slurm.node.supervisor.peaks import Peaks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.facts.gpu_binding import GpuBinding
    from mgpu_slurm.node.supervisor.order import Order

FALLBACK_DIRECTORY = "/tmp"


class Plan:
    """One task to start: its descriptors for standard input, output and error. `terminal`: they are a terminal's."""

    __slots__ = ("argv", "rank", "stderr", "stdin", "stdout", "terminal")

    def __init__(self, rank: int, argv: list[str], stdin: int, stdout: int, stderr: int, terminal: bool = False) -> None:
        self.rank = rank
        self.argv = argv
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal


class Task:
    """A task that was started; `status` is its wait status once it has ended."""

    __slots__ = ("pid", "rank", "status")

    def __init__(self, rank: int, pid: int) -> None:
        self.rank = rank
        self.pid = pid
        self.status: int | None = None


class Common:
    """What the tasks of a step have in common. `bound` None: CPUs are not bound here. `own`: descriptors that only the
    task of a rank gets (-1: none), with the variables that tell it of them."""

    __slots__ = ("bound", "environment", "own", "peaks")

    def __init__(self, environment: dict[str, str], bound: binding.Binding | None, peaks: Peaks) -> None:
        self.environment = environment
        self.peaks = peaks
        self.bound = bound
        self.own: dict[int, tuple[int, dict[str, str]]] = {}


def common(order: Order) -> Common:
    """binding.OutsideAllocation: the user's own map does not fit the step."""
    environment = _shared_environment(order)
    bound = None
    if order.kind != BATCH and order.machine:
        part = order.spec["layout"]["nodes"][order.node_index]
        bound = binding.bind(order.spec.get("request") or {}, order.request, part, order.machine)
        environment.update(bound.variables)
    return Common(environment, bound, Peaks(order.ranks))


def group_of(order: Order) -> Cgroup | None:
    """The cgroup of the step; None where this machine lets us make none. OSError: one that its fence wants cannot be made."""
    held = environ_shares.gpus(order.share)
    cpus = binding.numbers(binding.of_share(order.machine, order.share.get("cpus") or ())) if order.machine else []
    return Cgroup.make(order.tag, order.fence, held, cpus)


def start(order: Order, who: identity.Identity, plans: list[Plan], group: Cgroup | None, shared: Common) -> list[Task]:
    """Fork all, then release them. OSError: a fork failed; what was forked ends at once."""
    gate_out, gate_in = os.pipe()
    tasks: list[Task] = []
    try:
        for plan in plans:
            pid, inside = (os.fork(), False) if group is None else group.fork()
            if pid == 0:
                os.close(gate_in)
                _task(order, who, plan, shared, gate_out, group, inside)
            tasks.append(Task(plan.rank, pid))
            if not plan.terminal:
                # Both sides set it, so that neither can be too late.
                try:
                    os.setpgid(pid, pid)
                except (PermissionError, ProcessLookupError):
                    pass
        os.write(gate_in, b"g" * len(plans))
    finally:
        os.close(gate_out)
        os.close(gate_in)
    return tasks


def _shared_environment(order: Order) -> dict[str, str]:
    if order.kind == BATCH:
        changes = environ.batch_environment(order.facts, order.node, order.devices, order.environment)
    else:
        changes = environ.step_environment(order.spec, order.launch, order.node, order.environment, order.devices)
    shared = environ.apply(order.environment, changes)
    shared["MGPU_STEP_TAG"] = order.tag
    return shared


def _task(
    order: Order, who: identity.Identity, plan: Plan, shared: Common, gate: int, group: Cgroup | None, inside: bool
) -> None:
    """In the child; never returns."""
    status = 1
    try:
        status = _become_task(order, who, plan, shared, gate, group, inside)
    except identity.IdentityError as error:
        _say(order, str(error))
    except OSError as error:
        _say(order, f"task {plan.rank}: {error}")
    finally:
        os._exit(status)


def _become_task(
    order: Order, who: identity.Identity, plan: Plan, shared: Common, gate: int, group: Cgroup | None, inside: bool
) -> int:
    if plan.terminal:
        os.setsid()
    else:
        os.setpgid(0, 0)
    for target, source in enumerate((plan.stdin, plan.stdout, plan.stderr)):
        os.dup2(source, target)
    if plan.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if group is not None and not inside:
        group.join()
    if not os.read(gate, 1):
        return 1
    rlimits.give_back_files()
    for line in rlimits.apply(order.rlimits):
        _say(order, line)
    gpus = _bind_gpus(order, plan.rank, _bind(order, plan.rank, shared))
    if group is not None and gpus is not None and gpus.bound and gpus.gpus is not None:
        group.part(plan.rank, gpus.gpus)
    identity.become(who)
    os.umask(order.umask)
    directory = _enter(order, plan)
    environment = _environment(order, plan.rank, shared, gpus)
    if order.kind == BATCH and order.request.get("get_user_env"):
        environment = {**_login(order, who), **environment}
    # a task without PATH stays so; a script must find the commands
    environ.finish(environment, order.plain_names if order.kind == BATCH or "PATH" in environment else "")
    for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        hooks.task_prologs(order, environment)
    except hooks.PrologFailed as failed:
        for line in failed.lines:
            _say(order, line)
        return failed.status
    _temporary(order, plan, environment)
    path = programs.find(plan.argv[0], directory, environment)
    try:
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))  # which Python calls a wrong value
        shared.peaks.note(plan.rank)
        if order.launch.get("debug"):
            kernel.stop_when_loaded()
        os.execve(path, [path, *plan.argv[1:]], environment)  # Slurm's tasks know their whole path
    except OSError as error:
        _say(order, texts.no_exec(path, path if "/" in path else "", error))
        return error.errno or 1


def _bind(order: Order, rank: int, shared: Common) -> list[int]:
    """Bind this process; the CPUs it is bound to, none where it is not."""
    if not order.machine:
        return []
    if shared.bound is None:
        mask = binding.of_share(order.machine, order.share.get("cpus") or ())
    else:
        local = order.ranks.index(rank)
        mask = shared.bound.masks[local]
        line = shared.bound.report(order.node, rank, local, os.getpid())
        if line:
            os.write(2, line.encode() + b"\n")
    cpus = binding.numbers(mask)
    if cpus:
        try:
            os.sched_setaffinity(0, cpus)
        except OSError as error:
            # The machine may have lost CPUs since the daemon looked: the task runs, only less well placed.
            _say(order, f"sched_setaffinity: {error.strerror}")
    return cpus


def _bind_gpus(order: Order, rank: int, cpus: list[int]) -> GpuBinding | None:
    """Which GPUs the task of a step sees, and what is said of it."""
    if order.kind == BATCH:
        return None
    gpus = environ.gpu_binding(order.spec, order.node, rank, order.devices, cpus)
    for text in gpus.errors:
        _say(order, text)
    if gpus.report:
        os.write(2, gpus.report.encode() + b"\n")
    if rank == order.ranks[0] and gpus.gpus and (order.spec.get("request") or {}).get("gpu_freq"):
        os.write(2, b"GpuFreq=control_disabled\n")  # clocks are the administrator's, as in a Slurm without NVML
    return gpus


def _environment(order: Order, rank: int, shared: Common, gpus: GpuBinding | None) -> dict[str, str]:
    changes = environ.pid_variables(os.getpid())
    if gpus is not None:
        changes.update(environ.task_environment(order.spec, order.node, rank, order.devices, gpus))
    environment = environ.apply(shared.environment, changes)
    if rank in shared.own:
        descriptor, variables = shared.own[rank]
        if descriptor >= 0:
            os.set_inheritable(descriptor, True)
        environment.update(variables)
    return environment


def _login(order: Order, who: identity.Identity) -> dict[str, str]:
    try:
        return login.environment(who)
    except login.LoginFailed as failed:
        _say(order, f"Unable to get user's local environment, running only with passed environment: {failed}")
        return login.basic(who)


def _enter(order: Order, plan: Plan) -> str:
    try:
        os.chdir(order.work_dir)
        return order.work_dir
    except OSError as error:
        # Slurm says it for the step and again for each of its tasks.
        for _ in range(2 if plan.rank == order.ranks[0] else 1):
            _say(order, texts.no_directory(order.work_dir, error))
        os.chdir(FALLBACK_DIRECTORY)
        return FALLBACK_DIRECTORY


def _temporary(order: Order, plan: Plan, environment: dict[str, str]) -> None:
    """A directory for temporary files that is there: TMPDIR, which is made where it is missing, else /tmp."""
    wanted = environment["TMPDIR"]
    try:
        try:
            os.mkdir(wanted, 0o700)
            return
        except FileExistsError:
            if os.path.isdir(wanted):
                return
            why = f"TMPDIR [{wanted}] is not a directory"
    except OSError as error:
        why = f"Unable to create TMPDIR [{wanted}]: {error.strerror}"
    if plan.rank == order.ranks[0]:
        _say(order, why)
        _say(order, "Setting TMPDIR to /tmp")
    environment["TMPDIR"] = "/tmp"


def _say(order: Order, text: str) -> None:
    try:
        os.write(2, os.fsencode(f"{order.log_name}: error: {text}\n"))
    except OSError:
        pass
