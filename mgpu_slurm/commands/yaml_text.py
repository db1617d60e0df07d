"""A document as YAML text, in the form that Slurm gives it: blocks, and every key and value with its tag. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ESCAPES = {"\0": "\\0", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\x1b": "\\e", '"': '\\"', "\\": "\\\\"}
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./()=+^$;~<")
"""What a text without quotes may begin and end with."""


def document(value: Mapping[str, object]) -> str:
    """The whole text of a map."""
    return "%YAML 1.1\n--- !!map\n" + "".join(f"{line}\n" for line in _members(value, 0)) + "...\n"


def _members(value: Mapping[str, object], depth: int) -> Iterator[str]:
    for key, one in value.items():
        yield from _entry(f"{' ' * depth}{_text(str(key))}: ", one, depth)


def _entry(front: str, value: object, depth: int, within: bool = False) -> Iterator[str]:
    """A value behind its key or dash, which are at this depth. What belongs to it stands deeper, but for the members of a list
    that is not `within` another: they are at the depth of its key."""
    if isinstance(value, dict) and value:
        yield f"{front}!!map"
        yield from _members(value, depth + 2)
    elif isinstance(value, list) and value:
        yield f"{front}!!seq"
        below = depth + 2 if within else depth
        for one in value:
            yield from _entry(f"{' ' * below}- ", one, below, within=True)
    else:
        yield front + _scalar(value)


def _scalar(value: object) -> str:
    if value is None:
        return "!!null null"
    if isinstance(value, bool):
        return f"!!bool {'true' if value else 'false'}"
    if isinstance(value, int):
        return f"!!int {value}"
    if isinstance(value, float):
        return f"!!float {value:f}"
    if isinstance(value, dict):
        return "!!map {}"
    return "!!seq []" if isinstance(value, list) else _text(str(value))


def _text(value: str) -> str:
    """Without quotes where no reader can take it for anything else."""
    if not value.isprintable() or not value.isascii():
        return f'!!str "{"".join(map(_escaped, value))}"'
    ends = bool(value) and value[0] in PLAIN and value[-1] in PLAIN
    if ends and ": " not in value and " #" not in value and not value.startswith("..."):
        return f"!!str {value}"
    return "!!str '" + value.replace("'", "''") + "'"


def _escaped(letter: str) -> str:
    if letter in ESCAPES:
        return ESCAPES[letter]
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8: what a reader shows for one
        return "\\uFFFD"
    if letter.isascii() and letter.isprintable():
        return letter
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
