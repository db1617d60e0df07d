"""Does a node, or a set of nodes, satisfy a --constraint expression?

A bracket asks that all nodes share one of its alternatives; counts ask for so many nodes with a feature. Both are decided
over sets of nodes: `alternatives` turns an expression into the node filters that placement tries one after the other.
"""

from __future__ import annotations

from functools import lru_cache

from mgpu_slurm.intake.constraint import AND, COUNT, FEATURE, OR, SAME, Term, parse


@lru_cache(maxsize=1024)
def tree(text: str) -> Term | None:
    return parse(text) if text else None


def satisfied(term: Term | None, features: frozenset[str]) -> bool:
    """For one node, with counts and brackets read as plain groups."""
    if term is None:
        return True
    if term.op == FEATURE:
        return term.name in features
    if term.op == AND:
        return all(satisfied(part, features) for part in term.parts)
    if term.op == OR or term.op == SAME:
        return any(satisfied(part, features) for part in term.parts)
    return satisfied(term.parts[0], features)


@lru_cache(maxsize=1024)
def alternatives(text: str) -> tuple[Term | None, ...]:
    """The expressions to try in order, each of which every node of the job must satisfy."""
    term = tree(text)
    if term is not None and term.op == SAME and term.parts[0].op == OR:
        return term.parts[0].parts
    if term is not None and counted(text):
        return (Term(OR, parts=tuple(part for part, _ in counted(text))),)
    return (term,)


@lru_cache(maxsize=1024)
def counted(text: str) -> tuple[tuple[Term, int], ...]:
    """(expression, nodes) of a constraint made of counts, e.g. a*2&b*1; () for any other."""
    term = tree(text)
    if term is None:
        return ()
    if term.op == SAME:
        term = term.parts[0]
    parts = term.parts if term.op == AND else (term,)
    if all(part.op == COUNT for part in parts):
        return tuple((part.parts[0], part.number) for part in parts)
    return ()
