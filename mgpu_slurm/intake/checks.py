"""Rules between options, once all sources are merged. Pure. Changes the choices where Slurm does, and refuses the rest.

Where two options exclude each other: both given by the user is an error; one given by the user drops the other's
environment variable; both only in the environment is an error again. Texts differ by version.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.facts.environ_requests import ANY_NUMBER
from mgpu_slurm.facts.option import Option
from mgpu_slurm.intake.merge import COMMAND, ENVIRONMENT, Choice, Choices
from mgpu_slurm.intake.values import Reading

BAD_GRES = "Invalid generic resource (gres) specification"
_BY_GPU = (
    "gpus", "gpus_per_node", "gres", "gpus_per_task", "gpus_per_socket", "ntasks_per_gpu", "mem_per_gpu", "cpus_per_gpu",
)  # fmt: skip
# SLURM_HOSTFILE is read as --nodelist=FILE would be.
_NODEFILE = Option("nodefile", "F", "bra", "text", ".nodefile", "nodes", "")
_HOSTFILE = Option("nodelist", "", "bra", "hosts", "nodelist", "hidden", "")
_MEMORY = ("mem_per_node", "mem_per_cpu", "mem_per_gpu")


def check(choices: Choices, reading: Reading, in_job: bool) -> None:
    """All rules, in Slurm's order. `in_job`: srun within an allocation. Raises UsageError."""
    _per_gpu(choices, in_job)
    _memory(choices)
    _reserved_cpus(choices, reading)
    _devices(choices, reading)
    _tres_bind(choices)
    _sharing(choices, reading)
    if choices.has(".verbose") and choices.has(".quiet"):
        raise UsageError("don't specify both --verbose (-v) and --quiet (-Q)", 1)
    _burst_buffer(choices, reading)
    begin, deadline = choices.value("begin"), choices.value("deadline")
    if isinstance(begin, float) and isinstance(deadline, float) and deadline < begin:
        raise UsageError("Incompatible begin and deadline time specification", 1)
    problem = _step_options(choices) if reading.command == "srun" else ""
    if reading.command != "sbatch" and choices.value("priority") == 0:
        choices.drop("priority")  # only a batch job is held by it
    try:
        _layout(choices, reading)
    except UsageError as error:
        error.lines[:0] = [problem] if problem else []
        raise
    if problem:
        raise UsageError([problem, *reading.told()], 1)
    if reading.command == "srun":
        _streams(choices)
    if not in_job and choices.has(".relative") and not choices.has(".test_only"):
        raise UsageError([("fatal", "--relative option invalid for job allocation request")], 1)
    if not in_job and any(choices.has(field) for field in _BY_GPU):
        from mgpu_slurm.intake import gpucounts

        gpucounts.check(choices, reading.compat)


def _burst_buffer(choices: Choices, reading: Reading) -> None:
    """Two sources of directives are one too many; a file is replaced by its text."""
    choice = choices.fields.get(".bbf")
    if choice is None:
        return
    if choices.has("other:bb"):
        raise UsageError("Cannot specify both --burst-buffer and --bbf", 1)
    try:
        choice.value = reading.read_file(choice.text or "").decode("utf-8", "surrogateescape")
    except OSError:
        raise UsageError("Invalid --bbf specification", 1) from None


def _memory(choices: Choices) -> None:
    given = [field for field in _MEMORY if choices.has(field)]
    user = [field for field in given if choices.by_user(field)]
    if len(user) > 1:
        raise UsageError([("fatal", "--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.")], 1)
    if user:
        for field in given:
            if field not in user:
                choices.drop(field)
    elif len(given) > 1:
        text = "SLURM_MEM_PER_CPU, SLURM_MEM_PER_GPU, and SLURM_MEM_PER_NODE are mutually exclusive."
        raise UsageError([("fatal", text)], 1)


def _drop_weaker(choices: Choices, one: str, other: str) -> bool:
    """Whether both stay: a user's choice drops the other one's variable."""
    if not (choices.has(one) and choices.has(other)):
        return False
    if choices.by_user(one) == choices.by_user(other):
        return True
    choices.drop(other if choices.by_user(one) else one)
    return False


