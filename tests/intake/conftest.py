from __future__ import annotations

import pytest


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests: some options are root's alone."""
    monkeypatch.setattr("os.getuid", lambda: 0)
