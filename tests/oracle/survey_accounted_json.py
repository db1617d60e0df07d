"""The documents of sacct, of Slurm 22.05 with a database and ours, value by value, over jobs of many kinds and their steps.

`python -m tests.oracle.survey_accounted_json`. Ours have the shape of 23.11 and later, as clients expect it; what is meant to
differ: KNOWN.
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
from tests.oracle.accounting_cluster import AccountingCluster

KNOWN = """\
Later versions' shape: number objects, states as lists, exit codes with words and the names of signals, steps as JOB.STEP,
governors as one word, memory by CPU or node, the words of flags. Deliberate: an exit code is one where 22.05 says SUCCESS with 0
for codes that are none of its own; the limit of an array's tasks is theirs too; no limit is none, not 365 days; what short
tasks used is known; steps hear of the frequency of their CPUs. Chance: moments and use, which scheduler started a job."""
JOBS = f"""
. {comparing.LIB}
S() {{ submit -A acc -t 9 -o /dev/null "$@"; }}
S -J wide -N2 -n4 -w n[0-1] --gpus=2 -L lic:1 --comment=word --wrap 'srun -n4 --cpu-freq=low sleep 5; srun -n1 -N1 --gpus=1 false'
S -J limited -w n2 --array=1-9:2%1 --wrap 'sleep 8'
S -J both -w n0 -n1 --wrap 'srun --het-group=0,1 sleep 5' : -J second -w n1 -n2
S -J signalled -w n2 --wrap 'kill -TERM $$'; S -J failing -w n2 --mem=50 --wrap 'exit 3'
S -J cancelled -w n3 --wrap 'sleep 900'; wait_state RUNNING; sleep 6; scancel $J; S -J held -H --wrap true; sleep 14
"""
LOADED = "sacct --yaml | python3 -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))'"
LINES = ("true", "sacct --json", LOADED)
PASSED_OVER = (
    "flags", "time", "statistics", "tres.requested", "tres.consumed", "job_id", "id", "working_directory", "priority", "governor",
    "running.tasks", "return_code", "signal.name",
)  # fmt: skip


def plain(value: Any) -> Any:
    """In the words of 22.05, as far as the shape of later versions tells it."""
    if isinstance(value, dict):
        if value.keys() == {"set", "infinite", "number"}:
            return value["number"] if value["set"] else None
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def different(theirs: Any, own: Any, path: str = "") -> Iterator[str]:
    """What of Slurm's record ours lacks or has otherwise."""
    if any(path.endswith(f".{word}") for word in PASSED_OVER):
        return
    if isinstance(theirs, dict) and isinstance(own, dict):
        for key, value in theirs.items():
            if key in own:
                yield from different(value, own[key], f"{path}.{key}")
            else:
                yield f"{path}.{key} is missing"
    elif isinstance(theirs, list) and isinstance(own, list) and len(told := [one for one in theirs if _known(one)]) == len(own):
        theirs = told
        for at, (one, other) in enumerate(zip(theirs, own, strict=True)):
            yield from different(one, other, f"{path}[{at}]")
    elif theirs not in (own, "SUCCESS") and [theirs] != own and not (theirs in (None, 0, "") and own in (None, 0, "")):
        yield f"{path}: {json.dumps(theirs)}, ours {json.dumps(own)}"


def _known(value: Any) -> bool:
    """A resource with a count; 22.05 also lists energy without one."""
    return not isinstance(value, dict) or value.get("count", 0) is not None


def _key(job: Any) -> tuple[str, int | None]:
    """Ids are chance: tasks of arrays get theirs as they start."""
    return job["name"], job["array"]["task_id"]


def main() -> int:
    lines = list(LINES)
    with tempfile.TemporaryDirectory(prefix="names-") as directory:
        pair = comparing.Pair(comparing.link_names(Path(directory)), AccountingCluster, more="PrologFlags=Contain")
        try:
            with ThreadPoolExecutor(2) as threads:
                real = threads.submit(survey.run, "/usr/bin", pair.slurm.environment(), lines, JOBS, True)
                ours = threads.submit(survey.run, directory, pair.mgpu.environment(), lines, JOBS, True)
                both = list(zip(lines, real.result(), ours.result(), strict=False))
        finally:
            pair.down()
    for line, expected, found in both[1:]:
        theirs, own = (json.loads(text)["jobs"] for text in (expected, found))
        print(f"== {line}: {len(theirs)} jobs, ours {len(own)}")
        mine = {_key(one): one for one in map(plain, own)}
        for one in theirs:
            for text in different(one, mine.get(_key(one))):
                print(f"{one['name']}{text}")
    print(f"Known: {KNOWN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