def _reserved_cpus(choices: Choices, reading: Reading) -> None:
    if _drop_weaker(choices, "core_spec", "thread_spec"):
        name = "--thred-spec" if reading.compat < (23, 2) else "--thread-spec"
        raise UsageError([("fatal", f"-S/--core-spec and {name} options are mutually exclusive")], 1)


def _per_gpu(choices: Choices, in_job: bool) -> None:
    old = choices.fields.get("ntasks_per_tres")
    if old is not None:
        mine = choices.fields.get("ntasks_per_gpu")
        if mine is not None and mine.value != old.value:
            text = f"Inconsistent values set to --ntasks-per-gpu={mine.value} and --ntasks-per-tres={old.value} "
            raise UsageError([("fatal", text)], 1)
        choices.drop("ntasks_per_tres")
        choices.put("ntasks_per_gpu", old)
    if not choices.has("ntasks_per_gpu"):
        return
    from mgpu_slurm.intake import gpucounts

    nodes, most = choices.number("min_nodes") or 1, choices.number("max_nodes")
    gpus = gpucounts.total(choices, "gpus")
    if not gpus and most in (None, nodes) and not gpucounts.total(choices, "gres"):
        # where only nodes are known, each has one
        gpus = gpucounts.total(choices, "gpus_per_node") * nodes or (0 if in_job else gpucounts.fixed_nodes(choices))
    if gpus and not choices.has("ntasks"):
        mine = choices.fields["ntasks_per_gpu"]
        choices.put("ntasks", Choice(mine.name, gpus * (choices.number("ntasks_per_gpu") or 1), mine.source, mine.text))
    for field in ("gpus_per_task", "gpus_per_socket", "ntasks_per_node", "tres_per_task"):
        other = choices.fields.get(field)
        if other is not None:
            name = f"--{other.name}" if other.source != ENVIRONMENT else f"SLURM_{field.upper()}"
            text = f"{name} is mutually exclusive with --ntasks-per-gpu and SLURM_NTASKS_PER_GPU"
            raise UsageError([("fatal", text)], 1)


def _devices(choices: Choices, reading: Reading) -> None:
    older = reading.compat < (23, 2)
    if reading.compat < (23, 11):
        # what stands before the first colon is a name of which these are no part yet
        names = [word.removeprefix("gres:").partition(":")[0] for word in choices.text("gres").split(",")]
        if any("=" in name or "/" in name for name in names):
            raise UsageError(BAD_GRES, 1)
    if not older and _drop_weaker(choices, "cpus_per_gpu", "cpus_per_task"):
        text = "--cpus-per-task, --tres-per-task=cpu:#, and --cpus-per-gpu are mutually exclusive"
        raise UsageError([("fatal", text)], 1)
    if not older and reading.command == "srun" and choices.by_user("gpus") and not choices.by_user("gpus_per_node"):
        choices.drop("gpus_per_node")
    if not older and choices.has("gpus_per_node") and choices.has("gres"):
        words = choices.text("gres").split(",")
        names = [word.removeprefix("gres:").removeprefix("gres/").replace("=", ":").partition(":")[0] for word in words]
        if "gpu" in names and not _drop_weaker(choices, "gpus_per_node", "gres"):
            return
        if "gpu" in names:
            raise UsageError([("fatal", "--gpus-per-node and --gres=gpu are mutually exclusive.")], 1)


def _tres_bind(choices: Choices) -> None:
    """What --tres-bind says of GPUs is what --gpu-bind says; the later one counts, the user's before a variable."""
    choice = choices.fields.get("other:tres-bind")
    given = [part for part in (choice.text or "").split("+") if part.startswith("gres/gpu:")] if choice is not None else []
    if choice is None or not given:
        return
    other, order = choices.fields.get("gpu_bind"), list(choices.fields)
    if other is not None and (other.source, order.index("gpu_bind")) > (choice.source, order.index("other:tres-bind")):
        return
    choices.put("gpu_bind", Choice(choice.name, given[-1].removeprefix("gres/gpu:").lower(), choice.source, choice.text))


