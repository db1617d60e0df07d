"""Runs many short lines on the real Slurm and on ours at once, and prints where they differ: a look-out, not a test.

A survey (survey_options, ...) makes the lines; what it finds and is worth holding becomes a case.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.oracle import comparing
from tests.oracle.slurm_cluster import SlurmCluster

SHOWN = 12
"""Lines of a difference that are printed; the rest is counted."""

IDS = re.compile(r"\b7\d{4}\b"), "<job>"


class Meant(NamedTuple):
    """Lines of Slurm's that may differ where a name is found by a pattern, and why."""

    name: str
    lines: str
    reason: str

    def covers(self, name: str, difference: Sequence[str]) -> bool:
        theirs = [line[1:] for line in difference if line.startswith("-")]
        return bool(re.search(self.name, name)) and all(re.fullmatch(self.lines, line) for line in theirs)


def run(programs: str, environment: dict[str, str], lines: list[str], prelude: str, raw: bool = False) -> list[str]:
    """What each line printed, in a shell that has read the prelude; `raw`: without making equal what must differ."""
    with tempfile.TemporaryDirectory(prefix="case-") as directory:
        script = prelude + "".join(f"{line}; printf '\\n@@\\n'\n" for line in lines)
        env = {**environment, "PATH": f"{programs}:{environment['PATH']}"}
        file = Path(directory, ".survey.sh")  # longer than a word of a command line may be
        file.write_text(script)
        done = subprocess.run(
            ["/bin/bash", str(file)], cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
        )  # fmt: skip
    return [text if raw else comparing.normalise(text) for text in done.stdout.split("\n@@\n")]


def differing(
    tries: Sequence[tuple[str, str]],
    prelude: str,
    shape: tuple[int, int, int] = (1, 8, 1),
    real_kind: type[SlurmCluster] = SlurmCluster,
    blurs: Sequence[tuple[re.Pattern[str], str]] = (IDS,),
    settled: Callable[[str, str], str] = lambda _line, text: text,
    meant: Sequence[Meant] = (),
) -> int:
    """How many of the tries, (name, shell line), differ; each is shown as a diff, Slurm's lines with a minus.

    `shape`: a node's sockets, cores of each and threads of each. `blurs`: what of a text is replaced before it is compared.
    `settled`: the text of a try without what is chance in its order. `meant`: what may differ, and is not counted.
    """
    lines = [line for _, line in tries]
    with tempfile.TemporaryDirectory(prefix="names-") as directory:
        pair = comparing.Pair(comparing.link_names(Path(directory)), real_kind, shape=shape)
        try:
            with ThreadPoolExecutor(2) as threads:
                real = threads.submit(run, "/usr/bin", pair.slurm.environment(), lines, prelude)
                ours = threads.submit(run, directory, pair.mgpu.environment(), lines, prelude)
                before = [settled(what, text) for (what, _), text in zip(tries, real.result(), strict=False)]
                after = [settled(what, text) for (what, _), text in zip(tries, ours.result(), strict=False)]
                return _told(tries, before, after, blurs, meant)
        finally:
            pair.down()


def _told(
    tries: Sequence[tuple[str, str]], expected: list[str], found: list[str], blurs: Sequence[tuple[re.Pattern[str], str]],
    meant: Sequence[Meant],
) -> int:  # fmt: skip
    differ = 0
    for (what, _), before, after in zip(tries, expected, found, strict=False):
        for pattern, text in blurs:
            before, after = pattern.sub(text, before), pattern.sub(text, after)
        if before != after:
            told = list(difflib.unified_diff(before.split("\n"), after.split("\n"), lineterm="", n=0))[2:]
            reason = next((one.reason for one in meant if one.covers(what, told)), "")
            differ += not reason
            print(f"== {what}" + (f"   meant: {reason}" if reason else ""))
            print("\n".join([*told[:SHOWN], *([f"... {len(told) - SHOWN} lines more"] if len(told) > SHOWN else [])]), flush=True)
    return differ
