"""What the user asked a verb to do, and how it says that it will not."""

from __future__ import annotations

from dataclasses import dataclass

from mgpu_slurm.deploy.hosts import Word


class Refused(Exception):
    """Nothing can be done. The text is for the user."""


@dataclass
class Order:
    """What was asked for of up, add, upgrade and remove. `controller` is a host's word, or the name of one that is known."""

    words: list[Word]
    controller: str = ""
    dry_run: bool = False
    upgrade: bool = False
    seconds: float = 120.0
