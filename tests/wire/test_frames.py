"""Frames and JSON text: whole, byte by byte, and wrong."""

from __future__ import annotations

import json
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgpu_slurm.wire import frames, jsontext, typed
from mgpu_slurm.wire.frames import Decoder, Frame, FrameError, NeedMore

os_text = st.binary(max_size=40).map(os.fsdecode)
any_text = st.one_of(os_text, st.text(st.characters(min_codepoint=0x10FF70, max_codepoint=0x10FFFF)), st.text())
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


def drain(decoder: Decoder) -> list[Frame]:
    found = []
    while not isinstance(frame := decoder.next(), NeedMore):
        found.append(frame)
    return found


@given(
    st.lists(
        st.one_of(
            st.dictionaries(st.text(max_size=5), st.integers(), max_size=3).map(frames.encode_json),
            st.builds(
                frames.encode_channel,
                st.sampled_from(frames.CHANNELS),
                st.integers(0, frames.ALL_TASKS),
                st.binary(max_size=50),
            ),
        ),
        max_size=6,
    )
)
def test_the_cut_of_the_stream_does_not_matter(encoded: list[bytes]) -> None:
    data = b"".join(encoded)
    whole = Decoder()
    whole.feed(data)
    expected = drain(whole)
    assert b"".join(frame.encode() for frame in expected) == data
    single = Decoder()
    found = []
    for at in range(len(data)):
        single.feed(data[at : at + 1])
        found.extend(drain(single))
    assert found == expected
    assert single.rest() == b""


@given(st.binary(max_size=200))
def test_random_bytes_give_frames_or_frame_errors(data: bytes) -> None:
    decoder = Decoder(max_json=100)
    decoder.feed(data)
    try:
        for frame in drain(decoder):
            assert len(frame.data) <= frames.MAX_CHANNEL
    except FrameError:
        with pytest.raises(FrameError):
            decoder.next()


@pytest.mark.parametrize(
    ("data", "oversized"),
    [
        (b"\0\0\0\0", False),
        (b"\0\0\0\5\7", False),
        (b"\0\0\0\4\2", False),
        (b"\0\0\0\5G", False),
        (b"\0\0\0\5\x10", False),
        (b"\xff\xff\xff\xff", True),
        (b"\0\0\0\xc8{", True),
        (b"\0\x20\0\0\2", True),
    ],
)
def test_refused_before_the_rest_is_there(data: bytes, oversized: bool) -> None:
    decoder = Decoder(max_json=100)
    decoder.feed(data)
    with pytest.raises(FrameError) as caught:
        decoder.next()
    assert caught.value.oversized is oversized


def test_channel_frames_have_their_limit() -> None:
    fits = bytes(frames.MAX_CHANNEL - 5)
    decoder = Decoder()
    decoder.feed(frames.encode_channel(frames.STDOUT, 7, fits))
    assert decoder.next() == Frame(frames.STDOUT, 7, fits)
    with pytest.raises(FrameError):
        frames.encode_channel(frames.STDOUT, 7, fits + b"x")
    with pytest.raises(FrameError):
        frames.encode_channel(9, 0, b"")


@given(plain)
def test_json_text_comes_back_equal(value: object) -> None:
    assert jsontext.loads(jsontext.dumps(value)) == value


@given(plain)
def test_daemon_and_client_read_each_other(value: object) -> None:
    decoder = typed.MessageDecoder(object)
    assert decoder.decode(jsontext.dumps({"x": value})) == {"x": value}
    assert jsontext.loads(typed.encode({"x": value})) == {"x": value}


@given(plain)
def test_the_text_is_what_the_json_package_reads(value: object) -> None:
    text = jsontext.dumps(value)
    json.loads(text)
    assert typed.encode(value) is not None
    write, read = jsontext._packaged()
    assert json.loads(write(value)) == read(jsontext._write(value))


class Named(msgspec.Struct, tag_field="kind", tag="named"):
    name: str
    names: dict[str, str] = {}


def test_bytes_that_are_not_utf8_reach_typed_messages() -> None:
    latin, private = os.fsdecode(b"caf\xe9"), "\U0010ff80"
    message = Named(latin, {latin: private})
    payload = typed.encode(message)
    payload.decode()
    assert typed.MessageDecoder(Named).decode(payload) == message
    assert jsontext.loads(payload) == {"kind": "named", "name": latin, "names": {latin: private}}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", "a\udc41"])
def test_what_json_cannot_carry(value: object) -> None:
    with pytest.raises(ValueError):
        jsontext.dumps({"x": value})


def test_other_refusals() -> None:
    with pytest.raises(TypeError):
        jsontext.dumps({"x": b"bytes"})
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError):
        jsontext.dumps(loop)
    for text in (b"", b"{", b"{} {}", b"NaN", b"\xff", b"[" * 100_000, b'"\x00"'):
        with pytest.raises(ValueError):
            jsontext.loads(text)


@given(st.binary(max_size=60))
def test_random_payloads_are_refused_in_kind(data: bytes) -> None:
    try:
        typed.MessageDecoder(Named).decode(data)
    except (typed.UnknownKind, typed.BadMessage):
        pass
