"""Becoming the user a step runs as, completely and checked, before any path of that user is touched."""

from __future__ import annotations

import os
import pwd


class IdentityError(Exception):
    """The process could not become the user; it must not go on."""


class Identity:
    """A user as this node's own database knows it. `home` is "/" and `groups` only the primary one where it does not."""

    __slots__ = ("gid", "groups", "home", "name", "shell", "uid")

    def __init__(self, uid: int, gid: int, name: str, groups: list[int], home: str, shell: str) -> None:
        self.uid = uid
        self.gid = gid
        self.name = name
        self.groups = groups
        self.home = home
        self.shell = shell


def look_up(uid: int, gid: int, name: str = "") -> Identity:
    """uid and gid are what was signed; the groups come from the system's database, by the name it has for the uid."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Identity(uid, gid, name, [gid], "/", "/bin/sh")
    return Identity(uid, gid, entry.pw_name, os.getgrouplist(entry.pw_name, gid), entry.pw_dir, entry.pw_shell or "/bin/sh")


def become(who: Identity) -> None:
    """Change the whole identity for good. IdentityError where any part of it did not take."""
    if os.geteuid() != 0:
        if (os.geteuid(), os.getuid()) != (who.uid, who.uid):
            raise IdentityError(f"uid {os.geteuid()} cannot run a job of uid {who.uid}")
        return
    try:
        os.setgroups(who.groups)
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
    except OSError as error:
        raise IdentityError(f"cannot become uid {who.uid}, gid {who.gid}: {error.strerror}") from error
    if os.getresuid() != (who.uid,) * 3 or os.getresgid() != (who.gid,) * 3 or set(os.getgroups()) != set(who.groups):
        raise IdentityError(f"the change to uid {who.uid}, gid {who.gid} is incomplete")
    if who.uid != 0:
        try:
            os.setuid(0)
        except PermissionError:
            return
        raise IdentityError(f"uid {who.uid} can still become root")


def needs_change(who: Identity) -> bool:
    """Whether files must be opened by another process than this one."""
    return os.geteuid() != who.uid or os.getegid() != who.gid or (os.geteuid() == 0 and set(os.getgroups()) != set(who.groups))
