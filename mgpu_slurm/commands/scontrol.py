"""scontrol: show records, change them, steer the controller.

This module reads the command line and finds the keyword; what a keyword does is in scontrol_names, scontrol_show and
scontrol_change, imported where they are needed so that `show hostnames` stays light.
"""

from __future__ import annotations

import os

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.commands import scontrol_names
from mgpu_slurm.facts.queries.scontrol import ENTITIES, ENTITY_KEYS, KEYWORDS, ROWS, TOO_FEW, TOO_MANY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.commands.session import Session

PROMPT = "scontrol: "


class Desk:
    """Where commands are carried out: the settings that they may change, and a session that is opened when needed."""

    __slots__ = (
        "_session", "all", "cluster", "details", "environ", "future", "json", "one_line", "over", "quiet", "status", "streams",
        "verbose", "yaml",
    )  # fmt: skip

    def __init__(self, environ: Mapping[str, str], cluster: str, streams: Streams) -> None:
        self.environ = environ
        self.cluster = cluster
        self.streams = streams
        self.all = self.details = self.future = self.one_line = self.quiet = False
        self.json = self.yaml = False
        self.verbose = 0
        self.over = False  # exit or quit was said
        self.status = 0
        self._session: Session | None = None

    def session(self) -> Session:
        if self._session is None:
            from mgpu_slurm.commands.session import open_session

            self._session = open_session(self.environ, self.cluster)
        return self._session

    def at(self, given: Given) -> None:
        """Look at --clusters. Raises UsageError where only others are named."""
        if given.has("clusters"):
            from mgpu_slurm.commands import clusters

            clusters.named(given, self.session().cluster_name, "scontrol", self.streams)

    def document(self, given: Given) -> None:
        """Look at --json and --yaml; the last one counts."""
        from mgpu_slurm.commands.query_options import document_wanted

        wanted = document_wanted(given)
        self.json, self.yaml = wanted == "json", wanted == "yaml"

    def say(self, text: str) -> None:
        self.streams.out.write(text)

    def complain(self, text: str) -> None:
        """A line on standard error that makes the exit status 1."""
        self.streams.out.flush()
        self.streams.err.write(text + "\n")
        self.status = 1

    def refused(self, text: str) -> None:
        """The same for what the controller refuses, which --quiet keeps to itself."""
        self.status = 1
        if not self.quiet:
            self.complain(text)


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    desk = Desk(environ, cluster, streams)
    words = list(argv)
    if (words and words[0].startswith("-")) or _by_environment(environ):
        from mgpu_slurm.commands.query_options import compat_without_cluster, look_at_clusters, read

        checks = {"clusters": look_at_clusters(environ, cluster, "scontrol", streams)}
        given = read(ROWS, argv, environ, "scontrol", checks=checks)
        if given.has("version"):
            from mgpu_slurm.intake import manual

            streams.out.write(manual.version(compat_without_cluster(environ, cluster)))
            return 0
        if given.has("help"):
            from mgpu_slurm.intake import manual

            streams.out.write(manual.help_text("scontrol"))
            return 0
        if given.has("autocomplete"):
            from mgpu_slurm.intake import manual

            streams.out.write(manual.matching(ROWS, given.text("autocomplete")))
            return 0
        desk.all, desk.details, desk.future = given.has("all"), given.has("details"), given.has("future")
        desk.one_line, desk.quiet, desk.verbose = given.has("oneliner"), given.has("quiet"), given.count("verbose")
        desk.document(given)
        words = given.operands
        desk.at(given)
    elif any(word.startswith("-") and len(word) > 1 for word in words) and words[0].lower() != "setdebugflags":
        # options may stand behind the command, as in `scontrol show job 5 -o`; "-" alone is a file name, and -FLAG takes one away
        from mgpu_slurm.commands.query_options import look_at_clusters, read

        checks = {"clusters": look_at_clusters(environ, cluster, "scontrol", streams)}
        given = read(ROWS, argv, environ, "scontrol", checks=checks)
        desk.all, desk.details, desk.future = given.has("all"), given.has("details"), given.has("future")
        desk.one_line, desk.quiet, desk.verbose = given.has("oneliner"), given.has("quiet"), given.count("verbose")
        desk.document(given)
        words = given.operands
        desk.at(given)
    if words:
        command(desk, words)
    else:
        converse(desk)
    return desk.status


