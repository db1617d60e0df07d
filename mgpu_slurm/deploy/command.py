"""mgpu_cluster: from hosts that ssh can enter to a cluster, and back.

Verbs and options are facts/queries/cluster.py's. Exit status: 0 when all is as it should be, 1 where a host failed or
nothing could be done, 255 never: wrong arguments are 1 as well.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.facts.queries import cluster as table
from mgpu_slurm.intake import argv as getopt
from mgpu_slurm.intake import manual

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.deploy.hosts import Word
    from mgpu_slurm.deploy.progress import Progress
    from mgpu_slurm.deploy.record import Home, Record
    from mgpu_slurm.deploy.routes import Login
    from mgpu_slurm.deploy.site import Site
    from mgpu_slurm.deploy.ssh import Asker

PROGRAM = "mgpu_cluster"
ONE = 1
"""The number of an error that Slurm has no number for."""


class Given:
    """The command line: a verb, its operands, values by what options set (the last one; all of `set`), counts."""

    def __init__(self) -> None:
        self.verb = ""
        self.operands: list[str] = []
        self.texts: dict[str, str] = {}
        self.counts: dict[str, int] = {}
        self.settings: list[str] = []

    def number(self, name: str, otherwise: int) -> int:
        """A whole number above 0. UsageError."""
        text = self.texts.get(name, "")
        if not text:
            return otherwise
        if not (text.isascii() and text.isdecimal() and 0 < int(text) < 1 << 31):
            raise UsageError(f'"{text}" is not a number for --{name}', 1)
        return int(text)


def cluster(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    """The program. It is the hosts' words that say which cluster; the launcher's says nothing here."""
    if argv and argv[0] in table.HIDDEN_VERBS:
        return on_a_host(argv[0], list(argv[1:]), environ)
    given = parse(argv, environ)
    if told(given, streams):
        return 0
    try:
        import paramiko  # noqa: F401
    except ImportError:
        raise SlurmError(ONE, "paramiko is not installed here; this command runs where the cluster is set up from") from None
    return serve(given, environ, streams)


def on_a_host(verb: str, words: list[str], environ: Mapping[str, str]) -> int:
    """What runs of this command on the hosts themselves. UsageError."""
    from mgpu_slurm.deploy import keeper, reach

    if len(words) != {"keep": 3, "reach": 2}[verb]:
        raise UsageError(f"{verb} is for mgpu_cluster's own use", 1)
    return keeper.run(words, environ) if verb == "keep" else reach.run(words)


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Given:
    """The command line. UsageError."""
    given = Given()
    parsed = getopt.parse(table.ROWS, argv, True, PROGRAM, status=1)
    for row, value in parsed.options:
        given.counts[row.sets] = given.counts.get(row.sets, 0) + 1
        if row.sets == "set":
            given.settings.append(value or "")
        elif value is not None:
            given.texts[row.sets] = value
    if "name" not in given.texts:
        given.texts["name"] = environ.get("MGPU_CLUSTER", "") or "mgpu"
    if {"help", "usage", "version"} & set(given.counts):
        return given
    if not parsed.operands:
        raise UsageError([("", table.USAGE.rstrip("\n")), ("", f'Try "{PROGRAM} --help" for more information')], 1)
    given.verb, given.operands = parsed.operands[0], parsed.operands[1:]
    verbs = [verb for verb, _, _ in table.VERBS]
    if given.verb not in verbs:
        raise UsageError(f'"{given.verb}" is not one of {" ".join(verbs)}', 1)
    for row in table.ROWS:
        if row.sets in given.counts and row.sets not in table.TAKEN[given.verb]:
            raise UsageError(f"--{row.name} means nothing to {given.verb}", 1)
    takes = next(what for verb, what, _ in table.VERBS if verb == given.verb)
    if given.operands and not takes:
        raise UsageError(f"{given.verb} takes no hosts", 1)
    if not given.operands and given.verb in ("add", "remove"):
        raise UsageError(f"{given.verb} which hosts?", 1)
    name = given.texts["name"]
    if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and name == name.lower() and len(name) <= 32):
        raise UsageError(f'"{name}" is not a name for a cluster: small letters, digits, - and _', 1)
    return given


def told(given: Given, streams: Streams) -> bool:
    """Answer --help, --usage and --version; whether one of them was asked for."""
    if "version" in given.counts:
        from mgpu_slurm import __version__

        streams.out.write(f"mgpu_slurm {__version__}\n")
    elif "usage" in given.counts:
        streams.out.write(table.USAGE)
    elif "help" in given.counts:
        streams.out.write(manual.help_text("cluster"))
    else:
        return False
    return True


def serve(given: Given, environ: Mapping[str, str], streams: Streams) -> int:
    """Do what the verb says."""
    from mgpu_slurm.deploy.orders import Refused
    from mgpu_slurm.deploy.progress import Progress
    from mgpu_slurm.deploy.record import Home, Record, RecordError
    from mgpu_slurm.deploy.routes import RouteError, configuration
    from mgpu_slurm.deploy.site import Site
    from mgpu_slurm.deploy.ssh import Network

    silence()
    home_directory = environ.get("HOME") or os.path.expanduser("~")
    home = Home(home_directory, given.texts["name"])
    try:
        words = [] if given.verb in ("remove", "logs") else read_words(given.operands)
        with home.locked():
            try:
                record = home.load()
                if record is None:
                    if given.verb != "up":
                        raise Refused(f'there is no cluster "{home.name}"; `mgpu_cluster up HOST...` makes one')
                    if not words:
                        raise Refused("which hosts? `mgpu_cluster up user@host1 user@host2 ...`")
                    record = Record(home.name, directory(given))
                wanted = login(given, record)
                shown = streams.err if given.verb in ("status", "logs") else streams.out
                progress = Progress(shown, shown.isatty())
                network = Network(configuration(home_directory, environ, wanted), asker(streams, progress))
                site = Site(home.name, record.directory, network, progress, given.number("parallel", 16), verbosity(given))
                try:
                    return verb(given, site, record, home, words, environ, streams)
                finally:
                    progress.end()
                    network.close()
            finally:
                home.forget_nothing()
    except (Refused, RecordError, RouteError) as error:
        raise SlurmError(ONE, str(error)) from None


def verb(
    given: Given, site: Site, record: Record, home: Home, words: list[Word], environ: Mapping[str, str], streams: Streams
) -> int:
    """The verb's own work. Refused, RecordError."""
    from mgpu_slurm.deploy.bringing_up import BringingUp
    from mgpu_slurm.deploy.bundle import AUTO, BINARY, PYTHON, Bundles
    from mgpu_slurm.deploy.orders import Order, Refused
    from mgpu_slurm.deploy.showing import logs, status
    from mgpu_slurm.deploy.taking_down import Leaving, down, remove

    counts = given.counts
    if given.verb == "status":
        return status(site, record, streams.out)
    if given.verb == "logs":
        return logs(site, record, given.operands, given.number("lines", 20), "follow" in counts, streams.out)
    leaving = Leaving("force" in counts, "wait" in counts, "keep_state" in counts, "dry_run" in counts)
    if given.verb == "down":
        return down(site, record, home, leaving)
    kind = given.texts.get("with", AUTO)
    if kind not in (AUTO, BINARY, PYTHON):
        raise UsageError(f'--with takes binary, python or auto, not "{kind}"', 1)
    cache = Path(environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME') or os.path.expanduser('~')}/.cache") / "mgpu" / "bundles"
    bundles = Bundles(cache, kind)
    order = Order(words, given.texts.get("controller", ""), "dry_run" in counts, given.verb == "upgrade")
    order.seconds = given.number("timeout", 120)
    if given.verb == "remove":
        return remove(site, record, home, bundles, given.operands, leaving, order)
    if "directory" in counts and record.members and directory(given) != record.directory:
        raise Refused("the cluster's directory cannot change while it lives: down, then up with --directory")
    if "no_links" in counts:
        record.links = False
    for setting in given.settings:
        take_setting(record.settings, setting)
    return BringingUp(site, record, home, bundles, order).run()


def take_setting(settings: list[str], text: str) -> None:
    """KEY=VALUE among the user's own lines; it replaces what had the same key, for a partition the same name. UsageError."""
    key, mark, value = text.partition("=")
    if not mark or not key.strip() or "\n" in text or "'" in text:
        raise UsageError(f'--set takes KEY=VALUE, not "{text}"', 1)
    if key.strip().lower() == "nodename":
        raise UsageError("the nodes' lines are written by mgpu_cluster; --set is for other keys", 1)
    name = value.split()[0].lower() if key.strip().lower() == "partitionname" and value.split() else ""

    def same(other: str) -> bool:
        other_key, _, other_value = other.partition("=")
        if other_key.strip().lower() != key.strip().lower():
            return False
        return not name or other_value.split()[0].lower() == name

    settings[:] = [other for other in settings if not same(other)] + ([text.strip()] if value.strip() else [])


def read_words(operands: Sequence[str]) -> list[Word]:
    """Host words. UsageError."""
    from mgpu_slurm.deploy import hosts

    try:
        return [hosts.parse(text) for text in operands]
    except hosts.WordError as error:
        raise UsageError(str(error), 1) from None


def directory(given: Given) -> str:
    """--directory. UsageError."""
    from mgpu_slurm.deploy.hosts import SAFE_PATH

    text = given.texts.get("directory", "").rstrip("/")
    if text and (not text.startswith(("/", "~/")) or set(text.removeprefix("~")) - SAFE_PATH or "/../" in f"{text}/"):
        raise UsageError(f'--directory takes a path such as /scratch/mgpu or ~/mgpu, not "{text}"', 1)
    return text


def login(given: Given, record: Record) -> Login:
    """What ssh was told now, else when the cluster was set up; what is told now is remembered. UsageError."""
    from mgpu_slurm.deploy.routes import Login

    for name in ("login", "identity", "jump", "ssh_config"):
        if name in given.texts:
            text = given.texts[name]
            record.login[name] = os.path.abspath(os.path.expanduser(text)) if name in ("identity", "ssh_config") else text
    if "port" in given.texts:
        record.login["port"] = given.number("port", 22)
    known = record.login
    return Login(
        user=str(known.get("login", "")), port=int(known.get("port", 0)), identity=str(known.get("identity", "")),
        jump=str(known.get("jump", "")), config=str(known.get("ssh_config", "")), accept="accept" in given.counts,
    )  # fmt: skip


def verbosity(given: Given) -> int:
    return given.counts.get("verbose", 0)


def asker(streams: Streams, progress: Progress) -> Asker:
    """Who is asked: the user, if there is a terminal."""
    import getpass

    from mgpu_slurm.deploy.ssh import Asker

    terminal = os.isatty(streams.stdin_fd) and streams.err.isatty()

    def confirm(question: str) -> bool:
        with progress.aside():
            streams.err.write(question)
            streams.err.flush()
            return sys.stdin.readline().strip().lower() in ("yes", "y")

    def secret(prompt: str) -> str:
        with progress.aside():
            return getpass.getpass(prompt, streams.err)

    return Asker(terminal, confirm, secret)


def silence() -> None:
    """paramiko tells its log what its exceptions say as well; the user hears it once."""
    import logging

    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
