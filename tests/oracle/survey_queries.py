"""Every option, letter, name, sort key, filter and variable of the query commands over one set of jobs, on Slurm and on ours.

`python -m tests.oracle.survey_queries NAME [PATTERN]` prints what differs in output and exit status for the lines of
surveys/NAME.txt (squeue, sinfo, scontrol, update, ...) and for the columns of the listings. What is left is known and said
in KNOWN.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from mgpu_slurm.facts.fields import job, partition, step
from tests.oracle import survey

SURVEYS = Path(__file__).resolve().parent / "surveys"
SHELL = (SURVEYS / "jobs.sh").read_text()

KNOWN = """\
chance: which job a pass takes first (Reason, SchedNodeList), AccrueTime of what has just become eligible, the order of what a
sort leaves equal (partitions of a node above all), a node that has just been resumed and does not respond yet.
sinfo without a key that sorts is in an order of chance.
Deliberate: sinfo -t skips blanks behind a comma, -O name:-8 shows the name, %10 ends its complaint without a NUL, %all has no
blanks before its bars; CPUs of a suspended job stay its own (CPUAlloc, %C); --clusters works without a database; sort letters,
states, %all and long names of newer versions are taken; -j ID+OFFSET and -j ID_[LIST] choose what they name; ids and steps with
something meaningless behind them are refused, and `.batch` is the batch step; --start with -O shows the columns asked for;
--help has sentences of our own; hostlists that cannot be read are named as they were typed; SCANCEL_BATCH=1 counts as true;
sprio takes elements of arrays, %all, %n and -S b, %c names the cluster and --sib adds no column; -S takes letters that 22.05
does not, and j and A for steps; steps' START_TIME is as far to the right as its column; what waits for a job without a limit is
expected when that has run a year (Slurm: after bf_window); squeue -s and -j beside each other name what cannot be read; ids
that cannot be read are named without blanks; SLURM_CLUSTERS gives way to -M; the node daemon's version is its own; after a job
was shrunk Slurm refuses all further changes of it; a partition whose creation was refused is not there; a waiting job gets the
CPUs of its tasks at its start, whatever sum an update has left (22.05 gives three tasks one CPU after NumTasks=3), and 0 of
something is as good as none; empty texts go away; a job that is to reboot its nodes shares them with nobody, also when that is
asked by an update; a running job that is held keeps the moment from which it was eligible. CoreCnt that NodeCnt does not divide
is dealt out (Slurm adds whole nodes); a node's Gres= goes back to what was found, and another type of GPU is no name for it;
AdminComment= and Account= are kept on the job, as they were asked; a change that is refused changes nothing, and hinders none
after it; partitions keep what a wrong MinNodes= or Nodes= would have broken; `update frontend` is none; getent lists the groups
of a step's user as this host knows them; create nodename is none: nodes join by themselves; `show step JOB_TASK.STEP` is that
step; quotes may stand in commands read from standard input; scancel refuses signals that are none, and is silent about steps
that are not there; SCANCEL_VERBOSE, _FULL and _BATCH take 1; sattach and
scancel take offsets of components alone; the weight of nodename=ALL can be changed;
a job that gave all it had to another one still says where it was."""

NEWER = frozenset(
    (
        "containerid", "cronjob", "exclusive", "excnodes", "licensesalloc", "numtasks", "runtime", "segmentsize", "sluid",
        "stdin", "stdout", "stderr", "pendingtime", "timeleft", "timeused", "allocnodes", "cpusload", "freemem", "port",
        "version",
    )
)  # fmt: skip
"""Long names that 22.05 has not, or whose value passes with the time."""

NOT_SORTED = frozenset("akoqrswxyAEFKRWXYZbchfnO")
"""Letters that squeue of 22.05 refuses to sort by or leaves in their order; ours sorts by most."""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
BLURS = [
    (re.compile(pattern), text)
    for pattern, text in (
        (r"\b70(\d{3})\b", r"<\1>"),
        # what passes while a survey runs: seconds since a start, what is left of an hour or a day
        (r"(?<![\d:-])\d:\d\d(?![:\d])", "M:SS"),
        (r"(?<![\d:-])5\d:\d\d(?![:\d])", "5M:SS"),
        (r"23:5\d:\d\d", "H:MM:SS"),
        (r"(Time|Eval)=(\d\d:\d\d:\d\d|1\d{9})\b", r"\1=<clock>"),
        (r"\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}", "<date>"),
        (r"\b(RunTime|CPULoad|FreeMem|Version)=\S+", r"\1=<x>"),
        (r"\bScheduler=\w+", "Scheduler=<x>"),
        (r"(SrunHost:Pid=\S+):\d+", r"\1:<pid>"),
        # names of this host, and what Slurm tells of its own insides
        (rf"\b(localhost|{re.escape(os.uname().nodename)})\b", "<host>"),
        (r"err: \w+: (select|debug|auth|hash)[/: ].*\n", ""),
        (r"last_update_time=\d+ records=\d+", "<records>"),
    )
]


def squeue_columns() -> Iterator[str]:
    for letter in LETTERS:
        yield f"squeue -t all -o '%{letter}|%.5{letter}|%12{letter}|'"
        yield f"squeue -h -s -o '%{letter}|%.5{letter}|%12{letter}|'"
        if letter not in NOT_SORTED:
            for sign in ("", "-", "+"):
                yield f"squeue -h -t all -S {sign}{letter},i -o '%i %{letter}'"
        yield f"squeue -h -s -S {letter},i -o '%i'"
    for name in sorted(set(job.JOB.names) - NEWER):
        yield f"squeue -t all -O '{name}'"
        yield f"squeue -t all -O '{name}:5,{name}:.9,{name}:.4'"
        yield f"squeue -h -r -t all -O '{name}:40,{name}:|'"
    for name in sorted(set(step.STEP.names) - NEWER):
        yield f"squeue -s -O '{name}:.30'"
        yield f"squeue -s -O '{name},{name}:5'"


def sinfo_columns() -> Iterator[str]:
    for letter in sorted(set(LETTERS) - set("eOv")):  # load, free memory and version are what they are
        yield f"sinfo -o '%{letter}|%.5{letter}|%12{letter}|'"
        yield f"sinfo -N -o '%N %P %{letter}|%.4{letter}'"
        yield f"sinfo -e -o '%{letter} %D'"
        for sign in ("", "-", "#"):
            yield f"sinfo -h -N -S '{sign}{letter},N' -o '%N %P %{letter}'"
            yield f"sinfo -h -S '{sign}{letter}' -o '%N %P %{letter}'"
    for name in sorted(set(partition.SINFO.names) - NEWER):
        yield f"sinfo -O '{name}'"
        yield f"sinfo -O '{name}:5,{name}:.9,{name}:.4'"
        yield f"sinfo -N -h -O 'nodelist:40,{name}:|'"
        yield f"sinfo -e -O '{name},nodes'"


def sprio_columns() -> Iterator[str]:
    for letter in LETTERS:
        yield f"sprio -o '%{letter}|%.5{letter}|%12{letter}|'"
        yield f"sprio -h -S {letter},i -o '%i'"
        yield f"sprio -w -o '%{letter}'"


COLUMNS = {"squeue": squeue_columns, "sinfo": sinfo_columns, "sprio": sprio_columns}


def settled(line: str, text: str) -> str:
    """Rows of sinfo that its sort leaves equal stand in an order of chance: those of a node in several partitions, all where
    nothing is sorted by, and those that show the same in the column sorted by, which is the last one. A node that was planned
    or has not answered keeps flags by which it is sorted for a while."""
    rows = text.split("\n")
    if not line.startswith(("sinfo", "env SINFO_SORT")):
        return text
    if " -N" in line or " --Node" in line:
        return "\n".join(row for _, same in groupby(rows, key=lambda row: row.split(" ")[0]) for row in sorted(same))
    if " -S " not in line or re.search(r"-S ('(|!|.?[ACFVi])'|foo)", line):
        return "\n".join(sorted(rows))
    return "\n".join(row for _, same in groupby(rows, key=lambda row: row.split(" ")[2:]) for row in sorted(same))


def tries(name: str) -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    lines = [line for line in (SURVEYS / f"{name}.txt").read_text().splitlines() if line.strip() and not line.startswith("#")]
    if name in COLUMNS:
        lines += COLUMNS[name]()
    for line in lines:
        yield line, f"say {line}"


def main(name: str, pattern: str = "") -> int:
    chosen = [(what, line) for what, line in tries(name) if re.search(pattern, what)]
    differ = survey.differing(chosen, SHELL, blurs=BLURS, settled=settled)
    print(f"{len(chosen)} tried of {name}, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
