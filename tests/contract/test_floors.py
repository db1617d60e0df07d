"""Imports point one way, so that a room can be read, tested and changed knowing only what lies below it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "mgpu_slurm"

# Room -> what it may import of the package. Where a room is named with a module, only that module.
FLOORS: dict[str, frozenset[str]] = {
    "base": frozenset(),
    "facts": frozenset({"base"}),
    "intake": frozenset({"base", "facts"}),
    "records": frozenset({"base", "facts"}),
    "wire": frozenset({"base"}),
    "sched": frozenset({"base", "facts", "records", "intake"}),
    "store": frozenset({"base", "facts", "records"}),
    "controller": frozenset({"base", "facts", "intake", "records", "wire", "sched", "store"}),
    "node": frozenset({"base", "facts", "intake", "records", "wire", "sched.layout"}),
    "commands": frozenset(
        {"base", "facts", "intake", "wire.client", "wire.frames", "wire.passing", "wire.jsontext", "wire.keyspace"}
        | {"wire.machine", "wire.sink"}
    ),
    "deploy": frozenset({"base", "facts", "intake"}),
}
MORE = {"wire.messages": {"records"}, "wire.server": {"records"}}
EVERYWHERE = {"", "boot"}
"""The package itself (its version), and the way to start a program, which imports nothing of it until it does."""
TOP = {"__main__", "boot", ""}

FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if "migrations" not in file.parts]


def name_of(file: Path) -> str:
    """ "wire.client" for mgpu_slurm/wire/client.py, "wire" for the room itself."""
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(file) for file in FILES}


def imports(tree: ast.AST, typed: bool) -> Iterator[str]:
    """Modules of the package that a file imports. Without `typed`, only what is imported when the file is."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if not typed:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                continue
        stack += ast.iter_child_nodes(node)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            if node.module == "mgpu_slurm" or (node.module or "").startswith("mgpu_slurm."):
                base = node.module.partition(".")[2] if node.module else ""
                for alias in node.names:
                    inner = f"{base}.{alias.name}".lstrip(".")
                    yield inner if inner in NAMES else base
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("mgpu_slurm"):
                    yield alias.name.partition(".")[2]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below(file: Path) -> None:
    name = name_of(file)
    room = name.partition(".")[0]
    if name in TOP:
        return
    allowed = FLOORS[room] | MORE.get(name, set()) | EVERYWHERE
    for target in imports(ast.parse(file.read_text()), typed=True):
        if target.partition(".")[0] == room or (room in ("commands", "deploy") and target == "__main__"):
            continue
        parts = target.split(".")
        prefixes = {".".join(parts[:count]) for count in range(len(parts) + 1)}
        assert prefixes & (allowed - {""}) or target == "", f"{name} imports {target}"


@pytest.mark.parametrize("room", sorted(FLOORS))
def test_no_cycles_within_a_room(room: str) -> None:
    graph = {
        name_of(file): {target for target in imports(ast.parse(file.read_text()), typed=False) if target.startswith(room + ".")}
        for file in FILES
        if name_of(file).startswith(room + ".")
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name not in done:
            for target in graph.get(name, ()):
                visit(target, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_every_room_has_a_floor() -> None:
    rooms = {name_of(file).partition(".")[0] for file in FILES} - TOP
    assert rooms <= set(FLOORS)
