"""Credentials, the replay window and the key file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.wire import credential
from mgpu_slurm.wire.credential import CredentialError, Identity, KeyFileError, ReplayWindow

KEY = b"k" * 64
NOW = 1_700_000_000.5
DIGEST = credential.digest(b"request")
NONCE = "ab" * 16


def signed(now: float = NOW, made_with: str = NONCE, **changes: Any) -> dict[str, Any]:
    made = credential.sign(KEY, 1000, 1001, "node01", now, made_with, DIGEST)
    return {**made, **changes}


def reason(cred: object, now: float = NOW, digest: str = DIGEST, key: bytes = KEY, start: float = NOW - 1000) -> str:
    with pytest.raises(CredentialError) as caught:
        credential.verify(key, cred, digest, now, ReplayWindow(start))
    return caught.value.reason


def test_a_good_one() -> None:
    assert credential.verify(KEY, signed(), DIGEST, NOW, ReplayWindow(NOW)) == Identity(1000, 1001, "node01")


@pytest.mark.parametrize(
    "change",
    [
        {"uid": 0},
        {"gid": 0},
        {"host": "node02"},
        {"time": int(NOW) + 1},
        {"nonce": "cd" * 16},
        {"digest": credential.digest(b"other")},
        {"mac": "00" * 32},
    ],
)
def test_any_changed_field_is_noticed(change: dict[str, Any]) -> None:
    assert reason(signed(**change)) == credential.ALTERED


def test_another_key() -> None:
    assert reason(signed(), key=b"x" * 64) == credential.ALTERED


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"uid": -1},
        {"uid": "0"},
        {"uid": True},
        {"uid": 0xFFFFFFFF},
        {"gid": None},
        {"host": ""},
        {"host": "a\nb"},
        {"host": "x" * 256},
        {"time": 1.5},
        {"nonce": "short"},
        {"nonce": "G" * 32},
        {"digest": 7},
        {"mac": None},
        {"mac": "é" * 64},
    ],
)
def test_malformed(change: dict[str, Any]) -> None:
    assert reason(signed(**change)) == credential.MALFORMED


def test_missing_fields_and_other_things() -> None:
    for name in signed():
        cred = signed()
        del cred[name]
        assert reason(cred) == credential.MALFORMED
    others: list[object] = [None, [], "x", {}]
    for value in others:
        assert reason(value) == credential.MALFORMED


def test_stale_both_ways_and_from_before_the_start() -> None:
    assert reason(signed(NOW - 302)) == credential.STALE
    assert reason(signed(NOW + 302)) == credential.STALE
    assert reason(signed(NOW - 10), start=NOW - 5) == credential.STALE


def test_wrong_digest() -> None:
    assert reason(signed(), digest=credential.digest(b"other")) == credential.WRONG_DIGEST


def test_once_only() -> None:
    seen = ReplayWindow(NOW)
    credential.verify(KEY, signed(), DIGEST, NOW, seen)
    with pytest.raises(CredentialError, match="replayed"):
        credential.verify(KEY, signed(), DIGEST, NOW + 200, seen)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-700, 900), st.integers(-300, 300)), max_size=80))
def test_no_credential_is_ever_taken_twice(uses: list[tuple[int, float, int]]) -> None:
    """Whatever the clock does."""
    seen, now, taken = ReplayWindow(NOW), NOW, set()
    for number, step, skew in uses:
        now += step
        cred = signed(NOW + 60 * number + skew, made_with=f"{number:032x}")
        try:
            credential.verify(KEY, cred, DIGEST, now, seen)
        except CredentialError:
            continue
        assert (number, skew) not in taken
        taken.add((number, skew))


def test_the_window_is_bounded_by_time() -> None:
    seen = ReplayWindow(NOW)
    for second in range(5000):
        seen.use(f"{second:032x}", int(NOW) + second, NOW + second)
    assert len(seen) < 400


def test_no_signature_for_an_odd_digest() -> None:
    with pytest.raises(ValueError):
        credential.sign(KEY, 0, 0, "h", NOW, NONCE, "x\n0")


def test_key_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = credential.create_key(str(path))
    assert credential.load_key(str(path)) == key
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        credential.create_key(str(path))
    assert os.listdir(tmp_path) == ["key"]
    for mode in (0o640, 0o604, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(KeyFileError, match="open to others"):
            credential.load_key(str(path))
    path.chmod(0o600)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(KeyFileError):
        credential.load_key(str(tmp_path / "link"))
    with pytest.raises(KeyFileError):
        credential.load_key(str(tmp_path))
    with pytest.raises(KeyFileError):
        credential.load_key(str(tmp_path / "none"))
    path.write_bytes(b"short\n")
    with pytest.raises(KeyFileError, match="at least"):
        credential.load_key(str(path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_key_file_of_another_user(tmp_path: Path) -> None:
    path = tmp_path / "key"
    credential.create_key(str(path))
    os.chown(path, 1234, 1234)
    with pytest.raises(KeyFileError, match="belongs to uid 1234"):
        credential.load_key(str(path))
