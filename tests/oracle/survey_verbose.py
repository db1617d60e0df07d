"""What -v and -vv of srun, sbatch and salloc tell, the list of defined options and the way of a step, on Slurm and on ours.

`python -m tests.oracle.survey_verbose [sbatch|srun|salloc|steps] [PATTERN]` prints what differs. Not compared: what Slurm's
plugins and threads say of themselves, and the order in which nodes report.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import Option
from tests.oracle import survey, survey_options, survey_srun

SKIPPED = frozenset(("autocomplete", "cluster", "clusters", "help", "usage", "version", "uid", "gid"))
KNOWN = """\
clusters (ours has a database); a value that Slurm leaves out or wraps (numbers beyond 32 bits); words of --cpu-bind (the oracle
binds nothing and repeats them, another Slurm says (null)); --requeue and --no-requeue, --exclusive and -s together (Slurm
lists both, with the later one's value); no list where ours refuses what Slurm leaves to its controller; -v of several
--het-group, which Slurm counts again for each; sbatch of components on the command line, whose options Slurm mixes up;
--resv-ports of sbatch, --parsable and --pty=N of srun, which newer ones take; sbatch --nodelist= (a job of no nodes);
--priority of srun that holds nothing; --extra-node-info= (nothing); srun --multi-prog --test-only (ours reads no file then)"""

OWN = (
    r"select/|route/default|auth/munge|hash/k12|Entering |Leaving |port from|stdio listening|IO server|launch returned|IO thread"
    r"|mpi_p_client_prelaunch|laying out|debug[2-5]:|lacks support for cpu binding|queued and waiting|has been allocated"
    r"|propagating"
    r"|Complete StepId"
)
SHELL = rf"""
said() {{ grep -vE '{OWN}' | sed -E 's/\b7[0-9]{{4}}\b/J/g; s/20[0-9-]*T[0-9:]*/<time>/g'; }}
try() {{ timeout -k 5 6 "$@" < /dev/null > out 2>&1; s=$?; said < out | sed -n '/defined options/,/end of defined/p'
  echo "status $s"; }}
tasks() {{ timeout -k 5 9 "$@" < /dev/null > out 2>&1; s=$?; said < out | sort; echo "status $s"
  until [ -z "$(squeue -h -t R,CG,PD -o %i)" ] || [ -n "$SLURM_JOB_ID" ]; do sleep 0.05; done; }}
export -f said tasks
"""
BASES = {"sbatch": "sbatch -v --test-only", "srun": "srun -v --test-only", "salloc": "salloc -v -Q -H -I1"}
STEPS = (
    "srun -v true", "srun -v -n2 -N1 true", "srun -v -N2 -n3 true", "srun -v -n2 sh -c 'exit $SLURM_PROCID'",
    "srun -vv -n2 true", "srun -v -n1 true : -n2 true", "srun -v -n2 -K sh -c '[ $SLURM_PROCID = 0 ] && exit 2; sleep 5'",
    "srun -v nosuchprogram", "srun -v --cpu-bind=map_cpu:0 true", "srun -vv -c2 -n2 -w n1 true",
    "srun -vv --propagate=NOFILE -O -n3 -N2 true", "srun -v -n2 -W1 sh -c '[ $SLURM_PROCID = 0 ] || sleep 5'",
    "salloc -Q -N2 -n4 -c2 --mem=300 -J jj -m cyclic bash -c 'tasks srun -v true; tasks srun -vv -r1 -N1 -n1 true'",
    "salloc -Q -n1 : -n2 bash -c 'tasks srun -v --het-group=0,1 true'", "sbatch -v -n2 --wrap true -o /dev/null",
)  # fmt: skip


def tries(command: str) -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    if command == "steps":
        for line in STEPS:
            yield line, line if line.startswith("salloc") else f"tasks {line}"
        return
    values = survey_srun.values if command == "srun" else survey_options.values
    for row in options.of(command):
        if row.name in SKIPPED or not row.known_to(survey_options.OLD):
            continue
        for value in values(row):
            word = f"--{row.name}" + ("" if value is None else f"={value}")
            yield word, f"try {BASES[command]} {shlex.quote(word)} {_rest(command, row)}"
        for name in row.variables(options.LETTER[command]):
            first = next((value for value in values(row) if value), "")
            setting = f"{name}={first}"
            yield setting, f"try env {shlex.quote(setting)} {BASES[command]} {_rest(command, row)}"


def _rest(command: str, row: Option) -> str:
    return ("" if row.name == "wrap" else "--wrap true") if command == "sbatch" else "true"


def main(command: str = "sbatch", pattern: str = "") -> int:
    chosen = [(what, line) for what, line in tries(command) if re.search(pattern, what)]
    differ = survey.differing(chosen, SHELL)
    print(f"{len(chosen)} tried of {command}, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
