"""Certificates of hosts: a key that an authority vouches for, as OpenSSH's PROTOCOL.certkeys lays it out. Pure.

known_hosts names authorities in lines `@cert-authority NAMES KEYTYPE BASE64`; whoever shows a certificate that one of them
has signed for its name, and that is of now, is known without a line of its own.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from fnmatch import fnmatchcase

SUFFIX = "-cert-v01@openssh.com"
"""What a certificate's type has behind the key's."""

OF_A_HOST = 2

PARTS = {"ssh-ed25519": 1, "ssh-rsa": 2, "ecdsa-sha2": 2}
"""How many fields a key has, by what its type begins with."""


class CertificateError(ValueError):
    """It is no certificate. The text is for the user."""


@dataclass(frozen=True)
class Certificate:
    """What it says; `signed` is that which `signature` is of, `authority` the key that made it."""

    kind: int
    names: tuple[str, ...]
    after: int
    before: int
    critical: bytes
    authority: bytes
    signature: bytes
    signed: bytes


class _Fields:
    """The fields of a blob, one after the other."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.at = 0

    def take(self, length: int) -> bytes:
        if self.at + length > len(self.blob):
            raise CertificateError("its certificate is cut short")
        self.at += length
        return self.blob[self.at - length : self.at]

    def number(self, form: str) -> int:
        (found,) = struct.unpack(form, self.take(struct.calcsize(form)))
        return int(found)

    def text(self) -> bytes:
        return self.take(self.number(">I"))


def read(blob: bytes) -> Certificate:
    """A certificate as it goes over the wire. CertificateError."""
    fields = _Fields(blob)
    kind = fields.text().decode("ascii", "replace")
    parts = next((count for start, count in PARTS.items() if kind.startswith(start)), 0)
    if not kind.endswith(SUFFIX) or not parts:
        raise CertificateError(f"{kind[:40]} is no certificate")
    for _ in range(1 + parts):  # a number used once, then the key
        fields.text()
    fields.number(">Q")  # its serial number
    of = fields.number(">I")
    fields.text()  # what the authority calls it
    listed = _Fields(fields.text())
    names = []
    while listed.at < len(listed.blob):
        names.append(listed.text().decode("utf-8", "replace").lower())
    after, before = fields.number(">Q"), fields.number(">Q")
    critical = fields.text()
    fields.text()  # extensions
    fields.text()  # for later use
    authority = fields.text()
    signed = blob[: fields.at]
    return Certificate(of, tuple(names), after, before, critical, authority, fields.text(), signed)


def wrong(certificate: Certificate, host: str, now: float) -> str:
    """Why a certificate does not vouch for `host`; "" where it does. Its signature is looked at elsewhere."""
    if certificate.kind != OF_A_HOST:
        return "is one of a user, not of a host"
    if certificate.critical:
        return "has conditions that are not known here"
    if now < certificate.after:
        return f"holds from {_when(certificate.after)} on only"
    if now >= certificate.before:
        return f"held until {_when(certificate.before)}"
    if certificate.names and not any(fnmatchcase(host.lower(), name.replace("[", "[[]")) for name in certificate.names):
        return f"is for {', '.join(certificate.names)}"
    return ""


def _when(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(min(seconds, 1 << 40)))
