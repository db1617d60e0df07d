"""Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED: the process that connected)."""

from __future__ import annotations

import os
import socket
import struct

from mgpu_slurm.wire.credential import Identity

_UCRED = struct.Struct("iII")  # struct ucred of unix(7): pid, uid, gid


def peer_identity(sock: socket.socket) -> Identity:
    """uid, gid and pid of the process that connected; the host is this one. OSError: not a connected Unix socket."""
    if sock.family != socket.AF_UNIX:
        raise OSError(f"the kernel does not know who is behind a socket of family {sock.family}")
    pid, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    if uid == 0xFFFFFFFF:
        raise OSError("the peer of this socket is unknown")
    return Identity(uid, gid, os.uname().nodename, pid)
