"""--acctg-freq: how often which use of running tasks is looked at. Pure; client and controller read it the same way.

A list of KIND=SECONDS; a bare number is that of tasks. As in Slurm the kind may stand anywhere in its word, what follows the
number is not looked at, and a number has 32 bits and a sign.
"""

from __future__ import annotations

from mgpu_slurm.intake.values import leading_int

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mgpu_slurm.intake.conf import Config

KINDS = ("task", "energy", "network", "filesystem")
NOT_SET = -1


def read(text: str) -> list[tuple[str, str, int]]:
    """(word, kind, seconds) for each word; NOT_SET where it says no number, which nobody may ask for."""
    found = []
    for word in text.split(","):
        if not word:
            continue
        lower = word.lower()
        kind, value = "task", word
        for name in KINDS:
            at = lower.find(f"{name}=")
            if at >= 0:
                kind, value = name, word[at + len(name) + 1 :]
                break
        number = leading_int(value)[0]
        seconds = NOT_SET if number is None else (number + (1 << 31)) % (1 << 32) - (1 << 31)
        found.append((word, kind, seconds))
    return found


def of_cluster(config: Config) -> int:
    """What JobAcctGatherFrequency says of tasks: 0 for never, NOT_SET where it says nothing of them."""
    seconds = of_tasks(str(config.get("JobAcctGatherFrequency") or ""))
    return NOT_SET if seconds is None or seconds < 0 else seconds


def permitted(asked: int, cluster: int) -> bool:
    """Tasks may be looked at more often than the cluster does, not less often and not never; where it never looks, all is one."""
    return cluster == 0 or (asked > 0 and (cluster == NOT_SET or asked <= cluster))


def of_tasks(text: str) -> int | None:
    """Seconds between two looks at the tasks; None where the text does not say."""
    return next((seconds for _, kind, seconds in read(text) if kind == "task"), None)
