"""sreport's options. Its reports are made of accounts' usage, which is not kept here."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, env: str = "") -> Option:
    return Option(name, letter, "", kind, sets, "", help, env)


ROWS: tuple[Option, ...] = (
    _row("all_clusters", "a", "flag", "all_clusters", "all clusters"),
    _row("cluster", "M", "text", "clusters", "these clusters", "SREPORT_CLUSTER"),
    _row("federation", "", "flag", "federation", "clusters of a federation", "SREPORT_FEDERATION"),
    _row("help", "h", "help", "help", "list the options"),
    _row("immediate", "i", "flag", "immediate", "nothing"),
    _row("local", "", "flag", "local", "this cluster only", "SREPORT_LOCAL"),
    _row("noheader", "n", "flag", "noheader", "no header"),
    _row("parsable", "p", "flag", "parsable", "fields ended by |"),
    _row("parsable2", "P", "flag", "parsable2", "fields separated by |"),
    _row("quiet", "Q", "flag", "quiet", "no messages but errors"),
    _row("sort", "s", "flag", "sort", "order of the lines"),
    _row("time", "t", "text", "time", "unit of times"),
    _row("tres", "T", "text", "tres", "what is counted", "SREPORT_TRES"),
    _row("usage", "h", "help", "help", "list the options"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    AUTOCOMPLETE,
)
