"""sbcast: a file to every node of a job.

Exit statuses, as of Slurm 22.05.8: 0; 1 for wrong arguments; 255 where the file or the job is not there; otherwise the
number of the system's error on a node, or of the controller's modulo 256.
"""

from __future__ import annotations

import os
import time

from mgpu_slurm.base import hostlist
from mgpu_slurm.base.errors import SlurmError, UsageError
from mgpu_slurm.commands import filesending
from mgpu_slurm.commands.query_options import compat_without_cluster, read, told
from mgpu_slurm.facts.queries import sbcast as table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgpu_slurm.__main__ import Streams
    from mgpu_slurm.commands.query_options import Given
    from mgpu_slurm.commands.session import Session

BLOCK = 8 << 20
"""What Slurm sends at a time; shown by -v only, pieces here have a size of their own."""


def run(argv: Sequence[str], environ: Mapping[str, str], cwd: str, streams: Streams, cluster: str = "-") -> int:
    given = read(table.ROWS, argv, environ, "sbcast")
    version = lambda: compat_without_cluster(environ, cluster)  # noqa: E731 - asked for only where it is shown
    if told(given, table.USAGE, "sbcast", version, streams):
        return 0
    libraries = given.text("send_libs").lower()
    if libraries not in ("", "yes", "no"):
        streams.err.write(f"sbcast: error: Ignoring unrecognized --send-libs value '{given.text('send_libs')}'\n")
    compress = compression(given, streams)
    size = given.text("size")
    if size and not size.rstrip("kKmM").isdecimal():
        streams.err.write("size specification is invalid, ignored\n")
    if len(given.operands) != 2:
        lines = f"Need two file names, have {len(given.operands)} names", 'Try "sbcast --help" for more information'
        raise UsageError([("", line) for line in lines], 1)
    source, destination = given.operands
    if not given.text("jobid"):
        text = "Need a job id to run this command.  Run from within a Slurm job or use the --jobid option."
        raise UsageError(text, 1)
    if destination.endswith("/"):
        raise UsageError("Target filename cannot be a directory.", 1)
    fd = opened(source, cwd, streams)
    if fd < 0:
        return 255
    try:
        return copied(given, fd, cwd, compress, environ, streams, cluster)
    finally:
        os.close(fd)


def compression(given: Given, streams: Streams) -> bool:
    """Whether the file is packed on its way; every library that Slurm names stands for ours."""
    if not given.has("compress"):
        return False
    name = given.text("compress")
    if name.lower() not in ("", "lz4", "zlib", "none"):
        streams.err.write(f"sbcast: error: Compression type '{name}' unknown, disabling compression support.\n")
        return False
    return name.lower() != "none"


