"""`--constraint`: an expression over node features -> a tree. Pure; client, controller and scheduler read the same way.

    a&b   a,b   both                    a|b      either
    [a|b]       all nodes the same one  a*2&b*1  that many nodes with each
    (a&b)|c     grouping

Operators of one level are taken from left to right, as Slurm does; `,` is `&`. There is no "not".
"""

from __future__ import annotations

from mgpu_slurm.base.errors import SlurmError

ESLURM_INVALID_FEATURE = 2029

# Deeper nesting is no request of a person, and would exhaust the reader's own stack.
MAX_DEPTH = 32

FEATURE, AND, OR, SAME, COUNT = "feature", "and", "or", "same", "count"


class Term:
    """A node of the tree. `op` FEATURE: `name`; AND, OR: `parts`; SAME (brackets) and COUNT (`number` nodes): one part."""

    __slots__ = ("name", "number", "op", "parts")

    def __init__(self, op: str, name: str = "", parts: tuple[Term, ...] = (), number: int = 0) -> None:
        self.op = op
        self.name = name
        self.parts = parts
        self.number = number

    def features(self) -> list[str]:
        """The names in the expression, in order, each once."""
        if self.op == FEATURE:
            return [self.name]
        return list(dict.fromkeys(name for part in self.parts for name in part.features()))

    @property
    def text(self) -> str:
        """The expression in words that parse reads to the same tree."""
        if self.op == FEATURE:
            return self.name
        if self.op == SAME:
            return f"[{self.parts[0].text}]"
        if self.op == COUNT:
            inner = self.parts[0]
            return f"({inner.text})*{self.number}" if inner.op == COUNT else f"{_grouped(inner)}*{self.number}"
        sign = "&" if self.op == AND else "|"
        return sign.join(_grouped(part) for part in self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Term) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Term({self.text})"


def parse(text: str) -> Term | None:
    """The tree of an expression, None for an empty one. Raises SlurmError 2029."""
    if not text:
        return None
    term, place = _expression(text, 0, "", 0)
    if place != len(text):
        raise SlurmError(ESLURM_INVALID_FEATURE)
    return term


def _grouped(term: Term) -> str:
    return f"({term.text})" if term.op in (AND, OR) else term.text


def _expression(text: str, place: int, closing: str, depth: int) -> tuple[Term, int]:
    if depth > MAX_DEPTH:
        raise SlurmError(ESLURM_INVALID_FEATURE)
    left, place = _operand(text, place, depth)
    while place < len(text) and text[place] in "&|,":
        op = OR if text[place] == "|" else AND
        right, place = _operand(text, place + 1, depth)
        parts = (*left.parts, right) if left.op == op else (left, right)
        left = Term(op, parts=parts)
    if closing:
        if place >= len(text) or text[place] != closing:
            raise SlurmError(ESLURM_INVALID_FEATURE)
        place += 1
    return left, place


def _operand(text: str, place: int, depth: int) -> tuple[Term, int]:
    if place >= len(text):
        raise SlurmError(ESLURM_INVALID_FEATURE)
    mark = text[place]
    if mark in "([":
        term, place = _expression(text, place + 1, ")" if mark == "(" else "]", depth + 1)
        if mark == "[":
            term = Term(SAME, parts=(term,))
    else:
        start = place
        while place < len(text) and text[place] not in "&|,*()[]! \t":
            place += 1
        if place == start:
            raise SlurmError(ESLURM_INVALID_FEATURE)
        term = Term(FEATURE, name=text[start:place])
    if place < len(text) and text[place] == "*":
        start = place = place + 1
        while place < len(text) and "0" <= text[place] <= "9":
            place += 1
        number = int(text[start:place]) if place > start else 0
        if number == 0:
            raise SlurmError(ESLURM_INVALID_FEATURE)
        term = Term(COUNT, parts=(term,), number=number)
    return term, place
