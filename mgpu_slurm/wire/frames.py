"""Frames: how a stream of bytes becomes messages. No sockets here, so that blocking and asyncio code share it.

A frame is a 4-byte big-endian length and that many bytes of payload. The first byte tells its kind:

- `{`: a message, JSON in UTF-8 (wire/jsontext.py says how bytes that are not UTF-8 travel);
- a tag below 0x20: bulk data, a 4-byte big-endian number (the task; for files the transfer) and raw bytes;
- the tag SEALED: a frame of the link between daemons, whose inside wire/sealed.py defines.

Anything else is an error, and so is an empty frame. Limits are checked as soon as the length and first byte are known,
before memory is spent on the rest.
"""

from __future__ import annotations

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.wire import jsontext

STDIN = 1
STDOUT = 2
STDERR = 3
FILE = 4
SEALED = 0x10
JSON = 0x7B

CHANNELS = (STDIN, STDOUT, STDERR, FILE)

ALL_TASKS = 0xFFFFFFFF
"""Task number of input that is meant for every task."""

MAX_JSON = 64 << 20
"""Largest message: a listing of 100,000 jobs in 60 columns is about 50 MiB."""

MAX_CHANNEL = 1 << 20
"""Largest payload of bulk data: senders use 256 KiB pieces, beyond which a copy gains nothing; a slow reader's memory
is bounded by it."""

MAX_SEALED = 17 << 20
"""Largest frame between daemons: a batch launch carries script (4 MiB at most by default) and environment."""

_HEADER = 4
_CHANNEL_HEADER = 5


class FrameError(ProtocolError):
    """The peer does not speak this protocol or exceeds a limit. `oversized` tells the second case."""

    def __init__(self, text: str, oversized: bool = False) -> None:
        super().__init__(text)
        self.oversized = oversized


class Frame:
    """One frame. `tag` is JSON, SEALED or a channel; `task` is 0 except on channels; `data` is what follows them (for
    JSON and SEALED the whole payload)."""

    __slots__ = ("data", "tag", "task")

    def __init__(self, tag: int, task: int, data: bytes) -> None:
        self.tag = tag
        self.task = task
        self.data = data

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and (self.tag, self.task, self.data) == (other.tag, other.task, other.data)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Frame(tag={self.tag}, task={self.task}, {len(self.data)} bytes)"

    def message(self) -> dict[str, object]:
        """The message of a JSON frame as plain data. FrameError where it is not a JSON object."""
        if self.tag != JSON:
            raise FrameError("bulk data where a message was expected")
        try:
            value = jsontext.loads(self.data)
        except ValueError as error:
            raise FrameError(f"not a message: {error}") from None
        if not isinstance(value, dict):
            raise FrameError("a message must be an object")
        return value

    def encode(self) -> bytes:
        """The frame as it travels."""
        if self.tag in CHANNELS:
            return encode_channel(self.tag, self.task, self.data)
        return encode_payload(self.data)


class NeedMore:
    """Type of NEED_MORE."""

    __slots__ = ()


NEED_MORE = NeedMore()
"""Answer of `Decoder.next` while the next frame is not complete."""


def encode_payload(payload: bytes) -> bytes:
    """A frame around a finished payload."""
    return len(payload).to_bytes(4, "big") + payload


def encode_json(message: object) -> bytes:
    """A message given as plain data, as a frame. FrameError when it is too large; ValueError, TypeError: no JSON."""
    payload = jsontext.dumps(message)
    if len(payload) > MAX_JSON:
        raise FrameError(f"message of {len(payload)} bytes exceeds the limit of {MAX_JSON}", oversized=True)
    return encode_payload(payload)


def encode_channel(tag: int, task: int, data: bytes) -> bytes:
    """Bulk data as a frame; the data of one frame must not exceed MAX_CHANNEL - 5 bytes."""
    if tag not in CHANNELS:
        raise FrameError(f"{tag} is not a channel")
    size = len(data) + _CHANNEL_HEADER
    if size > MAX_CHANNEL:
        raise FrameError(f"{len(data)} bytes of data exceed the limit of one frame", oversized=True)
    return b"".join((size.to_bytes(4, "big"), bytes((tag,)), task.to_bytes(4, "big"), data))


class Decoder:
    """Bytes in, frames out. After an error the stream has no meaning any more: every further call raises it again.

    `max_json` may be lowered and raised while decoding: a server allows a hello less than the request after it.
    """

    __slots__ = ("_buffer", "_error", "_start", "max_json", "max_sealed")

    def __init__(self, max_json: int = MAX_JSON, max_sealed: int = 0) -> None:
        self.max_json = max_json
        self.max_sealed = max_sealed
        self._buffer = bytearray()
        self._start = 0
        self._error: FrameError | None = None

    def feed(self, data: bytes) -> None:
        """Add what came from the peer, in any pieces."""
        self._buffer += data

    def rest(self) -> bytes:
        """Bytes that are fed and not yet part of a returned frame."""
        return bytes(self._buffer[self._start :])

    def next(self) -> Frame | NeedMore:
        """The next complete frame, or NEED_MORE. FrameError: not this protocol, or over a limit."""
        if self._error is not None:
            raise self._error
        try:
            return self._next()
        except FrameError as error:
            self._error = error
            self._buffer.clear()
            self._start = 0
            raise

    def _next(self) -> Frame | NeedMore:
        buffer, start = self._buffer, self._start
        have = len(buffer) - start
        if have < _HEADER:
            return self._wait()
        size = int.from_bytes(buffer[start : start + _HEADER], "big")
        if size == 0:
            raise FrameError("empty frame")
        if size > max(self.max_json, MAX_CHANNEL, self.max_sealed):
            raise FrameError(f"frame of {size} bytes", oversized=True)
        if have == _HEADER:
            return self._wait()
        tag = buffer[start + _HEADER]
        self._check(tag, size)
        end = start + _HEADER + size
        if len(buffer) < end:
            return self._wait()
        self._start = end
        if tag in CHANNELS:
            body = start + _HEADER + _CHANNEL_HEADER
            task = int.from_bytes(buffer[body - 4 : body], "big")
            return Frame(tag, task, bytes(memoryview(buffer)[body:end]))
        return Frame(tag, 0, bytes(memoryview(buffer)[start + _HEADER : end]))

    def _check(self, tag: int, size: int) -> None:
        if tag == JSON:
            limit = self.max_json
        elif tag in CHANNELS:
            limit = MAX_CHANNEL
            if size < _CHANNEL_HEADER:
                raise FrameError("bulk data without a task number")
        elif tag == SEALED and self.max_sealed:
            limit = self.max_sealed
        else:
            raise FrameError(f"a frame cannot begin with byte {tag:#04x}")
        if size > limit:
            raise FrameError(f"frame of {size} bytes exceeds the limit of {limit}", oversized=True)

    def _wait(self) -> NeedMore:
        # What has been consumed is dropped only here: once per read, not once per frame.
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        return NEED_MORE
