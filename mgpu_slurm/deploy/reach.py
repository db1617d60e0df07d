"""`mgpu_cluster reach HOST PORT`: whether a port can be reached from here; run on the hosts, which is where it matters."""

from __future__ import annotations

import socket
import sys

SECONDS = 4.0


def run(argv: list[str]) -> int:
    """0 when a connection came about; else 1 and the reason on standard error."""
    host, port = argv
    try:
        socket.create_connection((host, int(port)), SECONDS).close()
    except TimeoutError:
        sys.stderr.write(f"{host} port {port} does not answer (a firewall?)\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{host} port {port}: {error.strerror}\n")
        return 1
    return 0
