"""known_hosts: what is known of a server's key, as OpenSSH's sshd(8) describes the file. Pure.

A line is `[@MARKER] NAMES KEYTYPE BASE64`; NAMES are patterns with `*`, `?` and `!`, or one hashed name. What the
authorities of @cert-authority lines sign is certificates.py's.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

KNOWN, UNKNOWN, CHANGED, REVOKED = "known", "unknown", "changed", "revoked"


@dataclass(frozen=True)
class Entry:
    """One line: for whom, which key."""

    marker: str
    names: tuple[str, ...]
    kind: str
    blob: bytes
    file: str
    line: int


def read(text: str, file: str = "") -> list[Entry]:
    """The entries of a file's text. Lines that say nothing are passed over, as ssh does."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        marker = words.pop(0) if words[0].startswith("@") else ""
        if len(words) < 3:
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        entries.append(Entry(marker, tuple(words[0].split(",")), words[1], blob, file, number))
    return entries


def names_of(host: str, port: int) -> list[str]:
    """The names under which a server is looked for: that under which it is written down, then that without its port."""
    return [host.lower()] if port == 22 else [f"[{host.lower()}]:{port}", host.lower()]


def matches(entry: Entry, name: str) -> bool:
    """Whether the entry is about `name`."""
    found = False
    for pattern in entry.names:
        if pattern.startswith("|1|"):
            found = found or _hash_matches(pattern, name)
            continue
        denied = pattern.startswith("!")
        # fnmatch knows [..] sets, known_hosts does not: [host]:port is a name
        if fnmatchcase(name, pattern.removeprefix("!").lower().replace("[", "[[]")):
            if denied:
                return False
            found = True
    return found


def _hash_matches(pattern: str, name: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part, validate=True) for part in pattern.split("|")[2:4])
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(hmac.new(salt, name.encode(), hashlib.sha1).digest(), digest)


def kinds(entries: Sequence[Entry], names: Sequence[str]) -> list[str]:
    """The types of keys that are known of a server, to be asked for first."""
    found = (entry.kind for name in names for entry in entries if not entry.marker and matches(entry, name))
    return list(dict.fromkeys(found))


def authorities(entries: Sequence[Entry], names: Sequence[str]) -> list[Entry]:
    """The lines whose authorities may vouch for a server."""
    return [entry for entry in entries if entry.marker == "@cert-authority" and any(matches(entry, name) for name in names)]


def judge(entries: Sequence[Entry], names: Sequence[str], blob: bytes) -> tuple[str, Entry | None]:
    """What to think of the key that a server shows, and the line that says so.

    A server of which only other keys are known, be they of another type, has changed: whoever stands between could
    offer a type that nobody has noted. Under its name without the port it can be known or revoked, as with ssh; another
    key there is another server's.
    """
    verdict, entry = _judge(entries, names[0], blob)
    for name in names[1:] if verdict == UNKNOWN else ():
        found, line = _judge(entries, name, blob)
        if found in (KNOWN, REVOKED):
            return found, line
    return verdict, entry


def _judge(entries: Sequence[Entry], name: str, blob: bytes) -> tuple[str, Entry | None]:
    about = [entry for entry in entries if entry.marker != "@cert-authority" and matches(entry, name)]
    for entry in about:
        if entry.marker == "@revoked" and entry.blob == blob:
            return REVOKED, entry
    about = [entry for entry in about if not entry.marker]
    for entry in about:
        if entry.blob == blob:
            return KNOWN, entry
    return (CHANGED, about[0]) if about else (UNKNOWN, None)


def fingerprint(blob: bytes) -> str:
    """As ssh shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def line(name: str, kind: str, blob: bytes, salt: bytes = b"") -> str:
    """A line that says that `name` has this key; with a salt the name is hashed."""
    if salt:
        digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
        name = f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
    return f"{name} {kind} {base64.b64encode(blob).decode()}\n"
