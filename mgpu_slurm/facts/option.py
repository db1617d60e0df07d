"""The shape of one row of an options table: sbatch, srun, salloc here, the query commands in facts/queries.

From such rows come the parser, the `#SBATCH` reader, the reading of the environment, `--help`, man pages and
completion. A row says nothing about how a value is read: `kind` names the reader in intake/values.py.
"""

from __future__ import annotations

# What follows the option, as getopt calls it.
NONE, REQUIRED, OPTIONAL = 0, 1, 2

# Kinds without an argument; all others take one.
BARE_KINDS = ("flag", "off", "count", "help", "usage", "version")


class Option:
    """One option of one or more commands.

    `commands` are letters: b sbatch, r srun, a salloc (the query tables leave it empty). `sets` is the field of the
    request, ".name" a value for the client alone, "a,b" several fields from one value, "other" an entry under the
    option's own name. `env` holds, for sbatch, srun and salloc, the variables that stand in for the option, the
    strongest last. `since` and `until` are the Slurm versions that know the option; it is accepted in all of them, but
    only those it belongs to let it take part in abbreviations. Without `header` a `#SBATCH` line may name it but is
    not heard.
    """

    __slots__ = ("arg", "commands", "env", "group", "header", "help", "kind", "letter", "name", "sets", "since", "until")

    def __init__(
        self,
        name: str,
        letter: str,
        commands: str,
        kind: str,
        sets: str,
        group: str,
        help: str,
        env: str | tuple[str, str, str] = "",
        since: tuple[int, int] | None = None,
        until: tuple[int, int] | None = None,
        optional: bool = False,
        header: bool = True,
    ) -> None:
        self.name = name
        self.letter = letter
        self.commands = commands
        self.kind = kind
        self.sets = sets
        self.group = group
        self.help = help
        self.env = env
        self.since = since
        self.until = until
        self.header = header
        self.arg = NONE if kind in BARE_KINDS else OPTIONAL if optional else REQUIRED

    def variables(self, command: str) -> list[str]:
        """The environment variables that stand in for this option in `command` ("b", "r" or "a"), weakest first."""
        env = self.env
        if not env or command not in self.commands:
            return []
        if isinstance(env, tuple):
            return env["bra".index(command)].split()
        return [("SBATCH_", "SLURM_", "SALLOC_")["bra".index(command)] + env]

    def known_to(self, compat: tuple[int, int]) -> bool:
        """Whether Slurm of this version has the option."""
        return (self.since is None or compat >= self.since) and (self.until is None or compat < self.until)

    def __repr__(self) -> str:
        return f"Option({self.name!r})"


AUTOCOMPLETE = Option(
    "autocomplete", "", "", "autocomplete", "autocomplete", "hidden", "names of the options that contain the text", since=(23, 2)
)
"""Of every query command."""
