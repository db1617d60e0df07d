"""sprio's options and formats."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, env: str = "", optional: bool = False) -> Option:
    return Option(name, letter, "", kind, sets, "", help, env, None, None, optional)


ROWS: tuple[Option, ...] = (
    _row("noheader", "h", "flag", "noheader", "no header"),
    _row("jobs", "j", "text", "jobs", "only these jobs", optional=True),
    _row("long", "l", "flag", "long", "all factors"),
    _row("cluster", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    _row("clusters", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    _row("norm", "n", "flag", "norm", "factors between 0 and 1"),
    _row("format", "o", "text", "format", "columns by letters", "SPRIO_FORMAT"),
    _row("sort", "S", "text", "sort", "order by these letters"),
    _row("partition", "p", "text", "partitions", "only these partitions"),
    _row("user", "u", "text", "users", "only these users"),
    _row("users", "u", "text", "users", "only these users"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    _row("weights", "w", "flag", "weights", "the weights of the factors"),
    _row("federation", "", "flag", "federation", "jobs of all clusters of a federation", "SPRIO_FEDERATION"),
    _row("help", "", "help", "help", "list the options"),
    Option("helpformat", "", "", "flag", "helpformat", "", "list the letters", since=(23, 2)),
    _row("local", "", "flag", "local", "this cluster only", "SPRIO_LOCAL"),
    _row("sib", "", "flag", "sibling", "siblings of a federation", "SPRIO_SIBLING"),
    _row("sibling", "", "flag", "sibling", "siblings of a federation", "SPRIO_SIBLING"),
    _row("usage", "", "usage", "usage", "the short list of options"),
    AUTOCOMPLETE,
)

USAGE = """\
Usage: sprio [-j jid[s]] [-u user_name[s]] [-o format] [-p partitions]
   [--federation] [--local] [--sibling] [--usage] [-hlnvVw]
"""

LONG = "%.15i %9r %.8u %.8o %.10Y %.10S %.10A %.10B %.10F %.10J %.10P %.10n %.10Q %.11N %.20T"
LONG_22_05 = "%.15i %9r %.8u %.10Y %.10S %.10A %.10B %.10F %.10J %.10P %.10Q %.11N %.20T"
LONG_NORM = "%.15i %9r %.8u %.8o %10y %10a %10b %10f %10j %10p %10n %10q %20t"
LONG_NORM_22_05 = "%.15i %9r %.8u %10y %10a %10b %10f %10j %10p %10q %20t"
