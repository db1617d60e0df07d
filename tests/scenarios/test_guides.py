"""What the guides say is done, command by command, and prints what they show."""

from __future__ import annotations

import ast
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgpu_slurm.base.error_codes import TEXT
from mgpu_slurm.facts import advice, complaints, reasons
from tests.kit import guides, processes
from tests.kit.cluster import Cluster, free_ports
from tests.kit.commands import BIN, ROOT, clean_environment
from tests.kit.embedded import Embedded
from tests.kit.guides import Shell

pytestmark = pytest.mark.ours

GUIDES = sorted((ROOT / "man" / "guides").glob("*.md"))
HOST = socket.gethostname().partition(".")[0]
ELSEWHERE = {"cluster": 3, "slurm": 1}
"""How many blocks of each guide name machines that are not here."""

GPU = {"workstation": 1}


def test_there_is_a_guide_for_each_way() -> None:
    assert {guide.stem for guide in GUIDES} == {"workstation", "cluster", "slurm", "security", "troubleshooting"}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_blocks_are_what_they_say(guide: Path) -> None:
    text = guide.read_text()
    page = guides.blocks(text)
    assert len(page) == text.count("```") // 2
    for block in page:
        assert block.kind in ("console", "file"), f"line {block.line}"
        assert block.kind == "file" or block.word in guides.WORDS, f"line {block.line}"
    count = [sum(block.word == word for block in page) for word in ("elsewhere", "gpu")]
    assert count == [ELSEWHERE.get(guide.stem, 0), GPU.get(guide.stem, 0)]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_links_lead_somewhere(guide: Path) -> None:
    text = guide.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, title = target.partition("#")
        there = (guide.parent / file).read_text() if file else text
        assert not title or re.search(rf"^#+ {title}$", there, re.M | re.I), target


def environment(base: dict[str, str]) -> dict[str, str]:
    return {**base, "PATH": f"{BIN}:{BIN / 'slurm'}:{base['PATH']}", "SLURM_TIME_FORMAT": ""}


def words(user: str, cwd: Path) -> dict[str, str]:
    """What the guides call this host, this user, the clone, a directory and ports."""
    found = {"box": HOST, "ann": user, "~/mgpu_slurm": str(ROOT), "/tmp/rehearsal": str(cwd)}
    found.update({str(7817 + at): str(port) for at, port in enumerate(free_ports(4))})
    return found


def done(name: str, shells: dict[str, Shell], cwd: Path, user: str) -> None:
    page = guides.blocks((ROOT / "man" / "guides" / f"{name}.md").read_text())
    able = {"gpu"} if os.path.exists("/dev/nvidia0") else set()
    try:
        wrong = guides.follow(page, shells, cwd, words(user, cwd), able)
    finally:
        for shell in shells.values():
            shell.close()
    assert not wrong, "\n".join(wrong)


def own_shell(embedded: Embedded) -> Shell:
    user = embedded.user
    return Shell(environment(embedded.environment()), user.home, user=user.uid, group=user.gid, extra_groups=user.groups)


def test_workstation(embedded: Embedded) -> None:
    done("workstation", {"": own_shell(embedded)}, embedded.user.home, embedded.user.name)


def test_cluster(tmp_path: Path) -> None:
    try:
        done("cluster", {"": Shell(environment(clean_environment()), tmp_path)}, tmp_path, "root")
    finally:
        processes.kill(processes.mentioning(str(tmp_path)))


def on_a_cluster(name: str, embedded: Embedded | None = None) -> None:
    with Cluster.up(2, 4, compat="") as cluster:
        place = cluster.directory / "work" / name
        place.mkdir()
        shells = {"": Shell(environment(cluster.environment()), place)}
        if embedded is not None:
            shells["own"] = own_shell(embedded)
        done(name, shells, place, embedded.user.name if embedded else "root")


def test_slurm() -> None:
    on_a_cluster("slurm")


def test_security(embedded: Embedded) -> None:
    on_a_cluster("security", embedded)


def test_troubleshooting() -> None:
    on_a_cluster("troubleshooting")


# --- every error and every reason ------------------------------------------------------------------------------------


def rows(title: str, end: str) -> dict[str, list[str]]:
    text = (ROOT / "man" / "guides" / "troubleshooting.md").read_text()
    part = text.partition(f"\n## {title}\n")[2].partition(end)[0]
    lines = [line for line in part.splitlines() if line.startswith("| ") and "what to do" not in line]
    found = [re.split(r"(?<!\\) ?\| ?", line)[1:-1] for line in lines]
    return {cells[0]: cells for cells in found}


