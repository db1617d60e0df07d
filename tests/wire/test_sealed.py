"""Frames of a session are sealed: nothing that was touched is opened, and proofs depend on everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.wire.sealed import Handshake, NotAuthentic, Seal
from tests.wire.scene import KEY


def sessions() -> tuple[Seal, Seal]:
    handshake = Handshake(KEY, "00" * 32, "11" * 32, "n0")
    return handshake.client_session(), handshake.server_session()


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.data())
def test_no_touched_frame_is_opened(bodies: list[bytes], data: st.DataObject) -> None:
    ours, theirs = sessions()
    sealed = [ours.seal(body)[4:] for body in bodies]
    for body, frame in zip(bodies[:-1], sealed[:-1], strict=True):
        assert theirs.open(frame) == body
    at = data.draw(st.integers(0, len(sealed[-1]) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    wrong = bytearray(sealed[-1])
    wrong[at] ^= bit
    with pytest.raises(NotAuthentic):
        theirs.open(bytes(wrong))
    for frame in sealed[:-1]:
        with pytest.raises(NotAuthentic):
            theirs.open(frame)
    with pytest.raises(NotAuthentic):
        ours.open(sealed[-1])  # reflected
    assert theirs.open(sealed[-1]) == bodies[-1]


def test_proofs_depend_on_everything() -> None:
    proofs = set()
    for key, mine, yours, about in [
        (KEY, "00" * 32, "11" * 32, "n0"),
        (b"x" * 64, "00" * 32, "11" * 32, "n0"),
        (KEY, "22" * 32, "11" * 32, "n0"),
        (KEY, "00" * 32, "22" * 32, "n0"),
        (KEY, "00" * 32, "11" * 32, "n1"),
    ]:
        handshake = Handshake(key, mine, yours, about)
        proofs |= {handshake.client_proof(), handshake.server_proof()}
    assert len(proofs) == 10
