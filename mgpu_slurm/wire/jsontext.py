"""JSON text for programs that start often, and the one way in which bytes that are not UTF-8 travel.

`import json` pulls in `re` and costs several milliseconds, a third of a client command. Its C parts are enough for plain
data, so they are used directly; where they are absent or have changed, the package itself is used.

Bytes that are not UTF-8 reach Python as lone surrogates (PEP 383, "surrogateescape"): a file name with a Latin-1 letter,
a variable of an old program. JSON cannot carry them: UTF-8 forbids surrogates and msgspec refuses both the raw byte and
the escape `\\udcXX`. So the text of a message shows byte 0x80..0xff as a stand-in character U+10FF80..U+10FFFF, the last
128 of Unicode's private planes. A true character of that range is written as the stand-ins of its own four bytes, so
nothing is ambiguous: any string that `os.fsdecode` can return comes back equal. A string with another lone surrogate,
which no operating system call returns, is refused with ValueError.

`loads`, `dumps` are for plain data; `wire/typed.py` does the same for typed messages.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STAND_IN = 0x10FF00
"""A byte that is not UTF-8 shows as the character with this number added."""

MARK = b"\xf4\x8f"
"""How every stand-in begins in UTF-8; text without it needs no second look."""

_TO_BYTES: dict[int, int] = {STAND_IN + byte: 0xDC00 + byte for byte in range(0x80, 0x100)}
_TO_STAND_INS: dict[int, str | int] = {
    **{0xDC00 + byte: STAND_IN + byte for byte in range(0x80, 0x100)},
    **{char: "".join(chr(STAND_IN + byte) for byte in chr(char).encode()) for char in _TO_BYTES},
}


def hide(text: str) -> str:
    """Text with stand-ins for bytes that are not UTF-8. ValueError where a lone surrogate stands for no byte."""
    hidden = text.translate(_TO_STAND_INS)
    hidden.encode()
    return hidden


def show(text: str) -> str:
    """The inverse of `hide`: lone surrogates again, merged with their neighbours where together they are UTF-8."""
    return text.translate(_TO_BYTES).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def dumps(value: object) -> bytes:
    """Plain data as compact JSON in UTF-8.

    ValueError: NaN or infinity, a cycle, a surrogate that stands for no byte. TypeError: a value JSON does not know.
    """
    text = _write(value)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return hide(text).encode()
    return hide(text).encode() if MARK in data else data


def loads(data: bytes) -> object:
    """Plain data from JSON text. ValueError for anything else, also for nesting deeper than the interpreter allows."""
    text = data.decode()
    if MARK in data:
        text = show(text)
    return _read(text)


def _refuse(value: object) -> object:
    raise TypeError(f"JSON has no form for a value of type {type(value).__name__}")


def _refuse_constant(name: str) -> object:
    raise ValueError(f"JSON has no {name}")


class _Reading:
    """What the C scanner asks its maker for; the attributes are those of json.JSONDecoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse_constant)


def _native() -> tuple[Callable[[object], str], Callable[[str], object]]:
    """Writer and reader on the C accelerator. ImportError, TypeError or AttributeError where it is not as expected."""
    import _json

    scan = _json.make_scanner(_Reading())  # type: ignore[arg-type]
    escape = _json.encode_basestring

    def write(value: object) -> str:
        # A dict per call detects cycles; the last four: sort_keys, skipkeys, allow_nan.
        encode = _json.make_encoder({}, _refuse, escape, None, ":", ",", False, False, False)
        return "".join(encode(value, 0))

    def read(text: str) -> object:
        text = text.strip(" \t\n\r")
        try:
            value, end = scan(text, 0)
        except StopIteration as stop:
            raise ValueError(f"no JSON value at character {stop.value}") from None
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None
        if end != len(text):
            raise ValueError(f"more text after the JSON value at character {end}")
        return value

    if write({"a": [1, True, None, 'b"\n']}) != '{"a":[1,true,null,"b\\"\\n"]}' or read('{"a":[1.5]}') != {"a": [1.5]}:
        raise TypeError("the JSON accelerator of this interpreter behaves otherwise")
    return write, read


def _packaged() -> tuple[Callable[[object], str], Callable[[str], object]]:
    """The same two on the json package, for interpreters without that accelerator."""
    import json

    def read(text: str) -> object:
        try:
            value: object = json.loads(text, parse_constant=_refuse_constant)
        except RecursionError:
            raise ValueError("JSON is nested too deeply") from None
        return value

    def write(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    return write, read


try:
    _write, _read = _native()
except (ImportError, AttributeError, TypeError):
    _write, _read = _packaged()