def test_every_error_has_advice() -> None:
    assert set(advice.CODES) == set(TEXT), "a new error number needs a line in facts/advice.py"
    shown = rows("Errors", "\n## ")
    assert set(shown) == {str(number) for number in TEXT}
    assert all(len(cells) == 3 and all(cells) for cells in shown.values())


GIVING_UP = {"StoreError", "StoreDamaged", "KeyFileError", "StartFailed", "IdentityError"}


def sentences() -> Iterator[str]:
    """The texts with which these errors are raised, X for what is filled in."""
    for file in sorted((ROOT / "mgpu_slurm").rglob("*.py")):
        tree = ast.parse(file.read_text())
        texts = {
            node.targets[0].id: node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and getattr(node.exc.func, "id", "") in GIVING_UP:
                made = literal(node.exc.args[0], texts)
                assert made != "X", f"{file}:{node.lineno}: a text that cannot be read here"
                yield made


def literal(node: ast.expr, texts: dict[str, ast.expr]) -> str:
    """A text as it stands in the source."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(part, texts) for part in node.values)
    if isinstance(node, ast.BinOp):
        return literal(node.left, texts) + literal(node.right, texts)
    if isinstance(node, ast.Name) and node.id in texts:
        return literal(texts[node.id], {})
    return "X"


def test_every_sentence_has_advice() -> None:
    found = list(sentences())
    assert len(found) > 15
    patterns = {key: re.compile(re.escape(key).replace(re.escape("..."), ".+")) for key in advice.SENTENCES}
    lost = [text for text in found if not any(known.fullmatch(text) for known in patterns.values())]
    assert not lost, "a new sentence needs a line in facts/advice.py"
    idle = [key for key, known in patterns.items() if not any(known.fullmatch(text) for text in found)]
    assert idle == ["cannot listen on port ...: ..."], "raised with the system's own error"
    assert len(rows("Sentences", "\n## ")) == len(advice.SENTENCES)


def said(node: ast.expr) -> Iterator[str]:
    """The texts of an argument: one, or a list of texts and of (level, text); "" is for those that are somebody else's."""
    if isinstance(node, ast.List):
        for one in node.elts:
            yield from said(one)
    elif isinstance(node, ast.Tuple):
        yield from said(node.elts[-1])
    elif not isinstance(node, ast.Starred):
        made = literal(node, {})
        yield "" if made.strip("X: ") == "" else made


COMPLAINTS: dict[str, tuple[dict[str, str], dict[str, int], str]] = {
    # kind of complaint: (its table, who makes it and in which argument, in which files)
    "Arguments": (complaints.ARGUMENTS, {"UsageError": 0}, "*.py"),
    "Configurations": (complaints.CONFIGURATION, {"ConfigError": 2}, "*.py"),
    "Hosts": (
        complaints.CLUSTER,
        {"HostError": 0, "Refused": 0, "RecordError": 0, "RouteError": 0, "BundleError": 0, "SurveyError": 0, "WordError": 0}
        | {"CertificateError": 0, "Finding": 2, "fail": 0},
        "deploy/*.py",
    ),
}


@pytest.mark.parametrize("title", COMPLAINTS)
def test_every_complaint_has_advice(title: str) -> None:
    table, makers, files = COMPLAINTS[title]
    found = set()
    for file in sorted((ROOT / "mgpu_slurm").rglob(files)):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in makers:
                found |= set(said(node.args[makers[node.func.id]]))  # type: ignore[attr-defined]
    if title == "Configurations":  # what is behind the line is raised by those who read values
        for file in (ROOT / "mgpu_slurm/intake").glob("conf*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ValueError":
                    found |= set(said(node.args[0]))
    found.discard("")
    specific = {key: row for key, row in table.items() if key.strip(".: ")}
    lost = sorted(text for text in found if not complaints.advice(specific, text))
    # of arguments a few may have no row of their own: they name the option, and what to do is the same for all
    most = len(found) // 8 if "..." in table else 0
    assert len(lost) <= most, f"new complaints need rows in facts/complaints.py: {lost}"
    shown = rows(title, "\n## ")
    assert len(shown) == len(table)
    assert all(len(cells) == 2 and all(cells) for cells in shown.values())


def test_every_reason_has_advice() -> None:
    shown = rows("Reasons", "\n## ")
    assert set(shown) == {*reasons.REASONS, *reasons.ONLY_22_05}
    for word, cells in shown.items():
        assert advice.reason(word), f"a new reason needs a line in facts/advice.py: {word}"
        assert len(cells) == 3
        assert all(cells)
    assert advice.reason("nonsense") == ""
