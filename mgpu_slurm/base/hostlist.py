"""Host lists: `n[01-03,7],gpu0` <-> the names it stands for.

Rules, as `scontrol show hostnames` and `scontrol show hostlist` of Slurm 22.05.8 show them:

- entries are separated by commas or blanks, empty entries are nothing; duplicates and the order stay;
- a bracket holds numbers and low-high ranges; zero padding is that of the low end: `[08-11]`, and `[1-]` is `[1]`;
- several brackets multiply, the last one turning fastest; text after the last bracket is allowed only where an
  entry has more than one bracket and then only between them: `a[1-2]x[3]` is a list, `a[1-2]x` is "Invalid hostlist";
- a range that runs backwards, a stride and a letter in a bracket are errors; so is more than `limit` names in a range.

One difference: Slurm reads an unclosed bracket `n[1-3` as a host called `n]`; here it is an error.

Folding joins neighbours of the list only: same text before the last run of digits, next number, and digits that the
padding of the range's first number would have produced. Numbers that are not at the end of a name do not fold.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

LIMIT = 65536


class HostlistError(ValueError):
    """A text is not a host list. `detail` is Slurm's line about the range at fault, or empty."""

    def __init__(self, text: str, detail: str = "") -> None:
        self.text = text
        self.detail = detail
        super().__init__(text, detail)

    def __str__(self) -> str:
        return f"Invalid hostlist: {self.text}"


def _entries(text: str) -> list[str]:
    """Split at commas and blanks that are outside of brackets."""
    entries = []
    depth = 0
    start = 0
    for at, char in enumerate(text):
        if char == "[":
            depth += 1
        elif char == "]":
            depth = max(0, depth - 1)
        elif depth == 0 and char in ", \t\n\r":
            entries.append(text[start:at])
            start = at + 1
    entries.append(text[start:])
    return [entry for entry in entries if entry]


def _bounds(word: str, whole: str, limit: int) -> tuple[int, int, int]:
    """One word of a bracket -> low, high, width."""
    low, dash, high = word.partition("-")
    high = high.strip()
    if not low.isdecimal() or not low.isascii() or (high and not (high.isdecimal() and high.isascii())):
        raise HostlistError(whole, f"Invalid range: `{word}'")
    first = int(low)
    last = int(high) if dash and high else first
    if last < first:
        raise HostlistError(whole, f"Invalid range: `{word}'")
    if last - first + 1 > limit:
        raise HostlistError(whole, f"Too many hosts in range `{word}'")
    return first, last, len(low)


def _parts(entry: str, whole: str, limit: int) -> list[tuple[str, list[tuple[int, int, int]]]]:
    """`a[1-2]b[3]` -> [("a", [(1, 2, 1)]), ("b", [(3, 3, 1)])]; an entry without brackets gives one part, no ranges."""
    parts: list[tuple[str, str]] = []
    rest = entry
    while "[" in rest:
        before, _, rest = rest.partition("[")
        inside, closed, rest = rest.partition("]")
        if not closed or "[" in inside:
            raise HostlistError(whole)
        parts.append((before, inside))
    if not parts:
        return [(entry, [])]
    if rest:
        raise HostlistError(whole)
    # of several wrong brackets the last one is named
    return [(before, [_bounds(word, whole, limit) for word in inside.split(",")]) for before, inside in parts[::-1]][::-1]


def expand(text: str, limit: int = LIMIT) -> list[str]:
    """The names a host list stands for, in its order, duplicates kept.

    `limit` bounds each range and the product of an entry's brackets. Raises HostlistError.
    """
    return [head + digits for head, digits in _hosts(text, limit)]


def _hosts(text: str, limit: int) -> list[tuple[str, str]]:
    """The names as the text before their number, and its digits: those of the last bracket, else those at the name's end."""
    hosts: list[tuple[str, str]] = []
    for entry in _entries(text):
        if "[" not in entry:
            hosts.append(_split(entry))
            continue
        made = [("", "")]
        for before, ranges in _parts(entry, text, limit):
            if len(made) * sum(last - first + 1 for first, last, _ in ranges) > limit:
                raise HostlistError(text, f"Too many hosts in range `{entry}'")
            tails = [f"{n:0{width}d}" for first, last, width in ranges for n in range(first, last + 1)]
            made = [(head + digits + before, tail) for head, digits in made for tail in tails]
        hosts += made
    return hosts


def count(text: str) -> int:
    """How many names a host list stands for, without making them. Raises HostlistError."""
    total = 0
    for entry in _entries(text):
        product = 1
        for _, ranges in _parts(entry, text, LIMIT):
            if ranges:
                product *= sum(last - first + 1 for first, last, _ in ranges)
        if product > LIMIT:
            raise HostlistError(text, f"Too many hosts in range `{entry}'")
        total += product
    return total


def _split(name: str) -> tuple[str, str]:
    """A name -> text before its last digits, and those digits (empty where it does not end in digits)."""
    head = name.rstrip("0123456789")
    return head, name[len(head) :]


def fold(names: Iterable[str]) -> str:
    """The compressed form Slurm prints, keeping the order: n1 n2 n4 -> `n[1-2,4]`, a single name bare."""
    return _folded(_split(name) for name in names)


def _folded(hosts: Iterable[tuple[str, str]]) -> str:
    out: list[str] = []
    prefix = ""
    ranges: list[tuple[int, int, int]] = []

    def close() -> None:
        if not ranges:
            return
        words = [f"{a:0{w}d}" if a == b else f"{a:0{w}d}-{b:0{w}d}" for a, b, w in ranges]
        alone = len(words) == 1 and ranges[0][0] == ranges[0][1]
        out.append(prefix + (words[0] if alone else "[" + ",".join(words) + "]"))
        ranges.clear()

    for head, digits in hosts:
        if not digits:
            close()
            out.append(head)
            continue
        number = int(digits)
        if head != prefix:
            close()
            prefix = head
        if ranges:
            first, last, width = ranges[-1]
            if number == last + 1 and digits == f"{number:0{width}d}":
                ranges[-1] = (first, number, width)
                continue
        ranges.append((number, number, len(digits)))
    close()
    return ",".join(out)


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key under which r2 comes before r10; digits that begin with a zero compare as text, as in Slurm.

    Against other characters a number stands where its digits stand in ASCII.
    """
    key: list[tuple[int, int, str]] = []
    at = 0
    while at < len(text):
        end = at
        if text[at] in "0123456789":
            while end < len(text) and text[end] in "0123456789":
                end += 1
            run = text[at:end]
            key.append((48, -1, run) if run[0] == "0" else (48, int(run), ""))
        else:
            end = at + 1
            key.append((ord(text[at]), 0, ""))
        at = end
    return key


def sort_key(name: str) -> tuple[list[tuple[int, int, str]], int, int]:
    """The order of `scontrol show hostlistsorted`: prefix, then number of digits, then number."""
    return _host_key(_split(name))


def _host_key(host: tuple[str, str]) -> tuple[list[tuple[int, int, str]], int, int]:
    head, digits = host
    return _natural(head), len(digits), int(digits or 0)


def fold_sorted(names: Iterable[str]) -> str:
    """As `fold`, after sorting the names; duplicates stay."""
    return fold(sorted(names, key=sort_key))


def refold(text: str, in_order: bool = False) -> str:
    """A host list folded anew, its names as they come or sorted; duplicates stay. A number that stands in a bracket goes on
    no further than that: r1[01-02] is r1[01-02] and not r[101-102]. Raises HostlistError."""
    hosts = _hosts(text, LIMIT)
    return _folded(sorted(hosts, key=_host_key) if in_order else hosts)
