"""Credentials: a daemon's word for who made a request, for connections where the kernel cannot say.

A daemon on the client's own host has looked at SO_PEERCRED and signs uid, gid, host, time, a nonce and the digest of the
request with the cluster key (HMAC-SHA256). The receiver checks, in this order: form, signature, age, digest, and that the
nonce was not used before. Whoever can read the key can be anyone, hence the strict rules for its file.

Times are UTC seconds. A receiver remembers nonces as long as their credentials could still be fresh; what it cannot
remember (from before its start, or already forgotten) it refuses as stale.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
TTL = 300
"""Seconds a credential is valid to either side of its time; allows for clocks that differ. Munge uses the same."""

MIN_KEY = 32
"""Bytes a key must have: the size of the hash."""

_MAX_ID = 0xFFFFFFFE  # (uid_t)-1 means "no change" to the kernel and is nobody's id


class Identity:
    """Who made a request. `pid` is 0 where it is not known."""

    __slots__ = ("gid", "host", "pid", "uid")

    def __init__(self, uid: int, gid: int, host: str, pid: int = 0) -> None:
        self.uid = uid
        self.gid = gid
        self.host = host
        self.pid = pid

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and (self.uid, self.gid, self.host) == (other.uid, other.gid, other.host)

    def __hash__(self) -> int:
        return hash((self.uid, self.gid, self.host))

    def __repr__(self) -> str:
        return f"Identity(uid={self.uid}, gid={self.gid}, host={self.host!r}, pid={self.pid})"


MALFORMED = "malformed"
ALTERED = "altered"
STALE = "stale"
REPLAYED = "replayed"
WRONG_DIGEST = "wrong digest"


class CredentialError(Exception):
    """A credential was refused; `reason` is one of MALFORMED, ALTERED, STALE, REPLAYED, WRONG_DIGEST."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"credential {reason}")
        self.reason = reason


class KeyFileError(Exception):
    """A key file is missing, unsafe or not a key; the text says what to do."""


class ReplayWindow:
    """The nonces a receiver has seen. `now` is the time of its start: older credentials may have been used before it."""

    __slots__ = ("_floor", "_next_prune", "_seen")

    def __init__(self, now: float) -> None:
        self._floor = int(now)
        self._seen: dict[str, int] = {}
        self._next_prune = now + TTL

    def __len__(self) -> int:
        return len(self._seen)

    def use(self, nonce: str, made: int, now: float, ttl: int = TTL) -> None:
        """Note one use. CredentialError: used before, or too old to know."""
        if made < self._floor:
            raise CredentialError(STALE)
        if nonce in self._seen:
            raise CredentialError(REPLAYED)
        if now >= self._next_prune:
            self._forget(now, ttl)
        self._seen[nonce] = made

    def _forget(self, now: float, ttl: int) -> None:
        # The floor rises with what is forgotten, so a clock that is set back cannot make an old credential fresh again.
        old = [nonce for nonce, made in self._seen.items() if made + ttl < now]
        for nonce in old:
            self._floor = max(self._floor, self._seen.pop(nonce) + 1)
        self._next_prune = now + ttl / 10


def digest(payload: bytes) -> str:
    """SHA-256 of a request's payload, in hex."""
    try:
        # hashlib loads OpenSSL (13 ms); the interpreter's own SHA-256 is at hand, by another name from Python 3.12 on.
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256
    return str(sha256(payload).hexdigest())


def new_nonce() -> str:
    """128 random bits in hex."""
    return os.urandom(16).hex()


def sign(key: bytes, uid: int, gid: int, host: str, now: float, nonce: str, digest: str) -> dict[str, object]:
    """A credential. ValueError where a field has no valid form, e.g. a digest that a client made up."""
    credential: dict[str, object] = {
        "v": VERSION,
        "uid": uid,
        "gid": gid,
        "host": host,
        "time": int(now),
        "nonce": nonce,
        "digest": digest,
    }
    text = _signed_text(credential)
    if text is None:
        raise ValueError("not signed: a field of the credential is malformed")
    credential["mac"] = mac(key, text).hex()
    return credential