def opened(source: str, cwd: str, streams: Streams) -> int:
    """The file, or -1 after a line that says what is wrong with it."""
    import stat

    try:
        fd = os.open(os.path.join(cwd, source), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        streams.err.write(f"sbcast: error: Can't open `{source}`: {error.strerror}\n")
        return -1
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        streams.err.write(f"sbcast: error: Can't mmap file `{source}`, No such device.\n")
        os.close(fd)
        return -1
    if not status.st_size:
        streams.err.write(f"sbcast: error: Warning: file `{source}` is empty.\n")
    return fd


def _numbered(session: Session, job: str) -> int:
    """The number of an array's task or of a component; 0 where it is none."""
    from mgpu_slurm.base import ids
    from mgpu_slurm.commands.query_options import query

    try:
        ids.parse_job(job)
        columns, count, _ = query(session, "jobs", ["job_id"], {"ids": [job]})
    except (ValueError, SlurmError):
        return 0
    return int(columns["job_id"][0]) if count == 1 else 0


def copied(
    given: Given, fd: int, cwd: str, compress: bool, environ: Mapping[str, str], streams: Streams, cluster: str
) -> int:
    """Ask for leave, send, and say what went wrong: the exit status."""
    from mgpu_slurm.commands.session import open_session

    session = open_session(environ, cluster)
    source, path = given.operands[0], os.path.join(cwd, given.operands[1])
    job, _, step = given.text("jobid").partition(".")
    number = int(job) if job.isascii() and job.isdecimal() else _numbered(session, job)
    ask = {"kind": "get_job_setup", "job_id": number, "step_id": step, "transfer": True}
    try:
        setup = session.call(ask)
    except SlurmError as error:
        shown = f"{job if number else 0}.{step}" if step else job if number else "0"
        streams.err.write(f"sbcast: error: Slurm job {shown} lookup error: {error.text}\n")
        return 255
    from mgpu_slurm.wire import jsontext

    order = jsontext.loads(str(setup["transfer"]).encode())
    assert isinstance(order, dict)
    nodes: list[str] = order["nodes"]
    shipment = filesending.Shipment(fd, dict.fromkeys(nodes, path), setup)
    shipment.force, shipment.compress = given.has("force"), compress
    if given.has("preserve"):
        shipment.keep_times()
    if given.count("verbose"):
        from mgpu_slurm.commands import libraries

        exclude = libraries.excluded(session, given.text("exclude"))
        described(given, shipment, source, path, nodes, order, exclude, streams)
    addresses = setup.get("node_addresses") or {}
    failed = filesending.send(
        shipment, addresses, session.signers, whole(given.text("fanout")), whole(given.text("timeout"))
    )
    if not failed and with_libraries(given):
        failed = _libraries(given, shipment, os.path.join(cwd, source), ask, addresses, session, streams)
    status = 0
    for node, refusal in sorted(failed.items()):
        streams.err.write(f"sbcast: error: REQUEST_FILE_BCAST({node}): {refusal.text}\n")
        status = max(status, refusal.code % 256 or 1)
    return status


def with_libraries(given: Given) -> bool:
    """--send-libs, and not =no or a word that means nothing."""
    return given.has("send_libs") and given.text("send_libs").lower() in ("", "yes")


def _libraries(
    given: Given, shipment: filesending.Shipment, source: str, ask: Mapping[str, object], addresses: Mapping[str, Any],
    session: Session, streams: Streams,
) -> dict[str, SlurmError]:  # fmt: skip
    """Send what the program is linked with: node -> what went wrong."""
    from mgpu_slurm.commands import libraries

    def error(text: str) -> None:
        streams.err.write(f"sbcast: error: {text}\n")

    def skipped(path: str) -> None:
        if given.count("verbose"):
            streams.err.write(f"sbcast: Skipping broadcast of excluded '{path}'\n")

    name, exclude = given.operands[0], given.text("exclude")
    try:
        return libraries.accompany(session, source, name, exclude, shipment, ask, addresses, error, skipped)
    except SlurmError as refusal:
        return dict.fromkeys(shipment.paths, refusal)


def whole(text: str) -> int:
    """A number above 0; 0, which means the default, for anything else, as Slurm reads it."""
    return int(text) if text.isascii() and text.isdecimal() else 0


def described(
    given: Given, shipment: filesending.Shipment, source: str, path: str, nodes: Sequence[str], order: Mapping[str, object],
    exclude: str, streams: Streams,
) -> None:  # fmt: skip
    """-v."""
    status = os.fstat(shipment.fd)
    word = {False: "false", True: "true"}
    rule = "-----------------------------"
    lines = [
        rule, f"block_size = {BLOCK}", f"compress   = {int(shipment.compress)}", f"exclude    = {exclude}",
        f"force      = {word[shipment.force]}",
        f"fanout     = {whole(given.text('fanout'))}", f"preserve   = {word[given.has('preserve')]}",
        f"send_libs  = {word[with_libraries(given)]}",
        f"timeout    = {whole(given.text('timeout'))}", f"verbose    = {given.count('verbose')}", f"source     = {source}",
        f"dest       = {path}", rule, f"modes    = {status.st_mode:o}", f"uid      = {status.st_uid}",
        f"gid      = {status.st_gid}", f"atime    = {time.ctime(status.st_atime)}", f"mtime    = {time.ctime(status.st_mtime)}",
        f"ctime    = {time.ctime(status.st_ctime)}", f"size     = {status.st_size}", f"jobid      = {order['job_id']}",
        f"node_list  = {hostlist.fold(list(nodes))}",
    ]  # fmt: skip
    streams.err.write("".join(f"sbcast: {line}\n" for line in lines))
