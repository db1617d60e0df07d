"""A place for steps under the real launcher."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.steps import Place


@pytest.fixture
def place() -> Iterator[Place]:
    # Below /tmp itself: pytest's own directories are closed to other users.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="mgpu-test-") as name:
        os.chmod(name, 0o755)
        made = Place(Path(name))
        yield made
        made.launcher.close()
