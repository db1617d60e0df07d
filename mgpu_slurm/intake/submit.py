"""A submit command's words, environment and script -> finished requests as plain data. No sockets, no clock of its own.

`parse` is all that sbatch, srun and salloc need: it reads the command line by facts/options, the script's header and the
environment through the same rows, merges them, checks the rules between options and fills dicts with the field names of
records/request.py (absent: not given). What concerns the client alone is in `client`.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import NEWEST, UsageError
from mgpu_slurm.facts import options
from mgpu_slurm.intake import argv as getopt
from mgpu_slurm.intake import checks, merge, script
from mgpu_slurm.intake.readers import READERS
from mgpu_slurm.intake.values import Finished, Reading, directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from mgpu_slurm.facts.option import Option

__all__ = ["Component", "Finished", "Submission", "parse", "step"]

# Fields of a request that srun needs itself as well: name there -> name here.
_BOTH = {
    "std_in": "input", "std_out": "output", "std_err": "error", "open_mode": "open_mode", "immediate": "immediate",
    "export": "export", "exclusive": "exclusive", "gpu_bind": "gpu_bind",
}  # fmt: skip

# Fields that a step shares with a job (records/request.py StepRequest).
STEP_FIELDS = (
    "name", "argv", "submit_line", "min_nodes", "max_nodes", "ntasks", "cpus_per_task", "ntasks_per_node",
    "ntasks_per_socket", "ntasks_per_core", "ntasks_per_gpu", "threads_per_core", "mem_per_node", "mem_per_cpu",
    "mem_per_gpu", "gres", "gpus", "gpus_per_node", "gpus_per_socket", "gpus_per_task", "cpus_per_gpu", "tres_per_task",
    "gpu_bind", "gpu_freq", "nodelist", "exclude", "constraint", "distribution", "plane_size", "overcommit", "time_limit",
    "immediate", "no_kill", "other",
)  # fmt: skip
# Options that are only kept, but not as they were typed.
_AS_READ = ("gres-flags", "power")
_STEP_CLIENT = ("cpu_bind", "mem_bind", "relative", "whole")


class Component:
    """One component of a job (most jobs have one): its request, what its client must know, and what it runs.

    `sources` says for each field that was set whether it came from header, environment or command line (merge.py);
    `group` is the component of a heterogeneous job that a part of srun is for; `defined` is what -v tells of its options.
    """

    __slots__ = ("client", "defined", "group", "operands", "request", "sources")

    def __init__(self, request: dict[str, Any], client: dict[str, Any], operands: list[str], sources: dict[str, int]) -> None:
        self.request = request
        self.client = client
        self.operands = operands
        self.sources = sources
        self.group = 0
        self.defined: list[str] = []


class Submission:
    """What was asked for. `operands`: the script, or program, and its arguments. `warnings`: whole lines for stderr."""

    __slots__ = ("command", "components", "warnings")

    def __init__(self, command: str, components: list[Component], warnings: list[str]) -> None:
        self.command = command
        self.components = components
        self.warnings = warnings

    @property
    def requests(self) -> list[dict[str, Any]]:
        """One JobRequest dict for each component."""
        return [component.request for component in self.components]

    @property
    def client(self) -> dict[str, Any]:
        """The client's options: those of srun's first component, and all that sbatch and salloc were given."""
        return self.components[0 if self.command == "srun" else -1].client

    @property
    def operands(self) -> list[str]:
        return self.components[0 if self.command == "srun" else -1].operands


def parse(
    command: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: str,
    read_script: Callable[[str | None], tuple[str, bytes]] | None = None,
    compat: tuple[int, int] = NEWEST,
    prog: str | None = None,
    now: float | None = None,
    read_file: Callable[[str], bytes] | None = None,
    governors: str | None = None,
) -> Submission:
    """Read one command line. `command` is "sbatch", "srun" or "salloc", `argv` comes without the program's name.

    `read_script(name or None for stdin)` returns (path or "", bytes) and may raise OSError; `read_file(path)`
    serves -F, -w FILE, --bbf. Both default to the real files. `now` is needed for --begin and --deadline only; `governors` are
    those of CPUs that --cpu-freq may name.
    Raises UsageError with Slurm's lines and status, Finished for --help and its kind.
    """
    reading = Reading(command, prog or command, environ, cwd, _now(now), compat, read_file or _read_file)
    reading.governors = governors
    try:
        return _parse(command, argv, reading, read_script)
    except UsageError as problem:
        problem.lines[:0] = [("", line) for line in reading.warnings]  # said before it, in their turn
        raise


def _parse(
    command: str, argv: Sequence[str], reading: Reading, read_script: Callable[[str | None], tuple[str, bytes]] | None
) -> Submission:
    environ, cwd = reading.environ, reading.cwd
    rows = options.of(command)
    components: list[Component] = []
    batch = script.Script()
    operands: list[str] = []
    where = cwd
    if command == "sbatch":
        # The whole command line is read before the script is opened, and once more when its turn has come.
        given = _all(argv, rows, reading)
        reading.warnings.clear()
        operands = given[-1].operands
        places = [text for parsed in given for row, text in parsed.options if row.name == "chdir"]
        if places:
            where = directory(places[-1], reading)
        batch = script.of(given, read_script or script.Files(cwd, where, environ), environ, reading)
        choices = merge.Choices()
        for index in range(max(len(given), len(batch.parts))):
            choices = choices.for_next()
            if index < len(batch.parts):
                merge.from_header(choices, batch.parts[index], rows, reading)
                # lines of other systems are stronger, and count for every part
                merge.from_header(choices, batch.other_words(reading.prog), rows, reading)
            merge.from_environment(choices, rows, environ, None, reading)
            if index < len(given):
                merge.from_command(choices, given[index].options, reading)
            checks.check(choices, reading, False)
            components.append(_component(choices, [], reading, False, None, len(components)))
    else:
        try:
            components = _components(argv, rows, reading)
        except UsageError as error:
            error.lines[:0] = reading.told()
            raise
    submission = Submission(command, components, reading.warnings)
    if environ.get("SLURM_EXIT_ERROR") is not None and not _integer(environ["SLURM_EXIT_ERROR"]):
        reading.warnings.insert(0, f"{reading.prog}: error: SLURM_EXIT_ERROR has zero value")
    if command == "srun" and any(not one.operands and not one.client.get("test_only") for one in components):
        raise UsageError([("fatal", "No command given to execute.")], 1)
    _complete(submission, argv, batch, operands, where, reading)
    return submission


def step(component: Component, job_id: int, compat: tuple[int, int] = NEWEST) -> dict[str, Any]:
    """The StepRequest dict for a component of srun within allocation `job_id`."""
    request = {field: component.request[field] for field in STEP_FIELDS if field in component.request}
    client = component.client
    request.update({field: client[field] for field in _STEP_CLIENT if field in client})
    request["job_id"] = job_id
    if "gres" in client:
        request["gres"] = client["gres"]
    if component.operands and component.sources.get("name") != merge.COMMAND:
        # a step is named after its program: SLURM_JOB_NAME is what the job around it is called
        request["name"] = component.operands[0].rpartition("/")[2]
    each, nodes = request.get("ntasks_per_node"), request.get("min_nodes")
    if each and nodes and request.get("max_nodes", nodes) > nodes and "jobid" not in component.sources:
        # srun that makes its own allocation has the tasks of the nodes that it is sure of
        request.setdefault("ntasks", each * nodes)
    if compat >= (23, 2) and "cpus_per_gpu" in request:
        # in 22.05 they count where GPUs are asked for by task, as CPUs of the task, and bring nothing otherwise (measured)
        request["cpus_of_gpus"] = request["cpus_per_gpu"]
    counted = "cpus_per_task" in request or "cpus_of_gpus" in request
    counted = counted and not request.get("overcommit")
    # srun that makes its own allocation asks with --exclusive for whole nodes, and for its tasks' share of them only
    # where it says how many tasks there are
    alone = client.get("exclusive") in ("exclusive", "user", "mcs", "topo")
    said = component.sources.get("ntasks") == merge.COMMAND or "ntasks_per_node" in request
    alone = alone and ("jobid" in component.sources or said)
    request["exclusive"] = bool(client.get("exact")) or alone or counted
    request["overlap"] = "overlap" in client
    if request.get("distribution") in ("pack", "nopack") and "jobid" in component.sources:
        # over which nodes tasks go first is settled here, as for a step that does not say anything
        tasks = request.get("ntasks") or nodes or 1
        request["distribution"] = f"{'cyclic' if tasks <= (nodes or 1) else 'block'},{request['distribution']}"
    if "kill_on_bad_exit" in client:
        request["kill_on_bad_exit"] = bool(client["kill_on_bad_exit"])
    request["wait"] = "immediate" not in request
    if "external_launcher" in client:
        # daemons of another launcher, beside whose tasks nothing is held
        request.update(overlap=True, exclusive=False, cpus_per_task=None, cpu_bind=client.get("cpu_bind", "none"))
    if client.get("interactive"):
        # the shell of an allocation is one task on its first node, whatever else was said
        request.update(kind="interactive", ntasks=1, min_nodes=1, max_nodes=1)
    return request


def _components(argv: Sequence[str], rows: tuple[Option, ...], reading: Reading) -> list[Component]:
    """The components of srun's or salloc's command line; one with several --het-groups is one for each of them."""
    found: list[Component] = []
    rest: Sequence[str] | None = argv
    begun = merge.Choices()
    grouped = reading.command == "srun" and (":" in argv or "SLURM_HET_SIZE" in reading.environ)
    while rest is not None:
        groups = _groups(rest, rows, reading) if reading.command == "srun" else []
        before, words = begun, rest
        for group in groups or [len({one.group for one in found})]:
            choices = before.for_next()
            merge.from_environment(choices, rows, reading.environ, group if grouped or groups else None, reading)
            parsed, rest = _one(words, rows, choices, reading)
            if choices.value(".multi_prog") and parsed.operands:
                _tasks_of_file(choices, parsed.operands[0], reading)
            in_job = reading.command == "srun" and choices.has(".jobid")
            checks.check(choices, reading, in_job)
            component = _component(choices, parsed.operands, reading, in_job, group, len(found))
            component.group = group
            found.append(component)
            begun = choices
    if len({one.group for one in found}) < len(found):
        raise UsageError([("fatal", "Duplicate het groups in single srun not supported")], 1)
    return sorted(found, key=lambda one: one.group)


def _tasks_of_file(choices: merge.Choices, path: str, reading: Reading) -> None:
    """Where nobody says how many tasks there are, the file of --multi-prog does."""
    from mgpu_slurm.intake import multiprog

    if choices.has("ntasks"):
        return
    try:
        text = reading.read_file(path).decode("utf-8", "surrogateescape")
    except OSError:
        return  # said when its turn has come
    choices.put("ntasks", merge.Choice("multi-prog", multiprog.count(text), merge.COMMAND, path))


def _groups(argv: Sequence[str], rows: tuple[Option, ...], reading: Reading) -> list[int]:
    """What --het-group says, which decides about the variables that are read, and so is read before all else."""
    if not any(word.startswith(("--h", "--p")) for word in argv):
        return []
    found: list[int] = []
    trial = Reading("srun", reading.prog, reading.environ, reading.cwd, reading.now, reading.compat, reading.read_file)
    for row, text in getopt.scan(rows, argv, getopt.Parsed(), False, reading.prog, reading.compat):
        if row.kind == "group_list":
            trial.row = row
            value = READERS[row.kind](text, trial)
            found = value if isinstance(value, list) else []
    return found


def _all(argv: Sequence[str], rows: tuple[Option, ...], reading: Reading) -> list[getopt.Parsed]:
    """The components of sbatch's command line, values checked and forgotten."""
    given = []
    rest: Sequence[str] | None = argv
    while rest is not None:
        parsed, rest = _one(rest, rows, merge.Choices(), reading)
        given.append(parsed)
    return given


