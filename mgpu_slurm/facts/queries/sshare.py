"""sshare's options and fields. No shares are kept here, so that its table has no rows."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, env: str = "") -> Option:
    return Option(name, letter, "", kind, sets, "", help, env)


ROWS: tuple[Option, ...] = (
    _row("accounts", "A", "text", "accounts", "only these accounts"),
    _row("all", "a", "flag", "all", "all users"),
    _row("helpformat", "e", "flag", "helpformat", "list the fields"),
    _row("long", "l", "flag", "long", "more fields"),
    _row("partition", "m", "flag", "partition", "with partitions"),
    _row("cluster", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    _row("clusters", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    _row("noheader", "n", "flag", "noheader", "no header"),
    _row("noheader", "h", "flag", "noheader", "no header"),
    _row("format", "o", "text", "format", "the fields, each with %width if another is wanted"),
    _row("parsable", "p", "flag", "parsable", "fields ended by |"),
    _row("parsable2", "P", "flag", "parsable2", "fields separated by |"),
    _row("users", "u", "text", "users", "only these users"),
    _row("Users", "U", "flag", "only_users", "only lines of users"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    _row("help", "", "help", "help", "list the options"),
    _row("usage", "", "usage", "usage", "the short list of options"),
    AUTOCOMPLETE,
)

USAGE = "Usage: sshare [-aAehlmMnopPuUvV]\n"

DEFAULT = "account,user,rawshares,normshares,rawusage,effectvusage,fairshare"
WITH_PARTITION = "account,user,partition,rawshares,normshares,rawusage,effectvusage,fairshare"
LONG = "account,user,rawshares,normshares,rawusage,normusage,effectvusage,fairshare,levelfs,grptresmins,tresrunmins"

FIELDS: tuple[tuple[str, int], ...] = (
    ("Account", -20), ("Cluster", 10), ("EffectvUsage", 13), ("FairShare", 10), ("GrpTRESMins", 30), ("GrpTRESRaw", 30),
    ("ID", 6), ("LevelFS", 10), ("NormShares", 11), ("NormUsage", 11), ("Partition", 12), ("RawShares", 10), ("RawUsage", 11),
    ("TRESRunMins", 30), ("User", 10),
)  # fmt: skip
"""Name and width, below 0 left-justified."""