def verify(key: bytes, credential: object, digest: str, now: float, seen: ReplayWindow, ttl: int = TTL) -> Identity:
    """Who signed for the request with this digest. CredentialError with its reason."""
    from hmac import compare_digest

    if not isinstance(credential, dict) or not _is_hex(credential.get("mac"), 64):
        raise CredentialError(MALFORMED)
    text = _signed_text(credential)
    if text is None:
        raise CredentialError(MALFORMED)
    if not compare_digest(mac(key, text).hex(), credential["mac"]):
        raise CredentialError(ALTERED)
    if abs(now - credential["time"]) > ttl:
        raise CredentialError(STALE)
    if not compare_digest(credential["digest"], digest):
        raise CredentialError(WRONG_DIGEST)
    seen.use(credential["nonce"], credential["time"], now, ttl)
    return Identity(credential["uid"], credential["gid"], credential["host"])


def mac(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256."""
    from hmac import digest

    return digest(key, data, "sha256")


def _signed_text(credential: Mapping[str, object]) -> bytes | None:
    """The bytes that the signature covers; None where a field is missing or malformed."""
    version, uid, gid, host, made, nonce, covered = (
        credential.get(name) for name in ("v", "uid", "gid", "host", "time", "nonce", "digest")
    )
    if version != VERSION or type(version) is not int:
        return None
    for number, top in ((uid, _MAX_ID), (gid, _MAX_ID), (made, 1 << 62)):
        if type(number) is not int or not 0 <= number <= top:
            return None
    if not isinstance(host, str) or not 0 < len(host) <= 255 or not host.isascii() or not host.isprintable():
        return None
    if not _is_hex(nonce, 32) or not _is_hex(covered, 64):
        return None
    return f"mgpu credential\n{version}\n{uid}\n{gid}\n{host}\n{made}\n{nonce}\n{covered}".encode()


def _is_hex(value: object, size: int) -> bool:
    return isinstance(value, str) and len(value) == size and not value.strip("0123456789abcdef")


def load_key(path: str, owner: int = 0) -> bytes:
    """The cluster key. KeyFileError: it cannot be read, is a link, belongs to another user than the caller, root or
    `owner`, can be read or written by group or others, or is shorter than MIN_KEY bytes. `owner` is SlurmUser's uid: a
    node daemon, which is root, shares the file with a controller that is not."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyFileError(f"cannot open key file {path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if status.st_mode & 0o170000 != 0o100000:
            raise KeyFileError(f"key file {path} is not a regular file")
        if status.st_uid not in (0, owner, os.geteuid()):
            raise KeyFileError(f"key file {path} belongs to uid {status.st_uid}; chown it to uid {os.geteuid()}")
        if status.st_mode & 0o077:
            raise KeyFileError(f"key file {path} is open to others (mode {status.st_mode & 0o777:04o}); chmod 600 it")
        key = os.read(descriptor, 4096).strip()
    finally:
        os.close(descriptor)
    if len(key) < MIN_KEY:
        raise KeyFileError(f"key file {path} holds {len(key)} bytes; a key needs at least {MIN_KEY}")
    return key


def create_key(path: str) -> bytes:
    """Make a random key (64 hex digits) in a file that only the caller can read; it appears whole, on disk, or not at
    all. FileExistsError: there is one, which is left as it is. Other OSError: it cannot be written."""
    key = os.urandom(32).hex().encode()
    folder = os.path.dirname(path) or "."
    draft = os.path.join(folder, f".key-{os.getpid()}-{new_nonce()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            os.fchmod(descriptor, 0o600)
            os.write(descriptor, key + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.link(draft, path)
    finally:
        os.unlink(draft)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(at)
    finally:
        os.close(at)
    return key
