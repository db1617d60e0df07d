"""A file to many nodes at a time: what sbcast and `srun --bcast` share."""

from __future__ import annotations

import os
import zlib

from mgpu_slurm.base.errors import SlurmError
from mgpu_slurm.wire import client, frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

PIECE = 256 << 10
FANOUT = 32
"""Nodes served at the same time unless told otherwise."""

_PLACED = 300.0
"""Seconds that a node may take to put the last of the file on its disk."""


class Shipment:
    """A file and what is to become of it. `paths`: node -> absolute path there."""

    __slots__ = ("compress", "fd", "force", "mac", "make_directory", "mode", "order", "paths", "times")

    def __init__(self, fd: int, paths: Mapping[str, str], setup: Mapping[str, Any]) -> None:
        status = os.fstat(fd)
        self.fd = fd
        self.paths = dict(paths)
        self.order = str(setup["transfer"])
        self.mac = str(setup["mac"])
        self.mode = status.st_mode & 0o7777
        self.times: tuple[int, int] | None = None
        self.force = False
        self.make_directory = False
        self.compress = False

    def keep_times(self) -> None:
        status = os.fstat(self.fd)
        self.times = (status.st_atime_ns, status.st_mtime_ns)


def near_or_far(address: Mapping[str, Any], signers: Sequence[str]) -> client.Connection:
    """A connection to a node (NodeAddress): by Unix socket on its own host, else by port. ControllerUnreachable."""
    from mgpu_slurm.commands.steplaunch import _boot_id

    path = str(address.get("unix_socket") or "")
    port = int(address.get("port") or 0)
    if path and address.get("boot_id") == _boot_id():
        try:
            return client.connect(client.Endpoint(path=path))
        except client.ControllerUnreachable:
            if not port:
                raise
    return client.connect(client.Endpoint(host=str(address.get("address") or "localhost"), port=port, signers=signers))


def send(
    shipment: Shipment, addresses: Mapping[str, Mapping[str, Any]], signers: Sequence[str], fanout: int = 0, timeout: float = 0
) -> dict[str, SlurmError]:
    """Send it to every node of `paths`; node -> what went wrong. A node that fails does not keep the others from it."""
    import threading

    todo = list(shipment.paths)
    failed: dict[str, SlurmError] = {}

    def work() -> None:
        while True:
            try:
                node = todo.pop(0)
            except IndexError:
                return
            try:
                _to_node(shipment, node, addresses.get(node) or {"address": node}, signers, timeout or client.REQUEST_TIMEOUT)
            except SlurmError as error:
                failed[node] = error
            except OSError as error:
                failed[node] = SlurmError(error.errno or 5, error.strerror or str(error))

    threads = [threading.Thread(target=work) for _ in range(min(len(todo), fanout or FANOUT) - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    return failed


def _to_node(shipment: Shipment, node: str, address: Mapping[str, Any], signers: Sequence[str], timeout: float) -> None:
    message = {
        "kind": "receive_file", "order": shipment.order, "mac": shipment.mac, "path": shipment.paths[node],
        "mode": shipment.mode, "force": shipment.force, "compressed": shipment.compress, "times": shipment.times,
    }  # fmt: skip
    if shipment.make_directory:
        message["make_directory"] = True
    packer = zlib.compressobj(1) if shipment.compress else None
    with near_or_far(address, signers) as connection:
        connection.request(message, timeout)
        at = 0
        while data := os.pread(shipment.fd, PIECE, at):
            at += len(data)
            piece = packer.compress(data) if packer else data
            if piece:
                connection.send_channel(frames.FILE, 0, piece)
        if packer:
            rest = packer.flush()
            for begin in range(0, len(rest), PIECE):
                connection.send_channel(frames.FILE, 0, rest[begin : begin + PIECE])
        connection.send_channel(frames.FILE, 0, b"")
        try:
            connection.receive(max(timeout, _PLACED))
        except TimeoutError as error:
            raise OSError(110, "Connection timed out") from error
