"""Readers for options whose value is a word, a list of words, a signal, a name or a file. values.py explains readers."""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import UsageError
from mgpu_slurm.intake.argv import refusal
from mgpu_slurm.intake.values import Reading, leading_int, positive, wait_for_switch, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

NICE_MAX = 2**31 - 3
PRIORITY_MAX = 2**32 - 2

# Names Slurm reads for signals; others go by number. Values are those of Linux.
SIGNALS = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ABRT": 6, "KILL": 9, "USR1": 10, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
    "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24,
}  # fmt: skip

# In the order in which Slurm prints them.
MAIL_TYPES = (
    "ARRAY_TASKS", "INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE", "STAGE_OUT", "TIME_LIMIT_50", "TIME_LIMIT_80",
    "TIME_LIMIT_90", "TIME_LIMIT",
)  # fmt: skip
MAIL_ALL = ("INVALID_DEPEND", "BEGIN", "END", "FAIL", "REQUEUE", "STAGE_OUT")

LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK")


def signal_number(text: str) -> int | None:
    """A number or a name with or without SIG, in any case; None if it is neither."""
    number, rest = leading_int(text)
    if number is not None:
        return number if number > 0 and not rest.strip() else None
    name = text.strip().upper()
    return SIGNALS.get(name[3:] if name.startswith("SIG") else name)


def signal(text: str | None, reading: Reading) -> tuple[int, int, str]:
    """--signal: number, seconds before the limit, and of the letters B and R those that stand in front.

    Only a batch job has a script that B could be for.
    """
    name = text or ""
    flags = ""
    letters = ("B", "R") if reading.command == "sbatch" else ("R",)
    while name[:1].upper() in letters and name[:1].upper() not in flags and name:
        flags += name[0].upper()
        name = name[1:]
    name, at, seconds_text = name.removeprefix(":").partition("@")
    number = signal_number(name)
    seconds, rest = leading_int(seconds_text) if seconds_text else (0 if at else 60, "")
    if number is None or seconds is None or rest or not 0 <= seconds <= 65535:
        raise reading.invalid()
    return number, seconds, "".join(sorted(flags))


def kill_signal(text: str | None, reading: Reading) -> int:
    number = signal_number(text) if text else 15
    if number is None:
        raise reading.invalid()
    return number


def signals(text: str | None, reading: Reading) -> list[int]:
    numbers = [signal_number(word) for word in (text or "").split(",")]
    if None in numbers:
        raise reading.invalid()
    return [number for number in numbers if number is not None]


def mail_type(text: str | None, reading: Reading) -> str:
    found = mail_words(text or "")
    if not found:
        raise reading.invalid()
    return found


def mail_also(before: str, given: str) -> str:
    """What an option that is given again asks for: what it did before as well, and NONE takes nothing back."""
    return mail_words(",".join(words for words in (before, given) if words != "NONE")) or "NONE"


def mail_words(text: str) -> str:
    """The known words in Slurm's order; unknown ones are dropped while one is known, NONE stands alone."""
    chosen: set[str] = set()
    for word in text.upper().split(","):
        if word == "NONE":
            return word
        if word == "ALL":
            chosen.update(MAIL_ALL)
        elif word in MAIL_TYPES:
            chosen.add(word)
    return ",".join(word for word in MAIL_TYPES if word in chosen)


def word_of(*words: str) -> Callable[[str | None, Reading], str]:
    """A reader for one of some words in any case."""

    def read(text: str | None, reading: Reading) -> str:
        word = (text or "").lower()
        if word not in words:
            raise reading.invalid()
        return word

    return read


def exclusive(text: str | None, reading: Reading) -> str:
    if text in (None, ""):
        return "exclusive"
    return word_of("user", "mcs", "topo", "exclusive", "allocation", "oversubscribe")(text, reading)


def open_mode(text: str | None, reading: Reading) -> str:
    letter = (text or "")[:1].lower()
    if letter not in ("a", "t"):
        raise reading.invalid()
    return letter


