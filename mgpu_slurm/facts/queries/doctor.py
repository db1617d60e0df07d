"""mgpu_doctor's options."""

from __future__ import annotations

from mgpu_slurm.facts.option import Option

ROWS: tuple[Option, ...] = (
    Option("json", "", "", "flag", "json", "", "print the verdicts as JSON"),
    Option("quiet", "q", "", "flag", "quiet", "", "print only what is not in order"),
    Option("users", "u", "", "text", "users", "", "users whose ids are compared on all machines"),
    Option("master", "", "", "text", "master", "", "the cluster of the mgpu_master at HOST[:PORT]", "MGPU_MASTER"),
    Option("help", "h", "", "help", "help", "", "list the options"),
    Option("usage", "", "", "usage", "usage", "", "the short list of options"),
    Option("version", "V", "", "version", "version", "", "the version"),
)