def _by_environment(environ: Mapping[str, str]) -> bool:
    return any(name in environ for name in ("SCONTROL_ALL", "SCONTROL_FUTURE", "SLURM_CLUSTERS"))


def converse(desk: Desk) -> None:
    """Commands from standard input, one a line, until `exit` or its end."""
    from mgpu_slurm.commands.scancel import read_line

    last: list[str] = []
    while not desk.over:
        desk.say(PROMPT)
        desk.streams.out.flush()
        line = read_line(desk.streams.stdin_fd)
        if line is None:
            desk.say("\n")
            return
        if not os.isatty(desk.streams.stdin_fd):
            desk.say(line + "\n")
        words = split(line)
        if words == ["!!"]:
            words = last
        if words:
            last = words
            command(desk, words)


def split(line: str) -> list[str]:
    """Words at blanks; quotes keep blanks together and go away."""
    words: list[str] = []
    word, quote, inside = "", "", False
    for char in line:
        if quote:
            if char == quote:
                quote = ""
            else:
                word += char
        elif char in "'\"":
            quote, inside = char, True
        elif char in " \t\r":
            if word or inside:
                words.append(word)
            word, inside = "", False
        else:
            word += char
    if word or inside:
        words.append(word)
    return words


def keyword(word: str) -> tuple[str, int, int | None] | None:
    """The keyword that a word means, and how many words may follow."""
    lowered = word.lower()
    for name, _, fewest, most in KEYWORDS:
        if name == lowered:
            return name, fewest, most
    for name, least, fewest, most in KEYWORDS:
        if len(lowered) >= least and name.startswith(lowered):
            return name, fewest, most
    return None


def entity(word: str) -> str | None:
    lowered = word.lower()
    found = next((name for name, _ in ENTITIES if name.removesuffix("s") == lowered), None) or next(
        (name for name, least in ENTITIES if len(lowered) >= least and name.startswith(lowered)), None
    )
    return ENTITY_KEYS.get(found, found) if found else None


def command(desk: Desk, words: Sequence[str]) -> None:
    """One command. What the controller refuses is written here; nothing is raised but errors of the configuration."""
    found = keyword(words[0])
    if found is None:
        desk.complain(f"invalid keyword: {words[0]}")
        return
    name, fewest, most = found
    rest = list(words[1:])
    if name == "show" and len(rest) == 1 and "=" in rest[0] and entity(rest[0].partition("=")[0]) is not None:
        rest = list(rest[0].partition("=")[::2])
    if name == "show" and entity(rest[0] if rest else "") == "assoc_mgr":
        most = None
    if len(rest) < fewest:
        desk.complain(TOO_FEW.get(name, "too few arguments for keyword:{}").format(words[0]))
    elif most is not None and len(rest) > most:
        desk.complain(TOO_MANY.get(name, "too many arguments for keyword:{}").format(words[0]))
        desk.over = desk.over or name in ("exit", "quit")
    elif name == "show":
        show(desk, rest)
    elif name in ("exit", "quit"):
        desk.over = True
    elif name in ("all", "hide"):
        desk.all = name == "all"
    elif name == "details":
        desk.details = True
    elif name == "oneliner":
        desk.one_line = True
    elif name == "quiet":
        desk.quiet, desk.verbose = True, 0
    elif name == "verbose":
        desk.verbose += 1
    elif name == "help":
        from mgpu_slurm.intake import manual

        desk.say(manual.help_text("scontrol"))
    else:
        from mgpu_slurm.commands import scontrol_admin, scontrol_change

        if not scontrol_admin.do(desk, name, rest):
            scontrol_change.do(desk, name, rest)


def show(desk: Desk, rest: Sequence[str]) -> None:
    what = entity(rest[0])
    which = rest[1] if len(rest) > 1 else None
    if what is None:
        desk.refused(f"invalid entity:{rest[0]} for keyword:show ")
    elif what == "hostnames":
        desk.status = scontrol_names.hostnames(which, desk.environ, desk.streams) or desk.status
    elif what in ("hostlist", "hostlistsorted"):
        desk.status = scontrol_names.folded(which, what == "hostlistsorted", desk.streams) or desk.status
    else:
        from mgpu_slurm.commands import scontrol_show

        try:
            scontrol_show.show(desk, what, which, rest[1:])
        except SlurmError as error:
            desk.refused(f"{scontrol_show.CALLS.get(what, 'slurm_load_jobs error')}: {error.text}")
