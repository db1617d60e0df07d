"""Every option of sbatch and salloc, as option, #SBATCH line (of one job, or of the first component of two) and variable, with
usual, odd, empty and wrong values, on Slurm and on ours.

`python -m tests.oracle.survey_options [option|header|component|variable] [PATTERN [salloc]]` prints what differs: exit status,
output, the job as scontrol shows it (of sbatch while it is held), and what salloc's command finds in its environment. What is
left is known and said in KNOWN.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator

from mgpu_slurm.facts import options
from mgpu_slurm.facts.option import NONE, OPTIONAL, Option
from tests.oracle import survey

OLD = (22, 5)
SKIPPED = frozenset(("autocomplete", "cluster", "clusters", "help", "usage", "version", "verbose", "wait", "uid", "resv-ports"))
KNOWN = """\
clusters (left out: ours has a database, the oracle has none), -B 0 (a node without sockets is one of any number of them), what
newer versions take (--requeue=expedite, --exclusive=topo), sums of memory beyond a petabyte, Features= of a job that has begun
with --prefer="""

VALUES = {
    "acctg-freq": "30 task=10,energy=5 energy=-1 task=0 =5 task=5k 31 -1 1.5",
    "array": "1-3 1-10:3%2 3-1 1,1 01-03 [1-3]",
    "begin": "now+1hour 2099-01-01 tomorrow 25:00 2099-13-01 fika",
    "constraint": "a a&b [a|b] a*2 (a|b)",
    "cpu-freq": "high 1000-2000:performance 2000-1000 low:performance",
    "dependency": "singleton afterok:999999 after:1+5 afterok:1?afterok:2 foo:1 afterok:",
    "distribution": "block cyclic:block plane=2 arbitrary plane block,pack block:x",
    "exclude": "n1 n[1-2] n9 n[ n[2-1] /nonexistent",
    "extra-node-info": "1 1:8:1 *:8 1-2:4 1:9 1:x",
    "gpu-bind": "closest map_gpu:0,1 single:2 verbose map_gpu:x per_task:0",
    "gpu-freq": "low high,memory=low 900 x=3 LOW",
    "gpus": "1 a100:2 x:1 0 17 -1 a100: 1,2 1.5 a100:0",
    "gres": "gpu gpu:1 gpu:a100:1 gpu:-1 gpu=1 none NONE foo:1 gpu:a100:1,gpu:1 gpu: gpu:1k gpu::1 ,gpu:1 gpu:1x",
    "licenses": "lic lic:1 lic:9 nosuch lic:x lic: lic,lic",
    "mail-type": "ALL NONE BEGIN,END x,END",
    "mem": "100 1G 0 1gb 100K 1.5G 1x -1",
    "nodelist": "n1 n[1-2] n9 n[ n1,n1 n[2-1] n[a] n[] n[1-2]x ./x",
    "nodes": "1 1-2 2-1 1k 1- 1,2 1-2-3",
    "output": "none o-%j %5j-%3t \\%j",
    "partition": "gpu gpu,debug nosuch gpu,nosuch drained",
    "profile": "none all task,energy x,task",
    "signal": "USR1 USR1@10 B:USR1@10 USR1@x 65 SIGUSR1 X:USR1",
    "time": "10 1:30 1-2:3:4 0 -1 infinite 1:60 1- 10s",
}  # fmt: skip

SHOWN = "grep -vE 'RunTime|SubmitTime|EligibleTime|StartTime|AccrueTime|LastSched|AllocNode' | sed -E 's/JobId=[0-9]+/JobId=J/'"
SHELL = f"""
try() {{ "$@" > out 2> err; s=$?; sed -E 's/[0-9]{{5,}}/J/' out; cat err; echo "status $s"
  j=$(grep -oE '[0-9]{{5}}' out | tail -n 1)
  [ -z "$j" ] || {{ scontrol show job $j | {SHOWN}; scancel $j; }}; }}
"""


def values(row: Option) -> list[str | None]:
    """Arguments of an option; None is none at all."""
    if row.arg == NONE:
        return [None]
    texts: list[str | None] = [*shlex.split(VALUES.get(row.name, "1 x"), posix=False), "", "gar,bage"]
    return [None, *texts] if row.arg == OPTIONAL else texts


SALLOC_SHELL = f"""
cat > show <<'S'
#!/bin/sh
scontrol show job $SLURM_JOB_ID | {SHOWN}
env | grep -E '^(SLURM|SALLOC)' | grep -vE 'SLURM_CONF=|SUBMIT_HOST|SUBMIT_DIR|CLUSTER_NAME|WORKING_CLUSTER' |
  sed -E 's/JOB_?ID=[0-9]+/JOBID=J/' | sort
S
chmod +x show
try() {{ timeout -s INT 3 "$@" > out 2> err; s=$?
  # by chance, where the controller's word comes first
  sed -i '/Job allocation .* has been revoked/d' err; cat out err | sed -E 's/[0-9]{{5,}}/J/g'; echo "status $s"
  j=$(squeue -h -t PD,R -o %A); [ -z "$j" ] || {{ squeue -h -o '%T %r'; scontrol show job $j | {SHOWN}; scancel $j; }}
  while [ -n "$(squeue -h -o %A)" ]; do sleep 0.05; done; }}
"""


def tries(form: str, command: str) -> Iterator[tuple[str, str]]:
    """What is tried, and the shell line that does so."""
    base, rest = ("sbatch -H -o /dev/null", "--wrap true") if command == "sbatch" else ("salloc", "./show")
    for row in options.of(command):
        if row.name in SKIPPED or not row.known_to(OLD):
            continue
        for value in values(row):
            word = f"--{row.name}" + ("" if value is None else f"={value}")
            quoted = shlex.quote(word)
            if form == "option":
                yield word, f"try {base} {quoted} {rest}"
            elif form == "header" and row.header and command == "sbatch":
                line = shlex.quote(shlex.quote(word))
                yield word, f"printf '#!/bin/sh\\n#SBATCH %s\\ntrue\\n' {line} > j.sh; try {base} j.sh"
            elif form == "component" and row.header and command == "sbatch":
                line = shlex.quote(shlex.quote(word))
                made = f"printf '#!/bin/sh\\n#SBATCH %s\\n#SBATCH hetjob\\n#SBATCH -n3\\ntrue\\n' {line} > j.sh"
                yield word, f"{made}; try {base} j.sh"
            elif form == "variable":
                for name in row.variables(options.LETTER[command]):
                    setting = f"{name}={value or ''}"
                    yield setting, f"try env {shlex.quote(setting)} {base} {rest}"


def main(form: str = "option", pattern: str = "", command: str = "sbatch") -> int:
    chosen = [(what, line) for what, line in tries(form, command) if re.search(pattern, what)]
    differ = survey.differing(chosen, SHELL if command == "sbatch" else SALLOC_SHELL)
    print(f"{len(chosen)} tried as {form}, {differ} differ. Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
