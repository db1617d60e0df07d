"""The words of PMI, the interface by which the processes of an MPI program find each other: bytes <-> requests. Pure.

Both versions begin with the same line, `cmd=init pmi_version=V pmi_subversion=S`. Version 1 goes on with lines of
`key=value` words; version 2 with records `key=value;` behind their length in six characters, in which `;;` is a semicolon
of a value. (MPICH's documents "PMI v2 API" and the wire protocol of its simple PMI-1 client.)
"""

from __future__ import annotations

import os

LONGEST = 1 << 20
"""Bytes of one request: the length of version 2 has six digits."""

_LENGTH = 6


class BadWords(Exception):
    """The task does not speak PMI; the text says what it said instead."""


class Request:
    """One request of a task. `fields` holds all its words but the command."""

    __slots__ = ("command", "fields")

    def __init__(self, command: str, fields: dict[str, str]) -> None:
        self.command = command
        self.fields = fields


class Talk:
    """What one task says, in any pieces. `version` is 0 before its first line."""

    __slots__ = ("_buffer", "_spawn", "version")

    def __init__(self) -> None:
        self.version = 0
        self._buffer = b""
        self._spawn: dict[str, str] | None = None  # a request of several lines that has not ended

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> Request | None:
        """The next complete request. BadWords."""
        while True:
            taken = self._record() if self.version == 2 else self._line()
            if taken is None:
                if len(self._buffer) > LONGEST:
                    raise BadWords(f"a request of more than {LONGEST} bytes")
                return None
            request = _record(taken) if self.version == 2 else self._of_line(taken)
            if request is None:
                continue
            if not self.version:
                self._begin(request, taken)
            return request

    def _begin(self, request: Request, line: str) -> None:
        version = request.fields.get("pmi_version")
        if request.command != "init" or version not in ("1", "2"):
            raise BadWords(f"invalid PMI1 init command: `{line}'")
        self.version = int(version)

    def _line(self) -> str | None:
        line, end, rest = self._buffer.partition(b"\n")
        if not end:
            return None
        self._buffer = rest
        return os.fsdecode(line)

    def _record(self) -> str | None:
        if len(self._buffer) < _LENGTH:
            return None
        digits = self._buffer[:_LENGTH].strip()
        if not digits.isdigit():
            raise BadWords(f"no length where a request begins: {digits!r}")
        end = _LENGTH + int(digits)
        if len(self._buffer) < end:
            return None
        record, self._buffer = self._buffer[_LENGTH:end], self._buffer[end:]
        return os.fsdecode(record)

    def _of_line(self, line: str) -> Request | None:
        """A request; None for a line within one of several lines."""
        if self._spawn is not None:
            if line.strip() == "endcmd":
                fields, self._spawn = self._spawn, None
                return Request(fields.pop("mcmd", ""), fields)
            self._spawn.update(_words(line))
            return None
        fields = _words(line)
        if "mcmd" in fields:
            self._spawn = fields
            return None
        if "cmd" not in fields:
            raise BadWords(f"a line without a command: `{line}'" if self.version else f"invalid PMI1 init command: `{line}'")
        return Request(fields.pop("cmd"), fields)


def _words(line: str) -> dict[str, str]:
    """`key=value` words; the value of a put is all that is left of the line."""
    fields: dict[str, str] = {}
    rest = line.strip(" \r")
    while rest:
        name, mark, rest = rest.partition("=")
        if not mark:
            break
        if name == "value" and fields.get("cmd") == "put":
            fields[name] = rest
            break
        fields[name], _, rest = rest.partition(" ")
        rest = rest.lstrip(" ")
    return fields


def _record(text: str) -> Request:
    fields: dict[str, str] = {}
    for part in text.replace(";;", "\0").split(";"):
        name, mark, value = part.partition("=")
        if mark:
            fields[name.replace("\0", ";")] = value.replace("\0", ";")
        elif part:
            raise BadWords(f"no value for key {part} in a request")
    if "cmd" not in fields:
        raise BadWords(f"a request without a command: {text}")
    return Request(fields.pop("cmd"), fields)


def line(command: str, **fields: object) -> bytes:
    """An answer of version 1."""
    words = "".join(f" {name}={value}" for name, value in fields.items())
    return os.fsencode(f"cmd={command}{words}\n")


def record(command: str, fields: dict[str, object]) -> bytes:
    """An answer of version 2."""
    words = "".join(f"{name}={str(value).replace(';', ';;')};" for name, value in fields.items())
    data = os.fsencode(f"cmd={command};{words}")
    return b"%-6d" % len(data) + data


def mapping(nodes: list[int]) -> str:
    """PMI_process_mapping: which ranks share a node. `nodes`: the index of its node for each rank, in order.

    Blocks `(first node, nodes, ranks on each)`, which readers repeat until every rank has its place. "" where that would be
    longer than a value may be: the program then compares host names.
    """
    runs: list[list[int]] = []  # node, ranks
    for node in nodes:
        if runs and runs[-1][0] == node:
            runs[-1][1] += 1
        else:
            runs.append([node, 1])
    blocks: list[list[int]] = []
    for node, count in runs:
        if blocks and blocks[-1][2] == count and blocks[-1][0] + blocks[-1][1] == node:
            blocks[-1][1] += 1
        else:
            blocks.append([node, 1, count])
    for size in range(1, len(blocks)):
        if len(blocks) % size == 0 and blocks[:size] * (len(blocks) // size) == blocks:
            blocks = blocks[:size]
            break
    text = "(vector," + ",".join(f"({first},{many},{each})" for first, many, each in blocks) + ")"
    return text if len(text) < VALUE_MAX else ""


KVSNAME_MAX = 256
KEY_MAX = 64
VALUE_MAX = 1024
"""Of version 1, as Slurm tells them to programs."""
