"""What the commands that ask and change have in common: reading their options, and asking the controller for columns."""

from __future__ import annotations

from types import MappingProxyType

from mgpu_slurm.base.errors import NEWEST, ConfigError, SlurmError, UsageError
from mgpu_slurm.facts.option import NONE
from mgpu_slurm.intake import argv as getopt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
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


ANSWERED = ("autocomplete", "help", "usage", "version")
"""Kinds of options that are answered at once."""


def read(
    rows: Sequence[Option],
    argv: Sequence[str],
    environ: Mapping[str, str],
    prog: str,
    permute: bool = True,
    status: int = 1,
    lists: Collection[str] = (),
    checks: Mapping[str, Callable[[str, Given], object]] = MappingProxyType({}),
) -> Given:
    """Options of the command line, then, for those not given, of the environment; `lists` add to what was given before.

    As with Slurm one option comes after the other: `checks`, by what options set, look at each text where it stands, before
    anything is said about a word behind it; and behind --help and its like nothing is looked at. Raises UsageError.
    """
    given = Given()
    parsed = getopt.Parsed()
    for row, value in getopt.scan(rows, argv, parsed, permute, prog, NEWEST, status):
        given.counts[row.sets] = given.counts.get(row.sets, 0) + 1
        given.order.append(row.sets)
        if value is not None:
            before = given.texts.get(row.sets) if row.sets in lists else None
            given.texts[row.sets] = value if before is None else f"{before},{value}"
        if row.sets in checks:
            checks[row.sets](value or "", given)
        if row.kind in ANSWERED:
            break
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


def look_at_clusters(environ: Mapping[str, str], cluster: str, prog: str, streams: Streams) -> Callable[[str, Given], None]:
    """A check of `read` for --clusters."""

    def look(text: str, _given: Given) -> None:
        from mgpu_slurm.commands import clusters
        from mgpu_slurm.commands.session import open_session

        clusters.check(text, open_session(environ, cluster).cluster_name, prog, streams)

    return look


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


def uids(text: str, known: Callable[[str], int | None], prog: str, streams: Streams | None = None) -> list[str]:
    """Numbers of the users of a list that there are by `known`; `streams`, if any, hear of the others."""
    found = []
    for name in words(text):
        uid = known(name)
        if uid is not None:
            found.append(str(uid))
        elif streams is not None:
            streams.err.write(f"{prog}: error: Invalid user: {name}\n\n")
    return found


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
