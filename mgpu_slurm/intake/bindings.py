"""Readers for options that bind tasks or set clocks: CPUs, memory, GPUs, frequencies, hints, sampling. values.py explains
readers. They check the words and keep the text: what it means for a task is decided where the task is laid out.
"""

from __future__ import annotations

from mgpu_slurm.base.bindwords import sub_options
from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake.values import Finished, Reading, leading_int

CPU_WORDS = (
    "q", "quiet", "v", "verbose", "no", "none", "off", "rank", "rank_ldom", "socket", "sockets", "core", "cores", "thread",
    "threads", "ldom", "ldoms", "one_thread", "board", "boards",
)  # fmt: skip
CPU_LISTS = ("map_cpu", "mask_cpu", "map_ldom", "mask_ldom")
MEMORY_WORDS = ("q", "quiet", "v", "verbose", "no", "none", "rank", "local", "p", "prefer", "sort", "nosort")
MEMORY_LISTS = ("map_mem", "mask_mem")

CPU_HELP = """\
Forms of --cpu-bind=, several separated by commas:
    q[uiet], v[erbose]      whether to report the binding of each task
    no[ne]                  tasks may use all CPUs of the step
    sockets, cores, threads, ldoms
                            each task gets whole units of that sort
    rank_ldom               the tasks in turn to the NUMA domains
    map_cpu:N[,N]           task i gets CPU N of place i; N*T repeats
    mask_cpu:M[,M]          task i gets the CPUs of hexadecimal mask M
    map_ldom:N[,N], mask_ldom:M[,M]
                            the same with NUMA domains
    help                    this text
"""
MEMORY_HELP = """\
Forms of --mem-bind=, several separated by commas:
    q[uiet], v[erbose]      whether to report the binding of each task
    no[ne]                  any memory
    local                   memory of the domain the task runs in
    rank                    memory of the domain with the task's number
    map_mem:N[,N]           task i gets domain N of place i; N*T repeats
    mask_mem:M[,M]          task i gets the domains of hexadecimal mask M
    prefer                  as far as there is some
    sort, nosort            whether to sort free pages first
    help                    this text
"""
HINT_HELP = """\
Forms of --hint=, several separated by commas:
    compute_bound           all cores of a socket, one thread each
    memory_bound            one core of each socket, one thread
    [no]multithread         whether to use more than one thread of a core
    help                    this text
"""

_FREQUENCIES = ("low", "medium", "high", "highm1")


def _binding(text: str, option: str, words: tuple[str, ...], lists: tuple[str, ...]) -> str | None:
    """What is wrong with a binding, in Slurm's words."""
    for word in sub_options(text):
        name, _, numbers = word.lower().partition(":")
        if "=" in name:
            name, _, numbers = word.lower().partition("=")
        if name in lists:
            if not numbers:
                return f'missing list for "--{option}={name}:<list>"'
        elif name not in words or ":" in word:
            return f'unrecognized --{option} argument "{word}"'
    return None


def cpu_bind(text: str | None, reading: Reading) -> str:
    text = text or ""
    if "help" in text.lower().split(","):
        raise Finished(CPU_HELP)
    problem = _binding(text, "cpu-bind", CPU_WORDS, CPU_LISTS)
    if problem:
        raise UsageError([problem, ("fatal", "Failed to parse --cpu-bind= values.")], 1)
    return text.lower()


def mem_bind(text: str | None, reading: Reading) -> str:
    text = text or ""
    if "help" in text.lower().split(","):
        raise Finished(MEMORY_HELP, 255)
    problem = _binding(text, "mem-bind", MEMORY_WORDS, MEMORY_LISTS)
    if not problem:
        problem = next(filter(None, map(_bad_mask, sub_options(text.lower()))), None)
    if problem:
        raise UsageError(problem, 255)
    return text.lower()


def _bad_mask(word: str) -> str:
    """What is wrong with the numbers of a list, in Slurm's words."""
    name, _, numbers = word.partition(":")
    for number in numbers.split(",") if name in MEMORY_LISTS else ():
        bare = number.removeprefix("0x")
        digits = "0123456789abcdef" if name == "mask_mem" or bare != number else "0123456789"
        wrong = next((char for char in bare.partition("*")[0] if char not in digits), "")
        if wrong:
            return f"Failed to validate number: {number}, the offending character is {wrong}"
    return ""


