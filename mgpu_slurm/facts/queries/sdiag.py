"""sdiag's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, env: str = "") -> Option:
    return Option(name, letter, "", kind, sets, "", help, env)


ROWS: tuple[Option, ...] = (
    _row("all", "a", "flag", "all", "all statistics"),
    _row("help", "h", "help", "help", "list the options"),
    _row("reset", "r", "flag", "reset", "begin to count anew"),
    _row("sort-by-id", "i", "flag", "by_id", "requests by number"),
    _row("cluster", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    _row("clusters", "M", "text", "clusters", "another cluster", "SLURM_CLUSTERS"),
    Option("no-trunc", "", "", "flag", "whole", "", "names of requests in full", since=(23, 2)),
    _row("sort-by-time", "t", "flag", "by_time", "requests by the time they took in all"),
    _row("sort-by-time2", "T", "flag", "by_mean", "requests by the time one takes"),
    _row("usage", "", "usage", "usage", "the short list of options"),
    _row("version", "V", "version", "version", "the version"),
    Option("json", "", "", "text", "json", "", "JSON", since=(23, 2), optional=True),
    Option("yaml", "", "", "text", "yaml", "", "YAML", since=(23, 2), optional=True),
    AUTOCOMPLETE,
)

USAGE = "Usage: sdiag [-M cluster] [-aritT]\n"

COLUMNS = (
    "since submitted started completed canceled failed pending running cycle_last cycle_max cycle_count cycle_mean cycle_sum"
    " depth_mean depth_sum queue_length requests users"
)