def _one(
    argv: Sequence[str], rows: tuple[Option, ...], choices: merge.Choices, reading: Reading
) -> tuple[getopt.Parsed, Sequence[str] | None]:
    """One component's options into `choices`, and the words behind its colon, if it has one.

    Errors come in the order of the words, and so do the options that end the command.
    """
    parsed = getopt.Parsed()
    for row, text in getopt.scan(rows, argv, parsed, False, reading.prog, reading.compat):
        if row.kind in ("help", "usage", "version", "autocomplete"):
            raise _manual(row, text, rows, reading)
        merge.from_command(choices, [(row, text)], reading)
        parsed.options.append((row, text))
    words = parsed.operands
    if parsed.dashes or ":" not in words or (reading.command == "sbatch" and words[0] != ":"):
        return parsed, None
    at = words.index(":")
    parsed.operands = words[:at]
    return parsed, words[at + 1 :]


def _manual(row: Option, text: str | None, rows: tuple[Option, ...], reading: Reading) -> Finished:
    """The text of an option that asks for one."""
    from mgpu_slurm.intake import manual

    if row.kind == "version":
        return Finished(manual.version(reading.compat))
    if row.kind == "autocomplete":
        return Finished(manual.matching(rows, text or ""))
    return Finished(manual.usage(reading.command) if row.kind == "usage" else manual.help_text(reading.command))