def _sharing(choices: Choices, reading: Reading) -> None:
    """--exclusive and --oversubscribe are one setting: the later one counts, from 23.02 on both on the line are refused."""
    if choices.has("exclusive") and choices.has("oversubscribe"):
        if reading.compat >= (23, 2) and choices.by_user("exclusive") and choices.by_user("oversubscribe"):
            raise UsageError([("fatal", "--exclusive and --oversubscribe options are mutually exclusive")], 1)
        order = list(choices.fields)
        choices.drop("exclusive" if order.index("exclusive") < order.index("oversubscribe") else "oversubscribe")
    choice = choices.fields.get("exclusive")
    if choice is not None and choice.value == "oversubscribe":
        choices.drop("exclusive")
        choices.put("oversubscribe", Choice("exclusive", True, choice.source, choice.text))


def _step_options(choices: Choices) -> str:
    """What excludes each other, said before what else may be wrong; "" for nothing."""
    units = [field for field in _GEOMETRY if choices.has(field) and choices.fields[field].name == "extra-node-info"]
    if units and not choices.has(".cpu_bind"):
        finest = choices.fields[units[-1]]
        choices.put(".cpu_bind", Choice(finest.name, _UNITS[units[-1]], finest.source, finest.text))
    if choices.by_user("exclusive") and choices.by_user(".overlap"):
        return "--exclusive and --overlap are mutually exclusive"
    if choices.by_user(".exact") and choices.by_user(".whole"):
        return "--exact and --whole are mutually exclusive."
    if choices.has(".relative") and (choices.has("nodelist") or choices.has("exclude")):
        return "-r,--relative not allowed with -w,--nodelist or -x,--exclude."
    return ""


def _streams(choices: Choices) -> None:
    if choices.has(".pty") and any(choices.by_user(field) for field in ("std_in", "std_out", "std_err")):
        raise UsageError("--error/--input/--output are incompatible with --pty", 1)
    if choices.has(".no_allocate"):
        lines: list[str] = []
        if not choices.has("nodelist"):
            lines.append("must specify a node list with -Z, --no-allocate.")
        if choices.has("exclude"):
            lines.append("can not specify --exclude list with -Z, --no-allocate.")
        if lines:
            raise UsageError(lines, 1)


