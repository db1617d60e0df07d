"""sinfo's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option

_LATER = (23, 2)

ROWS: tuple[Option, ...] = (
    Option("all", "a", "", "flag", "all", "", "hidden partitions too", "SINFO_ALL"),
    Option("dead", "d", "", "flag", "dead", "", "only nodes that do not respond"),
    Option("exact", "e", "", "flag", "exact", "", "do not merge nodes that differ"),
    Option("federation", "", "", "flag", "federation", "", "all clusters of a federation", "SINFO_FEDERATION"),
    Option("future", "F", "", "flag", "future", "", "FUTURE nodes too", "SINFO_FUTURE", since=_LATER),
    Option("help", "", "", "help", "help", "", "list the options"),
    Option("helpformat", "", "", "flag", "helpformat", "", "list the letters", since=_LATER),
    Option("helpFormat", "", "", "flag", "helpnames", "", "list the long names", since=_LATER),
    Option("helpstate", "", "", "flag", "helpstate", "", "list the node states", since=_LATER),
    Option("hide", "", "", "flag", "hide", "", "no hidden partitions"),
    Option("iterate", "i", "", "text", "iterate", "", "again every so many seconds"),
    Option("local", "", "", "flag", "local", "", "this cluster only", "SINFO_LOCAL"),
    Option("long", "l", "", "flag", "long", "", "more columns"),
    Option("cluster", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("clusters", "M", "", "text", "clusters", "", "other clusters", "SLURM_CLUSTERS"),
    Option("nodes", "n", "", "text", "nodes", "", "only these nodes"),
    Option("noconvert", "", "", "flag", "noconvert", "", "keep units"),
    Option("noheader", "h", "", "flag", "noheader", "", "no header"),
    Option("Node", "N", "", "flag", "by_node", "", "a line for each node"),
    Option("format", "o", "", "text", "format", "", "columns by letters", "SINFO_FORMAT"),
    Option("Format", "O", "", "text", "names_format", "", "columns by long names"),
    Option("partition", "p", "", "text", "partition", "", "only these partitions", "SINFO_PARTITION"),
    Option("responding", "r", "", "flag", "responding", "", "only nodes that respond"),
    Option("list-reasons", "R", "", "flag", "reasons", "", "why nodes are down or drained"),
    Option("summarize", "s", "", "flag", "summarize", "", "a line for each partition"),
    Option("sort", "S", "", "text", "sort", "", "order by these letters", "SINFO_SORT"),
    Option("states", "t", "", "text", "states", "", "only nodes in these states"),
    Option("reservation", "T", "", "flag", "reservations", "", "reservations"),
    Option("usage", "", "", "usage", "usage", "", "the short list of options"),
    Option("verbose", "v", "", "count", "verbose", "", "more about what is done"),
    Option("version", "V", "", "version", "version", "", "the version"),
    Option("json", "", "", "text", "json", "", "JSON", optional=True),
    Option("yaml", "", "", "text", "yaml", "", "YAML", optional=True),
    AUTOCOMPLETE,
)

PLAIN = "partition:{p} ,available:.5 ,time:.10 ,nodes:.6 ,statecompact:.6 ,nodelist:0"
LONG = (
    "partition:{p} ,available:.5 ,time:.10 ,size:.10 ,root:.4 ,oversubscribe:.8 ,groups:.10 ,nodes:.6 ,statelong:.11 ,"
    "{r}nodelist:0"
)
LONG_RESERVATION = "reservation:.11 ,"
"""In the long listing since 24.05."""
NODES = "nodelist:{n} ,nodes:.6 ,partition:.9 ,statecompact:6"
NODES_LONG = (
    "nodelist:{n} ,nodes:.6 ,partition:.9 ,statelong:.11 ,cpus:4 ,socketcorethread:.8 ,memory:.6 ,disk:.8 ,weight:.6 ,"
    "features:.8 ,reason:20"
)
SUMMARY = "partition:{p} ,available:.5 ,time:.10 ,nodeaiot:.16 ,nodelist:0"
REASONS = "reason:20 ,user:9 ,timestamp:19 ,nodelist:0"
REASONS_LONG = "reason:20 ,userlong:12 ,timestamp:19 ,statecompact:6 ,nodelist:0"

SORT, SORT_NODES = "#P,-t", "N"

STATES_TEXT = (
    "unknown,down,idle,allocated,?,mixed,future,drain,drained,draining,no_respond,reserved,perfctrs,cloud,completing,"
    "powering_down,powered_down,power_down,powering_up,fail,maint,reboot,reboot^,unknown"
)
"""What sinfo lists after a wrong state."""

USAGE = """\
Usage: sinfo [-abdelNRrsTv] [-i seconds] [-t states] [-p partition] [-n nodes]
             [-S fields] [-o format] [-O Format] [--federation] [--local]
"""
