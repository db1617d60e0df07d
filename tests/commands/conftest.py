from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.commands.fake import FakeSession, oracle


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def session() -> FakeSession:
    return FakeSession(oracle())
