"""scontrol show hostnames, hostlist, hostlistsorted: what scripts call most. Asks no controller and imports little."""

from __future__ import annotations

from mgpu_slurm.base import hostlist

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mgpu_slurm.__main__ import Streams

LIST_VARIABLE = "SLURM_NODELIST"
"""Where `show hostnames` finds a list when none is given; SLURM_JOB_NODELIST is not looked at."""


def hostnames(text: str | None, environ: Mapping[str, str], streams: Streams) -> int:
    """One name a line. As in Slurm, no list and a wrong list are complained about and are no failure."""
    if text is None:
        text = environ.get(LIST_VARIABLE, "")
        if not text:
            streams.err.write("scontrol: error: host list is empty\n")
            return 0
    try:
        names = hostlist.expand(text)
    except hostlist.HostlistError as error:
        complain(error, streams)
        return 0
    if names:
        streams.out.write("\n".join(names) + "\n")
    return 0


def folded(text: str | None, in_order: bool, streams: Streams) -> int:
    """Compress a list, or the names in a file (absolute path), as they come or sorted."""
    if text is None:
        streams.err.write("invalid encode argument\n")
        return 1
    if text.startswith("/"):
        try:
            with open(text, encoding="utf-8", errors="surrogateescape") as file:
                text = ",".join(file.read().replace(",", " ").split())
        except OSError as error:
            what = "Error reading" if isinstance(error, IsADirectoryError) else "Can not open"
            streams.err.write(f"{what} {text}\n")
            return 1
    try:
        streams.out.write(hostlist.refold(text, in_order) + "\n")
    except hostlist.HostlistError as error:
        complain(error, streams)
        return 1
    return 0


def complain(error: hostlist.HostlistError, streams: Streams) -> None:
    if error.detail:
        streams.err.write(f"scontrol: error: _parse_single_range: {error.detail}\n")
    streams.err.write(f"{error}\n")