def no_kill(text: str | None, reading: Reading) -> bool:
    if text in (None, ""):
        return True
    return word_of("set", "off", "no")(text, reading) == "set"


def yes_no(text: str | None, reading: Reading) -> bool:
    return word_of("yes", "no")(text, reading) == "yes"


def send_libs(text: str | None, reading: Reading) -> bool:
    return True if text in (None, "") else yes_no(text, reading)


def zero_one(text: str | None, reading: Reading) -> int:
    number = 1 if text is None else whole(text, reading.label(), 0)
    if number > 1:
        raise reading.invalid()
    return number


def bad_exit(text: str | None, reading: Reading) -> int:
    return 1 if text in (None, "") else whole(text or "", reading.label(), 0)


def immediate(text: str | None, reading: Reading) -> int:
    """Seconds; 1 without a value."""
    return 1 if text in (None, "") else whole(text or "", reading.label(), 0)


def nice(text: str | None, reading: Reading) -> int:
    if text in (None, ""):
        return 100
    number = leading_int(text or "")[0] or 0
    if abs(number) > NICE_MAX:
        raise UsageError(f"Invalid --nice value, out of range (+/- {NICE_MAX})", 255)
    return number


def priority(text: str | None, reading: Reading) -> int:
    if (text or "").lower() == "top":
        return PRIORITY_MAX - 1
    number = leading_int(text or "")[0] or 0
    if number < 0:
        raise UsageError("Priority must be >= 0", 255)
    if number >= PRIORITY_MAX:
        raise UsageError(f"Priority must be < {PRIORITY_MAX}", 255)
    return number


def profile(text: str | None, reading: Reading) -> str:
    """Kept as typed; one known word somewhere in it is enough."""
    lower = (text or "").lower()
    if not any(word in lower for word in ("none", "all", "energy", "task", "lustre", "network")):
        raise UsageError(f"invalid --profile={text} option", 255)
    return lower


def propagate(text: str | None, reading: Reading) -> str:
    if text in (None, ""):
        return "ALL"
    words = [word.removeprefix("RLIMIT_") for word in (text or "").split(",")]
    if len(words) > 1 or words[0] not in ("ALL", "NONE"):
        for word in words:
            if word not in LIMITS:
                raise UsageError([f"Bad rlimit name: {word}", f"--propagate={text} is not valid."], 1)
    return ",".join(words)


def switches(text: str | None, reading: Reading) -> tuple[int, int | None]:
    """COUNT[@TIME]: leaf switches at most, and seconds to wait for them (None: the cluster's own)."""
    number, _, wait = (text or "").partition("@")
    return whole(number, reading.label(), 1), wait_for_switch(wait, reading)


def user_env(text: str | None, reading: Reading) -> bool:
    """22.05's [TIMEOUT][S|L] is checked and has no effect."""
    _, rest = leading_int(text or "")
    if rest.upper() not in ("", "S", "L"):
        raise reading.invalid()
    return True


def requeue(text: str | None, reading: Reading) -> bool:
    if text not in (None, "expedite") and reading.compat < (25, 5):
        raise refusal("option '--requeue' doesn't allow an argument", reading.prog, 255)
    if text not in (None, "", "expedite"):
        raise reading.invalid()
    return True


def _for_root(option: str) -> None:
    """Refuse it early, as Slurm does; the controller refuses it to who says otherwise."""
    if os.getuid() != 0:
        raise UsageError(f"{option} only permitted by root user")


def uid(text: str | None, reading: Reading) -> int:
    import pwd

    _for_root("--uid")
    number, rest = leading_int(text or "")
    try:
        return pwd.getpwnam(text or "").pw_uid
    except KeyError:
        return _known(number if not rest else None, pwd.getpwuid, reading)


def gid(text: str | None, reading: Reading) -> int:
    import grp

    _for_root("--gid")
    number, rest = leading_int(text or "")
    try:
        return grp.getgrnam(text or "").gr_gid
    except KeyError:
        return _known(number if not rest else None, grp.getgrgid, reading)


