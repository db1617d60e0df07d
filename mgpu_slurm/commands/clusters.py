"""--clusters and SLURM_CLUSTERS: this controller knows one cluster, its own. Who names others is told, in Slurm's words."""

from __future__ import annotations

from mgpu_slurm.base.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given

VARIABLE = "SLURM_CLUSTERS"


def named(given: Given, own: str, prog: str, streams: Streams) -> None:
    """Look at the variable, where that names clusters. Raises UsageError where only others than `own` are named."""
    if "clusters" in given.from_environment:
        check(given.text("clusters"), own, prog, streams, VARIABLE)


def headline(given: Given, own: str, prog: str, streams: Streams) -> str:
    """What stands above the listing of a cluster that was named. Raises UsageError."""
    named(given, own, prog, streams)
    return "" if given.has("noheader") else f"CLUSTER: {own}\n"


def check(text: str, own: str, prog: str, streams: Streams, source: str = "--cluster") -> None:
    """Complain about clusters that are not `own`, or "all" of them. Raises UsageError where none is left."""
    words = [word for word in text.split(",") if word] or [text]
    foreign = [word for word in words if word.lower() not in ("all", own.lower())]
    for word in foreign:
        streams.err.write(f"{prog}: error: No cluster '{word}' known by database.\n")
    if len(foreign) == len(words):
        raise UsageError(
            f"'{text}' can't be reached now, or it is an invalid entry for {source}.  "
            "Use 'sacctmgr list clusters' to see available clusters.",
            1,
        )


def of_request(client: Mapping[str, object], own: str, prog: str, streams: Streams) -> None:
    """The same for sbatch and salloc. Raises UsageError."""
    text = client.get("clusters")
    if isinstance(text, str):
        check(text, own, prog, streams)