def _component(
    choices: merge.Choices, operands: list[str], reading: Reading, in_job: bool, group: int | None, place: int
) -> Component:
    """A component as it is asked for, the one at that place of its line; `group`: the one of a job that srun's is for."""
    request: dict[str, Any] = {}
    client: dict[str, Any] = {}
    other: dict[str, str] = {}
    for field, choice in choices.fields.items():
        if field.startswith("."):
            client[field[1:]] = choice.value
        elif field.startswith("other:"):
            read = choice.name in _AS_READ and isinstance(choice.value, str)
            other[field[6:]] = str(choice.value) if read else choice.text or ""
        else:
            request[field] = choice.value
    sizes = choices.fields.get("min_nodes")
    if sizes is not None and sizes.text and ("," in sizes.text or ":" in sizes.text):
        other["nodes"] = sizes.text
    if client.get("mem_bind") and not in_job:
        other["mem-bind"] = client["mem_bind"]
    if other:
        request["other"] = other
    if request.get("gres") == "none" and not in_job:
        client["gres"] = request.pop("gres")  # nothing to a job, but its step hears of it
    if request.get("exclusive") == "allocation" and not in_job:
        request["exclusive"] = "exclusive"
    for field in ("array", "dependency"):
        if request.get(field) == "":
            client[field] = request.pop(field)  # no wish, but what runs is told of it
    for field, name in _BOTH.items():
        if field in request:
            client[name] = request[field]
    sources = {field.lstrip("."): choice.source for field, choice in choices.fields.items()}
    component = Component(request, client, operands, sources)
    if client.get("verbose"):
        from mgpu_slurm.intake import defined

        component.defined = defined.table(choices, reading, group, place > 0)
    return component


