"""squeue's options. Values are texts; the variable behind `env` stands in for the option."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(
    name: str,
    letter: str,
    kind: str,
    sets: str,
    help: str,
    env: str = "",
    since: tuple[int, int] | None = None,
    optional: bool = False,
) -> Option:
    return Option(name, letter, "", kind, sets, "", help, env, since, None, optional)


ROWS: tuple[Option, ...] = (
    _row("accounts", "A", "text", "accounts", "only these accounts", "SQUEUE_ACCOUNT"),
    _row("all", "a", "flag", "all", "hidden partitions too", "SQUEUE_ALL"),
    _row("array", "r", "flag", "array", "one line per array task", "SQUEUE_ARRAY"),
    _row("array-unique", "", "flag", "array_unique", "one line for the waiting tasks of an array", "SQUEUE_ARRAY_UNIQUE"),
    _row("expand-patterns", "", "flag", "expand", "fill in the patterns of file names", since=(24, 11)),
    _row("Format", "O", "text", "names_format", "columns by long names", "SQUEUE_FORMAT2"),
    _row("format", "o", "text", "format", "columns by letters", "SQUEUE_FORMAT"),
    _row("federation", "", "flag", "federation", "jobs of all clusters of a federation", "SQUEUE_FEDERATION"),
    _row("help", "", "help", "help", "list the options"),
    _row("helpstate", "", "flag", "helpstate", "list the job states", since=(23, 2)),
    _row("helpformat", "", "flag", "helpformat", "list the letters", since=(23, 2)),
    _row("helpFormat", "", "flag", "helpnames", "list the long names", since=(23, 2)),
    _row("hide", "", "flag", "hide", "no hidden partitions"),
    _row("iterate", "i", "text", "iterate", "again every so many seconds"),
    _row("jobs", "j", "text", "jobs", "only these jobs", optional=True),
    _row("local", "", "flag", "local", "this cluster only", "SQUEUE_LOCAL"),
    _row("long", "l", "flag", "long", "more columns"),
    _row("licenses", "L", "text", "licenses", "only jobs with these licences", "SQUEUE_LICENSES"),
    _row("cluster", "M", "text", "clusters", "other clusters", "SLURM_CLUSTERS"),
    _row("clusters", "M", "text", "clusters", "other clusters", "SLURM_CLUSTERS"),
    _row("me", "", "flag", "me", "own jobs"),
    _row("name", "n", "text", "names", "only jobs of these names", "SQUEUE_NAMES"),
    _row("noconvert", "", "flag", "noconvert", "keep units"),
    _row("node", "w", "text", "nodes", "only jobs on these nodes"),
    _row("nodes", "w", "text", "nodes", "only jobs on these nodes"),
    _row("nodelist", "w", "text", "nodes", "only jobs on these nodes"),
    _row("noheader", "h", "flag", "noheader", "no header"),
    _row("notme", "", "flag", "notme", "all but own jobs", since=(24, 5)),
    _row("only-job-state", "", "flag", "only_state", "ids and states only", since=(24, 5)),
    _row("partitions", "p", "text", "partitions", "only these partitions", "SQUEUE_PARTITION"),
    _row("priority", "P", "flag", "priority", "a line for each partition of a waiting job", "SQUEUE_PRIORITY"),
    _row("qos", "q", "text", "qos", "only these QOS", "SQUEUE_QOS"),
    _row("reservation", "R", "text", "reservation", "only this reservation"),
    _row("running-over", "", "text", "running_over", "only jobs that have run at least so long", since=(25, 5)),
    _row("running-under", "", "text", "running_under", "only jobs that have run for less", since=(25, 5)),
    _row("sib", "", "flag", "sibling", "siblings of a federation", "SQUEUE_SIB"),
    _row("sibling", "", "flag", "sibling", "siblings of a federation", "SQUEUE_SIBLING"),
    _row("sort", "S", "text", "sort", "order by these letters", "SQUEUE_SORT"),
    _row("start", "", "flag", "start", "expected starts of waiting jobs"),
    _row("steps", "s", "text", "steps", "steps", optional=True),
    _row("states", "t", "text", "states", "only these states, or all", "SQUEUE_STATES"),
    _row("usage", "", "usage", "usage", "the short list of options"),
    _row("user", "u", "text", "users", "only these users", "SQUEUE_USERS"),
    _row("users", "u", "text", "users", "only these users", "SQUEUE_USERS"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    _row("json", "", "text", "json", "JSON", optional=True),
    _row("yaml", "", "text", "yaml", "YAML", optional=True),
    _row("account", "U", "text", "accounts", "only these accounts"),
    AUTOCOMPLETE,
)

BARE_LISTS = ("jobs", "steps")
"""Options whose list may be the next word."""

JOBS = "jobarrayid:.18 ,partition:.9 ,name:.8 ,username:.8 ,statecompact:.2 ,timeused:.10 ,numnodes:.6 ,reasonlist:0"
LONG = (
    "jobarrayid:.18 ,partition:.9 ,name:.8 ,username:.8 ,state:.8 ,timeused:.10 ,timelimit:.9 ,numnodes:.6 ,reasonlist:0"
)
STEPS = "%.15i %.8j %.9P %.8u %.9M %N"
START = "%.18i %.9P %.8j %.8u %.2t %.19S %.6D %20Y %R"
ONLY_STATE = "%.18i %.2t"

SORT_JOBS, SORT_STEPS, SORT_START = "P,t,-p", "P,i", "S"

USAGE = """\
Usage: squeue [-A account] [--clusters names] [-i seconds] [--job jobid]
              [-n name] [-o format] [-p partitions] [--qos qos]
              [--reservation reservation] [--sort fields] [--start]
              [--step step_id] [-t states] [-u user_name] [--usage]
              [-L licenses] [-w nodes] [--federation] [--local] [--sibling]
\t      [-ahjlrsv]
"""
