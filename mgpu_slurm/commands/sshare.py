"""sshare: the table of shares, which is empty: usage is not weighed against shares of accounts here."""

from __future__ import annotations

from mgpu_slurm.commands import accounted
from mgpu_slurm.commands.query_options import compat_without_cluster, look_at_clusters, read, told
from mgpu_slurm.facts.fields.accounted import Column, blank, listed
from mgpu_slurm.facts.queries import sshare as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mgpu_slurm.__main__ import Streams

COLUMNS = tuple(Column(name, width, name.lower(), blank) for name, width in table.FIELDS)


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(table.ROWS, argv, environ, "sshare", checks={"clusters": look_at_clusters(environ, cluster, "sshare", streams)})
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sshare", version, streams):
        return 0
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    if given.has("helpformat"):
        streams.out.write(listed(COLUMNS, session.compat, 17))
        return 0
    if given.has("verbose"):
        for what, asked, default in (("Users", "users", environ.get("USER") or "root"), ("Accounts", "accounts", "all")):
            names = "all" if given.has("all") and asked == "users" else given.text(asked) or default
            streams.err.write("".join([f"{what} requested:\n", *(f"\t: {name}\n" for name in names.split(","))]))
    if given.has("clusters"):
        from mgpu_slurm.commands import clusters

        clusters.named(given, session.cluster_name, "sshare", streams)
    plain = table.WITH_PARTITION if given.has("partition") else table.DEFAULT
    made = accounted.parse(given.text("format") or (table.LONG if given.has("long") else plain), COLUMNS, session.compat)
    ended = given.has("parsable")
    separator = "|" if ended or given.has("parsable2") else None
    if not given.has("noheader"):
        streams.out.write(accounted.header(made, separator, ended))
    return 0
