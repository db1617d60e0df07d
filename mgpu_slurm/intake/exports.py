"""`--export`: which of the submitter's variables a job or step gets. Pure; sbatch and srun apply it alike.

Not given, and ALL: everything. An empty text: a list of nothing. NAME: that variable, if it is set. NAME=VALUE: as given;
quotes protect commas and stay in the value. NONE and NIL: no more of the list. Without ALL in the list only what is named
comes along, and SLURM_* and SPANK_* always do. As real srun 22.05.8 passes them on.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_ALWAYS = ("SLURM_", "SPANK_")


def apply(export: str | None, environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The environment that goes along, and texts (level "error") about entries that are not well formed."""
    words, problems = split("ALL" if export is None else export)
    if any(word.upper() == "ALL" for word in words):
        chosen = dict(environ)
    else:
        chosen = {name: value for name, value in environ.items() if name.startswith(_ALWAYS)}
    for word in words:
        name, equal, value = word.partition("=")
        if word.upper() in ("NONE", "NIL"):
            break
        if equal:
            chosen[name] = value
        elif name in environ:
            chosen[name] = environ[name]
    return chosen, problems


def loads_login(export: str | None, compat: tuple[int, int]) -> bool:
    """Whether a batch job with this --export starts from the environment of a login on its node.

    Up to 22.05 every list does that says more than ALL, and NIL is the name of a variable.
    """
    words = [word.upper() for word in split("ALL" if export is None else export)[0]]
    if compat < (23, 2):
        return words != ["ALL"]
    return "ALL" not in words and "NIL" not in words


def split(export: str) -> tuple[list[str], list[str]]:
    """The entries, split at commas outside of quotes, and texts about quotes that are not closed."""
    words: list[str] = []
    word, quote = "", ""
    for letter in export:
        if letter == "," and not quote:
            words.append(word)
            word = ""
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        word += letter
    words.append(word)
    problems = [f"Improperly formed environment variable ({word})"] if quote else []
    return [word for word in words if word], problems
