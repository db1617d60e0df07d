"""sstat's options and what it shows without one."""

from __future__ import annotations

from mgpu_slurm.facts.option import AUTOCOMPLETE, Option


def _row(name: str, letter: str, kind: str, sets: str, help: str) -> Option:
    return Option(name, letter, "", kind, sets, "", help)


ROWS: tuple[Option, ...] = (
    _row("allsteps", "a", "flag", "all_steps", "all steps of a job that is named without one"),
    _row("helpformat", "e", "flag", "helpformat", "list the fields"),
    _row("help", "h", "help", "help", "list the options"),
    _row("jobs", "j", "text", "jobs", "the jobs or steps"),
    _row("noheader", "n", "flag", "noheader", "no header"),
    _row("fields", "o", "text", "format", "the fields, each with %width if another is wanted"),
    _row("format", "o", "text", "format", "the fields, each with %width if another is wanted"),
    _row("noconvert", "", "flag", "noconvert", "keep units"),
    _row("pidformat", "i", "flag", "pidformat", "the processes of each step"),
    _row("parsable", "p", "flag", "parsable", "fields ended by |"),
    _row("parsable2", "P", "flag", "parsable2", "fields separated by |"),
    _row("usage", "", "usage", "usage", "the short list of options"),
    _row("verbose", "v", "count", "verbose", "more about what is done"),
    _row("version", "V", "version", "version", "the version"),
    AUTOCOMPLETE,
)

USAGE = "Usage: sstat [options] -j <job(.stepid)>\n\tUse --help for help\n"

DEFAULT_22_05 = (
    "jobid,maxvmsize,maxvmsizenode,maxvmsizetask,avevmsize,maxrss,maxrssnode,maxrsstask,averss,maxpages,maxpagesnode,"
    "maxpagestask,avepages,mincpu,mincpunode,mincputask,avecpu,ntasks,avecpufreq,reqcpufreqmin,reqcpufreqmax,reqcpufreqgov,"
    "consumedenergy,maxdiskread,maxdiskreadnode,maxdiskreadtask,avediskread,maxdiskwrite,maxdiskwritenode,maxdiskwritetask,"
    "avediskwrite,tresusageinave,tresusageinmax,tresusageinmaxn,tresusageinmaxt,tresusageinmin,tresusageinminn,"
    "tresusageinmint,tresusageintot,tresusageoutave,tresusageoutmax,tresusageoutmaxn,tresusageoutmaxt,tresusageoutmin,"
    "tresusageoutminn,tresusageoutmint,tresusageouttot"
)
DEFAULT = DEFAULT_22_05.replace("jobid,", "jobid,alloctres,", 1)
PIDS = "jobid,nodelist,pids"