def _gpu_prefix(reading: Reading) -> str:
    return "gpu:" if reading.compat < (23, 11) else "gres/gpu:"


def gpu_bind(text: str | None, reading: Reading) -> str:
    """[verbose,] closest, none, map:, mask: (also map_gpu:, mask_gpu:), per_task:N, single:N."""
    text = text or ""
    word = text.lower().removeprefix("verbose,")
    name, colon, numbers = word.partition(":")
    name = name.replace("_gpu", "")
    if word.startswith(("closest", "none")):
        return text.lower()
    items = numbers.split(",") if numbers else []
    if name in ("map", "mask") and colon and (reading.compat >= (23, 2) or "_gpu:" in word):
        good = all(_device(item.partition("*")[0], name == "mask") for item in items)
    else:
        good = name in ("per_task", "single") and bool(colon)
    if not good:
        lines = [f"Invalid --gpu-bind argument: {_gpu_prefix(reading)}{text}"]
        for item in items if word.startswith(("map_gpu:", "mask_gpu:")) else ():
            wrong = next((char for char in item.removeprefix("0x") if char not in "0123456789abcdef*"), "")
            if wrong:
                lines.insert(0, f"Failed to validate {item}, offending character is {wrong}")
                break
        raise UsageError(lines, 255)
    return text.lower().replace("map_gpu:", "map:").replace("mask_gpu:", "mask:")


def _device(text: str, mask: bool) -> bool:
    try:
        int(text, 16 if mask or text.startswith("0x") else 10)
    except ValueError:
        return False
    return True


def tres_bind(text: str | None, reading: Reading) -> str:
    """gres/NAME:BINDING[+gres/...], the bindings as in gpu_bind."""
    for part in (text or "").split("+"):
        name, colon, binding = part.partition(":")
        word = binding.lower().removeprefix("verbose,")
        known = word.startswith(("closest", "none", "map:", "mask:", "per_task:", "single:"))
        if not name.startswith("gres/") or not colon or not known:
            raise UsageError(f"Invalid --tres-bind argument: {text}", 255)
    return text or ""


def gpu_freq(text: str | None, reading: Reading) -> str:
    """[TYPE=]VALUE[,TYPE=VALUE][,verbose]; values are words or MHz."""
    if not is_gpu_freq(text or ""):
        raise UsageError(f"Invalid --gpu-freq argument: {_gpu_prefix(reading)}{text}", 255)
    return text or ""


def is_gpu_freq(text: str) -> bool:
    for word in text.split(","):
        name, equal, value = word.partition("=")
        if word == "verbose":
            continue
        speed = value if equal else name
        if (equal and name != "memory") or not (speed in _FREQUENCIES or speed.isdigit()):
            return False
    return True


def cpu_freq(text: str | None, reading: Reading) -> str:
    """P1[-P2[:P3]]: kHz or a word; alone P1 may be a governor, P3 must be one."""
    from mgpu_slurm.facts.cpu_frequency import GOVERNORS

    typed = text or ""
    text = typed.lower()
    span, _, rest = text.partition(":")
    low, dash, high = span.partition("-")
    governor = rest.partition(":")[0]
    alone = not dash and low in GOVERNORS and not governor
    named = low if alone else governor
    if named in GOVERNORS and (alone or dash) and named not in (reading.governors or named).lower().split(","):
        raise _bad_frequency(f"governor of {typed} is not allowed in slurm.conf")
    if alone:
        return text
    ranks = [_frequency(word, reading) for word in ((low, high) if dash else (low,))]
    if governor and not dash:
        raise _bad_frequency(f"gov on cpu-frec ({governor}) illegal without max")
    if governor and governor not in GOVERNORS:
        raise _bad_frequency(f"illegal governor: {governor} on --cpu-freq")
    if len(ranks) == 2 and ranks[0][0] == ranks[1][0] and ranks[0][1] > ranks[1][1]:
        raise _bad_frequency(f"min cpu-frec ({low}) must be < max cpu-freq ({high})")
    return text


