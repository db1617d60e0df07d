"""Typed messages in and out of JSON payloads, for daemons (msgspec).

msgspec refuses strings with bytes that are not UTF-8. Payloads that carry such bytes, which are rare, take the longer way
through wire/jsontext.py, so daemons see the same strings as `os.fsdecode` gives.
"""

from __future__ import annotations

from typing import Any

import msgspec

from mgpu_slurm.base.errors import ProtocolError
from mgpu_slurm.wire import jsontext


class UnknownKind(ProtocolError):
    """The message's kind is none of those that may be said here."""


class BadMessage(ProtocolError):
    """A message lacks a field, or a field has a wrong type; or the payload is no message at all."""


class Kind(msgspec.Struct):
    """The one field that every message has."""

    kind: str


class MessageDecoder:
    """Decodes payloads into one of a union of typed messages, tagged by `kind`."""

    def __init__(self, types: Any) -> None:
        self._types = types
        self._decoder = msgspec.json.Decoder(types)

    def decode(self, payload: bytes) -> Any:
        """The typed message. UnknownKind or BadMessage with the reason for anything else."""
        try:
            if jsontext.MARK in payload:
                return msgspec.convert(jsontext.loads(payload), self._types)
            return self._decoder.decode(payload)
        except msgspec.ValidationError as error:
            text = str(error)
            if "`$.kind`" in text:
                raise UnknownKind(text) from None
            raise BadMessage(text) from None
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise BadMessage(f"not a message: {error}") from None


def kind_of(payload: bytes) -> str:
    """The kind of a message, without looking at the rest. BadMessage: there is none."""
    try:
        return _KIND.decode(payload).kind
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadMessage(f"not a message: {error}") from None


def encode(message: object) -> bytes:
    """A struct or plain data as a payload. TypeError, ValueError: it holds something that JSON cannot carry."""
    try:
        payload = _ENCODER.encode(message)
    except UnicodeEncodeError:
        return jsontext.dumps(msgspec.to_builtins(message))
    if jsontext.MARK in payload:
        return jsontext.dumps(msgspec.to_builtins(message))
    return payload


_KIND = msgspec.json.Decoder(Kind)
_ENCODER = msgspec.json.Encoder()