def _layout(choices: Choices, reading: Reading) -> None:
    """Nodes, tasks and the node list against each other."""
    packed = False
    if reading.command == "srun" and choices.has(".jobid") and not choices.by_user("min_nodes"):
        fillings = choices.text("distribution").lower().split(",")
        if "pack" in fillings and "nopack" not in fillings:
            # as few nodes of the job as will do, not all of them
            packed = True
            choices.drop("min_nodes")
            choices.drop("max_nodes")
    file = choices.fields.get(".nodefile")
    if file is not None:
        last = [field for field in choices.fields if field in (".nodefile", "nodelist")][-1]
        choices.drop(".nodefile")
        if last == ".nodefile":  # else nobody reads it
            from mgpu_slurm.intake import words

            reading.row = _NODEFILE
            choices.put("nodelist", Choice(file.name, words.node_names(file.text or "", reading), file.source, file.text))
    hostfile = reading.environ.get("SLURM_HOSTFILE")
    if hostfile and not choices.has("nodelist"):
        from mgpu_slurm.intake import words

        reading.row = _HOSTFILE
        try:
            names = words.node_names(hostfile, reading)
        except UsageError as problem:
            raise UsageError([*problem.lines, "Failure getting NodeNames from hostfile"], 1) from None
        choices.put("nodelist", Choice("nodefile", names, ENVIRONMENT, hostfile))
        choices.put("distribution", Choice("distribution", "arbitrary", ENVIRONMENT, None))
    arbitrary = choices.text("distribution").startswith("arbitrary")
    listed = reading.environ.get("SLURM_ARBITRARY_NODELIST")
    if arbitrary and listed and reading.command == "srun" and choices.by_user("ntasks") and not choices.has("nodelist"):
        from mgpu_slurm.base import hostlist

        number, named = choices.number("ntasks"), hostlist.count(listed)
        if number != named:
            raise UsageError(f"You asked for {number} tasks but hostlist specified {named} nodes", 1)
        choices.put("nodelist", Choice("nodelist", listed, ENVIRONMENT, listed))
    if arbitrary and not choices.has("nodelist"):
        if reading.command == "srun" and not choices.by_user("ntasks"):
            raise UsageError("invalid number of tasks (-n 0)", 1)
        if choices.has(".jobid"):
            raise UsageError(f"You asked for {choices.number('ntasks')} tasks but hostlist specified 0 nodes", 1)
        text = "With Arbitrary distribution you need to specify a nodelist or hostfile with the -w option"
        raise UsageError(text, 1)
    if choices.has("nodelist"):
        _node_list(choices, reading, arbitrary)
    _hint(choices, reading)
    _geometry(choices, reading)
    tasks, least = choices.number("ntasks"), choices.number("min_nodes")
    each, plane = choices.number("ntasks_per_node"), choices.number("plane_size")
    if plane and least and reading.command != "srun":
        number = tasks or (each * least if each else 1)
        if number <= (least - 1) * plane:
            raise UsageError("Too few processes for the requested {plane,node} distribution", 1)
    word = "Warning" if reading.compat < (23, 2) else "warning"
    if tasks is not None and least is not None and tasks < least:
        text = f"can't run {tasks} processes on {least} nodes, setting nnodes to {tasks}"
        reading.warnings.append(f"{reading.prog}: {word}: {text}")
        for field in ("min_nodes", "max_nodes"):
            if field == "min_nodes" or (choices.number(field) or tasks + 1) > tasks:
                choices.put(field, Choice("nodes", tasks, COMMAND, None))
        least = tasks
        _keep_names(choices, tasks)
    least = least or (1 if packed else None)
    if reading.command == "srun" and tasks and least and each and tasks // least != each:
        if each < tasks:
            most = "" if reading.compat < (23, 2) else "maximum "
            reading.warnings.append(
                f"{reading.prog}: {word}: can't honor --ntasks-per-node set to {each} which doesn't match the requested "
                f"tasks {tasks} with the {most}number of requested nodes {least}. Ignoring --ntasks-per-node."
            )
        choices.drop("ntasks_per_node")


def _keep_names(choices: Choices, number: int) -> None:
    """Only the first nodes, by their names, that are asked for."""
    from mgpu_slurm.base import hostlist

    given = choices.fields.get("nodelist")
    try:
        names = hostlist.expand(hostlist.fold_sorted(set(hostlist.expand(choices.text("nodelist"))))) if given is not None else []
    except hostlist.HostlistError:
        return  # the controller's to refuse
    if given is not None and len(names) > number:
        choices.put("nodelist", Choice(given.name, ",".join(names[:number]), given.source, given.text))


_UNITS = {"sockets_per_node": "sockets", "cores_per_socket": "cores", "threads_per_core": "threads"}
_GEOMETRY = ("sockets_per_node", "cores_per_socket", "threads_per_core")


def _geometry(choices: Choices, reading: Reading) -> None:
    """On a fixed number of nodes, sockets, cores and threads without a number of tasks ask for a task on each thread.

    --extra-node-info does so without a number of nodes, too, though not with a range; srun hears only all three together.
    """
    if choices.has("ntasks") or choices.has("ntasks_per_node"):
        return
    given = [choices.fields[field] for field in _GEOMETRY if choices.has(field)]
    if reading.command == "srun" and len(given) < len(_GEOMETRY):
        return
    least, most = choices.number("min_nodes"), choices.number("max_nodes")
    if given and most in (None, least) and (given[0].name == "extra-node-info" or least is not None):
        count = least or 1
        for field in _GEOMETRY:
            count *= choices.number(field) or 1
        choices.put("ntasks", Choice(given[0].name, count, given[0].source, given[0].text))


_HINTS = ("compute_bound", "memory_bound", "multithread", "nomultithread")


