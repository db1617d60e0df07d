"""sreport: there are no reports, since accounts' usage is not kept. Slurm without its database says so in these words."""

from __future__ import annotations

from mgpu_slurm.commands.query_options import compat_without_cluster, read, told
from mgpu_slurm.facts.queries import sreport as table
from mgpu_slurm.facts.queries.sacctmgr import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(table.ROWS, argv, environ, "sreport")
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, "", "sreport", version, streams):
        return 0
    streams.err.write(UNSUPPORTED)
    return 1
