"""What the commands that ask and change have in common: reading their options, and asking the controller for columns."""

from __future__ import annotations

from mgpu_slurm.base.errors import NEWEST, ConfigError, SlurmError, UsageError
from mgpu_slurm.facts.option import NONE
from mgpu_slurm.intake import argv as getopt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Protocol

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.facts.option import Option

    class Asks(Protocol):
        """A session: answers a request. Raises SlurmError."""

        def call(self, message: dict[str, object]) -> dict[str, object]: ...


class Given:
    """Options by the name of what they set: the last text, or how often a flag was given. Absent ones are "" or 0."""

    __slots__ = ("counts", "from_environment", "operands", "order", "texts")

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.operands: list[str] = []
        self.order: list[str] = []
        self.from_environment: set[str] = set()

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def has(self, name: str) -> bool:
        return name in self.counts

    def count(self, name: str) -> int:
        return self.counts.get(name, 0)


def read(
    rows: Sequence[Option],
    argv: Sequence[str],
    environ: Mapping[str, str],
    prog: str,
    permute: bool = True,
    status: int = 1,
    lists: Sequence[str] = (),
) -> Given:
    """Options of the command line, then, for those not given, of the environment; `lists` add to what was given before.
    Raises UsageError."""
    given = Given()
    parsed = getopt.parse(rows, argv, permute, prog, NEWEST, status)
    for row, value in parsed.options:
        given.counts[row.sets] = given.counts.get(row.sets, 0) + 1
        given.order.append(row.sets)
        if value is not None:
            before = given.texts.get(row.sets) if row.sets in lists else None
            given.texts[row.sets] = value if before is None else f"{before},{value}"
    given.operands = parsed.operands
    for row in rows:
        if not isinstance(row.env, str) or not row.env or row.sets in given.counts:
            continue
        value = environ.get(row.env)
        if value is None:
            continue
        given.from_environment.add(row.sets)
        given.counts[row.sets] = 1
        if row.arg != NONE:
            given.texts[row.sets] = value
    return given


def document_wanted(given: Given) -> str:
    """"json" or "yaml" where a document is asked for, "" where none is; the last one counts."""
    return next((name for name in reversed(given.order) if name in ("json", "yaml")), "")


def words(text: str) -> list[str]:
    """A comma list; blanks around words and empty words are nothing."""
    return [word for word in (part.strip() for part in text.split(",")) if word]


def told(given: Given, usage: str, prog: str, compat_of: Any, streams: Streams) -> bool:
    """Answer --version, --usage, --help and --autocomplete; whether one of them was asked for."""
    if given.has("autocomplete"):
        from mgpu_slurm.facts import programs
        from mgpu_slurm.intake import manual

        streams.out.write(manual.matching(programs.rows(prog), given.text("autocomplete")))
        return True
    if not (given.has("version") or given.has("usage") or given.has("help")):
        return False
    first = next(name for name in given.order if name in ("version", "usage", "help"))
    if first == "usage":
        streams.out.write(usage)
        return True
    from mgpu_slurm.intake import manual

    if first == "version":
        streams.out.write(manual.version(compat_of()))
    else:
        streams.out.write(manual.help_text(prog))
    return True


def compat_without_cluster(environ: Mapping[str, str], cluster: str) -> tuple[int, int]:
    """The Slurm whose texts are followed, as far as that is known without a controller: environment, then configuration."""
    from mgpu_slurm.commands.session import find_session

    word = environ.get("MGPU_COMPAT", "")
    head, dot, tail = word.partition(".")
    if dot and head.isdecimal() and tail.isdecimal():
        return int(head), int(tail)
    try:
        return find_session(environ, cluster).compat
    except (ConfigError, SlurmError, OSError):
        return NEWEST


def query(
    session: Asks, table: str, columns: Sequence[str], filters: Mapping[str, Sequence[str]] | None = None
) -> tuple[dict[str, list[Any]], int, float]:
    """Columns of a table by name, the number of rows, the controller's clock. Raises SlurmError."""
    asked = list(columns)
    answer = session.call(
        {
            "kind": "query",
            "table": table,
            "columns": asked,
            "filters": {key: list(value) for key, value in (filters or {}).items()},
        }
    )
    arrays: Any = answer.get("columns") or [[] for _ in asked]
    now: Any = answer.get("now") or 0.0
    return dict(zip(asked, arrays, strict=True)), len(arrays[0]) if arrays else 0, now


def uid_of(name: str) -> int | None:
    """A user's number from name or number; None when there is no such user."""
    if name.isascii() and name.isdecimal():
        return int(name)
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def known_user(name: str) -> int | None:
    """As `uid_of`, of a number only where somebody has it, or who asks."""
    import os
    import pwd

    uid = uid_of(name)
    if uid is None or not name.isdecimal() or uid == os.geteuid():
        return uid
    try:
        return pwd.getpwuid(uid).pw_uid
    except (KeyError, OverflowError):
        return None


def date_line() -> str:
    """The line above long listings: Mon Nov 23 12:00:00 2026."""
    import time

    return time.strftime("%a %b %e %H:%M:%S %Y\n")


def interval(text: str) -> int | None:
    """Seconds between repetitions, None when the text does not begin with a whole number above 0."""
    digits = ""
    for char in text:
        if char not in "0123456789":
            break
        digits += char
    return int(digits) if digits and int(digits) > 0 else None


def wrong_interval(text: str, prefix: str = "") -> UsageError:
    return UsageError([f"{prefix}--iterate={text}", ("", "")], 1)
