"""Every option of sacct with usual, odd, empty and wrong values, and every field in several widths, on Slurm and on ours.

`python -m tests.oracle.survey_sacct [PATTERN]` makes the jobs of accounted_jobs.sh, which takes three minutes, and prints what
differs. What is left is known and said in KNOWN.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

from mgpu_slurm.facts.fields.sacct import COLUMNS
from mgpu_slurm.facts.option import NONE
from mgpu_slurm.facts.queries import sacct
from tests.oracle import survey
from tests.oracle.accounting_cluster import AccountingCluster
from tests.oracle.comparing import LIB

OLD = (22, 5)
JOBS = (
    "LATE", "OK", "FAIL", "SIG", "STEPS", "UNBORN", "ARRAY", "SOME", "HET", "BROKEN", "AGAIN", "TWICE", "STOPPED", "RUN",
    "HUSHED", "WAITS", "FOLLOWS", "HELD",
)  # fmt: skip
SKIPPED = frozenset(("autocomplete", "help", "usage", "version"))
KNOWN = """\
what Slurm's database hears late or never (Reason and Priority of what was held, AllocNodes of a requeued job, 365 days for no
limit, INVALID for the wait of what begins tomorrow); -F (which scheduler started a job); numbers of a database (-x matches
nobody); -q of a name that is none; comments, which are always kept; options of newer versions (-R, --json=x) are taken; what -v
says of plugins, -h; --env-vars (two suites' environments); the header above what is said of a wrong list of hosts, a zero byte
after an empty unit; tasks of arrays that wait are found by their numbers; steps of a job whose nodes changed, which Slurm
leaves with the part before (RESIZING) and forgets there"""
CHANCE = frozenset(
    ("AllocNodes", "AssocID", "DBIndex", "Elapsed", "ElapsedRaw", "Flags", "Priority", "Reserved", "ResvCPU", "ResvCPURAW")
    + ("CPUTime", "CPUTimeRAW", "Suspended")
)
"""Fields whose values are chance or a database's own: only how they are headed and cut is compared."""

ALL = "-j " + ",".join(f"${name}" for name in JOBS)
SHOWN = "-P -o jobid,jobname,state,exitcode"
VALUES = {
    "accounts": "acc ACC acc,other nosuch root",
    "associations": "1 2 3 x 1,2 0",
    "cluster": "test TEST nosuch all -1",
    "clusters": "test nosuch test,nosuch",
    "constraints": "x a,b",
    "delimiter": "; ab |",
    "endtime": "now now-1hour now+1hour 1970-01-01 tomorrow fika 12:00 0 2099-01-01 2099-13-01",
    "fields": "jobid JobID state,jobid nosuch jobid,,state , jobid% job%5,state%-8 uid,user",
    "file": "/nonexistent /etc/passwd",
    "flags": "None SchedMain SchedSubmit SchedBackfill StartRecieved schedmain nosuch SchedMain,StartRecieved",
    "format": "jobid%5,state%+9 state%-3 jobname%1 jobname%0 jobname%x jobid:5 'jobid state' j s p u t",
    "gid": "0 root nosuch 12345",
    "group": "0 root,daemon",
    "jobs": "$OK $OK,$FAIL $OK.batch $STEPS.0 $STEPS.0,$STEPS.2 $STEPS.9 $STEPS.x $ARRAY ${ARRAY}_2 ${ARRAY}_9 ${ARRAY}_x"
    " ${ARRAY}_[1-2] ${ARRAY}_1,${ARRAY}_3 $HET $HET+1 $HET+0.batch $((HET+1)) $HET+9 $OK+0 999999 0 -1 x 1.5.2 $OK, ,$OK ,"
    " $OK.extern $SOME ${SOME}_1 ${SOME}_5 $OK,$OK $TWICE $OK.0 2147483648 4294967296 99999999999",
    "name": "ok nosuch ok,failing OK o 'ok ' het,hetb run",
    "ncpus": "1 2 1-2 2-4 4-2 x 1-x 0 2- -2",
    "nnodes": "1 2 1-2 2-1 x 0 3",
    "nodelist": "n0 n[0-3] n3 n9 n[ n0,n2 n[2-1]",
    "partition": "gpu debug nosuch gpu,small DEBUG",
    "qos": "normal nosuch 1 NORMAL",
    "reason": "None Dependency x BeginTime JobHeldUser",
    "starttime": "now now-1hour now+1hour 1970-01-01 today midnight fika 0 12:99 2099-01-01 now-5",
    "state": "CD cd COMPLETED F CA R PD TO NF RQ S OOM completed nosuch CD,F CA,TO PD,R ,CD completing BF DL CG all NODE_FAIL"
    " RS RV SO ST SI SE PR HO",
    "timelimit-max": "1 5 10 unlimited x",
    "timelimit-min": "1 5 0 unlimited x 1-0 1:30",
    "uid": "0 root nosuch 1 daemon 12345",
    "units": "K M G T P k x KM 1",
    "user": "root 0 nosuch root,daemon 1 12345",
    "wckeys": "wk x '*wk' '*'",
    "whole-hetjob": "yes no YES x",
}  # fmt: skip

OF_ITSELF = frozenset(
    ("accounts", "allocations", "array", "associations", "brief", "cluster", "clusters", "duplicates", "endtime", "fields")
    + ("format", "jobs", "long", "state", "starttime", "user", "uid", "allusers")
)
"""Options that are also tried without any other filter."""

MORE = (
    "-j $HET+1 --whole-hetjob=yes", "-j $HET --whole-hetjob=no", "-j $((HET+1)) --whole-hetjob=no",
    "-s CD -S now-1hour -E now", "-s F,TO,NF -S now-1hour -E now", "-s R -S now-1hour -E now", "-s PD -S now-1hour -E now",
    "-s R", "-s PD", "-s CD", "-s RQ -D", "-s S", "-s S -S now-1hour -E now", "-s CA,RQ -D -S now-1hour -E now", "-k 1 -K 5",
    "-k 5 -K 1", "-k 4 -K 6 -X", "-K 5", "-D -S now-1hour", "-D -X", "-T -S now-1hour -E now -X", "-b -X",
    "-l -X -j 1", "-b -l -j 1", "-X -o jobid -b", "-e", "-c", "-c -b", "-c -l", "-p -P -j $OK", "-P -p -j $OK",
    "-p --delimiter=: -j $OK", "--delimiter=: -j $OK", "-n -j $OK", "-h -n", "-u daemon -j $OK", "-u daemon -a",
    "-a -u root -X", "-S now+1hour", "-E now-1hour", "-S now -E now-1hour", "-S now-1hour -E now -X",
    "-N n0 -S now-1hour -X", "-N n[0-1],n3 -X", "-i 2 -X", "-I 2-4 -X", "-r debug,small -X", "-W wk -X", "-q normal -X",
    "-q normal,x -X", "-A acc -X", "-A x,acc -X", "-x 1 -X", "-M test -X", "-L -X", "--federation -X", "--local -X",
    "-v -X -j $OK", "-vv -X -j $OK", "-F SchedMain -X", "-C x -X", "--name=ok,run -X", "-g root -X", "-B", "-B -j $OK",
    "--env-vars", "--env-vars -j $OK", "-j $STEPS -X -o alloctres%60,reqtres%60", "-j $STEPS --units=G -X -o alloctres%60",
    "-j $STEPS --noconvert -X -o reqmem,alloctres%60", "-o all -j 1", "-o jobid -o state -j $OK",
    "-o jobid,jobname --fields=state -j $OK", "-j $OK -j $FAIL -X", "-j $OK -X extra", "$OK", "-j", "--json=x", "-z",
    "--jobs", "--nosuch", "--st=CD -X -S now-1hour -E now", "-Xnj$OK", "-j$OK -Xo state", "--use-local-uid -X -j $OK", "-U",
    "-X --allusers", "--noheader --parsable2 --allocations --jobs=$OK --format=state", "-nXPj $TWICE -D", "-R Dependency -X",
    "-R None -X -S now-1hour",
)  # fmt: skip
FORMS = ("-P -o jobid,{}", "-o {}", "-n -o {}%-20", "-n -o {}%3", "-n -p -o {}", "-n -o {}%40")


def quoted(text: str) -> str:
    """For the shell, which still fills in the ids of jobs."""
    return '"' + text.replace('"', '\\"') + '"'


def tries() -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    yield "jobs", "true"
    for words in (*MORE, f"{ALL} -X -D", f"{ALL} -D -o jobid,jobidraw,state", f"{ALL} -p"):
        yield words, f"try {words}"
    for row in sacct.ROWS:
        if row.name in SKIPPED or not row.known_to(OLD):
            continue
        values = [None] if row.arg == NONE else [*shlex.split(VALUES.get(row.name, "x")), "", "gar,bage"]
        for value in values:
            word = f"--{row.name}" + ("" if value is None else f"={value}")
            shown = SHOWN if row.sets != "format" else "-P"
            yield f"{word} {shown} ALL", f"try {ALL} {shown} {quoted(word)}"
            if row.name in OF_ITSELF:
                yield f"{word} -X {shown}", f"try -X {shown} {quoted(word)}"
    for column in COLUMNS:
        if not column.known_to(OLD):
            continue
        # what short tasks used is chance, and Slurm sees little of it
        chance = "use" in column.columns or column.name in CHANCE or column.name.endswith(("CPU", "Energy", "EnergyRaw"))
        jobs = "-j 1" if chance else ALL
        for form in FORMS:
            yield form.format(column.name), f"try {jobs} {form.format(column.name)}"
        words = ",".join(column.name[:size] for size in range(1, len(column.name)))
        yield f"{column.name} by beginnings", f"try -j 1 -o {words}"


SHELL = f"""
. {LIB}
W=$PWD
. {LIB.parent}/accounted_jobs.sh
try() {{ sacct "$@" > $W/out 2> $W/err; s=$?; cat $W/out $W/err | sed -E "$NAMED;s#$W#<cwd>#g"; echo "status $s"; }}
NAMED=$(for name in {" ".join(JOBS)}; do printf 's/\\\\b%s\\\\b/%s/g;' "${{!name}}" $name; done)
"""


def main(pattern: str = "") -> int:
    chosen = [(what, line) for what, line in tries() if what == "jobs" or re.search(pattern, what)]
    differ = survey.differing(chosen, SHELL, real_kind=AccountingCluster)
    print(f"{len(chosen)} tried, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
