"""No file of the repository names the machine it was written on, or a place from which packages come."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Put together here, so that this file does not name them itself.
NEVER = ["/".join(["", "work", place]) for place in ("main", "shared")] + ["/".join(["", "tmp", "brief"]), "../" + "shared"]
NEVER += [".".join(words) for words in (("pypi", "org"), ("pythonhosted", "org"))]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_this_machine() -> None:
    words = [word.encode() for word in NEVER]
    if len(ROOT.parts) > 2:
        words.append(str(ROOT).encode())
    for file in tracked():
        text = file.read_bytes()
        found = [word for word in words if word in text]
        assert not found, f"{file}: {found}"


def test_python_files_compile_and_end_with_a_line() -> None:
    for file in tracked():
        if file.suffix == ".py":
            text = file.read_text()
            compile(text, str(file), "exec")
            assert not text or text.endswith("\n"), file
