"""mgpu_cluster's verbs and options.

`VERBS` says what each verb takes and does, `ROWS` are the options in the order in which --help and the manual show them;
`TAKEN` says which verbs hear which option, so that one that would do nothing is refused.
"""

from __future__ import annotations

from mgpu_slurm.facts.option import Option

VERBS: tuple[tuple[str, str, str], ...] = (
    ("up", "[NAME=][USER@]HOST[:PORT]...", "make the hosts one cluster, or bring them back to what it should be"),
    ("status", "", "every host: its node, its daemons and what is wrong with them"),
    ("add", "[NAME=][USER@]HOST[:PORT]...", "more hosts for the cluster"),
    ("remove", "NAME...", "take hosts out of the cluster and leave nothing on them"),
    ("upgrade", "", "bring this version to every host; running jobs go on"),
    ("down", "", "end the cluster and leave nothing on its hosts"),
    ("logs", "[NAME...]", "the latest lines of the daemons' logs"),
)
"""Verb, what it takes, what it does."""

HIDDEN_VERBS: tuple[str, ...] = ("keep", "reach")
"""What mgpu_cluster starts on the hosts themselves: the keeper of daemons where there is no systemd, a look at a port."""

ROWS: tuple[Option, ...] = (
    Option("name", "n", "", "text", "name", "", "the cluster's name (mgpu)", "MGPU_CLUSTER"),
    Option("dry-run", "", "", "flag", "dry_run", "", "look at the hosts, print what would be done, do nothing"),
    Option("controller", "", "", "text", "controller", "", "the controller's host (the first); a further one runs no jobs"),
    Option("with", "", "", "text", "with", "", "what to bring: binary, python or auto (the binary where it runs)"),
    Option("set", "s", "", "text", "set", "", "a line KEY=VALUE for the configuration; may be repeated"),
    Option("directory", "d", "", "text", "directory", "", "the cluster's directory on the hosts"),
    Option("no-links", "", "", "flag", "no_links", "", "leave the hosts' default configuration and PATH alone"),
    Option("keep-state", "", "", "flag", "keep_state", "", "leave jobs' history and the configuration on the hosts"),
    Option("force", "", "", "flag", "force", "", "even if jobs run there: they are cancelled"),
    Option("wait", "w", "", "flag", "wait", "", "first wait until the jobs there have ended"),
    Option("lines", "", "", "natural", "lines", "", "how many lines of a log (20)"),
    Option("follow", "f", "", "flag", "follow", "", "go on with new lines as they come"),
    Option("accept-new-host-keys", "", "", "flag", "accept", "", "note unknown host keys without a question"),
    Option("port", "p", "", "positive", "port", "", "port of the ssh servers, where the host does not name one"),
    Option("login", "l", "", "text", "login", "", "user to log in as, where the host does not name one"),
    Option("identity", "i", "", "file", "identity", "", "private key to log in with"),
    Option("jump", "J", "", "hosts", "jump", "", "hosts to go through, as ssh -J"),
    Option("ssh-config", "F", "", "file", "ssh_config", "", "ssh's configuration (~/.ssh/config)"),
    Option("parallel", "", "", "positive", "parallel", "", "how many hosts at a time (16)"),
    Option("timeout", "t", "", "positive", "timeout", "", "seconds until the nodes have to be idle (120)"),
    Option("verbose", "v", "", "count", "verbose", "", "show what is done on the hosts"),
    Option("help", "h", "", "help", "help", "", "list verbs and options"),
    Option("usage", "", "", "usage", "usage", "", "the short list of verbs"),
    Option("version", "V", "", "version", "version", "", "the version"),
)

_SSH = ("accept", "port", "login", "identity", "jump", "ssh_config", "parallel", "verbose", "name")

TAKEN: dict[str, frozenset[str]] = {
    "up": frozenset({*_SSH, "dry_run", "controller", "with", "set", "directory", "no_links", "timeout"}),
    "status": frozenset(_SSH),
    "add": frozenset({*_SSH, "dry_run", "with", "timeout"}),
    "remove": frozenset({*_SSH, "dry_run", "force", "wait", "timeout"}),
    "upgrade": frozenset({*_SSH, "dry_run", "with", "timeout"}),
    "down": frozenset({*_SSH, "dry_run", "keep_state", "force", "wait"}),
    "logs": frozenset({*_SSH, "lines", "follow"}),
}
"""Verb -> names of what it hears (Option.sets)."""

USAGE = "Usage: mgpu_cluster [options] " + "|".join(verb for verb, _, _ in VERBS) + " [host...]\n"
