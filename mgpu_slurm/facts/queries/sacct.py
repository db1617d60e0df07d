"""sacct's options and what it shows without one."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str, env: str = "", since: tuple[int, int] | None = None) -> Option:
    return Option(name, letter, "", kind, sets, "", help, env, since)


ROWS: tuple[Option, ...] = (
    _row("allusers", "a", "flag", "all_users", "jobs of all users"),
    _row("accounts", "A", "text", "accounts", "only these accounts"),
    _row("allocations", "X", "flag", "allocations", "no lines for steps"),
    _row("array", "", "flag", "array", "a line for each waiting task of an array", since=(22, 6)),
    _row("brief", "b", "flag", "brief", "id, state and exit code"),
    _row("batch-script", "B", "flag", "script", "the batch scripts of the jobs"),
    _row("completion", "c", "flag", "completion", "job completion records in place of accounting"),
    _row("constraints", "C", "text", "constraints", "only jobs that asked for these features"),
    _row("delimiter", "", "text", "delimiter", "between the fields of -p and -P"),
    _row("duplicates", "D", "flag", "duplicates", "earlier runs of a requeued job too"),
    _row("federation", "", "flag", "federation", "jobs of all clusters of a federation", "SACCT_FEDERATION"),
    _row("helpformat", "e", "flag", "helpformat", "list the fields"),
    _row("help-fields", "e", "flag", "helpformat", "list the fields"),
    _row("helpreason", "", "flag", "helpreason", "list the reasons", since=(23, 2)),
    _row("helpstate", "", "flag", "helpstate", "list the states", since=(23, 2)),
    _row("endtime", "E", "text", "end", "jobs before this time"),
    _row("env-vars", "", "flag", "environment", "the environments of the batch jobs"),
    _row("expand-patterns", "", "flag", "expand", "fill in the patterns of file names", since=(24, 11)),
    _row("file", "f", "text", "file", "a file of job completion records"),
    _row("flags", "F", "text", "flags", "only jobs with these flags"),
    _row("gid", "g", "text", "groups", "only these groups"),
    _row("group", "g", "text", "groups", "only these groups"),
    _row("help", "h", "help", "help", "list the options"),
    _row("local", "", "flag", "local", "this cluster only", "SACCT_LOCAL"),
    _row("name", "", "text", "names", "only jobs of these names"),
    _row("nnodes", "i", "text", "num_nodes", "only jobs of so many nodes, MIN or MIN-MAX"),
    _row("ncpus", "I", "text", "num_cpus", "only jobs of so many CPUs, MIN or MIN-MAX"),
    _row("jobs", "j", "text", "jobs", "only these jobs or steps"),
    _row("timelimit-min", "k", "text", "least_limit", "only jobs of this time limit, or above with -K"),
    _row("timelimit-max", "K", "text", "most_limit", "the upper bound to -k"),
    _row("long", "l", "flag", "long", "many fields"),
    _row("allclusters", "L", "flag", "all_clusters", "all clusters"),
    _row("cluster", "M", "text", "clusters", "only these clusters", "SLURM_CLUSTERS"),
    _row("clusters", "M", "text", "clusters", "only these clusters", "SLURM_CLUSTERS"),
    _row("nodelist", "N", "text", "nodes", "only jobs that ran on one of these nodes"),
    _row("noconvert", "", "flag", "noconvert", "keep units"),
    _row("units", "", "text", "units", "show amounts in K, M, G, T or P"),
    _row("noheader", "n", "flag", "noheader", "no header"),
    _row("fields", "o", "text", "format", "the fields, each with %width if another is wanted", "SACCT_FORMAT"),
    _row("format", "o", "text", "format", "the fields, each with %width if another is wanted", "SACCT_FORMAT"),
    _row("parsable", "p", "flag", "parsable", "fields ended by |"),
    _row("parsable2", "P", "flag", "parsable2", "fields separated by |"),
    _row("qos", "q", "text", "qos", "only these QOS"),
    _row("partition", "r", "text", "partitions", "only these partitions"),
    _row("reason", "R", "text", "reasons", "only jobs that waited for these reasons", since=(22, 6)),
    _row("state", "s", "text", "states", "jobs that were in these states in the time window"),
    _row("starttime", "S", "text", "start", "jobs after this time"),
    _row("truncate", "T", "flag", "truncate", "cut times to the window"),
    _row("uid", "u", "text", "users", "only these users"),
    _row("use-local-uid", "", "flag", "local_uid", "names of this machine's users"),
    _row("usage", "U", "usage", "usage", "the short list of options"),
    _row("user", "u", "text", "users", "only these users"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    _row("wckeys", "W", "text", "wckeys", "only these workload keys"),
    Option("whole-hetjob", "", "", "text", "whole_het", "", "all components of a heterogeneous job, yes or no", optional=True),
    _row("associations", "x", "text", "associations", "only these associations"),
    Option("json", "", "", "text", "json", "", "JSON", optional=True),
    Option("yaml", "", "", "text", "yaml", "", "YAML", optional=True),
    AUTOCOMPLETE,
)

FLAGS = ("None", "SchedSubmit", "SchedMain", "SchedBackfill", "StartRecieved")
"""What --flags may name; one of them is spelled so by Slurm."""

USAGE = "Usage: sacct [options]\n\tUse --help for help\n"

DEFAULT = "jobid,jobname,partition,account,alloccpus,state,exitcode"
BRIEF = "jobid,state,exitcode"
LONG = (
    "jobid,jobidraw,jobname,partition,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,"
    "maxpages,maxpagesnode,maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,alloccpus,elapsed,state,exitcode,"
    "avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,reqmem,consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,"
    "avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,avediskwrite,reqtres,alloctres,tresusageinave,"
    "tresusageinmax,tresusageinmaxn,tresusageinmaxt,tresusageinmin,tresusageinminn,tresusageinmint,tresusageintot,"
    "tresusageoutmax,tresusageoutmaxn,tresusageoutmaxt,tresusageoutave,tresusageouttot"
)
