"""The JSON documents of Slurm 22.05 and ours: which keys Slurm's have that ours lack, and where a value is of another kind.

`python -m tests.oracle.survey_json`. Ours have the shape of 23.11 and later (numbers as set/infinite/number, states as lists), as
clients expect it: such differences are told apart as "newer".
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

COMMANDS = ("squeue --json", "squeue -s --json", "sinfo --json")


def kinds(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every path of a document with the kind of its value; members of a list count as one."""
    if isinstance(value, dict):
        yield path, "number" if {"set", "infinite", "number"} == value.keys() else "map"
        if {"set", "infinite", "number"} != value.keys():
            for key, one in value.items():
                yield from kinds(one, f"{path}.{key}")
    elif isinstance(value, list):
        yield path, "list"
        for one in value:
            yield from kinds(one, f"{path}[]")
    elif isinstance(value, bool):
        yield path, "truth"
    elif isinstance(value, (int, float)):
        yield path, "plain number"
    else:
        yield path, "none" if value is None else "text"


NEWER = {("plain number", "number"), ("text", "list"), ("none", "number"), ("text", "number")}


def main() -> int:
    lines = list(COMMANDS)
    with tempfile.TemporaryDirectory(prefix="names-") as directory:
        pair = comparing.Pair(comparing.link_names(Path(directory)))
        try:
            with ThreadPoolExecutor(2) as threads:
                real = threads.submit(survey.run, "/usr/bin", pair.slurm.environment(), lines, SHELL)
                ours = threads.submit(survey.run, directory, pair.mgpu.environment(), lines, SHELL)
                both = list(zip(lines, real.result(), ours.result(), strict=False))
        finally:
            pair.down()
    for line, expected, found in both:
        print(f"== {line}")
        try:
            theirs, own = (dict(kinds(json.loads(text))) for text in (expected, found))
        except ValueError as error:
            print(f"no document: {error}: {expected[:80]!r} / {found[:80]!r}")
            continue
        for path, kind in sorted(theirs.items()):
            if path not in own:
                print(f"missing  {path} ({kind})")
            elif own[path] != kind and not {kind, own[path]} & {"none"}:
                print(f"{'newer' if (kind, own[path]) in NEWER else 'differs'}  {path}: {kind}, ours {own[path]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
