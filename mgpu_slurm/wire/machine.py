"""What must be the same on all machines of a cluster, as one of them sees it: ids of users, names of hosts, home directories.

Asked by mgpu_doctor of the machine it runs on, of the controller's and of every node's, with the same few functions, so
that their answers can be compared. Each may wait for a name service or a file server, so daemons ask in a thread.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NAMES = 1024
LONGEST_NAME = 255
"""How many names a question may hold, and how long one may be: a host's name has at most 255 bytes."""

FEW_FILES = 100
"""A file system on which fewer files can be made is as good as full: a job needs several."""


def uids(names: Iterable[str]) -> dict[str, int]:
    """The ids of these users; those that this machine does not know are left out."""
    import pwd

    found = {}
    for name in names:
        try:
            found[name] = pwd.getpwnam(name).pw_uid
        except (KeyError, ValueError):
            continue
    return found


def unresolved(hosts: Iterable[str]) -> list[str]:
    """Those of the names for which this machine knows no address."""
    import _socket

    lost = []
    for host in hosts:
        try:
            _socket.getaddrinfo(host, None)
        except (OSError, UnicodeError):
            lost.append(host)
    return lost


def home_mark(user: str) -> list[int]:
    """Number and time of change of a user's home directory, which differ unless it is the same directory; [] without one.

    Two machines that mount it from one server see the same two numbers.
    """
    import pwd

    try:
        found = os.stat(pwd.getpwnam(user).pw_dir)
    except (KeyError, ValueError, OSError):
        return []
    return [found.st_ino, int(found.st_ctime)]


def free_mib(path: str) -> int:
    """MiB that are free to users on the file system of `path` or, while that is not made, of what will hold it; -1 unknown.

    0 also where no further file can be made: it is mounted read-only, or has no inodes left.
    """
    while path:
        try:
            found = os.statvfs(path)
        except FileNotFoundError:
            parent = os.path.dirname(path)
            path = parent if parent != path else ""
        except OSError:
            return -1
        else:
            if found.f_flag & os.ST_RDONLY or (found.f_files and found.f_favail < FEW_FILES):
                return 0
            return found.f_bavail * found.f_frsize >> 20
    return -1