def _known(number: int | None, entry: Callable[[int], object], reading: Reading) -> int:
    """A number that somebody has."""
    try:
        entry(-1 if number is None else number)
    except (KeyError, OverflowError):
        raise reading.invalid() from None
    return number or 0


def jobid(text: str | None, reading: Reading) -> str:
    """As typed: the job's number, and what may follow it (an element, a component, a step) but in older versions."""
    number, rest = leading_int(text or "")
    more = ("", "_", "+", ".") if reading.compat >= (23, 2) else ("",)
    if number is None or number < 1 or rest[:1] not in more:
        raise UsageError(f'Invalid numeric value "{text}" for --jobid.', 1)
    return text or ""


LOG_LEVELS = ("quiet", "fatal", "error", "info", "verbose")


def log_level(text: str | None, reading: Reading) -> int:
    """The node daemons' log level, 0 to 4: a number or a word; all else is the highest."""
    word = (text or "").lower()
    if word in LOG_LEVELS:
        return LOG_LEVELS.index(word)
    highest = len(LOG_LEVELS) - 1
    if word.isdecimal() and int(word) <= highest:
        return int(word)
    reading.warnings.append(f"{reading.prog}: Using srun's max debug increment of {highest}")
    return highest


def threads(text: str | None, reading: Reading) -> int:
    number = positive(text, reading)
    if number > 60:
        reading.warn(f"Thread value --threads={number} exceeds recommended limit of 60")
    return number


def group_list(text: str | None, reading: Reading) -> list[int]:
    """Numbers of components: 0,2-3."""
    from mgpu_slurm.base.errors import SlurmError
    from mgpu_slurm.intake import arrays

    try:
        return arrays.parse(text or "", 1 << 16)[0]
    except SlurmError:
        wrong = next((word for word in (text or "").split(",") if not word.replace("-", "", 1).isdecimal()), text)
        raise UsageError([f"_parse_single_range: Invalid range: `{wrong}'", f"Invalid --het-group value: {text}"], 1) from None


def node_names(path: str, reading: Reading) -> str:
    """The names in a file, as a comma list: one or several a line, `#` comments, host*N for N times."""
    last = [f"Invalid --{reading.row.name} node file"] if reading.row.name == "nodefile" else []
    if not path:
        raise UsageError(last, 255)
    try:
        text = reading.read_file(path if path.startswith("/") else f"{reading.cwd}/{path}").decode("utf-8", "surrogateescape")
    except IsADirectoryError:
        text = ""
    except OSError as problem:
        line = f"slurm_allocate_resources error opening file {path}, {problem.strerror}"
        raise UsageError([line, *last], 255 if last else 1) from None
    names: list[str] = []
    for line in text.splitlines():
        for name in line.partition("#")[0].replace(",", " ").split():
            host, star, times = name.partition("*")
            names += [host] * (int(times) if star and times.isdigit() else 1)
    if not names:
        raise UsageError(["Hostlist is empty!", *last], 255 if last else 1)
    return ",".join(names)


def hosts(text: str | None, reading: Reading) -> str:
    """A host list; with a slash in it, the file that holds one."""
    return node_names(text or "", reading) if "/" in (text or "") else text or ""


def resv_ports(text: str | None, reading: Reading) -> str:
    return "-1" if text is None else str(whole(text, reading.label(), 0))


def compress(text: str | None, reading: Reading) -> str:
    kind = (text or "lz4").lower()
    if kind not in ("lz4", "none"):
        reading.warn(f"Compression type '{text}' unknown, disabling compression support.")
        return "none"
    return kind


def x11(text: str | None, reading: Reading) -> str:
    mode = (text or "all").lower()
    if mode not in ("all", "first", "last", "batch"):
        return "none"
    if not reading.environ.get("DISPLAY"):
        raise UsageError("No DISPLAY variable set, cannot setup x11 forwarding.", 255)
    return mode


def accel_bind(text: str | None, reading: Reading) -> str:
    letters = "".join(letter for letter in "gnv" if letter in (text or ""))
    if not letters:
        raise reading.invalid()
    return letters


