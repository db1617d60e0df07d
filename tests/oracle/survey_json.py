"""The JSON and YAML documents of Slurm 22.05 and ours, value by value, over jobs and nodes of many kinds.

`python -m tests.oracle.survey_json`. Our jobs have the shape of 23.11 and later (numbers as set/infinite/number, states as
lists), as clients expect it; they are brought back to plain values before they are compared. What is meant to differ: KNOWN.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.oracle import comparing, survey
from tests.oracle.survey_queries import SHELL

KNOWN = """\
Later versions' shape (23.11 and on, which clients of today read): number objects, `job_state` a list, exit codes with words, one
`job_resources` of both shapes, resources as gres/gpu, flags in the later words, 0 or a list where 22.05 has null, and `flags`,
`shared`, `show_flags` by those words; `sinfo` has entries by state beside the `nodes` of 22.05. Filters of squeue and sinfo count
for their documents, as they have since. Deliberate: standard_error is the file that is written where 22.05 has no text; an
end that 22.05 computes by overflow of no limit is 0; CPUs of a suspended job stay its own (alloc_cpus, the planned start behind
it); the daemon's version is its own; empty texts are texts in YAML as they are in JSON, where 22.05 makes them null there; texts
of several lines are one quoted line; memory asked for is not told from a default (flags); a requeued
job knows neither what it would be billed nor since when it ages; a byte that is not UTF-8 is told as such, where 22.05
ends without a document.
Chance: load, free memory, ports, moments, which of several reasons a pass tells."""

MORE = """
waits() { for _ in $(seq 300); do squeue -h -j $1 -o %T%r | grep -q "$2" && return; sleep 0.1; done; echo "$1 never $2"; }
V=$(job -J selfkilled -w n2 --mem=10 -t 60 --wrap 'kill -9 $$'); state $V FAILED
O=$(job -J cores -w n2 -n2 -c2 --ntasks-per-core=1 --mem-per-cpu=10 -t 60 --gpus-per-task=1 --exclude=n0 --profile=task -C fast \\
    --cpu-freq=low --nice=-5 --open-mode=append -e "$PWD/%x-%j.err" --sockets-per-node=1 --wrap 'sleep 1000'); state $O RUNNING
Q=$(job -J again -w n2 --mem=10 -t 60 --requeue --wrap 'sleep 1000'); state $Q RUNNING; scontrol requeuehold $Q; state $Q PENDING
job -H -J odd --comment='a: "b" #c' --oversubscribe --kill-on-invalid-dep=yes --no-kill --use-min-nodes --mem=0 -t 5 \\
    --time-min=2 --gres-flags=enforce-binding --spread-job --tmp=5 --mincpus=2 --ntasks-per-socket=3 --mail-type=ALL \\
    --hint=nomultithread --network=x --power=level --signal=USR1@60 --wrap true >/dev/null
job -H -J user --exclusive=user --mem-per-gpu=30 --cpus-per-gpu=2 --gpus=2 --gpus-per-socket=1 --sockets-per-node=1 \\
    --wait-all-nodes=1 --get-user-env --priority=7 --dependency=singleton -N1-3 --wrap true >/dev/null
scontrol update nodename=n1 state=drain reason='with jobs'
scontrol update nodename=n3 state=down reason='dead: "fan"' comment='c d'
for _ in $(seq 100); do sinfo -h -n n3 -o %t | grep -q down && break; sleep 0.1; done
"""
LINES = ("true", "squeue --json -t all", "sinfo --json", "squeue --yaml", "sinfo --yaml")
VAGUE = frozenset(
    (
        "cpu_load", "free_memory", "port", "slurmd_version", "current_working_directory", "command", "show_flags",
        "derived_exit_code", "cpus_per_task",
    )
)  # fmt: skip


LATER_FLAGS = {
    "JOB_CPUS_SET": "EXACT_CPU_COUNT_REQUESTED",
    "USE_MIN_NODES": "PREFER_MINIMUM_NODE_COUNT", "KILL_INV_DEP": "KILL_INVALID_DEPENDENCY",
    "NO_KILL_INV_DEP": "NO_KILL_INVALID_DEPENDENCY",
    "GRES_ENFORCE_BIND": "GRES_BINDING_ENFORCED", "GRES_DISABLE_BIND": "GRES_BINDING_DISABLED",
}  # fmt: skip


def plain(value: Any) -> Any:
    """In the words of 22.05, as far as the shape of later versions tells it."""
    if isinstance(value, dict):
        if value.keys() == {"set", "infinite", "number"}:
            return value["number"] if value["set"] else None
        if "return_code" in value:
            return plain(value["return_code"]) << 8 | (plain(value["signal"]["id"]) or 0)
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.replace("gres/gpu", "gres:gpu") if isinstance(value, str) else value


def alike(key: str, theirs: Any, own: Any) -> bool:
    if key in VAGUE or theirs == own or (theirs in (None, 0) and own in (None, 0, 1, "", [], ["NOT_SET"], 32766)):
        return True
    if key == "job_state":
        return bool(own[0] == theirs)
    if key == "job_resources" and theirs and own:
        mine = {**own, "nodes": own["nodes"]["list"]}
        return all(one == mine.get(name) for name, one in theirs.items())
    if key == "flags":
        return {LATER_FLAGS.get(word, word) for word in theirs if word not in ("TRES_STR_CALC", "JOB_MEM_SET")} == set(own)
    if key == "profile":
        return bool([word.upper() for word in theirs] == own)
    if key == "nice":
        return bool(theirs - (1 << 32) == own)
    if key == "shared":
        return bool([{"shared": "oversubscribe"}.get(theirs, theirs)] == own)
    if key == "standard_error":
        return theirs == "" or "%" in theirs
    both = [value for value in (theirs, own) if isinstance(value, (int, float)) and value > 1e9]
    return len(both) == 2 and abs(both[0] - both[1]) < 60


def different(theirs: list[dict[str, Any]], own: list[dict[str, Any]], name: str) -> Iterator[str]:
    known = {plain(one[name]): plain(one) for one in own}
    for record in theirs:
        mine = known.pop(record[name], None)
        if mine is None:
            yield f"{record[name]}: not in ours"
            continue
        for key, value in record.items():
            if key not in mine:
                yield f"{record[name]} {record['name']}: {key} is missing"
            elif not alike(key, value, mine[key]):
                yield f"{record[name]} {record['name']}: {key}: {json.dumps(value)}, ours {json.dumps(mine[key])}"
    if known:
        yield f"only in ours: {sorted(known)}"


def main() -> int:
    lines = list(LINES)
    with tempfile.TemporaryDirectory(prefix="names-") as directory:
        pair = comparing.Pair(comparing.link_names(Path(directory)))
        try:
            with ThreadPoolExecutor(2) as threads:
                real = threads.submit(survey.run, "/usr/bin", pair.slurm.environment(), lines, SHELL + MORE, True)
                ours = threads.submit(survey.run, directory, pair.mgpu.environment(), lines, SHELL + MORE, True)
                both = list(zip(lines, real.result(), ours.result(), strict=False))
        finally:
            pair.down()
    print("\n".join(f"-- {text}" for text in both[0][1:]))
    for (line, expected, found), records, name in ((both[1], "jobs", "job_id"), (both[2], "nodes", "name")):
        print(f"== {line}")
        print("\n".join(different(json.loads(expected)[records], json.loads(found)[records], name)))
    print(f"Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