def _frequency(word: str, reading: Reading) -> tuple[bool, int]:
    """Whether it is a word, and a rank among words or kHz."""
    order = ("low", "medium", "highm1", "high")
    if word in order:
        return True, order.index(word)
    number, _ = leading_int(word)
    if number is None:
        raise _bad_frequency(f'unrecognized --cpu-freq argument "{word}"')
    return False, number


def _bad_frequency(text: str) -> UsageError:
    return UsageError([text, "Invalid --cpu-freq argument"], 255)


def hint(text: str | None, reading: Reading) -> str:
    """Its words; what they mean is asked only where no number makes the hint void (checks.py)."""
    words = (text or "").lower()
    if "help" in words.split(","):
        raise Finished(HINT_HELP, 1)
    return words


def power(text: str | None, reading: Reading) -> str:
    """`level`; other words are complained about and dropped. Up to 24.05, which had power management, sbatch does so
    twice of its command line, which it reads twice."""
    words = (text or "").split(",") if text else []
    unknown = [word for word in words if word.lower() != "level"]
    lines = [f"{reading.prog}: error: Ignoring unrecognized power option ({word})" for word in unknown]
    reading.warnings += lines * (2 if reading.command == "sbatch" and reading.typed else 1)
    return "level" if len(unknown) < len(words) else ""


def gres_flags(text: str | None, reading: Reading) -> str:
    known = ["disable-binding", "enforce-binding", "multiple-tasks-per-sharing", "one-task-per-sharing"]
    if reading.command == "srun":
        known.append("allow-task-sharing")
    words = (text or "").lower().split(",")
    if any(word not in known for word in words) or {"disable-binding", "enforce-binding"} <= set(words):
        raise reading.invalid()
    return ",".join(words)


def acctg_freq(text: str | None, reading: Reading) -> str:
    """KIND=SECONDS of task, energy, network, filesystem; which numbers are too high or too low the controller knows."""
    from mgpu_slurm.intake import sampling

    bad = [word for word, _, seconds in sampling.read(text or "") if seconds == sampling.NOT_SET]
    if bad:
        raise UsageError([f"Invalid --acctg-freq specification: {word}" for word in bad], 255)
    return text or ""


def gres(text: str | None, reading: Reading) -> str:
    """Kept as typed; its grammar is checked with the finished request (checks.py). "none" asks for nothing, in any case."""
    if text in ("help", "list"):
        raise Finished("Valid gres options are:\ngpu[[:type]:count]\n")
    return "none" if text and text.lower() == "none" else text or ""


MPI_TYPES = ("none", "pmi2", "pmix")


def mpi(text: str | None, reading: Reading) -> str:
    if text == "list":
        listed = "".join(f"\t{name}\n" for name in MPI_TYPES)
        raise Finished(f"MPI plugin types are...\n{listed}")
    return mpi_type(text or "")


def mpi_type(kind: str) -> str:
    """One of MPI_TYPES: openmpi is an old word for none, pmix_v4 and the like ask for a version where there is one.

    UsageError: nothing of that name.
    """
    if kind == "openmpi":
        return "none"
    version = kind.removeprefix("pmix_v")
    if version != kind and version.isdecimal():
        return "pmix"
    if kind not in MPI_TYPES:
        lines = [
            f"Couldn't find the specified plugin name for mpi/{kind} looking at all files",
            f"cannot find mpi plugin for mpi/{kind}",
            f"MPI: Cannot create context for mpi/{kind}",
            "MPI: Unable to load any plugin",
            f"Invalid MPI type '{kind}', --mpi=list for acceptable types",
        ]
        raise UsageError(lines, 1)
    return kind


def tres_per_task(text: str | None, reading: Reading) -> str:
    """cpu=N, gres/NAME[:TYPE]=N, license/NAME=N; other resources are not given out by task."""
    for entry in (text or "").split(","):
        name = entry.replace("=", ":").partition(":")[0]
        if name in ("mem", "energy", "node", "billing", "fs", "vmem", "pages", "bb"):
            raise UsageError([("fatal", f"Invalid TRES for --tres-per-task: {name}")], 1)
        if name != "cpu" and not name.startswith(("gres/", "license/")):
            raise reading.invalid()
    return text or ""