def _complete(
    submission: Submission, argv: Sequence[str], batch: script.Script, operands: list[str], where: str, reading: Reading
) -> None:
    """What follows from the whole: names, directories, the script and what runs."""
    command = submission.command
    line = " ".join([reading.prog, *argv])
    first = submission.components[0]
    name = _name(command, operands if command == "sbatch" else first.operands, submission.client, reading.compat)
    for index, component in enumerate(submission.components):
        request = component.request
        program = operands if command == "sbatch" else component.operands
        if "name" not in request:
            request["name"] = name
        request["kind"] = "batch" if command == "sbatch" else "alloc"
        request["argv"] = [batch.path or program[0], *program[1:]] if program and command != "salloc" else []
        request.setdefault("work_dir", where)
        request["submit_dir"] = reading.cwd
        request["submit_line"] = line
        if index:
            request.pop("mail_type", None)  # mail is written about the job as a whole
        if command == "sbatch":
            component.operands = list(operands)
            if batch.text is not None and index == 0:
                request["script"] = batch.text


def _name(command: str, program: list[str], client: dict[str, Any], compat: tuple[int, int]) -> str:
    if command == "salloc":
        if client.get("no_shell"):
            return "no-shell"
        # up to 22.05 salloc does not look at its command
        return program[0].rpartition("/")[2] if program and compat >= (23, 2) else "interactive"
    if program:
        return program[0].rpartition("/")[2]
    if command == "sbatch":
        return "wrap" if "wrap" in client else "sbatch"
    return "srun"


def _integer(text: str) -> int:
    from mgpu_slurm.intake.values import leading_int

    return leading_int(text)[0] or 0


def _now(now: float | None) -> float:
    if now is None:
        import time

        return time.time()
    return now


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
