"""gres.conf -> which devices a node has: one GresDef a line.

A line without NodeName holds for every node; without Name it sets AutoDetect for the nodes it names (all of them, if
it names none). A line with File counts its files; Count beside it must agree, except for shared kinds (mps, shard).
"""

from __future__ import annotations

from mgpu_slurm.base.errors import ConfigError
from mgpu_slurm.base.units import parse_count
from mgpu_slurm.facts.conflines import GRES_KEYS
from mgpu_slurm.intake.conf_lines import lines
from mgpu_slurm.intake.conf_nodes import hosts, settings_of
from mgpu_slurm.intake.conf_values import pairs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_GRES = {row[0].lower(): row for row in GRES_KEYS}
_AUTODETECT = ("nrt", "nvidia", "nvml", "off", "oneapi", "rsmi", "full")
SHARED = ("mps", "shard")


class GresDef:
    """Devices of one kind on some nodes. `nodes` empty: every node; `name` empty: the line only sets autodetect.

    `files` are device paths, `cores` the text of a number list, `links` link counts to the other devices of the line's
    kind (-1 at the device's own place), `autodetect` "nvml", "off", ... or empty.
    """

    __slots__ = (
        "autodetect", "cores", "count", "file", "files", "flags", "line", "links", "name", "nodes", "type", "unique_id",
    )  # fmt: skip

    def __init__(self, name: str, count: int = 0, file: str = "", line: int = 0) -> None:
        self.name = name
        self.count = count
        self.file = file
        self.line = line
        self.nodes: tuple[str, ...] = ()
        self.type: str = ""
        self.files: tuple[str, ...] = ()
        self.cores: str = ""
        self.links: tuple[int, ...] = ()
        self.flags: tuple[str, ...] = ()
        self.autodetect: str = ""
        self.unique_id: str = ""

    def __repr__(self) -> str:
        return f"GresDef({self.name}:{self.type}:{self.count} on {self.nodes or 'all'})"


def _count(text: str) -> int:
    scale = 1
    word = text
    if text[-1:].lower() == "g":
        word, scale = text[:-1], 1 << 30
    try:
        return parse_count(word) * scale
    except ValueError:
        raise ValueError(f'Count value "{text}" is not a valid number') from None


def _links(text: str) -> tuple[int, ...]:
    links = []
    for word in text.split(","):
        bare = word.strip()
        digits = bare[1:] if bare[:1] == "-" else bare
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 10):
            raise ValueError(f'Links value "{text}" is not a list of numbers')
        links.append(int(bare))
    return tuple(links)


def _entry(settings: dict[str, Any], file: str, line: int) -> GresDef:
    entry = GresDef(settings.get("name", ""), 0, file, line)
    entry.nodes = tuple(hosts("NodeName", settings.get("node_text", "")))
    entry.autodetect = settings.get("autodetect", "").lower()
    if entry.autodetect and entry.autodetect not in _AUTODETECT:
        raise ValueError(f'Bad value "{settings["autodetect"]}" for AutoDetect')
    if not entry.name:
        if not entry.autodetect:
            raise ValueError("a line needs Name or AutoDetect")
        return entry
    entry.type = settings.get("type", "")
    entry.cores = settings.get("cores", "")
    for char in entry.cores:
        if char not in "0123456789,-":
            raise ValueError(f'Cores value "{entry.cores}" is not a list of numbers')
    entry.flags = settings.get("flags", ())
    entry.unique_id = settings.get("unique_id", "")
    entry.files = tuple(hosts("File", settings.get("file", "")))
    if "links" in settings:
        entry.links = _links(settings["links"])
    entry.count = len(entry.files) or 1
    if "count" in settings:
        entry.count = _count(settings["count"])
        if entry.files and entry.count != len(entry.files) and entry.name not in SHARED:
            raise ValueError(f"Count={settings['count']} does not match the {len(entry.files)} of File")
    return entry


def load_gres(path: str, unknown: list[tuple[str, str, int]]) -> list[GresDef]:
    """The lines of a gres.conf; keys that are not known go to `unknown`. Raises ConfigError."""
    found = []
    for file, number, text in lines(path):
        try:
            strange: list[str] = []
            settings = settings_of(_GRES, pairs(text), strange)
            unknown += [(key, file, number) for key in strange]
            if settings:
                found.append(_entry(settings, file, number))
        except ValueError as error:
            raise ConfigError(file, number, str(error)) from None
    return found
