"""The files in which ssh keeps keys, read."""

from __future__ import annotations

import base64
import binascii

from mgpu_slurm.deploy import known_hosts


def entries(file: str) -> list[known_hosts.Entry]:
    """What a known_hosts file says; nothing where there is none."""
    try:
        with open(file, encoding="utf-8", errors="replace") as source:
            return known_hosts.read(source.read(), file)
    except OSError:
        return []  # as ssh: what is not there or may not be read knows nobody


def public_blob(file: str) -> bytes:
    """The public half of a key file, as it goes over the wire; b"" where it does not lie beside it."""
    try:
        with open(file if file.endswith(".pub") else f"{file}.pub", encoding="utf-8", errors="replace") as source:
            return base64.b64decode(source.read().split()[1])
    except (OSError, IndexError, binascii.Error):
        return b""