def _hint(choices: Choices, reading: Reading) -> None:
    """A hint is a short form of the geometry; what says the same in numbers, or binds, makes it void."""
    hint = choices.fields.get("hint")
    if hint is None:
        return
    said = {field: choices.fields[field].name for field in (*_GEOMETRY, "ntasks_per_core") if choices.has(field)}
    # what a hint has set for the component before this one holds on with it
    numbers = {field for field in ("ntasks_per_core", "threads_per_core") if said.get(field, "hint") != "hint"}
    bound = choices.has(".cpu_bind") and (choices.by_user(".cpu_bind") or not choices.by_user("hint"))
    if "extra-node-info" in said.values() or numbers or bound:
        choices.drop("hint")
        return
    words = choices.text("hint").split(",")
    if reading.command == "srun" and words[-1] in ("compute_bound", "memory_bound") and not choices.has(".cpu_bind"):
        choices.put(".cpu_bind", Choice("hint", "cores", hint.source, words[-1]))
    for word in words:
        if word not in _HINTS:
            raise UsageError(f'unrecognized --hint argument "{word}", see --hint=help', 1)
        if word == "compute_bound":
            choices.drop("sockets_per_node")
        if word != "memory_bound":
            choices.drop("cores_per_socket")
        else:
            choices.put("cores_per_socket", Choice("hint", 1, hint.source, word))
        if word == "multithread":
            choices.drop("threads_per_core")
            choices.put("ntasks_per_core", Choice("hint", ANY_NUMBER, hint.source, word))
        else:
            choices.put("threads_per_core", Choice("hint", 1, hint.source, word))


def _node_list(choices: Choices, reading: Reading, arbitrary: bool) -> None:
    from mgpu_slurm.base import hostlist

    text = choices.text("nodelist")
    if text.count("[") > text.count("]"):
        return  # names that do not exist, as the controller will say
    try:
        names = hostlist.expand(text)
    except hostlist.HostlistError as problem:
        lines = [f"_parse_single_range: {problem.detail.removeprefix('_parse_single_range: ')}"] if problem.detail else []
        raise UsageError([*lines, "memory allocation failure"], 1) from None
    if arbitrary and not choices.by_user("ntasks"):
        # srun runs a task for each name, sbatch for each node
        number = len(names if reading.command == "srun" else set(names))
        choices.put("ntasks", Choice("nodelist", number, ENVIRONMENT, text))
    count = len(set(names))
    asked = choices.number("ntasks")
    if arbitrary and reading.command == "salloc" and asked is not None and count < asked:
        text = f"Asked for {asked} tasks have {count} in the nodelist.  Check your nodelist, or set the -n option to be {count}"
        raise UsageError(text, 1)
    if arbitrary and choices.has(".jobid") and asked is not None and count <= asked != len(names):
        text = f"You asked for {asked} tasks but hostlist specified {len(names)} nodes"
        raise UsageError(text, 1)
    bounded = arbitrary and reading.command == "srun" and not choices.by_user("min_nodes")
    if bounded:
        for field in ("min_nodes", "max_nodes"):
            choices.drop(field)
    least, most = choices.number("min_nodes"), choices.number("max_nodes")
    if least is None:
        source = ENVIRONMENT if arbitrary else choices.fields["nodelist"].source  # nobody has said how many
        choices.put("min_nodes", Choice("nodelist", count, source, text))
        if bounded and not choices.has(".jobid"):
            choices.put("max_nodes", Choice("nodelist", count, source, text))
    elif reading.compat < (23, 2) and most is not None and count > most:
        if reading.command != "srun":
            raise UsageError(f"invalid number of nodes (-N {count}-{most})", 1)
        reading.warn(
            "Required nodelist includes more nodes than permitted by max-node count "
            f"({count} > {most}). Eliminating nodes from the nodelist."
        )
        kept = ",".join(list(dict.fromkeys(names))[:most])
        choices.put("min_nodes", Choice("nodelist", most, choices.fields["min_nodes"].source, None))
        choices.put("nodelist", Choice("nodelist", kept, choices.fields["nodelist"].source, text))
    elif count > least and (most is None or count <= most):
        choices.put("min_nodes", Choice("nodes", count, choices.fields["min_nodes"].source, None))
